"""Viewer: volumes in three planes on a page that needs no network, by NiiVue in WebGL 2.

A viewer has scenes (time points, arms) to switch between, and a scene has layers. Where a browser
offers no WebGL 2 the page says so and shows still planes instead.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Num

from sequela.core import DISCLAIMER, InvalidInputError, Scan
from sequela.core.checks import check_choice, check_share
from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid
from sequela.io.nifti import encode_nifti
from sequela.render.colours import COLOUR_MAPS
from sequela.render.display import data_uri
from sequela.render.pages import environment, write_page
from sequela.render.planes import three_planes

LIBRARY = Path(__file__).parent / "vendor" / "niivue" / "niivue-0.69.0.umd.js.gz"
LARGEST_BYTES = 9_000_000  # of all volumes of a page, compressed; base64 adds a third
_COARSER = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 6.0, 8.0)  # tried until a page is small enough


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One volume with its colours.

    Attributes:
        name: For the legend.
        values: Any numbers.
        grid: Where they lie.
        low: Value at the lower end of the colours.
        high: Value at the upper end.
        colours: A name in `sequela.render.colours.COLOUR_MAPS`.
        opacity: Of the whole layer, 0 to 1.
        unit: Of the values, for the read-out.
        observed: Whether a scanner or a reader made it; the bytes in the page say so.
    """

    name: str
    values: Num[np.ndarray, "depth height width"]
    grid: Grid
    low: float
    high: float
    colours: str = "grey"
    opacity: float = 1.0
    unit: str = ""
    observed: bool = False

    def __post_init__(self) -> None:
        check_choice("colours", self.colours, COLOUR_MAPS)
        check_share("opacity", self.opacity)
        if not self.low < self.high:
            raise InvalidInputError(
                f"`high` must lie above `low`, got {self.low!r} to {self.high!r} for {self.name}."
            )
        if self.values.shape != self.grid.shape:
            raise InvalidInputError(
                f"`values` must have the grid's shape {self.grid.shape}, got {self.values.shape}."
            )

    @classmethod
    def of(cls, scan: Scan, name: str, *, observed: bool = True) -> "Layer":
        """A scan in grey, through its window.

        Raises:
            InvalidInputError: It is no volume, or does not know its place.
        """
        if not scan.is_volume or scan.affine is None:
            raise InvalidInputError(
                f"`scan` must be a volume with an affine, got shape {scan.array.shape}."
            )
        depth, height, width = scan.array.shape
        return cls(
            name=name,
            values=scan.array,
            grid=Grid(shape=(depth, height, width), affine=scan.affine),
            low=scan.window.low,
            high=scan.window.high,
            observed=observed,
        )

    def share(self, values: Num[np.ndarray, "*grid"]) -> Float[np.ndarray, "*grid"]:
        """Values as shares of the scale."""
        found = (values.astype(np.float32) - self.low) / (self.high - self.low)
        return np.asarray(np.clip(found, 0, 1), np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What is seen at once: a lowest layer, and others over it.

    Attributes:
        name: On the button or beside the slider.
        layers: The lowest, opaque one first.
        caption: A sentence under the picture.
    """

    name: str
    layers: tuple[Layer, ...]
    caption: str = ""

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidInputError(f"`layers` of the scene {self.name} must hold at least one.")


@dataclass(frozen=True, kw_only=True)
class ViewerParts:
    """A viewer for a page of its own or for part of one.

    Attributes:
        html: The section; put it into a template with `| safe`.
        policy: The page's Content-Security-Policy, which lets this viewer run and nothing else.
        script_hash: Of its script, for a page that runs another one beside it; see `policy_of`.
    """

    html: str
    policy: str
    script_hash: str


def viewer_parts(
    scenes: Sequence[Scene],
    *,
    slider: bool = False,
    focus_mm: tuple[float, float, float] | None = None,
) -> ViewerParts:
    """A viewer to put into a page.

    A layer that several scenes share (the same object) is stored once. Volumes are stored in 256
    levels between `low` and `high`, coarser where the page would grow beyond about 15 MB.

    Args:
        scenes: What can be switched between, the first shown first.
        slider: A slider for scenes in an order, such as time points; else a button for each.
        focus_mm: LPS millimetres where the planes cross at first; by default where the uppermost
            layers show most.

    Raises:
        InvalidInputError: There is no scene, or the volumes are too large for any page.
    """
    if not scenes:
        raise InvalidInputError("`scenes` must hold at least one scene, got none.")
    layers = list({id(layer): layer for scene in scenes for layer in scene.layers}.values())
    place = _place(scenes, focus_mm)
    base = scenes[0].layers[0].grid
    centre = base.affine @ np.array([*place, 1.0])
    volumes, factor = _packed(layers)
    script = environment().get_template("viewer.js").render()
    content = {
        "focus": [-float(centre[0]), -float(centre[1]), float(centre[2])],  # NiiVue counts in RAS
        "colours": {name: COLOUR_MAPS[name].table() for name in {x.colours for x in layers}},
        "layers": [_described(layer) for layer in layers],
        "scenes": [
            {"name": s.name, "caption": s.caption, "layers": [layers.index(x) for x in s.layers]}
            for s in scenes
        ],
    }
    html = (
        environment()
        .get_template("viewer.html.j2")
        .render(
            content=json.dumps(content).replace("<", "\\u003c"),
            volumes=volumes,
            library=_library(),
            script=script,
            scenes=scenes,
            slider=slider,
            coarser=factor > 1,
            planes=[data_uri(three_planes(s.layers, place)) for s in scenes],
        )
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    script_hash = f"sha256-{digest}"
    return ViewerParts(html=html, policy=policy_of(script_hash), script_hash=script_hash)


def write_viewer(path: Path, parts: ViewerParts, *, title: str, summary: str = "") -> Path:
    """A page with a viewer and nothing else.

    Raises:
        OutputError: The page could not be written.
    """
    return write_page(
        "viewer_page.html.j2",
        path,
        title=title,
        summary=summary,
        viewer=parts,
        disclaimer=DISCLAIMER,
    )


def policy_of(*hashes: str) -> str:
    """The policy of a page with a viewer.

    Args:
        hashes: Of the scripts that may run.
    """
    scripts = " ".join(f"'{name}'" for name in hashes)
    return (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; media-src data:; "
        f"script-src {scripts} blob:"
    )


def _described(layer: Layer) -> dict[str, object]:
    map_ = COLOUR_MAPS[layer.colours]
    return {
        "name": layer.name,
        "low": float(layer.low),
        "high": float(layer.high),
        "unit": layer.unit,
        "colours": layer.colours,
        "opacity": layer.opacity,
        "gradient": map_.gradient(),
        "words": map_.words,
    }


def _place(
    scenes: Sequence[Scene], focus_mm: tuple[float, float, float] | None
) -> tuple[int, int, int]:
    """The voxel of the first scene's lowest layer where the planes cross."""
    base = scenes[0].layers[0].grid
    point = None if focus_mm is None else np.array(focus_mm, np.float64)
    for layer in reversed(scenes[0].layers[1:]):
        shown = COLOUR_MAPS[layer.colours](layer.share(layer.values))[..., 3]
        if point is None and shown.any():
            densest = np.unravel_index(int(_smoothed(shown).argmax()), shown.shape)
            point = (layer.grid.affine @ np.array([*densest, 1.0]))[:3]
    middle = [(n - 1) / 2 for n in base.shape]
    index = middle if point is None else base.indices_of(point).tolist()
    d, h, w = (
        int(np.clip(round(float(i)), 0, n - 1)) for i, n in zip(index, base.shape, strict=True)
    )
    return d, h, w


def _smoothed(shown: np.ndarray) -> np.ndarray:
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(shown.astype(np.float32), 5))


def _packed(layers: list[Layer]) -> tuple[list[str], float]:
    """Volumes as base64 of gzipped NIfTI, and how much coarser than given."""
    for factor in _COARSER:
        files = [_file(layer, factor) for layer in layers]
        if sum(map(len, files)) <= LARGEST_BYTES:
            return [base64.b64encode(file).decode("ascii") for file in files], factor
    raise InvalidInputError(
        f"`scenes` must fit into a page of about 15 MB, but {len(layers)} volumes do not even at "
        "an eighth of their resolution. Show fewer of them."
    )


def _file(layer: Layer, factor: float) -> bytes:
    grid, values = layer.grid, layer.values
    if factor > 1:
        grid = _coarser(layer.grid, factor)
        values = regrid(values.astype(np.float32) - layer.low, layer.grid, grid) + layer.low
    levels = np.rint(255 * layer.share(values)).astype(np.uint8)
    return encode_nifti(levels, grid.affine, observed=layer.observed)


def _coarser(grid: Grid, factor: float) -> Grid:
    """The same field of view in cubes that are larger than the finest step by a factor."""
    step = factor * min(grid.spacing_mm)
    d, h, w = (
        max(1, min(n, round(n * s / step)))
        for n, s in zip(grid.shape, grid.spacing_mm, strict=True)
    )
    scale = np.diag([grid.shape[0] / d, grid.shape[1] / h, grid.shape[2] / w, 1.0])
    scale[:3, 3] = (np.diag(scale)[:3] - 1) / 2
    return Grid(shape=(d, h, w), affine=grid.affine @ scale)


@cache
def _library() -> str:
    """NiiVue, still compressed, as base64; the page unpacks it."""
    packed = LIBRARY.read_bytes()
    gzip.decompress(packed)  # a damaged file must not surface in somebody's browser
    return base64.b64encode(packed).decode("ascii")
