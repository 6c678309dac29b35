"""After training: how much luck neighbours share, so that drawn lesions have the size of true ones.

A denoising step draws all voxels at once from their own chances. Between few steps a lesion would
come out too small; many steps cost time. One number mends it, and is found on held-out patients.
"""

from collections.abc import Sequence
from dataclasses import replace

from sequela.core import InvalidInputError
from sequela.simulators.lesions.forecast import Sampling, forecast
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question

CLUMPINGS_MM = tuple(float(mm) for mm in range(0, 14, 2))


def voxels_a_lesion(
    network: LesionForecaster,
    patients: Sequence[tuple[PreparedVisit, Question]],
    sampling: Sampling,
) -> float:
    """Mean size of the lesions of drawn masks; nan where none were drawn."""
    made = [forecast(network, visit, question, sampling) for visit, question in patients]
    lesions = sum(int(one.counts.sum()) for one in made)
    return sum(int(one.masks.sum()) for one in made) / lesions if lesions else float("nan")


def calibrate_clumping(
    network: LesionForecaster,
    patients: Sequence[tuple[PreparedVisit, Question]],
    *,
    voxels: float,
    samples: int = 4,
) -> tuple[float, float]:
    """Set the network's clumping to the one whose lesions are as large as true ones.

    Args:
        network: Trained; its config is changed.
        patients: Held-out patients and questions.
        voxels: Of a true lesion.
        samples: Masks of each.

    Returns:
        The clumping in mm, and the voxels of a lesion with it.

    Raises:
        InvalidInputError: There is no patient.
    """
    if not patients:
        raise InvalidInputError("`patients` must hold at least one patient, got none.")
    sampling, plain = Sampling(samples=samples), network.config
    found: dict[float, float] = {}
    for clumping in CLUMPINGS_MM:
        network.config = replace(plain, clumping_mm=clumping)
        found[clumping] = voxels_a_lesion(network, patients, sampling)
        if not found[clumping] < voxels:  # it only rises; nan ends it too
            break
    best = min(found, key=lambda clumping: abs(found[clumping] - voxels))
    network.config = replace(plain, clumping_mm=best)
    return best, found[best]
