"""The one exception that users cause and can mend."""


class InputError(ValueError):
    """Wrong input. The message is one line: what was given; what is allowed; what to do.

    The command line prints it and exits with code 2; the page shows it inline. Anything else that is raised is a bug.
    """
