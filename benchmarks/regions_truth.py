"""Images whose truth is known: drawn lesions, retinas and optic discs on real backgrounds."""

import numpy as np
from scipy import ndimage

from sequela.conditioning.regions import find_fundus
from sequela.conditioning.regions.fundus import DISC_RADIUS
from sequela.conditioning.regions.lesion import find_lesion
from sequela.conditioning.regions.parts import grown
from sequela.core import Scan, Source, Window
from sequela.imaging import resize

SIDE = 320


def photograph(array: np.ndarray, name: str) -> Scan:
    """An array in [0, 1] as a colour scan."""
    return Scan(
        array=np.round(np.clip(array, 0, 1) * 255).astype(np.uint8),
        modality="photo",
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name=name, sha256=""),
    )


def real(scan: Scan) -> np.ndarray:
    """The scan in [0, 1], its longer side `SIDE`."""
    scale = SIDE / max(scan.plane)
    space = (round(scan.plane[0] * scale), round(scan.plane[1] * scale))
    return np.moveaxis(resize(np.moveaxis(scan.array / np.float32(255), -1, 0), space), 0, -1)


def bare_skin(scan: Scan) -> np.ndarray | None:
    """A corner of the photograph without lesion, mirrored to a whole square; None if too small."""
    lesion = find_lesion(scan)
    if lesion.doubt is not None or not lesion.seen.all():
        return None
    picture = real(scan)
    free = ~grown(lesion.mask, 0.08 * max(lesion.mask.shape))
    free = ndimage.zoom(free, np.array(picture.shape[:2]) / free.shape, order=0)
    side = round(0.33 * SIDE)
    corners = [
        (slice(None, side), slice(None, side)),
        (slice(None, side), slice(-side, None)),
        (slice(-side, None), slice(None, side)),
        (slice(-side, None), slice(-side, None)),
    ]
    bare = [corner for corner in corners if free[corner].all()]
    if not bare:
        return None
    rest = SIDE - side
    return np.pad(picture[bare[0]], ((0, rest), (0, rest), (0, 0)), mode="symmetric")


def blob(rng: np.random.Generator, radius: float, bumps: float) -> np.ndarray:
    """A star-shaped mask about a random place near the middle."""
    rows, columns = np.indices((SIDE, SIDE)) - SIDE / 2
    rows, columns = (axis - rng.uniform(-0.12, 0.12) * SIDE for axis in (rows, columns))
    angle, off = np.arctan2(rows, columns), np.hypot(rows, columns)
    border = np.ones_like(off)
    for turn in range(2, 7):
        border += bumps * rng.normal() / turn * np.cos(turn * angle + rng.uniform(0, 2 * np.pi))
    return off < radius * np.clip(border, 0.4, 1.8)


def noise(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Smooth noise of spread 1."""
    values = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), sigma)
    return values / values.std()


def drawn_lesion(skin: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The skin with a lesion, hairs and sometimes a dark surround; and the lesion's mask."""
    truth = blob(rng, rng.uniform(0.09, 0.3) * SIDE, rng.uniform(0.1, 0.5))
    edge = ndimage.gaussian_filter(truth.astype(float), rng.uniform(1, 6))[..., None]
    # Absorption by melanin and blood: blue and green suffer more than red.
    depth = rng.uniform(0.12, 0.9) * (1 + 0.3 * noise(rng, rng.uniform(3, 20)))[..., None]
    absorbed = depth * np.array([rng.uniform(0.3, 0.9), 1.0, rng.uniform(0.8, 1.3)])
    picture = skin * np.exp(-edge * np.clip(absorbed, 0.05, None))
    for _ in range(rng.integers(0, 12)):
        picture = _with_hair(picture, rng)
    if rng.random() < 0.25:
        rows, columns = np.indices((SIDE, SIDE)) - SIDE / 2
        radius = rng.uniform(0.55, 0.65) * SIDE
        picture = picture * (1 / (1 + np.exp((np.hypot(rows, columns) - radius) / 3)))[..., None]
    return picture + 0.01 * rng.standard_normal(picture.shape), truth


def _with_hair(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    start, end, bend = rng.uniform(0, SIDE, (3, 2))
    share = np.linspace(0, 1, 3 * SIDE)[:, None]
    path = (1 - share) ** 2 * start + 2 * share * (1 - share) * bend + share**2 * end
    line = np.zeros((SIDE, SIDE), dtype=bool)
    rows, columns = path.astype(int).clip(0, SIDE - 1).T
    line[rows, columns] = True
    thick = ndimage.gaussian_filter(line.astype(float), rng.uniform(0.6, 1.4))
    return picture * (1 - 0.7 * np.clip(thick / thick.max(), 0, 1))[..., None]


def framed_retina(scan: Scan, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a real retina in a drawn round frame, and the frame's mask."""
    picture = real(scan)
    height, width = picture.shape[:2]
    inner = picture[height // 5 : -height // 5, width // 5 : -width // 5]
    full = np.moveaxis(resize(np.moveaxis(inner, -1, 0), (SIDE, SIDE)), 0, -1)
    rows, columns = np.indices((SIDE, SIDE)) - SIDE / 2
    radius = rng.uniform(0.38, 0.55) * SIDE
    shift = rng.uniform(-0.04, 0.04, 2) * SIDE
    truth = np.hypot(rows - shift[0], columns - shift[1]) < radius
    if rng.random() < 0.5:
        truth &= np.abs(rows - shift[0]) < rng.uniform(0.8, 0.95) * radius
    edge = ndimage.gaussian_filter(truth.astype(float), rng.uniform(0.5, 2.5))[..., None]
    return full * edge + 0.008 * np.abs(rng.standard_normal(full.shape)), truth


def drawn_disc(
    scan: Scan, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float, float]] | None:
    """A real retina whose disc was painted over, with a drawn one; row, column, radius of that."""
    fundus = find_fundus(scan)
    if fundus.disc is None or fundus.doubt is not None:
        return None
    picture = real(scan)
    height, width = picture.shape[:2]
    scale = height / scan.plane[0]
    rows, columns = np.indices((height, width))
    own = np.hypot(rows - fundus.disc.row * scale, columns - fundus.disc.column * scale)
    cover = 1 / (1 + np.exp((own - 2.0 * fundus.disc.radius * scale) / 3))
    ring = (own > 2.2 * fundus.disc.radius * scale) & (own < 3 * fundus.disc.radius * scale)
    mirrored = picture[:, ::-1]
    match = (picture[ring].mean(0) + 0.01) / (mirrored[ring].mean(0) + 0.01)
    bare = picture * (1 - cover)[..., None] + mirrored * match * cover[..., None]
    full = fundus.disc.radius * scale / DISC_RADIUS  # the retina's radius
    radius = rng.uniform(0.11, 0.16) * full
    row = height / 2 + rng.uniform(-0.15, 0.15) * full
    column = width / 2 + rng.choice([-1, 1]) * rng.uniform(0.35, 0.65) * full
    off = np.hypot((rows - row) * rng.uniform(0.88, 1.0), columns - column) / radius
    angle = np.arctan2(rows - row, columns - column)
    gain = rng.uniform(0.35, 1.0) / (1 + np.exp((off - 1) / 0.08))
    cup = 0.3 / (1 + np.exp((off - rng.uniform(0.3, 0.6)) / 0.08))
    # A disc is about as bright as the rest of the retina at its brightest, however dark around it.
    light = np.maximum(
        ndimage.gaussian_filter(bare, (radius, radius, 0)),
        np.percentile(bare[bare.max(-1) > 0.1], 70, axis=0),
    )
    lit = bare + light * (gain * (1 + cup))[..., None] * np.array([0.7, 1.1, 1.0])
    vessels = np.zeros((height, width))
    for lean in (-1.9, -1.3, 1.25, 1.85):
        bent = lean + 0.25 * rng.normal() + 0.1 * off * rng.normal()
        turned = np.angle(np.exp(1j * (angle - bent)))
        vessels += np.exp(-0.5 * (turned * off * radius / 1.6) ** 2) * (np.abs(turned) < 1.5)
    fade = np.exp(-((off / 4) ** 2)) * 0.45
    lit = lit * (1 - np.clip(vessels, 0, 1) * fade)[..., None]
    return lit, (row, column, radius)
