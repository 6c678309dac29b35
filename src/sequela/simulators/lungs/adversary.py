"""The two critics of stage 1 and what they say: one of slices, one of whole volumes."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call

from sequela.nn.patch_discriminator import PatchDiscriminator, hinge, matching, perceptual

Volume = Float[Tensor, "batch 1 depth height width"]


class Critics(nn.Module):
    """Discriminators of one random axial slice per volume, and of the volume."""

    def __init__(self, *, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.of_slices = PatchDiscriminator(dimensions=2, width=width, layers=layers)
        self.of_volumes = PatchDiscriminator(dimensions=3, width=width, layers=layers)

    def judge_slices(
        self, real: Volume, made: Volume, places: Int[Tensor, " batch"]
    ) -> dict[str, Float[Tensor, ""]]:
        """What the critic of slices says of slice `places[i]` of volume i."""
        return judge(self.of_slices, slices(real, places), slices(made, places))

    def judge_volumes(self, real: Volume, made: Volume) -> dict[str, Float[Tensor, ""]]:
        """What the critic of volumes says."""
        return judge(self.of_volumes, real, made)

    def perceptual(
        self, real: Volume, made: Volume, places: Int[Tensor, " batch"]
    ) -> Float[Tensor, ""]:
        """The distance of slices in the critic's features, which do not learn from it."""
        critic = self.of_slices
        _, wanted = critic(slices(real, places))
        _, found = _frozen(critic, slices(made, places))
        return perceptual(wanted, found)


def judge(
    critic: PatchDiscriminator,
    real: Float[Tensor, "batch 1 *space"],
    made: Float[Tensor, "batch 1 *space"],
) -> dict[str, Float[Tensor, ""]]:
    """The critic's loss, and what `made` loses by its score and by its features.

    One backward pass serves both sides: the critic learns from a detached `made`, and `made`
    from a critic with frozen weights.
    """
    real_scores, wanted = critic(real)
    made_scores, _ = critic(made.detach())
    scores, found = _frozen(critic, made)
    return {
        "critic": hinge(real_scores, made_scores),
        "adversarial": -scores.mean(),
        "matching": matching(wanted, found),
    }


def slices(volumes: Volume, places: Int[Tensor, " batch"]) -> Float[Tensor, "batch 1 height width"]:
    """One axial slice of each volume."""
    rows = torch.arange(len(volumes), device=volumes.device)
    return volumes[rows, :, places]


def _frozen(
    critic: nn.Module, images: Float[Tensor, "batch 1 *space"]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    weights = {name: p.detach() for name, p in critic.named_parameters()}
    scores, features = functional_call(critic, weights, (images,))
    return scores, features
