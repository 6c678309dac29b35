"""Scans as latents of a frozen codec, kept on disk, and the batches that a forecaster sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor

from sequela.core import hash_bytes
from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.engine import MARGIN
from sequela.simulators.lungs.grids import box_of, cells
from sequela.simulators.lungs.growth import dense_shares, growth_facts
from sequela.training.lung_scans import LungScans


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentScans:
    """Scans as latents, with the cells of the lungs and the facts of each patient.

    `targets` are the latents of what should be forecast for the scans' dates.
    """

    scans: LungScans
    latents: Float[Tensor, "scan channel d h w"]
    targets: Float[Tensor, "scan channel d h w"]
    inside: Bool[Tensor, "patient d h w"]
    facts: Float[Tensor, "patient fact"]

    @cached_property
    def shares(self) -> Float[Tensor, " scan"]:
        """How dense the lungs of each scan are."""
        made = [
            dense_shares(self.scans.volume(row)[None], self.scans.lung(row))
            for row in range(len(self.scans))
        ]
        return torch.cat(made)

    def measured(self, people: list[int], seen: list[list[bool]]) -> Float[Tensor, "batch 3"]:
        """What `growth_facts` tells of the given scans of each patient."""
        rows = []
        for person, known in zip(people, seen, strict=True):
            history = self.scans.histories[person]
            given_rows = [i for i, is_known in enumerate(known) if is_known]
            years = torch.tensor([history.years[i] for i in given_rows])
            shares = self.shares[[history.first_row + i for i in given_rows]]
            rows.append(growth_facts(shares, years))
        return torch.stack(rows)


class Crops(NamedTuple):
    """What voxels are compared in, one crop for each patient of a batch.

    Attributes:
        scans: The first and the newest given one, [-1, 1].
        targets: What came at the date asked for.
        lungs: 1 in the lungs, else 0.
        around: Latents of the first scan; they stay outside the lungs.
        inside: Cells of the lungs.
        corners: Where each crop begins among the cells of the batch.
        picks: Rows of the first scan, the newest given one and the one asked for.
    """

    scans: Float[Tensor, "batch 2 depth height width"]
    targets: Float[Tensor, "batch depth height width"]
    lungs: Float[Tensor, "batch depth height width"]
    around: Float[Tensor, "batch channel d h w"]
    inside: Bool[Tensor, "batch d h w"]
    corners: Int[Tensor, "batch 3"]
    picks: Int[Tensor, "batch 3"]


def latent_scans(
    scans: LungScans, codec: VolumeCodec, cache: Path, *, facts: Sequence[str], is_quantised: bool
) -> LatentScans:
    """Scans as latents of a codec.

    Args:
        scans: Of one side.
        codec: Stage 1.
        cache: File that keeps them, while scans and codec are the same.
        facts: Names of what is told of a patient.
        is_quantised: Whether codes are kept, or what lies before them.
    """
    latents = _cached(scans, codec, cache, is_quantised=is_quantised)
    targets = latents
    if scans.truths is not None:
        clean = cache.with_stem(f"{cache.stem}-clean")
        targets = _cached(scans.targets, codec, clean, is_quantised=is_quantised)
    return LatentScans(
        scans=scans,
        latents=latents,
        targets=targets,
        inside=cells(torch.from_numpy(scans.lungs.astype(bool)), codec.config.factor),
        facts=torch.tensor([[h.facts[name] for name in facts] for h in scans.histories]),
    )


def _cached(
    scans: LungScans, codec: VolumeCodec, cache: Path, *, is_quantised: bool
) -> Float[Tensor, "scan channel d h w"]:
    key = hash_bytes(
        repr((scans.identity, is_quantised)).encode()
        + b"".join(v.detach().numpy().tobytes() for v in codec.state_dict().values())
    )
    stored = load_file(cache) if cache.exists() else {}
    if key not in stored:
        cache.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            _encoded(codec, scans.volume(row), is_quantised=is_quantised)
            for row in range(len(scans))
        ]
        stored = {key: torch.cat(rows).contiguous()}  # codes come channels last
        save_file(stored, cache)
    return stored[key]


@torch.no_grad()
def _encoded(
    codec: VolumeCodec, volume: Float[Tensor, "depth height width"], *, is_quantised: bool
) -> Float[Tensor, "1 channel d h w"]:
    latents = codec.encode(codec.to_model(volume)[None, None])
    return codec.codebook.look_up(codec.codebook.indices(latents)) if is_quantised else latents


def given(mode: str, scans: int, share: float) -> list[bool]:
    """Which of so many scans a mode gives; `share` in [0, 1) chooses how many for `beginning`."""
    count = {
        "extrapolation": 2,
        "baseline": 1,
        "beginning": 1 + int(share * max(1, scans - 1)),
        "reconstruction": scans,
        "interpolation": 1,
    }[mode]
    is_last = mode == "interpolation"
    return [i < count or (is_last and i == scans - 1) for i in range(scans)]


def collate(side: LatentScans, people: list[int], seen: list[list[bool]]) -> tuple[Tensor, ...]:
    """Latents, targets, seen, real, years, lungs and facts, padded to the most scans.

    Only the box that holds all lungs of the patients is kept, with the engine's margin.
    """
    histories = [side.scans.histories[p] for p in people]
    longest = max(len(h.years) for h in histories)
    inside = side.inside[people]
    box = box_of(inside, margin=MARGIN)
    inside = inside[(..., *box)]
    channels = side.latents.shape[1]
    latents = side.latents.new_zeros(len(people), longest, channels, *inside.shape[1:])
    targets = torch.zeros_like(latents)
    is_seen = torch.zeros(len(people), longest, dtype=torch.bool)
    is_real, years = is_seen.clone(), torch.zeros(len(people), longest)
    for index, (history, known) in enumerate(zip(histories, seen, strict=True)):
        count = len(history.years)
        for kept, held in ((latents, side.latents), (targets, side.targets)):
            rows = held[list(history.rows)]
            kept[index, :count] = rows[(..., *box)] * inside[index]
        is_seen[index, :count] = torch.tensor(known)
        is_real[index, :count] = True
        years[index, :count] = torch.tensor(history.years)
    return latents, targets, is_seen, is_real, years, inside, side.facts[people]


def crops_of(  # whose, which, how large
    side: LatentScans,
    codec: VolumeCodec,
    people: list[int],
    seen: list[list[bool]],
    size: tuple[int, ...],
    generator: torch.Generator,
) -> Crops:
    """A crop of each patient around a random cell of the lungs, at a random date not given.

    Args:
        side: Of all patients.
        codec: Whose window and cells count.
        people: Of the batch, as `collate` gets them.
        seen: Which of their scans are given.
        size: Cells of a crop; less where the lungs' box is smaller.
        generator: Of the draw.
    """
    box = box_of(side.inside[people], margin=MARGIN)
    sides = [min(n, part.stop - part.start) for n, part in zip(size, box, strict=True)]
    low = torch.tensor([part.start for part in box])
    high = torch.tensor([part.stop for part in box]) - torch.tensor(sides)
    rows = []
    for person, known in zip(people, seen, strict=True):
        lung_cells = side.inside[person].nonzero()
        middle = lung_cells[int(torch.randint(len(lung_cells), (), generator=generator))]
        corner = torch.minimum(torch.maximum(middle - torch.tensor(sides) // 2, low), high)
        newest = max(i for i, is_known in enumerate(known) if is_known)
        asked = [i for i, is_known in enumerate(known) if not is_known] or [newest]
        pick = asked[int(torch.randint(len(asked), (), generator=generator))]
        here = tuple(slice(a, a + n) for a, n in zip(corner.tolist(), sides, strict=True))
        crop = _crop(side, codec, person, here, (0, newest, pick))
        rows.append(crop._replace(corners=corner - low))
    return Crops(*(torch.stack(parts) for parts in zip(*rows, strict=True)))


def _crop(
    side: LatentScans,
    codec: VolumeCodec,
    person: int,
    here: tuple[slice, ...],
    picks: tuple[int, int, int],
) -> Crops:
    """One patient's crop."""
    first, factor = side.scans.histories[person].first_row, codec.config.factor
    where = tuple(slice(factor * part.start, factor * part.stop) for part in here)
    shown = [side.scans.volume(first + pick)[where] for pick in picks[:2]]
    return Crops(
        scans=codec.to_model(torch.stack(shown)),
        targets=codec.to_model(side.scans.target(first + picks[2])[where]),
        lungs=side.scans.lung(first)[where].float(),
        around=side.latents[first][:, here[0], here[1], here[2]],
        inside=side.inside[person][here],
        corners=torch.zeros(3, dtype=torch.int64),
        picks=torch.tensor(picks),
    )
