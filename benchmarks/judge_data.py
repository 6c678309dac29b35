"""Films for the judge: reading, augmenting, mixing."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float
from judge import SIZE, TARGETS
from torch import Tensor

from sequela.cohorts.chest import cxr_nih
from sequela.imaging.fit import Fit, channels_first, to_model_range
from sequela.io import read_scan


@dataclass(frozen=True, kw_only=True)
class Films:
    """The films of one split: images [N, 1, 128, 128], targets [N, F], patients and views."""

    images: Tensor
    targets: Tensor
    patients: np.ndarray
    views: np.ndarray


def load_split(data: Path, split: str) -> Films:
    """All films of one split with their findings."""
    with (data / "cxr_nih" / "labels.csv").open(newline="", encoding="utf-8") as stream:
        views = {Path(row["file"]).name: row["view"] for row in csv.DictReader(stream)}
    examples = [e for e in cxr_nih(data) if e.split == split]
    targets = [[float(name in (e.findings or ())) for name in TARGETS] for e in examples]
    return Films(
        images=torch.from_numpy(np.stack([read_film(e.path) for e in examples])),
        targets=torch.tensor(targets),
        patients=np.array([e.patient for e in examples]),
        views=np.array([views[e.path.name] for e in examples]),
    )


def read_film(path: Path) -> Float[np.ndarray, "1 128 128"]:
    """One film in [-1, 1] in the judge's square."""
    scan = read_scan(path)
    shown = to_model_range(scan.array, scan.window)
    return Fit.of((scan.space[0], scan.space[1]), SIZE).forward(channels_first(shown)).clip(-1, 1)


def augmented(images: Tensor, draw: torch.Generator) -> Tensor:
    """Small turns, shifts, zooms and changes of contrast; never mirrored, the heart has a side."""

    def spread(scale: float) -> Tensor:
        return (2 * torch.rand(len(images), generator=draw) - 1) * scale

    angle, zoom = spread(0.14), torch.exp(spread(0.12))
    rows = [torch.cos(angle) * zoom, -torch.sin(angle) * zoom, spread(0.1)]
    rows += [torch.sin(angle) * zoom, torch.cos(angle) * zoom, spread(0.1)]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    gamma = torch.exp(spread(0.3)).view(-1, 1, 1, 1)
    return 2 * ((moved.clamp(-1, 1) + 1) / 2) ** gamma - 1


def mixed(images: Tensor, targets: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each film with up to half of another, and its targets likewise."""
    share = 0.5 * torch.rand(len(images), generator=draw) ** 2
    other = torch.randperm(len(images), generator=draw)
    images = torch.lerp(images, images[other], share.view(-1, 1, 1, 1))
    return images, torch.lerp(targets, targets[other], share.view(-1, 1))


def is_ill(films: Films) -> Bool[np.ndarray, " film"]:
    """Which films are labelled pneumonia."""
    return films.targets[:, 0].numpy() > 0.5
