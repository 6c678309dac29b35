"""What an engine is asked for a transition, and the registry in which all of them have names."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from sequela.core import InvalidInputError, Registry
from sequela.core.checks import check_count
from sequela.diffusion import Backbone
from sequela.simulators.editing import Guide

Picture = Float[np.ndarray, "channel height width"]  # one state or frame in [-1, 1]
Clip = Float[np.ndarray, "frame channel height width"]
Weights = Float[np.ndarray, " frame"]
SoftMask = Float[np.ndarray, "height width"]


class Engine(Protocol):
    """Draws the frames between two states.

    Its ends need only be near the states, and its frames may move anywhere: `transition` pins the
    ends and keeps the region.
    """

    def clip(self, first: Picture, last: Picture, *, frames: int, text: str, seed: int) -> Clip:
        """Evenly spaced frames from one state to the other, both counted.

        Args:
            first: State in [-1, 1].
            last: The next one, on the same grid.
            frames: At least 2.
            text: What happens between them; an engine without a text encoder ignores it.
            seed: All noise follows it.
        """
        ...


@runtime_checkable
class Carded(Protocol):
    """An engine with weights of its own, of which the record of a run must tell."""

    @property
    def card(self) -> dict[str, Any]:
        """Name, kind and hash of the weights; licence and source where they are told."""
        ...


@runtime_checkable
class Regional(Protocol):
    """An engine whose model can itself be told where it may invent."""

    def within(self, region: SoftMask) -> Engine:
        """The same engine, told that region of the states' grid."""
        ...


class Continuous(ABC):
    """An engine that can be asked for any moment of the way, not only for evenly spaced ones."""

    @abstractmethod
    def between(
        self, first: Picture, last: Picture, *, weights: Weights, text: str, seed: int
    ) -> Clip:
        """One frame for each weight: 0 is the first state, 1 the last."""

    def clip(self, first: Picture, last: Picture, *, frames: int, text: str, seed: int) -> Clip:
        """Evenly spaced frames; see `Engine`. An engine may pace them by what changes instead."""
        return self.between(first, last, weights=even(frames), text=text, seed=seed)


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineSetup:
    """What an engine may be made of; each takes what it needs.

    Attributes:
        backbone: A latent diffusion model.
        size: Side of the square the backbone works at, in pixels; None is its own.
        guide: The condition of a run, where the clip belongs to one; it stands for the text.
        checkpoint: A file or folder of the engine's own weights.
        components: Where an engine's checkpoint lacks codec and text encoder: a folder that has
            them.
        device: Where an engine that loads its own weights shall run.
    """

    backbone: Backbone | None = None
    size: int | None = None
    guide: Guide | None = None
    checkpoint: Path | None = None
    components: Path | None = None
    device: str = "auto"


EngineFactory = Callable[[EngineSetup], Engine]
ENGINES: Registry[EngineFactory] = Registry("transition")


def even(frames: int) -> Weights:
    """Evenly spaced moments from 0 to 1."""
    check_count("frames", frames, minimum=2, hint="Both states are counted.")
    return np.linspace(0, 1, frames, dtype=np.float32)


def make_engine(name: str, setup: EngineSetup) -> Engine:
    """The engine of that name, ready to draw.

    Raises:
        UnknownNameError: No engine of that name, here or in an installed package.
        InvalidInputError: It needs something that `setup` lacks.
    """
    return ENGINES.get(name).make(setup)


def _crossfade(setup: EngineSetup) -> Engine:
    from sequela.simulators.transition.pixels import CrossFade

    return CrossFade()


def _flow(setup: EngineSetup) -> Engine:
    from sequela.simulators.transition.pixels import FlowMorph

    return FlowMorph()


def _latent(setup: EngineSetup) -> Engine:
    from sequela.simulators.transition.latent import LatentMorph

    if setup.backbone is None:
        raise InvalidInputError(
            "`backbone` must be given for the latent transition, got None. Load a model with "
            "`sequela.backbones.load_backbone`, or use the flow transition."
        )
    return LatentMorph(backbone=setup.backbone, guide=setup.guide, size=setup.size)


def _seine(setup: EngineSetup) -> Engine:
    from sequela.backbones.seine import load_seine, weights_file
    from sequela.simulators.transition.seine import SeineTransition

    if setup.checkpoint is None:
        raise InvalidInputError(
            "`checkpoint` must be given for the seine transition, got None. Name the folder that "
            "`sequela convert` made of seine.pt, or one that `sequela train` made."
        )
    weights_file(setup.checkpoint)  # what is wrong with it comes first
    own = setup.checkpoint if (setup.checkpoint / "vae").is_dir() else None
    components = setup.components or own
    if components is None:
        raise InvalidInputError(
            "`components` must be given for these weights of SEINE, got None. Name a Stable "
            "Diffusion 1.4 folder or hub id, for its codec and text encoder (--transition-parts)."
        )
    return SeineTransition(backbone=load_seine(setup.checkpoint, components, device=setup.device))


def _flf2v(setup: EngineSetup) -> Engine:
    return _video_model(setup, "flf2v", to_last=True)


def _i2v(setup: EngineSetup) -> Engine:
    return _video_model(setup, "i2v", to_last=False)


def _video_model(setup: EngineSetup, name: str, *, to_last: bool) -> Engine:
    from sequela.backbones.video_load import load_video_model
    from sequela.simulators.transition.flf2v import VideoTransition

    if setup.checkpoint is None:
        raise InvalidInputError(
            f"`checkpoint` must be given for the {name} transition, got None. Name a video model "
            "in diffusers layout: a folder, or a hub id such as owner/name."
        )
    model = load_video_model(setup.checkpoint, device=setup.device)
    return VideoTransition(model=model, to_last=to_last)


ENGINES.add("crossfade", _crossfade, source="baseline")
ENGINES.add("flow", _flow, source="Lucas and Kanade, IJCAI 1981")
ENGINES.add("latent", _latent, source="Meng et al., SDEdit, arXiv:2108.01073")
ENGINES.add("seine", _seine, source="Chen et al., SEINE, arXiv:2310.20700")
ENGINES.add("flf2v", _flf2v, source="Wan, arXiv:2503.20314; VACE, 2503.07598; LTX, 2501.00103")
ENGINES.add("i2v", _i2v, source="comparator; Yang et al., CogVideoX, arXiv:2408.06072")
