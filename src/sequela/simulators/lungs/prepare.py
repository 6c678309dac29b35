"""From scans as they were acquired to volumes of one patient on one grid, lungs on lungs.

Follow-ups are registered to the baseline inside the lungs; everywhere else they show the baseline,
so that only the lungs can change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Num

from sequela.core import InvalidInputError, Scan, Window
from sequela.core.checks import check_choice
from sequela.imaging.grid import Grid, grid_of
from sequela.imaging.lung_field import FEWEST_ML, LungField, find_lungs, judged
from sequela.imaging.lung_registration import DEFAULT_KIND, KINDS, LungAlignment, align_lungs

Volume = Num[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
Segment = Callable[[np.ndarray, Grid], LungField]

_AIR_HU, _LEAST_AIR = -500.0, 0.01  # a chest CT has at least that share of voxels below
_FOLDED, _OVERLAP = 0.002, 0.85  # beyond which a registration is doubted


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedScans:
    """Scans of one patient on the baseline's grid.

    Attributes:
        baseline: The first scan; its window is the model's.
        volumes: One a visit, in the baseline's dtype; outside the lungs all equal the baseline.
        lungs: Of the baseline.
        fields: Lungs of each visit on its own grid.
        alignments: One a follow-up.
        made: What was done, as JSON values.
        inputs: Role, name and hash of each scan's file.
        notices: What was done for people, and what they should doubt.
    """

    baseline: Scan
    volumes: tuple[Volume, ...]
    lungs: Mask
    fields: tuple[LungField, ...]
    alignments: tuple[LungAlignment, ...]
    made: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def grid(self) -> Grid:
        """Of the baseline."""
        return grid_of(self.baseline)


def prepare(
    scans: Sequence[Scan],
    *,
    window_hu: tuple[float, float],
    registration: str = DEFAULT_KIND,
    segment: Segment = find_lungs,
    lungs: Mask | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparedScans:
    """All scans on the first one's grid, matched inside the lungs.

    Args:
        scans: The baseline first.
        window_hu: What the model sees; the scans' values stay as they are.
        registration: A name in `imaging.lung_registration.KINDS`.
        segment: Finds lungs.
        lungs: Of the baseline, where they are known; then follow-ups are taken to have the same.
        progress: Called with (scan, scans).

    Raises:
        InvalidInputError: A scan is no chest CT in HU, or shows no lungs.
        MissingExtraError: SimpleITK or convexAdam is not installed and there is something to
            register.
    """
    check_choice("registration", registration, KINDS)
    for scan in scans:
        check_ct(scan)
    fields = []
    for number, scan in enumerate(scans):
        fields.append(_field(scan, segment) if lungs is None else _known(lungs, scan))
        if progress is not None:
            progress(number + 1, 2 * len(scans))
    baseline = replace(
        scans[0], modality="ct", window=Window(low=window_hu[0], high=window_hu[1], origin="model")
    )
    volumes, alignments = [baseline.array], []
    for number, (scan, field) in enumerate(zip(scans[1:], fields[1:], strict=True), 1):
        laid = _aligned(baseline, fields[0], scan, field, registration)
        alignments.append(laid)
        volumes.append(_laid(baseline, fields[0].mask, scan, laid))
        if progress is not None:
            progress(len(scans) + number, 2 * len(scans))
    return PreparedScans(
        baseline=baseline,
        volumes=tuple(volumes),
        lungs=fields[0].mask,
        fields=tuple(fields),
        alignments=tuple(alignments),
        made=_made(fields, alignments, registration, window_hu),
        inputs=tuple(
            {
                "role": "baseline" if number == 0 else f"follow-up {number}",
                "name": scan.source.name,
                "sha256": scan.source.sha256,
            }
            for number, scan in enumerate(scans)
        ),
        notices=(*_doubts(scans, fields), *_misfits(scans, alignments, registration)),
    )


def check_ct(scan: Scan) -> None:
    """Refuse what is no chest CT in Hounsfield units."""
    grid_of(scan)
    name = scan.source.name
    if scan.modality not in ("ct", "unknown"):
        raise InvalidInputError(
            f"`scan` must be a chest CT, but {name} is marked as {scan.modality.upper()}. "
            "This engine knows no other modality."
        )
    air = float((scan.array < _AIR_HU).mean())
    if air < _LEAST_AIR:
        low, high = float(scan.array.min()), float(scan.array.max())
        raise InvalidInputError(
            f"`scan` must be a chest CT in Hounsfield units, but {name} holds {low:g} to {high:g}, "
            f"{air:.1%} of it below {_AIR_HU:g} HU. It may be MR, or stored values without the "
            "rescale; export it as HU."
        )


def _field(scan: Scan, segment: Segment) -> LungField:
    field = segment(scan.array, grid_of(scan))
    if field.volume_ml < FEWEST_ML:
        raise InvalidInputError(
            f"`scan` must show lungs, but in {scan.source.name} {field.volume_ml:.0f} mL were "
            "found. Check orientation and units, or give their mask with --lungs."
        )
    return field


def _known(lungs: Mask, scan: Scan) -> LungField:
    grid = grid_of(scan)
    if lungs.shape != grid.shape:
        raise InvalidInputError(
            f"`lungs` must lie on the grid of {scan.source.name} {grid.shape}, got {lungs.shape}. "
            "Resample the mask first."
        )
    field = judged(lungs, grid, "given")
    if field.volume_ml < FEWEST_ML:
        raise InvalidInputError(
            f"`lungs` must hold lungs, but the mask covers {field.volume_ml:.0f} mL. "
            "Paint both lungs, or leave it out to have them found."
        )
    return field


def _aligned(
    baseline: Scan, own: LungField, scan: Scan, field: LungField, registration: str
) -> LungAlignment:
    here = (baseline.array, own.mask, grid_of(baseline))
    there = (scan.array, field.mask, grid_of(scan))
    found = align_lungs(here, there, kind=registration)
    is_better = found.overlap[1] >= found.overlap[0]
    is_nearer = found.difference_hu[1] <= found.difference_hu[0]
    if registration == "none" or (is_better and is_nearer):
        return found
    # scans that lie on each other already are only blurred, and growth is warped away
    return align_lungs(here, there, kind="none")


def _laid(baseline: Scan, lungs: Mask, scan: Scan, laid: LungAlignment) -> Volume:
    """The follow-up inside the baseline's lungs, the baseline elsewhere, in its dtype."""
    here, there = grid_of(baseline), grid_of(scan)
    is_same = here.shape == there.shape and np.allclose(here.affine, there.affine, atol=1e-3)
    moved = scan.array if is_same and laid.is_still else laid.applied(scan.array, there, here)
    return np.where(lungs, as_stored(moved, baseline.array.dtype), baseline.array)


def as_stored(values: Num[np.ndarray, "*space"], dtype: Any) -> Num[np.ndarray, "*space"]:
    """Rounded and kept within the limits, where the dtype is of whole numbers."""
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(values), limits.min, limits.max).astype(dtype))


def _made(
    fields: Sequence[LungField],
    alignments: Sequence[LungAlignment],
    registration: str,
    window_hu: tuple[float, float],
) -> dict[str, Any]:
    return {
        "window_hu": list(window_hu),
        "registration": registration,
        "lungs": [
            {"found_by": f.origin, "volume_ml": round(f.volume_ml, 1), "doubts": list(f.doubts)}
            for f in fields
        ],
        "alignments": [
            {
                "lung_overlap": [round(v, 4) for v in a.overlap],
                "mean_difference_hu": [round(v, 2) for v in a.difference_hu],
                "folded_share": round(a.folded, 5),
                "squeezed_share": round(a.squeezed, 5),
            }
            for a in alignments
        ],
    }


def _doubts(scans: Sequence[Scan], fields: Sequence[LungField]) -> list[str]:
    return [
        f"The lungs found in {scan.source.name} are doubtful: {'; '.join(field.doubts)}. "
        "Look at the picture of the registration."
        for scan, field in zip(scans, fields, strict=True)
        if field.doubts
    ]


def _misfits(
    scans: Sequence[Scan], alignments: Sequence[LungAlignment], registration: str
) -> list[str]:
    told = []
    for scan, laid in zip(scans[1:], alignments, strict=True):
        name, overlap = scan.source.name, laid.overlap[1]
        if laid.is_still and registration != "none":
            told.append(
                f"{name} was taken as it lies: registration made the lungs fit no better "
                f"(Dice {overlap:.3f})."
            )
        if overlap < _OVERLAP:
            told.append(
                f"After registration the lungs of {name} cover the baseline's by {overlap:.2f} "
                "(Dice) only. What differs between them is not all disease."
            )
        if laid.folded > _FOLDED:
            told.append(
                f"The registration of {name} folds in {laid.folded:.1%} of the lungs. Look there "
                "before you trust a change."
            )
    return told
