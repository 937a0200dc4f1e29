"""The one exception that users cause and can mend."""


class InputError(ValueError):
    """Wrong input. The message is one line: what was given; what is allowed; what to do.

    The command line prints it and exits with code 2; the page shows it inline. Anything else that is raised is a bug.

    >>> import emoviz as ez
    >>> ez.find_set("nonsense_set")
    Traceback (most recent call last):
    emoviz.errors.InputError: set 'nonsense_set' is unknown; known sets: ...
    """
