"""Subjects: which images a protocol's domain is tried on, and whom its averages are made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sequela.cohorts import Example, load_cohorts
from sequela.core import InvalidInputError
from sequela.evaluation.protocol import DomainTask


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """The images of one domain's task.

    Attributes:
        tried: Held-out images without finding.
        healthy: Training images without finding.
        ill: Training images with the disease.
        real: Held-out images with it: what an edit should come to look like.
    """

    tried: tuple[Example, ...]
    healthy: tuple[Example, ...]
    ill: tuple[Example, ...]
    real: tuple[Example, ...]


def subjects_of(task: DomainTask, data: Path) -> Subjects:
    """Read the tables and choose.

    Raises:
        InvalidInputError: The split holds no image to start from.
    """
    examples = [e for e in load_cohorts(task.sets, data) if not task.views or e.view in task.views]
    held_out = [e for e in examples if e.split == task.split]
    train = [e for e in examples if e.split == "train"]
    tried = [e for e in held_out if _is_healthy(e)]
    tried = (_one_each(tried) if task.one_a_patient else tried)[: task.images]
    disease = (task.ill or task.target).split("|")
    if not tried:
        raise InvalidInputError(
            f"`sets` of {task.name} must hold an image without finding in the {task.split} split, "
            "got none. Choose other sets or views."
        )
    return Subjects(
        tried=tuple(tried),
        healthy=tuple(_one_each([e for e in train if _is_healthy(e)])[: task.others]),
        ill=tuple(_one_each([e for e in train if _has(e, disease)])[: task.others]),
        real=tuple(e for e in held_out if _has(e, disease)),
    )


def _is_healthy(example: Example) -> bool:
    return example.findings == () and not example.open_findings


def _has(example: Example, disease: Sequence[str]) -> bool:
    return bool(set(disease) & set(example.findings or ()))


def _one_each(examples: Sequence[Example]) -> list[Example]:
    """The first image of each patient, in the order of the tables."""
    return list({e.patient: e for e in reversed(examples)}.values())[::-1]
