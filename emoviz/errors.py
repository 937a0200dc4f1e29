"""The one exception that users cause and can mend, and what others say in a line."""

from pathlib import Path


class InputError(ValueError):
    """Wrong input. The message is one line: what was given; what is allowed; what to do.

    The command line prints it and exits with code 2; the page shows it inline. Anything else that is raised is a bug.

    >>> import emoviz as ez
    >>> ez.find_set("nonsense_set")
    Traceback (most recent call last):
    emoviz.errors.InputError: set 'nonsense_set' is unknown; known sets: ...
    """


def first_line(error: Exception) -> str:
    """What an error says, in a line; its kind where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def not_writable(path: Path, error: Exception) -> InputError:
    """What is said where a file or a folder cannot be written."""
    why = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
    return InputError(
        f"{path} cannot be written ({why}). Choose a writable folder with free space, by --out or EMOVIZ_HOME."
    )
