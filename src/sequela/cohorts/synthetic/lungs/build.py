"""One patient's build: size, tilt, fat, heart, diaphragm, drawn once and the same on every grid."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.lungs.solids import At


@dataclass(frozen=True, kw_only=True, eq=False)
class Build:
    """How this patient's chest differs from the textbook's.

    Attributes:
        scale: Against the textbook, to the left, to the back, upwards.
        turn: Rotation matrix of a few degrees: nobody lies quite straight.
        shift_mm: Of the chest in the scanner.
        fat_mm: Under the skin.
        breast: Size, 0 for none.
        heart: Size against the textbook.
        domes_mm: Heights of the right and left diaphragm.
        dome_drop: How steeply the diaphragm falls to its edge.
        rib_phase: Of the ribs along the spine, [0, 1).
        squareness: Exponent of the chest's cross-section, 2 is an ellipse.
        gas: Place and size of the stomach's gas bubble in millimetres: left, back, up, radius.
    """

    scale: tuple[float, float, float]
    turn: Float[np.ndarray, "3 3"]
    shift_mm: Float[np.ndarray, " 3"]
    fat_mm: float
    breast: float
    heart: float
    domes_mm: tuple[float, float]
    dome_drop: float
    rib_phase: float
    squareness: float
    gas: tuple[float, float, float, float]

    def textbook(self, points: Float[np.ndarray, "*space 3"]) -> At:
        """Where LPS millimetres of the patient lie in the textbook's chest."""
        matrix = (self.turn / np.asarray(self.scale)[None]).astype(np.float32)
        moved = (points - self.shift_mm.astype(np.float32)) @ matrix
        x, y, z = np.moveaxis(moved, -1, 0)
        return np.ascontiguousarray(x), np.ascontiguousarray(y), np.ascontiguousarray(z)

    def patient(self, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 3"]:
        """The way back: LPS millimetres of points of the textbook's chest."""
        return np.asarray((points * np.asarray(self.scale)) @ self.turn.T + self.shift_mm)


def draw_build(rng: np.random.Generator, *, sex: str) -> Build:
    """A build that goes with the sex: women are smaller and have breasts."""
    size = rng.normal(0.95 if sex == "F" else 1.02, 0.03)
    wide, deep, high = size * rng.normal(1, (0.025, 0.04, 0.03))
    right = rng.normal(-50, 6)
    return Build(
        scale=(float(wide), float(deep), float(high)),
        turn=_small_turn(rng.normal(0, (0.02, 0.03, 0.03))),
        shift_mm=rng.normal(0, (3, 3, 4)),
        fat_mm=float(np.clip(rng.gamma(6, 2.4), 6, 26)),
        breast=float(rng.uniform(0.6, 1.2)) if sex == "F" else 0.0,
        heart=float(np.clip(rng.normal(1, 0.08), 0.8, 1.2)),
        domes_mm=(float(right), float(right - rng.normal(12, 5))),
        dome_drop=float(rng.uniform(48, 70)),
        rib_phase=float(rng.random()),
        squareness=float(rng.uniform(2.2, 2.7)),
        gas=(
            float(rng.normal(70, 10)),
            float(rng.normal(-35, 8)),
            float(right - rng.uniform(40, 55)),
            float(rng.uniform(8, 24)),
        ),
    )


def _small_turn(angles: np.ndarray) -> np.ndarray:
    """The rotation by small angles about the three axes."""
    a, b, c = angles
    skew = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    u, _, v = np.linalg.svd(np.eye(3) + skew)
    return np.asarray(u @ v)
