"""Where things are kept.

The user's folder is `EMOVIZ_HOME`, else the place that huggingface_hub keeps for other libraries
(`HF_ASSETS_CACHE`, by default `~/.cache/huggingface/assets/emoviz`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import InputError
from .atomic import check_writable
from .making import LOCK_SUFFIX, is_locked, lasting_scratch_folder

# Parts of the user's folder, and what each holds.
CACHE_PARTS = {
    "models": "models that were fetched or converted from GGUF; made again when needed",
    "sets": "vector sets of your own; these cannot be made again without their model and passages",
    "work": "interrupted extractions and dose-response runs; run them again to resume",
    "responses": "dose-response runs of your own; these cannot be made again without their model and set",
    "readings": "tables of the texts that you had read; made again from the same texts",
    "heads": "trained heads of the witness that judges steered texts; made again when needed",
    "verifications": "verifications that you ran; made again by emoviz verify",
    "sweeps": "what became of the jobs of sweeps; the sets themselves lie elsewhere",
    "cleaned": "cleaned directions of vector sets; made again when needed",
    "remote": "copies of vector sets out of stores that are reached by URL; copied again when needed",
}


def use_writable_folders() -> str:
    """Sees to it that what is made can be kept; to be called before anything else looks for a folder.

    Returns : what to say where the usual folders cannot be written to: a temporary one stands in for them, and what is
    in it goes with this process. Empty where all is well.
    """
    # os.path, since pathlib raises where no home is known.
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))  # noqa: PTH111
    # What is kept there -> where. Compiled functions of umap are the third.
    places = {"HF_HOME": os.environ.get("HF_HOME", f"{cache}/huggingface"), "NUMBA_CACHE_DIR": cache}
    if own := os.environ.get("EMOVIZ_HOME"):
        places["EMOVIZ_HOME"] = own
    lost = {name: place for name, place in places.items() if not _is_writable(place)}
    if not lost:
        return ""
    instead = lasting_scratch_folder()
    if "HF_HOME" in lost and Path(lost["HF_HOME"], "hub").is_dir():
        # Models that are there already are read where they lie.
        os.environ.setdefault("HF_HUB_CACHE", f"{lost['HF_HOME']}/hub")
    os.environ |= {name: f"{instead}/{name.lower()}" for name in lost}
    named = ", ".join(dict.fromkeys(lost.values()))
    return f"{named} cannot be written to: what is made here is kept in {instead}, until this process ends."


def _is_writable(folder: str) -> bool:
    try:
        path = Path(folder).expanduser()
        check_writable(path)
    # The latter where no home is known.
    except (InputError, RuntimeError):
        return False
    return True


def home() -> Path:
    """The user's emoviz folder; not created here."""
    own = os.environ.get("EMOVIZ_HOME")
    if own:
        # os.path, since pathlib raises for an unknown ~user.
        return Path(os.path.expanduser(own))  # noqa: PTH111
    from huggingface_hub.constants import HF_ASSETS_CACHE

    return Path(HF_ASSETS_CACHE) / "emoviz"


def sets_folder() -> Path:
    """What the user extracts."""
    return home() / "sets"


def responses_folder() -> Path:
    """Dose-response runs that the user has made."""
    return home() / "responses"


def models_folder() -> Path:
    """Models converted from GGUF."""
    return home() / "models"


def readings_folder() -> Path:
    """Tables of texts that the user had read."""
    return home() / "readings"


def heads_folder() -> Path:
    """Trained heads of the witness."""
    return home() / "heads"


def verifications_folder() -> Path:
    """Verifications that the user ran."""
    return home() / "verifications"


def sweeps_folder() -> Path:
    """What became of the jobs of sweeps."""
    return home() / "sweeps"


def cleaned_folder() -> Path:
    """Cleaned directions of vector sets."""
    return home() / "cleaned"


def remote_folder() -> Path:
    """Copies of sets that were opened by URL."""
    return home() / "remote"


def shipped_folder() -> Path:
    """The vector sets that come with emoviz: `cache/` of a checkout, or its copy inside an installed package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent / "cache"


def size_of(part: str) -> tuple[int, int]:
    """Number of files and bytes in one of `CACHE_PARTS`."""
    files = [path for path in (home() / part).rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def clear(part: str) -> None:
    """Deletes one of `CACHE_PARTS`. Raises InputError if a process is at something in it, or it cannot be deleted."""
    folder = home() / part
    for lock in folder.rglob(f"*{LOCK_SUFFIX}"):
        if is_locked(lock):
            raise InputError(f"{lock.parent} is in use: a process holds {lock.name}. Wait for it, or stop it.")
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be deleted ({error.strerror}). Check who owns it.") from error
