"""Video files back to frames."""

import numpy as np
import pytest

from sequela.core import InvalidInputError, UnreadableFileError, Video
from sequela.io.films import read_film
from sequela.render import write_video
from tests.training.tiny_clips import frame, gif


def test_a_film_is_read_frame_by_frame(tmp_path):
    frames = list(read_film(gif(tmp_path / "film.gif", 7)))
    assert len(frames) == 7
    assert all(shown.shape == (32, 32, 3) for shown in frames)
    assert np.abs(frames[3][..., 1].astype(int) - frame(0.5)).max() < 8


def test_a_film_sequela_wrote_is_read_back(tmp_path):
    shown = np.stack([frame(p) for p in np.linspace(0, 1, 9)])
    video = Video(frames=shown, fps=16.0, engine="flow", frames_per_transition=9)
    write_video(video, tmp_path / "film.mp4", None)
    frames = np.stack(list(read_film(tmp_path / "film.mp4")))
    assert frames.shape == (9, 32, 32, 3)
    assert np.abs(frames[..., 0].astype(float) - shown).mean() < 4


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "does not exist"), (b"", "no film"), (b"no film at all" * 30, "no film, or damaged")],
)
def test_what_is_no_film_is_refused(tmp_path, content, sentence):
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=sentence):
        list(read_film(path))


def test_a_thumbnail_of_a_film_is_refused(tmp_path):
    from PIL import Image

    pictures = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 200)]
    pictures[0].save(tmp_path / "dot.gif", save_all=True, append_images=pictures[1:])
    with pytest.raises(InvalidInputError, match="at least 16x16"):
        list(read_film(tmp_path / "dot.gif"))
