"""Who finds lungs in a CT: lungmask's R231 where it is installed with its weights, else thresholds.

Source: Hofmanninger et al., "Automatic lung segmentation in routine imaging is primarily a data
diversity problem, not a methodology problem", European Radiology Experimental 2020 (lungmask).
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sequela.core import MissingExtraError
from sequela.core.checks import check_choice
from sequela.imaging.grid import Grid
from sequela.imaging.lung_field import LungField, find_lungs, judged

FINDERS = ("auto", "threshold", "r231")
WEIGHTS = "unet_r231-d5d2fc3d.pth"  # as lungmask names the file in torch's own folder


def lung_finder(name: str = "auto") -> Callable[[np.ndarray, Grid], LungField]:
    """The finder of that name.

    Args:
        name: `threshold`, `r231`, or `auto` for the better one that is there.

    Raises:
        UnknownNameError: No finder of that name.
        MissingExtraError: R231 is asked for, but lungmask or its weights are not there.
    """
    check_choice("lung-finder", name, FINDERS)
    if name == "threshold" or (name == "auto" and not is_r231_there()):
        return find_lungs
    if not is_r231_there():
        raise MissingExtraError(
            "`--lung-finder r231` needs the package lungmask and its weights in torch's folder of "
            "downloads, which are not there. Install it with `pip install lungmask` and let it "
            "segment one scan, or take --lung-finder threshold."
        )
    return find_lungs_r231


def is_r231_there() -> bool:
    """Whether lungmask can run without a download."""
    if importlib.util.find_spec("lungmask") is None:
        return False
    import torch

    return (Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS).is_file()


def find_lungs_r231(volume_hu: np.ndarray, grid: Grid) -> LungField:
    """Both lungs by the U-Net R231, slice by slice; dense disease is kept in.

    Args:
        volume_hu: Axes to superior, posterior and left, as lungmask wants them.
        grid: Of the volume.
    """
    lungmask: Any = importlib.import_module("lungmask")
    inferer = lungmask.LMInferer(modelname="R231", tqdm_disable=True)
    labels = np.asarray(inferer.apply(volume_hu))
    return judged(labels > 0, grid, "lungmask R231")
