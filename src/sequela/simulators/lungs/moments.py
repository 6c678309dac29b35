"""Forecast volumes to the states of a run: at the scan's own grid, within the lungs, measured."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Num

from sequela.core import State, StateKind
from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid, regrid_mask
from sequela.metrics.lung_measures import lung_measures
from sequela.simulators.lungs.asked import ForecastRequest
from sequela.simulators.lungs.prepare import PreparedScans, as_stored
from sequela.simulators.lungs.resampling import shares_in_time, soft_lungs

Volume = Num[np.ndarray, "depth height width"]


def lungs_on(prepared: PreparedScans, grid: Grid) -> Bool[np.ndarray, "d h w"]:
    """The lungs on the model's grid."""
    if grid is prepared.grid:
        return prepared.lungs
    return regrid_mask(prepared.lungs, prepared.grid, grid)


def at_full_size(
    prepared: PreparedScans,
    grid: Grid,
    seen: Sequence[Num[np.ndarray, "d h w"]],
    years: Sequence[float],
    moment: tuple[float, Num[np.ndarray, "d h w"]],
) -> Volume:
    """A forecast of the model's grid on the scan's, with the detail of the scans next in time.

    Args:
        prepared: The scans.
        grid: The model's.
        seen: The scans on it.
        years: Of the scans.
        moment: Time and volume of the forecast.
    """
    when, volume = moment
    if grid is prepared.grid:
        return within(prepared, volume)
    made: np.ndarray = np.zeros(prepared.grid.shape, np.float32)
    change = volume.astype(np.float32)
    for index, share in shares_in_time(years, when):
        made += np.float32(share) * prepared.volumes[index]
        change -= np.float32(share) * seen[index]
    return within(prepared, made + regrid(change, grid, prepared.grid))


def within(prepared: PreparedScans, volume: Volume) -> Volume:
    """The change inside the lungs alone; elsewhere the baseline, bit for bit."""
    first = prepared.baseline.array
    share = soft_lungs(prepared.lungs, prepared.grid)
    moved = as_stored(first + share * (volume - first), first.dtype)
    return np.where(prepared.lungs, moved, first)


def states_of(
    prepared: PreparedScans, request: ForecastRequest, volumes: Sequence[Volume]
) -> tuple[State, ...]:
    """Visits and forecasts in the order of their times."""
    moments: list[tuple[float, StateKind, Volume, int | None]] = [
        (when, "observed", volume, visit)
        for visit, (when, volume) in enumerate(zip(request.years, prepared.volumes, strict=True))
    ]
    for when, volume in zip(request.wanted_years, volumes, strict=True):
        kind: StateKind = "interpolated" if when < request.years[-1] else "simulated"
        moments.append((when, kind, volume, None))
    moments.sort(key=lambda moment: moment[0])
    return tuple(
        State(
            image=volume,
            kind=kind,
            step=step,
            time_years=when,
            scores=scores_of(prepared, volume, visit),
        )
        for step, (when, kind, volume, visit) in enumerate(moments)
    )


def scores_of(
    prepared: PreparedScans, volume: Volume, visit: int | None = None
) -> dict[str, float]:
    """What is measured in the baseline's lungs; for a visit also how large its own lungs were."""
    measures = lung_measures(volume, prepared.lungs, prepared.grid.voxel_ml)._asdict()
    if visit is not None and prepared.fields:
        measures["lung_volume_ml"] = prepared.fields[visit].volume_ml
    return {name: round(float(value), 6) for name, value in measures.items()}
