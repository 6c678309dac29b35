"""Methods: what an entrant of a protocol can be, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from sequela.core import Condition, Scan, State
from sequela.simulators import baselines
from sequela.simulators.baselines import Task
from sequela.simulators.editing import ProgressiveEditor

States = tuple[State, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Company:
    """What some methods need beside the task.

    Attributes:
        direction: From healthy to ill in latent space, of the training split.
        ill: Training images with the target finding.
        others: Names of the domain's other findings.
        progressive: States of progressive editing with the entrant's own settings, made once.
    """

    direction: Callable[[], Tensor]
    ill: Callable[[], Sequence[Scan]]
    others: Sequence[str]
    progressive: Callable[[], States]


Method = Callable[[ProgressiveEditor, Task, Company], States]


def _style(editor: ProgressiveEditor, task: Task, company: Company) -> States:
    return baselines.style(editor, task, company.direction())


def _crossfade(editor: ProgressiveEditor, task: Task, company: Company) -> States:
    ill = company.ill()
    chosen = int(np.random.default_rng([task.seed, 2]).integers(len(ill)))
    return baselines.crossfade(editor, task, ill[chosen])


def _reference_prompt(editor: ProgressiveEditor, task: Task, company: Company) -> States:
    return _towards(editor, task, company, editor.vocabulary.reference)


def _shuffled_finding(editor: ProgressiveEditor, task: Task, company: Company) -> States:
    chosen = np.random.default_rng([task.seed, 3]).integers(len(company.others))
    return _towards(editor, task, company, company.others[int(chosen)])


def _towards(editor: ProgressiveEditor, task: Task, company: Company, finding: str) -> States:
    """An edit towards another finding, of the same size."""
    asked = Condition(findings=(editor.vocabulary.finding(finding),))
    made = baselines.progressive(editor, replace(task, condition=asked))
    return baselines.same_size(task, made, company.progressive())


METHODS: dict[str, Method] = {
    "progressive-editing": lambda _editor, _task, company: company.progressive(),
    "one-step": lambda editor, task, _: baselines.one_step(editor, task),
    "walk": lambda editor, task, _: baselines.walk(editor, task),
    "style": _style,
    "persistence": lambda editor, task, _: baselines.persistence(editor, task),
    "crossfade": _crossfade,
    "reference-prompt": _reference_prompt,
    "shuffled-finding": _shuffled_finding,
    "noise": lambda editor, task, company: baselines.noise(editor, task, company.progressive()),
    "brightness": lambda editor, task, company: baselines.brightness(
        editor, task, company.progressive()
    ),
}
"""Controls take the size of each step from progressive editing with the same settings."""
