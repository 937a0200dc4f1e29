"""Which model exactly a name means, without its weights in memory."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError, first_line
from .convert import MANIFEST, Progress, converted_folder, log_progress, parts_of
from .digest import sha256
from .hub import hub_file, hub_path
from .registry import ModelSource, available, resolve
from .stored import stored_in_folder

# What transformers reads of a model folder, by the names that its tokenizers have given their files.
_USED = re.compile(
    r"(?:config|generation_config|adapter_config|special_tokens_map|added_tokens)\.json$|pytorch_model.*\.bin$"
    r"|tokenizer|chat_template|vocab|merges|.*\.(?:safetensors|index\.json|model|spm|tiktoken|tokenizer|bpe|codes)$"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A model that is at hand. revision, weights, origin : as a vector set has them. kind : its `model_type`."""

    name: str
    origin: str
    revision: str
    weights: str
    architecture: str
    kind: str
    n_layers: int
    d_model: int


def identity(model: str) -> Identity | None:
    """The identity of a model that is at hand; None of one that is not.

    Its configuration and the hash of its files are read; a GGUF file is converted once, as any use of it needs.
    Raises InputError as `resolve`, and where its configuration cannot be read.
    """
    source = resolve(model, away=True)
    from transformers import AutoConfig
    from transformers import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    here = (
        hub_path(source.hub) is not None if source.hub is not None else source.entry is None or available(source.entry)
    )
    if not here:
        return None
    _, folder, commit = placed(source, log_progress)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        text = config.get_text_config()
        n_layers, d_model = int(text.num_hidden_layers), int(text.hidden_size)
    # What a stranger's configuration makes transformers raise is anything at all.
    except Exception as error:
        raise InputError(
            f"{folder / 'config.json'} cannot be read ({first_line(error):.100}). Give the folder of a causal language "
            "model."
        ) from error
    revision, weights = weights_of(source, folder, commit)
    return Identity(
        name=source.name,
        origin=source.origin,
        revision=revision,
        weights=weights,
        architecture=next(iter(config.architectures or ()), ""),
        kind=text.model_type,
        n_layers=n_layers,
        d_model=d_model,
    )


def placed(source: ModelSource, progress: Progress) -> tuple[str, Path, str]:
    """What is loaded, a folder or a repository of the hub; the folder where its files lie; and the commit of the hub,
    empty for what is not of it."""
    if source.hub is None:
        folder = converted_folder(source, progress) if source.is_gguf else Path(source.location)
        return str(folder), folder, ""
    path, commit = hub_file(source.hub)
    if not source.is_gguf:
        return source.hub.repository, path.parent, commit
    folder = converted_folder(replace(source, kind="gguf", location=str(path)), progress)
    return str(folder), folder, commit


def weights_of(source: ModelSource, folder: Path, commit: str) -> tuple[str, str]:
    """Revision (commit or sha256) and how the weights were stored. folder : where they lie, for GGUF the converted
    copy. commit : of a hub model."""
    if source.is_gguf:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return manifest["sha256"], manifest["weights"]
    if source.kind == "hub":
        return commit, stored_in_folder(folder)
    return sha256(_files_of(folder)), stored_in_folder(folder)


def revision_of(source: ModelSource) -> tuple[str, str] | None:
    """(revision, commit of the hub) that a model will have once it is loaded; None where only loading it can tell. No
    weights are fetched or converted.

    Raises InputError if the files of a bundled model are missing.
    """
    if source.kind == "folder":
        return sha256(_files_of(Path(source.location))), ""
    if source.hub is None:
        return sha256(parts_of(source)), ""
    if source.is_gguf and hub_path(source.hub) is None:
        return None
    try:
        path, commit = hub_file(source.hub)
    except InputError:
        # Another machine may reach it; whoever loads it here says why it cannot.
        return None
    return sha256([path]) if source.is_gguf else commit, commit


def _files_of(folder: Path) -> list[Path]:
    """The files of a model folder that change what the model makes of a text: weights, configurations, tokenizer and
    chat template."""
    return sorted(path for path in folder.iterdir() if path.is_file() and _USED.match(path.name))
