"""Pictures of a codebook."""

import numpy as np
import pytest
from PIL import Image

from sequela.core import InvalidInputError
from sequela.render.codebook import code_overlay, codebook_sheet, correlation_sheet


def test_the_most_used_code_comes_first(tmp_path):
    codes = np.full((2, 4, 4, 4), -1000.0, np.float32)
    codes[1] = 400.0
    codebook_sheet(codes, np.array([0.1, 0.9]), tmp_path / "codes.png", columns=2)
    with Image.open(tmp_path / "codes.png") as picture:
        width = picture.size[0]
        assert picture.info["synthetic"] == "true"
        row = np.asarray(picture.convert("L"))[30]
    assert row[width // 4] == 255
    assert row[3 * width // 4] == 0


def test_only_labelled_pixels_are_coloured():
    plane = np.full((2, 2), 100, np.uint8)
    made = code_overlay(plane, np.array([[0, 1], [2, 0]]))
    assert made[0, 0].tolist() == [100, 100, 100]
    assert made[0, 1].tolist() == [178, 135, 40]  # 0.4 x 100 + 0.6 x orange
    assert made[1, 0].tolist() != made[0, 1].tolist()
    with pytest.raises(InvalidInputError, match="at most 7"):
        code_overlay(plane, np.full((2, 2), 8))


def test_correlations_have_one_tile_for_each_pair(tmp_path):
    matrix = np.array([[1.0, -1.0], [-1.0, np.nan]])
    correlation_sheet(matrix, ["3", "8"], tmp_path / "pairs.png")
    with Image.open(tmp_path / "pairs.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    colours = {tuple(c) for c in pixels.reshape(-1, 3)}
    assert {(178, 24, 43), (33, 102, 172), (90, 90, 90)} <= colours
    with pytest.raises(InvalidInputError, match="`names` must be one for each of 2"):
        correlation_sheet(matrix, ["3"], tmp_path / "pairs.png")
