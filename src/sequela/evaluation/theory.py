"""Theory against what is seen: bounds of the published propositions, the damping law, the text.

Source: Liang et al., arXiv:2309.11745, propositions 1 to 3 and figure 5. The damping law is ours:
a step keeps the share b of what was gained, measured from the baseline, so it goes towards
b / (1 - b) times the gain of one pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_choice
from sequela.diffusion import Backbone, NoiseSource, Schedule

_DEPTHS = (100, 300, 500, 700, 900)  # timesteps at which the text's likelihood is asked for

Moves = Float[np.ndarray, " step"]


def step_bound(
    schedule: Schedule, steps: int, *, largest: float, noise: float, form: str = "proof"
) -> Moves:
    """Proposition 2: what |x_n - x_(n-1)| is claimed to stay below, for steps 1 to `steps`.

    Args:
        schedule: Its alpha-bars at timesteps 0 and 1 are the proposition's alpha_0 and alpha_1.
        steps: How many.
        largest: C_1, an upper bound of |x_0|.
        noise: C_2, an upper bound of the noise prediction's norm.
        form: `printed`, with 1/alpha_0 - 1 as the statement has it, or `proof`, with
            1/sqrt(alpha_0) - 1 as its proof has it.
    """
    check_choice("form", form, ("printed", "proof"))
    first, second = (schedule.at(t)[0] ** 2 for t in (0, 1))
    drift = (1 / first if form == "printed" else first**-0.5) - 1
    turn = ((first - first * second) ** 0.5 - (second - first * second) ** 0.5) / second**0.5
    constant = drift * largest + abs(turn) * noise
    return np.asarray(first ** (np.arange(steps) / 2) * constant)


def way_bound(schedule: Schedule, steps: int, *, largest: float, noise: float) -> Moves:
    """Proposition 3: what |x_N - x_0| is claimed to stay below, the sum of the steps' bounds."""
    return np.cumsum(step_bound(schedule, steps, largest=largest, noise=noise))


def damping(steps: int, *, keep: float, gain: float) -> Moves:
    """|x_n - x_(n-1)| if every pass gained the same: keep^n times that gain."""
    return gain * keep ** np.arange(1, steps + 1)


@dataclass(frozen=True, kw_only=True)
class Decay:
    """A line through the logarithm of the steps: |x_n - x_(n-1)| = size x ratio^n.

    Attributes:
        ratio: What the next step is of this one; 1 does not settle.
        size: Of a step 0.
        unexplained: Share of the logarithm's variance that the line leaves.
    """

    ratio: float
    size: float
    unexplained: float


def fit_decay(moves: Moves) -> Decay:
    """Least squares on the logarithm of at least three steps, all above 0."""
    steps = np.arange(1, len(moves) + 1)
    logs = np.log(moves)
    slope, start = np.polyfit(steps, logs, 1)
    left = float(np.var(logs - start - slope * steps) / max(np.var(logs), 1e-12))
    return Decay(ratio=float(np.exp(slope)), size=float(np.exp(start)), unexplained=left)


@torch.inference_mode()
def text_evidence(
    backbone: Backbone,
    latents: Float[Tensor, "state latent h w"],
    text: str,
    reference: str,
    *,
    seed: int = 0,
) -> Float[np.ndarray, " state"]:
    """How much better the noise in each state is told under `text` than under `reference`.

    The mean squared error under `reference` minus that under `text`, over the former: a surrogate
    of log p(text | state), as in diffusion classifiers. All states see the same noise.

    Source: Li et al., "Your Diffusion Model is Secretly a Zero-Shot Classifier", ICCV 2023.
    """
    errors = denoising_errors(backbone, latents, (text, reference), depths=_DEPTHS, seed=seed)
    return np.asarray((errors[1] - errors[0]) / errors[1])


@torch.inference_mode()
def denoising_errors(
    backbone: Backbone,
    latents: Float[Tensor, "state latent h w"],
    texts: Sequence[str],
    *,
    depths: Sequence[int],
    seed: int = 0,
    sample: int = 0,
) -> Float[np.ndarray, "text state"]:
    """Mean squared error of the told noise under each text, summed over timesteps.

    Args:
        backbone: Who tells it.
        latents: Clean; all of them see the same noise.
        texts: As the text encoder reads them.
        depths: Timesteps.
        seed: Of the noise.
        sample: Its address beside the seed.
    """
    embedding = backbone.embed(list(texts))
    noise = NoiseSource(seed)
    errors = np.zeros((len(texts), len(latents)))
    for number, timestep in enumerate(depths):
        drawn = noise.normal(tuple(latents.shape[1:]), sample=sample, step=number, draw=0)
        drawn = drawn.to(latents)[None].expand_as(latents)
        noisy = backbone.schedule.add_noise(latents, drawn, timestep)
        for asked in range(len(texts)):
            words = embedding.select([asked] * len(latents))
            output = backbone.denoise(noisy, timestep, words)
            _, told = backbone.schedule.split(output, noisy, timestep)
            errors[asked] += (told - drawn).square().mean(dim=(1, 2, 3)).double().cpu().numpy()
    return errors


def paths(
    features: Mapping[str, Float[np.ndarray, "case state feature"]],
) -> dict[str, Float[np.ndarray, "case state axis"]]:
    """States of several methods on the first two principal axes of all of them.

    Each case is measured from its own first state, so that what differs between people is left out
    and what a method does to them is left.
    """
    moved = {name: values - values[:, :1] for name, values in features.items()}
    every = np.concatenate([values.reshape(-1, values.shape[-1]) for values in moved.values()])
    _, _, axes = np.linalg.svd(every - every.mean(axis=0), full_matrices=False)
    return {name: values @ axes[:2].T for name, values in moved.items()}
