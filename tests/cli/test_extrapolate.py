"""`sequela extrapolate`: from files and dates to a run folder, or one sentence and nothing."""

import json

import nibabel
import numpy as np
import pytest

from sequela.cli.many_values import spread_values
from sequela.io import read_run, read_volume, write_array
from sequela.simulators.lungs.example import example_patient
from tests.cli.conftest import call
from tests.io.series import write_series
from tests.simulators.lung_samples import GRID, lungs, volume, write_model

DATES = ("--dates", "2020-01-01", "2021-01-01")
QUICK = ("--registration", "none", "--frames", 2, "--lung-finder", "threshold")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    return [
        write_array(folder / name, volume(dense=dense, seed=seed), affine=GRID.affine)
        for seed, (name, dense) in enumerate((("first", 0.0), ("second", 0.2)))
    ]


def run(model, *words, out):
    return call("extrapolate", "--model", model, *QUICK, "--out", out, *words)


@pytest.fixture(scope="module")
def folder(model, files, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "run"
    asked = ("--horizon", "2y", "--every", "6mo", "--codes", "--json", "--age", 70)
    done = run(model, *files, *DATES, *asked, out=out)
    assert done.code == 0, done.err
    return out, json.loads(done.out)


def test_a_run_has_states_record_video_page_and_figures(folder):
    out, told = folder
    assert [state["kind"] for state in told["states"]] == [
        "observed",
        "interpolated",
        "observed",
        "simulated",
        "simulated",
    ]
    assert told["states"][-1]["date"] == "2021-12-31"
    for name in ("record.json", "trajectory.json", "video.mp4", "report.html"):
        assert (out / name).stat().st_size > 0
    assert (out / "figures" / "registration.png").is_file()
    assert (out / "figures" / "codes.png").is_file()
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "In three planes" in page
    assert "Fibrosis extent" in page


def test_states_are_nifti_in_the_baselines_geometry(folder, files):
    out, _ = folder
    first, last = (nibabel.load(p) for p in (files[0], out / "states" / "004.nii.gz"))
    assert np.allclose(first.affine, last.affine)
    assert first.shape == last.shape
    assert "Synthetic=YES" in str(last.header["descrip"])
    outside = ~lungs().transpose(2, 1, 0)
    gap = np.asarray(first.dataobj)[outside] != np.asarray(last.dataobj)[outside]
    assert gap.mean() < 0.02  # the mask that was found is not the drawn one to the voxel


def test_no_date_and_no_folder_is_written_into_the_run(folder, files):
    out, _ = folder
    for name in ("record.json", "trajectory.json"):
        words = (out / name).read_text(encoding="utf-8")
        assert "2020-01-01" not in words
        assert str(files[0].parent) not in words


def test_a_run_is_replayed_to_the_bit(folder, model):
    done = call("replay", folder[0], "--model", model)
    assert done.code == 0, done.err
    assert "Identical" in done.out


def test_one_scan_alone_follows_the_population(model, files, tmp_path):
    done = run(model, files[0], "--horizon", "1y", out=tmp_path / "run")
    assert done.code == 0, done.err
    record = read_run(tmp_path / "run").record
    assert record.method == "population-drift"
    assert call("replay", tmp_path / "run", "--model", model).out.startswith("Identical")


def test_days_can_be_asked_for_by_date(model, files, tmp_path):
    asked = ("--at", "2020-07-01", "2022-01-01")
    done = run(model, *files, *DATES, *asked, "--json", out=tmp_path / "run")
    days = [state["date"] for state in json.loads(done.out)["states"]]
    assert days == ["2020-01-01", "2020-07-01", "2021-01-01", "2022-01-01"]


def test_a_plan_writes_nothing(model, files, tmp_path):
    done = run(model, *files, *DATES, "--dry-run", out=tmp_path / "run")
    assert done.code == 0
    assert "Nothing was written" in done.out
    assert not (tmp_path / "run").exists()


def test_bridge_of_two_volumes_draws_states_between(model, files, tmp_path):
    done = call(
        "bridge", *files, *DATES, "--model", model, "--registration", "none", "--frames", 2,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.code == 0, done.err
    states = read_run(tmp_path / "run").states
    assert [s.kind for s in states] == ["observed", *["interpolated"] * 3, "observed"]


def test_dicom_dates_are_used_and_states_are_written_as_series(model, tmp_path):
    folders = [
        write_series(
            tmp_path / name, volume(), step=12.0, PixelSpacing=[9.0, 9.0], AcquisitionDate=day
        )
        for name, day in (("a", "20200101"), ("b", "20210101"))
    ]
    done = run(model, *folders, "--at", "2020-07-01", "--json", "--dicom", out=tmp_path / "run")
    assert done.code == 0, done.err
    assert json.loads(done.out)["states"][2]["date"] == "2021-01-01"
    written = read_volume(tmp_path / "run" / "dicom" / "001").scan
    state = read_run(tmp_path / "run").states[1].image
    assert np.array_equal(written.array, state)
    assert np.allclose(written.affine, read_volume(folders[0]).scan.affine)


def test_the_bundled_patient_is_that_of_its_seed():
    example = example_patient()
    drawn = example.patient.scan(example.days[1] / 365.25).astype(np.int16)
    stored = np.asarray(nibabel.load(example.paths[1]).dataobj).transpose(2, 1, 0)
    assert np.array_equal(stored, drawn)


def test_values_of_an_option_go_on_until_the_next_option_or_file(tmp_path):
    here = tmp_path / "scan"
    here.touch()
    words = ["--dates", "2020-01-01", "2021-01-01", str(here), "--out", "run", "x"]
    assert spread_values(words, ("--dates",)) == [
        "--dates", "2020-01-01", "--dates", "2021-01-01", str(here), "--out", "run", "x",
    ]  # fmt: skip


def other_patient(folder, files):
    made = [
        write_series(folder / name, volume(), step=12.0, PatientID=name, PixelSpacing=[9.0, 9.0])
        for name in ("a", "b")
    ]
    return [*made, *DATES]


def time_series(folder):
    image = nibabel.Nifti1Image(np.zeros((32, 32, 16, 3), np.int16), np.eye(4))
    nibabel.save(image, folder / "4d.nii.gz")
    return folder / "4d.nii.gz"


def saved(folder, values, affine=GRID.affine):
    return write_array(folder / "made", values, affine=affine)


def lost(folder):
    image = nibabel.Nifti1Image(volume().transpose(2, 1, 0), None)
    nibabel.save(image, folder / "lost.nii.gz")
    return folder / "lost.nii.gz"


def mixed(folder):
    write_series(folder / "ct", volume())
    return write_series(folder / "ct", volume(), prefix="b", SeriesInstanceUID="9")


REFUSED = {
    "a slice missing": lambda d, f: [write_series(d / "ct", volume(), skip=(4,)), f[1], *DATES],
    "two series mixed": lambda d, f: [mixed(d), f[1], *DATES],
    "scans of different patients": other_patient,
    "same date twice": lambda d, f: [*f, "--dates", "2020-01-01", "2020-01-01"],
    "dates out of order": lambda d, f: [*f, "--dates", "2021-01-01", "2020-01-01"],
    "a date too few": lambda d, f: [*f, "--dates", "2021-01-01"],
    "no dates": lambda d, f: list(f),
    "a 4-D NIfTI": lambda d, f: [time_series(d), f[1], *DATES],
    "broken orientation": lambda d, f: [lost(d), f[1], *DATES],
    "MR instead of CT": lambda d, f: [saved(d, np.abs(volume()).astype(np.int16)), f[1], *DATES],
    "no lungs": lambda d, f: [
        saved(d, np.where(lungs(), 40, volume()).astype(np.int16)), f[1], *DATES
    ],
    "empty lung mask": lambda d, f: [
        *f, *DATES, "--lungs", saved(d, np.eye(32, dtype=np.uint8)[None].repeat(16, 0) * 0 + 0)
    ],
    "horizon before baseline": lambda d, f: [*f, *DATES, "--at", "2019-06-01"],
    "a horizon of 200 years": lambda d, f: [*f, *DATES, "--horizon", "200y"],
    "a horizon of 30 years": lambda d, f: [*f, *DATES, "--horizon", "30y"],
    "an unknown model": lambda d, f: [*f, *DATES, "--model", "lung-mini"],
    "a picture": lambda d, f: [write_array(d / "p", volume()[4].astype(np.uint16)), f[1], *DATES],
    "samples without chance": lambda d, f: [*f, *DATES, "--samples", "3"],
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_sentence_and_leaves_nothing(name, model, files, tmp_path):
    (tmp_path / "in").mkdir()
    done = run(model, *REFUSED[name](tmp_path / "in", files), out=tmp_path / "run")
    assert done.code == 2, done.err
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_different_patients_pass_when_told(model, tmp_path):
    words = other_patient(tmp_path, [])
    done = run(
        model, *words, "--allow-different-patients", "--at", "2020-06-01", out=tmp_path / "r"
    )
    assert done.code == 0, done.err
