"""Arrays and callables in, numbers with intervals out; networks are handed in."""

from sequela.metrics.alignment import Alignment, alignment, similarities
from sequela.metrics.bootstrap import (
    Estimate,
    estimate,
    mean_estimate,
    pair_interval,
    patient_interval,
)
from sequela.metrics.calibration import Platt, Reliability, reliability
from sequela.metrics.confidence import conf_final, conf_seq, monotonicity
from sequela.metrics.diversity import diversity, pixel_spread
from sequela.metrics.drift import Drift, drift
from sequela.metrics.ghosting import ghosting
from sequela.metrics.identity import (
    cosine,
    identity,
    pairs_of,
    region_box,
    share_same,
    verification,
)
from sequela.metrics.kid import Kid, kid
from sequela.metrics.memorisation import Memorisation, Nearest, memorisation, nearest
from sequela.metrics.ranking import auroc
from sequela.metrics.similarity import psnr, ssim
from sequela.metrics.subgroups import SubgroupRow, age_band, subgroup_rows

__all__ = [
    "Alignment",
    "Drift",
    "Estimate",
    "Kid",
    "Memorisation",
    "Nearest",
    "Platt",
    "Reliability",
    "SubgroupRow",
    "age_band",
    "alignment",
    "auroc",
    "conf_final",
    "conf_seq",
    "cosine",
    "diversity",
    "drift",
    "estimate",
    "ghosting",
    "identity",
    "kid",
    "mean_estimate",
    "memorisation",
    "monotonicity",
    "nearest",
    "pair_interval",
    "pairs_of",
    "patient_interval",
    "pixel_spread",
    "psnr",
    "region_box",
    "reliability",
    "share_same",
    "similarities",
    "ssim",
    "subgroup_rows",
    "verification",
]
