"""Known answers of the AUC margin loss and its optimiser."""

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError
from sequela.training.auc_margin import PESG, AUCMarginLoss

SCORES = torch.tensor([0.9, 0.5, 0.7, 0.2, 0.4])
ILL = torch.tensor([True, True, False, False, False])


def test_at_its_saddle_point_the_loss_is_variance_plus_squared_margin_gap():
    loss = AUCMarginLoss(margin=1.0)
    up, down = SCORES[ILL], SCORES[~ILL]
    gap = 1.0 + down.mean() - up.mean()
    with torch.no_grad():
        loss.mean_ill.copy_(up.mean())
        loss.mean_healthy.copy_(down.mean())
        loss.dual.copy_(gap)
    value = loss(SCORES, ILL)
    wanted = up.var(correction=0) + down.var(correction=0) + gap**2
    assert float(value.detach()) == pytest.approx(float(wanted), abs=1e-6)
    value.backward()
    slopes = [loss.mean_ill.grad, loss.mean_healthy.grad, loss.dual.grad]
    assert [float(s) for s in slopes] == pytest.approx([0, 0, 0], abs=1e-6)


def test_pesg_finds_the_saddle_point():
    loss = AUCMarginLoss()
    optimiser = PESG([loss.mean_ill, loss.mean_healthy], [loss.dual], lr=0.05, reference_decay=0)
    for _ in range(400):
        optimiser.zero_grad()
        loss(SCORES, ILL).backward()
        optimiser.step()
    found = [float(p.detach()) for p in (loss.mean_ill, loss.mean_healthy, loss.dual)]
    assert found == pytest.approx([0.7, 1.3 / 3, 1 + 1.3 / 3 - 0.7], abs=1e-3)


def test_the_dual_variable_never_falls_below_zero():
    loss = AUCMarginLoss(margin=0.1)  # the classes are further apart than that already
    optimiser = PESG([loss.mean_ill, loss.mean_healthy], [loss.dual], lr=0.1)
    for _ in range(50):
        optimiser.zero_grad()
        loss(torch.tensor([1.0, 0.0]), torch.tensor([True, False])).backward()
        optimiser.step()
    assert float(loss.dual.detach()) == 0


def test_minimising_it_over_scores_ranks_the_ill_above_the_healthy():
    weights = torch.nn.Parameter(torch.zeros(2))
    points = torch.tensor([[1.0, 0.3], [0.8, -0.5], [-0.7, 0.4], [-1.0, -0.2], [-0.9, 0.1]])
    loss = AUCMarginLoss()
    optimiser = PESG([weights, loss.mean_ill, loss.mean_healthy], [loss.dual], lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        loss((points @ weights).sigmoid(), ILL).backward()
        optimiser.step()
    scores = (points @ weights).detach()
    assert scores[ILL].min() > scores[~ILL].max()


def test_the_reference_pulls_towards_the_average_of_the_last_stretch():
    weight = torch.nn.Parameter(torch.tensor(1.0))
    optimiser = PESG([weight], [], lr=0.5, weight_decay=0, reference_decay=0.2, stretch=2)
    positions = []
    for slope in (1.0, 1.0, 0.0):
        weight.grad = torch.tensor(slope)
        optimiser.step()
        positions.append(float(weight.detach()))
    # 1 - .5 = .5; then .5 - .5 (1 + .2 (.5 - 1)) = .05; the reference becomes .275
    assert positions == pytest.approx([0.5, 0.05, 0.05 - 0.5 * 0.2 * (0.05 - 0.275)])


def test_a_batch_of_one_class_gives_finite_gradients():
    loss = AUCMarginLoss()
    loss(SCORES[:2], ILL[:2]).backward()
    assert np.isfinite(float(loss.dual.grad))


def test_a_margin_of_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="margin"):
        AUCMarginLoss(margin=0.0)
