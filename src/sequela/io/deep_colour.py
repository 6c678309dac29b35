"""Colour of 16 bits a channel, which Pillow would reduce to 8: read through FFmpeg, written here.

Source: W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", chapters 5 and 7.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Literal

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {"ya16": 2, "rgb48": 3, "rgba64": 4}


def decode_deep(data: bytes, codec: Literal["png", "tiff"]) -> np.ndarray:
    """The samples of a 16-bit grey-with-alpha, RGB or RGBA file, uint16 `[H, W, 2 to 4]`.

    Raises:
        ValueError: the file is damaged or holds another layout.
    """
    import av
    from av.error import FFmpegError

    try:
        context = av.CodecContext.create(codec, "r")
        frames = [*context.decode(av.Packet(data)), *context.decode(None)]
    except FFmpegError as error:
        raise ValueError("damaged or truncated") from error
    if len(frames) != 1:
        raise ValueError("damaged or truncated")
    frame = frames[0]
    layout, order = frame.format.name[:-2], frame.format.name[-2:]
    if layout not in _CHANNELS or order not in ("le", "be"):
        raise ValueError(f"laid out as {frame.format.name}")
    plane = frame.planes[0]
    rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    samples = rows[:, : frame.width * 2 * _CHANNELS[layout]].copy()
    numbers = samples.view("<u2" if order == "le" else ">u2")
    return numbers.reshape(frame.height, frame.width, -1).astype(np.uint16)


def encode_deep_png(array: np.ndarray, text: Mapping[str, str]) -> bytes:
    """A PNG of uint16 `[H, W, 3]`, with text chunks; rows are stored as differences (filter 1)."""
    height, width, channels = array.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    samples = array.astype(">u2").reshape(height, -1).view(np.uint8)
    step = 2 * channels
    rows = np.empty((height, samples.shape[1] + 1), np.uint8)
    rows[:, 0] = 1
    rows[:, 1 : step + 1] = samples[:, :step]
    rows[:, step + 1 :] = samples[:, step:] - samples[:, :-step]  # modulo 256, as the format asks
    notes = [
        _chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode("latin-1"))
        for key, value in text.items()
    ]
    pixels = _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
    return b"".join([_SIGNATURE, _chunk(b"IHDR", header), *notes, pixels, _chunk(b"IEND", b"")])


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
