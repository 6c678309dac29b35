"""The main job on real films: whole runs, exact outside the lungs."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sequela
from sequela.cli import app
from sequela.cohorts import load_cohorts
from sequela.core import Window
from sequela.imaging import channels_first, resize
from sequela.io import DicomSeries, write_derived_dicom

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def films():
    """Healthy test films of the NIH subset."""
    folder = os.environ.get("SEQUELA_DATA")
    if not folder:
        pytest.skip("SEQUELA_DATA names no folder with the public images")
    examples = load_cohorts(("cxr-nih",), Path(folder))
    return [e.path for e in examples if e.split == "test" and not e.findings]


def simulated(path: Path, out: Path) -> dict:
    done = CliRunner().invoke(
        app, ["simulate", str(path), "--disease", "pneumonia", "--out", str(out), "--json"]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def exact(run: Path) -> None:
    trajectory = sequela.open_run(run)
    outside = trajectory.regions["effective"].array == 0
    assert 0.2 < outside.mean() < 0.95
    for state in trajectory.states:
        assert np.array_equal(state.image[outside], trajectory.scan.array[outside])


def test_a_film_becomes_a_whole_run_that_is_exact_outside_the_lungs(films, tmp_path):
    summary = simulated(films[0], tmp_path / "run")
    assert summary["states"] == 11
    assert summary["frames"] == 10 * 11 + 1
    for name in ("record.json", "scores.csv", "video.mp4", "video.gif", "report.html"):
        assert (tmp_path / "run" / name).stat().st_size > 0
    exact(tmp_path / "run")


def test_a_large_16_bit_dicom_is_exact_outside_the_lungs(films, tmp_path):
    scan = sequela.read(films[1])
    large = resize(channels_first(scan.array).astype(np.float32), (2500, 2000))[0]
    stored = np.clip(np.rint(large * 16), 0, 4095).astype(np.uint16)
    wrapped = replace(scan, array=stored, window=Window(low=0, high=4095, origin="dtype"))
    path = tmp_path / "film.dcm"
    write_derived_dicom(wrapped, stored, path, description="film", series=DicomSeries.new())
    assert simulated(path, tmp_path / "run")["states"] == 11
    exact(tmp_path / "run")
    assert sequela.open_run(tmp_path / "run").scan.array.dtype == np.uint16


def test_patients_of_the_real_cohorts_are_on_one_side_of_the_split(films):
    examples = load_cohorts(("cxr-nih", "cxr-time-open"), Path(os.environ["SEQUELA_DATA"]))
    assert len(examples) > 900  # the adapters check the split while they read
