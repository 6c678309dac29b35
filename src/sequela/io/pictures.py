"""PNG, JPEG and TIFF to arrays: upright, without alpha, grey where the colours agree."""

import io
import struct
import warnings
import zlib
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sequela.core import SequelaError
from sequela.io.deep_colour import decode_deep
from sequela.io.files import unreadable
from sequela.io.limits import check_finite_values, check_size, fit_integers

PictureKind = Literal["png", "jpeg", "tiff"]

# What Pillow raises on damaged files; UnidentifiedImageError is an OSError.
FAULTS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_PLAIN = {
    "L": "L",
    "1": "L",
    "P": "RGB",
    "RGB": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "RGBX": "RGB",
}
_NUMBERS = ("I;16", "I;16B", "I;16L", "I", "F")
_BITS_PER_SAMPLE = 258  # TIFF tags
_SAMPLES_PER_PIXEL = 277
_DAMAGED = "Copy or export it again."


def decode_picture(data: bytes, kind: PictureKind, name: str, frame: int | None) -> np.ndarray:
    """The pixels of a picture file, in its own bit depth.

    Args:
        data: The file.
        kind: What its first bytes say.
        name: The file's name, for error messages.
        frame: Which page of a multi-page file, from 0; None when there is only one.

    Returns:
        uint8, uint16, int16, int32 or float32 `[H, W]`, or uint8 or uint16 `[H, W, 3]`.

    Raises:
        UnreadableFileError: the file is damaged or of a kind without a meaning here.
        InvalidInputError: the picture is too small, too large, or holds NaN.
    """
    try:
        # Pillow warns about size; the limit here is lower and is an error.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=(kind.upper(),)) as image:
                check_size(name, image.height, image.width)
                _seek(image, kind, name, frame)
                array = _deep(image, data, kind, name)
                if array is None:
                    array = _pixels(image, name)
    except Image.DecompressionBombError as error:
        raise unreadable(name, "is larger than 50 megapixels", "Shrink or crop it.") from error
    except UnidentifiedImageError as error:
        raise unreadable(name, f"is a damaged {kind.upper()} file", _DAMAGED) from error
    except FAULTS as error:
        if isinstance(error, SequelaError):
            raise
        problem = f"is a damaged or truncated {kind.upper()} file ({_first_words(error)})"
        raise unreadable(name, problem, _DAMAGED) from error
    check_finite_values(name, array)
    return grey_if_equal(array)


def grey_if_equal(array: np.ndarray) -> np.ndarray:
    """`[H, W]` where red, green and blue agree everywhere, else the array itself."""
    if array.ndim == 3 and (array == array[..., :1]).all():
        return np.ascontiguousarray(array[..., 0])
    return array


def _seek(image: Image.Image, kind: PictureKind, name: str, frame: int | None) -> None:
    # A JPEG with several pictures is a photograph with its previews; the first is the photograph.
    count = 1 if kind == "jpeg" else getattr(image, "n_frames", 1)
    if frame is None and count > 1:
        problem = f"holds {count} pictures and `frame` does not say which"
        raise unreadable(name, problem, f"Choose one from 0 to {count - 1} with `frame`.")
    if frame is not None and not 0 <= frame < count:
        raise unreadable(name, f"has no frame {frame}", f"Choose one from 0 to {count - 1}.")
    if frame:
        image.seek(frame)
        check_size(name, image.height, image.width)


def _deep(image: Image.Image, data: bytes, kind: PictureKind, name: str) -> np.ndarray | None:
    """Samples of 16-bit colour, which Pillow would cut to 8 bits; None for everything else."""
    if kind == "png":
        deep = data[24] == 16 and data[25] in (2, 4, 6)  # bit depth and colour type
    else:
        tags = getattr(image, "tag_v2", {})
        depth = max(np.atleast_1d(tags.get(_BITS_PER_SAMPLE, 1)))
        deep = bool(depth > 8 and tags.get(_SAMPLES_PER_PIXEL, 1) > 1)
    if not deep:
        return None
    if kind == "jpeg" or image.tell():
        raise unreadable(name, "holds deep colour on a later page", "Save that page on its own.")
    samples = decode_deep(data, "png" if kind == "png" else "tiff")
    if samples.shape[-1] in (2, 4):
        _check_opaque(name, samples[..., -1], 65535)
        samples = samples[..., :-1]
    turn = int(image.getexif().get(0x0112, 1))
    return np.ascontiguousarray(_upright(samples, turn).squeeze())


def _upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an array as EXIF's orientation (1 to 8) asks."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _pixels(image: Image.Image, name: str) -> np.ndarray:
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in _NUMBERS:
        array = np.asarray(image)
        if image.mode == "F":
            return array.astype(np.float32)
        # Pillow widens signed 16-bit samples to 32; the narrowest dtype is what the file meant.
        return fit_integers(array, np.dtype(np.uint16))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        _check_opaque(name, np.asarray(image)[..., 3], 255)
        return np.asarray(image.convert("RGB"))
    if image.mode not in _PLAIN:
        remedy = "Save it as 8-bit grey or RGB, or as 16-bit grey."
        raise unreadable(name, f"has pixels of the unusual kind {image.mode}", remedy)
    return np.asarray(image.convert(_PLAIN[image.mode]))


def _check_opaque(name: str, alpha: np.ndarray, opaque: int) -> None:
    share = float((alpha < opaque).mean())
    if share:
        problem = f"is transparent in {share:.1%} of its pixels"
        raise unreadable(name, problem, "Flatten it onto a background first.")


def _first_words(error: BaseException) -> str:
    """A library's own words on the fault, short and on one line."""
    return " ".join(str(error).split())[:80] or type(error).__name__
