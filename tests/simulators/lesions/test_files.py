"""Which file of a visit is what, told by its name."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import MRImageStorage

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.simulators.lesions.files import find_visit, read_visit, role_of
from tests.io.series import write_series
from tests.simulators.lesions.patient import PATIENT_GRID, drawn_arrays, write_volume


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("visit1_FLAIR.nii.gz", "FLAIR"),
        ("3DFLAIR.nii", "FLAIR"),
        ("visit1_T2W.nii.gz", "T2"),
        ("patient1_T1W.nii.gz", "T1"),
        ("sub-01_ses-2_T1w.nii.gz", "T1"),
        ("sub-01_ce-gadolinium_T1w.nii.gz", "T1-Gd"),
        ("t1_gd.nii.gz", "T1-Gd"),
        ("T1post.nii", "T1-Gd"),
        ("PDW.nii", "PD"),
        ("lesion_mask.nii.gz", "lesions"),
        ("brainmask.nii.gz", "brain"),
        ("change_mask.nii.gz", None),
        ("notes.nii", None),
    ],
)
def test_a_name_tells_its_role(name, role):
    assert role_of(name) == role


def test_a_folder_gives_its_files_and_says_what_it_left_out(patient_folder, tmp_path):
    for path in patient_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "change_mask.nii.gz").write_bytes((patient_folder / "brain.nii.gz").read_bytes())
    found = find_visit([tmp_path])
    assert set(found.paths) == {"FLAIR", "T1", "lesions", "brain"}
    assert "change_mask.nii.gz" in found.notices[0]


def test_a_told_file_goes_before_what_names_tell(patient_folder):
    found = find_visit([patient_folder], {"FLAIR": patient_folder / "T1.nii.gz"})
    assert found.paths["FLAIR"].name == "T1.nii.gz"
    assert "T1" not in found.paths


def test_two_visits_in_one_folder_are_not_mixed(patient_folder, tmp_path):
    for name in ("visit1_FLAIR.nii.gz", "visit2_FLAIR.nii.gz"):
        (tmp_path / name).write_bytes((patient_folder / "FLAIR.nii.gz").read_bytes())
    with pytest.raises(InvalidInputError, match="one FLAIR of one visit"):
        find_visit([tmp_path])


def test_two_subjects_are_refused(patient_folder, tmp_path):
    for name in ("sub-01_FLAIR.nii.gz", "sub-02_T1w.nii.gz"):
        (tmp_path / name).write_bytes((patient_folder / "FLAIR.nii.gz").read_bytes())
    with pytest.raises(InvalidInputError, match="of one subject"):
        find_visit([tmp_path])


def test_nothing_that_can_be_told_is_refused(patient_folder, tmp_path):
    with pytest.raises(InvalidInputError, match="--flair FILE"):
        find_visit([patient_folder / "brain.nii.gz"])
    with pytest.raises(UnreadableFileError, match="does not exist"):
        find_visit([Path("missing.nii.gz")])
    with pytest.raises(UnreadableFileError, match="holds neither"):
        find_visit([tmp_path])


def test_an_empty_lesion_mask_is_a_patient_without_lesions(patient_folder, tmp_path):
    empty = write_volume(tmp_path / "lesions.nii.gz", drawn_arrays()["lesions"] * 0)
    visit = read_visit(find_visit([patient_folder], {"lesions": empty}))
    assert not visit.images.lesions.array.any()


def series(folder, name, **changes):
    """A drawn sequence as an MR series on the grid of its NIfTI twin."""
    array = np.rint(drawn_arrays()[name]).astype(np.int16)
    depth, height, width = PATIENT_GRID.spacing_mm
    corner = [float(v) for v in PATIENT_GRID.points[0, 0, 0]]
    write_series(
        folder / name,
        array,
        Modality="MR",
        SOPClassUID=MRImageStorage,
        SeriesInstanceUID=f"1.2.3.{len(name)}",
        SliceThickness=depth,
        PixelSpacing=[height, width],
        **changes,
    )
    for path in (folder / name).iterdir():
        header = dcmread(path)
        at = (header.ImagePositionPatient[2] - 100.0) / 5.0 * depth
        header.ImagePositionPatient = [*corner[:2], corner[2] + at]
        header.save_as(path)
    return array


def test_dicom_series_are_read_as_their_nifti_twins(tmp_path):
    arrays = {name: series(tmp_path, name) for name in ("FLAIR", "T1")}
    for name in ("lesions", "brain"):
        write_volume(tmp_path / f"{name}.nii.gz", drawn_arrays()[name])
    images = read_visit(find_visit([tmp_path])).images
    for name, array in arrays.items():
        read = images.sequences[name]
        np.testing.assert_array_equal(read.array, array)
        np.testing.assert_allclose(read.affine, PATIENT_GRID.affine, atol=1e-4)
        assert read.modality == "mr"
    assert images.lesions.array.sum() == drawn_arrays()["lesions"].sum()


def test_series_of_two_patients_are_refused(tmp_path):
    series(tmp_path, "FLAIR", PatientID="one")
    series(tmp_path, "T1", PatientID="two")
    with pytest.raises(InvalidInputError, match="one patient"):
        read_visit(find_visit([tmp_path]))
