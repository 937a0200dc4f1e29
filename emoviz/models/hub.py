"""Models of the Hugging Face hub: how they are written, and where their files lie on this machine.

    owner/name[@revision][:file.gguf]

revision : a branch, a tag or a whole commit. file : one GGUF file of the repository.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from ..errors import InputError
from .weights import why_not_loaded

_CONFIG = "config.json"
_FORM = "owner/name, owner/name@revision or owner/name:file.gguf"
# What git and every file system take, so that nothing is looked up outside the hub's folder.
_REVISION = re.compile(r"(?!.*(?:\.\.|//|\.lock$|[./]$))[A-Za-z0-9][\w./+-]{0,99}", re.ASCII)
_FILE = re.compile(r"(?!.*(?:^|/)(?:\.|/| )|.*//)[^\\:*?\"<>|\x00-\x1f]{1,200}\.gguf", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the hub. revision, file : empty for the default branch, and for the repository as a whole."""

    repository: str
    revision: str = ""
    file: str = ""

    def __str__(self) -> str:
        pinned = f"{self.repository}@{self.revision}" if self.revision else self.repository
        return f"{pinned}:{self.file}" if self.file else pinned

    @property
    def name(self) -> str:
        """What sets and figures print, and files are called by."""
        name = self.file.rpartition("/")[2][: -len(".gguf")] if self.file else self.repository.partition("/")[2]
        # Of a commit as many digits as are printed elsewhere.
        commit = re.fullmatch("[0-9a-f]{40}", self.revision)
        revision = self.revision[:8] if commit else self.revision.replace("/", "-")
        return f"{name}@{revision}" if revision else name


def parse_hub(text: str) -> HubModel | None:
    """The model that is meant; None for what is not written as one.

    Raises InputError for what is, with something in it that the hub does not take.
    """
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    head, colon, file = text.partition(":")
    repository, at, revision = head.partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")) or repository.startswith((".", "/", "~")):
        return None
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise InputError(
            f"model {text!r:.120} is no hub id: {repository!r:.100} is not one of letters, digits, single '-', '_' and "
            f"'.', up to 96 in the name. Give {_FORM}."
        ) from error
    if at and not _REVISION.fullmatch(revision):
        raise InputError(f"model {text!r:.120}: {revision!r:.60} is no branch, tag or commit. Give {_FORM}.")
    if colon and not _FILE.fullmatch(file):
        raise InputError(f"model {text!r:.120}: {file!r:.60} is no GGUF file of a repository. Give {_FORM}.")
    return HubModel(repository, revision, file)


def hub_path(model: HubModel) -> Path | None:
    """The folder of the hub's local cache that holds the model, or its GGUF file; None if it was not fetched yet."""
    from huggingface_hub import try_to_load_from_cache

    file, revision = model.file if model.file else _CONFIG, model.revision if model.revision else None
    found = try_to_load_from_cache(model.repository, file, revision=revision)
    if not isinstance(found, str):
        return None
    return Path(found) if model.file else Path(found).parent


def hub_file(model: HubModel) -> tuple[Path, str]:
    """The GGUF file that is meant, else the configuration, fetched where it is not here yet; and the commit it is of.

    Raises InputError if it cannot be had.
    """
    from huggingface_hub import hf_hub_download

    file, revision = model.file if model.file else _CONFIG, model.revision if model.revision else None
    try:
        found = hf_hub_download(model.repository, file, revision=revision, local_files_only=not hub_answers())
    # Whatever the network, the hub and its terms may raise.
    except Exception as error:
        raise not_here(model, error) from error
    path = Path(found)
    return path, path.parents[file.count("/")].name


def hub_answers() -> bool:
    """Whether the hub may be asked and can be reached; its own client tries for half a minute, and says so."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    # Behind a proxy nothing else can be reached.
    if "https" in getproxies():
        return True
    host = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((host.hostname or "", host.port or 443), 3).close()
    except OSError:
        return False
    return True


def not_here(model: HubModel, error: Exception) -> InputError:
    """What is said of a model that neither the hub nor its local cache gave."""
    if "gated repo" in str(error):
        return InputError(
            f"model {str(model)!r} is gated. Accept its terms at https://huggingface.co/{model.repository}, then run "
            "`hf auth login` or set HF_TOKEN."
        )
    return InputError(
        f"model {str(model)!r} could not be loaded from the Hugging Face hub or its local copy "
        f"({why_not_loaded(error)}). Check the id; where there is a network, `emoviz fetch {model}` gets it (a broken "
        "download resumes)."
    )
