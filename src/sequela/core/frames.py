"""DrawnFrames: the frames of a film, drawn when asked for, so that none needs to be kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sequela.core.errors import InvalidInputError


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnFrames:
    """Stands for a uint8 array `[F, H, W]` or `[F, H, W, 3]` that would be large.

    Each pass draws anew; memory holds what `draw` holds. `numpy.asarray` gives the whole array.

    Attributes:
        shape: Of that array.
        draw: Starts a pass: yields F frames, the same ones each time.
    """

    shape: tuple[int, ...]
    draw: Callable[[], Iterator[np.ndarray]]

    @property
    def dtype(self) -> np.dtype:
        """Always uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        count = 0
        for frame in self.draw():
            count += 1
            if frame.dtype != np.uint8 or frame.shape != self.shape[1:]:
                raise InvalidInputError(
                    f"`draw` must yield uint8 frames of shape {self.shape[1:]}, got {frame.dtype} "
                    f"{frame.shape}."
                )
            yield frame
        if count != len(self):
            raise InvalidInputError(f"`draw` must yield {len(self)} frames, got {count}.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.stack(list(self))
        return whole if dtype is None else whole.astype(dtype)
