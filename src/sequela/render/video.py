"""Video: H.264 that every browser plays, and a GIF for slides; both marked as synthetic."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from sequela.core import DISCLAIMER, InvalidInputError, Video
from sequela.core.checks import check_positive
from sequela.render.display import viewing_size
from sequela.render.writing import writing

GIF_SIDE = 384  # pixels; a GIF of viewing size is larger than a film
BT709 = 1  # number of the colour space, its primaries and its transfer in H.264
LIMITED_RANGE = 1


def write_video(video: Video, mp4: Path, gif: Path | None) -> None:
    """Write the frames as MP4 and, unless `gif` is None, as GIF; same frames, same bytes.

    Odd sizes are padded by one repeated row or column, as yuv420p halves both axes.

    Raises:
        InvalidInputError: The frames are not uint8 `[F, H, W]` or `[F, H, W, 3]`.
        OutputError: A file could not be written.
    """
    check_positive("fps", video.fps)
    shape = video.frames.shape
    shaped = len(shape) == 3 or (len(shape) == 4 and shape[-1] == 3)
    if video.frames.dtype != np.uint8 or not shaped or 0 in shape:
        raise InvalidInputError(
            f"`frames` must be uint8 [F, H, W] or [F, H, W, 3], got {video.frames.dtype} {shape}. "
            "Use `to_display` on each state first."
        )
    with writing(mp4):
        _write_mp4(video, mp4)
    if gif is not None:
        with writing(gif):
            _write_gif(video, gif)


def _write_mp4(video: Video, path: Path) -> None:
    import av

    options = {"movflags": "+faststart+use_metadata_tags", "fflags": "+bitexact"}
    rate = Fraction(video.fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", options=options) as container:
        container.metadata["comment"] = DISCLAIMER
        container.metadata["synthetic"] = "true"
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16"})
        height, width = _even(video.frames[0]).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.thread_count = 1  # the number of threads changes the bytes
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        for index, picture in enumerate(video.frames):
            frame = av.VideoFrame.from_ndarray(_even(picture), format="rgb24")
            frame = frame.reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _even(picture: UInt8[np.ndarray, "height width *channel"]) -> UInt8[np.ndarray, "h w 3"]:
    """As RGB, with the last row and column repeated where their number is odd."""
    colour = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture
    odd = (colour.shape[0] % 2, colour.shape[1] % 2)
    return np.ascontiguousarray(np.pad(colour, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge"))


def _write_gif(video: Video, path: Path) -> None:
    pictures = [Image.fromarray(viewing_size(frame, GIF_SIDE)) for frame in video.frames]
    # A GIF counts in hundredths of a second; rounding each end keeps the film's length.
    ends = [round(100 * end / video.fps) for end in range(len(pictures) + 1)]
    durations = [max(2, after - before) * 10 for before, after in pairwise(ends)]
    pictures[0].save(
        path,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        comment=DISCLAIMER.encode("ascii"),
    )
