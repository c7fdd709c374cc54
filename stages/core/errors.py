"""The exceptions a user can cause, and the exit code of each.

    RlbffError            1   a bug, or an error without a kind of its own
    ├── ConfigError       2   also a ValueError: an option or a YAML key is wrong
    ├── TooManyFailed     3   finished, but more rows failed than --max-failed allows
    ├── DataError        65   also a ValueError: the input is not what the stage reads
    ├── InputMissing     66   also a FileNotFoundError
    ├── EndpointError    69   also a ConnectionError: a server cannot be reached or refuses us
    ├── OutputError      73   also an OSError: the output belongs to another configuration or cannot be written
    └── Interrupted      75   SIGTERM, SIGINT or a spent budget; the same command goes on where it stopped

Every exception takes one finished sentence, so that it survives pickling between processes. The sentence names file,
row, field and value where there are any, and ends with the remedy. Anything that is not an RlbffError is our bug and
keeps its traceback.
"""

from typing import ClassVar


class RlbffError(Exception):
    """Base of every error that is shown to the user as one line."""

    exit_code: ClassVar[int] = 1


class ConfigError(RlbffError, ValueError):
    """An option, environment variable or YAML key has no meaning or a value out of bounds."""

    exit_code = 2


class TooManyFailed(RlbffError):
    """The run finished and everything is stored, but the share of rejected rows is above --max-failed."""

    exit_code = 3


class DataError(RlbffError, ValueError):
    """The input is damaged, empty, or has another schema than the stage reads."""

    exit_code = 65


class InputMissing(RlbffError, FileNotFoundError):
    """An input path, glob or URL matches nothing."""

    exit_code = 66


class EndpointError(RlbffError, ConnectionError):
    """A server cannot be reached, does not know the model, or refuses our credentials."""

    exit_code = 69


class OutputError(RlbffError, OSError):
    """The output folder belongs to another configuration, is in use, or cannot be written."""

    exit_code = 73


class Interrupted(RlbffError):
    """Stopped by a signal or by a budget; what was finished is stored and the same command resumes."""

    exit_code = 75
