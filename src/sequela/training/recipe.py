"""Recipe: everything a training needs, read from one TOML file; an unknown key is an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sequela.core import InvalidInputError
from sequela.core.checks import check_choice, check_count, check_positive, check_share
from sequela.core.toml_files import read_toml, section
from sequela.training.image_settings import AutoencoderNetwork, DiffusionNetwork
from sequela.training.lesion_settings import LesionForecastNetwork
from sequela.training.lung_settings import LungForecastNetwork, LungPainterNetwork, VqganNetwork
from sequela.training.transition_settings import TransitionNetwork


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Which images, at what size, and how they are varied."""

    sets: tuple[str, ...]
    domain: str = "chest"  # whose words the captions use
    # `generator` leaves out three training patients in ten, whom only a judge may learn from.
    patients: str = "all"
    views: tuple[str, ...] = ()  # only images of these views; empty takes all
    # `hash` makes three sides of any set, by patient; `own` keeps those it comes with.
    split: str = "own"
    findings: tuple[str, ...] = ()  # only images with one of these; empty takes all
    shots: int | None = None  # so many training images, of as many patients as possible; None all
    image_size: int = 128  # pixels along each side
    framing: str = "whole"  # `centre` cuts the longer side, as published; `whole` pads the shorter
    channels: int = 1  # 3 for colour
    memory_gb: float = 4.0  # decoded images of a side that need more are read as they are drawn
    workers: int = 8  # threads that decode them
    rotation_degrees: float = 5.0  # each image is turned by up to this
    zoom: float = 0.1  # and scaled by up to this share
    shift: float = 0.05  # and moved by up to this share of its side
    contrast: float = 0.1  # and its contrast changed by up to this share
    # From this step on, each group of findings shows its views equally often; None never. Where the
    # ill are mostly films of one view, a model takes the view for a sign of the disease.
    balance_views_from: int | None = None
    # Whether a finding is drawn first, all equally often and none among them, then an image of it.
    balance_findings: bool = False
    # Views that captions name after the findings. Where a source holds only the ill, its look would
    # otherwise be learned as a sign of the disease.
    caption_views: tuple[str, ...] = ()
    # Whether captions of retinas tell bright spots, which filters see and no set labels.
    tells_exudates: bool = False
    # Not for chest films: mirrored, they show a heart on the wrong side.
    mirror: bool = False
    # Each image is shown with the exposure of a random other one; see `exposure`.
    swap_exposure: bool = False

    def __post_init__(self) -> None:
        check_count("image_size", self.image_size, minimum=32)
        check_choice("channels", str(self.channels), ("1", "3"))
        check_choice("patients", self.patients, ("all", "generator", "judge"))
        check_choice("split", self.split, ("own", "hash"))
        check_choice("framing", self.framing, ("whole", "centre"))
        check_positive("memory_gb", self.memory_gb)
        check_count("workers", self.workers)
        if self.shots is not None:
            check_count("shots", self.shots)
        if self.balance_findings and self.balance_views_from is not None:
            raise InvalidInputError(
                "`balance_findings` and `balance_views_from` exclude each other, got both. "
                "Leave one out."
            )
        if self.tells_exudates:
            self.check_retinas("tells_exudates")
        for name in ("zoom", "shift", "contrast"):
            check_share(name, getattr(self, name))

    def check_retinas(self, name: str) -> None:
        """Raise InvalidInputError unless `name`, which looks for bright spots, has retinas."""
        if self.domain != "fundus" or self.channels != 3:
            raise InvalidInputError(
                f"`{name}` is for retinas in colour, got domain {self.domain!r} and "
                f"{self.channels} channel(s). Leave it out."
            )

    @property
    def varies(self) -> bool:
        """Whether an image is ever shown in another way than it is."""
        shares = (self.rotation_degrees, self.zoom, self.shift, self.contrast)
        return self.mirror or self.swap_exposure or any(shares)


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """An optimiser with linear warm-up and a cosine to zero; one schedule step per update."""

    steps: int
    name: str = "adamw"  # or `pesg`, for the AUC margin
    batch_size: int = 16  # images per forward pass
    accumulation: int = 1  # forward passes per update, shared out among the processes
    learning_rate: float = 4e-4
    warmup_steps: int = 200
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    betas: tuple[float, ...] = (0.9, 0.999)  # of AdamW's running moments; GANs take (0.5, 0.9)
    ema_decay: float = 0.999  # of the running average of the weights; 0 keeps none
    # bf16 and fp16 are for accelerators. CPUs are far slower in them, but for those that compute
    # bf16 themselves (AVX512-BF16): volumes are then convolved in a quarter of the time.
    mixed_precision: str = "no"

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
class FineTunedNetwork:
    """The denoiser of a pretrained Stable Diffusion; image codec and text encoders stay as is."""

    model: str  # folder in diffusers layout, or hub id
    lora_rank: int = 0  # of the low-rank changes that are trained; 0 trains all weights
    caption_dropout: float = 0.0  # share of images shown without words
    gradient_checkpointing: bool = False  # a third more time for a fraction of the memory

    def __post_init__(self) -> None:
        check_count("lora_rank", self.lora_rank, minimum=0)
        check_share("caption_dropout", self.caption_dropout)


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


@dataclass(frozen=True, kw_only=True)
class IdentityNetwork:
    """A small embedding in which images of one person lie close together."""

    positives: str = "visits"  # images of one person; or `augmentations` of one image
    dimensions: int = 64
    width: int = 16  # channels of the first layer
    side: int = 128  # pixels along each side of what it sees, whole images and crops
    temperature: float = 0.1
    visits: float = 0.8  # share of pairs of two visits, where a person has two
    repeat_weight: float = 3.0  # how much more often people with several images are drawn
    smallest_crop: float = 0.45  # of the crops that half the pairs are shown as, share of a side

    def __post_init__(self) -> None:
        check_choice("positives", self.positives, ("visits", "augmentations"))
        for name in ("dimensions", "width", "side"):
            check_count(name, getattr(self, name))
        for name in ("temperature", "repeat_weight"):
            check_positive(name, getattr(self, name))
        check_share("visits", self.visits)
        check_share("smallest_crop", self.smallest_crop, above_zero=True)


Network = (
    AutoencoderNetwork
    | DiffusionNetwork
    | FineTunedNetwork
    | ClassifierNetwork
    | HardwareNetwork
    | DecoderNetwork
    | IdentityNetwork
    | TransitionNetwork
    | VqganNetwork
    | LungForecastNetwork
    | LungPainterNetwork
    | LesionForecastNetwork
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

    def __post_init__(self) -> None:
        if not isinstance(self.network, DiffusionNetwork):
            return
        numbers = 16 * self.data.channels
        if self.network.patch_components >= numbers:
            raise InvalidInputError(
                f"`patch_components` must be under {numbers}, the numbers of a patch of 4 x 4 "
                f"pixels, got {self.network.patch_components}. Choose fewer."
            )
        if self.network.spot_weight:
            self.data.check_retinas("spot_weight")


_NETWORKS = {
    "autoencoder": AutoencoderNetwork,
    "classifier": ClassifierNetwork,
    "fine-tuning": FineTunedNetwork,
    "hardware": HardwareNetwork,
    "identity": IdentityNetwork,
    "latent-diffusion": DiffusionNetwork,
    "latent-forecast": LungForecastNetwork,
    "lung-painter": LungPainterNetwork,
    "lesion-forecast": LesionForecastNetwork,
    "mask-decoder": DecoderNetwork,
    "transition": TransitionNetwork,
    "vqgan": VqganNetwork,
}


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe; unknown keys, wrong types and a missing file are named in one sentence."""
    values = read_toml(Path(path), "recipe")
    check_choice("objective", str(values.get("objective")), _NETWORKS)
    network = _NETWORKS[values["objective"]]
    sections: dict[str, Any] = {
        "data": section(DataSettings, values.pop("data", {}), "data"),
        "network": section(network, values.pop("network", {}), "network"),
        "optimiser": section(OptimiserSettings, values.pop("optimiser", {}), "optimiser"),
        "log": section(LogSettings, values.pop("log", {}), "log"),
    }
    return section(Recipe, {**values, **sections}, "recipe")
