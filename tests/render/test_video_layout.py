from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import EIGHT_BIT

from sequela.core import DrawnFrames, InvalidInputError, Trajectory, UnknownNameError
from sequela.render import STAMP_TEXT, VideoStyle, laid_out, save_run, stamp
from sequela.render.video_layout import label


def pictures(trajectory: Trajectory, **style: object) -> np.ndarray:
    return np.asarray(laid_out(trajectory, VideoStyle(**style)).frames)


def test_a_plain_style_leaves_the_film_as_it_is(trajectory: Trajectory) -> None:
    assert laid_out(trajectory, VideoStyle()) is trajectory.video


def test_side_by_side_holds_the_baseline_and_every_frame_untouched(trajectory: Trajectory) -> None:
    shown = pictures(trajectory, layout="side-by-side")
    frames = trajectory.video.frames
    width = frames.shape[2]
    assert shown.shape == (len(frames), frames.shape[1], 2 * width + 4)
    assert np.array_equal(shown[:, :, width + 4 :], frames)
    assert all(np.array_equal(left, frames[0]) for left in shown[:, :, :width])


def test_the_difference_is_ink_where_nothing_moved_and_bright_where_it_did(
    trajectory: Trajectory,
) -> None:
    shown = pictures(trajectory, layout="difference")
    width = trajectory.video.frames.shape[2]
    left, right = shown[:, :, :width], shown[:, :, width + 4 :].astype(int).sum(axis=-1)
    assert np.array_equal(left[..., 0], trajectory.video.frames)
    change = np.abs(trajectory.video.frames[-1].astype(int) - trajectory.video.frames[0])
    assert np.all(right[0] == right[0, 0, 0])
    assert right[-1][change == change.max()].min() > 3 * right[0, 0, 0]


def test_labels_stand_above_the_frames_and_change_in_the_middle_of_a_clip(
    trajectory: Trajectory,
) -> None:
    shown = pictures(trajectory, labelled=True)
    frames = trajectory.video.frames
    band = shown.shape[1] - frames.shape[1]
    assert band > 0
    assert band % 2 == 0
    assert np.array_equal(shown[:, band:], frames)
    bands = shown[:, :band]
    changes = [n for n in range(1, len(bands)) if not np.array_equal(bands[n], bands[n - 1])]
    assert changes == [2, 6, 10]  # clips of 5 frames: the middle frame belongs to the later state


def test_a_label_says_how_a_time_is_known(trajectory: Trajectory) -> None:
    timed = trajectory.with_asserted_horizon(0.5)
    assert label(timed.states[0], timed.main) == "Baseline"
    assert label(trajectory.states[1], trajectory.main) == "Step 1, simulated"
    assert label(timed.states[3], timed.main) == "Step 3, simulated, +183 days (asserted)"


def test_the_stamp_touches_the_bottom_rows_only(trajectory: Trajectory) -> None:
    shown = pictures(trajectory, stamped=True)
    frames = trajectory.video.frames
    assert STAMP_TEXT
    assert all(np.array_equal(s, stamp(f, EIGHT_BIT)) for s, f in zip(shown, frames, strict=True))
    assert np.array_equal(shown[:, :60], frames[:, :60])
    assert not np.array_equal(shown, frames)


def test_colour_films_take_every_layout(trajectory: Trajectory) -> None:
    frames = np.repeat(trajectory.video.frames[..., None], 3, axis=-1)
    colour = replace(trajectory, video=replace(trajectory.video, frames=frames))
    for layout in ("side-by-side", "difference"):
        shown = pictures(colour, layout=layout, labelled=True, stamped=True)
        assert shown.shape[0] == len(frames)
        assert shown.shape[-1] == 3


def test_an_unknown_layout_and_a_run_without_film_are_refused(trajectory: Trajectory) -> None:
    with pytest.raises(UnknownNameError, match="side-by-side"):
        VideoStyle(layout="side-by-sid")
    with pytest.raises(InvalidInputError, match="must have a video"):
        laid_out(replace(trajectory, video=None), VideoStyle(labelled=True))


def test_a_saved_run_has_its_film_in_the_style(trajectory: Trajectory, tmp_path: Path) -> None:
    import av

    save_run(trajectory, tmp_path / "run", style=VideoStyle(layout="side-by-side", labelled=True))
    with av.open(str(tmp_path / "run" / "video.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.frames == len(trajectory.video.frames)
        assert stream.width == 2 * 96 + 4


def test_drawn_frames_are_an_array_that_is_drawn_anew_each_time() -> None:
    passes = []

    def draw():
        passes.append(1)
        return (np.full((4, 5), n, np.uint8) for n in range(3))

    frames = DrawnFrames(shape=(3, 4, 5), draw=draw)
    assert len(frames) == 3
    assert np.asarray(frames).shape == (3, 4, 5)
    assert [frame[0, 0] for frame in frames] == [0, 1, 2]
    assert len(passes) == 2


@pytest.mark.parametrize(
    ("shape", "told"), [((4, 4, 5), "must yield 4 frames, got 3"), ((3, 4, 4), "shape")]
)
def test_drawn_frames_that_are_not_as_promised_are_refused(shape, told) -> None:
    frames = DrawnFrames(shape=shape, draw=lambda: (np.full((4, 5), n, np.uint8) for n in range(3)))
    with pytest.raises(InvalidInputError, match=told):
        np.asarray(frames)
