"""ProgressiveEditor: one image and a condition to a trajectory, and any state to a new branch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.conditioning import CHEST, Vocabulary
from sequela.core import Branch, Condition, Finding, InvalidInputError, Region, Scan, Trajectory
from sequela.core.checks import check_count, check_positive
from sequela.diffusion import Backbone, NoiseSource, TextEmbedding
from sequela.simulators.editing.case import Case
from sequela.simulators.editing.config import ProgressiveEditing
from sequela.simulators.editing.walk import Guide, Walk
from sequela.simulators.recording import make_record

Progress = Callable[[int, int], None]
METHOD = "progressive-editing"


@dataclass(frozen=True, kw_only=True, eq=False)
class ProgressiveEditor:
    """Simulates a disease on one image by progressive editing.

    Attributes:
        backbone: The diffusion prior; load it once and use it for many images.
        settings: Steps, strength, guidance and what is kept.
        vocabulary: Turns names of findings into the prompts the model was trained with.
        size: Side of the model's square in pixels; None takes the size it was trained at.
    """

    backbone: Backbone
    settings: ProgressiveEditing = field(default_factory=ProgressiveEditing)
    vocabulary: Vocabulary = CHEST
    size: int | None = None

    def __post_init__(self) -> None:
        multiple = self.backbone.image_multiple
        if self.size is not None and (self.size < multiple or self.size % multiple):
            raise InvalidInputError(
                f"`resolution` must be a multiple of {multiple} for {self.backbone.name}, got "
                f"{self.size}. It was trained at {self.backbone.image_size}."
            )

    def simulate(  # noqa: PLR0913  # a public door: one keyword each for what a user may ask
        self,
        scan: Scan,
        *,
        condition: Condition | str,
        region: Region | None = None,
        protect: Region | None = None,
        seed: int = 0,
        samples: int = 1,
        until_change: float | None = None,
        progress: Progress | None = None,
    ) -> Trajectory:
        """The trajectory from `scan` towards `condition`.

        Args:
            scan: One image.
            condition: Findings with weights and places, or the name of one finding.
            region: Where change is allowed; None allows it everywhere.
            protect: What must stay exactly as it is, such as a pacemaker.
            seed: All noise is drawn from it; the same seed gives the same states.
            samples: How many independent draws; beyond one, `uncertainty` holds mean and spread.
            until_change: Stop when a step moves the region by less than this share of the window.
            progress: Called with (step, steps).

        Returns:
            Trajectory with `num_steps` + 1 states, or fewer with `until_change`.

        Raises:
            GeometryMismatchError: A region lies on another grid than the scan.
        """
        asked = self._condition(condition)
        check_count("samples", samples)
        check_count("seed", seed, minimum=0)
        if until_change is not None:
            check_positive("until_change", until_change)
        case = self.case(scan, region, protect)
        walk, notices = self._walk(case, asked, seed=seed, samples=tuple(range(samples)))
        stop = _Stop(case, until_change)
        walked = self._collect(walk.states(case.batch(samples)), stop, progress, 0)
        branches = tuple(
            Branch(
                id="main" if sample == 0 else f"sample-{sample}",
                states=case.states(walked[:, sample], range(len(walked))),
                condition=asked,
                sample=sample,
                latents=walked[:, sample].float().cpu().numpy(),
            )
            for sample in range(samples)
        )
        record = make_record(
            method=METHOD,
            backbone=self.backbone,
            config={**self.settings.to_json(), "size": case.fit.size},
            request={
                "condition": asked,
                "region": region,
                "protect": protect,
                "samples": samples,
                "until_change": until_change,
            },
            scan=scan,
            seed=seed,
            notices=notices,
        )
        regions = {**case.regions, **_finding_regions(asked)}
        return Trajectory(
            scan=scan,
            branches=branches,
            record=record,
            regions=regions,
            uncertainty=_uncertainty(branches),
        )

    def branch(
        self,
        trajectory: Trajectory,
        *,
        from_state: int,
        condition: Condition | str,
        region: Region | None = None,
        progress: Progress | None = None,
    ) -> Trajectory:
        """The trajectory with one more branch, which leaves the main one at `from_state`.

        The same seed and step numbers draw the same noise: branching with the main branch's own
        condition reproduces it, so whatever differs is due to the condition.

        Args:
            trajectory: A run, fresh or read back.
            from_state: Step of the main branch to go on from.
            condition: What to follow from there on.
            region: Where change is allowed; None keeps the run's own region.
            progress: Called with (step, steps).
        """
        asked = self._condition(condition)
        main = trajectory.main
        last = main.states[-1].step
        if not 0 <= from_state <= last or main.latents is None:
            raise InvalidInputError(
                f"`from_state` must be a state of the main branch, 0 to {last}, got {from_state}."
            )
        if from_state >= self.settings.num_steps:
            raise InvalidInputError(
                f"`from_state` must lie before the last step {self.settings.num_steps}, got "
                f"{from_state}. Raise --steps to go on from there."
            )
        protect = trajectory.regions.get("protected")
        case = self.case(trajectory.scan, region or trajectory.regions.get("requested"), protect)
        walk, notices = self._walk(case, asked, seed=trajectory.record.seed, samples=(main.sample,))
        start = None
        if from_state > 0:
            start = torch.from_numpy(main.latents[from_state][None]).to(case.posterior.mean)
        moved = walk.states(case.batch(1), start=start, first_step=from_state + 1)
        walked = self._collect(moved, _Stop(case, None), progress, from_state)[1:, 0]
        number = sum(b.parent is not None for b in trajectory.branches) + 1
        name = f"branch-{number}"
        key = "effective" if region is None else f"effective-{name}"
        child = Branch(
            id=name,
            states=case.states(walked, range(from_state + 1, from_state + 1 + len(walked))),
            condition=asked,
            parent=main.id,
            from_state=from_state,
            sample=main.sample,
            region=key,
            latents=walked.float().cpu().numpy(),
        )
        record = replace(
            trajectory.record,
            notices=(*trajectory.record.notices, *notices),
            request={
                **trajectory.record.request,
                "branches": [
                    *trajectory.record.request.get("branches", []),
                    {"from_state": from_state, "num_steps": self.settings.num_steps},
                ],
            },
        )
        regions = {**trajectory.regions, key: case.regions["effective"]}
        if region is not None:
            regions[f"requested-{name}"] = region
        return replace(
            trajectory, branches=(*trajectory.branches, child), record=record, regions=regions
        )

    def with_steps(self, num_steps: int | None) -> "ProgressiveEditor":
        """The same editor for another number of steps; None leaves it as it is."""
        return replace(self, settings=self.settings.changed(num_steps=num_steps))

    def guide(self, case: Case, condition: Condition) -> Guide:
        """The texts as the denoiser reads them, with weights and places."""
        texts = (condition.negative_prompt, *(f.text for f in condition.findings))
        masks = [
            None if f.region is None else case.latent_mask(f.region.array)
            for f in condition.findings
        ]
        with torch.inference_mode():
            embedding = self.backbone.embed(texts)
        weights = tuple(f.weight for f in condition.findings)
        return Guide(embedding=embedding, weights=weights, masks=tuple(masks))

    def _condition(self, condition: Condition | str) -> Condition:
        if isinstance(condition, Condition):
            return condition
        return Condition(findings=(self.vocabulary.finding(condition),))

    def case(self, scan: Scan, region: Region | None, protect: Region | None) -> Case:
        """The scan made ready for this editor's backbone."""
        return Case.of(
            scan,
            self.backbone,
            self.settings,
            region=region,
            protected=protect,
            size=self.size or self.backbone.image_size,
        )

    def _walk(
        self, case: Case, condition: Condition, *, seed: int, samples: tuple[int, ...]
    ) -> tuple[Walk, tuple[str, ...]]:
        for finding in condition.findings:
            if finding.region is not None:
                finding.region.check_grid(case.scan.space)
        guide = self.guide(case, condition)
        walk = Walk(
            backbone=self.backbone,
            settings=self.settings,
            guide=guide,
            region=case.latent_region(),
            noise=NoiseSource(seed),
            samples=samples,
        )
        return walk, _truncations(guide.embedding, condition.findings)

    def _collect(
        self, states: Iterator[Tensor], stop: "_Stop", progress: Progress | None, first: int
    ) -> Float[Tensor, "step sample latent h w"]:
        walked: list[Tensor] = []
        for offset, latents in enumerate(states):
            walked.append(latents)
            if progress is not None:
                progress(first + offset, self.settings.num_steps)
            if stop.reached(walked):
                break
        return torch.stack(walked)


@dataclass(frozen=True, eq=False)
class _Stop:
    """Whether the last step moved the image by less than the threshold, in every sample."""

    case: Case
    threshold: float | None

    def reached(self, walked: list[Tensor]) -> bool:
        if self.threshold is None or len(walked) < 2:
            return False
        before, after = self.case.decode(walked[-2]), self.case.decode(walked[-1])
        region = self.case.fit.forward(self.case.effective[None])
        # the model's scale spans 2 from black to white
        moved = np.abs(after - before).mean(axis=1, keepdims=True) / 2
        share = (moved * region).sum(axis=(1, 2, 3)) / region.sum()
        return bool((share < self.threshold).all())


def _uncertainty(branches: tuple[Branch, ...]) -> dict[str, Float[np.ndarray, "..."]]:
    if len(branches) < 2:
        return {}
    last = np.stack([branch.states[-1].image.astype(np.float32) for branch in branches])
    return {"mean": last.mean(axis=0), "spread": last.std(axis=0, ddof=1)}


def _finding_regions(condition: Condition) -> dict[str, Region]:
    return {f"finding-{f.name}": f.region for f in condition.findings if f.region is not None}


def _truncations(embedding: TextEmbedding, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    labels = ("the negative prompt", *(f"the text of {f.name!r}" for f in findings))
    return tuple(
        f"The text encoder did not read the end of {label}: {len(rest)} characters were left out."
        for label, rest in zip(labels, embedding.truncated, strict=True)
        if rest
    )
