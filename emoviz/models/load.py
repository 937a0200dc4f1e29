"""A language model in memory, with its blocks at hand."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers import logging as transformers_logging

from ..errors import InputError
from .blocks import decoder_of, find_blocks, text_config
from .convert import MANIFEST, converted_folder
from .digest import sha256
from .registry import ModelSource, resolve

log = logging.getLogger(__name__)

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A causal language model ready to be read and steered.

    revision : hub commit or sha256 of the weights. weights : what the file stored (`GGUF Q4_1`, `safetensors`).
    precision : the type it computes in. lock : held during every forward pass, so that two users cannot mix hooks.
    """

    name: str
    revision: str
    architecture: str
    weights: str
    precision: str
    model: nn.Module
    tokenizer: Any
    blocks: nn.ModuleList
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def decoder(self) -> nn.Module:
        return decoder_of(self.model)

    @property
    def d_model(self) -> int:
        return text_config(self.model).hidden_size

    @property
    def n_layers(self) -> int:
        return len(self.blocks)

    @property
    def max_tokens(self) -> int | None:
        """Context length, None if the configuration does not say."""
        return getattr(text_config(self.model), "max_position_embeddings", None)

    @property
    def device(self) -> torch.device:
        return self.model.device


def log_progress(stage: str, number: int, total: int) -> None:
    log.info("%s (%d of %d)", stage, number, total)


def load_model(
    model: str,
    *,
    precision: str = "fp32",
    device: str = "auto",
    progress: Callable[[str, int, int], None] = log_progress,
) -> LoadedModel:
    """Loads a model by short name, hub id, folder or .gguf file (see `resolve`), converting GGUF once.

    Raises InputError for an unknown model, precision or device, a model that cannot be found or read, or one without
    decoder blocks.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f"precision {precision!r} is unknown; {', '.join(PRECISIONS)} are allowed; choose one of them."
        )
    place = pick_device(device)
    source = resolve(model)
    transformers_logging.disable_progress_bar()
    folder = converted_folder(source, progress) if source.kind in ("bundled", "gguf") else None
    origin = str(folder) if folder else source.location
    try:
        config = AutoConfig.from_pretrained(origin)
        tokenizer = AutoTokenizer.from_pretrained(origin)
        loaded = AutoModelForCausalLM.from_pretrained(origin, config=config, dtype=PRECISIONS[precision])
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _not_loadable(source, error) from error
    revision, weights = _identity(source, folder, config)
    return LoadedModel(
        name=source.name,
        revision=revision,
        architecture=type(loaded).__name__,
        weights=weights,
        precision=precision,
        model=loaded.to(place).eval(),
        tokenizer=tokenizer,
        blocks=find_blocks(loaded),
    )


def pick_device(device: str) -> str:
    """`auto` takes CUDA, then MPS, then the CPU. Raises InputError for an unknown or absent device."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if present[name])
    if device not in present:
        raise InputError(f"device {device!r} is unknown; {', '.join(DEVICES)} are allowed; choose one of them.")
    if not present[device]:
        raise InputError(f"device {device!r} is not there on this machine; use --device auto or cpu.")
    return device


def _identity(source: ModelSource, folder: Path | None, config) -> tuple[str, str]:
    """What exactly was loaded: revision (commit or sha256) and how its weights were stored."""
    if folder is not None:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return manifest["sha256"], manifest["weights"]
    if source.kind == "hub":
        return getattr(config, "_commit_hash", None) or "unknown", "hub weights"
    files = sorted(
        p for p in Path(source.location).iterdir() if p.suffix in (".safetensors", ".bin") or p.name == "config.json"
    )
    return sha256(files), "safetensors"


def _not_loadable(source: ModelSource, error: Exception) -> InputError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if source.kind == "hub":
        return InputError(
            f"model {source.location!r} could not be loaded from the Hugging Face hub or its local copy ({reason}); "
            "a reachable causal language model is needed; check the id and the network, or use a bundled model."
        )
    return InputError(
        f"{source.location} could not be loaded ({reason}); a folder of a causal language model is needed; choose another."
    )
