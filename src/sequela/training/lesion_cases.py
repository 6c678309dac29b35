"""Patients of the known-truth trial to learn from: seen as a forecaster sees them, and what came.

Drawn once and kept on disk; a drawing that was interrupted goes on where it stopped. A patient
shows only the future under the own arm, as in a real trial. `Case` has images and masks; a form
(a row without arrays) is what the trial's tables hold, and costs a tenth.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from sequela.cohorts.synthetic.trial import MINI_GRID, TrialSubject, draw_subject
from sequela.cohorts.synthetic.trial.lesions import mask_of
from sequela.cohorts.synthetic.trial.render import ENHANCING_YEARS
from sequela.core import hash_bytes
from sequela.core.checks import check_count, check_positive
from sequela.imaging.grid import Grid
from sequela.imaging.net2 import label_lesions
from sequela.simulators.lesions.burden import Burden, lesions_of
from sequela.simulators.lesions.prepare import SEQUENCES, PreparedVisit, prepare_images
from sequela.simulators.lesions.question import Question
from sequela.simulators.lesions.summary import summarise

_LEVELS = 255  # of the images on disk, over [-1, 1]
_VERSION = 1  # of what is kept; raise it when a patient would be kept in another way
Mask = Bool[np.ndarray, "depth height width"]


@dataclass(frozen=True, kw_only=True)
class CaseSettings:
    """Which patients, and when they are seen again.

    Attributes:
        first_seed: Of the first patient; the others follow one by one.
        count: Patients.
        visits: Follow-up visits of each, at random times within equal spans.
        longest_years: End of the last span.
        has_images: Whether images and masks are kept, or the form alone.
    """

    first_seed: int
    count: int
    visits: int = 4
    longest_years: float = 3.0
    has_images: bool = True

    def __post_init__(self) -> None:
        check_count("count", self.count)
        check_count("visits", self.visits)
        check_positive("longest_years", self.longest_years)

    def horizons(self, seed: int) -> Float[np.ndarray, " visit"]:
        """Years to the visits of a patient, rising."""
        luck = np.random.default_rng([seed, 4242]).random(self.visits)
        return np.asarray((np.arange(self.visits) + luck) * self.longest_years / self.visits)

    @property
    def key(self) -> str:
        """Name of the folder that keeps them."""
        return hash_bytes(json.dumps([_VERSION, asdict(self)]).encode())[:12]


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What had come at a visit.

    Attributes:
        years: After baseline.
        lesions: Counted in the NET2 mask.
        events: That truly came; some touch and are one lesion of the mask.
        voxels: Flat indices of the mask.
    """

    years: float
    lesions: int
    events: int
    voxels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Form:
    """One patient's row in the trial's tables.

    Attributes:
        seed: Of the patient.
        arm: Drawn by lot.
        facts: Age, disability score and duration at baseline.
        sequences: That the centre's scanner makes.
        burden: Lesions at baseline; those that enhance as the trial's readers know them.
        visits: Follow-up under the own arm.
    """

    seed: int
    arm: str
    facts: dict[str, float]
    sequences: tuple[str, ...]
    burden: Burden
    visits: tuple[Followed, ...]

    def question(self, visit: int) -> Question:
        """What to ask to forecast a visit."""
        return Question(treatment=self.arm, horizon_years=self.visits[visit].years, **self.facts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Patients of one side; `draw_cases` makes them.

    Attributes:
        grid: Of all arrays.
        forms: One a patient.
        images: [-1, 1] in 256 levels; empty where only forms are kept.
        masks: Bits of the lesion mask and of the brain mask.
    """

    grid: Grid
    forms: tuple[Form, ...]
    images: UInt8[np.ndarray, "case sequence depth height width"]
    masks: UInt8[np.ndarray, "case 2 byte"]

    def __len__(self) -> int:
        return len(self.forms)

    def visit(self, index: int) -> PreparedVisit:
        """A patient's baseline as the model reads it."""
        lesions, brain = (_unpacked(bits, self.grid) for bits in self.masks[index])
        return PreparedVisit(
            grid=self.grid,
            images=self.images[index].astype(np.float32) * (2 / _LEVELS) - 1,
            present=np.array([s in self.forms[index].sequences for s in SEQUENCES]),
            lesions=lesions,
            brain=brain,
            lesions_from="given",
            brain_from="given",
        )

    def net2(self, index: int, visit: int) -> Mask:
        """What had come at a visit."""
        mask = np.zeros(self.grid.shape, bool)
        mask.flat[list(self.forms[index].visits[visit].voxels)] = True
        return mask


def draw_cases(
    settings: CaseSettings, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> Cases:
    """The patients, from `folder` where they were drawn before.

    Args:
        settings: Which.
        folder: Holds one folder for each such settings.
        progress: Called with (drawn, count).
    """
    own = folder / settings.key
    own.mkdir(parents=True, exist_ok=True)
    kept = settings.count if settings.has_images else 0
    size = int(np.prod(MINI_GRID.shape))
    images = _array(own / "images.npy", (kept, len(SEQUENCES), *MINI_GRID.shape))
    masks = _array(own / "masks.npy", (kept, 2, (size + 7) // 8))
    table = own / "forms.jsonl"
    done = _whole_lines(table)
    with table.open("a", encoding="utf-8") as lines:
        for index in range(done, settings.count):
            subject = draw_subject(settings.first_seed + index)
            if settings.has_images:
                images[index], masks[index] = _arrays(subject)
            # after its arrays: a line says that all of the patient is there
            lines.write(json.dumps(asdict(_form(subject, settings))) + "\n")
            lines.flush()
            if progress is not None:
                progress(index + 1, settings.count)
    rows = table.read_text(encoding="utf-8").splitlines()
    return Cases(
        grid=MINI_GRID,
        forms=tuple(_parsed(json.loads(r)) for r in rows),
        images=images,
        masks=masks,
    )


def visit_of(subject: TrialSubject) -> PreparedVisit:
    """Baseline images as a forecaster is given them, with true lesion and brain masks."""
    return prepare_images(
        subject.images(), subject.grid, lesions=subject.baseline_mask, brain=subject.brain_mask
    )


def _form(subject: TrialSubject, settings: CaseSettings) -> Form:
    known = subject.covariates
    lesions, load_ml = lesions_of(subject.baseline_mask, subject.grid)
    return Form(
        seed=subject.seed,
        arm=subject.arm,
        facts={
            "age_years": known.age_years,
            "edss": known.edss,
            "disease_years": known.disease_years,
        },
        sequences=subject.scanner.sequences,
        burden=Burden(lesions=lesions, load_ml=load_ml, enhancing=_enhancing(subject)),
        visits=tuple(
            _followed(subject, float(years), keeps=settings.has_images)
            for years in settings.horizons(subject.seed)
        ),
    )


def _enhancing(subject: TrialSubject) -> int | None:
    """As readers count on this grid: lesions that touch are one."""
    if "T1-Gd" not in subject.scanner.sequences:
        return None
    fresh = subject.lesions.only(subject.lesions.onset_years > -ENHANCING_YEARS)
    mask = mask_of(fresh, fresh.volumes_mm3(0.0), subject.grid)
    return label_lesions(mask)[1]


def _followed(subject: TrialSubject, years: float, *, keeps: bool) -> Followed:
    mask = subject.net2(subject.arm, years)
    return Followed(
        years=years,
        lesions=int(summarise(mask[None], subject.grid).counts[0]),
        events=subject.count(subject.arm, years),
        voxels=tuple(np.flatnonzero(mask).tolist()) if keeps else (),
    )


def _arrays(subject: TrialSubject) -> tuple[np.ndarray, np.ndarray]:
    visit = visit_of(subject)
    levels = np.rint((visit.images + 1) * (_LEVELS / 2)).astype(np.uint8)
    return levels, np.stack([np.packbits(mask) for mask in (visit.lesions, visit.brain)])


def _array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A file of bytes as an array, made when missing."""
    if not shape[0]:
        return np.zeros(shape, np.uint8)
    mode = "r+" if path.exists() else "w+"
    return np.lib.format.open_memmap(path, mode=mode, dtype=np.uint8, shape=shape)


def _whole_lines(table: Path) -> int:
    """How many lines there are, once a last one that was cut off is gone."""
    if not table.exists():
        return 0
    text = table.read_text(encoding="utf-8")
    table.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    return text.count("\n")


def _unpacked(bits: np.ndarray, grid: Grid) -> Mask:
    size = int(np.prod(grid.shape))
    return np.unpackbits(bits, count=size).reshape(grid.shape).astype(bool)


def _parsed(row: dict[str, object]) -> Form:
    values: dict[str, object] = dict(row)
    values["sequences"] = tuple(row["sequences"])  # type: ignore[arg-type]
    values["burden"] = Burden(**row["burden"])  # type: ignore[arg-type]
    values["visits"] = tuple(
        Followed(**{**visit, "voxels": tuple(visit["voxels"])})
        for visit in row["visits"]  # type: ignore[attr-defined]
    )
    return Form(**values)  # type: ignore[arg-type]
