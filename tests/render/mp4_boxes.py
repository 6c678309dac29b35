"""A reader of MP4 boxes that owes nothing to the library that writes them (ISO/IEC 14496-12)."""

import struct
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
_CHROMA = {1: "yuv420p", 2: "yuv422p", 3: "yuv444p"}
_WITH_CHROMA = {100, 110, 122, 244}  # H.264 profiles whose parameter set tells the chroma format


@dataclass(frozen=True)
class Told:
    """What an MP4 says of its film."""

    codec: str
    pixels: str
    fps: float
    frames: int
    size: tuple[int, int]  # width, height
    index_first: bool


def read_boxes(path: Path) -> Told:
    data = path.read_bytes()
    boxes = _boxes(data)
    entry = boxes[b"stsd"][8:]
    width, height = struct.unpack(">HH", entry[32:36])
    scale = struct.unpack(">I", boxes[b"mdhd"][12:16])[0]
    runs = struct.iter_unpack(">II", boxes[b"stts"][8:])
    counts = [(count, length) for count, length in runs]
    assert len({length for _, length in counts}) == 1, "frames of unequal length"
    frames = struct.unpack(">I", boxes[b"stsz"][8:12])[0]
    assert frames == sum(count for count, _ in counts)
    return Told(
        codec=entry[4:8].decode(),
        pixels=_pixels(entry),
        fps=scale / counts[0][1],
        frames=frames,
        size=(width, height),
        index_first=data.index(b"moov") < data.index(b"mdat"),
    )


def _boxes(data: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + length]
        found[kind] = body
        if kind in _FOLDERS:
            found.update(_boxes(body))
        place += max(length, 8)
    return found


def _pixels(entry: bytes) -> str:
    """From the sequence parameter set in `avcC`: profile, and where told the chroma format."""
    settings = entry[entry.index(b"avcC") + 4 :]
    length = struct.unpack(">H", settings[6:8])[0]
    parameters = settings[8 : 8 + length]
    profile = parameters[1]
    if profile not in _WITH_CHROMA:
        return "yuv420p"
    bits = "".join(f"{byte:08b}" for byte in parameters[4:])
    _, rest = _exp_golomb(bits)  # seq_parameter_set_id
    chroma, rest = _exp_golomb(rest)
    luma_depth, rest = _exp_golomb(rest)
    assert luma_depth == 0, "more than 8 bits"
    return _CHROMA[chroma]


def _exp_golomb(bits: str) -> tuple[int, str]:
    zeros = bits.index("1")
    return int(bits[zeros : 2 * zeros + 1], 2) - 1, bits[2 * zeros + 1 :]
