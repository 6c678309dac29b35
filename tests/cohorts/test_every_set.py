"""What holds for every public data set: drawn in its real layout, it gives a cohort."""

import shutil

import pytest

from sequela.cohorts import COHORTS, load_cohorts
from sequela.cohorts.chest_labels import NAMES
from sequela.cohorts.fundus import GRADES
from sequela.cohorts.skin import NAMES as SKIN_NAMES
from sequela.conditioning import vocabulary_of
from sequela.core import InvalidInputError, UnreadableFileError
from sequela.training.data import load_images
from sequela.training.recipe import DataSettings
from tests.cohorts.layouts import DRAWN, rewrite, write_table

OURS = {"cxr-nih", "cxr-time-open", "fundus", "skin-ham", "skin-isic"}  # in labels.csv; others test


@pytest.fixture(params=DRAWN)
def drawn(request, tmp_path):
    draw, domain = DRAWN[request.param]
    return request.param, draw(tmp_path), domain


def test_every_adapter_is_drawn_here():
    assert set(DRAWN) | OURS == set(COHORTS)


def test_its_name_in_a_recipe_is_enough(drawn):
    name, root, domain = drawn
    examples = load_cohorts((name,), root)
    settings = DataSettings(sets=(name,), domain=domain, image_size=32)
    for split in {example.split for example in examples}:
        images = load_images(examples, split, settings)
        assert images.findings == tuple(e.findings for e in examples if e.split == split)


def test_its_findings_are_words_of_the_vocabulary(drawn):
    name, root, domain = drawn
    words = vocabulary_of(domain)
    found = {
        f for e in load_cohorts((name,), root) for f in (*(e.findings or ()), *e.open_findings)
    }
    assert found
    assert found <= {*words.findings, *words.further}


def test_it_is_found_in_its_own_folder_too(drawn):
    name, root, _ = drawn
    (inner,) = [p for p in root.iterdir() if p.is_dir()] if name != "plain-csv" else [root]
    if name == "mimic-cxr-jpg":
        inner = inner / "files" / "mimic-cxr-jpg" / "2.1.0"
    assert len(load_cohorts((name,), inner)) == len(load_cohorts((name,), root))


def test_an_empty_folder_is_told_with_the_remedy(drawn, tmp_path_factory):
    with pytest.raises(UnreadableFileError, match=r"must hold .*SEQUELA_DATA"):
        load_cohorts((drawn[0],), tmp_path_factory.mktemp("empty"))


def test_a_missing_image_is_named(drawn):
    name, root, _ = drawn
    victim = load_cohorts((name,), root)[-1].path
    victim.unlink()
    with pytest.raises(UnreadableFileError, match=rf"{victim.stem}.*copy complete"):
        load_cohorts((name,), root)


def test_a_table_of_nothing_but_its_header_is_refused(tmp_path):
    write_table(tmp_path / "images.csv", ("file", "findings"), [])
    with pytest.raises(UnreadableFileError, match="row below its header"):
        load_cohorts(("plain-csv",), tmp_path)


def test_all_names_that_the_adapters_can_give_are_known():
    chest, fundus, skin = map(vocabulary_of, ("chest", "fundus", "skin"))
    assert set(NAMES.values()) <= {*chest.findings, *chest.further}
    assert {"diabetic", *GRADES.values()} <= set(fundus.findings)
    assert {name for names in SKIN_NAMES.values() for name in names} <= set(skin.findings)


def test_a_person_in_two_sets_on_two_sides_is_refused(tmp_path):
    for name in ("plain-csv", "chexpert"):
        DRAWN[name][0](tmp_path)
    rewrite(tmp_path / "images.csv", ",p2,", ",patient00002,")  # test by hash, train in CheXpert
    with pytest.raises(InvalidInputError, match=r"chexpert and plain-csv.*patient00002 is on two"):
        load_cohorts(("chexpert", "plain-csv"), tmp_path)


def test_two_sets_that_agree_are_read_one_after_the_other(tmp_path):
    root = DRAWN["chexpert"][0](tmp_path)
    DRAWN["chexpert-plus"][0](tmp_path)
    both = load_cohorts(("chexpert", "chexpert-plus"), root)
    assert len(both) == 4 + 3
    shutil.rmtree(root / "chexpert-plus")
    assert load_cohorts(("chexpert",), root) == both[:4]
