"""From one visit's MR images to possible new and enlarging lesions under treatments: a trajectory.

No treatment advice. Forecasts under several treatments share their noise, so that they differ by
nothing but the treatment; what the model knows of treatments comes from arms of different trials,
which are not one randomisation.

Source: after Favero et al., "Spatio-Temporal Conditional Diffusion Models for Forecasting Future
Multiple Sclerosis Lesion Masks Conditioned on Treatments", arXiv:2508.07006. Its network, losses
and sampler were not at hand; those here are our own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from sequela.core import InvalidInputError, Record, Region, Scan, State, Trajectory
from sequela.imaging.grid import grid_of
from sequela.imaging.net2 import Net2Rule
from sequela.simulators.lesions.counterfactual import compare
from sequela.simulators.lesions.forecast import Forecast, Sampling, forecast
from sequela.simulators.lesions.gather import Gathered
from sequela.simulators.lesions.model import LesionModel
from sequela.simulators.lesions.outcome import OnScan, branches_of, spread_of
from sequela.simulators.lesions.places import place_visit
from sequela.simulators.lesions.prepare import (
    PreparedVisit,
    VisitImages,
    gather_visit,
    main_sequence,
    prepare_gathered,
)
from sequela.simulators.lesions.question import COVARIATES, Question
from sequela.simulators.recording import licence_limits, versions

METHOD = "lesion-forecast"
NO_ADVICE = (
    "No treatment advice: what the model knows of treatments comes from arms of different trials, "
    "which are not one randomisation."
)


@dataclass(frozen=True, kw_only=True)
class ForecastRequest:
    """What is asked of a visit.

    Attributes:
        question: Treatment, horizon, covariates.
        versus: Other treatments for the same patient.
        sampling: How forecasts are drawn.
    """

    question: Question
    versus: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        names = (self.question.treatment, *self.versus)
        if len(set(names)) < len(names):
            raise InvalidInputError(
                f"`versus` must name other treatments than `treatment`, each once, got "
                f"{', '.join(self.versus)} against {self.question.treatment}."
            )
        for name in self.versus:
            replace(self.question, treatment=name)  # refuses an unknown one

    def to_json(self) -> dict[str, Any]:
        """As JSON values; the seed has a place of its own in a record."""
        sampling = {k: v for k, v in asdict(self.sampling).items() if k != "seed"}
        return {**asdict(self.question), "versus": list(self.versus), "sampling": sampling}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], seed: int) -> "ForecastRequest":
        """Read back from a record."""
        names = ("treatment", "horizon_years", *COVARIATES)
        return cls(
            question=Question(**{name: values[name] for name in names}),
            versus=tuple(values["versus"]),
            sampling=Sampling(seed=seed, **values["sampling"]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LesionForecasting:
    """Forecasts with one model.

    Attributes:
        model: The network and its card.
        register: Whether to correct movement between the sequences.
    """

    model: LesionModel
    register: bool = True

    def simulate(
        self, visit: VisitImages, request: ForecastRequest, *, notices: Sequence[str] = ()
    ) -> Trajectory:
        """The visit, then what may have come at the horizon under each treatment.

        Args:
            visit: Sequences and masks of one visit.
            request: What is asked.
            notices: What happened on reading.

        Returns:
            Trajectory whose main branch is the asked-for treatment: the baseline, then a
            probability map. Other treatments and all samples are branches. All arrays lie on the
            grid of the FLAIR, or of the first sequence there is.

        Raises:
            InvalidInputError: A mask is no mask or lies on the wrong side, no brain is found.
            GeometryMismatchError: The sequences do not show one head.
        """
        gathered = gather_visit(visit, register=self.register)
        prepared = prepare_gathered(gathered)
        told = (*notices, *prepared.notices)
        scan = visit.sequences[main_sequence(visit)]
        return self._forecast(scan, gathered, prepared, request, inputs=_inputs(visit), told=told)

    def _forecast(
        self,
        scan: Scan,
        gathered: Gathered,
        prepared: PreparedVisit,
        request: ForecastRequest,
        *,
        inputs: tuple[Mapping[str, Any], ...],
        told: Sequence[str],
    ) -> Trajectory:
        placed = place_visit(prepared, self.model.network.config)
        own, compared = self._answers(placed, request)
        on_scan = OnScan(
            network_grid=placed.grid,
            scan_grid=prepared.grid,
            free=prepared.brain & ~prepared.lesions,
        )
        return Trajectory(
            scan=scan,
            branches=branches_of(_baseline(scan, gathered, prepared), own, compared, on_scan),
            record=self._record(request, prepared, inputs=inputs, told=(*told, *own.notices)),
            regions={
                "effective": Region(
                    array=on_scan.free.astype(np.float32), origin="brain without old lesions"
                )
            },
            uncertainty=spread_of(own, on_scan),
        )

    def _answers(
        self, placed: PreparedVisit, request: ForecastRequest
    ) -> tuple[Forecast, dict[str, Any]]:
        network, question, sampling = self.model.network, request.question, request.sampling
        if not request.versus:
            return forecast(network, placed, question, sampling), {}
        compared = compare(network, placed, question, request.versus, sampling)
        return next(iter(compared.values())).own, dict(compared)

    def _record(
        self,
        request: ForecastRequest,
        prepared: PreparedVisit,
        *,
        inputs: tuple[Mapping[str, Any], ...],
        told: Sequence[str],
    ) -> Record:
        scales = {name: asdict(scale) for name, scale in prepared.scales.items()}
        return Record(
            method=METHOD,
            config={
                "lesions_from": prepared.lesions_from,
                "brain_from": prepared.brain_from,
                "register": self.register,
                "scales": scales,
                "rule": str(Net2Rule()),
                "network": asdict(self.model.network.config),
            },
            request=request.to_json(),
            seed=request.sampling.seed,
            threads=torch.get_num_threads(),
            device=str(next(self.model.network.parameters()).device),
            model=dict(self.model.card),
            inputs=inputs,
            versions=versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            notices=(NO_ADVICE, *licence_limits(self.model.card), *dict.fromkeys(told)),
        )


def forecast_again(recorded: Trajectory, model: LesionModel) -> Trajectory:
    """The states of a recorded forecast, made anew from the visit in its folder.

    Raises:
        InvalidInputError: The run is of another method, or its model is another one.
    """
    record = recorded.record
    if record.method != METHOD:
        raise InvalidInputError(f"`run` must be a forecast of lesions, got one of {record.method}.")
    if record.model.get("sha256") != model.card["sha256"]:
        raise InvalidInputError(
            f"`model` must be the recorded one ({record.model.get('name')}, sha256 "
            f"{str(record.model.get('sha256'))[:12]}), got {str(model.card['sha256'])[:12]}. "
            "Name the right file with --model."
        )
    layers = dict(recorded.states[0].layers)
    lesions, brain = (layers.pop(name) > 0 for name in ("lesions", "brain"))
    main = str(record.inputs[0]["role"])
    gathered = Gathered(
        grid=grid_of(recorded.scan, main),
        images={main: recorded.scan.array.astype(np.float32), **layers},
        lesions=lesions,
        brain=brain,
    )
    engine = LesionForecasting(model=model, register=bool(record.config["register"]))
    again = engine._forecast(
        recorded.scan,
        gathered,
        prepare_gathered(gathered),
        ForecastRequest.from_json(record.request, record.seed),
        inputs=record.inputs,
        told=(),
    )
    return replace(again, record=record)


def _baseline(scan: Scan, gathered: Gathered, prepared: PreparedVisit) -> State:
    main = next(iter(gathered.images))
    others = {name: image for name, image in gathered.images.items() if name != main}
    masks = {"lesions": prepared.lesions, "brain": prepared.brain}
    return State(
        image=scan.array,
        kind="observed",
        step=0,
        time_years=0.0,
        layers={**others, **{name: mask.astype(np.uint8) for name, mask in masks.items()}},
    )


def _inputs(visit: VisitImages) -> tuple[Mapping[str, Any], ...]:
    """The sequence that gives the grid comes first."""
    main = main_sequence(visit)
    scans: dict[str, Scan | None] = {main: visit.sequences[main], **visit.sequences}
    scans |= {"lesions": visit.lesions, "brain": visit.brain}
    return tuple(
        {"role": role, "name": scan.source.name, "sha256": scan.source.sha256}
        for role, scan in scans.items()
        if scan is not None
    )
