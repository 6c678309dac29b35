from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import chest, film
from PIL import Image, ImageSequence

from sequela.core import DISCLAIMER, InvalidInputError, OutputError, Video
from sequela.render import write_video

STATES = [chest(96, opacity) for opacity in (0, 0.5, 1)]


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_n_clips_of_k_frames_give_n_times_k_less_one_plus_one_frames(tmp_path: Path) -> None:
    write_video(film(STATES, 12), tmp_path / "video.mp4", None)
    assert len(decoded(tmp_path / "video.mp4")) == 2 * 11 + 1
    assert not (tmp_path / "video.gif").exists()


def test_clip_ends_are_the_states_they_join(tmp_path: Path) -> None:
    write_video(film(STATES, 12), tmp_path / "video.mp4", None)
    frames = decoded(tmp_path / "video.mp4")
    for state, frame in zip(STATES, frames[::11], strict=True):
        difference = np.abs(frame.mean(axis=-1) - state.astype(float))
        assert difference.mean() < 2
        assert np.abs(frame.mean() - state.mean()) < 0.7


def test_colours_survive_the_way_through_the_codec(tmp_path: Path) -> None:
    flat = np.full((3, 32, 48, 3), (200, 90, 40), np.uint8)
    video = Video(frames=flat, fps=8, engine="latent", frames_per_transition=3)
    write_video(video, tmp_path / "video.mp4", None)
    with av.open(str(tmp_path / "video.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)
        picture = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(picture.astype(int) - flat[0]).max() <= 4


def test_browsers_get_h264_yuv420p_with_the_index_first(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    write_video(film(STATES, 3), path, None)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 16
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_film_says_that_it_is_synthetic(tmp_path: Path) -> None:
    write_video(film(STATES, 3), tmp_path / "video.mp4", tmp_path / "video.gif")
    with av.open(str(tmp_path / "video.mp4")) as container:
        assert container.metadata["comment"] == DISCLAIMER
        assert container.metadata["synthetic"] == "true"
    with Image.open(tmp_path / "video.gif") as gif:
        assert gif.info["comment"] == DISCLAIMER.encode()


@pytest.mark.parametrize(("height", "width"), [(33, 47), (32, 47), (33, 48), (1, 1)])
def test_odd_sizes_are_padded_by_their_own_edge(tmp_path: Path, height: int, width: int) -> None:
    frames = np.full((4, height, width), 140, np.uint8)
    video = Video(frames=frames, fps=16, engine="latent", frames_per_transition=4)
    write_video(video, tmp_path / "video.mp4", None)
    picture = decoded(tmp_path / "video.mp4")[0]
    assert picture.shape[:2] == (height + height % 2, width + width % 2)
    assert np.abs(picture.astype(int) - 140).max() <= 3


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_video(film(STATES, 4), tmp_path / f"{name}.mp4", tmp_path / f"{name}.gif")
    for kind in ("mp4", "gif"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_gif_lasts_as_long_as_the_film(tmp_path: Path) -> None:
    video = film(STATES, 9, fps=16)
    write_video(video, tmp_path / "video.mp4", tmp_path / "video.gif")
    with Image.open(tmp_path / "video.gif") as gif:
        lasts = sum(frame.info["duration"] for frame in ImageSequence.Iterator(gif))
    assert lasts == pytest.approx(1000 * len(video.frames) / 16, abs=10)


@pytest.mark.parametrize("frames", [np.zeros((2, 8, 8), np.float32), np.zeros((8, 8), np.uint8)])
def test_frames_in_stored_units_are_refused(tmp_path: Path, frames: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="`frames` must be uint8"):
        write_video(replace(film(STATES, 3), frames=frames), tmp_path / "video.mp4", None)


def test_a_folder_that_is_not_there_is_named_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"video\.mp4 could not be written"):
        write_video(film(STATES, 3), tmp_path / "no" / "video.mp4", None)
