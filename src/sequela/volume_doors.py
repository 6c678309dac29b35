"""The front doors to volumes: thin calls into the rooms, for users who write Python."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from sequela.core import DAYS_PER_YEAR, Region, Scan, Trajectory
from sequela.doors import day_of, load


def extrapolate(  # noqa: PLR0913  # a public door: one keyword each for what a user may ask
    scans: Sequence[Scan],
    *,
    dates: Sequence[date | str],
    at: Sequence[date | str] | None = None,
    horizon_years: float = 3.0,
    every_years: float = 0.5,
    lungs: Region | None = None,
    model: str = "lungs-mini",
    device: str = "cpu",
    registration: str = "convexadam",
    seed: int = 0,
    samples: int = 1,
    **facts: Any,
) -> Trajectory:
    """A patient's chest CT at other dates, from the scans there are.

    Args:
        scans: Of one patient, the baseline first; all states lie on its grid.
        dates: Day of each; text as 2020-03-01.
        at: Days to be drawn, between the scans or after them; None goes by horizon and interval.
        horizon_years: How far after the baseline; the last state.
        every_years: A state every so often up to there.
        lungs: Mask on the baseline's grid; None finds them in every scan.
        model: A bundled model, or a folder in which `sequela train` left both stages.
        device: Where it runs.
        registration: How follow-ups are laid onto the baseline: `convexadam`, `demons`, `bspline`,
            `affine`, `none`.
        seed: Of the samples.
        samples: Draws, of a stochastic model.
        facts: `age_years`, `sex`, `smoker`, `treatment`, where they are known.
    """
    from sequela.simulators.lungs.asked import (
        ForecastRequest,
        check_days,
        check_times,
        times_until,
    )
    from sequela.simulators.lungs.extrapolate import LungExtrapolation
    from sequela.simulators.lungs.facts import PatientFacts
    from sequela.simulators.lungs.model import load_lung_model
    from sequela.simulators.lungs.population import load_population

    days = [day_of("dates", day) for day in dates]
    years = check_days([float((day - days[0]).days) for day in days], len(scans))
    if at is None:
        wanted = times_until(horizon_years, every_years)
    else:
        wanted = [(day_of("at", day) - days[0]).days / DAYS_PER_YEAR for day in at]
    request = ForecastRequest(
        years=tuple(years),
        wanted_years=tuple(check_times(wanted, years)),
        facts=PatientFacts(**facts),
        seed=seed,
        samples=samples,
    )
    engine = LungExtrapolation(
        model=load_lung_model(model, device=device),
        population=load_population() if request.is_alone else None,
        registration=registration,
    )
    return engine.simulate(scans, request, lungs=None if lungs is None else lungs.array >= 0.5)


def forecast(  # noqa: PLR0913  # a public door: one keyword each for what a user may ask
    *inputs: str | Path,
    treatment: str,
    versus: Sequence[str] = (),
    horizon_years: float = 2.0,
    samples: int = 32,
    seed: int = 0,
    model: str | None = None,
    device: str = "auto",
    files: Mapping[str, str | Path] | None = None,
    **covariates: float,
) -> Trajectory:
    """Which new and enlarging lesions may come under a treatment, and under others.

    No treatment advice: arms from different trials are not one randomisation.

    Args:
        inputs: A folder of one visit, or its NIfTI files and DICOM series.
        treatment: An arm of the trial, or `unknown`.
        versus: Other treatments for the same patient, from the same noise.
        horizon_years: After the visit.
        samples: Possible futures a treatment.
        seed: All noise follows it.
        model: A bundled model or a file; by default `lesions-mini`.
        device: Where it runs.
        files: Files whose names do not tell, by role: FLAIR, T1, T2, PD, T1-Gd, lesions, brain.
        covariates: `age_years`, `edss`, `disease_years`, where known.
    """
    from sequela.simulators.lesions.engine import ForecastRequest
    from sequela.simulators.lesions.files import find_visit, read_visit
    from sequela.simulators.lesions.forecast import Sampling
    from sequela.simulators.lesions.question import Question

    request = ForecastRequest(
        question=Question(treatment=treatment, horizon_years=horizon_years, **covariates),
        versus=tuple(versus),
        sampling=Sampling(samples=samples, seed=seed),
    )
    named = {role: Path(path) for role, path in (files or {}).items()}
    visit = read_visit(find_visit([Path(path) for path in inputs], named))
    engine = load("lesion-forecast", model=model, device=device)
    return engine.simulate(visit.images, request, notices=visit.notices)
