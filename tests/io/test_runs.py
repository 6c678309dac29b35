import csv
import json

import numpy as np
import pytest
from PIL import Image

from sequela.core import InvalidInputError, Region, SequelaError, State, UnreadableFileError
from sequela.io import read_run, read_scan, write_states
from tests.io.samples import a_trajectory, ramp, save_dicom

SHAPES = {
    "grey 8": ramp(),
    "grey 16": ramp(dtype="uint16", top=65535),
    "signed": ramp(dtype="int16") - np.int16(100),
    "long": ramp(dtype="int32", top=10**9),
    "decimals": ramp(dtype="float32") / np.float32(3),
    "colour": np.stack([ramp(), ramp() // 2, ramp() // 3], axis=2),
    "deep colour": np.stack([ramp(dtype="uint16", top=60000 // n) for n in (1, 2, 3)], axis=2),
    "volume": np.arange(18**3, dtype=np.int16).reshape(18, 18, 18),
}


def check_regions_equal(first, second):
    if first is None or second is None:
        assert first is second
        return
    np.testing.assert_array_equal(first.array, second.array)
    assert first.origin == second.origin


def check_branches_equal(first, second):
    plain = ("id", "parent", "from_state", "sample", "arm", "region", "time_basis")
    assert [getattr(first, n) for n in plain] == [getattr(second, n) for n in plain]
    assert first.condition.negative_prompt == second.condition.negative_prompt
    for a, b in zip(first.condition.findings, second.condition.findings, strict=True):
        assert (a.name, a.text, a.weight) == (b.name, b.text, b.weight)
        check_regions_equal(a.region, b.region)
    for a, b in zip(first.states, second.states, strict=True):
        assert (a.kind, a.step, a.time_years) == (b.kind, b.step, b.time_years)
        np.testing.assert_equal(dict(a.scores), dict(b.scores))  # nan equals nan here
        assert a.image.dtype == b.image.dtype
        np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_equal(first.latents, second.latents)


def check_equal(first, second):
    assert first.record == second.record
    a, b = first.scan, second.scan
    assert a.array.dtype == b.array.dtype
    np.testing.assert_array_equal(a.array, b.array)
    plain = ("modality", "window", "source", "spacing_mm", "header")
    assert [getattr(a, n) for n in plain] == [getattr(b, n) for n in plain]
    np.testing.assert_equal(a.affine, b.affine)
    for x, y in zip(first.branches, second.branches, strict=True):
        check_branches_equal(x, y)
    assert list(first.regions) == list(second.regions)
    for key, region in first.regions.items():
        check_regions_equal(region, second.regions[key])
    np.testing.assert_equal(dict(first.uncertainty), dict(second.uncertainty))


@pytest.mark.parametrize("array", SHAPES.values(), ids=SHAPES)
def test_a_run_comes_back_without_loss(tmp_path, array):
    affine = {"affine": np.diag([2.0, 3.0, 4.0, 1.0]), "spacing_mm": (2.0, 3.0, 4.0)}
    volume = array.ndim == 3 and array.shape[-1] != 3
    trajectory = a_trajectory(array, **(affine if volume else {}))
    write_states(trajectory, tmp_path)
    check_equal(trajectory, read_run(tmp_path))


def test_a_run_from_dicom_keeps_its_header(tmp_path):
    path = save_dicom(
        tmp_path / "a.dcm",
        ramp(dtype="uint16", top=4000),
        BitsStored=12,
        HighBit=11,
        RescaleSlope="0.0372",
        RescaleIntercept="-1.5",
        PatientSex="F",
        PixelSpacing=["0.1430000000001", "0.143"],
    )
    scan = read_scan(path)
    trajectory = a_trajectory(
        scan.array, window=scan.window, spacing_mm=scan.spacing_mm, header=scan.header
    )
    write_states(trajectory, tmp_path)
    check_equal(trajectory, read_run(tmp_path))


def test_the_folder_holds_what_the_contract_names(tmp_path):
    write_states(a_trajectory(ramp()), tmp_path)
    files = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert files == {
        "record.json",
        "trajectory.json",
        "scores.csv",
        "latents.safetensors",
        "states/000.png",
        "states/001.png",
        "branches/sample-1/states/000.png",
        "branches/sample-1/states/001.png",
        "branches/branch-1/states/002.png",
        "regions/finding-edema.png",  # also the effective region, which is the same
        "regions/finding-pleural-effusion.png",
        "uncertainty/spread.tiff",
    }


def test_only_the_baseline_says_it_is_observed(tmp_path):
    write_states(a_trajectory(ramp()), tmp_path)
    flags = {}
    for path in tmp_path.glob("states/*.png"):
        with Image.open(path) as image:
            flags[path.name] = image.text["Synthetic"]
    assert flags == {"000.png": "NO", "001.png": "YES"}


def test_the_json_is_strict_and_the_table_complete(tmp_path):
    write_states(a_trajectory(ramp()), tmp_path)

    def refuse(word):
        raise AssertionError(word)

    json.loads((tmp_path / "trajectory.json").read_text(), parse_constant=refuse)
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["branch"] for row in rows] == ["main", "main", "sample-1", "sample-1", "branch-1"]
    assert rows[1]["mean_change"] == "0.1"
    assert float(rows[1]["time_years"]) == 1 / 3


def test_a_baseline_unlike_the_first_state_is_kept(tmp_path):
    from dataclasses import replace

    trajectory = a_trajectory(ramp())
    trajectory = replace(trajectory, scan=replace(trajectory.scan, array=ramp()[::-1]))
    write_states(trajectory, tmp_path)
    np.testing.assert_array_equal(read_run(tmp_path).scan.array, ramp()[::-1])


def test_names_that_look_alike_do_not_overwrite_each_other(tmp_path):
    from dataclasses import replace

    regions = {
        name: Region(array=np.full((20, 30), i, np.float32), origin=name)
        for i, name in enumerate(("a/b", "a b"))
    }
    trajectory = replace(a_trajectory(ramp()), regions=regions)
    write_states(trajectory, tmp_path)
    check_equal(trajectory, read_run(tmp_path))


def test_two_states_of_one_step_are_refused(tmp_path):
    from dataclasses import replace

    trajectory = a_trajectory(ramp())
    twice = (State(image=ramp(), kind="simulated", step=1),) * 2
    branch = replace(trajectory.main, states=twice)
    with pytest.raises(InvalidInputError, match=r"distinct steps, but main has \[1, 1\]"):
        write_states(replace(trajectory, branches=(branch,)), tmp_path)


def test_values_that_json_cannot_hold_are_refused(tmp_path):
    from dataclasses import replace

    trajectory = a_trajectory(ramp())
    record = replace(trajectory.record, config={"strength": np.zeros(3)})
    with pytest.raises(InvalidInputError, match="plain JSON values"):
        write_states(replace(trajectory, record=record), tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "record.json",
        "trajectory.json",
        "latents.safetensors",
        "states/001.png",
        "regions/finding-edema.png",
        "uncertainty/spread.tiff",
    ],
)
@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "text"])
def test_a_damaged_file_is_one_sentence(tmp_path, name, damage):
    write_states(a_trajectory(ramp()), tmp_path)
    path = tmp_path / name
    if damage == "absent":
        path.unlink()
    else:
        size = len(path.read_bytes())
        cut = path.read_bytes()[: size // 2]
        path.write_bytes({"empty": b"", "cut": cut, "text": b'{"a": 1}'}[damage])
    with pytest.raises(SequelaError) as info:
        read_run(tmp_path)
    assert "\n" not in str(info.value)
    if not (damage == "text" and name == "record.json"):
        assert path.name in str(info.value) or "schema" in str(info.value)


@pytest.mark.parametrize("name", ["record.json", "trajectory.json"])
def test_a_value_of_another_type_is_one_sentence(tmp_path, name):
    write_states(a_trajectory(ramp()), tmp_path)
    content = json.loads((tmp_path / name).read_text())
    for key in set(content) & {"inputs", "notices", "scan", "branches", "regions", "latents"}:
        (tmp_path / name).write_text(json.dumps(content | {key: 5}))
        with pytest.raises(UnreadableFileError, match=rf"its {name} is damaged"):
            read_run(tmp_path)


def test_a_file_outside_the_folder_is_not_opened(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    write_states(a_trajectory(ramp()), run)
    content = json.loads((run / "trajectory.json").read_text())
    content["uncertainty"]["spread"] = "../outside.png"
    (run / "trajectory.json").write_text(json.dumps(content))
    with pytest.raises(UnreadableFileError, match="outside the folder"):
        read_run(run)


def test_a_newer_schema_is_refused(tmp_path):
    write_states(a_trajectory(ramp()), tmp_path)
    content = json.loads((tmp_path / "trajectory.json").read_text())
    (tmp_path / "trajectory.json").write_text(json.dumps(content | {"schema": 99}))
    with pytest.raises(InvalidInputError, match="another version of Sequela"):
        read_run(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"has no record\.json"):
        read_run(tmp_path)
