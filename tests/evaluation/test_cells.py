"""Cells: read back as written, or not at all."""

import numpy as np
import pytest

from sequela.evaluation.cells import Cell, CellKey, clear_partials, read_cell, write_cell

KEY = CellKey(
    domain="chest", model="m", image="i", seed=0, target="Pneumonia", entrant={"method": "walk"}
)


@pytest.fixture
def cell():
    rng = np.random.default_rng(0)
    return Cell(
        states=rng.integers(0, 256, (3, 8, 6), dtype=np.uint8),
        region=rng.random((8, 6)).astype(np.float16),
        figures={"change": [0.0, 0.25, 0.5]},
    )


def test_a_cell_comes_back_as_it_was_written(tmp_path, cell):
    write_cell(tmp_path, KEY, cell)
    back = read_cell(tmp_path, KEY)
    assert back is not None
    assert np.array_equal(back.states, cell.states)
    assert np.array_equal(back.region, cell.region)
    assert back.figures == cell.figures


@pytest.mark.parametrize("at", [0, 20, 90, -1])
def test_a_cell_with_one_flipped_bit_is_no_cell(tmp_path, cell, at):
    write_cell(tmp_path, KEY, cell)
    path = next(tmp_path.glob("*.cell"))
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert read_cell(tmp_path, KEY) is None


def test_a_cut_or_missing_cell_is_no_cell(tmp_path, cell):
    assert read_cell(tmp_path, KEY) is None
    write_cell(tmp_path, KEY, cell)
    path = next(tmp_path.glob("*.cell"))
    path.write_bytes(path.read_bytes()[:-40])
    assert read_cell(tmp_path, KEY) is None


@pytest.mark.parametrize("field", ["domain", "model", "image", "target", "company"])
def test_whatever_decides_a_cell_changes_its_name(field):
    from dataclasses import replace

    assert replace(KEY, **{field: "other"}).digest != KEY.digest
    assert replace(KEY, seed=1).digest != KEY.digest
    assert replace(KEY, entrant={"method": "style"}).digest != KEY.digest


def test_what_a_killed_run_left_is_cleared_and_cells_stay(tmp_path, cell):
    write_cell(tmp_path, KEY, cell)
    (tmp_path / ".half").write_bytes(b"half")
    clear_partials(tmp_path)
    assert [p.suffix for p in tmp_path.iterdir()] == [".cell"]
