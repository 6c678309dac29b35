import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sequela.core import InvalidInputError, Region, UnreadableFileError
from sequela.imaging import quantise
from sequela.io import read_region_file, write_array
from sequela.io.regions import read_region_levels, region_levels
from tests.io.samples import ramp, save_dicom, save_picture

SOFT = ramp(top=255)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_greatest_value_of_the_bit_depth_is_1(tmp_path, dtype):
    levels = ramp(dtype=dtype, top=np.iinfo(dtype).max)
    region = read_region_file(save_picture(tmp_path / "lungs.png", levels))
    np.testing.assert_allclose(region.array, levels / np.iinfo(dtype).max, rtol=1e-6)
    assert (region.array.dtype, region.origin) == (np.float32, "lungs.png")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool", "float32"])
def test_a_mask_of_zeros_and_ones_is_taken_as_such(tmp_path, dtype):
    mask = (SOFT > 99).astype(dtype)
    region = read_region_file(save_picture(tmp_path / "m", mask, "TIFF"))
    np.testing.assert_array_equal(region.array, SOFT > 99)


def test_colours_are_averaged(tmp_path):
    colours = np.zeros((20, 30, 3), np.uint8)
    colours[..., 0] = colours[..., 1] = 150
    array = read_region_file(save_picture(tmp_path / "m.png", colours)).array
    np.testing.assert_allclose(array, 100 / 255, rtol=1e-6)


def test_a_nifti_slice_is_a_mask(tmp_path):
    mask = np.zeros((20, 30, 1), np.int16)
    mask[:, :5] = 255
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), tmp_path / "m.nii.gz")
    array = read_region_file(tmp_path / "m.nii.gz").array
    assert array.shape == (30, 20)
    assert array.sum() == 5 * 20


def test_a_mask_of_zeros_is_refused(tmp_path):
    path = save_picture(tmp_path / "m.png", np.zeros((20, 20), np.uint8))
    with pytest.raises(InvalidInputError, match=r"m\.png is 0 everywhere. Paint"):
        read_region_file(path)


def test_a_label_map_is_refused(tmp_path):
    labels = (SOFT // 60).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "m.nii")
    with pytest.raises(InvalidInputError, match="label map"):
        read_region_file(tmp_path / "m.nii")


def test_negative_masks_and_dicom_masks_are_refused(tmp_path):
    path = save_picture(tmp_path / "m.tif", -SOFT.astype(np.float32), "TIFF")
    with pytest.raises(InvalidInputError, match="negative"):
        read_region_file(path)
    with pytest.raises(UnreadableFileError, match="DICOM, but no segmentation"):
        read_region_file(save_dicom(tmp_path / "m.dcm", ramp()))


def test_every_level_is_saved_exactly():
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    region = Region(array=quantise(levels.astype(np.float32) / np.float32(65535)), origin="x")
    np.testing.assert_array_equal(region_levels(region), levels)


@settings(deadline=None)
@given(arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_a_quantised_region_is_saved_exactly(tmp_path_factory, shares):
    region = Region(array=quantise(shares), origin="x")
    path = write_array(tmp_path_factory.mktemp("r") / "r", region_levels(region))
    np.testing.assert_array_equal(read_region_levels(path, "x").array, region.array)


def test_a_region_off_the_grid_is_not_saved():
    region = Region(array=np.full((3, 3), 0.1234567, np.float32), origin="x")
    with pytest.raises(InvalidInputError, match=r"sequela\.imaging\.quantise"):
        region_levels(region)
