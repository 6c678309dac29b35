"""Overlays: regions and uncertainty maps as pictures for a page."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from sequela.core import Branch, Trajectory
from sequela.render.display import data_uri, plane, to_display, viewing_size
from sequela.render.heat import SCALE_FACTORS, heat_colours, round_up

REGION_COLOUR = (64, 196, 214)
PROTECTED_COLOUR = (255, 176, 64)


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """Mean and spread over the samples, and the upper end of the spread's scale in stored units."""

    mean: str | None
    spread: str | None
    top: str


def region_overlay(trajectory: Trajectory, branch: Branch, side: int) -> str | None:
    """The branch's effective region with the protected one over it; None where neither is known."""
    layers = []
    for key, colour in ((branch.region, REGION_COLOUR), ("protected", PROTECTED_COLOUR)):
        region = trajectory.regions.get(key)
        if region is not None:
            layers.append(_layer(viewing_size(plane(region.array), side), colour))
    if not layers:
        return None
    overlay = layers[0]
    for layer in layers[1:]:
        overlay = np.where(layer[..., 3:] > 0, layer, overlay)
    return data_uri(overlay, lossless=True)


def uncertainty(trajectory: Trajectory, side: int) -> Uncertainty | None:
    """The maps of several samples, or None where there is one."""
    maps = {name: plane(array) for name, array in trajectory.uncertainty.items()}
    if not maps:
        return None
    mean, spread, top = maps.get("mean"), None, 0.0
    if "spread" in maps:
        grey = maps["spread"].astype(np.float32)
        grey = grey.mean(axis=-1) if grey.ndim == 3 else grey
        top = round_up(max(float(np.percentile(grey, 99.5)), 1e-6), SCALE_FACTORS)
        shown = viewing_size(np.clip(grey / np.float32(top), 0, 1), side)
        spread = data_uri(heat_colours(shown))
    window = trajectory.scan.window
    return Uncertainty(
        mean=None if mean is None else data_uri(viewing_size(to_display(mean, window), side)),
        spread=spread,
        top=f"{top:g}",
    )


def _layer(
    mask: Float32[np.ndarray, "height width"], colour: tuple[int, int, int]
) -> UInt8[np.ndarray, "height width 4"]:
    """A faint fill in proportion to the soft mask, and a line where it crosses a half."""
    inside = mask >= 0.5
    opacity = np.where(_edge(inside), 1.0, 0.16 * mask)
    layer = np.empty((*mask.shape, 4), dtype=np.uint8)
    layer[..., :3] = colour
    layer[..., 3] = np.rint(255 * opacity)
    return layer


def _edge(inside: np.ndarray) -> np.ndarray:
    """The pixels of a mask, two deep, that touch what is outside it."""
    eroded = inside.copy()
    for _ in range(2):
        padded = np.pad(eroded, 1, mode="edge")
        rows = padded[:-2, 1:-1] & padded[2:, 1:-1]
        eroded = eroded & rows & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: np.ndarray = inside & ~eroded
    return edge
