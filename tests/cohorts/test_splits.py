"""Sides by a hash of the patient: stable, in the promised shares, and never two of them."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequela.cohorts import Example, chexpert, ham10000, isic_2024, plain_csv, split_of
from sequela.cohorts.examples import ALL_FILES_CHECKED, checked
from sequela.cohorts.splits import SPLITS
from sequela.core import InvalidInputError, UnknownNameError, UnreadableFileError
from sequela.training.data import learner_of
from tests.cohorts.layouts import CHEXPERT_HEADER, draw_image, write_table

PATIENTS = [f"patient{number:05d}" for number in range(20_000)]


def plain(root, people):
    rows = [{"file": f"{n}.png", "findings": "", "patient": f"p{p}"} for n, p in enumerate(people)]
    for row in rows:
        draw_image(root / row["file"])
    write_table(root / "images.csv", ("file", "findings", "patient"), rows)
    return plain_csv(root)


def stanford(root, people):
    usual = {"Sex": "Male", "Age": "50", "Frontal/Lateral": "Frontal", "AP/PA": "PA"}
    for part in ("train", "valid"):  # everyone in both: their own sides are not asked for
        places = [
            f"{part}/patient{person:05d}/study{number}/view1_frontal.jpg"
            for number, person in enumerate(people)
        ]
        write_table(root / f"{part}.csv", CHEXPERT_HEADER, [{"Path": p, **usual} for p in places])
        for place in places:
            draw_image(root / place)
    return chexpert(root, split="hash")


def lesions(root, people):
    rows = [
        {"lesion_id": f"HAM_{p}", "image_id": f"ISIC_{n}", "dx": "nv"} for n, p in enumerate(people)
    ]
    for row in rows:
        draw_image(root / "HAM10000_images_part_1" / f"{row['image_id']}.jpg")
    write_table(root / "HAM10000_metadata.csv", (*rows[0], "age", "sex"), rows)
    return ham10000(root)


def crops(root, people):
    diagnosis = "Benign::Benign melanocytic proliferations::Nevus"
    rows = [
        {"isic_id": f"ISIC_{n}", "target": "0", "patient_id": f"IP_{p}", "iddx_full": diagnosis}
        for n, p in enumerate(people)
    ]
    for row in rows:
        draw_image(root / "train-image" / "image" / f"{row['isic_id']}.jpg")
    write_table(root / "train-metadata.csv", (*rows[0], "age_approx", "sex"), rows)
    return isic_2024(root)


@pytest.mark.parametrize("read", [plain, stanford, lesions, crops])
@settings(max_examples=25, deadline=None)
@given(people=st.lists(st.integers(0, 12), min_size=1, max_size=20))
def test_no_patient_is_ever_on_two_sides(read, people, tmp_path_factory):
    sides = defaultdict(set)
    examples = read(tmp_path_factory.mktemp("set"), people)
    for example in examples:
        sides[example.patient].add(example.split)
    assert len(sides) == len(set(people))
    assert sides == {patient: {split_of(patient)} for patient in sides}


def test_the_side_of_a_patient_never_changes():
    firsts = {split: next(p for p in PATIENTS if split_of(p) == split) for split in SPLITS}
    assert firsts == {"train": "patient00000", "val": "patient00004", "test": "patient00002"}


def test_the_shares_are_those_that_the_page_promises():
    counts = Counter(map(split_of, PATIENTS))
    shares = {split: count / len(PATIENTS) for split, count in counts.items()}
    assert shares == pytest.approx({"train": 0.8, "val": 0.1, "test": 0.1}, abs=0.008)  # 3 sigma


def test_sides_and_learners_are_chosen_independently():
    judged = Counter(split_of(p) for p in PATIENTS if learner_of(p) == "judge")
    total = Counter(map(split_of, PATIENTS))
    shares = {split: judged[split] / total[split] for split in total}
    assert shares == pytest.approx(dict.fromkeys(total, 0.3), abs=0.03)


def example(number, split="train", path=Path("nowhere.png")):
    return Example(path=path, patient=f"p{number}", split=split, findings=())


def test_a_patient_on_two_sides_is_refused():
    with pytest.raises(InvalidInputError, match="p1 is on two"):
        checked([example(1), example(2), example(1, "test")], "drawn")


def test_a_side_of_another_name_is_refused():
    with pytest.raises(UnknownNameError, match="`split` 'validate' is not known"):
        checked([example(1, "validate")], "drawn")


def test_a_set_without_an_image_to_use_is_refused():
    with pytest.raises(UnreadableFileError, match="must hold an image that can be used"):
        checked([], "drawn")


def test_of_a_large_set_the_first_image_of_each_side_is_looked_for(tmp_path):
    draw_image(tmp_path / "a.png")
    many = [example(number, path=tmp_path / "a.png") for number in range(ALL_FILES_CHECKED)]
    late = example(-1, path=tmp_path / "missing.png")
    assert checked([*many, late], "drawn")[-1] is late  # not looked for: reading it will tell
    with pytest.raises(UnreadableFileError, match=r"missing\.png"):
        checked([*many, example(-1, "test", tmp_path / "missing.png")], "drawn")
