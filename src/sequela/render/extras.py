"""What a page shows beside the states: volumes in three planes, and figures with their captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from sequela.core import Trajectory
from sequela.imaging.grid import Grid
from sequela.render.display import VIEWING_SIDE, data_uri, viewing_size
from sequela.render.figures import marked
from sequela.render.viewer import Layer, Scene, ViewerParts, viewer_parts
from sequela.render.words import MODALITIES, time_length
from sequela.render.writing import writing

_CHANGE = 0.2  # of the window: end of the scale of changes


@dataclass(frozen=True, kw_only=True, eq=False)
class Figure:
    """One picture of a page, also kept as `figures/<name>.png`.

    Attributes:
        name: Of the file, without suffix.
        title: Above it.
        caption: Below it; what one sees and what the colours mean.
        picture: As large as it shall be kept.
    """

    name: str
    title: str
    caption: str
    picture: UInt8[np.ndarray, "height width *channel"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Extras:
    """Beside the states.

    Attributes:
        scenes: Volumes to switch between, as `render.viewer.Scene`.
        slider: Whether scenes have an order, such as time.
        focus_mm: LPS millimetres where the planes cross at first.
        figures: Pictures.
    """

    scenes: tuple[Scene, ...] = ()
    slider: bool = True
    focus_mm: tuple[float, float, float] | None = None
    figures: tuple[Figure, ...] = ()

    def viewer(self) -> ViewerParts | None:
        """The volumes' part of the page; None where there are none."""
        if not self.scenes:
            return None
        return viewer_parts(self.scenes, slider=self.slider, focus_mm=self.focus_mm)

    def shown(self) -> list[dict[str, Any]]:
        """The figures for the page's template."""
        return [
            {
                "title": figure.title,
                "caption": figure.caption,
                "uri": data_uri(viewing_size(figure.picture, 2 * VIEWING_SIDE)),
            }
            for figure in self.figures
        ]


def volume_scenes(trajectory: Trajectory) -> tuple[Scene, ...]:
    """Each state of the main branch, with its change since the baseline over it.

    Args:
        trajectory: A run of volumes that know their place.
    """
    scan, first = trajectory.scan, trajectory.states[0].image
    depth, height, width = scan.array.shape
    grid = Grid(shape=(depth, height, width), affine=np.asarray(scan.affine))
    scenes = []
    for state in trajectory.states:
        shown = Layer(
            name=MODALITIES[scan.modality],
            values=state.image,
            grid=grid,
            low=scan.window.low,
            high=scan.window.high,
            unit="HU" if scan.modality == "ct" else "",
            observed=state.kind == "observed",
        )
        layers = (shown,) if state.step == 0 else (shown, _change(state.image, first, shown))
        when = "" if state.time_years is None else f", {time_length(state.time_years)}"
        scenes.append(Scene(name=f"Step {state.step}{when}, {state.kind}", layers=layers))
    return tuple(scenes)


def _change(image: np.ndarray, first: np.ndarray, shown: Layer) -> Layer:
    far = _CHANGE * (shown.high - shown.low)
    return Layer(
        name="Change since the baseline",
        values=image.astype(np.float32) - first,
        grid=shown.grid,
        low=-far,
        high=far,
        colours="difference",
        opacity=0.55,
        unit=shown.unit,
    )


def write_figures(figures: Sequence[Figure], folder: Path) -> None:
    """Write each figure as a PNG that is marked as synthetic.

    Raises:
        OutputError: One could not be written.
    """
    if not figures:
        return
    with writing(folder):
        folder.mkdir(exist_ok=True)
        for figure in figures:
            path = folder / f"{figure.name}.png"
            Image.fromarray(figure.picture).save(path, "PNG", pnginfo=marked())
