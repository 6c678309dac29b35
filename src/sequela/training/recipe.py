"""Recipe: everything a training needs, read from one TOML file; an unknown key is an error."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.core.checks import check_choice, check_count, check_positive, check_share

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which images, at what size, and how they are varied."""

    sets: tuple[str, ...]
    domain: str = "chest"  # whose words the captions use
    # `generator` leaves out three training patients in ten, whom only a judge may learn from.
    patients: str = "all"
    views: tuple[str, ...] = ()  # only images of these views; empty takes all
    image_size: int = 128  # pixels along each side
    channels: int = 1  # 3 for colour
    rotation_degrees: float = 5.0  # each image is turned by up to this
    zoom: float = 0.1  # and scaled by up to this share
    shift: float = 0.05  # and moved by up to this share of its side
    contrast: float = 0.1  # and its contrast changed by up to this share
    # From this step on, each group of findings shows its views equally often; None never. Where the
    # ill are mostly films of one view, a model takes the view for a sign of the disease.
    balance_views_from: int | None = None
    # Views that captions name after the findings. Where a source holds only the ill, its look would
    # otherwise be learned as a sign of the disease.
    caption_views: tuple[str, ...] = ()
    # Not for chest films: mirrored, they show a heart on the wrong side.
    mirror: bool = False

    def __post_init__(self) -> None:
        check_count("image_size", self.image_size, minimum=32)
        check_choice("channels", str(self.channels), ("1", "3"))
        check_choice("patients", self.patients, ("all", "generator", "judge"))
        for name in ("zoom", "shift", "contrast"):
            check_share(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """An optimiser with linear warm-up and a cosine to zero; one schedule step per update."""

    steps: int
    name: str = "adamw"  # or `pesg`, for the AUC margin
    batch_size: int = 16  # images per update and process, before accumulation
    accumulation: int = 1
    learning_rate: float = 4e-4
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    mixed_precision: str = "no"  # bf16 and fp16 are for accelerators; CPUs are far slower

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulation"):
            check_count(name, getattr(self, name))
        check_count("warmup_steps", self.warmup_steps, minimum=0)
        check_positive("learning_rate", self.learning_rate)
        check_share("ema_decay", self.ema_decay)
        check_choice("name", self.name, ("adamw", "pesg"))
        check_choice("mixed_precision", self.mixed_precision, ("no", "fp16", "bf16"))


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """How often to write a line, a sample grid with held-out figures, and a checkpoint."""

    every: int = 20
    evaluate_every: int = 500
    checkpoint_every: int = 250

    def __post_init__(self) -> None:
        for name in ("every", "evaluate_every", "checkpoint_every"):
            check_count(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class AutoencoderNetwork:
    """A KL autoencoder (diffusers' AutoencoderKL) and the weights of its loss terms."""

    widths: tuple[int, ...] = (24, 48, 96)  # one a level; each level but the last halves the side
    latent_channels: int = 4
    layers_per_level: int = 1
    crop: int = 64  # training crops in pixels; the network is convolutional
    kl_weight: float = 1e-6
    gradient_weight: float = 1.0  # keeps edges: L1 between spatial differences


@dataclass(frozen=True, kw_only=True)
class DiffusionNetwork:
    """A text-conditioned UNet with its own small text encoder, on frozen latents."""

    autoencoder: str = "autoencoder"  # folder beside the output, or a path
    widths: tuple[int, ...] = (64, 96, 128)
    layers_per_level: int = 1
    heads: int = 4
    text_width: int = 128
    text_layers: int = 2
    text_length: int = 64  # tokens
    caption_dropout: float = 0.1
    caption_subset: float = 0.5  # share of captions that name only some of an image's findings
    variants: int = 8  # varied copies of each image that are encoded once
    snr_cap: float = 5.0  # Min-SNR weight, Hang et al., arXiv:2303.09556

    def __post_init__(self) -> None:
        for name in ("caption_dropout", "caption_subset"):
            check_share(name, getattr(self, name))
        check_count("variants", self.variants)


@dataclass(frozen=True, kw_only=True)
class ClassifierNetwork:
    """A classifier of real images, and the stage of its training."""

    targets: tuple[str, ...]  # the first is scored, against images without any finding
    architecture: str = "densenet-mini"  # of `nn.classifiers`
    loss: str = "cross-entropy"  # or `auc-margin`, the second stage
    start: str = ""  # folder beside the output whose features the second stage starts from
    smoothing: float = 0.1  # labels mined from reports are wrong in about one case of ten
    company: float = 0.3  # weight of each further target's loss

    def __post_init__(self) -> None:
        check_count("targets", len(self.targets))
        check_choice("loss", self.loss, ("cross-entropy", "auc-margin"))
        check_share("smoothing", self.smoothing)


@dataclass(frozen=True, kw_only=True)
class DecoderNetwork:
    """The mask decoder of a Segment Anything model; the rest of the model stays as it is.

    The set is a folder of `images` and `masks` with the same file names.
    """

    model: str  # folder or hub id of SAM, MedSAM or SAM 2 weights
    held_out: str | None = None  # another such set, for the held-out figures
    jitter: float = 0.1  # each edge of a box is moved by up to this share of the box's side
    variants: int = 8  # each pair as it is and varied copies of it, encoded once

    def __post_init__(self) -> None:
        check_share("jitter", self.jitter)
        check_count("variants", self.variants)


@dataclass(frozen=True, kw_only=True)
class HardwareNetwork:
    """A small U-Net that finds hardware drawn into real films."""

    width: int = 16
    crop: int = 256  # training crops in pixels

    def __post_init__(self) -> None:
        check_count("width", self.width, minimum=4)
        check_count("crop", self.crop, minimum=32)


Network = (
    AutoencoderNetwork | DiffusionNetwork | ClassifierNetwork | HardwareNetwork | DecoderNetwork
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training: objective, data, network, optimiser, log, and words for the card."""

    name: str
    objective: str
    data: DataSettings
    network: Network
    optimiser: OptimiserSettings
    log: LogSettings = field(default_factory=LogSettings)
    seed: int = 0
    card: Mapping[str, str] = field(default_factory=dict)  # what the model's card shall say


_NETWORKS = {
    "autoencoder": AutoencoderNetwork,
    "classifier": ClassifierNetwork,
    "hardware": HardwareNetwork,
    "latent-diffusion": DiffusionNetwork,
    "mask-decoder": DecoderNetwork,
}


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe; unknown keys, wrong types and a missing file are named in one sentence."""
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFileError(
            f"`recipe` must be a TOML file, but {path} cannot be read ({error.strerror})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"`recipe` {path.name} is not valid TOML: {error}.") from error
    check_choice("objective", str(values.get("objective")), _NETWORKS)
    network = _NETWORKS[values["objective"]]
    sections: dict[str, Any] = {
        "data": _section(DataSettings, values.pop("data", {}), "data"),
        "network": _section(network, values.pop("network", {}), "network"),
        "optimiser": _section(OptimiserSettings, values.pop("optimiser", {}), "optimiser"),
        "log": _section(LogSettings, values.pop("log", {}), "log"),
    }
    return _section(Recipe, {**values, **sections}, "recipe")


def _section(kind: type[T], values: dict[str, Any], name: str) -> T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # T is one of the dataclasses above
    surplus = sorted(set(values) - known)
    if surplus:
        raise InvalidInputError(
            f"`{name}` of a recipe does not know {surplus}. It knows {', '.join(sorted(known))}."
        )
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**plain)
    except TypeError as error:
        raise InvalidInputError(f"`{name}` of the recipe is incomplete: {error}.") from error
