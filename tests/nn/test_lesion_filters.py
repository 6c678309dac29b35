"""Spots are seen, lines and the optic disc are not, and light makes no difference."""

import pytest
import torch
from torch import Tensor

from sequela.core import InvalidInputError
from sequela.nn.classifiers import build_classifier
from sequela.nn.lesion_filters import LesionFilters, bright_places, bright_spots, retina, spots

SIDE = 128
BRIGHT, DARK = 1, 0  # of the smallest size


def drawn(side: int = SIDE) -> Tensor:
    """A retina as a smooth disc with an optic disc to the left, `[1, 3, side, side]`."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    middle = (side - 1) / 2
    noise = torch.randn(side, side, generator=torch.Generator().manual_seed(0)) * 0.01
    green = -0.2 + noise - 0.1 * (columns / side)
    green[(rows - middle) ** 2 + (columns - side // 4) ** 2 < (side * 0.06) ** 2] = 0.5
    image = torch.stack([green + 0.5, green, green - 0.3])
    outside = (rows - middle) ** 2 + (columns - middle) ** 2 > (side * 0.47) ** 2
    image[:, outside] = -1.0
    return image[None]


def with_spot(image: Tensor, value: float, *, row: int = 70, column: int = 84) -> Tensor:
    changed = image.clone()
    changed[:, :, row : row + 2, column : column + 2] += value
    return changed


@pytest.mark.parametrize(("value", "kind"), [(0.4, BRIGHT), (-0.4, DARK)])
def test_a_spot_is_seen_where_it_is_and_by_its_own_filter_alone(value, kind):
    seen = [m[0] for m in spots(with_spot(drawn(), value))[:2]]

    assert bool((seen[kind][70:72, 84:86] > 2).all())
    assert float(seen[1 - kind][70:72, 84:86].max()) < 0.5


def test_bright_places_are_where_a_plain_spot_is_and_nowhere_else():
    seen = bright_places(with_spot(drawn(), 0.6))[0, 0]

    assert bool((seen[70:72, 84:86] == 1).all())
    seen[66:76, 80:90] = 0
    assert float(seen.mean()) < 0.01
    assert float(bright_places(drawn()).mean()) < 0.01


@pytest.mark.parametrize("angle", ["across", "down", "aslant"])
def test_a_vessel_is_no_spot(angle):
    image, steps = drawn(), torch.arange(50, 90)
    rows = {"across": torch.full((40,), 70), "down": steps, "aslant": steps}[angle]
    columns = {"across": steps, "down": torch.full((40,), 84), "aslant": steps}[angle]
    image[:, :, rows, columns] -= 0.4

    dark = spots(image)[DARK][0]

    assert float(dark[rows, columns].median()) < 0.5


def test_the_black_outside_the_rim_and_the_optic_disc_are_left_out():
    inside = retina(drawn())[0]

    assert not inside[2, 2]
    assert not inside[64, 5]  # at the camera's edge
    assert not inside[64, 32]  # the disc
    assert inside[70, 84]


def test_figures_do_not_depend_on_light_much():
    image = with_spot(drawn(), 0.4)
    brighter = torch.where(image > -0.9, image * 1.6 + 0.2, image)

    # without the counts, whose levels a single pixel may just pass
    ranks = [i for i in range(42) if i % 7 < 4]
    figures, brighter_figures = (LesionFilters()(x)[:, ranks] for x in (image, brighter))
    torch.testing.assert_close(figures, brighter_figures, rtol=0.15, atol=0.03)


def test_grey_around_the_retina_is_outside_as_black_is():
    image = drawn()

    assert torch.equal(retina(image * 0.9 + 0.05), retina(image))


def test_more_bright_spots_give_a_higher_figure():
    none = drawn()
    few = with_spot(none, 0.4)
    many = with_spot(with_spot(few, 0.4, row=50), 0.4, row=90)

    figures = [float(bright_spots(image)) for image in (none, few, many)]

    assert figures == sorted(figures)
    assert figures[2] > 1.5 * figures[0]


def test_a_black_image_gives_finite_zeros():
    assert torch.equal(LesionFilters()(-torch.ones(2, 3, 64, 64)), torch.zeros(2, 42))


def test_images_do_not_depend_on_their_neighbours_in_the_batch():
    one, other = drawn(), with_spot(drawn(), 0.4)

    together = LesionFilters()(torch.cat([one, other]))

    torch.testing.assert_close(together[:1], LesionFilters()(one))
    torch.testing.assert_close(together[1:], LesionFilters()(other))


def test_the_classifier_learns_what_spots_mean():
    network = build_classifier("lesion-filters", channels=3, targets=1)
    images = torch.cat([drawn(64), with_spot(drawn(64), 0.6, row=36, column=44)]).repeat(4, 1, 1, 1)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    for _ in range(60):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            network(images)[:, 0], torch.tensor([0.0, 1.0] * 4)
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    healthy, ill = network.eval()(images[:2])[:, 0].tolist()

    assert healthy < 0 < ill


def test_grey_images_are_refused():
    with pytest.raises(InvalidInputError, match="`channels` must be 3"):
        build_classifier("lesion-filters", channels=1, targets=1)
