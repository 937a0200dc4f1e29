"""Which model exactly a name means, without its weights in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, first_line
from .convert import MANIFEST, converted_folder, log_progress
from .digest import sha256
from .registry import ModelSource, available, hub_folder, resolve


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
    if source.kind == "hub":
        folder = hub_folder(source.location)
    elif source.entry is not None and not available(source.entry):
        folder = None
    else:
        folder = Path(source.location) if source.kind == "folder" else converted_folder(source, log_progress)
    if folder is None:
        return None
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
    # The folder of the hub's cache is called by the commit.
    revision, weights = weights_of(source, folder, folder.name)
    return Identity(
        name=source.name,
        origin=source.entry.id if source.entry is not None else source.location,
        revision=revision,
        weights=weights,
        architecture=next(iter(config.architectures or ()), ""),
        kind=text.model_type,
        n_layers=n_layers,
        d_model=d_model,
    )


def weights_of(source: ModelSource, folder: Path, commit: str | None) -> tuple[str, str]:
    """Revision (commit or sha256) and how the weights were stored. folder : where they lie, for GGUF the converted
    copy. commit : of a hub model."""
    if source.kind in ("bundled", "gguf"):
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return manifest["sha256"], manifest["weights"]
    if source.kind == "hub":
        return commit or "unknown", "hub weights"
    files = sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".bin") or p.name == "config.json")
    return sha256(files), "safetensors"
