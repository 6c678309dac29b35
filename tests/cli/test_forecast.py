"""`sequela forecast` from the door: a visit's files, a treatment, a run folder; what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from nibabel import Nifti1Image

from sequela.core import Source
from sequela.io import read_run
from tests.cli.conftest import Spoken, call
from tests.simulators.lesions.patient import (
    PATIENT_GRID,
    drawn_arrays,
    write_patient,
    write_untaught,
    write_volume,
)

QUICK = (
    "--samples",
    2,
    "--denoising-steps",
    2,
    "--registration",
    "none",
    "--treatment",
    "fingolimod",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_untaught(tmp_path_factory.mktemp("model") / "model.safetensors")


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    (tmp_path / "patient").mkdir()
    return write_patient(tmp_path / "patient")


@pytest.fixture
def forecast(weights: Path, tmp_path: Path):
    def run(*words: object) -> Spoken:
        return call("forecast", *QUICK, "--model", weights, "--out", tmp_path / "run", *words)

    return run


def refused(spoken: Spoken, *told: str) -> None:
    assert spoken.code == 2, spoken
    lines = spoken.err.strip().splitlines()
    sentence = lines[-1]
    assert sentence.startswith("Error: ")
    assert all(word in sentence for word in told), sentence


def test_a_folder_and_two_other_treatments_become_a_run(forecast, patient, tmp_path):
    spoken = forecast(patient, "--versus", "placebo", "natalizumab", "--json")
    assert spoken.code == 0, spoken.err
    summary = json.loads(spoken.out)
    assert list(summary["arms"]) == ["fingolimod", "placebo", "natalizumab"]
    assert "No treatment advice" in summary["notices"][0]
    run = tmp_path / "run"
    for name in ("record.json", "trajectory.json", "scores.csv", "report.html"):
        assert (run / name).is_file()
    assert (run / "uncertainty/spread.nii.gz").is_file()
    content = json.loads((run / "trajectory.json").read_text())
    main = content["branches"][0]["states"]
    assert main[1]["probability"] == "states/001.nii.gz"
    assert main[0]["layers"]["lesions"] == "states/000-lesions.nii.gz"
    assert content["branches"][-1]["states"][0]["mask"].endswith("states/001.nii.gz")
    back = read_run(run)
    assert isinstance(back.scan.source, Source)
    np.testing.assert_allclose(back.scan.affine, PATIENT_GRID.affine)


def test_a_run_replays_identically(forecast, patient, weights, tmp_path):
    assert forecast(patient).code == 0
    spoken = call("replay", tmp_path / "run", "--model", weights)
    assert spoken.code == 0, spoken.err
    assert spoken.out.startswith("Identical")


def test_a_dry_run_names_the_files_and_writes_nothing(forecast, patient, tmp_path):
    spoken = forecast(patient, "--dry-run", "--json")
    assert spoken.code == 0, spoken.err
    assert set(json.loads(spoken.out)["files"]) == {"FLAIR", "T1", "lesions", "brain"}
    assert not (tmp_path / "run").exists()


def test_an_existing_run_is_not_overwritten_unasked(forecast, patient, tmp_path):
    (tmp_path / "run").mkdir()
    refused(forecast(patient), "already there")


def test_a_far_horizon_is_said_in_the_result(forecast, patient, tmp_path):
    spoken = forecast(patient, "--horizon", "9y")
    assert spoken.code == 0
    assert "extrapolation" in spoken.err
    assert "extrapolation" in (tmp_path / "run/report.html").read_text()


def test_a_missing_flair_is_said(forecast, patient, tmp_path):
    (patient / "FLAIR.nii.gz").unlink()
    spoken = forecast(patient)
    assert spoken.code == 0, spoken.err
    assert "There is no FLAIR" in spoken.err


def test_another_grid_is_resampled_with_a_notice(forecast, patient):
    affine = PATIENT_GRID.affine.copy()
    affine[:3, 3] += 1.5
    write_volume(patient / "T1.nii.gz", drawn_arrays()["T1"], affine)
    spoken = forecast(patient)
    assert spoken.code == 0, spoken.err
    assert "T1 lies on another grid than FLAIR" in spoken.err


def _replaced(name: str, change) -> object:
    def spoil(folder: Path) -> None:
        write_volume(folder / f"{name}.nii.gz", change(drawn_arrays()[name].copy()))

    return spoil


def _nan(folder: Path) -> None:
    array = drawn_arrays()["T1"].copy()
    array[0, 0, 0] = np.nan
    write_volume(folder / "T1.nii.gz", array)


def _four(folder: Path) -> None:
    array = np.repeat(drawn_arrays()["T1"].transpose(2, 1, 0)[..., None], 3, axis=3)
    Nifti1Image(array, np.diag([3.0, 3.0, 6.0, 1.0])).to_filename(folder / "T1.nii.gz")


def _elsewhere(folder: Path) -> None:
    affine = PATIENT_GRID.affine.copy()
    affine[:3, 3] += 400
    write_volume(folder / "T1.nii.gz", drawn_arrays()["T1"], affine)


def _second(folder: Path) -> None:
    (folder / "T1.nii.gz").rename(folder / "sub-02_T1w.nii.gz")
    (folder / "FLAIR.nii.gz").rename(folder / "sub-01_FLAIR.nii.gz")


def _cut(folder: Path) -> None:
    path = folder / "FLAIR.nii.gz"
    path.write_bytes(path.read_bytes()[:4000])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_replaced("lesions", lambda a: a * 2), ("`lesions`", "0 and 1 only")),
        (_replaced("lesions", lambda a: a[..., ::-1]), ("`lesions`", "flipped left to right")),
        (_replaced("brain", lambda a: a * 0), ("`brain`", "at least one voxel")),
        (_nan, ("NaN",)),
        (_four, ("T1.nii.gz", "no single volume")),
        (_elsewhere, ("`T1`", "same place")),
        (_second, ("one subject",)),
        (_cut, ("FLAIR.nii.gz", "truncated")),
    ],
)
def test_a_spoilt_visit_is_refused_in_one_sentence(forecast, patient, tmp_path, spoil, told):
    spoil(patient)
    refused(forecast(patient), *told)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--treatment", "fingolimodd"), ("fingolimod",)),
        (("--versus", "fingolimod"), ("`versus`",)),
        (("--versus", "placibo"), ("placebo",)),
        (("--horizon", "2"), ("`--horizon`", "18mo")),
        (("--samples", 0), ("`samples`",)),
        (("--seed", -1), ("`seed`",)),
        (("--edss", -2), ("`edss`",)),
        (("--registration", "affine"), ("rigid",)),
        (("--model", "lesions-mimi"), ("lesions-mimi",)),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(forecast, patient, words, told):
    refused(forecast(patient, *words), *told)


def test_nothing_at_all_is_refused(forecast, tmp_path):
    refused(forecast(), "`inputs`", "--flair FILE")
    refused(forecast(tmp_path / "missing"), "does not exist")
