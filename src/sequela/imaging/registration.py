"""Registration: bring one picture of a patient onto the grid of another, taken on another day.

Mutual information, coarse to fine, so that exposure need not agree. What is found is one matrix
and, where asked for, a smooth field of displacements; both are plain arrays.

Source: Mattes et al., "PET-CT image registration in the chest using free-form deformations", IEEE
TMI 2003, by SimpleITK.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import map_coordinates

from sequela.core.checks import check_choice
from sequela.imaging.registration_search import search

Picture = Float[np.ndarray, "height width"]
KINDS = {
    "none": "the pictures are taken as they lie",
    "rigid": "shift and turn",
    "similarity": "shift, turn and one scale",
    "affine": "shift, turn, scale and shear",
    "deformable": "affine, then a smooth field; it may undo what disease has changed",
}
_BINS = 32  # of the joint histogram
_LARGEST_TURN_DEG, _LARGEST_SCALE, _LARGEST_SHIFT = 30.0, 1.6, 0.35


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """Where each pixel of a fixed picture lies in a moving one.

    Attributes:
        matrix: 2x3; maps (down, across, 1) of the fixed grid to (down, across) of the moving one.
        field: Displacement in moving pixels that is added, on the fixed grid, or None.
        space: Height and width of the fixed grid.
        agreement_before: Normalised mutual information when the pictures are only scaled to size.
        agreement: The same after the registration.
    """

    matrix: Float[np.ndarray, "2 3"]
    space: tuple[int, int]
    agreement_before: float
    agreement: float
    field: Float[np.ndarray, "2 height width"] | None = None

    def places(self) -> Float[np.ndarray, "2 height width"]:
        """The moving pixel (down, across) of every fixed one."""
        grid = np.mgrid[0 : self.space[0], 0 : self.space[1]].reshape(2, -1)
        found = self.matrix[:, :2] @ grid + self.matrix[:, 2:]
        places = found.reshape(2, *self.space)
        return np.asarray(places if self.field is None else places + self.field)

    def applied(
        self, image: Float[np.ndarray, "channel h w"]
    ) -> Float[np.ndarray, "channel height width"]:
        """The moving picture on the fixed grid; cubic, edges repeated, its range kept."""
        places = self.places()
        moved = [map_coordinates(layer, places, order=3, mode="nearest") for layer in image]
        return np.stack(moved).clip(image.min(), image.max()).astype(np.float32)

    def seen(self, space: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
        """Which fixed pixels a moving picture of `space` covers."""
        down, across = self.places()
        inside = (down >= -0.5) & (down <= space[0] - 0.5)
        return np.asarray(inside & (across >= -0.5) & (across <= space[1] - 0.5))

    @property
    def turn_deg(self) -> float:
        """How far the picture was turned, in degrees."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    def words(self, moving: tuple[int, int]) -> str:
        """What was done, in a few words.

        Args:
            moving: Height and width of the moving picture.
        """
        scale, shift = self._scale(moving), self._shift(moving)
        return (
            f"turned by {self.turn_deg:.1f} degrees, scaled by {scale:.3f}, shifted by "
            f"{100 * shift:.1f} % of its side"
        )

    def plausible(self, moving: tuple[int, int]) -> bool:
        """Whether two films of one patient can lie like this to each other."""
        scale = self._scale(moving)
        return (
            abs(self.turn_deg) <= _LARGEST_TURN_DEG
            and 1 / _LARGEST_SCALE <= scale <= _LARGEST_SCALE
            and self._shift(moving) <= _LARGEST_SHIFT
        )

    def _scale(self, moving: tuple[int, int]) -> float:
        """Size on the fixed grid against mere fitting."""
        fitted = scaled_to(self.space, moving)
        part = np.linalg.det(self.matrix[:, :2]) / np.linalg.det(fitted[:, :2])
        return float(1 / np.sqrt(max(part, 1e-6)))

    def _shift(self, moving: tuple[int, int]) -> float:
        """How far the middle went, as a share of the moving picture's longer side."""
        middle = np.array([(self.space[0] - 1) / 2, (self.space[1] - 1) / 2, 1.0])
        gone = self.matrix @ middle - scaled_to(self.space, moving) @ middle
        return float(np.hypot(*gone) / max(moving))


def register(fixed: Picture, moving: Picture, *, kind: str = "affine") -> Alignment:
    """How `moving` lies on the grid of `fixed`.

    Args:
        fixed: In [-1, 1].
        moving: In [-1, 1], of any size.
        kind: A name in `KINDS`.

    Raises:
        MissingExtraError: SimpleITK is not installed.
    """
    check_choice("registration", kind, KINDS)
    space = (fixed.shape[0], fixed.shape[1])
    start = scaled_to(space, (moving.shape[0], moving.shape[1]))
    before = _agreement_of(fixed, moving, start, space, None)
    if kind == "none":
        return Alignment(matrix=start, space=space, agreement_before=before, agreement=before)
    matrix, field = search(fixed, moving, kind)
    after = _agreement_of(fixed, moving, matrix, space, field)
    return Alignment(
        matrix=matrix, space=space, agreement_before=before, agreement=after, field=field
    )


def scaled_to(fixed: tuple[int, int], moving: tuple[int, int]) -> Float[np.ndarray, "2 3"]:
    """The matrix that lays `moving` centred on `fixed`, its longer side along the longer side."""
    ratio = max(moving) / max(fixed)
    offsets = [(m - 1) / 2 - ratio * (f - 1) / 2 for f, m in zip(fixed, moving, strict=True)]
    return np.array([[ratio, 0, offsets[0]], [0, ratio, offsets[1]]])


def mutual_information(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> float:
    """Normalised mutual information in [0, 1]: 0 where one tells nothing of the other."""
    joint, _, _ = np.histogram2d(first, second, bins=_BINS, range=[[-1, 1], [-1, 1]])
    share = joint / joint.sum()
    parts = [_entropy(share.sum(axis=1)), _entropy(share.sum(axis=0))]
    return float(2 * (sum(parts) - _entropy(share)) / max(sum(parts), 1e-12))


def _entropy(share: Float[np.ndarray, "..."]) -> float:
    present = share[share > 0]
    return float(-(present * np.log(present)).sum())


def _agreement_of(
    fixed: Picture,
    moving: Picture,
    matrix: Float[np.ndarray, "2 3"],
    space: tuple[int, int],
    field: Float[np.ndarray, "2 height width"] | None,
) -> float:
    laid = Alignment(matrix=matrix, space=space, agreement_before=0, agreement=0, field=field)
    seen = laid.seen((moving.shape[0], moving.shape[1]))
    if not seen.any():
        return 0.0
    return mutual_information(fixed[seen], laid.applied(moving[None])[0][seen])
