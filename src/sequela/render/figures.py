"""Figures: a contact sheet of several images with their labels, as one PNG."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from sequela.core import DISCLAIMER, InvalidInputError
from sequela.core.checks import check_count
from sequela.render.writing import writing

GUTTER = 12
GROUND = (12, 14, 17)
INK = (222, 226, 230)


def contact_sheet(
    images: Sequence[UInt8[np.ndarray, "height width *channel"]],
    labels: Sequence[str],
    path: Path,
    *,
    columns: int,
) -> Path:
    """Write all images in rows of `columns`, each centred above its label, and return the path.

    Args:
        images: uint8, grey or colour, of any sizes; the largest sets the cell.
        labels: One for each image.
        path: The PNG to write; it is marked as synthetic in its metadata.
        columns: Images in a row.

    Raises:
        InvalidInputError: There is no image, or not one label for each.
    """
    check_count("columns", columns)
    if not images or len(images) != len(labels):
        raise InvalidInputError(
            f"`labels` must be one for each of at least one image, "
            f"got {len(labels)} for {len(images)} images. Give every image its label."
        )
    cell = (max(i.shape[1] for i in images), max(i.shape[0] for i in images))
    size = max(11, cell[0] // 22)
    font = ImageFont.load_default(size)
    pitch = (cell[0] + GUTTER, cell[1] + round(1.8 * size) + GUTTER)
    across = min(columns, len(images))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (across * pitch[0] + GUTTER, rows * pitch[1] + GUTTER), GROUND)
    draw = ImageDraw.Draw(sheet)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        left = GUTTER + index % columns * pitch[0]
        top = GUTTER + index // columns * pitch[1]
        inset = ((cell[0] - image.shape[1]) // 2, (cell[1] - image.shape[0]) // 2)
        sheet.paste(Image.fromarray(image).convert("RGB"), (left + inset[0], top + inset[1]))
        text = _fitted(label, font, cell[0])
        below = (left + cell[0] / 2, top + cell[1] + 0.9 * size)
        draw.text(below, text, fill=INK, font=font, anchor="mm")
    with writing(path):
        sheet.save(path, "PNG", pnginfo=marked())
    return path


def _fitted(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The label on one line, its end dropped where the cell is too narrow."""
    line = " ".join(label.split())
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + "...") > width:
        line = line[:-1]
    return line + "..."


def marked() -> PngImagePlugin.PngInfo:
    """The PNG metadata that says the picture is synthetic."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", DISCLAIMER)
    info.add_text("synthetic", "true")
    return info
