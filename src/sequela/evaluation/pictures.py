"""Pictures of a protocol: score curves, how far steps move, strips of typical and worst cases."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sequela.core import MissingExtraError
from sequela.evaluation.scoring import Row
from sequela.evaluation.tables import Table
from sequela.evaluation.theory import paths

_SHOWN = (0, 0.2, 0.5, 1.0)  # shares of the way, in a strip
_HEIGHT = 128  # pixels of a picture in a strip


@dataclass(frozen=True, kw_only=True)
class Strip:
    """States of one case side by side."""

    title: str
    png: bytes

    @property
    def data_uri(self) -> str:
        """For a page."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def curves_svg(table: Table, rows: Sequence[Row]) -> str:
    """Mean score of each state, one line for each entrant of a table."""
    own = table.own(rows)
    return _lines_svg(own, "judge's probability", [r.scores for r in own])


def prices_svg(table: Table, rows: Sequence[Row]) -> str:
    """Mean score of each state over how much of the image is lost by then, as 1 - SSIM."""
    figure, axes = _plot("1 - SSIM to the baseline", "judge's probability")
    own = table.own(rows)
    scores, likeness = (_whole(own, [getattr(r, n) for r in own]) for n in ("scores", "likeness"))
    for name, look in _looks(scores).items():
        axes.plot(1 - likeness[name].mean(axis=0), scores[name].mean(axis=0), **look)
    return _svg(figure)


def steps_svg(table: Table, rows: Sequence[Row], folder: Path) -> str:
    """Mean |x_n - x_(n-1)| of each step on a log axis: does it settle?"""
    own = table.own(rows)
    moves = []
    for row in own:
        states = row.made.read(folder).states.astype(np.float32)
        moves.append(np.abs(np.diff(states, axis=0)).reshape(len(states) - 1, -1).mean(1) / 255)
    return _lines_svg(own, "mean |change| of a step", moves, log=True, first=1)


def paths_svg(table: Table, rows: Sequence[Row]) -> str:
    """Each entrant's mean path on the first two axes of the judge's features, as in Figure 5."""
    own = table.own(rows)
    whole = _whole(own, [r.features for r in own])
    figure, axes = _plot("judge's features, first axis", "second axis")
    looks = _looks(whole)
    for name, found in paths(whole).items():
        across, up = found.mean(axis=0).T
        axes.plot(across, up, **looks[name])
    return _svg(figure)


def strips_of(table: Table, rows: Sequence[Row], folder: Path) -> list[Strip]:
    """For the table's first entrant: the median case, and the three that fell most."""
    label = table.rows[0].entrant.label
    own = [r for r in table.own(rows) if r.made.entrant.label == label]
    ranked = sorted(own, key=lambda r: r.figures["rise"])
    chosen = [("worst", r) for r in ranked[:3]] + [("median", ranked[len(ranked) // 2])]
    return [
        Strip(
            title=f"{kind}: {r.made.example.path.name}, seed {r.made.seed}, "
            f"rise {r.figures['rise']:+.2f}",
            png=_strip(r.made.read(folder).states),
        )
        for kind, r in chosen
    ]


def _strip(states: np.ndarray) -> bytes:
    shown = [states[round(share * (len(states) - 1))] for share in _SHOWN]
    pictures = [
        np.asarray(Image.fromarray(p).resize((round(_HEIGHT * p.shape[1] / p.shape[0]), _HEIGHT)))
        for p in shown
    ]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(pictures, axis=1)).save(buffer, "PNG")
    return buffer.getvalue()


def _lines_svg(
    rows: Sequence[Row],
    label: str,
    values: Sequence[np.ndarray],
    *,
    log: bool = False,
    first: int = 0,
) -> str:
    figure, axes = _plot("step", label)
    whole = _whole(rows, values)
    for name, look in _looks(whole).items():
        table = whole[name]
        if log and not table.any():
            continue  # nothing moves, and log has no place for it
        mean = table.mean(0)
        error = 1.96 * table.std(0) / max(1, len(table)) ** 0.5
        steps = np.arange(first, first + table.shape[1])
        axes.plot(steps, mean, **look)
        axes.fill_between(steps, mean - error, mean + error, color=look["color"], alpha=0.12)
    if log:
        axes.set_yscale("log")
    return _svg(figure)


def _whole(rows: Sequence[Row], values: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The values of each entrant's rows, stacked; those of shorter walks are left out."""
    own: dict[str, list[np.ndarray]] = {}
    for row, value in zip(rows, values, strict=True):
        own.setdefault(row.made.entrant.label, []).append(value)
    return {
        name: np.stack([v for v in found if len(v) == max(map(len, found))])
        for name, found in own.items()
    }


def _plot(across: str, up: str) -> tuple[Any, Any]:
    figure, axes = _pyplot().subplots(figsize=(6.4, 4.4), layout="constrained")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes


def _looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The same colour and line for an entrant in every plot of its table."""
    return {
        name: {"label": name, "marker": ".", "color": f"C{i % 10}", "ls": ("-", "--")[i // 10 % 2]}
        for i, name in enumerate(names)
    }


def _svg(figure: Any) -> str:
    figure.legend(loc="outside lower center", fontsize=7, frameon=False, ncols=3)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    _pyplot().close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtraError(
            "Plots need matplotlib. Install it with: pip install 'sequela[evaluate]'"
        ) from error
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "sequela"  # the same figures make the same file
    import matplotlib.pyplot as plt

    return plt
