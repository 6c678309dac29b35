"""Measures: what a report draws and tabulates of the states, and what its viewer shows of each."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sequela.core import Branch, State
from sequela.render.album import Album, Picture
from sequela.render.curves import Chart, Series, chart
from sequela.render.overlays import region_overlay
from sequela.render.words import SCORES, score_title, score_unit, time_words

MEAN_CHANGE = "Mean |change|, whole image (% of window)"


def charts(album: Album) -> list[Chart]:
    """Mean change and every score by step, or by years where every state has a time."""
    timed = all(
        picture.state.time_years is not None and branch.time_basis != "ordinal"
        for branch in album.trajectory.branches
        for picture in album.along(branch)
    )
    unit = _unit(album) if timed else None
    x_label = "Step" if unit is None else f"Time after the baseline ({unit[0]})"

    def series(value: Callable[[Picture], float | None]) -> list[Series]:
        return [_series(branch, album.along(branch), value, unit) for branch in _branches(album)]

    change = series(lambda picture: 100 * picture.mean_change)
    drawn = [chart("Mean |change|, whole image", x_label, "% of window", change)]
    for name in score_names(album):
        values = series(partial(_score, name=name))
        unit_of = score_unit(name)[1]
        # 0 HU is water, no end of a scale
        drawn.append(chart(score_title(name), x_label, unit_of, values, from_zero=unit_of != "HU"))
    return [drawing for drawing in drawn if drawing is not None]


def table(album: Album) -> Mapping[str, Sequence[Any]]:
    """The numbers behind the charts: `head` and `lines`."""
    names = score_names(album)
    lines = [
        [
            branch.id,
            picture.state.step,
            picture.state.kind,
            time_words(picture.state, branch),
            f"{100 * picture.mean_change:.3f}",
            *(_figure(_score(picture, name)) for name in names),
        ]
        for branch in _branches(album)
        for picture in album.along(branch)
        if branch.parent is None or picture.state in branch.states
    ]
    head = [
        "Branch",
        "Step",
        "Kind",
        "Time",
        MEAN_CHANGE,
        *(f"{score_title(name)} ({score_unit(name)[1]})" for name in names),
    ]
    return {"head": head, "lines": lines}


def viewer(album: Album) -> Mapping[str, Any]:
    """What the page's script needs: the moments of each branch, and the overlays."""
    paths = [
        {
            "id": branch.id,
            "region": branch.region,
            "moments": [_moment(picture, branch) for picture in album.along(branch)],
        }
        for branch in _branches(album)
    ]
    return {
        "branches": paths,
        "heat": {picture.id: album.heat(picture) for picture in album},
        "regions": {
            branch.region: region_overlay(album.trajectory, branch, album.side)
            for branch in _branches(album)
        },
    }


def score_names(album: Album) -> list[str]:
    """Every score that some state has, in order of appearance."""
    return list(dict.fromkeys(name for picture in album for name in picture.state.scores))


def _branches(album: Album) -> tuple[Branch, ...]:
    return album.trajectory.branches


def _unit(album: Album) -> tuple[str, float]:
    """What times are drawn in, and how many make a year: days where the whole run is short."""
    longest = max(picture.state.time_years or 0.0 for picture in album)
    return ("days", 365.25) if longest < 1 else ("years", 1.0)


def _series(
    branch: Branch,
    pictures: Sequence[Picture],
    value: Callable[[Picture], float | None],
    unit: tuple[str, float] | None,
) -> Series:
    def place(state: State) -> float:
        return float(state.step) if unit is None else unit[1] * (state.time_years or 0.0)

    points = [
        (place(picture.state), figure)
        for picture in pictures
        if (figure := value(picture)) is not None
    ]
    return Series(branch=branch.id, points=tuple(points))


def _moment(picture: Picture, branch: Branch) -> dict[str, Any]:
    state = picture.state
    return {
        "picture": picture.id,
        "step": state.step,
        "kind": state.kind,
        "time": time_words(state, branch),
        "change": f"{100 * picture.mean_change:.2f} %",
        "figures": [
            [score_title(name), _figure(_score(picture, name)) + (" %" if name in SCORES else "")]
            for name in state.scores
        ],
    }


def _score(picture: Picture, name: str) -> float | None:
    value = picture.state.scores.get(name)
    return None if value is None else score_unit(name)[0] * value


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
