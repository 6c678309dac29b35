"""The transition objective: a reduced SEINE learns to draw the frames between known ones.

Each training window is a clip of which some frames are known. The network sees the noisy latents
of all frames, which frames are unknown, and the latents of the known ones, as when it is asked.

Source: Chen et al., "SEINE", arXiv:2310.20700, section 3.2 (random-mask video diffusion).
Departs from it: codec and text encoder are those of a small model; known frames are the mode of
the codec's posterior, not a sample of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from sequela.backbones.seine import SeineBackbone, SeineConfig, load_parts
from sequela.backbones.text import SingleClip
from sequela.checkpoints import find_model, save_transition
from sequela.core import InvalidInputError
from sequela.diffusion import linear_schedule
from sequela.imaging import channels_last
from sequela.nn.seine import SeineUnet
from sequela.render import contact_sheet
from sequela.simulators.transition.seine import SeineTransition
from sequela.simulators.transition.seine_frames import named_mask
from sequela.training.clips import Clip, read_clips
from sequela.training.data import step_generator, vary
from sequela.training.recipe import Recipe
from sequela.training.transition_settings import TransitionNetwork
from sequela.training.windows import ClipWindow, draw_window, least_frames, whole_window

_SHOWN = 4  # held-out clips that are drawn at each evaluation
_COLUMNS = 5  # frames of each on the sheet
_SHOWN_STEPS = 12  # denoising steps of these
_VARIED, _EVALUATED = 1 << 20, 1 << 21  # apart from the keys of the training steps
Latents = Float[Tensor, "variant frame latent h w"]


class TransitionLoss(nn.Module):
    """The video network with its loss, so that one forward pass can be spread over processes."""

    grey: Tensor

    def __init__(self, network: SeineUnet, grey: Float[Tensor, "latent h w"]) -> None:
        super().__init__()
        self.network = network
        self.schedule = linear_schedule(prediction=network.config.prediction)
        self.register_buffer("grey", grey.clone(), persistent=False)

    def forward(
        self,
        latents: Float[Tensor, "batch latent frame h w"],
        noise: Float[Tensor, "batch latent frame h w"],
        timesteps: Int[Tensor, " batch"],
        unknown: Float[Tensor, "batch frame"],
        tokens: Float[Tensor, "batch token text_width"],
    ) -> dict[str, Tensor]:
        """Mean squared error of what is predicted, over all frames as published."""
        alpha = self.schedule.alpha.to(latents)[timesteps].view(-1, 1, 1, 1, 1)
        sigma = self.schedule.sigma.to(latents)[timesteps].view(-1, 1, 1, 1, 1)
        noisy = alpha * latents + sigma * noise
        mask = unknown[:, None, :, None, None].expand(-1, 1, -1, *latents.shape[-2:])
        shown = torch.where(mask > 0, self.grey[None, :, None], latents)
        predicted = self.network(torch.cat([noisy, mask, shown], dim=1), timesteps.float(), tokens)
        is_noise = self.schedule.prediction == "epsilon"
        target = noise if is_noise else alpha * noise - sigma * latents
        return {"loss": (predicted - target).square().mean()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """A clip as the network sees it.

    Attributes:
        latents: Of the clip and its varied copies.
        text: Which of the objective's texts tells what happens in it.
    """

    latents: Latents
    text: int


class TransitionObjective:
    """Trains a transition network on clips."""

    def __init__(self, recipe: Recipe, clips: Iterable[Clip], held_out: Iterable[Clip]) -> None:
        if not isinstance(recipe.network, TransitionNetwork):
            raise TypeError("a transition objective needs a transition network section")
        self.recipe, self.settings = recipe, recipe.network
        for kind in self.settings.masks:
            named_mask(kind, self.settings.frames)  # refuses unknown kinds and too many
        cpu = torch.device("cpu")
        self.parts = load_parts(find_model(self.settings.codec), device=cpu, dtype=torch.float32)
        self.backbone = self._backbone()
        self.texts = [""]
        self.shown: list[Clip] = []
        self.train = [
            self._encoded(clip, i, self.settings.variants) for i, clip in enumerate(clips)
        ]
        shown_of_training, self.shown = self.shown, []
        self.held_out = [self._encoded(clip, i, 1) for i, clip in enumerate(held_out)]
        self.shown = self.shown or shown_of_training
        self.tokens = self.backbone.embed(self.texts)
        side = recipe.data.image_size
        grey = self.backbone.encode(torch.zeros(1, recipe.data.channels, side, side)).mean[0]
        self.networks = TransitionLoss(self.backbone.network, grey)

    @classmethod
    def of(cls, recipe: Recipe, data: Path) -> "TransitionObjective":
        """The objective of a recipe, its sets read from the folder `data`."""
        network = recipe.network
        if not isinstance(network, TransitionNetwork):
            raise TypeError("a transition objective needs a transition network section")
        if network.held_out in recipe.data.sets:
            raise InvalidInputError(
                f"`held_out` must not be one of the training sets, got {network.held_out!r}. "
                "Figures on what was learned by heart say nothing."
            )
        clips = (clip for name in recipe.data.sets for clip in read_clips(data / name, recipe.data))
        held_out = read_clips(data / network.held_out, recipe.data) if network.held_out else ()
        return cls(recipe, clips, held_out)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Windows of random clips: latents, noise, timesteps, what is unknown, words."""
        del step
        windows = [self._drawn(generator) for _ in range(size)]
        latents = torch.stack([latents for latents, *_ in windows]).transpose(1, 2)
        noise = torch.randn(latents.shape, generator=generator)
        timesteps = torch.randint(len(self.networks.schedule), (size,), generator=generator)
        unknown = torch.stack([unknown for _, unknown, _ in windows])
        return latents, noise, timesteps, unknown, self.tokens[[text for *_, text in windows]]

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """The loss at fixed noise, the error of drawn frames and of a cross-fade, and a sheet.

        Without a held-out set the figures are of the training clips, and their names say so.
        """
        device = averaged.grey.device
        losses = [
            float(averaged(*(x.to(device) for x in self._whole(clip, number)))["loss"])
            for number, clip in enumerate(self.held_out or self.train[: 4 * _SHOWN])
        ]
        self.parts.vae.to(device)
        backbone = replace(self.backbone, network=averaged.network, device=device)
        engine = SeineTransition(
            backbone=backbone, num_denoising_steps=_SHOWN_STEPS, guidance_scale=1.0
        )
        pairs = [self._beside(engine, clip) for clip in self.shown]
        self.parts.vae.cpu()
        self._sheet(pairs, folder / f"{step:06d}.png")
        suffix = "held_out" if self.held_out else "training_clips"
        fades = [(truth, _fade(truth)) for truth, _ in pairs]
        return {
            f"{suffix}_loss": float(np.mean(losses)),
            f"{suffix}_error": _error(pairs),
            f"{suffix}_error_of_crossfade": _error(fades),
        }

    def export(self, averaged: Any, folder: Path) -> None:
        """Write a folder that the transition `seine` loads."""
        card = {
            "name": self.recipe.name,
            "inputs": {
                "image_size": self.recipe.data.image_size,
                "channels": self.recipe.data.channels,
                "frames": self.settings.frames,
            },
            "codec": self.settings.codec,
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_clips": len(self.train),
                "held_out_clips": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            **self.recipe.card,
        }
        save_transition(averaged.network, self.parts, folder, card=card)

    def _backbone(self) -> SeineBackbone:
        vae, settings = self.parts.vae, self.settings
        if int(vae.config.in_channels) != self.recipe.data.channels:
            raise InvalidInputError(
                f"`channels` must be {int(vae.config.in_channels)} for the codec of "
                f"{settings.codec}, got {self.recipe.data.channels}."
            )
        latent = int(vae.config.latent_channels)
        config = SeineConfig(
            in_channels=2 * latent + 1,
            out_channels=latent,
            widths=settings.widths,
            depth=settings.depth,
            heads=settings.heads,
            text_width=int(self.parts.encoder.network.config.hidden_size),
            norm_groups=settings.norm_groups,
            frames=settings.frames,
            rotary_width=settings.rotary_width,
            prediction=settings.prediction,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.recipe.seed)  # inside the fork: the caller's state is left alone
            network = SeineUnet(config)
        return SeineBackbone(
            name=self.recipe.name,
            network=network,
            vae=vae,
            text=SingleClip(self.parts.encoder),
            schedule=linear_schedule(prediction=config.prediction),
            device=torch.device("cpu"),
            dtype=torch.float32,
            card={},
        )

    def _encoded(self, clip: Clip, number: int, variants: int) -> Encoded:
        least = max(least_frames(kind) for kind in self.settings.masks)
        if len(clip.frames) < least:
            raise InvalidInputError(
                f"`sets` must hold clips of at least {least} frames for these masks, but "
                f"{clip.name} has {len(clip.frames)}. Leave it out, or ask for other masks."
            )
        if len(self.shown) < _SHOWN:
            self.shown.append(clip)
        text = self.settings.text if clip.text is None else clip.text
        if text not in self.texts:
            self.texts.append(text)
        copies = [clip.frames]
        for copy in range(1, variants):
            generator = step_generator(self.recipe.seed, _VARIED, number, copy)
            together = clip.frames.flatten(0, 1)[None]  # all frames of a clip move alike
            copies.append(vary(together, self.recipe.data, generator).view_as(clip.frames))
        latents = torch.stack([self.backbone.encode(copy).mean for copy in copies])
        return Encoded(latents=latents, text=self.texts.index(text))

    def _drawn(self, generator: torch.Generator) -> tuple[Tensor, Tensor, int]:
        settings = self.settings
        which, variant, mask, turned, said = torch.rand(5, generator=generator).tolist()
        clip = self.train[int(which * len(self.train))]
        latents = clip.latents[int(variant * len(clip.latents))]
        kind = settings.masks[int(mask * len(settings.masks))]
        window = draw_window(
            len(latents), settings.frames, kind, held=settings.held, generator=generator
        )
        if turned < settings.reverse:
            latents = latents.flip(0)
        text = 0 if said < settings.text_dropout else clip.text
        return latents[window.frames], window.unknown, text

    def _whole(self, clip: Encoded, number: int) -> tuple[Tensor, ...]:
        """A clip's batch of one for the held-out loss: both ends known, noise fixed."""
        window: ClipWindow = whole_window(len(clip.latents[0]), self.settings.frames, "onelast1")
        latents = clip.latents[0][window.frames].transpose(0, 1)[None]
        generator = step_generator(self.recipe.seed, _EVALUATED, number)
        noise = torch.randn(latents.shape, generator=generator)
        timesteps = torch.randint(len(self.networks.schedule), (1,), generator=generator)
        return latents, noise, timesteps, window.unknown[None], self.tokens[[clip.text]]

    def _beside(self, engine: SeineTransition, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
        """A clip's true frames, and those drawn between its ends."""
        window = whole_window(len(clip.frames), self.settings.frames, "onelast1")
        truth = clip.frames[sorted(set(window.frames))].numpy()
        text = self.settings.text if clip.text is None else clip.text
        drawn = engine.clip(truth[0], truth[-1], frames=len(truth), text=text, seed=0)
        return truth, drawn

    def _sheet(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
        rows, labels = [], []
        for pair in pairs:
            for name, frames in zip(("true", "drawn"), pair, strict=True):
                for index in np.linspace(0, len(frames) - 1, _COLUMNS).round().astype(int):
                    shown = np.clip((frames[index] + 1) * 127.5, 0, 255).astype(np.uint8)
                    rows.append(channels_last(shown))
                    labels.append(f"{name} {index}")
        path.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(rows, labels, path, columns=_COLUMNS)


def _fade(truth: np.ndarray) -> np.ndarray:
    weights = np.linspace(0, 1, len(truth), dtype=np.float32)[:, None, None, None]
    return np.asarray(truth[0] + weights * (truth[-1] - truth[0]))


def _error(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean absolute error of the frames between the ends, on the scale from -1 to 1."""
    return float(np.mean([np.abs(drawn - truth)[1:-1].mean() for truth, drawn in pairs]))
