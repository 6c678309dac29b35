"""ProgressiveEditor: one image and a condition to a trajectory, and any state to a new branch."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.conditioning import CHEST, Vocabulary, vocabulary_of
from sequela.core import Branch, Condition, Finding, InvalidInputError, Region, Scan, Trajectory
from sequela.core.checks import check_count, check_positive
from sequela.diffusion import Backbone, NoiseSource, TextEmbedding
from sequela.simulators.editing.case import Case, on_grid
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
        domain: Whose words turn names of findings into prompts; None takes the model's own domain,
            or `chest` where its card tells none.
        size: Side of the model's square in pixels; None takes the size it was trained at.
    """

    backbone: Backbone
    settings: ProgressiveEditing = field(default_factory=ProgressiveEditing)
    domain: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        multiple = self.backbone.image_multiple
        if self.size is not None and (self.size < multiple or self.size % multiple):
            raise InvalidInputError(
                f"`resolution` must be a multiple of {multiple} for {self.backbone.name}, got "
                f"{self.size}. It was trained at {self.backbone.image_size}."
            )

    @property
    def vocabulary(self) -> Vocabulary:
        """The words this editor understands."""
        return vocabulary_of(self.domain or self.backbone.card.get("domain", CHEST.domain))

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
        asked = self.place(condition, scan)
        check_count("samples", samples)
        if until_change is not None:
            check_positive("until_change", until_change)
        case = self.case(scan, region, protect)
        guide = self.guide(case, asked)
        walk = self.walk(case, guide, seed=seed, samples=tuple(range(samples)))
        walked = collect(walk, case, samples=samples, until_change=until_change, progress=progress)
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
            notices=truncations(guide.embedding, asked.findings),
        )
        return Trajectory(
            scan=scan,
            branches=branches,
            record=record,
            regions={**case.regions, **_finding_regions(asked)},
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
        """The trajectory with one more branch; see `branching.branch`."""
        from sequela.simulators.editing.branching import branch

        return branch(
            self,
            trajectory,
            from_state=from_state,
            condition=condition,
            region=region,
            progress=progress,
        )

    def latents(
        self,
        scan: Scan,
        *,
        condition: Condition | str,
        region: Region | None = None,
        seed: int = 0,
    ) -> Float[Tensor, "step latent h w"]:
        """The latents of one sample's states, for studies that need no pictures."""
        case = self.case(scan, region, None)
        guide = self.guide(case, self.place(condition, scan))
        return collect(self.walk(case, guide, seed=seed, samples=(0,)), case)[:, 0]

    def with_steps(self, num_steps: int | None) -> "ProgressiveEditor":
        """The same editor for another number of steps; None leaves it as it is."""
        return replace(self, settings=self.settings.changed(num_steps=num_steps))

    def place(self, condition: Condition | str, scan: Scan) -> Condition:
        """The condition with its negative prompt, and its findings' regions on the scan's grid."""
        if isinstance(condition, str):
            condition = Condition(findings=(self.vocabulary.finding(condition),))
        placed = tuple(replace(f, region=on_grid(f.region, scan)) for f in condition.findings)
        away = condition.negative_prompt
        if not away and self.settings.away_from_healthy and self.vocabulary.are_ill(placed):
            away = self.vocabulary.prompt([self.vocabulary.reference])
        return replace(condition, findings=placed, negative_prompt=away)

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

    def walk(self, case: Case, guide: Guide, *, seed: int, samples: tuple[int, ...]) -> Walk:
        """The walk in latent space, ready to start."""
        return Walk(
            backbone=self.backbone,
            settings=self.settings,
            guide=guide,
            region=case.latent_region(),
            noise=NoiseSource(seed),
            samples=samples,
        )


def collect(  # noqa: PLR0913  # all of it optional but walk and case
    walk: Walk,
    case: Case,
    *,
    samples: int = 1,
    start: Tensor | None = None,
    from_state: int = 0,
    until_change: float | None = None,
    progress: Progress | None = None,
) -> Float[Tensor, "step sample latent h w"]:
    """The latents of all states from `from_state` on, that one included."""
    walked: list[Tensor] = []
    moving = walk.states(case.batch(samples), start=start, first_step=from_state + 1)
    for step, latents in enumerate(moving, start=from_state):
        walked.append(latents)
        if progress is not None:
            progress(step, walk.settings.num_steps)
        is_still = until_change is not None and len(walked) > 1
        if is_still and case.largest_move(walked[-2], walked[-1]) < (until_change or 0):
            break
    return torch.stack(walked)


def truncations(embedding: TextEmbedding, findings: tuple[Finding, ...]) -> tuple[str, ...]:
    """A notice for each text the encoder could not read to its end."""
    labels = ("the negative prompt", *(f"the text of {f.name!r}" for f in findings))
    return tuple(
        f"The text encoder did not read the end of {label}: {len(rest)} characters were left out."
        for label, rest in zip(labels, embedding.truncated, strict=True)
        if rest
    )


def _uncertainty(branches: tuple[Branch, ...]) -> dict[str, Float[np.ndarray, "..."]]:
    if len(branches) < 2:
        return {}
    last = np.stack([branch.states[-1].image.astype(np.float32) for branch in branches])
    return {"mean": last.mean(axis=0), "spread": last.std(axis=0, ddof=1)}


def _finding_regions(condition: Condition) -> dict[str, Region]:
    found: dict[str, Region] = {}
    seen: Counter[str] = Counter()
    for finding in condition.findings:
        if finding.region is not None:
            seen[finding.name] += 1  # one finding may be asked for in several places
            nth = "" if seen[finding.name] == 1 else f"-{seen[finding.name]}"
            found[f"finding-{finding.name}{nth}"] = finding.region
    return found
