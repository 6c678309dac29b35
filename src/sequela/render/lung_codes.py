"""Pictures of a lung model's codes on a run: the most used ones, and where chosen ones lie."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw, ImageFont

from sequela.core import Window
from sequela.imaging.grid import Grid
from sequela.render.codebook import code_cells, code_overlay
from sequela.render.extras import Figure
from sequela.render.lung_planes import coronal, squared

_COLUMNS, _SHOWN = 16, 64


def codes_figure(
    codes_hu: Float[np.ndarray, "code side side side"],
    shares: Float[np.ndarray, " code"],
    window: Window,
    words: str,
) -> Figure:
    """The middle slice of the most used codes, each with its number and share.

    Args:
        codes_hu: How each code looks.
        shares: Of each in the lungs of the run's scans.
        window: Shown from black to white.
        words: How many are used at all, and their perplexity.
    """
    order, pictures = code_cells(codes_hu, shares, (window.low, window.high))
    order = order[:_SHOWN]
    tiles = [
        _labelled(picture, f"{code}: {100 * shares[code]:.1f}%")
        for code, picture in zip(order, pictures, strict=False)
    ]
    blank = np.zeros_like(tiles[0])
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.concatenate(tiles[i : i + _COLUMNS], 1) for i in range(0, len(tiles), _COLUMNS)]
    return Figure(
        name="codes",
        title="Codes of the model",
        caption=f"The {len(order)} codes most used in the lungs of these scans, each decoded alone "
        f"among its like, with its number and share. {words}",
        picture=np.concatenate(rows),
    )


def overlay_figure(
    volumes: Sequence[tuple[str, np.ndarray, Int[np.ndarray, "depth height width"]]],
    codes: Sequence[int],
    grid: Grid,
    window: Window,
    index: int,
) -> Figure:
    """Where chosen codes lie in some states.

    Args:
        volumes: Words, HU and labels of each; label 1 is the first code.
        codes: Their numbers.
        grid: Of the volumes.
        window: Shown from black to white.
        index: The coronal plane.
    """
    tiles = []
    for words, volume, labels in volumes:
        grey = coronal(volume, index, grid, window, 300)
        marks = squared(labels[:, index][::-1].astype(np.uint8), grid, 300, is_label=True)
        tiles.append(_labelled(code_overlay(grey, marks.astype(np.int64)), words))
    names = ", ".join(str(code) for code in codes)
    return Figure(
        name="codes-overlay",
        title="Where codes lie whose share grows most",
        caption=f"Codes {names}, in that order: orange, sky blue, green, yellow. Chosen by the "
        "growth of their share of the lungs from the first state to the last.",
        picture=np.concatenate(tiles, axis=1),
    )


def _labelled(
    picture: UInt8[np.ndarray, "height width *channel"], words: str
) -> UInt8[np.ndarray, "tall width 3"]:
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)
    band = Image.new("RGB", (colour.shape[1], 14))
    font = ImageFont.load_default(9)
    ImageDraw.Draw(band).text((1, 7), words, fill=(230, 230, 230), font=font, anchor="lm")
    return np.concatenate([np.asarray(band), colour])
