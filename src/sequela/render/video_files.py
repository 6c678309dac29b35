"""The two files of a film, each fed frame by frame through PyAV."""

import shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from sequela.core import DISCLAIMER, MissingExtraError
from sequela.render.display import viewing_size
from sequela.render.writing import writing

GIF_SIDE = 384  # pixels; a GIF of viewing size is larger than a film
H264 = "libx264"
QUALITY = "16"  # x264's constant rate factor: 40 dB and more on films of the chest
BT709 = 1  # number of the colour space, its primaries and its transfer in H.264
LIMITED_RANGE = 1
_SHORTEST = 2  # hundredths of a second; browsers slow down whatever is shown for less
_APART = 3  # pixels between those from which the colours of a frame are chosen
_COMMENT = b"\x21\xfe"  # a GIF's comment block

Frame = UInt8[np.ndarray, "height width *channel"]


def check_encoder() -> None:
    """Refuse to begin a run whose film could not be written.

    Raises:
        MissingExtraError: The installed PyAV has no H.264 encoder.
    """
    import av

    if H264 not in av.codecs_available:
        raise MissingExtraError(
            f"`video` needs the encoder {H264}, but the installed PyAV {av.__version__} was built "
            "without it. Install PyAV's own wheel with `pip install --force-reinstall "
            "--only-binary av av`, or make no video with --transition none."
        )


class _File:
    """An open film; its stream is made when the first frame tells the size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container: Any = None
        self._stream: Any = None
        self._frames = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._container is None:
            return
        if kind is not None:
            with suppress(OSError):  # what went wrong before is what the user must hear
                self._container.close()
            return
        with writing(self.path):
            self._container.mux(self._stream.encode())
            self._container.close()

    def _put(self, frame: Any, moment: int, unit: Fraction) -> None:
        frame.pts, frame.time_base = moment, unit
        self._container.mux(self._stream.encode(frame))
        self._frames += 1


class Mp4File(_File):
    """H.264 in yuv420p, with the index first, so that it plays while it loads."""

    def __init__(self, path: Path, fps: float) -> None:
        check_encoder()
        super().__init__(path)
        self._rate = Fraction(fps).limit_denominator(1001)

    def add(self, picture: Frame) -> None:
        """Append one frame."""
        import av

        colour = _even(picture)
        with writing(self.path):
            if self._container is None:
                self._open(colour.shape[0], colour.shape[1])
            frame = av.VideoFrame.from_ndarray(colour, format="rgb24")
            frame = frame.reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            self._put(frame, self._frames, 1 / self._rate)

    def _open(self, height: int, width: int) -> None:
        import av

        options = {"movflags": "+faststart+use_metadata_tags", "fflags": "+bitexact"}
        self._container = av.open(str(self.path), "w", format="mp4", options=options)
        self._container.metadata["comment"] = DISCLAIMER
        self._container.metadata["synthetic"] = "true"
        stream = self._container.add_stream(H264, rate=self._rate, options={"crf": QUALITY})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.thread_count = 1  # the number of threads changes the bytes
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        self._stream = stream


class GifFile(_File):
    """Grey as it is, colour in 256 colours chosen for each frame."""

    def __init__(self, path: Path, fps: float, frames: int) -> None:
        super().__init__(path)
        # A GIF counts in hundredths of a second; rounding each moment keeps the film's length.
        self._moments = [0]
        for number in range(1, frames + 1):
            earliest = self._moments[-1] + _SHORTEST
            self._moments.append(max(earliest, round(100 * number / fps)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and self._container is not None:
            with writing(self.path):
                _mark(self.path)

    def add(self, picture: Frame) -> None:
        """Append one frame."""
        import av

        small = viewing_size(picture, GIF_SIDE)
        with writing(self.path):
            if self._container is None:
                self._open(small)
            if small.ndim == 2:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(small), format="gray")
            else:
                indices: Any = _with_palette(small)  # PyAV's types know no palettes
                frame = av.VideoFrame.from_ndarray(indices, format="pal8")
            self._put(frame, self._moments[self._frames], Fraction(1, 100))

    def _open(self, small: Frame) -> None:
        import av

        last = self._moments[-1] - self._moments[-2]
        options = {"loop": "0", "final_delay": str(last), "fflags": "+bitexact"}
        self._container = av.open(str(self.path), "w", format="gif", options=options)
        stream = self._container.add_stream("gif", rate=100)
        stream.height, stream.width = small.shape[:2]
        stream.pix_fmt = "gray" if small.ndim == 2 else "pal8"
        stream.codec_context.time_base = Fraction(1, 100)
        stream.codec_context.thread_count = 1
        self._stream = stream


def _even(picture: Frame) -> UInt8[np.ndarray, "h w 3"]:
    """As RGB, with the last row and column repeated where their number is odd."""
    colour = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture
    odd = (colour.shape[0] % 2, colour.shape[1] % 2)
    return np.ascontiguousarray(np.pad(colour, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge"))


def _with_palette(
    picture: UInt8[np.ndarray, "height width 3"],
) -> tuple[UInt8[np.ndarray, "height width"], UInt8[np.ndarray, "256 4"]]:
    """The frame's colour indices, and its opaque palette as alpha, red, green, blue."""
    # choosing colours is what takes long, and neighbours want the same ones
    sampled = Image.fromarray(np.ascontiguousarray(picture[::_APART, ::_APART])).quantize(256)
    whole = Image.fromarray(np.ascontiguousarray(picture))
    chosen = whole.quantize(palette=sampled, dither=Image.Dither.NONE)
    colours = np.array(chosen.getpalette(), np.uint8).reshape(-1, 3)
    palette = np.full((256, 4), 255, np.uint8)
    palette[: len(colours), 1:] = colours
    return np.asarray(chosen), palette


def _mark(path: Path) -> None:
    """Put the disclaimer as a comment before the first frame; ffmpeg's writer knows no comments."""
    words = DISCLAIMER.encode("ascii")
    marked = path.with_name(f".{path.name}.marked")
    with path.open("rb") as plain, marked.open("wb") as target:
        head = plain.read(13)
        table = 3 << ((head[10] & 7) + 1) if head[10] & 0x80 else 0  # bytes of the shared palette
        target.write(head + plain.read(table))
        target.write(_COMMENT + bytes([len(words)]) + words + b"\x00")
        shutil.copyfileobj(plain, target)
    marked.replace(path)
