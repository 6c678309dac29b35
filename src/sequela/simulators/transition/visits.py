"""Two visits on one grid: the last film registered onto the first, in the first's exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num
from scipy.ndimage import gaussian_filter

from sequela.core import InvalidInputError, Scan, Window
from sequela.core.checks import check_choice
from sequela.imaging import channels_first, channels_last, to_model_range
from sequela.imaging.exposure import MATCHES, Exposure
from sequela.imaging.registration import KINDS, Alignment, register

Picture = Float[np.ndarray, "channel height width"]
_STRANGERS = 0.08  # agreement at or below which two films hardly show the same thing
_SEAM_PX = 6.0  # softness of the line beyond which the last film shows nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class Visits:
    """Two films of one patient on the first one's grid.

    Attributes:
        first: The first visit, as it was read.
        last: The last one on the first's grid, in its stored units and dtype.
        made: What was done to the last one, as JSON values.
        notices: The same for people, and what they should doubt.
    """

    first: Scan
    last: np.ndarray
    made: Mapping[str, Any]
    notices: tuple[str, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, Picture]:
        """Both in [-1, 1], channels first."""
        window = self.first.window
        first, last = (to_model_range(a, window) for a in (self.first.array, self.last))
        return channels_first(first), channels_first(last)


def bring_together(
    first: Scan, last: Scan, *, registration: str = "similarity", exposure: str = "linear"
) -> Visits:
    """The last visit on the first one's grid and in its exposure.

    What the last film does not show, beyond its edge, keeps the first film's values.

    Args:
        first: The earlier film.
        last: The later one, of any size.
        registration: A name in `imaging.registration.KINDS`.
        exposure: A name in `imaging.exposure.MATCHES`.

    Raises:
        InvalidInputError: A volume, or colour against grey.
        MissingExtraError: SimpleITK is not installed.
    """
    check_choice("registration", registration, KINDS)
    check_choice("exposure", exposure, MATCHES)
    check_pair(first, last)
    here = channels_first(to_model_range(first.array, first.window))
    there = channels_first(to_model_range(last.array, last.window))
    laid = register(here.mean(axis=0), there.mean(axis=0), kind=registration)
    notices = [*_size_notice(first, last)]
    if not laid.plausible(last.plane) or laid.agreement < laid.agreement_before:
        notices.append(
            f"The registration found nothing believable ({laid.words(last.plane)}), so the last "
            "film was only fitted to the first one's grid. Check that both show the same view."
        )
        laid, registration = register(here.mean(axis=0), there.mean(axis=0), kind="none"), "none"
    moved, seen = laid.applied(there), laid.seen(last.plane)
    match = Exposure.of(moved, here, seen=seen, kind=exposure)
    moved = match.applied(moved) if match.differs else moved
    notices += _notices(laid, match, seen, last, registration)
    return Visits(
        first=first,
        last=stored(_joined(moved, here, seen), first.window, first.array.dtype),
        made=_made(laid, match, seen, registration=registration, exposure=exposure),
        notices=tuple(notices),
    )


def check_pair(first: Scan, last: Scan) -> None:
    """Refuse two scans between which no picture can be drawn."""
    for name, scan in (("first", first), ("last", last)):
        if scan.is_volume:
            raise InvalidInputError(
                f"`{name}` must be a picture, but {scan.source.name} is a volume of "
                f"{' x '.join(str(n) for n in scan.space)}. Volumes are the work of `sequela "
                "extrapolate`; for a bridge save the same slice of both as PNG or DICOM."
            )
    if first.is_colour != last.is_colour:
        kinds = ["in colour" if scan.is_colour else "grey" for scan in (first, last)]
        raise InvalidInputError(
            f"`last` must be of the same kind as `first`, but {first.source.name} is {kinds[0]} "
            f"and {last.source.name} {kinds[1]}. Save both grey or both in colour."
        )


def stored(
    picture: Picture, window: Window, dtype: np.dtype
) -> Num[np.ndarray, "height width *channel"]:
    """[-1, 1] back to stored values of a window."""
    share = (channels_last(picture).astype(np.float64) + 1) / 2
    return as_dtype(window.low + share * (window.high - window.low), dtype)


def as_dtype(values: Float[np.ndarray, "..."], dtype: np.dtype) -> Num[np.ndarray, "..."]:
    """Rounded and kept within the limits, where the dtype is of whole numbers."""
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(values), limits.min, limits.max).astype(dtype))


def _joined(moved: Picture, here: Picture, seen: Bool[np.ndarray, "height width"]) -> Picture:
    """The last film where it shows something, and the first beyond, with a soft seam inside."""
    if seen.all():
        return moved
    soft = gaussian_filter(seen.astype(np.float32), _SEAM_PX)
    share = np.where(seen, np.clip(2 * soft - 1, 0, 1), 0).astype(np.float32)
    return np.asarray(here + share * (moved - here), dtype=np.float32)


def _size_notice(first: Scan, last: Scan) -> list[str]:
    if first.plane == last.plane:
        return []
    sizes = [" x ".join(str(n) for n in scan.plane) for scan in (first, last)]
    return [
        f"The last film ({sizes[1]} pixels) was brought onto the first one's grid ({sizes[0]})."
    ]


def _notices(
    laid: Alignment,
    match: Exposure,
    seen: Bool[np.ndarray, "height width"],
    last: Scan,
    registration: str,
) -> list[str]:
    told = []
    if registration != "none":
        told.append(
            f"The last film was {laid.words(last.plane)} to lie on the first ({registration}; "
            f"agreement {laid.agreement_before:.2f} before, {laid.agreement:.2f} after)."
        )
    if match.differs:
        told.append(
            f"The last film was exposed differently and was matched to the first: gain "
            f"{match.gain:.2f}, mid grey moved by {50 * match.offset:+.0f} % of the window."
        )
    if not seen.all():
        told.append(
            f"{100 * (1 - seen.mean()):.1f} % of the first film lie beyond the last one's edge and "
            "keep the first film's values."
        )
    if laid.agreement <= _STRANGERS:
        told.append(
            f"The two films agree so little ({laid.agreement:.2f}) that they may show different "
            "views or patients, or one may be inverted. Look before you use the states."
        )
    return told


def _made(
    laid: Alignment,
    match: Exposure,
    seen: Bool[np.ndarray, "height width"],
    *,
    registration: str,
    exposure: str,
) -> dict[str, Any]:
    return {
        "registration": registration,
        "matrix": np.round(laid.matrix, 6).tolist(),
        "agreement_before": round(laid.agreement_before, 4),
        "agreement": round(laid.agreement, 4),
        "exposure": exposure if match.differs else "keep",
        "gain": round(match.gain, 4) if match.differs else 1.0,
        "offset": round(match.offset, 4) if match.differs else 0.0,
        "share_unseen": round(1 - float(seen.mean()), 4),
    }
