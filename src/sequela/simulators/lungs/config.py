"""Sizes and choices of both stages of the 4D-VQ-GAN, as published and small."""

from dataclasses import dataclass, field

from sequela.core import InvalidInputError
from sequela.core.checks import check_choice, check_count, check_positive, check_share
from sequela.dynamics.solve import Solver
from sequela.nn.volumes import NORMS

MEASURES = 3  # see `growth.growth_facts`


@dataclass(frozen=True, kw_only=True)
class CodecConfig:
    """Stage 1: the VQ-GAN that turns a CT into code indices and back. Defaults as published."""

    width: int = 32  # channels of the first layer
    levels: int = 2  # each halves all sides of the volume
    latent_channels: int = 16
    codes: int = 256
    decoder_blocks: int = 2  # residual blocks on each level of the decoder
    # `group` as published by TATS; `voxel` makes crops, tiles and whole volumes agree exactly.
    norm: str = "group"
    codebook_decay: float = 0.99
    restart_below: float = 1.0  # running count under which a code starts again
    low_hu: float = -1000.0  # shown as -1
    high_hu: float = 400.0  # and this as 1; the published window is not known
    shape: tuple[int, int, int] = (96, 256, 256)  # depth, height, width that it was made for

    def __post_init__(self) -> None:
        for name in ("width", "levels", "latent_channels", "decoder_blocks"):
            check_count(name, getattr(self, name))
        check_count("codes", self.codes, minimum=2)
        check_choice("norm", self.norm, NORMS)
        check_share("codebook_decay", self.codebook_decay)
        check_positive("high_hu - low_hu", self.high_hu - self.low_hu)

    @property
    def factor(self) -> int:
        """Voxels along each side of a latent cell."""
        return int(2**self.levels)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Cells along depth, height and width."""
        depth, height, width = (side // self.factor for side in self.shape)
        return depth, height, width


PAPER_CODEC = CodecConfig()
MINI_CODEC = CodecConfig(width=8, norm="voxel", shape=(32, 96, 96))


@dataclass(frozen=True, kw_only=True)
class ForecasterConfig:
    """Stage 2: how the codes of a patient move in time. Defaults as published."""

    latent_channels: int = 16
    hidden: int = 16  # channels of the memory and of the state that the ODE moves
    field_hidden: int = 8
    field_layers: int = 5  # as its code has it; the paper counts three
    slots_per_year: int = 2
    span_years: float = 6.5  # one unit of the ODE's time: 13 slots
    is_time_aware: bool = False  # gaps between scans are seen; as published only their order is
    are_dates_exact: bool = False  # as published dates are rounded to slots
    is_field_timed: bool = False
    facts: tuple[str, ...] = ()  # numbers of the patient that bend the vector field
    # Whether it is also told the dense share of the given scans' lungs and how fast that grew: no
    # convolution averages over both lungs as well.
    is_measured: bool = False
    # Whether the numbers also scale every change as a whole: a drug slows a disease everywhere.
    has_pace: bool = False
    has_skip: bool = True  # changes are added up onto the baseline; without, states are drawn whole
    # Whether the change of slot 0 counts too, as published, so that even the baseline is altered.
    legacy: bool = False
    # Whether the forecast is moved to pass through all scans it was given.
    is_bridged: bool = False
    is_stochastic: bool = False  # a latent SDE: samples differ
    # Whether it sees and forecasts codes, as published, or what the encoder says before them.
    is_quantised: bool = True
    latent_scale: float = 1.0  # spread of the codec's latents in the lungs, divided out
    # Channels of the network that brings back the scans' own detail; 0 for none, as published.
    painter_width: int = 0
    is_painter_dated: bool = False  # told the dates and the patient's numbers, it forecasts too
    solver: Solver = field(default_factory=Solver)

    def __post_init__(self) -> None:
        for name in ("latent_channels", "hidden", "field_hidden", "slots_per_year"):
            check_count(name, getattr(self, name))
        check_count("field_layers", self.field_layers, minimum=2)
        check_count("painter_width", self.painter_width, minimum=0)
        check_positive("span_years", self.span_years)
        check_positive("latent_scale", self.latent_scale)
        if self.legacy and self.hidden != self.latent_channels:
            raise InvalidInputError(
                f"`hidden` must equal `latent_channels` ({self.latent_channels}) with `legacy`, "
                f"whose head sees one in place of the other, got {self.hidden}. Leave `legacy` off."
            )
        if self.has_pace and (self.legacy or not (self.numbers and self.has_skip)):
            raise InvalidInputError(
                "`has_pace` needs `has_skip` without `legacy`, whose changes it scales, and "
                "`facts` or `is_measured`, which it scales by. Turn them on, or leave it off."
            )

    @property
    def numbers(self) -> int:
        """How many numbers of a patient bend the vector field."""
        return len(self.facts) + MEASURES * self.is_measured


PAPER_FORECASTER = ForecasterConfig()
MINI_FORECASTER = ForecasterConfig(
    is_time_aware=True,
    are_dates_exact=True,
    is_bridged=True,
    is_quantised=False,
    solver=Solver(name="midpoint", step=0.16),
)
