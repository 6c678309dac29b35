"""The presets `official` and `paper` against straight-line references, quantity by quantity.

Tolerances, fp32 on a CPU: lists and counts exact; tensors before the loop 1e-5; latents at each
network call and after equation (6) 1e-4 of the largest value; images within 1 grey level for 99.9 %
of pixels after one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sequela.backbones import load_backbone
from sequela.core import Condition, Finding, Region, Scan, Source, Window
from sequela.diffusion import NoiseSource
from sequela.simulators.editing import ProgressiveEditor, preset
from tests.parity import official_reference as reference

pytestmark = pytest.mark.parity
PROMPT = "A chest X-ray image,Edema"
CONDITION = Condition(findings=(Finding(name="Edema", text=PROMPT),))
SIDE, LATENT = 32, (4, 16, 16)
SEED = 11


@dataclass
class Watched:
    """A backbone that writes down what its denoiser is given."""

    backbone: Any
    timesteps: list[int] = field(default_factory=list)
    fed: list[Tensor] = field(default_factory=list)

    def denoise(self, latents: Tensor, timestep: int, embedding: Any) -> Tensor:
        self.timesteps.append(timestep)
        self.fed.append(latents[:1].clone())
        return self.backbone.denoise(latents, timestep, embedding)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backbone, name)


@pytest.fixture(scope="module")
def image() -> Image.Image:
    """A smooth pattern with texture, in colour."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    grain = np.random.default_rng(0).normal(0, 12, (SIDE, SIDE, 3))
    waves = [127 + 90 * np.sin(6 * x + c) * np.cos(4 * y + c) for c in range(3)]
    return Image.fromarray(np.clip(np.stack(waves, -1) + grain, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def mask() -> Image.Image:
    """White may change; even edges, so that no latent cell is rounded in 8 bits."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[8:22, 6:26] = 255
    return Image.fromarray(pixels)


def _noises(num_steps: int) -> list[list[Tensor]]:
    source = NoiseSource(SEED)
    return [
        [source.normal(LATENT, sample=0, step=step, draw=draw)[None] for draw in range(6)]
        for step in range(1, num_steps + 1)
    ]


def _simulated(folder, image, mask, *, name: str, **settings):
    watched = Watched(load_backbone(folder, device="cpu"))
    editor = ProgressiveEditor(
        backbone=watched, settings=preset(name).changed(feather=0.0, **settings)
    )
    scan = Scan(
        array=np.array(image),
        modality="photo",
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name="made-up.png", sha256=""),
    )
    region = None
    if mask is not None:
        region = Region(array=np.array(mask, np.float32) / 255, origin="made up")
    return editor.simulate(scan, condition=CONDITION, region=region, seed=SEED), watched


def _close(ours: Tensor, theirs: Tensor, tolerance: float = 1e-4) -> None:
    assert float((ours - theirs).abs().max() / theirs.abs().max()) <= tolerance


def _share_within_1(ours: np.ndarray, theirs: Image.Image | None) -> float:
    gap = np.abs(ours.astype(int) - np.array(theirs).astype(int))
    return float((gap <= 1).mean())


def _assert_same_latents(watched: Watched, trajectory, steps: Sequence[reference.Step]) -> None:
    fed = [latents for step in steps for latents in step.fed]
    for ours, theirs in zip(watched.fed, fed, strict=True):
        _close(ours, theirs)
    for step, ours in zip(steps, trajectory.main.latents[1:], strict=True):
        theirs = step.denoised[-1] if step.kept is None else step.kept
        _close(torch.from_numpy(ours)[None], theirs)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("strength", [0.5, 0.6])
def test_one_official_step_is_the_published_one(tiny_sd_folder, image, mask, masked, strength):
    mask = mask if masked else None
    trajectory, watched = _simulated(
        tiny_sd_folder, image, mask, name="official", num_steps=1, strength=strength
    )
    steps = reference.official_run(
        tiny_sd_folder, image, mask, PROMPT, _noises(1), strength=strength
    )
    assert watched.timesteps == steps[0].timesteps == steps[0].network_calls
    assert len(watched.timesteps) == {0.5: 26, 0.6: 31}[strength]
    assert steps[0].draws == reference.DRAWS_A_STEP
    _close(watched.fed[0], steps[0].noisy, 1e-5)
    _assert_same_latents(watched, trajectory, steps)
    assert _share_within_1(trajectory.states[1].image, steps[0].image) >= 0.999


def test_ten_official_steps_drift_from_the_published_ones_by_rounding_alone(
    tiny_sd_folder, image, mask, record_property
):
    trajectory, watched = _simulated(tiny_sd_folder, image, mask, name="official", num_steps=10)
    steps = reference.official_run(tiny_sd_folder, image, mask, PROMPT, _noises(10))
    assert watched.timesteps == [t for step in steps for t in step.timesteps]
    shares = [
        _share_within_1(state.image, step.image)
        for state, step in zip(trajectory.states[1:], steps, strict=True)
    ]
    record_property("share_within_1_grey_level", shares)  # the drift report
    assert min(shares) >= 0.99


def test_without_a_mask_an_official_run_ignores_what_is_kept(tiny_sd_folder, image):
    runs = [
        _simulated(tiny_sd_folder, image, None, name="official", num_steps=2, **kept)[0]
        for kept in ({}, {"keep_inside": 0.2, "keep_outside": 0.9})
    ]
    for one, other in zip(*(run.states for run in runs), strict=True):
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize("masked", [True, False])
def test_two_paper_steps_follow_equations_5_and_6(tiny_sd_folder, image, mask, masked):
    mask = mask if masked else None
    trajectory, watched = _simulated(tiny_sd_folder, image, mask, name="paper", num_steps=2)
    forward = [six[1] for six in _noises(2)]
    steps = reference.paper_run(tiny_sd_folder, image, mask, PROMPT, forward)
    assert watched.timesteps == [t for step in steps for t in step.timesteps]
    assert len(watched.timesteps) == 2 * 30
    _assert_same_latents(watched, trajectory, steps)
    for state, step in zip(trajectory.states[1:], steps, strict=True):
        assert _share_within_1(state.image, step.image) >= 0.999


def test_the_prepared_image_and_mask_are_the_published_ones(tiny_sd_folder, image, mask):
    trajectory, _ = _simulated(tiny_sd_folder, image, mask, name="official", num_steps=1)
    assert np.array_equal(trajectory.states[0].image, np.array(image))
    backbone = load_backbone(tiny_sd_folder, device="cpu")
    editor = ProgressiveEditor(backbone=backbone, settings=preset("official").changed(feather=0.0))
    oval = Image.new("L", (SIDE, SIDE))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    oval = Image.fromarray((np.hypot(y - 15.3, (x - 14.1) / 1.4) < 9).astype(np.uint8) * 255)
    region = Region(array=np.array(oval, np.float32) / 255, origin="made up")
    case = editor.case(trajectory.scan, region, None)
    theirs = reference.latent_mask_of(oval, backbone.image_multiple)
    assert float((case.latent_region() - theirs[:, :1]).abs().max()) <= 1 / 255
    posterior = backbone.encode(reference.preprocessed(image))
    _close(case.posterior.mean, posterior.mean, 1e-6)
