"""Sizes of the lesion forecasting network, and the range it is trained for."""

from dataclasses import dataclass
from math import prod

from sequela.core import InvalidInputError
from sequela.core.checks import check_count, check_finite, check_positive, check_share


@dataclass(frozen=True, kw_only=True)
class ForecastConfig:
    """One network: its grid, its widths, its noise schedule.

    Attributes:
        shape: Voxels of the grid along d, h, w.
        spacing_mm: Between them.
        patch: Voxels that the denoiser handles as one, along d, h, w.
        image_width: Channels of the encoder, which sees the images once a patient.
        width: Channels of the denoiser, which runs for every sample and denoising step.
        depth: Its blocks.
        condition_width: Of treatment, horizon and covariates.
        near_width: Channels that look from voxel to voxel.
        count_width: Of the part that says how many lesions will come.
        timesteps: Of the noise schedule.
        clumping_mm: How far voxels share their luck when a clean mask is drawn; set after training
            so that lesions are as large as true ones at 10 denoising steps.
        prior_share: Of the base map, what is the prior map whatever is seen; below 1, set after
            training on held-out patients.
        dropout: Share of training examples whose treatment is told as unknown, for guidance.
        longest_years: Longest horizon in training; beyond, a forecast says so.
        lesions_seen: Fewest and most baseline lesions in training; beyond, a forecast says so.
    """

    shape: tuple[int, int, int] = (24, 80, 64)
    spacing_mm: tuple[float, float, float] = (6.0, 2.5, 2.5)
    patch: tuple[int, int, int] = (2, 4, 4)
    image_width: int = 12
    width: int = 40
    depth: int = 3
    condition_width: int = 64
    near_width: int = 8
    count_width: int = 48
    timesteps: int = 250
    clumping_mm: float = 0.0
    prior_share: float = 0.0
    dropout: float = 0.12
    longest_years: float = 3.0
    lesions_seen: tuple[int, int] = (3, 363)

    def __post_init__(self) -> None:
        for name in ("image_width", "width", "depth", "condition_width"):
            check_count(name, getattr(self, name))
        check_count("near_width", self.near_width)
        check_count("count_width", self.count_width)
        check_count("timesteps", self.timesteps, minimum=2)
        check_share("dropout", self.dropout)
        check_finite("clumping_mm", self.clumping_mm, minimum=0.0)
        check_share("prior_share", self.prior_share)
        check_positive("longest_years", self.longest_years)
        if any(n % p for n, p in zip(self.shape, self.patch, strict=True)):
            raise InvalidInputError(
                f"`patch` must divide `shape` along every axis, got {self.patch} for {self.shape}."
            )

    @property
    def spread(self) -> tuple[float, ...]:
        """`clumping_mm` in voxels along d, h, w."""
        return tuple(self.clumping_mm / spacing for spacing in self.spacing_mm)

    @property
    def patch_voxels(self) -> int:
        """Voxels of one patch."""
        return prod(self.patch)

    @property
    def coarse(self) -> tuple[int, int, int]:
        """Patches along d, h, w."""
        d, h, w = (n // p for n, p in zip(self.shape, self.patch, strict=True))
        return d, h, w


MINI = ForecastConfig()
# 1 x 1 x 3 mm, whole brain: for a GPU
FULL = ForecastConfig(
    shape=(56, 208, 176),
    spacing_mm=(3.0, 1.0, 1.0),
    image_width=32,
    width=192,
    depth=8,
    condition_width=256,
    count_width=96,
    timesteps=1000,
)
