"""GGUF files into ordinary model folders, once: reading GGUF takes up to a minute, the copy loads in seconds."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ..errors import InputError, faults_told, first_line
from ..files import DAMAGED, content, entries, parsed
from ..store.folders import models_folder
from ..store.formats.gguf_model import numbers_in_model
from ..store.making import being_made, locked, sweep
from ..types.given import file_part
from .digest import sha256
from .memory import check_claim
from .registry import ModelSource, fetched_file, installed_parts, weights_missing
from .stored import stored_in_gguf

log = logging.getLogger(__name__)

# Raised when converted folders of an older emoviz must not be reused.
CONVERSION_VERSION = 1
MANIFEST = "emoviz.json"
_LONGEST_MANIFEST = 1 << 20

Progress = Callable[[str, int, int], None]


def log_progress(stage: str, number: int, total: int) -> None:
    log.info("%s (%d of %d)", stage, number, total)


def converted_folder(source: ModelSource, progress: Progress) -> Path:
    """The folder with the converted copy of a bundled model or a .gguf file; converts it first if there is none.

    Written in a temporary folder beside the final one and renamed at the end, under a lock, so that a killed or
    doubled conversion leaves nothing behind that could be taken for a model.
    progress : called with a stage in words, its number and the number of stages.
    """
    parts = parts_of(source)
    digest = sha256(parts)
    folder = models_folder() / f"{file_part(source.name)}-{digest[:12]}-v{CONVERSION_VERSION}"
    if _is_whole(folder):
        sweep(folder)
        return folder
    needed = 6 * sum(part.stat().st_size for part in parts)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
    except OSError as error:
        raise InputError(
            f"{folder.parent} cannot be used ({error.strerror}). Set EMOVIZ_HOME to a folder that can be written to."
        ) from error
    if free < needed:
        raise InputError(
            f"converting {source.name} needs {needed / 1e9:.1f} GB in {folder.parent}, {free / 1e9:.1f} GB are free. "
            "Make room, or set EMOVIZ_HOME to another disk."
        )
    with locked(folder):
        if _is_whole(folder):
            return folder
        if folder.exists():
            log.warning("the converted copy of %s is damaged, or of an earlier version: it is made anew", source.name)
            shutil.rmtree(folder, ignore_errors=True)
        with faults_told(), being_made(folder) as work:
            _convert(source, parts, digest, work, progress)
            (work / "model").rename(folder)
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether a converted copy is there with every file as it was written."""
    try:
        said = parsed(content(folder / MANIFEST, _LONGEST_MANIFEST))["files"]
    except DAMAGED:
        return False
    return said == {path.name: sha256([path]) for path in entries(folder) if path.name != MANIFEST}


def parts_of(source: ModelSource) -> list[Path]:
    """The file of a GGUF model, in its parts where packages carry it."""
    if source.kind == "gguf" or source.entry is None:
        return [Path(source.location)]
    fetched = fetched_file(source.entry)
    parts = installed_parts(source.entry) or ([fetched] if fetched.is_file() else [])
    if not parts:
        raise weights_missing(source.entry)
    return parts


def _convert(source: ModelSource, parts: list[Path], digest: str, work: Path, progress: Progress) -> None:
    import torch
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    if len(parts) == 1:
        gguf = parts[0]
    else:
        gguf = work / f"{source.name}.gguf"
        with gguf.open("wb") as whole:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole)
    # Its header is believed by whatever comes next.
    numbers = numbers_in_model(gguf)
    target = work / "model"
    try:
        progress("reading the tokenizer", 1, 3)
        check_claim(AutoConfig.from_pretrained(gguf.parent, gguf_file=gguf.name, trust_remote_code=False), numbers)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, trust_remote_code=False)
        progress("reading and dequantizing the weights", 2, 3)
        # A pair, which the library's own annotation does not know.
        found: Any = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            gguf_file=gguf.name,
            dtype=torch.float32,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model, report = found
        if report["missing_keys"]:
            raise ValueError(f"{len(report['missing_keys'])} weights are missing")
    # A broken file makes the reader raise anything at all (struct.error was seen).
    except Exception as error:
        raise InputError(
            f"{source.location} cannot be read as a GGUF language model ({first_line(error)}). Use a file of an "
            "architecture that transformers reads."
        ) from error
    # What is saved is an ordinary float32 model; the GGUF quantizer would otherwise be asked for at every load.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    progress("writing the converted copy", 3, 3)
    try:
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        manifest = {
            "name": source.name,
            "sha256": digest,
            "weights": stored_in_gguf(gguf),
            "transformers": transformers.__version__,
            "files": {path.name: sha256([path]) for path in entries(target)},
        }
        (target / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"the converted copy of {source.name} cannot be written to {work.parent} ({first_line(error)}). Make "
            "room, or set EMOVIZ_HOME to another disk."
        ) from error
