"""The lesion forecaster on a handful of drawn patients: run, resume, export what loads."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sequela.core import InvalidInputError
from sequela.simulators.lesions.burden import burden_of
from sequela.simulators.lesions.store import load_lesion_forecaster
from sequela.training import read_recipe, run_recipe
from sequela.training.lesion_cases import CaseSettings, draw_cases
from sequela.training.lesion_settings import LesionForecastNetwork

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

RECIPE = """
name = "tiny"
objective = "lesion-forecast"
[card]
licence = "drawn"
[data]
sets = ["synthetic-trial"]
[network]
patients = 3
forms = 4
held_out = 1
image_width = 2
width = 4
depth = 1
condition_width = 8
count_width = 4
near_width = 2
draws = 2
form_rows = 8
calibration_patients = 1
{more}
[optimiser]
steps = 3
batch_size = 1
warmup_steps = 1
[log]
every = 1
evaluate_every = 3
checkpoint_every = 2
"""


def recipe(folder, more=""):
    path = folder / "tiny.toml"
    path.write_text(RECIPE.format(more=more))
    return read_recipe(path)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lesions")
    run_recipe(recipe(folder), data=folder, out=folder / "one")
    return folder


def test_a_stopped_and_resumed_training_has_the_same_weights(work):
    def stop(step, steps, loss):
        if step == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_recipe(recipe(work), data=work, out=work / "two", progress=stop)
    run_recipe(recipe(work), data=work, out=work / "two")
    straight, resumed = (
        load_file(work / name / "checkpoint" / "networks.safetensors") for name in ("one", "two")
    )
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)


def test_the_exported_network_loads_and_its_card_tells_whom_it_saw(work):
    network, card = load_lesion_forecaster(str(work / "one" / "model.safetensors"))
    assert card["name"] == "tiny"
    assert card["licence"] == "drawn"
    assert card["data"]["training_patients"] == 3
    assert card["inputs"]["longest_years"] == network.config.longest_years
    assert (work / "one" / "held_out.csv").read_text().startswith("step,counts")


def test_a_network_without_noise_learns_and_goes_on_from_another(work):
    made = recipe(work, 'is_deterministic = true\nstart = "one"')
    run_recipe(made, data=work, out=work / "unet")
    network, card = load_lesion_forecaster(str(work / "unet" / "model.safetensors"))
    before, _ = load_lesion_forecaster(str(work / "one" / "model.safetensors"))
    assert card["is_deterministic"]
    moved = [
        float((a - b).abs().max())
        for a, b in zip(network.parameters(), before.parameters(), strict=True)
    ]
    assert 0 < max(moved) < 0.1  # three steps away from where it began, not from random weights


def test_drawing_goes_on_where_it_stopped_and_keeps_patients_whole(tmp_path):
    settings = CaseSettings(first_seed=50, count=2, visits=2)

    def stop(done, count):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        draw_cases(settings, tmp_path, progress=stop)
    table = tmp_path / settings.key / "forms.jsonl"
    with table.open("a") as lines:
        lines.write('{"seed": 51, "cut off')
    cases = draw_cases(settings, tmp_path)
    assert [form.seed for form in cases.forms] == [50, 51]
    for index, form in enumerate(cases.forms):
        visit, last = cases.visit(index), form.visits[-1]
        assert burden_of(visit).lesions == form.burden.lesions
        assert len(last.voxels) == cases.net2(index, 1).sum()
        assert not (cases.net2(index, 1) & visit.lesions).any()
        assert 0 <= form.visits[0].years < 1.5 <= last.years <= 3.0
        assert form.question(1).treatment == form.arm


def test_forms_are_those_of_the_same_patients_with_images(tmp_path):
    full, plain = (
        draw_cases(CaseSettings(first_seed=60, count=1, visits=2, has_images=kept), tmp_path)
        for kept in (True, False)
    )
    one, other = full.forms[0], plain.forms[0]
    assert (one.burden, one.arm, one.facts) == (other.burden, other.arm, other.facts)
    assert [v.lesions for v in one.visits] == [v.lesions for v in other.visits]
    assert not other.visits[0].voxels
    assert plain.images.shape[0] == 0
    assert (
        json.loads(
            (tmp_path / CaseSettings(first_seed=60, count=1, visits=2).key / "forms.jsonl")
            .read_text()
            .splitlines()[0]
        )["seed"]
        == 60
    )
    assert np.isfinite(full.visit(0).images).all()


def test_shares_in_a_recipe_are_shares():
    with pytest.raises(InvalidInputError, match="`pure_noise`"):
        LesionForecastNetwork(pure_noise=1.5)
