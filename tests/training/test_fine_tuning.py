"""Fine-tuning Stable Diffusion by the paper's recipes, on miniature data and models."""

import json

import pytest
import torch
from typer.testing import CliRunner

from sequela.backbones import load_backbone
from sequela.cli import app
from sequela.core import InvalidInputError
from sequela.training import read_recipe, run_recipe
from sequela.training.data import ImageSet, step_generator
from sequela.training.objectives.fine_tuning import FineTuningObjective
from tests.backbones.tiny_models import tiny_sd, tiny_sd3, tiny_sdxl
from tests.training.fine_tuned import DRAWN, RECIPES, losses, miniature, recipe_with

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
CPU = torch.device("cpu")
LATENTS = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "sd": tiny_sd(root / "sd"),
        "sd2": tiny_sd(root / "sd2", prediction="v_prediction"),
        "sdxl": tiny_sdxl(root / "sdxl"),
        "sd3": tiny_sd3(root / "sd3"),
    }


@pytest.fixture(scope="session")
def sets(tmp_path_factory):
    return {name: draw(tmp_path_factory.mktemp(name)) for name, draw in DRAWN.items()}


@pytest.fixture(scope="module")
def trained(models, sets, tmp_path_factory):
    """The paper's recipe for skin, straight through."""
    out = tmp_path_factory.mktemp("trained")
    run_recipe(miniature("paper_skin", models["sd"]), data=sets["paper_skin"], out=out)
    return out


def images(findings, count=4):
    return ImageSet(
        images=torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1,
        findings=findings,
        views=("",) * count,
    )


def objective(model, findings=((), ("melanoma",), None, ("melanoma",)), *, network=None, **data):
    recipe = recipe_with(miniature("paper_skin", model, network=network), **data)
    return FineTuningObjective(recipe, images(findings), images(findings), CPU)


@pytest.mark.parametrize(("name", "side"), [("chest", 512), ("skin", 128), ("fundus", 512)])
def test_a_paper_recipe_holds_the_published_values(name, side):
    recipe = read_recipe(RECIPES / f"paper_{name}.toml")
    values = recipe.optimiser
    assert (values.name, values.weight_decay, values.clip_norm) == ("adamw", 0.01, 1.0)
    assert (values.steps, values.warmup_steps, values.learning_rate) == (20_000, 500, 5e-5)
    assert values.batch_size * values.accumulation == 32
    assert (recipe.data.image_size, recipe.data.framing, recipe.data.varies) == (
        side,
        "centre",
        False,
    )
    assert recipe.network.caption_dropout == 0


def test_a_stopped_and_resumed_fine_tuning_gives_the_same_curve(trained, models, sets, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(step, steps, loss):
        if step == 3:  # one update after the checkpoint, which is lost and done again
            raise StoppedError

    recipe, data = miniature("paper_skin", models["sd"]), sets["paper_skin"]
    with pytest.raises(StoppedError):
        run_recipe(recipe, data=data, out=tmp_path, progress=stop)
    run_recipe(recipe, data=data, out=tmp_path)
    for table in ("curves.csv", "held_out.csv"):
        assert (tmp_path / table).read_bytes() == (trained / table).read_bytes()
    assert len(losses(tmp_path)) == 4


@pytest.mark.parametrize("name", ["paper_chest", "paper_fundus"])
def test_the_other_recipes_train_on_their_sets_too(name, models, sets, tmp_path):
    run_recipe(miniature(name, models["sd"], steps=1), data=sets[name], out=tmp_path)
    assert (tmp_path / "model" / "unet" / "config.json").is_file()


def test_the_whole_denoiser_is_written_where_simulate_finds_it(trained, models):
    folder = trained / "model"
    assert (folder / "unet" / "config.json").is_file()
    assert not (folder / "text_encoder").exists()
    tuned, plain = load_backbone(models["sd"], unet=folder), load_backbone(models["sd"])
    words = plain.embed(["edema"])
    assert not torch.equal(tuned.denoise(LATENTS, 500, words), plain.denoise(LATENTS, 500, words))
    card = json.loads((folder / "card.json").read_text())
    assert card["domain"] == "skin"
    assert card["fine_tuned_from"]["name"] == "sd"


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl", "sd3"])
@pytest.mark.parametrize("rank", [0, 4])
def test_what_is_written_predicts_what_was_trained(family, rank, models, tmp_path):
    tuning = objective(models[family], network={"lora_rank": rank})
    with torch.no_grad():
        for index, weight in enumerate(tuning.networks.parameters()):
            if weight.requires_grad:
                draw = torch.Generator().manual_seed(index)
                weight += 0.1 * torch.randn(weight.shape, generator=draw)
    tuning.export(tuning.networks, tmp_path)
    loaded = load_backbone(models[family], unet=tmp_path)
    here = tuning.networks.backbone
    words, plain = here.embed(["edema"]), load_backbone(models[family])
    expected = here.denoise(LATENTS, 500, words)
    torch.testing.assert_close(loaded.denoise(LATENTS, 500, words), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(plain.denoise(LATENTS, 500, words), expected, atol=2e-3)


def test_simulate_takes_a_fine_tuned_folder(trained, models, tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 40), (120, 80, 60)).save(tmp_path / "mole.png")
    asked = ["simulate", str(tmp_path / "mole.png"), "--out", str(tmp_path / "run")]
    asked += ["--prompt", "An image of skin,melanoma", "--domain", "skin", "--region", "none"]
    asked += ["--model", str(models["sd"]), "--unet", str(trained / "model")]
    asked += ["--steps", "1", "--denoising-steps", "2", "--transition", "none", "--device", "cpu"]
    done = CliRunner().invoke(app, [*asked, "--skip-domain-check"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run" / "states" / "001.png").is_file()


@pytest.mark.parametrize("family", ["sd", "sd2", "sd3"])
def test_the_loss_of_a_model_that_predicts_nothing_is_the_size_of_what_it_should(family, models):
    tuning = objective(models[family])
    network = tuning.networks.denoiser
    last = network.conv_out if hasattr(network, "conv_out") else network.proj_out
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    shown, draws, timesteps, captions = tuning.batch(4, step_generator(0, 0), 0)
    posterior = tuning.networks.backbone.encode(shown)
    latents = posterior.mean + posterior.std * draws[0]
    schedule = tuning.networks.backbone.schedule
    alpha, sigma = (
        x[timesteps].float().view(-1, 1, 1, 1) for x in (schedule.alpha, schedule.sigma)
    )
    wanted = {
        "sd": draws[1],
        "sd2": alpha * draws[1] - sigma * latents,
        "sd3": draws[1] - latents,
    }[family]
    loss = tuning.networks(shown, draws, timesteps, captions)["loss"]
    torch.testing.assert_close(loss, wanted.square().mean(), rtol=1e-4, atol=1e-5)


def test_only_the_denoiser_learns_and_with_a_lora_only_its_changes(models):
    for rank, expected in ((0, {"denoiser"}), (2, {"denoiser"})):
        networks = objective(models["sd"], network={"lora_rank": rank}).networks
        learned = [n for n, p in networks.named_parameters() if p.requires_grad]
        assert {name.split(".")[0] for name in learned} == expected
        assert all("lora_" in name for name in learned) == bool(rank)


def test_checkpoints_hold_only_what_learns(models, sets, tmp_path):
    from safetensors.torch import load_file

    recipe = miniature("paper_skin", models["sd"], network={"lora_rank": 2}, steps=1, ema_decay=0.5)
    run_recipe(recipe, data=sets["paper_skin"], out=tmp_path)
    for name in ("networks", "averaged"):
        stored = load_file(tmp_path / "checkpoint" / f"{name}.safetensors")
        assert stored
        assert all("lora_" in key for key in stored)


def test_captions_are_published_ones_and_the_unknown_is_not_called_healthy(models):
    tuning = objective(models["sd"])
    assert tuning.caption(("melanoma",)) == "An image of skin,melanoma"
    assert tuning.caption(()) == "An image of skin,melanocytic nevi"
    assert tuning.caption(None) == "An image of skin"


def test_captions_are_dropped_as_often_as_asked(models):
    findings = (("melanoma",),) * 4
    kept = objective(models["sd"], findings).batch(200, step_generator(0, 0), 0)[3]
    assert "" not in kept
    dropping = objective(models["sd"], findings, network={"caption_dropout": 0.3})
    dropped = dropping.batch(200, step_generator(0, 0), 0)[3]
    assert 0.2 < dropped.count("") / 200 < 0.4


@pytest.mark.parametrize("wrong", [{"channels": 1}, {"image_size": 33}])
def test_images_the_model_cannot_read_are_refused(wrong, models):
    with pytest.raises(InvalidInputError, match=r"channels = 3 .* multiple of 2 for sd, got"):
        objective(models["sd"], **wrong)


def test_a_few_shot_adapter_is_trained_on_the_few_alone(models, sets, tmp_path):
    recipe = miniature("few-shot-skin", models["sd"], steps=1)
    recipe = recipe_with(recipe, findings=(), shots=1)  # one image of each is all that is held out
    folder = run_recipe(recipe, data=sets["paper_skin"], out=tmp_path)
    card = json.loads((folder / "card.json").read_text())
    assert card["lora_rank"] == 8
    assert card["data"]["training_images"] == 1
    assert not (folder / "unet").exists()
