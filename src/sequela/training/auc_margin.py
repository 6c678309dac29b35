"""The AUC margin loss and PESG, the optimiser of its saddle point.

The square loss of all pairs (ill, healthy) is the variance of the scores within each class plus the
squared distance of the classes' means from a margin; the last term is written with a dual variable,
so that each step needs only a batch. PESG goes down in the weights and in the two means, up in the
dual variable, and is held near the average weights of the last stretch.

Source: Yuan et al., "Large-scale Robust Deep AUC Maximization", ICCV 2021, arXiv:2012.03173,
equation (6); Guo et al., "Fast Objective & Duality Gap Convergence for NCSC Min-Max",
arXiv:2006.06889.
"""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sequela.core.checks import check_positive


class AUCMarginLoss(nn.Module):
    """Loss of scores in [0, 1] against classes; minimise in all but `dual`, maximise in `dual`."""

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        check_positive("margin", margin)
        self.margin = margin
        self.mean_ill = nn.Parameter(torch.zeros(()))
        self.mean_healthy = nn.Parameter(torch.zeros(()))
        self.dual = nn.Parameter(torch.zeros(()))

    def forward(
        self, scores: Float[Tensor, " batch"], ill: Bool[Tensor, " batch"]
    ) -> Float[Tensor, ""]:
        """The saddle function; a batch without one of the classes leaves out that class's terms."""
        loss = 2 * self.dual * self.margin - self.dual.square()
        if ill.any():
            up = scores[ill]
            loss = loss + (up - self.mean_ill).square().mean() - 2 * self.dual * up.mean()
        if (~ill).any():
            down = scores[~ill]
            loss = loss + (down - self.mean_healthy).square().mean() + 2 * self.dual * down.mean()
        return loss


class PESG(torch.optim.Optimizer):
    """Proximal epoch stochastic gradient: descent, ascent in the dual, a pull towards a reference.

    Args:
        parameters: What descends; those of `duals` ascend and are kept at 0 or above.
        duals: Dual variables of the loss.
        lr: Step size; 0.01 in the published recipe.
        weight_decay: Pull towards zero.
        reference_decay: Pull towards the average weights of the last stretch (`epoch_decay`).
        stretch: Steps after which that average is renewed.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        duals: Iterable[nn.Parameter],
        *,
        lr: float = 0.01,
        weight_decay: float = 1e-5,
        reference_decay: float = 2e-3,
        stretch: int = 100,
    ) -> None:
        check_positive("lr", lr)
        fixed = {"weight_decay": weight_decay, "reference_decay": reference_decay}
        groups: list[dict[str, Any]] = [
            {"params": list(parameters), "rises": False},
            {"params": list(duals), "rises": True},
        ]
        super().__init__(groups, {"lr": lr, "stretch": stretch, **fixed})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # no closure is needed
        """One step from the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if group["rises"]:
                    parameter.add_(parameter.grad, alpha=group["lr"]).clamp_(min=0)
                else:
                    self._descend(parameter, group)

    def _descend(self, parameter: nn.Parameter, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["reference"] = parameter.detach().clone()
            state["sum"] = torch.zeros_like(parameter)
            state["steps"] = torch.zeros(())
        direction = parameter.grad + group["weight_decay"] * parameter
        direction = direction + group["reference_decay"] * (parameter - state["reference"])
        parameter.add_(direction, alpha=-group["lr"])
        state["sum"].add_(parameter)
        state["steps"] += 1
        if int(state["steps"]) == group["stretch"]:
            state["reference"] = state["sum"] / group["stretch"]
            state["sum"] = torch.zeros_like(parameter)
            state["steps"].zero_()
