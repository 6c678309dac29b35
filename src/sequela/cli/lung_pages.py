"""What the page of a lung forecast shows beside its states: volumes, registration, truth, codes."""

from dataclasses import replace
from typing import Any

import numpy as np

from sequela.cli.lung_scans import LungVisits
from sequela.core import Trajectory
from sequela.imaging.grid import Grid
from sequela.render import Extras, Figure
from sequela.render.extras import volume_scenes
from sequela.render.lung_planes import busiest, registration_figure, truth_figure
from sequela.render.words import time_length

_SHOWN_TIMES = 3  # rows of the figure of truth


def extras_of(
    trajectory: Trajectory,
    prepared: Any,
    visits: LungVisits,
    engine: Any,
    *,
    with_codes: bool = False,
) -> Extras:
    """The volumes of the main branch in three planes, and the figures."""
    states = trajectory.states
    index = busiest(states[0].image, states[-1].image, prepared.lungs)
    figures: list[Figure] = []
    if len(visits.scans) > 1:
        figures.append(_registration(prepared, visits, index))
    if visits.example is not None:
        figures.append(_truth(trajectory, prepared.grid, index))
    if with_codes:
        from sequela.cli.lung_codes import code_figures

        figures += code_figures(trajectory, prepared, engine, index)
    return Extras(
        scenes=volume_scenes(trajectory),
        focus_mm=_focus(prepared, index),
        figures=tuple(figures),
    )


def _focus(prepared: Any, index: int) -> tuple[float, float, float]:
    where = np.argwhere(prepared.lungs[:, index])
    depth, width = where.mean(0) if len(where) else (0.0, 0.0)
    point = prepared.grid.affine @ np.array([depth * 0.8, index, width, 1.0])
    return float(point[0]), float(point[1]), float(point[2])


def _registration(prepared: Any, visits: LungVisits, index: int) -> Figure:
    """Planes only: a whole unregistered volume is needed nowhere."""
    grid = prepared.grid
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, 1] * index
    plane = Grid(shape=(grid.shape[0], 1, grid.shape[2]), affine=affine)
    rows = []
    for scan, laid in zip(visits.scans[1:], prepared.alignments, strict=True):
        source = Grid(shape=scan.array.shape, affine=np.asarray(scan.affine))
        still = replace(laid, move=np.eye(4), field=None)
        before, after = (way.applied(scan.array, source, plane)[:, 0] for way in (still, laid))
        rows.append((scan.source.name, before, after))
    return registration_figure(prepared.baseline.array, rows, grid, prepared.baseline.window, index)


def _truth(trajectory: Trajectory, grid: Grid, index: int) -> Figure:
    truth = {state.step: state.image for state in trajectory.branch("truth").states}
    made = [state for state in trajectory.states if state.kind != "observed"]
    picks = np.unique(np.linspace(0, len(made) - 1, _SHOWN_TIMES).round().astype(int))
    pairs = [
        (time_length(made[i].time_years or 0.0), made[i].image, truth[made[i].step]) for i in picks
    ]
    return truth_figure(pairs, grid, trajectory.scan.window, index)
