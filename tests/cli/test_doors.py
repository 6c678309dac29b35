"""From words to a whole run folder, and what can be done with it afterwards."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import sequela
from sequela.io import read_scan
from tests.backbones.tiny_models import tiny_sd
from tests.cli.conftest import call, write_film


def test_one_film_becomes_a_whole_run_folder(film, tmp_path, simulate):
    done = simulate(film, "--out", tmp_path / "run", "--json")
    assert done.code == 0
    said = json.loads(done.out)
    assert said["states"] == 3
    assert said["frames"] == 2 * (3 - 1) + 1
    names = {p.relative_to(tmp_path / "run").as_posix() for p in (tmp_path / "run").rglob("*.*")}
    states = {f"states/{i:03d}.png" for i in range(3)}
    rest = {"record.json", "trajectory.json", "scores.csv", "video.mp4", "video.gif", "report.html"}
    assert states | rest | {"regions/effective.png", "latents.safetensors"} <= names
    first = read_scan(tmp_path / "run" / "states" / "000.png")
    assert np.array_equal(first.array, read_scan(film).array)


def test_many_films_become_one_run_each(tmp_path, simulate):
    (tmp_path / "in").mkdir()
    for index in range(3):
        write_film(tmp_path / "in" / f"film{index}.png", seed=index)
    done = simulate(tmp_path / "in", "--out", tmp_path / "runs", "--transition", "none")
    assert done.code == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["film0", "film1", "film2"]
    assert not (tmp_path / "runs" / "film0" / "video.mp4").exists()


def test_a_dry_run_tells_the_plan_and_writes_nothing(film, tmp_path, simulate):
    done = simulate(film, "--out", tmp_path / "run", "--dry-run")
    assert done.code == 0
    for word in ("Model", "Steps", "Memory", "Time", "Nothing was written"):
        assert word in done.out
    assert not (tmp_path / "run").exists()


def test_the_model_chooses_the_preset_unless_one_is_named(
    film, tmp_path, simulate, tiny_grey_sd_folder
):
    folder = tmp_path / "carded"
    shutil.copytree(tiny_grey_sd_folder, folder)
    card = json.dumps({"name": "carded", "domain": "chest", "preset": "fast"})
    (folder / "card.json").write_text(card, encoding="utf-8")
    for words, way in (((), "noise"), (("--preset", "steady"), "inversion")):
        run = tmp_path / way
        assert simulate(film, "--model", folder, "--out", run, *words).code == 0
        assert f'"roll_back": "{way}"' in (run / "record.json").read_text()


def test_times_are_asserted_and_copies_are_marked(film, tmp_path, simulate):
    words = ("--horizon", "18mo", "--stamp", "--dicom", "--samples", 2, "--transition", "none")
    assert simulate(film, "--out", tmp_path / "run", *words).code == 0
    trajectory = sequela.open_run(tmp_path / "run")
    assert trajectory.main.time_basis == "asserted"
    assert [s.time_years for s in trajectory.states] == [0, 0.75, 1.5]
    assert [b.id for b in trajectory.branches] == ["main", "sample-1"]
    stored = read_scan(tmp_path / "run" / "dicom" / "002.dcm").array
    assert np.array_equal(stored, trajectory.states[2].image)
    assert (tmp_path / "run" / "stamped" / "001.png").is_file()


def test_a_run_branches_replays_and_refuses_another_model(
    film, tmp_path, simulate, tiny_grey_sd_folder
):
    assert simulate(film, "--out", tmp_path / "run", "--transition", "none").code == 0
    model = ("--model", tiny_grey_sd_folder)
    healed = ("--from", 1, "--finding", "no finding", "--out", tmp_path / "healed")
    assert call("branch", tmp_path / "run", *healed, *model, "--frames", 3).code == 0
    child = sequela.open_run(tmp_path / "healed").branch("branch-1")
    assert (child.parent, child.from_state, len(child.states)) == ("main", 1, 1)
    for folder in (tmp_path / "run" / "record.json", tmp_path / "healed"):
        done = call("replay", folder, *model)
        assert done.code == 0
        assert "Identical" in done.out
    other = tiny_sd(tmp_path / "other", channels=3)
    done = call("replay", tmp_path / "run", "--model", other)
    assert done.code == 2
    assert "must be the recorded one" in done.err


def test_a_mask_of_another_size_is_resampled_and_told(film, tmp_path, simulate):
    mask = tmp_path / "mask.png"
    Image.fromarray(np.full((96, 80), 255, np.uint8)).save(mask)
    done = simulate(film, "--out", tmp_path / "run", "--region", mask)
    assert done.code == 0
    assert "was resampled" in done.err


def test_a_prompt_that_is_too_long_is_cut_and_told(film, tmp_path, simulate):
    done = simulate(film, "--out", tmp_path / "run", "--prompt", "edema " * 1666)
    assert done.code == 0
    assert "did not read the end" in done.err


def test_help_shows_examples():
    assert "sequela simulate chest.dcm --disease pneumonia" in call("simulate", "--help").out


def test_doctor_models_and_cite_speak():
    assert json.loads(call("doctor", "--json").out)["torch"]
    assert call("models").code == 0
    assert "arXiv:2309.11745" in call("cite", "progressive-editing").out
    assert "Did you mean" in call("cite", "progresive-editing").err


@pytest.mark.parametrize("words", [("view", "nowhere"), ("replay", "nowhere")])
def test_a_run_that_is_not_there_is_refused(words, tmp_path):
    done = call(words[0], tmp_path / words[1])
    assert done.code == 2
    assert done.err.startswith("Error: ")
