"""Drawn scans and regions."""

import numpy as np

from sequela.core import Region, Scan, Source, Window


def drawn(shape=(48, 40), dtype=np.uint8, *, colour: bool = False, seed: int = 0) -> Scan:
    rng = np.random.default_rng(seed)
    top = {np.uint8: 255, np.uint16: 4095}.get(dtype, 1)
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / max(shape)
    picture = 0.4 + 0.3 * np.sin(7 * x) * np.cos(5 * y) + 0.1 * rng.random(shape)
    if colour:
        picture = np.stack([picture, picture**2, picture**0.5], axis=-1)
    return Scan(
        array=(picture * top).astype(dtype),
        modality="photo" if colour else "xray",
        window=Window(low=0, high=top, origin="dtype"),
        source=Source(name="drawn.png", sha256="1" * 64),
    )


def box(scan: Scan, rows=slice(10, 30), columns=slice(8, 28)) -> Region:
    array = np.zeros(scan.space, np.float32)
    array[rows, columns] = 1
    return Region(array=array, origin="box")
