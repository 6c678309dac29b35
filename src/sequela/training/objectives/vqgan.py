"""The vqgan objective: volumes to codes and back, judged by two critics.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.1, with the weights of its code.
Departs from it: the perceptual term takes the features of the slice critic, since VGG's weights are
foreign; both sides of the game share one optimiser and one clipping of the gradient.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sequela.nn.codebook import Quantised
from sequela.render import contact_sheet
from sequela.simulators.lungs.adversary import Critics
from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.store import save_codec
from sequela.training.lung_scans import LungScans, scans_of
from sequela.training.lung_settings import VqganNetwork
from sequela.training.recipe import Recipe

Volume = Float[Tensor, "batch 1 depth height width"]

_SHOWN = 6  # held-out scans on a sheet


class VqganLoss(nn.Module):
    """Codec and critics with their losses, so that one pass can be spread over processes."""

    def __init__(self, settings: VqganNetwork) -> None:
        super().__init__()
        self.settings = settings
        self.codec = VolumeCodec(settings.codec).checkpointed(is_on=settings.checkpointing)
        self.critics = Critics(
            width=settings.discriminator_width, layers=settings.discriminator_layers
        )

    def forward(
        self,
        volumes: Volume,
        weights: Volume,
        places: Int[Tensor, " batch"],
        is_judged: Float[Tensor, ""],
        is_bypassed: Bool[Tensor, " batch"] | None = None,
    ) -> dict[str, Tensor]:
        """All terms; those of the critics count where `is_judged` is 1."""
        made, quantised = self.codec(volumes, is_bypassed)
        made = made.float()
        terms = self._plain(volumes, made, weights, quantised)
        if is_judged > 0:
            terms |= self._judged(volumes, made, places)
        else:  # weights without any gradient would stop processes that share the work
            terms["idle"] = torch.stack([0 * p.sum() for p in self.critics.parameters()]).sum()
        figures = {name: value.detach() for name, value in terms.items() if name != "idle"}
        usage = quantised.perplexity.detach()
        return {"loss": torch.stack(list(terms.values())).sum(), **figures, "perplexity": usage}

    def _plain(
        self, volumes: Volume, made: Volume, weights: Volume, quantised: Quantised
    ) -> dict[str, Tensor]:
        error = (weights * (made - volumes).abs()).sum() / weights.sum()
        return {
            "absolute": self.settings.absolute * error,
            "commitment": self.settings.commitment * quantised.commitment,
        }

    def _judged(self, volumes: Volume, made: Volume, places: Tensor) -> dict[str, Tensor]:
        settings = self.settings
        on_slices = self.critics.judge_slices(volumes, made, places)
        on_volumes = self.critics.judge_volumes(volumes, made)
        seen = self.critics.perceptual(volumes, made, places)
        return {
            "critic_slice": on_slices["critic"],
            "critic_volume": on_volumes["critic"],
            "adversarial_slice": settings.adversarial_slice * on_slices["adversarial"],
            "adversarial_volume": settings.adversarial_volume * on_volumes["adversarial"],
            "matching": settings.matching * (on_slices["matching"] + on_volumes["matching"]),
            "perceptual_discriminator": settings.perceptual_discriminator * seen,
        }


class VqganObjective:
    """Trains the volume codec."""

    def __init__(self, recipe: Recipe, train: LungScans, held_out: LungScans) -> None:
        if not isinstance(recipe.network, VqganNetwork):
            raise TypeError("a vqgan objective needs a vqgan network section")
        self.recipe, self.settings = recipe, recipe.network
        self.train, self.held_out = train, held_out
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            self.networks = VqganLoss(self.settings)

    @classmethod
    def of(cls, recipe: Recipe, out: Path) -> "VqganObjective":
        """The objective of a recipe, its scans kept beside `out`."""
        return cls(recipe, *scans_of(recipe, out))

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Random crops of random scans, weights of their voxels, and a slice of each."""
        rows = torch.randint(len(self.train), (size,), generator=generator).tolist()
        crops = [self._crop(row, generator) for row in rows]
        volumes, weights = (torch.stack(parts)[:, None] for parts in zip(*crops, strict=True))
        places = torch.randint(volumes.shape[2], (size,), generator=generator)
        is_judged = torch.tensor(float(step >= self.settings.discriminator_from))
        is_bypassed = torch.rand(size, generator=generator) < self.settings.unquantised_share
        return self.networks.codec.to_model(volumes), weights, places, is_judged, is_bypassed

    def _crop(self, row: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """HU of a crop, and the weights of its voxels."""
        lung = self.train.lung(row)
        where = self._place(lung, generator)
        weights = 1 + (self.settings.lung_weight - 1) * lung[where].float()
        return self.train.volume(row)[where], weights

    def _place(
        self, lung: Bool[Tensor, "depth height width"], generator: torch.Generator
    ) -> tuple[slice, ...]:
        """Anywhere in the volume, or around some voxel of the lungs."""
        part = torch.tensor(self.settings.crop)
        free = torch.tensor(lung.shape) - part
        start = (torch.rand(3, generator=generator) * (free + 1)).long()
        voxels = lung.nonzero()
        if (
            len(voxels)
            and float(torch.rand((), generator=generator)) < self.settings.crops_at_lungs
        ):
            chosen = int(torch.randint(len(voxels), (), generator=generator))
            start = torch.minimum((voxels[chosen] - part // 2).clamp(min=0), free)
        stop = start + part
        return tuple(slice(a, b) for a, b in zip(start.tolist(), stop.tolist(), strict=True))

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Errors of whole held-out scans, codes in use, and a sheet of slices."""
        codec = averaged.codec.eval()
        rows = [history.first_row for history in self.held_out.histories]
        device = codec.codebook.codes.device
        errors, lungs, unquantised, used, shown = [], [], [], [], []
        for row in rows:
            real = codec.to_model(self.held_out.volume(row))[None, None].to(device)
            made, quantised = codec(real)
            error = (made - real)[0, 0].cpu() / 2  # of the window's width
            errors.append(float(error.square().mean()))
            lungs.append(float(error[self.held_out.lung(row)].square().mean()))
            before = (codec.decode(codec.encode(real)) - real)[0, 0].cpu() / 2
            unquantised.append(float(before[self.held_out.lung(row)].square().mean()))
            used.append(quantised.indices.flatten().cpu())
            shown.append((real[0, 0].cpu(), made[0, 0].clamp(-1, 1).cpu()))
        self._sheet(shown[:_SHOWN], folder / f"{step:06d}.png")
        counts = torch.bincount(torch.cat(used), minlength=self.settings.codes).double()
        shares = counts / counts.sum()
        return {
            "mse": float(np.mean(errors)),
            "psnr_db": float(-10 * np.log10(np.mean(errors))),
            "lung_mse": float(np.mean(lungs)),
            "lung_psnr_db": float(-10 * np.log10(np.mean(lungs))),
            "lung_psnr_unquantised_db": float(-10 * np.log10(np.mean(unquantised))),
            "codes_used": float((counts > 0).double().mean()),
            "perplexity": float(torch.special.entr(shares).sum().exp()),
        }

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the codec with its card; the critics stay behind."""
        card = {
            "name": self.recipe.name,
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_patients": len(self.train.histories),
                "training_scans": len(self.train),
                "held_out_patients": len(self.held_out.histories),
            },
            "steps": self.recipe.optimiser.steps,
            **self.recipe.card,
        }
        save_codec(averaged.codec, folder.with_suffix(".safetensors"), card)

    def _sheet(self, shown: list[tuple[Tensor, Tensor]], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures, labels = [], []
        for index, pair in enumerate(shown):
            for word, volume in zip(("real", "made"), pair, strict=True):
                middle = tuple(side // 2 for side in volume.shape)
                cuts = (volume[middle[0]], volume[:, middle[1]].flip(0))
                grey = [((cut + 1) * 127.5).round().to(torch.uint8).numpy() for cut in cuts]
                pictures.append(np.concatenate(grey, axis=0).repeat(2, 0).repeat(2, 1))
                labels.append(f"{word} {index}")
        contact_sheet(pictures, labels, path, columns=4)
