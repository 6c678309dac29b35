"""Real chest CT: read, lungs found, coded; the elastix pair through registration and forecast."""

import os
from pathlib import Path

import numpy as np
import pytest

from sequela.imaging.grid import grid_of
from sequela.imaging.lung_field import find_lungs
from sequela.io import read_volume
from sequela.simulators.lungs.asked import ForecastRequest
from sequela.simulators.lungs.extrapolate import LungExtrapolation
from sequela.simulators.lungs.model import load_lung_model
from tests.simulators.lung_samples import write_model

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not os.environ.get("SEQUELA_DATA"), reason="SEQUELA_DATA names no folder"),
]
DATA = os.environ.get("SEQUELA_DATA")
FOLDER = Path(DATA or ".") / "ct_volumes"
# litres of lung, by eye right on a sheet of `benchmarks/lungs_real.py`
LITRES = {
    "cptac_C3N-00247": (4.2, 5.0),
    "lungdx_A0001": (5.1, 6.0),
    "lungdx_A0002": (2.4, 3.0),
    "radiomics_lung1": (2.6, 3.2),
    "totalseg_chest": (1.6, 2.0),
    "elastix_baseline_small": (3.0, 3.6),
    "elastix_followup_on_baseline": (3.0, 3.6),
}


@pytest.mark.parametrize("name", LITRES)
def test_lungs_of_real_scans_have_their_litres(name):
    scan = read_volume(FOLDER / f"{name}.nii.gz").scan
    litres = find_lungs(scan.array, grid_of(scan)).volume_ml / 1000
    assert LITRES[name][0] < litres < LITRES[name][1]


def test_a_real_pair_keeps_all_but_its_lungs(tmp_path):
    names = ("elastix_baseline_small", "elastix_followup_on_baseline")
    scans = [read_volume(FOLDER / f"{name}.nii.gz").scan for name in names]
    engine = LungExtrapolation(model=load_lung_model(str(write_model(tmp_path))))
    run = engine.simulate(scans, ForecastRequest(years=(0.0, 1.0), wanted_years=(2.0,)))
    inside = run.regions["effective"].array > 0
    for state in run.states:
        assert state.image.shape == scans[0].array.shape
        assert np.array_equal(state.image[~inside], scans[0].array[~inside])
    overlap = run.record.config["alignments"][0]["lung_overlap"]
    assert overlap[1] > 0.95
