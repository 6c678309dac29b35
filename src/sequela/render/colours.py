"""Colour maps of volumes: the same table for the viewer in the browser and for still pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from sequela.render.heat import ANCHORS, OPAQUE_FROM


@dataclass(frozen=True, kw_only=True)
class ColourMap:
    """Colours along a scale from 0 to 1.

    Attributes:
        places: Shares of the scale, rising from 0 to 1.
        colours: Red, green, blue and opacity there, 0 to 255.
        words: What the colours mean, for a legend.
    """

    places: tuple[float, ...]
    colours: tuple[tuple[int, int, int, int], ...]
    words: str

    def __call__(self, share: Float[np.ndarray, "*grid"]) -> UInt8[np.ndarray, "*grid 4"]:
        """Red, green, blue and opacity of shares of the scale."""
        stops = np.array(self.colours, np.float64)
        channels = [np.interp(share, self.places, stops[:, k]) for k in range(4)]
        return np.asarray(np.rint(np.stack(channels, axis=-1)), np.uint8)

    def table(self) -> dict[str, list[int]]:
        """The stops as the browser's viewer reads them."""
        columns = zip("RGBA", zip(*self.colours, strict=True), strict=True)
        stops = {name: list(values) for name, values in columns}
        return stops | {"I": [round(255 * place) for place in self.places]}

    def gradient(self) -> str:
        """The scale as stops of a CSS gradient."""
        return ", ".join(
            f"rgb({r} {g} {b} / {a / 255:.2f}) {100 * place:.1f}%"
            for place, (r, g, b, a) in zip(self.places, self.colours, strict=True)
        )


def _heat() -> ColourMap:
    places = np.linspace(0, 1, len(ANCHORS))
    opacity = np.rint(255 * np.clip(places / OPAQUE_FROM, 0, 1)).astype(int)
    colours = [(*map(int, c), int(a)) for c, a in zip(ANCHORS.tolist(), opacity, strict=True)]
    return ColourMap(
        places=tuple(places.tolist()),
        colours=tuple((r, g, b, a) for r, g, b, a in colours),
        words="dark to pale: more",
    )


def _mark(red: int, green: int, blue: int, words: str) -> ColourMap:
    """One colour that is there or not."""
    colour = (red, green, blue)
    return ColourMap(places=(0.0, 1.0), colours=((*colour, 0), (*colour, 255)), words=words)


COLOUR_MAPS: Mapping[str, ColourMap] = {
    "grey": ColourMap(
        places=(0.0, 1.0), colours=((0, 0, 0, 255), (255, 255, 255, 255)), words="black to white"
    ),
    "heat": _heat(),
    "blue": _mark(86, 180, 233, "blue: there"),
    "green": _mark(0, 178, 120, "green: there"),
    "orange": _mark(240, 140, 20, "orange: there"),
    # the middle of the scale is no difference, and clear
    "difference": ColourMap(
        places=(0.0, 0.5, 1.0),
        colours=((40, 120, 255, 255), (250, 250, 250, 0), (255, 70, 30, 255)),
        words="blue: less; red: more",
    ),
}
