"""Every unreadable input gives one sentence: which file, which rule, which remedy."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from sequela.core import InvalidInputError, SequelaError, UnreadableFileError
from sequela.io import find_images, read_array, read_region_file, read_scan
from tests.io.samples import dicom_bytes, ramp, save_picture

DOORS = [read_scan, read_region_file, read_array]


@pytest.mark.parametrize("door", DOORS)
def test_a_missing_file_is_named_without_its_folder(tmp_path, door):
    with pytest.raises(UnreadableFileError, match=r": missing\.png does not exist\. Check") as info:
        door(tmp_path / "missing.png")
    assert str(tmp_path) not in str(info.value)


@pytest.mark.parametrize("door", DOORS)
def test_a_folder_is_no_image(tmp_path, door):
    with pytest.raises(UnreadableFileError, match="is a folder"):
        door(tmp_path)


@pytest.mark.parametrize("door", DOORS)
def test_an_empty_file_is_refused(tmp_path, door):
    (tmp_path / "a.png").touch()
    with pytest.raises(UnreadableFileError, match=r"a\.png is empty"):
        door(tmp_path / "a.png")


@pytest.mark.parametrize("door", DOORS)
def test_a_text_named_png_is_recognised(tmp_path, door):
    (tmp_path / "a.png").write_text("no picture at all\n" * 9)
    with pytest.raises(UnreadableFileError, match=r"a\.png holds text, whatever its name says"):
        door(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_a_truncated_picture_is_refused(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    path = save_picture(tmp_path / "a.x", noise, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UnreadableFileError, match=r"a\.x is a damaged") as info:
        read_scan(path)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.99])
def test_a_truncated_dicom_is_refused(tmp_path, share):
    data = dicom_bytes(ramp(64, 64, "uint16"))
    (tmp_path / "a.dcm").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UnreadableFileError, match=r"a\.dcm is a (damaged )?DICOM file"):
        read_scan(tmp_path / "a.dcm")


def test_random_bytes_after_a_dicom_mark_are_refused(tmp_path):
    noise = np.random.default_rng(0).bytes(5000)
    (tmp_path / "a.dcm").write_bytes(bytes(128) + b"DICM" + noise)
    with pytest.raises(UnreadableFileError):
        read_scan(tmp_path / "a.dcm")


@pytest.mark.parametrize("size", [(1, 1), (15, 400)])
def test_a_tiny_image_is_refused(tmp_path, size):
    path = save_picture(tmp_path / "a.png", ramp(*size))
    with pytest.raises(InvalidInputError, match="at least 16x16 pixels"):
        read_scan(path)


@pytest.mark.parametrize(("width", "height"), [(10_000, 6000), (20_000, 10_000)])
def test_an_image_above_50_megapixels_is_refused_before_it_is_unpacked(tmp_path, width, height):
    Image.new("1", (width, height)).save(tmp_path / "a.png")
    with pytest.raises(InvalidInputError, match="50 megapixels"):
        read_scan(tmp_path / "a.png")


def test_nan_in_a_picture_is_refused(tmp_path):
    array = ramp().astype(np.float32)
    array[0, 0] = np.inf
    with pytest.raises(InvalidInputError, match="holds 1 NaN or infinite"):
        read_scan(save_picture(tmp_path / "a.tif", array, "TIFF"))


def test_a_gif_is_of_an_unknown_kind(tmp_path):
    path = save_picture(tmp_path / "a.gif", ramp(), "GIF")
    with pytest.raises(UnreadableFileError, match="unknown kind"):
        read_scan(path)


def test_a_name_with_a_nul_is_refused():
    with pytest.raises(UnreadableFileError, match="cannot be opened"):
        read_scan("a\0.png")


def volume_bytes():
    volume = np.arange(17 * 18 * 19, dtype=np.int16).reshape(17, 18, 19)
    return nibabel.Nifti1Image(volume, np.eye(4)).to_bytes()


def bundled_bytes(name):
    return Path(get_testdata_file(name, download=False)).read_bytes()


@pytest.mark.parametrize(
    "kind",
    ["PNG", "JPEG", "TIFF", "CT_small.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "nifti"],
)
def test_whatever_the_damage_only_our_own_errors_come_out(tmp_path, kind):
    if kind.endswith(".dcm"):
        whole = bundled_bytes(kind)
    elif kind == "nifti":
        whole = volume_bytes()
    else:
        whole = save_picture(tmp_path / "whole", ramp(), kind).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged"
    for _ in range(60):
        data = np.frombuffer(whole, np.uint8).copy()
        reach = min(len(data), int(rng.choice([64, 400, 2000, 10**6])))
        places = rng.integers(0, reach, rng.choice([1, 5, 20]))
        data[places] = rng.integers(0, 256, len(places))
        path.write_bytes(data.tobytes())
        for door in DOORS:
            try:
                door(path)
            except SequelaError as error:
                assert "\n" not in str(error)  # noqa: PT017  # some damage is harmless


def test_a_file_gives_itself(tmp_path):
    path = save_picture(tmp_path / "a.png", ramp())
    assert find_images(path) == [path]


def test_a_folder_gives_its_images_sorted_by_content_not_by_name(tmp_path):
    for name in ("b.png", "a.dat", ".hidden.png"):
        save_picture(tmp_path / name, ramp())
    (tmp_path / "c.png").write_text("text")
    (tmp_path / "sub").mkdir()
    save_picture(tmp_path / "sub" / "d.png", ramp())
    assert find_images(tmp_path) == [tmp_path / "a.dat", tmp_path / "b.png"]


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(UnreadableFileError, match=r"folder without images \(1 files\)"):
        find_images(tmp_path)
    with pytest.raises(UnreadableFileError, match="does not exist"):
        find_images(tmp_path / "nowhere")
