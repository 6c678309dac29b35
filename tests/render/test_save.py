from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sequela.core import OutputExistsError, Trajectory
from sequela.io import read_run, read_scan
from sequela.render import save_run


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_run_folder_holds_states_video_and_report(trajectory: Trajectory, tmp_path: Path) -> None:
    folder = save_run(trajectory, tmp_path / "run")
    expected = {"record.json", "trajectory.json", "states/000.png", "states/003.png"}
    assert expected | {"video.mp4", "video.gif", "report.html"} <= files(folder)
    assert "data:video/mp4;base64," in (folder / "report.html").read_text(encoding="utf-8")
    assert not any(name.startswith(("stamped/", "dicom/")) for name in files(folder))


def test_states_stay_exact_when_copies_are_stamped(trajectory: Trajectory, tmp_path: Path) -> None:
    folder = save_run(trajectory, tmp_path / "run", stamped=True)
    for state, kept in zip(trajectory.states[1:], read_run(folder).states[1:], strict=True):
        assert np.array_equal(state.image, kept.image)
        with Image.open(folder / f"stamped/{state.step:03d}.png") as copy:
            stamped = np.asarray(copy)
            assert copy.info["synthetic"] == "true"
        assert not np.array_equal(stamped, state.image)
        assert np.array_equal(stamped[:80], state.image[:80])


def test_each_state_can_be_had_as_dicom(trajectory: Trajectory, tmp_path: Path) -> None:
    folder = save_run(trajectory, tmp_path / "run", dicom=True)
    assert np.array_equal(read_scan(folder / "dicom/002.dcm").array, trajectory.states[2].image)


def test_a_run_without_a_film_has_no_video(trajectory: Trajectory, tmp_path: Path) -> None:
    folder = save_run(replace(trajectory, video=None), tmp_path / "run")
    assert not {"video.mp4", "video.gif"} & files(folder)


def test_a_run_that_is_there_is_replaced_only_when_asked(
    trajectory: Trajectory, tmp_path: Path
) -> None:
    folder = save_run(trajectory, tmp_path / "run")
    with pytest.raises(OutputExistsError):
        save_run(trajectory, tmp_path / "run")
    assert save_run(replace(trajectory, video=None), folder, overwrite=True) == folder
    assert "video.mp4" not in files(folder)


def test_a_failure_on_the_way_leaves_nothing_behind(trajectory: Trajectory, tmp_path: Path) -> None:
    broken = replace(trajectory, video=replace(trajectory.video, frames=np.zeros((2, 8, 8))))
    with pytest.raises(ValueError, match="`frames` must be uint8"):
        save_run(broken, tmp_path / "run")
    assert not list(tmp_path.iterdir())
