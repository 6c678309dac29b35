"""From a patient's CT at some dates to the CT at any date: a trajectory with measured times.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.3. Departs from it: the forecast is
made on the model's grid and carried to the scan's own, where all that lies outside the lungs stays
bit for bit; one scan alone is moved by the mean change of a cohort, and says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from sequela.core import Branch, Condition, Finding, InvalidInputError, Record, Region, Trajectory
from sequela.imaging.grid import Grid
from sequela.imaging.lung_field import find_lungs
from sequela.imaging.lung_registration import DEFAULT_KIND
from sequela.simulators.lungs.asked import ForecastRequest
from sequela.simulators.lungs.model import LungModel
from sequela.simulators.lungs.moments import at_full_size, lungs_on, states_of, within
from sequela.simulators.lungs.population import PopulationChange
from sequela.simulators.lungs.prepare import PreparedScans, Segment, as_stored, prepare
from sequela.simulators.lungs.resampling import down, model_grid
from sequela.simulators.recording import versions

METHOD, DRIFT = "lung-forecast", "population-drift"
TRUTH = "truth"  # arm of a branch that no forecast made
Moments = Float[np.ndarray, "moment depth height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LungExtrapolation:
    """What is needed to forecast lungs.

    Attributes:
        model: Both stages.
        population: The mean change of a cohort, for a patient with one scan.
        registration: A name in `imaging.lung_registration.KINDS`.
        segment: Finds lungs.
    """

    model: LungModel
    population: PopulationChange | None = None
    registration: str = DEFAULT_KIND
    segment: Segment = find_lungs

    def simulate(
        self,
        scans: Sequence[Any],
        request: ForecastRequest,
        *,
        lungs: Bool[np.ndarray, "depth height width"] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Trajectory:
        """The trajectory through all visits and all times asked for.

        Args:
            scans: Chest CT of one patient, the baseline first; all states lie on its grid.
            request: Their dates, and what is asked.
            lungs: Of the baseline, where they are known.
            progress: Called with (parts done, parts).

        Raises:
            InvalidInputError: A scan is no chest CT or shows no lungs, or samples are asked of a
                model that draws nothing by chance.
            MissingExtraError: SimpleITK or convexAdam is not installed and there is something to
                register.
        """
        self.check(request)
        return self.forecast(self.prepared(scans, lungs=lungs, progress=progress), request)

    def prepared(
        self,
        scans: Sequence[Any],
        *,
        lungs: Bool[np.ndarray, "depth height width"] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> PreparedScans:
        """The scans on one grid; see `prepare`."""
        return prepare(
            scans,
            window_hu=self.model.window_hu,
            registration=self.registration,
            segment=self.segment,
            lungs=lungs,
            progress=progress,
        )

    def check(self, request: ForecastRequest) -> None:
        """Refuse what this model cannot answer, before any work is done."""
        is_stochastic = self.model.engine.forecaster.config.is_stochastic
        if request.samples > 1 and (request.is_alone or not is_stochastic):
            name = DRIFT if request.is_alone else self.model.card["name"]
            raise InvalidInputError(
                f"`samples` must be 1 with {name}, which draws nothing by chance, got "
                f"{request.samples}. Leave it out, or take a model trained with `is_stochastic`."
            )
        if request.is_alone and self.population is None:
            raise InvalidInputError(
                "`scans` must be at least two without a population's drift, got 1. Give a second "
                "scan, or `population=load_population()`."
            )

    def forecast(self, prepared: PreparedScans, request: ForecastRequest) -> Trajectory:
        """The trajectory of scans that lie on one grid already."""
        self.check(request)
        drawn, told = (self._drifted if request.is_alone else self._drawn)(prepared, request)
        branches = tuple(
            Branch(
                id="main" if number == 0 else f"sample-{number}",
                states=states_of(prepared, request, volumes),
                condition=_condition(request),
                sample=number,
                time_basis="measured",
            )
            for number, volumes in enumerate(drawn)
        )
        found_by = prepared.fields[0].origin if prepared.fields else "as recorded"
        lungs = Region(array=prepared.lungs.astype(np.float32), origin=f"lungs: {found_by}")
        return Trajectory(
            scan=prepared.baseline,
            branches=branches,
            record=self._record(prepared, request, told),
            regions={"effective": lungs},
            uncertainty=_spread(branches, prepared),
        )

    def _drifted(
        self, prepared: PreparedScans, request: ForecastRequest
    ) -> tuple[list[list[np.ndarray]], dict[str, Any]]:
        """The mean change of a cohort, laid over these lungs."""
        assert self.population is not None  # noqa: S101  # checked before any work
        drift = self.population.over(prepared.lungs)
        first = prepared.volumes[0].astype(np.float32)[None]
        times = (np.array([when]) for when in request.wanted_years)
        made = [within(prepared, drift(first, np.zeros(1), when)[0]) for when in times]
        return [made], {"drift": dict(self.population.card)}

    def _drawn(
        self, prepared: PreparedScans, request: ForecastRequest
    ) -> tuple[list[list[np.ndarray]], dict[str, Any]]:
        """For each sample the volumes at the wanted times, and what made them."""
        grid, seen, inside = self.on_model(prepared, prepared.volumes)
        drawn = []
        for number in range(request.samples):
            made = self._forecast_there(seen, inside, replace(request, seed=request.seed + number))
            moments = zip(request.wanted_years, made, strict=True)
            drawn.append([at_full_size(prepared, grid, seen, request.years, m) for m in moments])
        return drawn, {
            "model_shape": list(grid.shape),
            "model_spacing_mm": [round(v, 3) for v in grid.spacing_mm],
            "detail": self.model.engine.detail,
            "facts_standardised": dict(request.facts.numbers()),
        }

    def on_model(
        self, prepared: PreparedScans, volumes: Sequence[np.ndarray]
    ) -> tuple[Grid, list[np.ndarray], Bool[np.ndarray, "d h w"]]:
        """Volumes of the baseline's grid on the model's, with the lungs there."""
        config = self.model.engine.codec.config
        grid = model_grid(
            prepared.lungs,
            prepared.grid,
            spacing_mm=self.model.spacing_mm,
            shape=config.shape,
            factor=config.factor,
        )
        seen = [down(volume, prepared.grid, grid) for volume in volumes]
        return grid, seen, lungs_on(prepared, grid)

    def _forecast_there(
        self, seen: list[np.ndarray], inside: np.ndarray, request: ForecastRequest
    ) -> Moments:
        engine, config = self.model.engine, self.model.engine.codec.config
        if any(side > usual for side, usual in zip(inside.shape, config.shape, strict=True)):
            engine = replace(engine, tile=config.latent_shape)
        device = next(engine.codec.parameters()).device
        names, known = engine.forecaster.config.facts, request.facts.numbers()
        is_drawn = engine.forecaster.config.is_stochastic
        made = engine.forecast(
            torch.from_numpy(np.stack(seen)).to(device),
            torch.tensor(request.years, dtype=torch.float32, device=device),
            torch.from_numpy(inside).to(device),
            torch.tensor(request.wanted_years, dtype=torch.float32, device=device),
            # 0 stands for what is not known, in training too
            facts=torch.tensor([known.get(n, 0.0) for n in names], device=device)
            if names
            else None,
            generator=torch.Generator(device).manual_seed(request.seed) if is_drawn else None,
        )
        return np.asarray(made.cpu().numpy())

    def _record(
        self, prepared: PreparedScans, request: ForecastRequest, told: Mapping[str, Any]
    ) -> Record:
        none = {"name": "none", "why": "one scan: the population's drift needs no network"}
        return Record(
            method=DRIFT if request.is_alone else METHOD,
            config={**prepared.made, **told},
            request=request.to_json(),
            seed=request.seed,
            threads=torch.get_num_threads(),
            device=str(next(self.model.engine.codec.parameters()).device),
            model=none if request.is_alone else dict(self.model.card),
            inputs=prepared.inputs,
            versions=versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            notices=(*prepared.notices, *self._limits(request)),
        )

    def _limits(self, request: ForecastRequest) -> list[str]:
        told = []
        if request.is_alone:
            told.append(
                "One scan tells nothing of its own course: the lungs were changed as those of a "
                "cohort changed on average (population drift). Give a second scan for a forecast."
            )
        if max(request.wanted_years) > self.model.longest_years:
            told.append(
                f"States beyond {self.model.longest_years:.1f} years lie beyond the longest "
                "follow-up that the model was trained on."
            )
        if "synthetic-lungs" in self.model.card.get("data", {}).get("sets", ()):
            told.append(
                "The model learned from drawn patients with fibrosis alone. Of a real person it "
                "shows what such a course would look like, not what is to come."
            )
        return told


def extrapolate_again(
    recorded: Trajectory, model: LungModel, population: PopulationChange | None = None
) -> Trajectory:
    """The states of a recorded run, forecast anew from the visits in its folder.

    They lie on the baseline's grid there already, lungs on lungs.

    Raises:
        InvalidInputError: The run is of another method, or its model is another one.
    """
    record = recorded.record
    if record.method not in (METHOD, DRIFT):
        raise InvalidInputError(f"`run` must be a forecast of lungs, got one of {record.method}.")
    if record.method == METHOD and record.model.get("sha256") != model.card["sha256"]:
        raise InvalidInputError(
            f"`model` must be the recorded one ({record.model.get('name')}, sha256 "
            f"{str(record.model.get('sha256'))[:12]}), got {str(model.card['sha256'])[:12]}. "
            "Name the right folder with --model."
        )
    observed = [state.image for state in recorded.states if state.kind == "observed"]
    prepared = PreparedScans(
        baseline=recorded.scan,
        volumes=tuple(observed),
        lungs=recorded.regions["effective"].array > 0,
        fields=(),
        alignments=(),
        made={},
    )
    engine = LungExtrapolation(model=model, population=population)
    again = engine.forecast(prepared, ForecastRequest.from_json(record.request, record.seed))
    kept = {state.step: state for state in recorded.states if state.kind == "observed"}
    branches = [
        replace(branch, states=tuple(kept.get(state.step, state) for state in branch.states))
        for branch in again.branches
    ]
    # what was not forecast is not forecast again
    branches += [branch for branch in recorded.branches if branch.arm == TRUTH]
    return replace(again, record=record, branches=tuple(branches))


def _condition(request: ForecastRequest) -> Condition:
    if request.is_alone:
        finding = Finding(name="Population drift", text="the mean change of a cohort; one scan")
    else:
        text = f"what {len(request.years)} scans tell of it; nothing was asked for"
        finding = Finding(name="Course of the lungs", text=text)
    return Condition(findings=(finding,))


def _spread(branches: Sequence[Branch], prepared: PreparedScans) -> dict[str, np.ndarray]:
    if len(branches) == 1:
        return {}
    last = np.stack([branch.states[-1].image.astype(np.float32) for branch in branches])
    dtype = prepared.baseline.array.dtype
    return {"mean": as_stored(last.mean(0), dtype), "spread": last.std(0, ddof=1)}
