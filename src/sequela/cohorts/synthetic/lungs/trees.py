"""Branching trees in the lungs: arteries, veins and airways that taper by Murray's law.

A tree grows from the hilum by halving the set of places that it must reach, over and over. It is
shown as a cloud of small volumes, so thin vessels fill their true share of a thick voxel.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.lungs.solids import Triple

_MURRAY = 2.7  # flow goes with this power of the radius


@dataclass(frozen=True, kw_only=True, eq=False)
class Tree:
    """Straight pieces, each with its radius.

    Attributes:
        starts: Millimetres.
        ends: Millimetres.
        radii_mm: One a piece.
    """

    starts: Float[np.ndarray, "piece 3"]
    ends: Float[np.ndarray, "piece 3"]
    radii_mm: Float[np.ndarray, " piece"]

    def cloud(
        self, rng: np.random.Generator, *, grain_mm3: float = 2.0, grow_mm: float = 0.0
    ) -> tuple[Float[np.ndarray, "grain 3"], Float[np.ndarray, " grain"]]:
        """Points inside the pieces with the volume that each stands for.

        Args:
            rng: Source of the places within a piece.
            grain_mm3: Volume of one point, at most.
            grow_mm: Added to the radius: the wall of an airway.
        """
        along = self.ends - self.starts
        length = np.linalg.norm(along, axis=1)
        radius = self.radii_mm + grow_mm
        volume = np.pi * radius**2 * length
        count = np.maximum(np.ceil(volume / grain_mm3), np.ceil(length)).astype(int)
        piece = np.repeat(np.arange(len(count)), count)
        share, spoke, turn = rng.random((3, len(piece)))
        across, upwards = _frame(along / np.maximum(length, 1e-6)[:, None])
        far = radius[piece] * np.sqrt(spoke)
        places = self.starts[piece] + share[:, None] * along[piece]
        places += (far * np.cos(2 * np.pi * turn))[:, None] * across[piece]
        places += (far * np.sin(2 * np.pi * turn))[:, None] * upwards[piece]
        return places, (volume / count)[piece]


def grow_tree(root: Triple, targets: Float[np.ndarray, "target 3"], *, tip_mm: float) -> Tree:
    """A tree from `root` to all targets.

    Args:
        root: Millimetres.
        targets: Places to reach.
        tip_mm: Radius of the thinnest pieces.
    """
    pieces: list[tuple[np.ndarray, np.ndarray, int]] = []
    waiting = [(np.asarray(root, np.float64), targets)]
    while waiting:
        start, group = waiting.pop()
        middle = group.mean(0)
        if len(group) == 1:
            pieces.append((start, group[0], 1))
            continue
        axis = int(np.argmax(group.var(0)))
        order = np.argsort(group[:, axis])
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            # a bend: partly where all must go, partly where these must go
            end = start + 0.25 * (middle - start) + 0.3 * (group[half].mean(0) - start)
            pieces.append((start, end, len(half)))
            waiting.append((end, group[half]))
    starts, ends, counts = zip(*pieces, strict=True)
    radii = tip_mm * np.asarray(counts, np.float64) ** (1 / _MURRAY)
    return Tree(starts=np.stack(starts), ends=np.stack(ends), radii_mm=radii)


def joined(trees: list[Tree]) -> Tree:
    """Several trees as one."""
    return Tree(
        starts=np.concatenate([t.starts for t in trees]),
        ends=np.concatenate([t.ends for t in trees]),
        radii_mm=np.concatenate([t.radii_mm for t in trees]),
    )


def _frame(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across each direction."""
    helper = np.where(np.abs(along[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    across = np.cross(along, helper)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    return across, np.cross(along, across)
