"""HAM10000, ISIC 2018 and 2024, and the Kaggle set on diabetic retinopathy."""

import pytest

from sequela.cohorts import eyepacs, ham10000, isic_2018, isic_2024, split_of
from sequela.conditioning import FUNDUS, SKIN
from sequela.core import InvalidInputError, UnreadableFileError
from tests.cohorts.layouts import (
    HAM,
    draw_eyepacs,
    draw_ham10000,
    draw_isic_2018,
    draw_isic_2024,
    rewrite,
)

PUBLISHED = {
    "bkl": "An image of skin,benign keratosis-like lesions",
    "mel": "An image of skin,melanoma",
    "nv": "An image of skin,melanocytic nevi",
    "akiec": "An image of skin,actinic keratoses and intraepithelial carcinoma",
    "bcc": "An image of skin,basal cell carcinoma",
    "vasc": "An image of skin,vascular lesions",
    "df": "An image of skin,dermatofibroma",
}


@pytest.mark.parametrize("drawn", [(draw_ham10000, ham10000), (draw_isic_2018, isic_2018)])
def test_captions_of_the_seven_diagnoses_are_the_published_ones(drawn, tmp_path):
    draw, adapter = drawn
    captions = {e.path.stem: SKIN.caption(e.findings) for e in adapter(draw(tmp_path))}
    assert {image: captions[image] for image, *_ in HAM} == {
        image: PUBLISHED[code] for image, _, code, _ in HAM
    }


def test_images_are_found_in_the_part_that_holds_them(tmp_path):
    examples = ham10000(draw_ham10000(tmp_path))
    assert [e.path.parent.name[-1] for e in examples] == [str(part) for *_, part in HAM]


def test_a_lesion_is_on_one_side_and_stands_for_its_patient(tmp_path):
    first, second, *_ = ham10000(draw_ham10000(tmp_path))
    assert (first.patient, first.split) == (second.patient, second.split)
    assert first.split == split_of("HAM_0000118")


def test_unknown_age_and_sex_are_left_open(tmp_path):
    first, _, nevus, *_ = ham10000(draw_ham10000(tmp_path))
    assert (first.age_years, first.sex) == (80.0, "male")
    assert (nevus.age_years, nevus.sex) == (None, "")


def test_the_layout_of_dataverse_and_lower_case_folders_is_read(tmp_path):
    folder = draw_ham10000(tmp_path) / "HAM10000"
    before = len(ham10000(tmp_path))
    (folder / "HAM10000_metadata.csv").rename(folder / "HAM10000_metadata")
    for part in (1, 2):
        name = f"HAM10000_images_part_{part}"
        (folder / name).rename(folder / "moved").rename(folder / name.lower())
    assert len(ham10000(tmp_path)) == before


def test_a_diagnosis_that_ham10000_does_not_have_is_refused(tmp_path):
    rewrite(draw_ham10000(tmp_path) / "HAM10000" / "HAM10000_metadata.csv", ",mel,", ",wart,")
    with pytest.raises(InvalidInputError, match=r"`dx` must be one of 'akiec'.* got 'wart'"):
        ham10000(tmp_path)


def test_images_that_were_never_unpacked_are_told(tmp_path):
    folder = draw_ham10000(tmp_path) / "HAM10000"
    for part in (1, 2):
        (folder / f"HAM10000_images_part_{part}").rename(folder / f"else_{part}")
    with pytest.raises(UnreadableFileError, match="Unpack both"):
        ham10000(tmp_path)


def test_the_parts_of_task_3_are_the_sides(tmp_path):
    examples = isic_2018(draw_isic_2018(tmp_path))
    assert [e.split for e in examples] == ["train"] * len(HAM) + ["val", "test"]
    assert examples[-1].findings == ("melanoma",)


def test_training_images_alone_are_split_by_lesion(tmp_path):
    examples = isic_2018(draw_isic_2018(tmp_path, parts=("Training",)))
    assert [e.split for e in examples] == [split_of(lesion) for _, lesion, *_ in HAM]


def test_training_images_without_their_lesions_are_refused(tmp_path):
    groups = "ISIC2018_Task3_Training_LesionGroupings.csv"
    (draw_isic_2018(tmp_path) / "isic-2018" / groups).unlink()
    with pytest.raises(UnreadableFileError, match=groups):
        isic_2018(tmp_path)


def test_two_diagnoses_of_one_image_are_refused(tmp_path):
    name = "ISIC2018_Task3_Test_GroundTruth"
    table = draw_isic_2018(tmp_path) / "isic-2018" / name / f"{name}.csv"
    rewrite(table, "1.0,0.0", "1.0,1.0")
    with pytest.raises(InvalidInputError, match=r"must have one of .*ISIC_0034524"):
        isic_2018(tmp_path)


def test_isic_2024_gives_the_crops_with_one_of_the_seven_diagnoses(tmp_path):
    examples = isic_2024(draw_isic_2024(tmp_path))
    assert [SKIN.caption(e.findings) for e in examples] == [
        PUBLISHED[code] for code in ("nv", "mel", "bcc", "akiec", "bkl", "df", "vasc")
    ]
    assert {e.view for e in examples} == {"TBP"}


def test_the_other_crops_are_unlabelled_and_given_when_asked_for(tmp_path):
    examples = isic_2024(draw_isic_2024(tmp_path), unlabelled=True)
    assert len(examples) == 9
    assert [e.findings for e in (examples[0], examples[-1])] == [None, None]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",Benign\n", ",Unclear\n", "`iddx_full` must begin with Benign"),
        ("ISIC_0015670,0", "ISIC_0015670,0.5", "`target` must be one of '0', '1', got '0.5'"),
        ("patient_id", "person", r"must have the columns \['patient_id'\]"),
    ],
)
def test_another_table_of_isic_2024_is_refused(tmp_path, old, new, message):
    table = draw_isic_2024(tmp_path) / "isic-2024-challenge" / "train-metadata.csv"
    table.write_bytes(table.read_bytes().replace(b"\r\n", b"\n"))
    rewrite(table, old, new)
    with pytest.raises(InvalidInputError, match=message):
        isic_2024(tmp_path)


def test_level_0_is_healthy_and_all_others_are_diabetic(tmp_path):
    captions = {e.path.stem: FUNDUS.caption(e.findings) for e in eyepacs(draw_eyepacs(tmp_path))}
    healthy = [name for name, text in captions.items() if text == "A retinopathy image,healthy"]
    ill = [name for name, text in captions.items() if text == "A retinopathy image,diabetic"]
    assert healthy == ["10_left", "13_right"]
    assert ill == ["10_right", "13_left", "15_left", "15_right"]


def test_grades_are_named_when_asked_for(tmp_path):
    examples = eyepacs(draw_eyepacs(tmp_path), grades=True)
    assert [e.findings for e in examples if e.patient == "ep15"] == [
        ("diabetic", "severe"),
        ("diabetic", "proliferative"),
    ]
    assert examples[0].findings == ()


def test_both_eyes_of_a_patient_are_on_one_side(tmp_path):
    examples = eyepacs(draw_eyepacs(tmp_path))
    assert [e.split for e in examples] == [split_of(e.patient) for e in examples]


def test_labelled_test_images_are_the_other_two_sides(tmp_path):
    examples = eyepacs(draw_eyepacs(tmp_path, test=True))
    assert {e.patient: e.split for e in examples} == {
        **dict.fromkeys(("ep10", "ep13", "ep15"), "train"),
        "ep1": "test",
        "ep2": "val",
    }


def test_a_patient_of_both_leader_boards_is_tested_on_only(tmp_path):
    root = draw_eyepacs(tmp_path, test=True)
    table = root / "diabetic-retinopathy-detection" / "retinopathy_solution.csv"
    rewrite(table, "2_left,0,Public", "2_left,0,Private")
    assert {e.split for e in eyepacs(root) if e.patient == "ep2"} == {"test"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10_right,1", "10_right,5", "`level` must be one of .* got '5' in line 3"),
        ("10_right,1", "10_up,1", "`image` must look like 10_left, got '10_up'"),
        ("level", "diagnosis", r"must have the columns \['level'\]"),
    ],
)
def test_another_table_of_levels_is_refused(tmp_path, old, new, message):
    table = draw_eyepacs(tmp_path) / "diabetic-retinopathy-detection" / "trainLabels.csv"
    rewrite(table, old, new)
    with pytest.raises(InvalidInputError, match=message):
        eyepacs(tmp_path)
