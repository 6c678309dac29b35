"""What a reader marks of true NET2 lesions: small ones are missed, borders moved, ghosts seen."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.core.checks import check_finite, check_positive, check_share

Mask = Bool[np.ndarray, "depth height width"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How a reader errs.

    Attributes:
        missed_small: Chance to miss a lesion of next to no volume.
        fades_mm3: Volume over which that chance falls to a third.
        ghosts: Mean number of marks where nothing is.
        border: Chance that the outline of all marks is drawn one voxel too wide in the slice.
    """

    missed_small: float = 0.35
    fades_mm3: float = 30.0
    ghosts: float = 0.25
    border: float = 0.3

    def __post_init__(self) -> None:
        check_share("missed_small", self.missed_small)
        check_share("border", self.border)
        check_positive("fades_mm3", self.fades_mm3)
        check_finite("ghosts", self.ghosts, minimum=0.0)

    def sees(self, volumes_mm3: np.ndarray, luck: np.ndarray) -> np.ndarray:
        """Which lesions are marked, each by its own uniform random number."""
        return np.asarray(luck >= self.missed_small * np.exp(-volumes_mm3 / self.fades_mm3))


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """A reader's marks.

    Attributes:
        mask: Voxels marked as new or enlarged.
        count: Marks, ghosts included.
        missed: True events that are not among them.
        ghosts: Marks where nothing is.
    """

    mask: Mask
    count: int
    missed: int
    ghosts: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Mistakes:
    """Where and how one patient's reader errs, drawn once for all arms.

    Attributes:
        places: Flat indices of voxels that are taken for lesions.
        wide: Whether outlines are drawn too wide.
    """

    places: np.ndarray
    wide: bool

    @classmethod
    def draw(
        cls, reader: Reader, chance: Float[np.ndarray, " voxel"], rng: np.random.Generator
    ) -> "Mistakes":
        """Mistakes, the ghosts at places of some chance."""
        count = rng.poisson(reader.ghosts)
        return cls(
            places=rng.choice(len(chance), size=count, p=chance, replace=False),
            wide=bool(rng.random() < reader.border),
        )


def drawn(marked: Mask, baseline: Mask, mistakes: Mistakes) -> Mask:
    """The marks as the reader draws them, outside the lesions known from baseline."""
    mask = marked.copy()
    mask.flat[mistakes.places] = True
    if mistakes.wide:
        in_slice = ndimage.generate_binary_structure(2, 1)[None]
        mask = ndimage.binary_dilation(mask, in_slice)
    return np.asarray(mask & ~baseline)
