"""Vector sets on disk: the shipped cache folder, the user's own, and the file format."""

from .catalog import find_set, list_sets
from .files import check_writable, load_activations, load_set, save_set
from .folders import models_folder, sets_folder, shipped_folder

__all__ = [
    "check_writable",
    "find_set",
    "list_sets",
    "load_activations",
    "load_set",
    "models_folder",
    "save_set",
    "sets_folder",
    "shipped_folder",
]
