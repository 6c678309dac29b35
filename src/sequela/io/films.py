"""The frames of a video file, decoded one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from sequela.io.files import unreadable
from sequela.io.limits import check_size

FILM_ENDINGS = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
MAX_FRAMES = 10_000  # a film of ten minutes; longer ones are no transitions


def read_film(path: str | Path) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The frames of MP4, GIF, WebM and whatever else FFmpeg reads, in their order, as sRGB.

    Raises:
        UnreadableFileError: no file, no film, damaged, or longer than `MAX_FRAMES`.
        InvalidInputError: frames too small or too large.
    """
    import av

    path = Path(path)
    if not path.is_file():
        raise unreadable(path.name, "does not exist", "Check the spelling and the folder.")
    count = 0
    try:
        with av.open(str(path)) as film:
            if not film.streams.video:
                raise unreadable(path.name, "holds no pictures", "Give a video file.")
            for frame in film.decode(video=0):
                check_size(path.name, frame.height, frame.width)
                if count == MAX_FRAMES:
                    raise unreadable(
                        path.name, f"is longer than {MAX_FRAMES} frames", "Cut it first."
                    )
                count += 1
                yield frame.to_ndarray(format="rgb24")
    except av.FFmpegError as error:
        raise unreadable(
            path.name, f"is no film, or damaged ({type(error).__name__})", "Give a video file."
        ) from error
    if count == 0:
        raise unreadable(path.name, "holds no frames", "Give a video file.")
