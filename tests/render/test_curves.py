import math

import pytest

from sequela.render.curves import Series, chart, ticks


def test_ticks_are_round_and_span_the_values() -> None:
    assert ticks([0, 2.3]) == [0, 0.5, 1, 1.5, 2, 2.5]
    assert ticks([0, 10], whole=True) == [0, 2, 4, 6, 8, 10]
    assert ticks([0, 1], whole=True) == [0, 1]
    assert ticks([5, 5])[0] <= 5 <= ticks([5, 5])[-1]


def test_a_line_runs_from_the_lower_left_to_the_upper_right() -> None:
    drawn = chart("t", "Step", "y", [Series(branch="main", points=((0, 0.0), (10, 5.0)))])
    assert drawn is not None
    first, last = drawn.lines[0].dots
    assert first[:2] == (drawn.left, drawn.bottom)
    assert last[:2] == (drawn.right, drawn.top)


def test_values_that_are_not_finite_are_left_out() -> None:
    series = [Series(branch="main", points=((0, 1.0), (1, math.nan), (2, math.inf)))]
    drawn = chart("t", "Step", "y", series)
    assert drawn is not None
    assert len(drawn.lines[0].dots) == 1
    assert chart("t", "Step", "y", [Series(branch="main", points=((0, math.nan),))]) is None


@pytest.mark.parametrize("value", [1e-9, 0.02, 7.0, 123456.0, -3.0])
def test_any_single_value_can_be_drawn(value: float) -> None:
    assert chart("t", "Step", "y", [Series(branch="main", points=((0, value),))]) is not None
