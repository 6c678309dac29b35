"""The history encoder: what it sees of order and time, and what it does not."""

import torch

from sequela.dynamics import HistoryEncoder, Solver, VectorField

SHAPE = (4, 3, 4, 5)


def encoder(*, is_time_aware):
    torch.manual_seed(0)
    solver = Solver(name="rk4", step=0.5)
    return HistoryEncoder(4, hidden=6, is_time_aware=is_time_aware, solver=solver).eval()


def scans(count, seed=0):
    return torch.randn(1, count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def told(network, latents, years, seen=None):
    is_seen = torch.tensor([seen or [True] * len(years)])
    with torch.no_grad():
        return network(latents, is_seen, torch.tensor([years]))


def with_empty_slot(latents, place):
    empty = torch.full((1, 1, *SHAPE), 7.0)
    return torch.cat([latents[:, :place], empty, latents[:, place:]], dim=1)


def test_an_inserted_empty_slot_changes_nothing():
    latents = scans(3)
    for is_time_aware in (False, True):
        network = encoder(is_time_aware=is_time_aware)
        plain = told(network, latents, [0.0, 0.7, 2.0])
        for place, years in ((1, [0.0, 0.3, 0.7, 2.0]), (3, [0.0, 0.7, 2.0, 3.0])):
            seen = [index != place for index in range(4)]
            padded = told(network, with_empty_slot(latents, place), years, seen)
            assert torch.equal(plain, padded)


def test_as_published_the_gaps_are_not_seen():
    network, latents = encoder(is_time_aware=False), scans(3)
    near, far = (told(network, latents, years) for years in ([0.0, 0.5, 1.0], [0.0, 2.0, 6.0]))
    assert torch.equal(near, far)


def test_told_of_the_time_it_sees_them():
    network, latents = encoder(is_time_aware=True), scans(3)
    near, far = (told(network, latents, years) for years in ([0.0, 0.5, 1.0], [0.0, 2.0, 6.0]))
    assert (near - far).abs().max() > 1e-3


def test_the_order_of_scans_matters():
    network, latents = encoder(is_time_aware=False), scans(3)
    forth = told(network, latents, [0.0, 1.0, 2.0])
    back = told(network, latents.flip(1), [0.0, 1.0, 2.0])
    assert (forth - back).abs().max() > 1e-3


def test_patients_of_a_batch_do_not_touch_each_other():
    network = encoder(is_time_aware=True)
    both = torch.cat([scans(3, 0), scans(3, 1)])
    is_seen = torch.tensor([[True, True, False], [True, False, True]])
    years = torch.tensor([[0.0, 0.4, 1.0], [0.0, 1.0, 3.0]])
    with torch.no_grad():
        together = network(both, is_seen, years)
        alone = [network(both[i : i + 1], is_seen[i : i + 1], years[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=1e-5)


def test_facts_bend_the_field_only_after_learning():
    torch.manual_seed(0)
    field = VectorField(4, hidden=6, facts=2)
    state, time = torch.randn(2, *SHAPE), torch.tensor(0.0)
    told_of = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    with torch.no_grad():
        torch.testing.assert_close(field(time, state, told_of), field(time, state, None))
    field(time, state, told_of).square().sum().backward()
    assert field.shifts[0].weight.grad.abs().max() > 0


def test_a_field_told_of_the_time_differs_between_times():
    torch.manual_seed(0)
    state = torch.randn(1, *SHAPE)
    with torch.no_grad():
        timed = VectorField(4, is_timed=True)
        plain = VectorField(4)
        early, late = torch.tensor(0.0), torch.tensor(1.0)
        assert (timed(early, state, None) - timed(late, state, None)).abs().max() > 1e-4
        assert torch.equal(plain(early, state, None), plain(late, state, None))
