"""Images as a network sees them: decoded when they are drawn, and kept decoded on disk.

CheXpert at 512 px is 180 GB of numbers; a batch of it is 25 MB.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from sequela.core import hash_bytes
from sequela.imaging import Fit, channels_first, to_model_range
from sequela.io import read_scan
from sequela.training.recipe import DataSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageFiles:
    """The images of some files, which look like one tensor that is too large for memory.

    Attributes:
        paths: One file for each image.
        settings: Size, framing and channels, and how many threads decode.
        cache: Folder where each image is kept at its final size, with 8 bits; None keeps none.
    """

    paths: Sequence[Path]
    settings: DataSettings
    cache: Path | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices: Int[Tensor, " batch"]) -> Float[Tensor, "batch channel s s"]:
        chosen = [self.paths[i] for i in indices.tolist()]
        shown = [torch.from_numpy(x) for x in self._pool.map(self._decoded, chosen)]
        channels = self.settings.channels
        return torch.stack([x.expand(channels, -1, -1) for x in shown]).float() / 127.5 - 1

    def split(self, size: int) -> Iterator[Float[Tensor, "batch channel s s"]]:
        """All images in their order, `size` at a time."""
        for indices in torch.arange(len(self)).split(size):
            yield self[indices]

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.settings.workers, thread_name_prefix="decode")

    def _decoded(self, path: Path) -> np.ndarray:
        kept = self._kept_at(path)
        if kept is not None and kept.is_file():
            return np.asarray(np.load(kept))
        image = decode(path, self.settings).clamp(-1, 1).add(1).mul(127.5).round().byte().numpy()
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            # Several processes may decode one image: each writes its own file, the last one stays.
            own = kept.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            with own.open("wb") as stream:
                np.save(stream, image)
            own.replace(kept)
        return image

    def _kept_at(self, path: Path) -> Path | None:
        if self.cache is None:
            return None
        file, how = path.stat(), self.settings
        key = (str(path.resolve()), file.st_size, file.st_mtime_ns, how.image_size, how.framing)
        name = hash_bytes(repr((*key, how.channels)).encode())
        return self.cache / name[:2] / f"{name}.npy"


def decode(path: Path, settings: DataSettings) -> Float[Tensor, "channel side side"]:
    """One image in [-1, 1] at the recipe's size; a grey one has one channel.

    All images are decoded, windowed and resized in the same way: file history (size, compression,
    framing) would otherwise be a shortcut between classes.
    """
    scan = read_scan(path)
    image = channels_first(to_model_range(scan.array, scan.window))
    if settings.framing == "centre":
        image = _centre(image)
    square = Fit.of(image.shape[1:], settings.image_size).forward(image)
    if settings.channels == 1:
        square = square.mean(axis=0, keepdims=True)
    return torch.from_numpy(square)


def _centre(
    image: Float[np.ndarray, "channel height width"],
) -> Float[np.ndarray, "channel side side"]:
    side = min(image.shape[1:])
    top, left = ((length - side) // 2 for length in image.shape[1:])
    return np.ascontiguousarray(image[:, top : top + side, left : left + side])
