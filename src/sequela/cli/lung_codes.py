"""`sequela extrapolate --codes`: the codes of the run's scans as figures for its page."""

from typing import Any

import numpy as np

from sequela.core import Trajectory
from sequela.render import Figure
from sequela.render.lung_codes import codes_figure, overlay_figure
from sequela.render.words import time_length

_CHOSEN = 4  # codes in colour: more are hard to tell apart


def code_figures(trajectory: Trajectory, prepared: Any, engine: Any, index: int) -> list[Figure]:
    """How the codes look and how often they are used, and where those that grow most lie."""
    import torch

    from sequela.simulators.lungs.codebook import (
        decoded_codes,
        histograms,
        overlay_labels,
        usage,
    )
    from sequela.simulators.lungs.grids import cells

    codec = engine.model.engine.codec
    states = trajectory.states
    grid, seen, lungs = engine.on_model(prepared, [state.image for state in states])
    indices = torch.cat(
        [codec.codes_of(codec.to_model(torch.from_numpy(volume))[None, None]) for volume in seen]
    )
    inside = cells(torch.from_numpy(lungs), codec.config.factor)
    shares = histograms(indices, inside.expand(len(indices), -1, -1, -1), codec.config.codes)
    share, perplexity = usage(shares)
    words = f"{share:.0%} of {codec.config.codes} codes are used; perplexity {perplexity:.0f}."
    grown = np.argsort(-(shares[-1] - shares[0]), kind="stable")[:_CHOSEN].tolist()
    marked = [
        (
            f"{states[i].kind}, {time_length(states[i].time_years or 0.0)}",
            seen[i],
            overlay_labels(torch.where(inside, indices[i], -1), grown, codec.config.factor),
        )
        for i in (0, len(states) - 1)
    ]
    plane = index
    if grid is not prepared.grid:
        middle = prepared.grid.affine @ np.array([0, index, 0, 1.0])
        plane = int(np.clip(round(float(grid.indices_of(middle[:3])[1])), 0, grid.shape[1] - 1))
    window = trajectory.scan.window
    looks = decoded_codes(codec, around=2)  # enough for pictures, and five times quicker
    return [
        codes_figure(looks, shares.mean(axis=0), window, words),
        overlay_figure(marked, grown, grid, window, plane),
    ]
