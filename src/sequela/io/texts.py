"""Text files, such as clinical reports."""

from pathlib import Path

from sequela.core import InvalidInputError, UnreadableFileError

_LARGEST = 100_000  # bytes; a report is a page or two


def read_text(path: str | Path) -> str:
    """The words of a UTF-8 text file.

    Raises:
        UnreadableFileError: The file is missing or no UTF-8 text.
        InvalidInputError: It is far too long to be a report.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableFileError(
            f"`report` must be a text file, but {path.name} cannot be read "
            f"({error.strerror}). Check the path."
        ) from error
    if len(data) > _LARGEST:
        raise InvalidInputError(
            f"`report` must have at most {_LARGEST} bytes, but {path.name} has {len(data)}. "
            "Give one report, not an archive."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"`report` must be UTF-8 text, but {path.name} is not. Save it as plain text."
        ) from error
