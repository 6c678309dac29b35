from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sequela.core import DISCLAIMER, InvalidInputError, OutputError
from sequela.render import contact_sheet


def test_a_sheet_holds_every_image_in_its_own_values(tmp_path: Path) -> None:
    images = [np.full((40, 50), 10 * n, np.uint8) for n in range(1, 6)]
    path = contact_sheet(images, list("abcde"), tmp_path / "sheet.png", columns=3)
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
        assert sheet.info["Comment"] == DISCLAIMER
    for n in range(1, 6):
        assert (pixels == 10 * n).all(axis=-1).sum() >= 40 * 50


def test_colour_grey_and_different_sizes_share_a_sheet(tmp_path: Path) -> None:
    images = [np.full((20, 30), 200, np.uint8), np.full((41, 21, 3), (250, 10, 10), np.uint8)]
    path = contact_sheet(images, ["grey", "a label too long for it"], tmp_path / "s.png", columns=9)
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
    assert (pixels == (250, 10, 10)).all(axis=-1).sum() == 41 * 21


def test_a_missing_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="`labels` must be one for each"):
        contact_sheet([np.zeros((4, 4), np.uint8)], [], tmp_path / "s.png", columns=1)


def test_a_folder_that_is_not_there_is_named_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"sheet\.png could not be written"):
        contact_sheet([np.zeros((4, 4), np.uint8)], ["a"], tmp_path / "no" / "sheet.png", columns=1)
