"""After training, on held-out patients: two numbers that the losses do not tell.

Of how much the prior map is trusted beside the patient: a network that learned from a thousand
patients is too sure of places. And how far neighbours share their luck: a denoising step draws all
voxels at once from their own chances, and between few steps a lesion would come out too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool

from sequela.core import InvalidInputError
from sequela.simulators.lesions.forecast import Sampling, forecast, known_of
from sequela.simulators.lesions.losses import place_loss
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question

CLUMPINGS_MM = tuple(float(mm) for mm in range(0, 14, 2))
PRIOR_SHARES = tuple(tenth / 10 for tenth in range(10))


@dataclass(frozen=True, kw_only=True, eq=False)
class Followed:
    """A held-out patient.

    Attributes:
        visit: Baseline on the network's grid.
        question: The own treatment and the time until the patient was seen again.
        truth: What had come.
    """

    visit: PreparedVisit
    question: Question
    truth: Bool[np.ndarray, "depth height width"]


def calibrate_places(network: LesionForecaster, patients: Sequence[Followed]) -> float:
    """Set the network's `prior_share`: the largest within one standard error of the likeliest.

    Source of the rule: Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3.

    Args:
        network: Trained; its config is changed.
        patients: Held-out ones; those to whom nothing came are left out.

    Returns:
        The share; 0 where nothing came to any of them.
    """
    told = [patient for patient in patients if patient.truth.any()]
    if not told:
        return 0.0
    plain, rows = network.config, []
    for share in PRIOR_SHARES:
        network.config = replace(plain, prior_share=share)
        rows.append([_place_log_likelihood(network, patient) for patient in told])
    gains = np.array(rows) - rows[0]
    best = gains.mean(1).argmax()
    # over patients, of what the best share gains on the most cautious one
    spread = (gains[best] - gains[-1]).std() / len(told) ** 0.5
    near = np.flatnonzero(gains.mean(1) >= gains[best].mean() - spread)
    share = PRIOR_SHARES[int(near.max())]
    network.config = replace(plain, prior_share=share)
    return share


def calibrate_clumping(
    network: LesionForecaster, patients: Sequence[Followed], *, voxels: float, samples: int = 4
) -> float:
    """Set the network's `clumping_mm` to the one whose lesions are as large as true ones.

    Args:
        network: Trained; its config is changed.
        patients: Held-out ones.
        voxels: Of a true lesion.
        samples: Masks of each.

    Returns:
        The clumping in mm.

    Raises:
        InvalidInputError: There is no patient.
    """
    if not patients:
        raise InvalidInputError("`patients` must hold at least one patient, got none.")
    sampling, plain = Sampling(samples=samples), network.config
    found: dict[float, float] = {}
    for clumping in CLUMPINGS_MM:
        network.config = replace(plain, clumping_mm=clumping)
        found[clumping] = _voxels_a_lesion(network, patients, sampling)
        if not found[clumping] < voxels:  # it only rises; nan ends it too
            break
    best = min(found, key=lambda clumping: abs(found[clumping] - voxels))
    network.config = replace(plain, clumping_mm=best)
    return best


def _place_log_likelihood(network: LesionForecaster, patient: Followed) -> float:
    truth = torch.from_numpy(patient.truth)[None, None].float()
    with torch.no_grad():
        return -float(place_loss(known_of(network, patient.visit).base, truth))


def _voxels_a_lesion(
    network: LesionForecaster, patients: Sequence[Followed], sampling: Sampling
) -> float:
    """Mean size of the lesions of drawn masks; nan where none were drawn."""
    made = [forecast(network, p.visit, p.question, sampling) for p in patients]
    lesions = sum(int(one.counts.sum()) for one in made)
    return sum(int(one.masks.sum()) for one in made) / lesions if lesions else float("nan")
