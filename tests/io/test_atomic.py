import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sequela.core import OutputError, OutputExistsError
from sequela.io import atomic_folder

KILLED = """
import os, signal, sys
from sequela.io import atomic_folder
with atomic_folder(sys.argv[1], overwrite=True) as folder:
    (folder / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def write_half(target, fault):
    with atomic_folder(target) as folder:
        (folder / "half").write_text("x")
        raise fault


def a_run(folder, text="old"):
    folder.mkdir()
    (folder / "record.json").write_text(text)
    return folder


def test_the_folder_appears_at_the_end_and_alone(tmp_path):
    with atomic_folder(tmp_path / "new" / "run") as folder:
        (folder / "record.json").write_text("x")
        assert not (tmp_path / "new" / "run").exists()
        assert folder.parent == tmp_path / "new"
        assert folder.name.startswith(".run.partial-")
    assert names(tmp_path / "new") == ["run"]
    assert names(tmp_path / "new" / "run") == ["record.json"]


def test_others_may_read_it_as_the_umask_says(tmp_path):
    (tmp_path / "plain").mkdir()
    with atomic_folder(tmp_path / "run"):
        pass
    assert (tmp_path / "run").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_after_a_fault(tmp_path, fault):
    with pytest.raises(fault):
        write_half(tmp_path / "run", fault())
    assert names(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="run could not be written: the disk is full"):
        write_half(tmp_path / "run", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert names(tmp_path) == []


def test_a_really_full_disk_is_one_sentence(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)  # noqa: S603  # fixed words
    except FileNotFoundError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip("needs the right to mount")
    try:
        with pytest.raises(OutputError, match="the disk is full"), atomic_folder(disk / "r") as run:
            (run / "big").write_bytes(bytes(200_000))
        assert names(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S603, S607  # fixed words


def test_other_faults_of_the_system_keep_their_kind(tmp_path):
    with pytest.raises(ConnectionResetError), atomic_folder(tmp_path / "run"):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


def test_a_file_in_place_of_the_parent_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not be written"):
        atomic_folder(tmp_path / "file" / "run").__enter__()


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs a folder that refuses everyone")
def test_a_folder_that_cannot_be_written_is_one_sentence():
    with pytest.raises(OutputError, match="could not be written"):
        atomic_folder("/proc/sequela-run").__enter__()


def test_an_existing_folder_is_refused_before_any_work(tmp_path):
    a_run(tmp_path / "run")
    with pytest.raises(OutputExistsError, match=r"run does\. Choose another --out.*--overwrite"):
        atomic_folder(tmp_path / "run").__enter__()
    assert (tmp_path / "run" / "record.json").read_text() == "old"


def test_an_older_run_is_replaced_at_the_end(tmp_path):
    run = a_run(tmp_path / "run")
    with atomic_folder(run, overwrite=True) as folder:
        (folder / "record.json").write_text("new")
        assert (run / "record.json").read_text() == "old"
    assert names(tmp_path) == ["run"]
    assert (run / "record.json").read_text() == "new"


def test_an_older_run_survives_a_fault(tmp_path):
    run = a_run(tmp_path / "run")
    with suppress(ValueError), atomic_folder(run, overwrite=True):
        raise ValueError
    assert names(tmp_path) == ["run"]
    assert (run / "record.json").read_text() == "old"


def test_an_empty_folder_may_be_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    with atomic_folder(tmp_path / "run", overwrite=True) as folder:
        (folder / "record.json").write_text("new")
    assert names(tmp_path / "run") == ["record.json"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_no_run_is_never_replaced(tmp_path, kind):
    target = tmp_path / "thesis"
    if kind == "folder":
        target.mkdir()
        (target / "chapter.tex").touch()
    else:
        target.touch()
    with pytest.raises(OutputExistsError, match=r"holds no record\.json"):
        atomic_folder(target, overwrite=True).__enter__()
    assert names(tmp_path) == ["thesis"]


def test_a_target_that_appears_meanwhile_is_not_overwritten(tmp_path):
    with pytest.raises(OutputExistsError), atomic_folder(tmp_path / "run"):
        a_run(tmp_path / "run", "theirs")
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "record.json").read_text() == "theirs"


def test_a_killed_run_leaves_only_a_hidden_folder_that_the_next_one_clears(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run")]
    done = subprocess.run(command, check=False)  # noqa: S603  # our own interpreter
    assert done.returncode == -signal.SIGKILL
    (left,) = names(tmp_path)
    assert left.startswith(".run.partial-")
    with atomic_folder(tmp_path / "other"):
        assert left in names(tmp_path)  # another target's leftovers are not ours to clear
    with atomic_folder(tmp_path / "run") as folder:
        assert names(tmp_path) == sorted([folder.name, "other"])
    assert names(tmp_path) == ["other", "run"]


def test_the_folder_of_a_living_run_is_left_alone(tmp_path):
    with atomic_folder(tmp_path / "run") as first:
        with suppress(ValueError), atomic_folder(tmp_path / "run"):
            assert first.exists()
            raise ValueError
        assert first.exists()
    assert names(tmp_path) == ["run"]


def test_a_run_killed_while_its_elder_stepped_aside_is_brought_back(tmp_path):
    a_run(tmp_path / ".run.old-0123abcd")
    with suppress(ValueError), atomic_folder(tmp_path / "run"):
        raise ValueError
    assert (tmp_path / "run" / "record.json").read_text() == "old"
