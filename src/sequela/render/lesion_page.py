"""The page of a lesion forecast: figures of every arm, plots, and the volumes in three planes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from sequela.core import Branch, Trajectory
from sequela.imaging.grid import Grid
from sequela.render.heat import SCALE_FACTORS, round_up
from sequela.render.pages import write_page
from sequela.render.viewer import Layer, Scene, viewer_parts
from sequela.render.words import inputs, rows

METHOD = "lesion-forecast"
_BINS = (("0", "0_to_0"), ("1", "1_to_1"), ("2 to 4", "2_to_4"), ("5 to 9", "5_to_9"))
_OPEN = ("10 or more", "10_or_more")
_PLOT_WIDTH = 420.0


def write_lesion_page(trajectory: Trajectory, folder: Path) -> Path:
    """Write `report.html` of a lesion forecast into the run folder and return its path.

    Raises:
        OutputError: The page could not be written.
    """
    record, arms = trajectory.record, arms_of(trajectory)
    viewer = viewer_parts(_scenes(trajectory, arms), focus_mm=_focus(trajectory))
    horizon = trajectory.states[-1].time_years or 0.0
    return write_page(
        "lesions.html.j2",
        folder / "report.html",
        viewer=viewer,
        record=record,
        advice=record.notices[0],
        notices=record.notices[1:],
        horizon=_words(horizon),
        source=trajectory.scan.source.name,
        arms=[_row(arm) for arm in arms],
        plot=_plot(arms),
        rule=record.config["rule"],
        samples=record.request["sampling"]["samples"],
        lesions_from=record.config["lesions_from"],
        request=list(rows(record.request)),
        provenance=list(
            rows(
                {
                    "seed": record.seed,
                    "threads": record.threads,
                    "device": record.device,
                    "created": record.created,
                }
            )
        ),
        model=list(rows(record.model)),
        inputs=inputs(record.inputs),
        versions=list(rows(record.versions)),
    )


def arms_of(trajectory: Trajectory) -> list[Branch]:
    """The branches that hold an arm's probability map: the asked-for treatment first."""
    return [b for b in trajectory.branches if b.states[-1].role == "probability"]


@dataclass(frozen=True, kw_only=True)
class _Bar:
    """One arm in the plots, in their own coordinates."""

    arm: str
    y: float
    parts: tuple[tuple[float, float, float, str], ...]  # left, width, shade, words
    wide: tuple[float, float]
    narrow: tuple[float, float]
    middle: float
    words: str


def _plot(arms: list[Branch]) -> dict[str, Any]:
    """Chances of counts as stacked bars, and expected counts with their intervals."""
    top = max(arm.states[-1].scores["count_high95"] for arm in arms)
    top = round_up(max(top, 4.0), SCALE_FACTORS)
    bars = [_bar(arm, index, top) for index, arm in enumerate(arms)]
    ticks = [(_PLOT_WIDTH * share, f"{top * share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    return {
        "bars": bars,
        "ticks": ticks,
        "width": _PLOT_WIDTH,
        "height": 34 * len(bars),
        "bins": [name for name, _ in (*_BINS, _OPEN)],
    }


def _bar(arm: Branch, index: int, top: float) -> _Bar:
    scores = arm.states[-1].scores
    parts, left = [], 0.0
    for shade, (name, key) in enumerate((*_BINS, _OPEN)):
        share = scores[f"chance_of_{key}"]
        words = f"{arm.arm}: {name} lesions, {share:.0%}"
        parts.append((left, _PLOT_WIDTH * share, shade / len(_BINS), words))
        left += _PLOT_WIDTH * share
    low, high, low80, high80 = (
        _PLOT_WIDTH * scores[f"count_{key}"] / top for key in ("low95", "high95", "low80", "high80")
    )
    return _Bar(
        arm=_name(arm),
        y=34.0 * index,
        parts=tuple(parts),
        wide=(low, high),
        narrow=(low80, high80),
        middle=_PLOT_WIDTH * scores["expected_count"] / top,
        words=f"{scores['expected_count']:.1f} expected",
    )


def _row(arm: Branch) -> dict[str, str]:
    s = arm.states[-1].scores
    row = {
        "arm": _name(arm),
        "count": f"{s['expected_count']:.1f}",
        "count80": f"{s['count_low80']:.0f} to {s['count_high80']:.0f}",
        "count95": f"{s['count_low95']:.0f} to {s['count_high95']:.0f}",
        "volume": f"{s['volume_ml']:.2f} ({s['volume_ml_low95']:.2f} to "
        f"{s['volume_ml_high95']:.2f})",
        "activity": f"{s['activity']:.0%}",
        "active": f"{s['active_share_low95']:.0%} to {s['active_share_high95']:.0%}",
        "spared": "",
        "ratio": "",
    }
    if "spared" in s:
        row["spared"] = (
            f"{s['spared']:+.1f} ({s['spared_low95']:+.0f} to {s['spared_high95']:+.0f})"
        )
        row["ratio"] = f"{s['rate_ratio']:.2f}"
    return row


def _words(years: float) -> str:
    """A horizon as one says it."""
    if years >= 1 and round(years * 2) == years * 2:
        return f"{years:g} year{'' if years == 1 else 's'}"
    return f"{12 * years:.3g} months"


def _name(arm: Branch) -> str:
    return str(arm.arm).replace("-", " ")


def _scenes(trajectory: Trajectory, arms: list[Branch]) -> list[Scene]:
    scan, baseline = trajectory.scan, trajectory.states[0]
    image = Layer.of(scan, "Baseline image")
    old = Layer(
        name="Lesions at baseline",
        values=baseline.layers["lesions"],
        grid=image.grid,
        low=0,
        high=1,
        colours="blue",
        opacity=0.6,
        observed=True,
    )
    found = "as given" if trajectory.record.config["lesions_from"] == "given" else "as found"
    scenes = [Scene(name="Baseline", layers=(image, old), caption=f"Lesions {found}.")]
    top = _scale([arm.states[-1].image for arm in arms])
    for arm in arms:
        chance = _chance(arm, image.grid, top)
        caption = "Chance of each voxel to lie in a new or enlarging lesion at the horizon."
        name = f"Under {_name(arm)}"
        scenes.append(Scene(name=name, layers=(image, old, chance), caption=caption))
    differences = [arm.states[-1].layers["difference"] for arm in arms[1:]]
    span = _scale([np.abs(difference) for difference in differences]) if differences else 1.0
    for arm, difference in zip(arms[1:], differences, strict=True):
        layer = Layer(
            name=f"{_name(arms[0])} less {_name(arm)}",
            values=difference,
            grid=image.grid,
            low=-span,
            high=span,
            colours="difference",
            opacity=0.8,
        )
        words = f"Blue: less likely under {_name(arms[0])} than under {_name(arm)}; red: more."
        name = f"{_name(arms[0])} against {_name(arm)}"
        scenes.append(Scene(name=name, layers=(image, old, layer), caption=words))
    return scenes


def _chance(arm: Branch, grid: Grid, top: float) -> Layer:
    return Layer(
        name=f"Chance under {_name(arm)}",
        values=arm.states[-1].image,
        grid=grid,
        low=0,
        high=top,
        colours="heat",
        opacity=0.8,
    )


def _scale(maps: list[np.ndarray]) -> float:
    """One round upper end for all maps: nearly the largest value."""
    top = max((float(np.percentile(m[m > 0], 99.5)) for m in maps if (m > 0).any()), default=0.0)
    return min(1.0, round_up(max(top, 1e-4)))


def _focus(trajectory: Trajectory) -> tuple[float, float, float] | None:
    """Where a lesion is most likely."""
    chance, affine = trajectory.states[-1].image, trajectory.scan.affine
    if affine is None or not chance.any():
        return None
    place = np.unravel_index(int(uniform_filter(chance, 5).argmax()), chance.shape)
    x, y, z = (float(v) for v in (affine @ np.array([*place, 1.0]))[:3])
    return x, y, z
