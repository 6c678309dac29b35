"""The bundled lung model keeps its promises: card, determinism, lungs only, better than waiting."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from sequela.cohorts.synthetic.lungs import draw_patient
from sequela.simulators.baselines.lungs import last_scan, linear
from sequela.simulators.lungs import LungEngine, load_codec, load_forecaster
from sequela.training.lung_scans import facts_of

FOLDER = Path(str(files("sequela"))) / "assets" / "models" / "lungs-mini"
SEED = 2_000_014  # of the test cohort


@pytest.fixture(scope="module")
def engine():
    codec, _ = load_codec(FOLDER / "codec.safetensors")
    forecaster, _ = load_forecaster(FOLDER / "forecaster.safetensors")
    return LungEngine(codec=codec, forecaster=forecaster)


@pytest.fixture(scope="module")
def patient():
    return draw_patient(SEED, law="logistic", arm="placebo")


def told(engine, patient, years, asked):
    facts = facts_of(patient)
    scans = torch.from_numpy(np.stack([patient.scan(y) for y in years]).astype(np.float32))
    made = engine.forecast(
        scans,
        torch.tensor(years),
        torch.from_numpy(patient.lung_mask()),
        torch.tensor(asked),
        facts=torch.tensor([facts[name] for name in engine.forecaster.config.facts]),
    )
    return scans.numpy(), made.numpy()


def test_the_card_tells_what_goes_in_and_how_good_it_is():
    card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    assert card["inputs"]["modality"] == "CT"
    assert card["inputs"]["shape"] == [32, 96, 96]
    assert card["licence"] if "licence" in card else card["forecaster"]["licence"]
    assert card["figures"]
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    assert size < 3e6


def test_the_same_question_has_the_same_answer_and_only_lungs_change(engine, patient):
    scans, made = told(engine, patient, [0.0, 1.0], [2.5])
    _, again = told(engine, patient, [0.0, 1.0], [2.5])
    np.testing.assert_array_equal(made, again)
    outside = ~patient.lung_mask()
    np.testing.assert_array_equal(made[0][outside], scans[0][outside])
    assert np.isfinite(made).all()


def test_years_ahead_it_beats_waiting_and_a_line(engine, patient):
    years, asked, inside = [0.0, 1.0], [3.5], patient.lung_mask()
    scans, made = told(engine, patient, years, asked)
    truth = patient.truth(3.5)

    def error(volume):
        return float(
            np.square(np.clip(volume, -1000, 400) - np.clip(truth, -1000, 400))[inside].mean()
        )

    given = np.array(years), np.array(asked)
    assert error(made[0]) < 0.8 * error(last_scan(scans, *given)[0])
    assert error(made[0]) < error(linear(scans, *given)[0])


def test_fibrosis_grows_with_time(engine, patient):
    _, made = told(engine, patient, [0.0, 1.0], [1.5, 3.0, 4.5])
    means = [float(volume[patient.lung_mask()].mean()) for volume in made]
    assert means[0] < means[1] < means[2]
