"""What a recipe says about the two stages of the 4D-VQ-GAN."""

from dataclasses import dataclass

from sequela.core.checks import check_choice, check_count, check_positive, check_share
from sequela.dynamics.solve import Solver
from sequela.simulators.lungs.config import CodecConfig, ForecasterConfig

MODES = ("extrapolation", "interpolation", "beginning", "baseline", "reconstruction")


@dataclass(frozen=True, kw_only=True)
class VqganNetwork:
    """Stage 1: the volume codec, its two discriminators and the weights of the loss terms.

    The set is `synthetic-lungs`, whose patients are drawn, or a folder of prepared volumes.
    """

    patients: int = 200  # drawn to learn from
    held_out: int = 20  # and for the held-out figures
    shape: tuple[int, ...] = (96, 256, 256)
    crop: tuple[int, ...] = (96, 256, 256)  # of each training volume, placed at random
    crops_at_lungs: float = 0.0  # share of crops around a random voxel of the lungs
    width: int = 32
    levels: int = 2
    latent_channels: int = 16
    codes: int = 256
    decoder_blocks: int = 2
    norm: str = "group"
    absolute: float = 4.0  # weight of the mean absolute error
    lung_weight: float = 1.0  # of a voxel in the lungs, where 1 is that of any other
    commitment: float = 0.25
    # Of volumes that are decoded from what lies before the codebook, so that forecasts that are
    # not quantised are decoded as well; as published none are.
    unquantised_share: float = 0.0
    # Of the slice discriminator's own features, in the form of LPIPS; VGG needs foreign weights.
    perceptual_discriminator: float = 4.0
    adversarial_slice: float = 1.0
    adversarial_volume: float = 1.0
    matching: float = 1.0  # of the discriminators' features, each layer
    discriminator_from: int = 10_000  # the step from which on the discriminators learn and count
    discriminator_width: int = 64
    discriminator_layers: int = 3
    checkpointing: bool = False  # computes stages again for their gradient: a third of the memory

    def __post_init__(self) -> None:
        check_count("patients", self.patients)
        check_count("held_out", self.held_out)
        check_positive("lung_weight", self.lung_weight)
        check_share("crops_at_lungs", self.crops_at_lungs)
        check_share("unquantised_share", self.unquantised_share)
        check_count("discriminator_from", self.discriminator_from, minimum=0)
        check_count("discriminator_width", self.discriminator_width, minimum=8)
        check_count("axes of `shape`", len(self.shape), minimum=3)
        check_count("axes of `crop`", len(self.crop), minimum=3)

    @property
    def codec(self) -> CodecConfig:
        """The codec's own settings."""
        depth, height, width = self.shape
        return CodecConfig(
            width=self.width,
            levels=self.levels,
            latent_channels=self.latent_channels,
            codes=self.codes,
            decoder_blocks=self.decoder_blocks,
            norm=self.norm,
            shape=(depth, height, width),
        )


@dataclass(frozen=True, kw_only=True)
class LungForecastNetwork:
    """Stage 2: the forecaster of latents, and the weights of its loss."""

    codec: str = "codec"  # folder beside the output that stage 1 was trained into, or a path
    patients: int = 200
    held_out: int = 20
    hidden: int = 16
    field_hidden: int = 8
    field_layers: int = 5
    is_time_aware: bool = False
    are_dates_exact: bool = False
    is_field_timed: bool = False
    is_measured: bool = False  # told of the dense share of the given scans and its growth
    has_pace: bool = False
    has_skip: bool = True
    legacy: bool = False
    is_bridged: bool = False
    is_stochastic: bool = False
    is_quantised: bool = True
    facts: tuple[str, ...] = ()
    fact_dropout: float = 0.0  # share of patients of whom nothing is told
    # What the synthetic cohort allows beyond a real one: each training patient scanned again at so
    # many further sets of dates, and the noise-free truth as what is to be forecast.
    redrawn: int = 0
    is_target_clean: bool = False
    # Of the squared error of decoded changes laid over the given scans, against targets in [-1, 1],
    # in crops of that many cells, from that step on.
    voxel_weight: float = 0.0
    voxel_from: int = 0
    voxel_crop: tuple[int, ...] = (8, 10, 10)
    solver: str = "dopri5"
    solver_step: float = 0.16  # of the fixed ones, in units of 6.5 years
    # Which scans are given, drawn anew for each patient: `extrapolation` the first two,
    # `interpolation` the first and the last, `beginning` the first few, `baseline` the first,
    # `reconstruction` all.
    modes: tuple[str, ...] = ("extrapolation",)
    state_weight: float = 0.2  # of the squared error of states; that of their changes counts 1
    time_weights: str = "even"  # or `linear`: later scans count more, 1 on average

    def __post_init__(self) -> None:
        check_count("patients", self.patients)
        check_count("held_out", self.held_out)
        check_count("modes", len(self.modes))
        for mode in self.modes:
            check_choice("modes", mode, MODES)
        check_choice("time_weights", self.time_weights, ("even", "linear"))
        check_share("fact_dropout", self.fact_dropout)
        for name in ("redrawn", "voxel_from"):
            check_count(name, getattr(self, name), minimum=0)
        check_count("axes of `voxel_crop`", len(self.voxel_crop), minimum=3)

    def forecaster(self, *, latent_channels: int, latent_scale: float) -> ForecasterConfig:
        """The forecaster's own settings."""
        return ForecasterConfig(
            latent_channels=latent_channels,
            latent_scale=latent_scale,
            hidden=self.hidden,
            field_hidden=self.field_hidden,
            field_layers=self.field_layers,
            is_time_aware=self.is_time_aware,
            are_dates_exact=self.are_dates_exact,
            is_field_timed=self.is_field_timed,
            is_measured=self.is_measured,
            has_pace=self.has_pace,
            has_skip=self.has_skip,
            legacy=self.legacy,
            is_bridged=self.is_bridged,
            is_stochastic=self.is_stochastic,
            is_quantised=self.is_quantised,
            facts=self.facts,
            solver=Solver(name=self.solver, step=self.solver_step),
        )


@dataclass(frozen=True, kw_only=True)
class LungPainterNetwork:
    """The painter of a trained forecaster; both stages stay as they are."""

    codec: str = "codec"  # folder beside the output that stage 1 was trained into, or a path
    forecast: str = "forecast"  # and stage 2
    patients: int = 200
    held_out: int = 20
    redrawn: int = 0  # as for the forecaster
    is_target_clean: bool = False
    painter_width: int = 12
    is_dated: bool = False  # told the dates and the patient's numbers
    examples: int = 400  # decoded forecasts to learn from
    held_out_examples: int = 24
    dates_each: int = 2  # of one patient and one choice of given scans
    modes: tuple[str, ...] = ("extrapolation",)

    def __post_init__(self) -> None:
        for name in ("patients", "held_out", "painter_width", "examples", "held_out_examples"):
            check_count(name, getattr(self, name))
        check_count("dates_each", self.dates_each)
        check_count("modes", len(self.modes))
        for mode in self.modes:
            check_choice("modes", mode, MODES)
