"""Video: H.264 that every browser plays, and a GIF for slides; both marked as synthetic."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from sequela.core import InvalidInputError, Video
from sequela.core.checks import check_positive
from sequela.render.video_files import GifFile, Mp4File


def write_video(video: Video, mp4: Path, gif: Path | None) -> None:
    """Write the frames as MP4 and, unless `gif` is None, as GIF; same frames, same bytes.

    Every frame is drawn once, goes into both files, and is forgotten: a film of any length needs
    the memory of a few dozen frames.

    Args:
        video: The film.
        mp4: Odd sizes are padded by one repeated row or column, as yuv420p halves both axes.
        gif: At most 384 pixels a side; every frame is kept, also where nothing moves.

    Raises:
        InvalidInputError: The frames are not uint8 `[F, H, W]` or `[F, H, W, 3]`.
        MissingExtraError: The installed PyAV has no H.264 encoder.
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
    with ExitStack() as files:
        films: list[Mp4File | GifFile] = [files.enter_context(Mp4File(mp4, video.fps))]
        if gif is not None:
            films.append(files.enter_context(GifFile(gif, video.fps, len(video.frames))))
        for frame in video.frames:
            for film in films:
                film.add(frame)
