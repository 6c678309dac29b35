"""Plan: what a recipe will ask for, before anything is trained.

Nothing is fetched. What is not here is said, and estimated from the published shapes.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from sequela.core import SequelaError
from sequela.training.cost import PEAK_SHARE, Cost, cost_of, find_here
from sequela.training.data import choose, read_examples
from sequela.training.image_settings import AutoencoderNetwork, DiffusionNetwork
from sequela.training.loop import device_of_process
from sequela.training.recipe import ClassifierNetwork, FineTunedNetwork, HardwareNetwork, Recipe

_OF_LABELLED_IMAGES = (
    AutoencoderNetwork,
    ClassifierNetwork,
    DiffusionNetwork,
    FineTunedNetwork,
    HardwareNetwork,
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Figures of a training to come.

    Attributes:
        recipe: What is asked for.
        images: Training and held-out images; None where the data are not here.
        cost: Weights, memory and arithmetic; None for small models trained from scratch.
        measured_s: Seconds that all updates take on this machine, from a timed one; None where the
            model is not here.
        missing: A sentence for each thing that is not here.
    """

    recipe: Recipe
    images: tuple[int, int] | None
    cost: Cost | None
    measured_s: float | None
    missing: tuple[str, ...]

    @property
    def images_shown(self) -> int:
        """Images over the whole training, repetitions counted."""
        settings = self.recipe.optimiser
        return settings.steps * settings.batch_size * settings.accumulation

    @property
    def lines(self) -> list[str]:
        """The plan for a person to read."""
        return [
            f"{self.recipe.name}: {self.recipe.objective}",
            *self._work(),
            *(self._need() if self.cost else ["memory and time: not estimated for this objective"]),
            *(f"missing: {sentence}" for sentence in self.missing),
        ]

    def _work(self) -> list[str]:
        settings, data = self.recipe.optimiser, self.recipe.data
        lines = [
            f"steps: {settings.steps} updates of {settings.batch_size * settings.accumulation} "
            f"images ({settings.batch_size} at a time, {settings.accumulation} times), "
            f"{data.image_size} px, from {', '.join(data.sets)}"
        ]
        if self.images:
            train, held_out = self.images
            rounds = self.images_shown / train
            lines.append(f"images: {train} to learn from, {held_out} held out; {rounds:.1f} rounds")
        return lines

    def _need(self) -> list[str]:
        assert self.cost is not None  # noqa: S101  # asked for only then
        return [
            f"weights: {self.cost.learned / 1e6:.1f} M learn, {self.cost.frozen / 1e6:.1f} M stay",
            f"memory: about {_size(self.cost.memory_gb)} a process, of which "
            f"{_size(self.cost.state_gb)} for weights, gradients and optimiser (estimated)",
            *self._time(),
        ]

    def _time(self) -> list[str]:
        assert self.cost is not None  # noqa: S101  # asked for only then
        seconds, each = (
            self.images_shown * self.cost.seconds_per_image,
            self.cost.teraflops_per_image,
        )
        lines = [
            f"time: about {_duration(seconds)} on one A100 at {PEAK_SHARE:.0%} of its peak "
            f"(estimated from {each:.2f} TFLOP for each of {self.images_shown} images)"
        ]
        if self.measured_s is not None:
            lines.append(f"time here: about {_duration(self.measured_s)} (one update was timed)")
        return lines


def plan_of(recipe: Recipe, data: Path | None) -> Plan:
    """What a training will take.

    Args:
        recipe: What to train.
        data: Folder that holds the data sets; None leaves them out.
    """
    missing = []
    images, cost, measured = None, None, None
    if data is None:
        missing.append("`data` was not given. Name the folder of the data sets with --data.")
    elif isinstance(recipe.network, _OF_LABELLED_IMAGES):
        try:
            examples = read_examples(recipe.data, data)
            sides = [len(choose(examples, split, recipe.data)) for split in ("train", "val")]
            images = (sides[0], sides[1])
        except SequelaError as error:
            missing.append(str(error))
    if isinstance(recipe.network, FineTunedNetwork):
        model = find_here(recipe.network.model)
        cost = cost_of(recipe, model)
        if model is None:
            missing.append(
                f"`model` {recipe.network.model!r} is not on this machine: weights, memory and "
                "time are those of Stable Diffusion 1.4. Training will fetch it by its hub id."
            )
        else:
            measured = measured_seconds(recipe, model)
    return Plan(
        recipe=recipe, images=images, cost=cost, measured_s=measured, missing=tuple(missing)
    )


def measured_seconds(recipe: Recipe, model: Path) -> float:
    """Seconds of all updates on this machine, from real ones on random images.

    On a CPU a piece of one image is timed, for one of the recipe's may not fit.
    """
    from sequela.training.objectives.fine_tuning import open_model

    device = device_of_process()
    settings, network = recipe.optimiser, recipe.network
    assert isinstance(network, FineTunedNetwork)  # noqa: S101  # the caller has chosen by it
    here = replace(recipe, network=replace(network, model=str(model)))
    networks, latent_shape = open_model(here, device)
    optimiser = torch.optim.AdamW([p for p in networks.parameters() if p.requires_grad])
    size = settings.batch_size if device.type == "cuda" else 1
    side = recipe.data.image_size
    images = torch.zeros(size, recipe.data.channels, side, side, device=device)
    draws = torch.zeros(2, size, *latent_shape, device=device)
    times = torch.full((size,), 500, device=device)
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(settings.mixed_precision)
    seconds = []
    for _ in range(2):  # the first one also warms up
        begin = _now(device)
        with torch.autocast(device.type, dtype=kind, enabled=kind is not None):
            loss = networks(images, draws, times, [""] * size)["loss"]
        loss.backward()
        middle = _now(device)
        optimiser.step()
        optimiser.zero_grad()
        seconds = [middle - begin, _now(device) - middle]
    per_update = seconds[0] / size * settings.batch_size * settings.accumulation + seconds[1]
    return settings.steps * per_update


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _size(gigabytes: float) -> str:
    return f"{gigabytes:.1f} GB" if gigabytes >= 1 else f"{gigabytes * 1000:.0f} MB"


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} seconds"
