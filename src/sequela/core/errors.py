"""Every error a caller may meet, as one tree; each leaf is also the builtin one would expect.

    SequelaError
    ├── InvalidInputError(ValueError)       an argument, option or file breaks a rule
    │   ├── GeometryMismatchError           two arrays that must share a grid do not
    │   └── UnreadableFileError             a file is missing, damaged or of an unknown kind
    ├── OutputExistsError(FileExistsError)  the output is there; nothing is overwritten unasked
    ├── UnknownNameError(LookupError)       no model, finding, engine of that name
    ├── CheckpointError(RuntimeError)       weights that do not fit, or may not be loaded
    ├── MissingExtraError(ImportError)      an optional dependency is not installed
    ├── EndpointError(ConnectionError)      a language model's server failed or answered nonsense
    └── OutputError(OSError)                the output could not be written (disk full, read-only)

Messages follow one template: name the argument in backticks, state the rule, show the value, give
the remedy. The command line prints the sentence and exits 2 for misuse, 1 for failure.
"""


class SequelaError(Exception):
    """Base of all errors that Sequela raises on purpose."""

    exit_code = 2


class InvalidInputError(SequelaError, ValueError):
    """An argument, option or file breaks a stated rule."""


class GeometryMismatchError(InvalidInputError):
    """Two arrays that must lie on the same grid do not."""


class UnreadableFileError(InvalidInputError):
    """A file is missing, damaged, empty or of a kind that cannot be read."""


class OutputExistsError(SequelaError, FileExistsError):
    """The output is already there; nothing is overwritten unasked."""


class UnknownNameError(SequelaError, LookupError):
    """No entry of that name; the message lists the closest ones."""


class CheckpointError(SequelaError, RuntimeError):
    """Weights that do not fit the network, or in a format that is never loaded."""


class MissingExtraError(SequelaError, ImportError):
    """An optional dependency is not installed; the message names the extra."""


class EndpointError(SequelaError, ConnectionError):
    """A language model's server refused, failed, hung or answered what was not asked for."""

    exit_code = 1


class OutputError(SequelaError, OSError):
    """The output could not be written; nothing that looks finished was left behind."""

    exit_code = 1
