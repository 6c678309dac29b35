"""A folder that appears whole or not at all.

The work happens in a hidden sibling, `.name.partial-xxxxxxxx`, which is renamed at the end. Its
maker holds a lock on it; after a crash nobody does, and the next run to that target removes it.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sequela.core import OutputExistsError, SequelaError
from sequela.io.files import is_output_fault, output_error

if sys.platform != "win32":  # there are no such locks there; leftovers then stay
    import fcntl


@contextmanager
def atomic_folder(target: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes `target` when the block ends well.

    On any exception, a keyboard interrupt too, it is removed and `target` stays as it was.

    Args:
        target: The folder to make.
        overwrite: Replace an empty folder or an older run folder, at the very end.

    Raises:
        OutputExistsError: `target` is there and may not be replaced.
        OutputError: the disk is full, or the parent folder cannot be written.
    """
    target = Path(target).resolve()
    _check_free(target, overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        partial, lock = _make_locked(target)
    except OSError as error:
        raise output_error(target, error) from error
    try:
        yield partial
        _check_free(target, overwrite)
        _move_in(partial, target)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not isinstance(error, SequelaError) and is_output_fault(error):
            raise output_error(target, error) from error
        raise
    finally:
        _unlock(lock)


def _check_free(target: Path, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputExistsError(
            f"`out` must not exist yet, but {target.name} does. "
            "Choose another --out, or replace it with --overwrite."
        )
    ours = target.is_dir() and ((target / "record.json").is_file() or not any(target.iterdir()))
    if not ours:
        raise OutputExistsError(
            f"`overwrite` replaces only Sequela's run folders, but {target.name} holds no "
            "record.json. Choose another --out, or remove it yourself."
        )


def _make_locked(target: Path) -> tuple[Path, int]:
    """A new hidden sibling, and the lock that tells others that its maker lives."""
    while True:
        partial = target.with_name(f".{target.name}.partial-{secrets.token_hex(4)}")
        partial.mkdir()
        lock = _lock(partial)
        if lock is None:  # a file system without locks: nobody will take it for a leftover
            return partial, -1
        if partial.exists():  # else another run cleared it in the moment before the lock
            return partial, lock
        _unlock(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder for this process; None when another has it or locks are not to be had."""
    if sys.platform == "win32":
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _unlock(lock: int) -> None:
    if lock >= 0:
        os.close(lock)


def _move_in(partial: Path, target: Path) -> None:
    """Rename the finished folder; an old one steps aside first and is put back on failure."""
    if not target.exists():
        partial.rename(target)
        return
    old = target.with_name(f".{target.name}.old-{secrets.token_hex(4)}")
    lock = _lock(target)
    try:
        target.rename(old)
        try:
            partial.rename(target)
        except BaseException:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        _unlock(-1 if lock is None else lock)


def _clear_leftovers(target: Path) -> None:
    """Remove what a killed run left behind; bring back a folder that had only stepped aside."""
    for leftover in sorted(target.parent.glob(f".{_literal(target.name)}.*-????????")):
        kind = leftover.name.removeprefix(f".{target.name}.")[:-9]
        if kind not in ("partial", "old") or not leftover.is_dir():
            continue
        lock = _lock(leftover)
        if lock is None:
            continue
        if kind == "old" and not target.exists():
            with suppress(OSError):
                leftover.rename(target)
        else:
            shutil.rmtree(leftover, ignore_errors=True)
        _unlock(lock)


def _literal(name: str) -> str:
    """A name with the wildcards of `glob` made plain."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
