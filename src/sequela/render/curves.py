"""Curves: figures of the states by step, as the numbers an SVG chart needs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sequela.render.heat import round_up

WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 14, 44


@dataclass(frozen=True, kw_only=True)
class Series:
    """One branch's figure by step."""

    branch: str
    points: tuple[tuple[float, float], ...]  # (step or years, value)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A series in the chart's own coordinates."""

    branch: str
    path: str
    dots: tuple[tuple[float, float, str], ...]  # x, y and the value in words


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Everything the template draws: axes with ticks in units, and one line for each branch."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def chart(
    title: str, x_label: str, y_label: str, series: Sequence[Series], *, from_zero: bool = True
) -> Chart | None:
    """A chart of all series, the first on top; None where no finite value is left to draw.

    Args:
        title: What is drawn.
        x_label: Name and unit of the horizontal axis.
        y_label: Name and unit of the vertical axis.
        series: One for each branch; values that are not finite are left out.
        from_zero: Whether the vertical axis reaches 0 whatever the values.
    """
    finite = [
        Series(branch=s.branch, points=tuple(p for p in s.points if math.isfinite(p[1])))
        for s in series
    ]
    points = [point for s in finite for point in s.points]
    if not points:
        return None
    x_ticks = ticks([x for x, _ in points], whole=x_label.startswith("Step"))
    y_ticks = ticks([0.0] * from_zero + [y for _, y in points])
    return Chart(
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_ticks=tuple((_place(t, x_ticks, LEFT, WIDTH - RIGHT), f"{t:g}") for t in x_ticks),
        y_ticks=tuple((_place(t, y_ticks, HEIGHT - BOTTOM, TOP), f"{t:g}") for t in y_ticks),
        lines=tuple(_line(s, x_ticks, y_ticks) for s in finite if s.points),
    )


def ticks(values: Sequence[float], *, whole: bool = False) -> list[float]:
    """Four to seven round numbers that span `values`."""
    low, high = min(values), max(values)
    if low == high:
        high = low + (abs(low) or 1.0)
    step = round_up((high - low) / 6)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def _line(series: Series, x_ticks: list[float], y_ticks: list[float]) -> Line:
    dots = tuple(
        (
            _place(x, x_ticks, LEFT, WIDTH - RIGHT),
            _place(y, y_ticks, HEIGHT - BOTTOM, TOP),
            f"{series.branch}, {x:g}: {y:.4g}",
        )
        for x, y in series.points
    )
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y, _ in dots)
    return Line(branch=series.branch, path=path, dots=dots)


def _place(value: float, marks: list[float], start: float, end: float) -> float:
    return round(start + (value - marks[0]) / (marks[-1] - marks[0]) * (end - start), 1)
