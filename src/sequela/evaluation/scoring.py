"""Scoring: a judge's and an identity embedding's word on every cell, one row of figures each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from sequela.checkpoints import (
    Classifier,
    TrainedEmbedder,
    find_network,
    load_classifier,
    load_embedder,
)
from sequela.cohorts import Example
from sequela.core import InvalidInputError
from sequela.evaluation.cells import SIDE, Cell
from sequela.evaluation.protocol import DomainTask
from sequela.evaluation.simulate import Made
from sequela.imaging import Fit, channels_first
from sequela.io import read_scan
from sequela.metrics.confidence import conf_seq, monotonicity
from sequela.metrics.identity import identity, region_box
from sequela.metrics.similarity import psnr, ssim
from sequela.render import to_display, viewing_size

Picture = UInt8[np.ndarray, "height width *channel"]
_ILL = 0.5  # calibrated probability from which on a state counts as ill


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """What is known of one cell.

    Attributes:
        made: The cell it is of.
        figures: By name; nan where a figure cannot be told.
        scores: The judge's calibrated probability of each state.
        likeness: SSIM of each state to the first.
        features: The judge's own features of each state.
    """

    made: Made
    figures: dict[str, float]
    scores: Float[np.ndarray, " state"]
    likeness: Float[np.ndarray, " state"]
    features: Float[np.ndarray, "state feature"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judges:
    """The networks that score one domain; none of them has guided an edit.

    Attributes:
        judge: Of the disease.
        embed: Of the person; None where the domain has none.
    """

    judge: Classifier
    embed: TrainedEmbedder | None

    @classmethod
    def of(cls, task: DomainTask) -> "Judges":
        """Load those that a task names.

        Raises:
            InvalidInputError: The judge is of another domain.
        """
        judge = load_classifier(find_network(task.judge))
        if judge.card["domain"] != task.name:
            raise InvalidInputError(
                f"`judge` must be of {task.name} images, got {task.judge}, a judge of "
                f"{judge.card['domain']} images. Name one of this domain."
            )
        embed = load_embedder(find_network(task.identity)) if task.identity else None
        return cls(judge=judge, embed=embed)

    def row(self, made: Made, cell: Cell) -> Row:
        """All figures of one cell."""
        card = self.judge.card
        seen = fitted(list(cell.states), card["image_size"], card["channels"])
        logits = self.judge.logits(seen)
        scores = self.judge.calibration(logits)
        states = [_scaled(state) for state in cell.states]
        likeness = np.array([1.0] + [ssim(states[0], s, data_range=255) for s in states[1:]])
        same = self._identity(cell)
        figures = {
            "conf_final": float(scores[-1]),
            **_order(scores[None]),
            "rise": float(logits[-1] - logits[0]),
            **same,
            "same_and_ill": same["identity_region"] * float(scores[-1] > _ILL),
            "ssim": float(likeness[-1]),
            "psnr_db": psnr(states[0], states[-1], data_range=255),
            "change": cell.figures["change"][-1],
            "outside": max(cell.figures["outside"]),
            "ghosting": cell.figures["ghosting"][0],
        }
        features = self.judge.features(seen)
        return Row(made=made, figures=figures, scores=scores, likeness=likeness, features=features)

    def features_of(self, examples: Sequence[Example]) -> Float[np.ndarray, "image feature"]:
        """The same of real images, read and shown as cells are."""
        card = self.judge.card
        shown = []
        for example in examples:
            scan = read_scan(example.path)
            shown.append(viewing_size(to_display(scan.array, scan.window), SIDE))
        return self.judge.features(fitted(shown, card["image_size"], card["channels"]))

    def _identity(self, cell: Cell) -> dict[str, float]:
        """Whether first and last state pass as one person, 0 or 1, and how alike they are."""
        if self.embed is None:
            return dict.fromkeys(("identity", "identity_region", "cosine", "cosine_region"), nan)
        embed, card = self.embed, self.embed.card

        def vectors(images: Float[np.ndarray, "image channel side side"]) -> np.ndarray:
            return embed(torch.from_numpy(images))

        rows, columns = region_box(cell.region.astype(np.float32))
        found = {}
        for name, kind, states in (
            ("", "whole", cell.states),
            ("_region", "region", cell.states[:, rows, columns]),
        ):
            pair = fitted([states[0], states[-1]], card["image_size"], card["channels"]).numpy()
            cosine = float(identity(vectors, pair[:1], pair[1:])[0])
            found[f"cosine{name}"] = cosine
            found[f"identity{name}"] = float(cosine >= embed.threshold(kind))
        return found


def _order(scores: Float[np.ndarray, "1 state"]) -> dict[str, float]:
    """Figures of the order of states; a single step has none."""
    if scores.shape[1] <= 2:
        return dict.fromkeys(("conf_seq", "conf_seq_literal", "monotonicity"), nan)
    return {
        "conf_seq": float(conf_seq(scores)[0]),
        "conf_seq_literal": float(conf_seq(scores, "literal")[0]),
        "monotonicity": float(monotonicity(scores)[0]),
    }


def fitted(images: Sequence[Picture], size: int, channels: int) -> torch.Tensor:
    """Pictures as networks read them: `[N, channels, size, size]` in [-1, 1]."""
    squares = []
    for image in images:
        scaled = _scaled(image) / np.float32(127.5) - 1
        if channels == 1:
            scaled = scaled.mean(axis=0, keepdims=True)
        square = Fit.of((image.shape[0], image.shape[1]), size).forward(scaled)
        squares.append(torch.from_numpy(square).expand(channels, -1, -1))
    return torch.stack(squares)


def _scaled(image: Picture) -> Float[np.ndarray, "channel height width"]:
    return channels_first(image).astype(np.float32)


def score_all(
    tasks: Sequence[DomainTask],
    made: Sequence[Made],
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Row], dict[str, Judges]]:
    """A row for each cell, in order, and the judges by domain."""
    judges = {task.name: Judges.of(task) for task in tasks}
    rows = []
    for count, one in enumerate(made, 1):
        rows.append(judges[one.task.name].row(one, one.read(folder)))
        if progress is not None:
            progress(count, len(made))
    return rows, judges
