"""The codebook: straight-through gradient, running averages and restarts worked by hand."""

import pytest
import torch

from sequela.core import InvalidInputError
from sequela.nn.codebook import Codebook


def two_codes(**options):
    """Codes 0 and 10, each seen once so far."""
    book = Codebook(2, 1, **{"restart_below": 0.0, "decay": 0.5, **options})
    book.codes.copy_(torch.tensor([[0.0], [10.0]]))
    book.sums.copy_(book.codes)
    book.counts.fill_(1.0)
    book.is_started.fill_(value=True)
    return book


def line(*values):
    """A latent of one channel along its last axis."""
    return torch.tensor(values).view(1, 1, 1, 1, -1)


def test_each_cell_becomes_its_nearest_code():
    made = two_codes().eval()(line(1.0, 4.9, 5.1, 30.0))
    assert made.latents.flatten().tolist() == [0, 0, 10, 10]
    assert made.indices.flatten().tolist() == [0, 0, 1, 1]
    assert made.perplexity.item() == pytest.approx(2)


def test_the_gradient_passes_straight_through():
    latents = line(1.0, 9.0).requires_grad_()
    weights = line(2.0, -3.0)
    (two_codes().eval()(latents).latents * weights).sum().backward()
    assert latents.grad.flatten().tolist() == [2, -3]


def test_the_commitment_is_the_mean_squared_distance_and_pulls_the_encoder_alone():
    book, latents = two_codes().eval(), line(1.0, 8.0).requires_grad_()
    commitment = book(latents).commitment
    commitment.backward()
    assert commitment.item() == pytest.approx((1 + 4) / 2)
    assert latents.grad.flatten().tolist() == pytest.approx([1, -2])  # 2 (z - code) / 2 cells
    assert not list(book.parameters())


def test_codes_follow_the_mean_of_their_cells():
    book = two_codes()
    book(line(2.0, 4.0, 12.0))
    # counts: (1 + 2) / 2 and (1 + 1) / 2; sums: (0 + 6) / 2 and (10 + 12) / 2
    assert book.counts.tolist() == pytest.approx([1.5, 1.0])
    assert book.sums.flatten().tolist() == pytest.approx([3, 11])
    assert book.codes.flatten().tolist() == pytest.approx([2, 11], abs=1e-5)


def test_nothing_moves_outside_training():
    book = two_codes().eval()
    before = {name: value.clone() for name, value in book.state_dict().items()}
    book(line(2.0, 4.0, 12.0))
    assert all(torch.equal(before[name], value) for name, value in book.state_dict().items())


def test_a_code_that_nobody_uses_starts_again_from_the_batch():
    book = two_codes(restart_below=0.6)
    book(line(3.0, 3.0, 3.0))
    # the used code: (0 + 9) / 2 over (1 + 3) / 2
    assert book.counts.tolist() == pytest.approx([2.0, 0.6])
    assert book.codes.flatten().tolist() == pytest.approx([2.25, 3.0], abs=1e-5)
    # the running sum restarts too: a step that leaves the code alone leaves it where it is
    assert (book.sums[1] / book.counts[1]).item() == pytest.approx(3.0)


def test_the_first_batch_gives_the_codes_and_a_resumed_training_keeps_them():
    torch.manual_seed(0)
    book = Codebook(4, 3)
    book(torch.randn(1, 3, 2, 2, 2))
    resumed = Codebook(4, 3)
    resumed.load_state_dict(book.state_dict())
    for each in (book, resumed):
        torch.manual_seed(1)
        each(100 + torch.randn(1, 3, 2, 2, 2, generator=torch.Generator().manual_seed(2)))
    assert torch.equal(book.codes, resumed.codes)


def test_codes_come_to_lie_on_clustered_points():
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(1)
    centres = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])
    book = Codebook(8, 2, decay=0.9)
    for _ in range(150):
        chosen = centres[torch.randint(4, (512,), generator=draw)]
        points = chosen + 0.1 * torch.randn(512, 2, generator=draw)
        made = book(points.T.reshape(1, 2, 8, 8, 8))
    assert made.commitment < 0.02
    distances = torch.cdist(centres, book.codes)
    assert (distances.min(dim=1).values < 0.3).all()
    assert len(made.indices.unique()) / 8 > 0.5


def test_two_halves_are_quantised_as_the_whole():
    book = Codebook(16, 4).eval()
    latents = torch.randn(2, 4, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    whole = book(latents).indices
    assert torch.equal(whole, torch.cat([book(x[None]).indices for x in latents]))
    torch.testing.assert_close(book.look_up(whole), book(latents).latents)


def test_a_book_of_one_code_is_refused():
    with pytest.raises(InvalidInputError, match="`codes` must be a whole number of at least 2"):
        Codebook(1, 4)
