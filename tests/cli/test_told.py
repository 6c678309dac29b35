"""`sequela simulate` with reports, boxes, protection and the wrong kind of image."""

import json
import shutil
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import call

NOTE = "Chest X-ray. New moderate left pleural effusion. No pneumothorax."


@pytest.fixture
def chest(tmp_path):
    path = tmp_path / "chest.png"
    shutil.copy(files("sequela") / "assets" / "examples" / "chest.png", path)
    return path


@pytest.fixture
def note(tmp_path):
    def write(text):
        path = tmp_path / "note.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_report_becomes_a_run_that_says_what_was_understood(simulate, chest, note, tmp_path):
    done = simulate(
        chest,
        "--report",
        note(NOTE),
        "--region",
        "auto",
        "--protect",
        "auto",
        "--out",
        tmp_path / "run",
    )
    assert done.code == 0, done.err
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    told = record["request"]["told"]["report"]
    assert told["short"] == "A chest X-ray image,Effusion"
    assert [f["side"] for f in told["findings"] if f["name"] == "Effusion"] == ["left"]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "What the report was taken to say" in page
    assert "auto: lungs (Effusion), left" in page
    again = call("replay", tmp_path / "run" / "record.json", "--model", record["model"]["name"])
    assert again.code in (0, 2)  # a tiny model is not bundled: replay then asks for its folder


def test_a_dry_run_tells_what_the_report_asks_for(simulate, chest, note, tmp_path):
    done = simulate(chest, "--report", note(NOTE), "--dry-run", "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert "Effusion 0.8" in done.out
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("Chest X-ray. No pleural effusion. There is a large right pleural effusion.", "effusion"),
        ("Fundus photograph. Moderate non-proliferative diabetic retinopathy.", "fundus"),
    ],
    ids=["empty", "contradictory", "another domain"],
)
def test_a_report_that_cannot_be_followed_is_refused_in_one_sentence(
    simulate, chest, note, tmp_path, text, sentence
):
    done = simulate(chest, "--report", note(text), "--domain", "chest", "--out", tmp_path / "run")
    assert done.code == 2
    assert sentence in done.err.lower()
    assert len(done.err.strip().splitlines()) <= 3
    assert not (tmp_path / "run").exists()


def test_a_baseline_report_alone_and_a_missing_report_are_refused(simulate, chest, note, tmp_path):
    out = ("--out", tmp_path / "run")
    assert "needs a --report" in simulate(chest, "--baseline-report", note(NOTE), *out).err
    missing = simulate(chest, "--report", tmp_path / "none.txt", *out)
    assert (missing.code, "cannot be read" in missing.err) == (2, True)


def test_a_box_outside_the_image_and_words_for_numbers_are_refused(simulate, chest, tmp_path):
    out = ("--region", "auto", "--out", tmp_path / "run")
    done = simulate(chest, "--region-box", "0,0,9999,9", *out)
    assert (done.code, "`box` must lie on" in done.err) == (2, True)
    done = simulate(chest, "--region-box", "left,top", *out)
    assert (done.code, "4 numbers with commas" in done.err) == (2, True)


def test_a_colour_photograph_is_not_taken_for_a_chest_film(simulate, tmp_path):
    rows, columns = np.mgrid[-1:1:96j, -1:1:96j]
    disc = np.hypot(rows, columns) < 0.9
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[disc] = (190, 90, 40)
    picture[np.hypot(rows, columns - 0.4) < 0.15] = (240, 200, 130)
    Image.fromarray(picture).save(tmp_path / "eye.png")
    done = simulate(tmp_path / "eye.png", "--out", tmp_path / "run")
    assert done.code == 2
    assert "looks like" in done.err
    assert "fundus" in done.err
    allowed = simulate(
        tmp_path / "eye.png", "--skip-domain-check", "--dry-run", "--out", tmp_path / "run"
    )
    assert allowed.code == 0, allowed.err


def test_what_is_protected_stays_pixel_for_pixel(simulate, chest, tmp_path):
    mask = np.zeros((512, 512), np.uint8)
    mask[100:180, 300:380] = 255
    Image.fromarray(mask).save(tmp_path / "keep.png")
    done = simulate(
        chest, "--region", "auto", "--protect", tmp_path / "keep.png", "--out", tmp_path / "run"
    )
    assert done.code == 0, done.err
    first, last = (
        np.asarray(Image.open(tmp_path / "run" / "states" / f"{n:03d}.png")) for n in (0, 2)
    )
    assert (first[mask > 0] == last[mask > 0]).all()
    assert (first != last).any()


def test_without_a_bundled_model_for_the_domain_the_sentence_says_so(tmp_path, chest, monkeypatch):
    from sequela.checkpoints import bundled

    monkeypatch.setattr(bundled, "bundled_models", dict)
    done = call("simulate", chest, "--disease", "edema", "--out", tmp_path / "run")
    assert done.code == 2
    assert "none is bundled" in done.err


def test_a_segment_of_a_dicom_segmentation_is_chosen_by_its_label(simulate, film, tmp_path):
    from tests.io.test_dicom_seg import save_binary

    upper = np.zeros((48, 40), np.uint8)
    upper[:20] = 1
    path = save_binary(tmp_path / "seg.dcm", [upper, 1 - upper], {1: "Upper", 2: "Lower"}, [1, 2])
    asked = (film, "--region", path, "--out", tmp_path / "run")
    refused = simulate(*asked)
    assert refused.code == 2
    assert "--region-segment" in refused.err
    done = simulate(*asked, "--region-segment", "Lower")
    assert done.code == 0, done.err
    first, last = (
        np.asarray(Image.open(tmp_path / "run" / "states" / f"{n:03d}.png")) for n in (0, 2)
    )
    assert (first[:20] == last[:20]).all()
    assert (first[20:] != last[20:]).any()
