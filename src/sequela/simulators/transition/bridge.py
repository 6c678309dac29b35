"""Bridge: from one real visit of a patient to a later one, with states at asked days between.

Time runs evenly: the state of a day lies as far along the way as the day lies between the visits.
Nobody saw these days; disease may have gone another way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch

from sequela.core import (
    Branch,
    Condition,
    Finding,
    InvalidInputError,
    Record,
    Region,
    Scan,
    Trajectory,
)
from sequela.core.checks import check_count, check_positive
from sequela.diffusion import Backbone
from sequela.simulators.recording import versions
from sequela.simulators.transition.animate import check_fps
from sequela.simulators.transition.bridge_way import Moments, Way
from sequela.simulators.transition.engine import Continuous, Engine, EngineSetup, make_engine
from sequela.simulators.transition.visits import Visits, bring_together

METHOD = "bridge"
QUARTERS = (0.25, 0.5, 0.75)  # of the way, where no days are asked for
MOST_STATES = 200  # between the visits; a page with more cannot be read
_BETWEEN = Condition(
    findings=(Finding(name="Between two visits", text="interpolated; nothing was asked for"),)
)
_NOTICE = (
    "The states between the visits are interpolated: no scanner made them, and the disease need "
    "not have gone evenly or in a straight line."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bridge:
    """How the way between two visits is drawn.

    Attributes:
        transition: A name in `ENGINES`.
        backbone: The model of `latent`.
        registration: A name in `imaging.registration.KINDS`.
        exposure: A name in `imaging.exposure.MATCHES`.
        frames: K of the film's clips, both states counted; None makes no film.
        fps: Frames a second.
        text: What an engine with a text encoder is told.
        seed: All noise follows it.
    """

    transition: str = "flow"
    backbone: Backbone | None = None
    registration: str = "similarity"
    exposure: str = "linear"
    frames: int | None = 12
    fps: float = 16.0
    text: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.frames is not None:
            check_count("frames", self.frames, minimum=2, hint="Both states are counted.")
        check_fps("fps", self.fps)
        check_count("seed", self.seed, minimum=0, hint="Any whole number from 0 up will do.")

    def between(
        self,
        first: Scan,
        last: Scan,
        *,
        days: float,
        at_days: Sequence[float] | None = None,
        region: Region | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Trajectory:
        """The trajectory from the first visit to the last.

        Args:
            first: The earlier film; all states lie on its grid.
            last: The later film of the same patient.
            days: From the first visit to the last, > 0.
            at_days: Days after the first visit to be drawn, each between the two visits; None draws
                a quarter, a half and three quarters of the way.
            region: Where content may move; elsewhere the films are blended evenly.
            progress: Called with (state, states).

        Returns:
            Trajectory of two observed states and the interpolated ones between, with measured
            times. The film's frames are drawn while it is written.

        Raises:
            InvalidInputError: Volumes, colour against grey, or a day not between the visits.
        """
        check_positive("days", days, hint="The last visit must be after the first one.")
        engine = make_engine(self.transition, EngineSetup(backbone=self.backbone))
        moments = _moments(at_days, days, engine, self.transition)
        if region is not None:
            region.check_grid(first.plane)
        visits = bring_together(first, last, registration=self.registration, exposure=self.exposure)
        way = Way(visits=visits, engine=engine, region=region, text=self.text, seed=self.seed)
        states = way.states(moments, days, progress)
        branch = Branch(id="main", states=states, condition=_BETWEEN, time_basis="measured")
        made = Trajectory(
            scan=first,
            branches=(branch,),
            record=self._record(visits, last, days=days, moments=moments, region=region),
            regions={} if region is None else {"requested": region, "effective": region},
        )
        if self.frames is None:
            return made
        film = way.film(states, moments, frames=self.frames, fps=self.fps, name=self.transition)
        return replace(made, video=film)

    def _record(
        self,
        visits: Visits,
        last: Scan,
        *,
        days: float,
        moments: Moments,
        region: Region | None,
    ) -> Record:
        none = {"name": "none", "why": f"the {self.transition} transition needs no model"}
        card = none if self.backbone is None else dict(self.backbone.card)
        scans = (("first visit", visits.first), ("last visit", last))
        return Record(
            method=METHOD,
            config=dict(visits.made),
            request={
                "days": days,
                "at_days": [round(float(m) * days, 6) for m in moments[1:-1]],
                "region": None if region is None else region.origin,
                "transition": {
                    "engine": self.transition,
                    "frames": self.frames,
                    "fps": self.fps,
                    "text": self.text,
                },
            },
            seed=self.seed,
            threads=torch.get_num_threads(),
            device="cpu" if self.backbone is None else str(self.backbone.device),
            model=card,
            inputs=tuple(
                {"role": role, "name": scan.source.name, "sha256": scan.source.sha256}
                for role, scan in scans
            ),
            versions=versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            notices=(*visits.notices, _NOTICE),
        )


def bridge_again(recorded: Trajectory, backbone: Backbone | None = None) -> Trajectory:
    """The states of a recorded bridge, drawn anew from its two visits.

    The last visit lies on the first one's grid in the run folder already.

    Raises:
        InvalidInputError: The run is no bridge.
    """
    record = recorded.record
    if record.method != METHOD:
        raise InvalidInputError(f"`run` must be a bridge, got a run of {record.method}.")
    asked: dict[str, Any] = dict(record.request["transition"])
    settings = Bridge(
        transition=asked["engine"],
        backbone=backbone,
        registration="none",
        exposure="keep",
        frames=asked["frames"],
        fps=asked["fps"],
        text=asked["text"],
        seed=record.seed,
    )
    made = settings.between(
        recorded.scan,
        replace(recorded.scan, array=recorded.states[-1].image),
        days=float(record.request["days"]),
        at_days=record.request["at_days"],
        region=recorded.regions.get("requested"),
    )
    return replace(made, record=record)


def _moments(at_days: Sequence[float] | None, days: float, engine: Engine, name: str) -> Moments:
    """Shares of the way, both visits included."""
    shares: tuple[float, ...]
    if at_days is None:
        shares = QUARTERS if isinstance(engine, Continuous) else ()
    else:
        outside = [day for day in at_days if not 0 < day < days]  # nan fails every comparison
        if outside:
            raise InvalidInputError(
                f"`at_days` must lie between the visits, after day 0 and before day {days:g}, got "
                f"{outside[0]:g}. The days of the visits themselves are there already; beyond them "
                "nothing is known."
            )
        shares = tuple(sorted({day / days for day in at_days}))
    if len(shares) > MOST_STATES:
        raise InvalidInputError(
            f"`at_days` must name at most {MOST_STATES} days, got {len(shares)}. Ask for fewer; "
            "the film shows the way between them."
        )
    if shares and not isinstance(engine, Continuous):
        raise InvalidInputError(
            f"`transition` {name!r} draws evenly spaced frames only and cannot be asked for a day. "
            "Use flow, latent or crossfade, or ask for no days."
        )
    return np.array([0.0, *shares, 1.0])
