"""What the critics say, and who learns from it."""

import pytest
import torch

from sequela.nn.patch_discriminator import PatchDiscriminator, hinge, matching, perceptual
from sequela.simulators.lungs.adversary import Critics, judge, slices


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_hinge_is_worked_by_hand():
    real, made = torch.tensor([[2.0, 0.5]]), torch.tensor([[-2.0, 0.5]])
    # real: max(0, 1 - 2), max(0, 1 - .5); made: max(0, 1 - 2), max(0, 1 + .5)
    assert hinge(real, made).item() == pytest.approx(0.5 * (0.25 + 0.75))


def test_equal_features_match_and_lengths_do_not_matter_to_perception():
    real = (noise(1, 3, 4, 4), noise(1, 5, 2, 2))
    assert matching(real, real).item() == 0
    twice = tuple(2 * x for x in real)
    assert matching(real, twice).item() == pytest.approx(
        float(sum(x.abs().mean() for x in real)), rel=1e-5
    )
    assert perceptual(real, twice).item() == pytest.approx(0, abs=1e-5)
    opposite = tuple(-x for x in real)
    assert perceptual(real, opposite).item() == pytest.approx(4, rel=1e-4)


def test_the_published_critic_is_64_wide_with_three_halvings():
    with torch.device("meta"):
        critic = PatchDiscriminator(dimensions=2)
    widths = [tuple(block[0].weight.shape[:2]) for block in critic.blocks]
    assert widths == [(64, 1), (128, 64), (256, 128), (512, 256)]
    scores, features = critic(torch.empty(1, 1, 256, 256, device="meta"))
    assert scores.shape == (1, 1, 35, 35)
    assert [f.shape[-1] for f in features] == [129, 65, 33, 34]


def test_one_backward_pass_teaches_each_side_its_own_lesson():
    torch.manual_seed(0)
    critic = PatchDiscriminator(dimensions=3, width=8, layers=1)
    real, made = noise(1, 1, 8, 8, 8), noise(1, 1, 8, 8, 8, seed=1).requires_grad_()
    said = judge(critic, real, made)
    (said["adversarial"] + said["matching"]).backward(retain_graph=True)
    assert all(p.grad is None for p in critic.parameters())
    assert made.grad.abs().max() > 0
    made.grad = None
    said["critic"].backward()
    assert made.grad is None
    assert all(p.grad is not None for p in critic.parameters())


def test_a_critic_of_slices_sees_the_slices_it_is_given():
    volumes = noise(2, 1, 6, 9, 9)
    places = torch.tensor([1, 4])
    assert torch.equal(slices(volumes, places)[1, 0], volumes[1, 0, 4])
    torch.manual_seed(0)
    critics = Critics(width=8, layers=1)
    changed = volumes.clone()
    changed[0, 0, 2] = 5.0  # a slice that nobody looks at
    assert critics.perceptual(volumes, changed, places).item() == pytest.approx(0, abs=1e-5)


def test_a_critic_learns_to_tell_noise_from_flat_volumes():
    torch.manual_seed(0)
    critic = PatchDiscriminator(dimensions=2, width=8, layers=1)
    optimiser = torch.optim.Adam(critic.parameters(), 1e-2)
    for step in range(30):
        said = judge(critic, noise(4, 1, 12, 12, seed=step), torch.zeros(4, 1, 12, 12))
        optimiser.zero_grad()
        said["critic"].backward()
        optimiser.step()
    assert said["critic"].item() < 0.1
