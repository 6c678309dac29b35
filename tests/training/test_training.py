"""Training on a handful of drawn films: runs, resumes exactly, exports what loads."""

import json
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file, save_file

import sequela
from sequela.core import CheckpointError
from sequela.training import read_recipe, run_recipe
from sequela.training.data import ImageSet
from tests.simulators.scans import drawn
from tests.training.conftest import AUTOENCODER, DIFFUSION

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def trained(folder, data, text, steps, *, checkpoint=100):
    recipe = folder.parent / f"{folder.name}.toml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(text.format(steps=steps, checkpoint=checkpoint))
    return run_recipe(read_recipe(recipe), data=data, out=folder)


def averaged(folder):
    return load_file(folder / "checkpoint" / "averaged.safetensors")


@pytest.fixture(scope="module")
def work(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("work")
    trained(folder / "autoencoder", data, AUTOENCODER, 4)
    return folder


@pytest.fixture(scope="module")
def model(work, data):
    return trained(work / "diffusion", data, DIFFUSION, 4)


class InterruptedTrainingError(Exception):
    pass


@pytest.mark.parametrize("name", ["autoencoder", "diffusion"])
def test_a_stopped_and_resumed_training_gives_the_same_weights(work, model, data, name):
    text = {"autoencoder": AUTOENCODER, "diffusion": DIFFUSION}[name]
    path = work / f"{name}-2.toml"
    path.write_text(text.format(steps=4, checkpoint=2))
    out = work / f"{name}-2"

    def stop(step, steps, loss):
        if step == 3:  # one update after the checkpoint, which is lost and done again
            raise InterruptedTrainingError

    with pytest.raises(InterruptedTrainingError):
        run_recipe(read_recipe(path), data=data, out=out, progress=stop)
    run_recipe(read_recipe(path), data=data, out=out)
    straight, resumed = averaged(work / name), averaged(out)
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)


def test_the_exported_pipeline_simulates(model):
    editor = sequela.load(model=str(model), device="cpu", num_steps=1)
    made = editor.simulate(drawn((40, 40)), condition="pneumonia")
    assert len(made.states) == 2
    card = json.loads((model / "card.json").read_text())
    assert card["name"] == "tiny"
    assert not any("_name_or_path" in p.read_text() for p in model.glob("*/config.json"))
    assert card["licence"] == "drawn"
    assert card["data"] == {"sets": ["cxr-nih"], "training_images": 4, "held_out_images": 2}


def test_a_codec_of_patches_is_fitted_on_the_way_and_loads_again(tmp_path, data):
    text = DIFFUSION.replace("[network]", "[network]\npatch_components = 3")
    folder = trained(tmp_path / "patches", data, text, 2)
    editor = sequela.load(model=str(folder), device="cpu", num_steps=1)
    assert len(editor.simulate(drawn((40, 40)), condition="pneumonia").states) == 2
    assert editor.backbone.vae.config.latent_channels == 3
    kept = tmp_path / "patches" / "codec" / "diffusion_pytorch_model.safetensors"
    weights = load_file(kept)
    save_file({name: -value for name, value in weights.items()}, kept)
    (tmp_path / "patches" / "latents.safetensors").unlink()
    again = trained(tmp_path / "patches", data, text, 3)  # goes on with the codec it began with
    assert torch.equal(
        load_file(next((again / "vae").glob("*.safetensors")))["mean"], -weights["mean"].half()
    )


def test_curves_and_samples_are_kept(work, model):
    lines = (work / "diffusion" / "curves.csv").read_text().splitlines()
    assert lines[0] == "step,loss,error"
    assert len(lines) == 5
    assert (work / "diffusion" / "held_out.csv").is_file()
    assert (work / "diffusion" / "samples" / "000004.png").is_file()


def test_a_checkpoint_of_another_network_is_refused(work, data):
    other = AUTOENCODER.replace("[8, 16]", "[8, 24]")
    with pytest.raises(CheckpointError, match="does not fit this recipe"):
        trained(work / "autoencoder", data, other, 4)


def test_diffusion_without_a_codec_says_what_to_run_first(tmp_path, data):
    with pytest.raises(CheckpointError, match="Run its recipe first"):
        trained(tmp_path / "alone" / "diffusion", data, DIFFUSION, 1)


def test_the_global_random_state_is_left_alone(work, data):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    trained(work / "again", data, AUTOENCODER, 1)
    assert torch.equal(before, torch.get_rng_state())


def test_balanced_views_are_shown_equally_often_in_each_group():
    findings = ((),) * 5 + (("Pneumonia",),) * 4 + (None,)
    views = ("PA", "AP", "AP", "AP", "AP", "PA", "PA", "PA", "AP", "AP")
    images = ImageSet(images=torch.zeros(10, 1, 2, 2), findings=findings, views=views)
    totals: Counter = Counter()
    for found, view, weight in zip(findings, views, images.view_weights.tolist(), strict=True):
        totals[found, view] += weight
    assert totals[(), "PA"] == pytest.approx(totals[(), "AP"]) == pytest.approx(2.5)
    assert totals[("Pneumonia",), "PA"] == pytest.approx(totals[("Pneumonia",), "AP"])
    assert totals[None, "AP"] == pytest.approx(1)
