"""What the commands do: the same functions as the app, for scripts and terminals.

Each takes the parsed arguments and returns its result as a JSON-able object, the same as text, and the exit code.
What they need is imported inside them, so that `emoviz list` does not wait for torch.
"""

from .doses import doses
from .numbers import compare, rdm, show
from .program import doctor, serve
from .sets import cache, extract, list_, models
from .steering import witness
from .texts import lens, lint, read, regimes, steer
from .verify import verify

__all__ = [
    "cache",
    "compare",
    "doctor",
    "doses",
    "extract",
    "lens",
    "lint",
    "list_",
    "models",
    "rdm",
    "read",
    "regimes",
    "serve",
    "show",
    "steer",
    "verify",
    "witness",
]
