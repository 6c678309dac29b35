"""What a forecast leaves in a run: masks, chances and differences on the scan's grid, figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.core import Branch, Condition, Finding, State
from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid, regrid_nearest
from sequela.simulators.lesions.counterfactual import Comparison
from sequela.simulators.lesions.forecast import Forecast

COUNT_BINS = ((0, 0), (1, 1), (2, 4), (5, 9), (10, None))  # lesions; the last is open
_WORDS = {"unknown": "an unknown treatment", "placebo": "placebo"}


@dataclass(frozen=True, kw_only=True, eq=False)
class OnScan:
    """Brings what lies on the network's grid to the scan's.

    Attributes:
        network_grid: Of the forecast.
        scan_grid: Of the input.
        free: Where a new lesion may lie there: in the brain, out of old lesions.
    """

    network_grid: Grid
    scan_grid: Grid
    free: Bool[np.ndarray, "depth height width"]

    def mask(self, mask: Bool[np.ndarray, "d h w"]) -> np.ndarray:
        """A mask, voxel by voxel: its lesions keep their size."""
        moved = regrid_nearest(mask, self.network_grid, self.scan_grid)
        return np.asarray(moved & self.free, np.uint8)

    def values(self, values: Float[np.ndarray, "d h w"]) -> np.ndarray:
        """Chances or their difference, interpolated."""
        moved = regrid(values, self.network_grid, self.scan_grid)
        return np.asarray(np.where(self.free, moved, 0), np.float32)


def branches_of(
    baseline: State, own: Forecast, compared: Mapping[str, Comparison], on_scan: OnScan
) -> tuple[Branch, ...]:
    """The main branch, one for each other treatment, and all their samples."""
    arm = own.question.treatment
    main = Branch(
        id="main",
        states=(baseline, _likely(own, on_scan)),
        condition=_condition(own),
        arm=arm,
        time_basis="measured",
    )
    others = [_other(name, comparison, on_scan) for name, comparison in compared.items()]
    samples = [
        sample
        for f in (own, *(c.other for c in compared.values()))
        for sample in _samples(f, on_scan)
    ]
    return (main, *others, *samples)


def spread_of(forecast: Forecast, on_scan: OnScan) -> dict[str, np.ndarray]:
    """Mean and standard deviation over the samples' masks."""
    mean = forecast.masks.mean(0, dtype=np.float32)
    return {
        "mean": on_scan.values(mean),
        "spread": on_scan.values(np.sqrt(mean * (1 - mean))),
    }


def scores_of(forecast: Forecast) -> dict[str, float]:
    """Counts, volumes and activity with their intervals."""
    volumes = forecast.summary.volumes_ml
    active = int((forecast.counts > 0).sum())
    low, high = _wilson(active, len(forecast.counts))
    scores = {
        "expected_count": forecast.expected_count,
        "volume_ml": float(volumes.mean()),
        "volume_ml_low95": float(np.percentile(volumes, 2.5)),
        "volume_ml_high95": float(np.percentile(volumes, 97.5)),
        "activity": forecast.activity,
        "active_samples": float(active),
        "active_share_low95": low,
        "active_share_high95": high,
    }
    for percent in (80, 95):
        tail = (100 - percent) / 200
        scores[f"count_low{percent}"] = _quantile(forecast.count_chances, tail)
        scores[f"count_high{percent}"] = _quantile(forecast.count_chances, 1 - tail)
    for first, last in COUNT_BINS:
        share = forecast.count_chances[first : None if last is None else last + 1].sum()
        scores[f"chance_of_{first}{'_or_more' if last is None else f'_to_{last}'}"] = float(share)
    return scores


def _compared_scores(comparison: Comparison) -> dict[str, float]:
    low, high = comparison.spared_interval()
    return {
        "spared": comparison.expected_spared,
        "spared_low95": low,
        "spared_high95": high,
        "rate_ratio": comparison.rate_ratio,
    }


def _likely(
    forecast: Forecast,
    on_scan: OnScan,
    *,
    more: Mapping[str, float] | None = None,
    layers: Mapping[str, np.ndarray] | None = None,
) -> State:
    return State(
        image=on_scan.values(forecast.chances),
        kind="simulated",
        step=1,
        time_years=forecast.question.horizon_years,
        scores={**scores_of(forecast), **(more or {})},
        role="probability",
        layers=layers or {},
    )


def _other(name: str, comparison: Comparison, on_scan: OnScan) -> Branch:
    state = _likely(
        comparison.other,
        on_scan,
        more=_compared_scores(comparison),
        layers={"difference": on_scan.values(comparison.difference)},
    )
    return Branch(
        id=f"versus-{name}",
        states=(state,),
        condition=_condition(comparison.other),
        parent="main",
        from_state=0,
        arm=name,
        time_basis="measured",
    )


def _samples(forecast: Forecast, on_scan: OnScan) -> list[Branch]:
    arm, volumes = forecast.question.treatment, forecast.summary.volumes_ml
    counts = forecast.counts
    return [
        Branch(
            id=f"{arm}-sample-{k + 1}",
            states=(
                State(
                    image=on_scan.mask(mask),
                    kind="simulated",
                    step=1,
                    time_years=forecast.question.horizon_years,
                    scores={"count": float(counts[k]), "volume_ml": float(volumes[k])},
                    role="mask",
                ),
            ),
            condition=_condition(forecast),
            parent="main",
            from_state=0,
            sample=k + 1,
            arm=arm,
            time_basis="measured",
        )
        for k, mask in enumerate(forecast.masks)
    ]


def _condition(forecast: Forecast) -> Condition:
    treatment = forecast.question.treatment
    words = _WORDS.get(treatment, treatment.replace("-", " "))
    text = f"new and enlarging T2 lesions under {words}"
    return Condition(findings=(Finding(name=treatment, text=text),))


def _quantile(chances: Float[np.ndarray, " count"], level: float) -> float:
    """The least count that is reached with that chance."""
    place = np.searchsorted(np.cumsum(chances) / chances.sum(), level - 1e-9)
    return float(min(int(place), len(chances) - 1))


def _wilson(hits: int, count: int) -> tuple[float, float]:
    """95% interval of a share, after Wilson (1927)."""
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return float(middle - half), float(middle + half)
