"""The judge: a small pneumonia classifier that scores edited films and never guides an edit.

It is trained by `judge_train.py` on real films only, apart from every generator, so that what it
says of a simulated film is a second opinion. It is kept out of the package on purpose: a score
that a generator could follow would say nothing about that generator.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sequela.core import CheckpointError, InvalidInputError
from sequela.nn.classifiers import ResidualBlock

SIZE = 128
FILE_NAME = "judge.safetensors"
TARGETS = ("Pneumonia", "Infiltration", "Effusion", "Atelectasis", "Edema", "Consolidation")


class Judge(nn.Module):
    """A residual network of about 0.5 million parameters; pneumonia first, then other findings.

    The other findings are only company in training: they tell the network more of what it looks at
    than one noisy label does.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 5, 2, 2, bias=False)
        widths = [width, width, 2 * width, 4 * width, 6 * width]
        self.blocks = nn.Sequential(
            *(ResidualBlock(low, high, stride=2) for low, high in pairwise(widths))
        )
        self.norm = nn.GroupNorm(8, widths[-1])
        self.head = nn.Linear(widths[-1], len(TARGETS))

    def forward(
        self, images: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch target"]:
        """Logits of all targets."""
        # By its own mean and spread: exposure differs between AP and PA, disease does not.
        spread, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        x = self.blocks(self.stem((images - mean) / (spread + 1e-3)))
        features = F.silu(self.norm(x)).mean((2, 3))
        return self.head(F.dropout(features, 0.3, self.training))


class Judges(nn.Module):
    """Several judges that differ by seed; their mean logit is the verdict."""

    def __init__(self, members: Sequence[Judge]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @torch.no_grad()
    def score(self, images: Float[Tensor, "batch 1 128 128"]) -> Float[Tensor, " batch"]:
        """Logits of pneumonia against no finding, higher is more like pneumonia.

        Args:
            images: Grey films in [-1, 1], fitted to the square of 128 px.
        """
        if images.shape[1:] != (1, SIZE, SIZE):
            raise InvalidInputError(
                f"`images` must be [N, 1, {SIZE}, {SIZE}], got {tuple(images.shape)}. "
                "Fit them to the square first."
            )
        self.eval()
        batches = images.split(32)  # an empty batch splits into itself
        rows = [torch.stack([m(batch)[:, 0] for m in self.members]).mean(0) for batch in batches]
        return torch.cat(rows)


def save_judge(judges: Judges, folder: Path, training: dict[str, object]) -> Path:
    """Write the weights with what they were trained on and how well they do."""
    folder.mkdir(parents=True, exist_ok=True)
    header = {"format": "pt", "members": str(len(judges.members)), "training": json.dumps(training)}
    save_file(
        {k: v.contiguous() for k, v in judges.state_dict().items()}, folder / FILE_NAME, header
    )
    return folder / FILE_NAME


def load_judge(folder: Path) -> Judges:
    """The judges saved in `folder`, strictly.

    Raises:
        CheckpointError: There are none; train them first.
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        raise CheckpointError(
            f"`folder` must hold {FILE_NAME}, got {folder}. Run benchmarks/judge_train.py first."
        )
    with safe_open(path, "pt") as stored:
        members = int(stored.metadata()["members"])
    judges = Judges([Judge() for _ in range(members)])
    judges.load_state_dict(load_file(path))
    return judges.eval()
