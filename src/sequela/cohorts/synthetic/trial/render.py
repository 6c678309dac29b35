"""Signal of a head with lesions under each MR sequence."""

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.trial.head import Tissues
from sequela.cohorts.synthetic.trial.lesions import Lesions, paint
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]
ENHANCING_YEARS = 6 * 7 / 365.25  # a fresh lesion takes up gadolinium for about six weeks
# white matter of T1 is 1: white, grey, fluid, scalp, lesion, what a black hole loses, ventricle rim
_SIGNAL = {
    "T1": (1.00, 0.76, 0.28, 1.10, 0.84, 0.40, 0.00),
    "T2": (0.46, 0.62, 1.20, 0.75, 0.92, -0.05, 0.04),
    "FLAIR": (0.56, 0.68, 0.14, 0.70, 1.05, 0.10, 0.12),
    "PD": (0.72, 0.86, 0.80, 0.80, 1.06, 0.00, 0.03),
    "T1-Gd": (1.00, 0.80, 0.28, 1.15, 0.84, 0.40, 0.00),
}
_ENHANCED = 1.55  # signal of an enhancing lesion on T1 after gadolinium


def lesion_maps(lesions: Lesions, years: float, grid: Grid) -> tuple[Volume, Volume, Volume]:
    """Covered share times contrast, blackness, and enhancing share, at a time from baseline."""
    bright, black, fresh = (np.zeros(grid.shape, np.float32) for _ in range(3))
    volumes = lesions.volumes_mm3(years)
    present = np.flatnonzero(volumes > 0)
    shown = lesions.only(present)
    age = years - shown.onset_years
    for i, block, share in paint(shown, volumes[present], grid):
        np.maximum(bright[block], share * shown.contrast[i], out=bright[block])
        np.maximum(black[block], share * shown.black_hole[i], out=black[block])
        if age[i] < ENHANCING_YEARS:
            np.maximum(fresh[block], share, out=fresh[block])
    return bright, black, fresh


def signal(
    tissues: Tissues, maps: tuple[Volume, Volume, Volume], sequence: str, *, skull: bool
) -> Volume:
    """The noiseless image of a sequence; white matter on T1 is 1."""
    white, grey, fluid, scalp, lesion, loss, rim = _SIGNAL[sequence]
    bright, black, fresh = maps
    image = white * tissues.white + grey * tissues.grey + rim * tissues.rim
    image += fluid * (tissues.csf if skull else np.minimum(tissues.csf, tissues.brain))
    image += scalp * tissues.scalp if skull else 0.0
    place = np.minimum(bright, 1) * tissues.brain
    target = white + (lesion - white) * np.maximum(bright, 1) - loss * black
    image += place * (target - image)
    if sequence == "T1-Gd":
        image += fresh * tissues.brain * (_ENHANCED - image)
    return np.asarray(image, np.float32)
