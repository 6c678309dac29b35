"""The healthy chest of one patient on one grid, in HU, and its lung voxels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.lungs import anatomy
from sequela.cohorts.synthetic.lungs.build import Build
from sequela.cohorts.synthetic.lungs.solids import At, cover, egg, lay, post, tube
from sequela.cohorts.synthetic.lungs.texture import soft_noise
from sequela.cohorts.synthetic.lungs.trees import Tree, grow_tree, joined
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]
AIR_HU, FAT_HU, MUSCLE_HU, BLOOD_HU, LIVER_HU = -1000.0, -100.0, 45.0, 45.0, 58.0
_RIB_EVERY_MM, _RIB_FALL = 25.0, 0.55


@dataclass(frozen=True, kw_only=True, eq=False)
class Chest:
    """What a healthy chest shows.

    Attributes:
        hu: Noise-free volume.
        lungs: Voxels at least half inside the pleura.
        depth_mm: Of each lung voxel below ribs and diaphragm.
        at: Lung voxels in textbook millimetres.
    """

    hu: Volume
    lungs: Bool[np.ndarray, "depth height width"]
    depth_mm: Float[np.ndarray, " voxel"]
    at: Float[np.ndarray, "voxel 3"]


def draw_chest(rng: np.random.Generator, build: Build, grid: Grid) -> Chest:
    """The chest on a grid; vessels and lobes by the lot, the rest by the build."""
    at, blur = build.textbook(grid.points), blur_of(grid)
    pleura = anatomy.lungs(at, build)
    hu = _torso(at, build, blur)
    inside = pleura < 0
    points = np.stack([axis[inside] for axis in at], -1)
    air = np.full(hu.shape, -860.0, np.float32)
    air[inside] = _parenchyma(rng, points)
    air += _branches(rng, build, grid, points)
    lay(hu, air, cover(pleura, blur))
    lay(hu, -960.0, cover(tube(at, anatomy.TRACHEA, 8.5), blur))
    for path in anatomy.BRONCHI:
        lay(hu, -940.0, cover(tube(at, path, 5.5), blur))
    rim = np.maximum(anatomy.cavity(at, build), anatomy.diaphragm(at, build))[inside]
    return Chest(hu=hu, lungs=inside, depth_mm=-rim, at=points)


def blur_of(grid: Grid) -> float:
    """Width of a voxel, about: an in-plane step, more for thick slices."""
    d, h, w = grid.spacing_mm
    return float((h + w) / 2 * 0.75 + d * 0.25)


def _torso(at: At, build: Build, blur: float) -> Volume:
    """All but the lungs."""
    skin, cage = anatomy.body(at, build), anatomy.cavity(at, build)
    hu = np.full(at[0].shape, AIR_HU, np.float32)
    lay(hu, FAT_HU, cover(skin, blur))
    muscle = anatomy.cavity(at, build, grow=22.0)
    lay(hu, MUSCLE_HU, cover(muscle, blur))
    _lay_bones(hu, at, cage, build, blur)
    lay(hu, FAT_HU + 15, cover(cage + 2, blur))
    lay(hu, MUSCLE_HU - 15, cover(egg(at, (2, 6, 60), (27, 34, 84)), blur))
    lay(hu, BLOOD_HU, cover(anatomy.heart(at, build), blur))
    lay(hu, BLOOD_HU, cover(tube(at, anatomy.AORTA, 13), blur))
    for centre in anatomy.HILA:
        lay(hu, BLOOD_HU, cover(egg(at, centre, (11, 14, 17)), blur))
    _lay_abdomen(hu, at, cage, build, blur)
    _lay_spine(hu, at, blur)
    return hu


def _lay_abdomen(hu: Volume, at: At, cage: Volume, build: Build, blur: float) -> None:
    """Liver to the right, stomach and spleen in fat to the left."""
    below = np.maximum(cage + 3, -anatomy.diaphragm(at, build))
    liver = np.maximum(below, at[0] - 25 - 0.3 * at[1])
    lay(hu, FAT_HU + 70, cover(below, blur))
    lay(hu, LIVER_HU, cover(liver, blur))
    lay(hu, 48.0, cover(np.maximum(below, egg(at, (82, 44, -112), (36, 46, 52))), blur))
    x, y, z, radius = build.gas
    lay(hu, 30.0, cover(np.maximum(below, egg(at, (x - 12, y + 10, z - 14), (48, 44, 40))), blur))
    lay(hu, -880.0, cover(egg(at, (x, y, z), (1.5 * radius, radius, 0.8 * radius)), blur))


def _lay_bones(hu: Volume, at: At, cage: Volume, build: Build, blur: float) -> None:
    """Ribs that fall to the front, breastbone, shoulder blades."""
    x, y, z = at
    along = (z - _RIB_FALL * y) / np.float32(_RIB_EVERY_MM) + np.float32(build.rib_phase)
    beside = np.abs(along - np.rint(along)) * np.float32(_RIB_EVERY_MM)
    rib = np.maximum(np.abs(cage - 7.5) - 4.0, beside - 5.5)
    rib = np.maximum(rib, 24 - np.abs(x))
    lay(hu, 330.0, cover(rib, blur))
    breastbone = np.maximum(np.abs(cage - 8) - 5.5, np.maximum(np.abs(x) - 17, y))
    lay(hu, 180.0, cover(np.maximum(breastbone, -z - 70), blur))
    blade = np.maximum(np.abs(cage - 19 - 0.1 * z) - 2.5, egg(at, (98, 62, 40), (46, 46, 70)))
    mirrored = egg((-x, y, z), (98, 62, 40), (46, 46, 70))
    blade = np.minimum(blade, np.maximum(np.abs(cage - 19 - 0.1 * z) - 2.5, mirrored))
    lay(hu, 260.0, cover(blade, blur))


def _lay_spine(hu: Volume, at: At, blur: float) -> None:
    """Vertebrae with discs, arch and canal."""
    z = at[2]
    lay(hu, MUSCLE_HU, cover(post(at, (0, 102), (40, 28)), blur))
    disc = cover(np.abs(z / 24 - np.rint(z / 24)) * 24 - 3, blur)
    bone = cover(post(at, anatomy.SPINE, (18, 15)), blur)
    lay(hu, 210 - 120 * disc, bone)
    rim = np.abs(post(at, (0, 95), (15, 12))) - 2.5
    arch = np.minimum(rim, post(at, (0, 116), (4, 13)))
    arch = np.minimum(arch, post(at, (0, 93), (33, 5)))
    lay(hu, 290 - 220 * cover(9 - np.abs(z / 24 - np.rint(z / 24)) * 24, blur), cover(arch, blur))
    lay(hu, 25.0, cover(post(at, (0, 95), (9, 7)), blur))


def _parenchyma(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """HU of the lungs without vessels: heavier at the back, each lobe a little different."""
    hu = rng.normal(-868, 14) + 0.25 * points[:, 1] - 0.06 * points[:, 2]
    hu = hu + rng.normal(0, 9, len(anatomy.LOBES))[anatomy.lobes(tuple(points.T))]
    hu += 9 * soft_noise(rng, points, 26.0) + 8 * soft_noise(rng, points, 9.0)
    oblique, horizontal = anatomy.fissures(tuple(points.T))
    flat = (np.abs(horizontal) < 2.5) & (points[:, 0] < 0) & (oblique > 0)
    return np.asarray(hu + 45 * ((np.abs(oblique) < 2.5) | flat), np.float32)


def _branches(rng: np.random.Generator, build: Build, grid: Grid, points: np.ndarray) -> Volume:
    """What vessels and airways add to the lungs' HU."""
    vessels, airways = _trees(rng, points)
    blood = _splat(*vessels.cloud(rng), build, grid)
    wall = _splat(*airways.cloud(rng, grow_mm=1.0), build, grid)
    lumen = _splat(*airways.cloud(rng), build, grid)
    added = (BLOOD_HU + 868) * np.minimum(blood, 1)
    added += (BLOOD_HU + 868) * np.clip(wall - lumen, 0, 1) - 90 * np.minimum(lumen, 1)
    return np.asarray(added, np.float32)


def _trees(rng: np.random.Generator, points: np.ndarray) -> tuple[Tree, Tree]:
    """Arteries and veins of both lungs as one tree, airways as another."""
    vessels, airways = [], []
    for (x, y, z), side in zip(anatomy.HILA, (-1, 1), strict=True):
        lung = points[points[:, 0] * side > 0]
        for root, count in (((x, y - 8, z + 4), 420), ((x, y + 2, z - 12), 380)):
            targets = lung[rng.integers(len(lung), size=count)].astype(np.float64)
            vessels.append(grow_tree(root, targets, tip_mm=rng.uniform(0.52, 0.66)))
        targets = lung[rng.integers(len(lung), size=70)].astype(np.float64)
        airways.append(grow_tree((x, y + 4, z), targets, tip_mm=0.8))
    return joined(vessels), joined(airways)


def _splat(places: np.ndarray, volumes: np.ndarray, build: Build, grid: Grid) -> Volume:
    """Share of each voxel filled by a cloud of small volumes in textbook millimetres."""
    at = grid.indices_of(build.patient(places))
    low = np.floor(at).astype(int)
    part = (at - low).astype(np.float32)
    total = np.zeros(int(np.prod(grid.shape)), np.float64)
    for corner in np.ndindex(2, 2, 2):
        index = low + corner
        weight = np.prod(np.where(corner, part, 1 - part), axis=1) * volumes
        fits = ((index >= 0) & (index < grid.shape)).all(1)
        flat = np.ravel_multi_index(tuple(index[fits].T), grid.shape)
        total += np.bincount(flat, weight[fits], len(total))
    return np.asarray(total.reshape(grid.shape) / (1000 * grid.voxel_ml), np.float32)
