"""The one exception that users cause and can mend, and what others say in a line."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a machine says of its disks and files, which nobody's code can mend.
_FAULTS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
}
# Letters of a word in a message, such as a path, and what is kept of longer ones.
_WORD, _BEGIN, _END = 400, 120, 40


class InputError(ValueError):
    """Wrong input. The message is one line: what was given; what is allowed; what to do.

    The command line prints it and exits with code 2; the page shows it inline. Anything else that is raised is a bug.

    >>> import emoviz as ez
    >>> ez.find_set("nonsense_set")
    Traceback (most recent call last):
    emoviz.errors.InputError: set 'nonsense_set' is unknown; known sets: ...
    """

    def __init__(self, message: str = "") -> None:
        short = re.sub(rf"\S{{{_WORD},}}", lambda word: f"{word[0][:_BEGIN]}...{word[0][-_END:]}", message)
        super().__init__(re.sub(r"[\r\n]", lambda end: repr(end[0])[1:-1], short))


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


@contextmanager
def faults_told() -> Iterator[None]:
    """Inside, a fault of the machine, such as a full disk or a folder that is closed or has gone, is an InputError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FAULTS:
            raise
        what = error.filename if error.filename else "a file"
        raise InputError(
            f"{what} cannot be used ({error.strerror}). Make room, check the path and who may use it, or set "
            "EMOVIZ_HOME to another folder."
        ) from error
