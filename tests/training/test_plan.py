"""What a recipe will take is told before it is trained, with the model and data or without."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from sequela.cli import app
from sequela.training import plan_of, read_recipe
from sequela.training.cost import cost_of, find_here
from tests.backbones.tiny_models import tiny_sd, tiny_sd3, tiny_sdxl
from tests.cohorts.layouts import draw_isic_2018
from tests.training.fine_tuned import RECIPES, miniature

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "sd": tiny_sd(root / "sd"),
        "sdxl": tiny_sdxl(root / "sdxl"),
        "sd3": tiny_sd3(root / "sd3"),
    }


def dry_run(name: str, *more: str, env=None):
    return CliRunner().invoke(app, ["train", str(RECIPES / name), "--dry-run", *more], env=env)


@pytest.mark.parametrize(
    ("name", "side"),
    [("chest", 512), ("skin", 128), pytest.param("fundus", 512, marks=pytest.mark.slow)],
)
def test_a_dry_run_tells_steps_memory_and_time_with_nothing_here(name, side, tmp_path):
    done = dry_run(f"paper_{name}.toml", "--data", str(tmp_path))
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert f"steps: 20000 updates of 32 images (8 at a time, 4 times), {side} px" in done.output
    assert "weights: 859.5 M learn, 206.7 M stay" in lines  # Stable Diffusion 1.4, published
    assert [line.split(":")[0] for line in lines[3:]] == ["memory", "time", "missing", "missing"]
    assert "must hold" in lines[-2]
    assert "is not on this machine" in lines[-1]


def test_a_dry_run_of_another_objective_tells_its_steps():
    done = dry_run("chest-mini.toml", env={"SEQUELA_DATA": ""})
    assert done.exit_code == 0, done.output
    assert "steps: 3000 updates of 16 images" in done.output
    assert "not estimated" in done.output


def test_with_data_and_model_here_the_plan_counts_and_times_them(models, tmp_path):
    recipe = miniature("paper_skin", models["sd"], steps=20)
    plan = plan_of(recipe, draw_isic_2018(tmp_path))
    assert plan.images == (8, 1)
    assert plan.images_shown == 40
    assert plan.missing == ()
    assert plan.measured_s > 0
    assert any("8 to learn from, 1 held out; 5.0 rounds" in line for line in plan.lines)
    assert any(line.startswith("time here: about") for line in plan.lines)


def test_training_without_a_folder_is_refused_in_one_sentence():
    for given in ([], ["--data", "DIR"]):
        asked = ["train", str(RECIPES / "paper_skin.toml"), *given]
        done = CliRunner().invoke(app, asked, env={"SEQUELA_DATA": ""})
        assert done.exit_code == 2
        assert "must name a folder to train, got none" in done.output


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_low_rank_changes_and_checkpointing_cost_less_memory(family, models):
    plain = cost_of(miniature("paper_skin", models[family]), models[family])
    small = miniature("paper_skin", models[family], network={"lora_rank": 2})
    lora = cost_of(small, models[family])
    again = miniature("paper_skin", models[family], network={"gradient_checkpointing": True})
    checkpointed = cost_of(again, models[family])
    assert lora.learned < plain.learned
    assert lora.frozen > plain.frozen
    assert lora.state_gb < plain.state_gb
    if family != "sd3":  # the tiny one has a single block, which must be computed again whole
        assert checkpointed.kept_gb < plain.kept_gb
    assert checkpointed.teraflops_per_image > plain.teraflops_per_image
    assert plain.memory_gb > plain.state_gb


def test_more_pixels_cost_more(models):
    recipe = miniature("paper_skin", models["sd"])
    large = replace(recipe, data=replace(recipe.data, image_size=64))
    small, big = (cost_of(r, models["sd"]) for r in (recipe, large))
    assert 3 < big.kept_gb / small.kept_gb < 5
    assert 3 < big.teraflops_per_image / small.teraflops_per_image < 8


def test_nothing_is_fetched_to_look_for_a_model(models):
    assert find_here(str(models["sd"])) == models["sd"]
    assert find_here(read_recipe(RECIPES / "paper_skin.toml").network.model) is None
    assert find_here("nowhere") is None
