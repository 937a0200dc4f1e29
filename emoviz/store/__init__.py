"""Vector sets on disk: the shipped cache folder, the user's own, stores reached by URL, and the file format."""

from .atomic import check_writable
from .catalog import delete_set, find_set, list_sets
from .contrasts import load_contrasts, save_contrasts
from .folders import models_folder, responses_folder, sets_folder, shipped_folder, verifications_folder
from .remote import about_set, push_set, remote_sets, stored_rows
from .sets import files_of, load_set, load_stories, save_set
from .verifications import list_verifications, load_verification, save_verification

__all__ = [
    "about_set",
    "check_writable",
    "delete_set",
    "files_of",
    "find_set",
    "list_sets",
    "list_verifications",
    "load_contrasts",
    "load_set",
    "load_stories",
    "load_verification",
    "models_folder",
    "push_set",
    "remote_sets",
    "responses_folder",
    "save_contrasts",
    "save_set",
    "save_verification",
    "sets_folder",
    "shipped_folder",
    "stored_rows",
    "verifications_folder",
]
