"""Which kind of image a file holds, judged by its first bytes and never by its name."""

import zlib
from pathlib import Path
from typing import Literal

from sequela.io.files import unreadable

Kind = Literal["png", "jpeg", "tiff", "dicom", "nifti"]

HEAD_BYTES = 1024
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GZIP_MARK = b"\x1f\x8b"
_KNOWN = "Give a PNG, JPEG, TIFF, DICOM (.dcm) or NIfTI (.nii, .nii.gz) file."


def kind_of(head: bytes) -> Kind | None:
    """The kind of image that begins with these bytes, or None.

    Args:
        head: The first `HEAD_BYTES` of the file, or more.
    """
    if head[128:132] == b"DICM":  # first: its free preamble may pose as a TIFF
        return "dicom"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(_TIFF_MARKS):
        return "tiff"
    if _is_nifti(_unzipped_head(head) if head.startswith(_GZIP_MARK) else head):
        return "nifti"
    return None


def require_kind(data: bytes, name: str) -> Kind:
    """The kind of image, or a sentence that says what the file looks like instead."""
    kind = kind_of(data[:HEAD_BYTES])
    if kind is None:
        looks = "holds text" if _is_text(data[:HEAD_BYTES]) else "is of an unknown kind"
        raise unreadable(name, f"{looks}, whatever its name says", _KNOWN)
    return kind


def find_images(path: str | Path) -> list[Path]:
    """The image files meant by a path: a file gives itself, a folder the images in it, sorted.

    Folders are not searched recursively and hidden files are left out.

    Raises:
        UnreadableFileError: the path does not exist, or the folder holds no image.
    """
    path = Path(path)
    name = path.name or str(path)
    if not path.exists():
        raise unreadable(name, "does not exist", "Check the spelling and the folder.")
    if not path.is_dir():
        return [path]
    try:
        entries = sorted(p for p in path.iterdir() if p.is_file() and p.name[:1] != ".")
        images = [entry for entry in entries if kind_of(_head(entry)) is not None]
    except OSError as error:
        reason = (error.strerror or "unknown fault").lower()
        raise unreadable(name, f"cannot be listed ({reason})", "Check its permissions.") from error
    if not images:
        raise unreadable(name, f"is a folder without images ({len(entries)} files)", _KNOWN)
    return images


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _unzipped_head(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, 540)
    except zlib.error:
        return b""


def _is_nifti(head: bytes) -> bool:
    return head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2")


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head[:-3].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
