"""CheXpert, CheXpert Plus and MIMIC-CXR-JPG: labels, captions, views and sides."""

import gzip

import pytest

from sequela.cohorts import chexpert, chexpert_plus, mimic_cxr_jpg, split_of
from sequela.conditioning import CHEST
from sequela.core import InvalidInputError, UnknownNameError, UnreadableFileError
from tests.cohorts.layouts import draw_chexpert, draw_chexpert_plus, draw_mimic, rewrite


@pytest.fixture
def small(tmp_path):
    return draw_chexpert(tmp_path) / "CheXpert-v1.0-small"


def test_captions_are_the_published_ones(small):
    assert [CHEST.caption(e.findings) for e in chexpert(small)] == [
        "A chest X-ray image,Cardiomegaly,Edema",
        "A chest X-ray image,",  # "No Finding" silences even the device, as published
        "A chest X-ray image,Fracture,Effusion",  # sorted as "Pleural Effusion", then renamed
        "A chest X-ray image,",
    ]


def test_only_frontal_films_of_a_known_view_are_given(small):
    examples = chexpert(small)
    assert [(e.patient, e.view) for e in examples] == [
        ("patient00001", "AP"),
        ("patient00002", "AP"),
        ("patient00003", "AP"),
        ("patient64541", "PA"),
    ]


@pytest.mark.parametrize(
    ("uncertain", "findings", "left_open"),
    [
        ("drop", ("Cardiomegaly", "Edema"), ("Pneumonia",)),
        ("positive", ("Cardiomegaly", "Edema", "Pneumonia"), ()),
        ("negative", ("Cardiomegaly", "Edema"), ()),
    ],
)
def test_uncertain_labels_are_what_one_takes_them_for(small, uncertain, findings, left_open):
    first = chexpert(small, uncertain=uncertain)[0]
    assert (first.findings, first.open_findings) == (findings, left_open)


def test_the_sets_own_sides_are_kept(small):
    assert [e.split for e in chexpert(small)] == ["train", "train", "train", "val"]


def test_sides_may_be_a_hash_of_the_patient_instead(small):
    examples = chexpert(small, split="hash")
    assert [e.split for e in examples] == [split_of(e.patient) for e in examples]
    assert "test" in {e.split for e in examples}


def test_age_and_sex_are_read(small):
    first, second, *_, last = chexpert(small)
    assert (first.age_years, first.sex, second.sex) == (68.0, "female", "male")
    assert last.age_years is None


def test_a_folder_of_another_name_is_read_though_the_table_says_otherwise(small):
    renamed = small.rename(small.parent / "chexpert")
    assert chexpert(small.parent)[0].path.is_relative_to(renamed)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Pleural Effusion", "Effusion", r"train\.csv.*must have the columns.*Pleural Effusion"),
        ("Frontal/Lateral", "View", r"must have the columns \['Frontal/Lateral'\]"),
        (",Frontal,AP", ",Oblique,AP", r"`Frontal/Lateral` must be one of 'Frontal', 'Lateral'"),
        ("-1.0", "2.0", r"`Pneumonia` must be one of .* got '2\.0' in line 2 of train\.csv"),
        (",68,", ",old,", r"`Age` must be an age in years, got 'old'"),
        ("/patient00001/", "/00001/", r"`Path` must end like train/patient00001"),
        (",Female,68,Frontal,AP", ",Female,68", r"line 2 has 17.*copy complete"),
    ],
)
def test_a_table_that_is_not_as_published_is_refused_in_a_sentence(small, old, new, message):
    rewrite(small / "train.csv", old, new)
    with pytest.raises(InvalidInputError, match=message) as caught:
        chexpert(small)
    assert "\n" not in str(caught.value)


def test_a_missing_second_table_is_named(small):
    (small / "valid.csv").unlink()
    with pytest.raises(UnreadableFileError, match=r"CheXpert-v1\.0-small/valid\.csv"):
        chexpert(small)


@pytest.mark.parametrize("adapter", [chexpert, chexpert_plus, mimic_cxr_jpg])
def test_another_way_to_take_uncertain_labels_is_refused(adapter, tmp_path):
    with pytest.raises(
        UnknownNameError, match=r"`uncertain` 'positives' is not known\. Did you mean"
    ):
        adapter(tmp_path, uncertain="positives")


def test_chexpert_plus_brings_the_impression_or_else_the_findings(tmp_path):
    examples = chexpert_plus(draw_chexpert_plus(tmp_path))
    assert [e.text for e in examples] == [
        "1. Mild edema,\nunchanged.",
        "Clear lungs.",
        "No acute disease.",
    ]
    assert [e.split for e in examples] == ["train", "train", "val"]
    assert examples[0].path.suffix == ".png"  # whatever the table says


def test_a_film_without_a_label_line_is_unlabelled_and_not_healthy(tmp_path):
    examples = chexpert_plus(draw_chexpert_plus(tmp_path))
    assert [e.findings for e in examples] == [("Edema",), ("Edema",), None]
    assert examples[0].open_findings == ("Pneumonia",)


def test_a_damaged_label_line_is_refused(tmp_path):
    root = draw_chexpert_plus(tmp_path)
    labels = root / "chexpert-plus" / "chexbert_labels" / "impression_fixed.json"
    labels.write_text(labels.read_text()[:-40])
    with pytest.raises(InvalidInputError, match="line 2 does not"):
        chexpert_plus(root)


def test_labels_of_another_section_need_their_file(tmp_path):
    root = draw_chexpert_plus(tmp_path)
    with pytest.raises(UnreadableFileError, match=r"report_fixed\.json.*chexbert_labels\.zip"):
        chexpert_plus(root, section="report")


def test_mimic_gives_frontal_films_on_its_own_sides(tmp_path):
    examples = mimic_cxr_jpg(draw_mimic(tmp_path))
    assert [(e.patient, e.view, e.split) for e in examples] == [
        ("p10000032", "PA", "train"),
        ("p10000764", "AP", "val"),
        ("p11000183", "AP", "test"),
    ]
    assert [e.findings for e in examples] == [(), ("Effusion",), None]
    assert examples[0].path.parts[-5:-1] == ("files", "p10", "p10000032", "s50414267")


def test_mimic_is_read_unpacked_too(tmp_path):
    root = draw_mimic(tmp_path)
    before = mimic_cxr_jpg(root)
    for packed in root.rglob("*.csv.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert mimic_cxr_jpg(root) == before


def test_a_table_cut_off_while_copying_is_called_damaged(tmp_path):
    root = draw_mimic(tmp_path)
    (table,) = root.rglob("*split.csv.gz")
    table.write_bytes(table.read_bytes()[:-12])
    with pytest.raises(UnreadableFileError, match=r"split\.csv\.gz is damaged"):
        mimic_cxr_jpg(root)


def test_a_film_without_a_side_is_refused(tmp_path):
    root = draw_mimic(tmp_path)
    (packed,) = root.rglob("*split.csv.gz")
    text = gzip.decompress(packed.read_bytes()).decode().replace("68b5c4b1", "00000000")
    packed.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(InvalidInputError, match=r"`dicom_id` must be in .*68b5c4b1"):
        mimic_cxr_jpg(root)
