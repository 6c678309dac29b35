"""Scan, Window, Source, Region: an image or volume, how to show it, and where it may change."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from sequela.core.errors import GeometryMismatchError, InvalidInputError

Modality = Literal["xray", "photo", "ct", "mr", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Window:
    """The interval of stored values that is shown from black to white.

    Values outside it are clipped on the way into a model and kept as they are on the way out.
    """

    low: float
    high: float
    origin: str  # "header", "dtype", "data" or "model": who chose it

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise InvalidInputError(
                f"`window` needs finite low < high, got {self.low!r} to {self.high!r}. "
                "An image of one single value has no contrast to show."
            )


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a scan came from; enough to recognise it, never enough to name the patient."""

    name: str  # file name without folders
    sha256: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """One image or volume as the scanner meant it, with what is needed to show and to write it.

    Attributes:
        array: `[H, W]` grey, `[H, W, 3]` sRGB or `[D, H, W]` volume, in stored units.
        modality: What made it.
        window: Stored values shown from black to white.
        source: File name and hash.
        spacing_mm: Millimetres between samples along the spatial axes, or None when unknown.
        affine: 4x4 map of (d, h, w, 1) to LPS millimetres, for volumes.
        header: What `io` needs to write the same format again, without personal data.
    """

    array: np.ndarray
    modality: Modality
    window: Window
    source: Source
    spacing_mm: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    header: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.array.ndim not in (2, 3) or 0 in self.array.shape:
            raise InvalidInputError(
                f"`array` must be [H, W], [H, W, 3] or [D, H, W], got shape {self.array.shape}."
            )
        if not np.isfinite(self.array).all():
            raise InvalidInputError(
                f"`array` must be finite, but {self.source.name} holds NaN or infinite values. "
                "Replace them before simulating."
            )

    @property
    def is_colour(self) -> bool:
        """Whether the last axis holds red, green and blue."""
        return self.array.ndim == 3 and self.array.shape[-1] == 3

    @property
    def is_volume(self) -> bool:
        """Whether there are three spatial axes."""
        return self.array.ndim == 3 and not self.is_colour

    @property
    def plane(self) -> tuple[int, int]:
        """Height and width of an image."""
        return (self.array.shape[0], self.array.shape[1])

    @property
    def space(self) -> tuple[int, ...]:
        """The spatial shape, without colour."""
        return self.array.shape[:-1] if self.is_colour else self.array.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """Where change is allowed: a soft mask, 0 = nothing moves, 1 = change enters in full.

    Attributes:
        array: float32 in [0, 1] on the scan's spatial grid.
        origin: Who drew it: a file name, "auto: lungs", "whole image".
    """

    array: np.ndarray
    origin: str

    def __post_init__(self) -> None:
        if self.array.dtype != np.float32:
            raise InvalidInputError(f"`region` must be float32, got {self.array.dtype}.")
        # one comparison that nan fails too
        if not (self.array.min(initial=0.0) >= 0 and self.array.max(initial=0.0) <= 1):
            raise InvalidInputError(
                f"`region` must lie in [0, 1], but {self.origin} spans "
                f"{self.array.min():g} to {self.array.max():g}. Scale it first."
            )

    def check_grid(self, space: tuple[int, ...]) -> None:
        """Refuse a region that lies on another grid than the scan."""
        if self.array.shape != space:
            raise GeometryMismatchError(
                f"`region` must lie on the scan's grid {space}, got {self.array.shape} "
                f"({self.origin}). Resample it first."
            )


def hash_bytes(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
