"""Which frames of a clip a network is shown, and which of them it knows."""

import pytest
import torch

from sequela.training.windows import draw_window, least_frames, whole_window


def _windows(available, places, kind, *, held=0.0, count=60):
    generator = torch.Generator().manual_seed(0)
    return [
        draw_window(available, places, kind, held=held, generator=generator) for _ in range(count)
    ]


@pytest.mark.parametrize("available", [5, 9, 20])
def test_windows_are_evenly_spaced_and_within_the_clip(available):
    seen = set()
    for window in _windows(available, 5, "onelast1"):
        steps = {
            after - before for before, after in zip(window.frames, window.frames[1:], strict=False)
        }
        assert len(steps) == 1
        assert 0 <= window.frames[0] < window.frames[-1] < available
        seen.add((window.frames[0], window.frames[-1]))
    assert len(seen) > 3 or available == 5
    assert any(first == 0 for first, _ in seen)
    assert any(last == available - 1 for _, last in seen)


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [
        ("onelast1", [0, 1, 1, 1, 1, 0]),
        ("onelast2", [0, 0, 1, 1, 0, 0]),
        ("first1", [0, 1, 1, 1, 1, 1]),
        ("first3", [0, 0, 0, 1, 1, 1]),
        ("all", [1, 1, 1, 1, 1, 1]),
    ],
)
def test_the_published_masks_say_what_is_unknown(kind, unknown):
    for window in _windows(6, 6, kind, count=5):
        assert window.unknown.tolist() == unknown


def test_short_clips_hold_their_ends_as_they_do_when_drawn():
    window = whole_window(4, 8, "onelast1")
    assert window.frames == [0, 0, 0, 1, 2, 3, 3, 3]
    assert window.unknown.tolist() == [0, 0, 0, 1, 1, 0, 0, 0]


def test_what_is_held_beyond_an_unknown_end_is_unknown():
    window = whole_window(4, 6, "first1")
    assert window.frames == [0, 0, 1, 2, 3, 3]
    assert window.unknown.tolist() == [0, 0, 1, 1, 1, 1]


def test_some_windows_are_drawn_as_shorter_clips():
    windows = _windows(6, 6, "onelast1", held=1.0)
    lengths = {len(set(window.frames)) for window in windows}
    assert lengths == {3, 4, 5, 6}
    assert all(0 < float(window.unknown.sum()) < 6 for window in windows)
    assert all(len(set(w.frames)) == 6 for w in _windows(6, 6, "onelast1", held=0.0))


def test_a_mask_needs_frames_enough_to_leave_one_unknown():
    assert [least_frames(kind) for kind in ("all", "first1", "onelast1", "onelast2")] == [
        2,
        2,
        3,
        5,
    ]
