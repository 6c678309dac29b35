"""Scans of many patients at their dates, drawn once and kept on disk as HU."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int16
from torch import Tensor

from sequela.core import InvalidInputError
from sequela.training.recipe import Recipe

SYNTHETIC = "synthetic-lungs"
HELD_OUT_FROM = 1_000_000  # seeds of held-out patients begin here; those of tests lie elsewhere
_PLAN = 10_000_000  # seed + so many times the plan: the same patient at other dates


class Patient(Protocol):
    """What is asked of a synthetic patient."""

    @property
    def scans(self) -> Sequence[tuple[float, Float[np.ndarray, "depth height width"]]]:
        """Years and volume in HU, by date."""
        ...

    def lung_mask(self, years: float) -> Any:
        """Where the lungs are."""
        ...

    def truth(self, years: float) -> Float[np.ndarray, "depth height width"]:
        """The volume in HU without noise."""
        ...


@dataclass(frozen=True, kw_only=True)
class History:
    """One patient's dates, and the rows of their scans.

    Attributes:
        years: After the first scan, rising from 0.
        first_row: Of the first scan; the others follow.
        facts: What is known of the patient beside the images.
    """

    years: tuple[float, ...]
    first_row: int
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> range:
        """Of all scans, in the order of their dates."""
        return range(self.first_row, self.first_row + len(self.years))


@dataclass(frozen=True, kw_only=True, eq=False)
class LungScans:
    """Scans of one side, training or held out.

    Attributes:
        volumes: HU.
        lungs: Where the lungs of each patient are at the first scan.
        histories: One for each patient.
        truths: HU without noise at the dates of the scans, where they were asked for.
    """

    volumes: Int16[np.ndarray, "scan depth height width"]
    lungs: np.ndarray
    histories: tuple[History, ...]
    truths: Int16[np.ndarray, "scan depth height width"] | None = None

    def __len__(self) -> int:
        return len(self.volumes)

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells these scans from others, without reading them all."""
        sums = tuple(int(self.volumes[row].sum()) for row in range(len(self)))
        return (self.volumes.shape, self.histories, sums)

    @cached_property
    def patient_of(self) -> tuple[int, ...]:
        """The patient of each scan."""
        return tuple(p for p, history in enumerate(self.histories) for _ in history.years)

    def volume(self, row: int) -> Float[Tensor, "depth height width"]:
        """One scan in HU."""
        return torch.from_numpy(self.volumes[row].astype(np.float32))

    def target(self, row: int) -> Float[Tensor, "depth height width"]:
        """What a forecast for that scan's date is held against, in HU: the truth where there is."""
        held = self.volumes if self.truths is None else self.truths
        return torch.from_numpy(held[row].astype(np.float32))

    @property
    def targets(self) -> "LungScans":
        """The same dates with what is to be forecast in the place of the scans."""
        if self.truths is None:
            return self
        return LungScans(volumes=self.truths, lungs=self.lungs, histories=self.histories)

    def lung(self, row: int) -> Tensor:
        """The lungs of that scan's patient, boolean."""
        return torch.from_numpy(self.lungs[self.patient_of[row]].astype(bool))


def drawn_scans(
    draw: Callable[[int], Patient],
    seeds: Sequence[int],
    folder: Path,
    *,
    facts: Any = None,
    is_truth_kept: bool = False,
) -> LungScans:
    """The scans of drawn patients, from `folder` where they were drawn before.

    Args:
        draw: From a seed to a patient.
        seeds: One for each patient.
        folder: Where to keep the scans; one side of one training.
        facts: From a patient to numbers that a forecast may be told; None for none.
        is_truth_kept: Whether the noise-free volumes are kept too.

    Raises:
        InvalidInputError: The folder holds other patients' scans.
    """
    index = folder / "index.json"
    if not index.exists():
        _draw(draw, seeds, folder, facts, is_truth_kept=is_truth_kept)
    stored = json.loads(index.read_text(encoding="utf-8"))
    if stored["seeds"] != list(seeds):
        raise InvalidInputError(
            f"`out` holds scans of other patients in {folder.name}, {len(stored['seeds'])} for "
            f"{len(seeds)}. Remove that folder, or train into another one."
        )
    return LungScans(
        volumes=np.load(folder / "volumes.npy", mmap_mode="r"),
        lungs=np.load(folder / "lungs.npy", mmap_mode="r"),
        histories=tuple(
            History(years=tuple(h["years"]), first_row=h["first_row"], facts=h["facts"])
            for h in stored["histories"]
        ),
        truths=np.load(folder / "truths.npy", mmap_mode="r") if is_truth_kept else None,
    )


def _draw(
    draw: Callable[[int], Patient],
    seeds: Sequence[int],
    folder: Path,
    facts: Any,
    *,
    is_truth_kept: bool,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    volumes: list[np.ndarray] = []
    truths: list[np.ndarray] = []
    lungs, histories = [], []
    for seed in seeds:
        patient = draw(seed)
        scans = patient.scans  # may be made anew at each look
        known = facts(patient) if facts is not None else {}
        years = tuple(float(when - scans[0][0]) for when, _ in scans)
        histories.append(History(years=years, first_row=len(volumes), facts=known))
        volumes += [np.rint(volume).astype(np.int16) for _, volume in scans]
        if is_truth_kept:
            truths += [np.rint(patient.truth(when)).astype(np.int16) for when, _ in scans]
        lungs.append(np.asarray(patient.lung_mask(scans[0][0])) > 0.5)
    np.save(folder / "volumes.npy", np.stack(volumes))
    np.save(folder / "lungs.npy", np.stack(lungs))
    if is_truth_kept:
        np.save(folder / "truths.npy", np.stack(truths))
    index = {"seeds": list(seeds), "histories": [asdict(h) for h in histories]}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def scans_of(recipe: Recipe, out: Path) -> tuple[LungScans, LungScans]:
    """Training and held-out scans of a recipe, kept beside `out`.

    Raises:
        InvalidInputError: The recipe names a set that nobody draws.
    """
    if recipe.data.sets != (SYNTHETIC,):
        raise InvalidInputError(
            f'`sets` must be ["{SYNTHETIC}"] for this objective, got {list(recipe.data.sets)}. '
            "Other longitudinal CT has no adapter yet."
        )
    settings: Any = recipe.network
    is_clean, redrawn = (getattr(settings, n, 0) for n in ("is_target_clean", "redrawn"))
    plans = [
        plan * _PLAN + seed for plan in range(redrawn + 1) for seed in range(settings.patients)
    ]
    held_out = range(HELD_OUT_FROM, HELD_OUT_FROM + settings.held_out)
    # beside the output, where the other stage finds them
    folder = out.parent / "scans"
    name = f"train-{len(plans)}" + ("-clean" if is_clean else "")
    train = drawn_scans(_drawn, plans, folder / name, facts=facts_of, is_truth_kept=bool(is_clean))
    return train, drawn_scans(
        _drawn, list(held_out), folder / f"held-out-{len(held_out)}", facts=facts_of
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Rescanned:
    """A synthetic patient scanned at another set of dates, and alive at all of them."""

    patient: Any
    visit_years: tuple[float, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.patient, name)

    @property
    def scans(self) -> Sequence[tuple[float, Float[np.ndarray, "depth height width"]]]:
        """Years and volume in HU, by date."""
        return [(years, self.patient.scan(years)) for years in self.visit_years]

    def lung_mask(self, years: float) -> Any:
        """Where the lungs are."""
        return self.patient.lung_mask(years)

    def truth(self, years: float) -> Float[np.ndarray, "depth height width"]:
        """The volume in HU without noise."""
        return np.asarray(self.patient.truth(years))


def _drawn(key: int) -> Patient:
    """A patient by seed; beyond `_PLAN`, the same at other dates of the same design."""
    from sequela.cohorts.synthetic.lungs import draw_patient
    from sequela.cohorts.synthetic.lungs.outcome import draw_visits

    plan, seed = divmod(key, _PLAN)
    patient = draw_patient(seed)
    if plan == 0:
        return patient
    most = patient.design.visits[1]
    dates = draw_visits(
        np.random.default_rng([seed, plan, 17]), replace(patient.design, visits=(most, most))
    )
    return Rescanned(patient=patient, visit_years=tuple(float(date) for date in dates))


def facts_of(patient: Any) -> dict[str, float]:
    """What a forecast may be told of a synthetic patient, about 0 and about 1 wide."""
    covariates = patient.covariates
    return {
        "age": (covariates.age_years - 68.0) / 8.0,
        "male": float(covariates.sex == "M"),
        "smoking": float(covariates.smoking),
        "treated": float(patient.arm == "antifibrotic"),
    }
