"""A folder of slices or a NIfTI file becomes one oriented volume, or one sentence."""

import nibabel
import numpy as np
import pydicom
import pytest

from sequela.core import InvalidInputError
from sequela.io import is_volume_path, read_volume, write_array
from tests.io.series import SHAPE, chest, write_series


def test_slices_are_ordered_by_position_and_not_by_name(tmp_path):
    volume = chest()
    read = read_volume(write_series(tmp_path / "ct", volume))
    assert np.array_equal(read.scan.array, volume)
    assert read.scan.spacing_mm == (5.0, 3.0, 2.0)
    assert read.scan.affine @ [2, 1, 3, 1] == pytest.approx([-20 + 6, -30 + 3, 110, 1])
    assert read.scan.modality == "ct"
    assert str(read.day) == "2020-03-01"
    assert read.patient == "12345"


def test_a_series_from_head_to_feet_is_the_same_volume(tmp_path):
    volume = chest()
    down = write_series(tmp_path / "down", volume[::-1], step=-5.0)
    assert np.array_equal(read_volume(down).scan.array, volume)


def test_a_sagittal_series_is_turned_upright(tmp_path):
    volume = chest((16, 18, 20))
    # slices from right to left, rows downwards, columns backwards
    planes = np.ascontiguousarray(volume[::-1].transpose(2, 0, 1))
    folder = write_series(
        tmp_path / "sagittal", planes, ImageOrientationPatient=[0, 1, 0, 0, 0, -1]
    )
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        place = 99 - int(dataset.InstanceNumber)
        dataset.ImagePositionPatient = [5.0 * place, 0.0, 0.0]
        dataset.save_as(path)
    assert np.array_equal(read_volume(folder).scan.array, volume)


def test_the_header_keeps_no_identity(tmp_path):
    scan = read_volume(write_series(tmp_path / "ct", chest())).scan
    assert "PatientID" not in scan.header
    assert "PatientName" not in scan.header


def test_equal_doubles_are_dropped_and_told(tmp_path):
    folder = write_series(tmp_path / "ct", chest())
    (folder / "copy.dcm").write_bytes((folder / "000.dcm").read_bytes())
    read = read_volume(folder)
    assert read.scan.array.shape == SHAPE
    assert "twice" in read.notices[0]


def test_scouts_and_short_series_are_left_out_and_told(tmp_path):
    folder = write_series(tmp_path / "ct", chest())
    write_series(folder, chest()[:2], prefix="scout", SeriesInstanceUID="9.9", SeriesNumber=1)
    read = read_volume(folder)
    assert read.scan.array.shape == SHAPE
    assert "2 slices of other series" in read.notices[0]


def test_one_of_two_series_is_chosen_by_its_number(tmp_path):
    folder = write_series(tmp_path / "ct", chest())
    other = chest(seed=1)
    write_series(folder, other, prefix="b", SeriesInstanceUID="9.9", SeriesNumber=7)
    assert np.array_equal(read_volume(folder, series=7).scan.array, other)


def test_a_tilted_gantry_is_undone(tmp_path):
    depth, tilt = 12, 1.5
    rows = np.arange(40) * 3.0
    planes = []
    for number in range(depth):  # a wall at 60 mm, seen from slices that lie ever further back
        behind = (rows + tilt * number) >= 60
        planes.append(np.where(behind[:, None], 100, -1000) * np.ones((1, 20)))
    folder = write_series(tmp_path / "ct", np.stack(planes).astype(np.int16), tilt=tilt)
    read = read_volume(folder)
    steps = read.scan.affine[:3, :3]
    assert abs(steps[:, 0] @ steps[:, 1]) < 1e-6
    assert "tilted by 16.7 degrees" in read.notices[0]
    walls = [
        (read.scan.affine @ [d, int(np.argmax(plane[:, 10] > -450)), 10, 1])[1]
        for d, plane in enumerate(read.scan.array)
    ]
    assert np.ptp(walls[1:-1]) <= 3.0  # one voxel: upright again


REFUSED = {
    "slice missing": (lambda d, v: write_series(d, v, skip=(5,)), "lacks 1 slice"),
    "two series mixed": (
        lambda d, v: write_series(write_series(d, v), v, prefix="b", SeriesInstanceUID="8"),
        "holds 2 series",
    ),
    "two acquisitions in one place": (
        lambda d, v: write_series(write_series(d, v), v + 1, prefix="b"),
        "two different slices at one place",
    ),
    "no position": (
        lambda d, v: write_series(d, v, ImagePositionPatient=None),
        "without ImagePositionPatient",
    ),
    "broken orientation": (
        lambda d, v: write_series(d, v, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
        "broken orientation header",
    ),
    "too few slices": (lambda d, v: write_series(d, v[:4]), "no series of at least 8 slices"),
    "empty folder": (lambda d, v: d.mkdir() or d, "without DICOM slices"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_single_volume_is_refused_in_one_sentence(name, tmp_path):
    make, words = REFUSED[name]
    folder = make(tmp_path / "ct", chest())
    with pytest.raises(InvalidInputError, match=words):
        read_volume(folder)


def test_a_nifti_without_orientation_is_refused(tmp_path):
    image = nibabel.Nifti1Image(chest(), None)
    nibabel.save(image, tmp_path / "lost.nii.gz")
    with pytest.raises(InvalidInputError, match="broken orientation header"):
        read_volume(tmp_path / "lost.nii.gz")


def test_a_nifti_is_read_with_its_place(tmp_path):
    path = write_array(tmp_path / "ct", chest((16, 18, 20)), affine=np.diag([5.0, 3, 2, 1]) * 1.0)
    assert is_volume_path(path)
    assert not is_volume_path(tmp_path / "missing.nii.gz")
    assert read_volume(path).scan.is_volume


def test_a_picture_is_no_volume(tmp_path):
    path = write_array(tmp_path / "flat", chest()[0].astype(np.uint16))
    with pytest.raises(InvalidInputError, match="is a picture"):
        read_volume(path)
