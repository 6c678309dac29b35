"""Both stages of the 4D-VQ-GAN on a handful of drawn patients: run, resume, export what loads."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sequela.core import CheckpointError, InvalidInputError
from sequela.simulators.lungs import LungEngine, load_codec, load_forecaster
from sequela.training import read_recipe, run_recipe
from sequela.training.forecast_loss import energy, errors
from sequela.training.lung_latents import collate, given
from sequela.training.lung_scans import drawn_scans

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")

CODEC = """
name = "tiny"
objective = "vqgan"
[card]
licence = "drawn"
[data]
sets = ["synthetic-lungs"]
[network]
patients = 2
held_out = 1
shape = [32, 96, 96]
crop = [16, 24, 24]
crops_at_lungs = 0.5
width = 4
latent_channels = 4
codes = 16
decoder_blocks = 1
norm = "voxel"
lung_weight = 2.0
discriminator_from = 2
discriminator_width = 8
discriminator_layers = 1
[optimiser]
steps = 4
batch_size = 2
warmup_steps = 1
betas = [0.5, 0.9]
[log]
every = 1
evaluate_every = 4
checkpoint_every = {checkpoint}
"""

FORECAST = """
name = "tiny"
objective = "latent-forecast"
[data]
sets = ["synthetic-lungs"]
[network]
patients = 2
held_out = 1
hidden = 4
field_hidden = 4
is_time_aware = true
are_dates_exact = true
is_bridged = true
is_quantised = false
facts = ["age", "treated"]
solver = "midpoint"
modes = ["extrapolation", "baseline", "interpolation", "beginning", "reconstruction"]
[optimiser]
steps = 3
batch_size = 2
warmup_steps = 1
[log]
every = 1
evaluate_every = 3
checkpoint_every = 2
"""


def trained(text, out):
    path = out.parent / f"{out.name}.toml"
    path.write_text(text)
    return run_recipe(read_recipe(path), data=out.parent, out=out)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lungs")
    trained(CODEC.format(checkpoint=4), folder / "codec")
    return folder


def test_a_stopped_and_resumed_codec_has_the_same_weights_and_codes(work):
    out = work / "codec-2"
    path = work / "codec-2.toml"
    path.write_text(CODEC.format(checkpoint=3))

    def stop(step, steps, loss):
        if step == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_recipe(read_recipe(path), data=work, out=out, progress=stop)
    run_recipe(read_recipe(path), data=work, out=out)
    straight, resumed = (
        load_file(work / name / "checkpoint" / "networks.safetensors")
        for name in ("codec", "codec-2")
    )
    assert straight.keys() == resumed.keys()
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)
    assert straight["codec.codebook.is_started"]


def test_the_critics_count_from_their_step_on(work):
    lines = (work / "codec" / "curves.csv").read_text().splitlines()
    header = (work / "codec" / "held_out.csv").read_text().splitlines()[0]
    assert len(lines) >= 5
    assert "lung_psnr_db" in header
    assert "perplexity" in header
    assert (work / "codec" / "samples" / "000004.png").exists()


def test_both_stages_together_forecast_a_patient(work):
    trained(FORECAST, work / "forecast")
    codec, card = load_codec(work / "codec" / "model.safetensors")
    forecaster, _ = load_forecaster(work / "forecast" / "model.safetensors")
    assert card["data"]["training_patients"] == 2
    assert forecaster.config.facts == ("age", "treated")
    scans = np.load(work / "scans" / "train-2" / "volumes.npy")[:2].astype(np.float32)
    lungs = torch.from_numpy(np.load(work / "scans" / "train-2" / "lungs.npy")[0])
    made = LungEngine(codec=codec, forecaster=forecaster).forecast(
        torch.from_numpy(scans),
        torch.tensor([0.0, 1.0]),
        lungs,
        torch.tensor([0.0, 2.0]),
        facts=torch.zeros(2),
    )
    assert made.shape == (2, 32, 96, 96)
    torch.testing.assert_close(made[0], torch.from_numpy(scans[0]), atol=0.1, rtol=0)


def test_codes_as_published_are_kept_and_found_again(work):
    published = FORECAST.replace("is_quantised = false", "is_quantised = true")
    trained(published, work / "codes")
    kept = work / "codes" / "latents-train.safetensors"
    codebook = load_codec(work / "codec" / "model.safetensors")[0].codebook
    (latents,) = load_file(kept).values()
    again = codebook.look_up(codebook.indices(latents))
    torch.testing.assert_close(again, latents)  # each cell holds a code

    made = kept.stat().st_mtime_ns
    trained(published.replace("steps = 3", "steps = 4"), work / "codes")
    assert kept.stat().st_mtime_ns == made


VOXELS = FORECAST.replace(
    'facts = ["age"',
    """redrawn = 1
is_measured = true
is_target_clean = true
voxel_weight = 1.0
voxel_from = 1
voxel_crop = [4, 5, 6]
facts = ["age\"""",
)

PAINTER = """
name = "tiny"
objective = "lung-painter"
[data]
sets = ["synthetic-lungs"]
[network]
forecast = "voxels"
patients = 2
held_out = 1
redrawn = 1
is_target_clean = true
painter_width = 2
is_dated = true
examples = 3
held_out_examples = 1
modes = ["extrapolation", "baseline"]
[optimiser]
steps = 2
batch_size = 1
accumulation = 2
warmup_steps = 1
[log]
every = 1
evaluate_every = 2
checkpoint_every = 2
"""


def test_a_painter_learns_from_the_truth_of_rescanned_patients(work):
    trained(VOXELS, work / "voxels")
    trained(PAINTER, work / "painted")
    forecaster, _ = load_forecaster(work / "painted" / "model.safetensors")
    assert forecaster.painter is not None
    assert bool(forecaster.painter.last.weight.abs().max() > 0)
    folder = work / "scans" / "train-4-clean"
    index = json.loads((folder / "index.json").read_text())
    assert len(index["histories"]) == 4
    assert index["histories"][0]["facts"] == index["histories"][2]["facts"]
    assert index["histories"][0]["years"] != index["histories"][2]["years"]
    volumes, truths = (np.load(folder / f"{name}.npy") for name in ("volumes", "truths"))
    assert volumes.shape == truths.shape
    again = index["histories"][2]["first_row"]
    np.testing.assert_array_equal(truths[0], truths[again])  # one patient at their baseline
    codec, _ = load_codec(work / "codec" / "model.safetensors")
    engine = LungEngine(codec=codec, forecaster=forecaster)
    assert engine.detail == "painted"
    lungs = torch.from_numpy(np.load(folder / "lungs.npy")[0])
    scan = torch.from_numpy(volumes[:1].astype(np.float32))
    made = engine.forecast(
        scan, torch.zeros(1), lungs, torch.tensor([1.0, 2.0]), facts=torch.zeros(2)
    )
    assert torch.equal(made[0][~lungs], scan[0][~lungs])
    assert bool(made.isfinite().all())


def test_a_forecast_without_its_codec_is_refused(work, tmp_path):
    (tmp_path / "scans").symlink_to(work / "scans")
    with pytest.raises(CheckpointError, match="finished vqgan training"):
        trained(FORECAST, tmp_path / "forecast")


def test_a_set_that_nobody_draws_is_refused(work):
    text = CODEC.format(checkpoint=4).replace("synthetic-lungs", "my-hospital")
    with pytest.raises(InvalidInputError, match="synthetic-lungs"):
        trained(text, work / "other")


def test_other_patients_scans_are_not_taken_for_these(work):
    folder = work / "scans" / "train-2"
    with pytest.raises(InvalidInputError, match="scans of other patients"):
        drawn_scans(lambda seed: None, [7, 8], folder)
    assert json.loads((folder / "index.json").read_text())["seeds"] == [0, 1]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("extrapolation", [1, 1, 0, 0]),
        ("interpolation", [1, 0, 0, 1]),
        ("baseline", [1, 0, 0, 0]),
        ("reconstruction", [1, 1, 1, 1]),
        ("beginning", [1, 1, 0, 0]),
    ],
)
def test_a_mode_gives_the_scans_that_it_says(mode, wanted):
    assert given(mode, 4, 0.5) == [bool(w) for w in wanted]


def test_errors_are_worked_by_hand():
    made, real = torch.zeros(1, 3, 1, 1, 1, 2), torch.zeros(1, 3, 1, 1, 1, 2)
    made[0, 1, 0, 0, 0] = torch.tensor([2.0, 50.0])  # the second cell lies outside the lungs
    inside = torch.tensor([True, False]).view(1, 1, 1, 2)
    states, changes = errors(made, real, inside, torch.ones(1, 3))
    assert states.item() == pytest.approx(4 / 3)
    assert changes.item() == pytest.approx((4 + 4) / 2)
    only_first = torch.tensor([[1.0, 0.0, 0.0]])
    assert [x.item() for x in errors(made, real, inside, only_first)] == [0, 0]


def test_the_energy_score_is_least_for_samples_around_the_truth():
    draw = torch.Generator().manual_seed(0)
    real = torch.randn(4000, 1, generator=draw)

    def score(spread, shift=0.0):
        one, two = (shift + spread * torch.randn(4000, 1, generator=draw) for _ in range(2))
        return energy((one, two, real)).item()

    assert score(1.0) < min(score(0.05), score(3.0), score(1.0, shift=1.0))


def test_padding_and_the_box_keep_each_patient_whole(work):
    from sequela.training.lung_latents import LatentScans

    scans = drawn_scans(lambda seed: None, [0, 1], work / "scans" / "train-2")
    inside = torch.zeros(2, 2, 3, 3, dtype=torch.bool)
    inside[0, 0, 1, 1] = inside[1, 1, 1, 2] = True
    latents = torch.arange(len(scans) * 18.0).view(len(scans), 1, 2, 3, 3)
    side = LatentScans(
        scans=scans, latents=latents, targets=latents, inside=inside, facts=torch.zeros(2, 1)
    )
    counts = [len(h.years) for h in scans.histories]
    made, _, seen, real, _, box, _ = collate(side, [0, 1], [[True] * n for n in counts])
    assert box.shape == (2, 2, 3, 3)  # the margin reaches the edges of so small a grid
    assert real.sum(dim=1).tolist() == counts == seen.sum(dim=1).tolist()
    assert made[0, 0].nonzero().tolist() == [[0, 0, 1, 1]]
    assert made[0, 0, 0, 0, 1, 1] == 4
    assert made[1, 0, 0, 1, 1, 2] == latents[counts[0], 0, 1, 1, 2]
