"""Bytes in, bytes out, and the sentences for files that cannot be read or written."""

import errno
import os
from pathlib import Path
from typing import TypeGuard

from sequela.core import OutputError, UnreadableFileError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing there is not permitted",
    errno.EPERM: "writing there is not permitted",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EFBIG: "the file is too large for the file system",
    errno.EIO: "the disk reports a fault",
}


def unreadable(name: str, problem: str, remedy: str) -> UnreadableFileError:
    """The error for a file that breaks a rule: which file, what is wrong, what to do.

    `name` is the file's name without its folders, so that no patient's path is repeated.
    """
    return UnreadableFileError(f"`path` must name a readable image: {name} {problem}. {remedy}")


def read_bytes(path: str | Path) -> bytes:
    """All bytes of a file; a missing, empty or forbidden one is refused with a sentence."""
    path = Path(path)
    name = path.name or str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise unreadable(name, "does not exist", "Check the spelling and the folder.") from error
    except IsADirectoryError as error:
        raise unreadable(name, "is a folder", "Name one image file inside it.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "Check the path and its permissions."
        raise unreadable(name, f"cannot be opened ({reason.lower()})", remedy) from error
    if not data:
        raise unreadable(name, "is empty (0 bytes)", "Copy or export it again.")
    return data


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a file, with its folder; a full disk or a read-only folder becomes one sentence."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise output_error(path, error) from error
    return path


def is_output_fault(error: BaseException) -> TypeGuard[OSError]:
    """Whether the operating system refused to write, as opposed to any other fault."""
    return isinstance(error, OSError) and error.errno in _REASONS


def output_error(path: Path, error: OSError) -> OutputError:
    """The error for a file or folder that could not be written."""
    code = error.errno or errno.EIO
    reason = _REASONS.get(code) or os.strerror(code).lower()
    return OutputError(
        f"`out` must be writable, but {path.name} could not be written: {reason}. "
        "Free space or choose another place."
    )
