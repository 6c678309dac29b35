"""Writing: the sentence for a film, a figure or a page that could not be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sequela.core import OutputError
from sequela.io.files import output_error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure of the disk into an `OutputError` that names the file."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise output_error(path, error) from error
