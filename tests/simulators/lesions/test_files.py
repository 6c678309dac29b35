"""Which file of a visit is what, told by its name."""

from pathlib import Path

import pytest

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.simulators.lesions.files import find_visit, read_visit, role_of
from tests.simulators.lesions.patient import drawn_arrays, write_volume


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
