import math

import numpy as np
import pytest

from sequela.core import (
    Branch,
    Condition,
    Finding,
    GeometryMismatchError,
    InvalidInputError,
    Record,
    Region,
    Scan,
    Source,
    State,
    Trajectory,
    Window,
    hash_bytes,
)

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5)
PNEUMONIA = Condition(findings=(Finding(name="Pneumonia", text="pneumonia"),))


def scan(array):
    return Scan(
        array=array,
        modality="xray",
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name="a.png", sha256="0"),
    )


def branch(name):
    state = State(image=GREY, kind="observed", step=0)
    return Branch(id=name, states=(state,), condition=PNEUMONIA)


def record():
    return Record(
        method="progressive-editing",
        config={"strength": 0.5},
        request={},
        seed=0,
        threads=1,
        device="cpu",
        model={},
        inputs=({"name": "a.png"},),
        versions={},
        created="2026-01-01T00:00:00+00:00",
        notices=("n",),
    )


@pytest.mark.parametrize(
    ("shape", "colour", "volume", "space"),
    [
        ((4, 5), False, False, (4, 5)),
        ((4, 5, 3), True, False, (4, 5)),
        ((7, 4, 5), False, True, (7, 4, 5)),
    ],
)
def test_a_scan_knows_colour_from_depth(shape, colour, volume, space):
    it = scan(np.zeros(shape, np.uint8))
    assert (it.is_colour, it.is_volume, it.space) == (colour, volume, space)


@pytest.mark.parametrize("shape", [(5,), (2, 4, 5, 3), (0, 5)])
def test_a_scan_of_another_shape_is_refused(shape):
    with pytest.raises(InvalidInputError, match="`array` must be"):
        scan(np.zeros(shape, np.uint8))


def test_a_scan_with_nan_is_refused_by_name():
    with pytest.raises(InvalidInputError, match=r"a\.png holds NaN"):
        scan(np.full((4, 5), np.nan, np.float32))


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (math.nan, 1), (0, math.inf)])
def test_a_window_without_width_is_refused(low, high):
    with pytest.raises(InvalidInputError, match="finite low < high"):
        Window(low=low, high=high, origin="data")


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_region_beyond_0_and_1_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"must lie in \[0, 1\], but lungs"):
        Region(array=np.full((2, 2), value, np.float32), origin="lungs")


def test_a_region_of_another_dtype_is_refused():
    with pytest.raises(InvalidInputError, match="must be float32, got float64"):
        Region(array=np.zeros((2, 2)), origin="lungs")


def test_a_region_on_another_grid_is_refused():
    region = Region(array=np.zeros((2, 2), np.float32), origin="lungs")
    region.check_grid((2, 2))
    with pytest.raises(GeometryMismatchError, match=r"\(4, 5\), got \(2, 2\)"):
        region.check_grid((4, 5))


def test_a_condition_needs_a_finding():
    with pytest.raises(InvalidInputError, match="at least one finding"):
        Condition(findings=())


def test_a_finding_has_a_weight_of_at_least_0():
    with pytest.raises(InvalidInputError, match="`weight`"):
        Finding(name="Edema", text="edema", weight=-1)


def test_a_condition_has_a_short_title():
    edema = Finding(name="Edema", text="edema", weight=0.5)
    assert Condition(findings=(*PNEUMONIA.findings, edema)).label == "Pneumonia + Edema 0.5"


def test_a_trajectory_gives_its_branches_by_name():
    trajectory = Trajectory(
        scan=scan(GREY), branches=(branch("main"), branch("what-if")), record=record()
    )
    assert trajectory.main.id == "main"
    assert trajectory.states == trajectory.main.states
    assert trajectory.branch("what-if").id == "what-if"
    with pytest.raises(
        InvalidInputError, match=r"'other' is not in this run\. It holds main, what"
    ):
        trajectory.branch("other")


@pytest.mark.parametrize("ids", [[], ["main", "main"]])
def test_a_trajectory_needs_branches_with_distinct_names(ids):
    with pytest.raises(InvalidInputError, match="distinct ids"):
        Trajectory(scan=scan(GREY), branches=tuple(map(branch, ids)), record=record())


def test_a_record_survives_json():
    assert Record.from_json(record().to_json()) == record()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"schema": 99}, "another version"), ({"surprise": 1}, r"surplus \['surprise'\]")],
)
def test_a_record_of_another_kind_is_refused(change, words):
    with pytest.raises(InvalidInputError, match=words):
        Record.from_json(record().to_json() | change)


def test_a_record_with_a_missing_field_is_refused():
    values = record().to_json()
    del values["seed"]
    with pytest.raises(InvalidInputError, match=r"missing \['seed'\]"):
        Record.from_json(values)


def test_the_hash_is_the_one_everybody_computes():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hash_bytes(b"") == empty
