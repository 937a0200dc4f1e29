"""Tiny models, small corpora and made-up vector sets; nothing here needs a network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# First, so that gradio starts here as it does on the page.
import emoviz.app  # noqa: F401
from emoviz.types import Protocol, Provenance, Resampled, VectorSet

# The same cases at every run, on machines of any speed, and no folder of them.
settings.register_profile("emoviz", derandomize=True, deadline=None, database=None)
settings.load_profile("emoviz")

ROOT = Path(__file__).resolve().parents[1]
WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "under",
    "mat",
    "tree",
    "red",
    "blue",
    "joyous",
    "grim",
    "and",
    "or",
    ".",
    ",",
]


def pytest_terminal_summary(terminalreporter):
    """What could not be tested must not go by in silence."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section(f"NOT TESTED: {len(skipped)} skipped", sep="!", red=True, bold=True)
        for report in skipped:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2]}")


@pytest.fixture(autouse=True)
def no_stray_writes(tmp_path, monkeypatch, request):
    """Sets that a test extracts go to a folder of its own; converted models are shared, since they take a minute."""
    if request.node.get_closest_marker("models") is None:
        monkeypatch.setenv("EMOVIZ_HOME", str(tmp_path / "home"))


def save_tiny_model(folder: Path, config, *, bos: bool = False) -> Path:
    """A random model with a word-level tokenizer, saved as an ordinary model folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{word: k + 3 for k, word in enumerate(WORDS)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def tiny_llama(layers: int = 4, width: int = 16):
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=32,
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )


def tiny_gpt2(layers: int = 3, width: int = 16):
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=32, n_embd=width, n_layer=layers, n_head=2, n_positions=64, bos_token_id=1, eos_token_id=2
    )


def leaking_model(tmp_path, push: float):
    """A small model whose head finds one Chinese token likelier by `push` than its other tokens, whatever it reads."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from emoviz.models.load import load_model

    folder = save_tiny_model(tmp_path / "leaks", tiny_llama())
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, "the": 3, "cat": 4, "安宁": 5, "рад": 6, "12": 7, "the安": 8}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    loaded = load_model(str(folder))

    def head(_module, _inputs, logits):
        flat = torch.zeros_like(logits)
        flat[..., 3], flat[..., 5] = 5.0, 5.0 + push
        return flat

    loaded.model.lm_head.register_forward_hook(head)
    return loaded


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama", tiny_llama())


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny-gpt2", tiny_gpt2(), bos=True)


@pytest.fixture
def llama(llama_folder):
    from emoviz.models.load import load_model

    return load_model(str(llama_folder))


@pytest.fixture
def gpt2(gpt2_folder):
    from emoviz.models.load import load_model

    return load_model(str(gpt2_folder))


def finished(steps) -> tuple[list, object]:
    """(what a generator yields, what it returns)."""
    said = []
    while True:
        try:
            said.append(next(steps))
        except StopIteration as end:
            return said, end.value


def write_passages(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def small_corpus(tmp_path):
    """Two classes of four passages in the tiny vocabulary."""
    from emoviz.stimuli import load_corpus

    rows = [
        {"emotion": emotion, "text": f"the {word} {animal} sat on {what} mat and ran .", "topic": animal + what}
        for emotion, word in (("up", "joyous"), ("down", "grim"))
        for animal in ("cat", "dog")
        for what in ("the", "a")
    ]
    return load_corpus(write_passages(tmp_path / "small.jsonl", rows))


def make_set(
    name: str = "m_emoviz_fp32_00000000",
    *,
    seed: int = 0,
    layers: int = 6,
    classes: tuple[str, ...] | None = None,
    width: int = 32,
    noise: float = 0.3,
    scale: float = 1.0,
    geometry: np.ndarray | None = None,
    model: str = "made-up",
    nonfinite: tuple[int, ...] = (),
) -> VectorSet:
    """A vector set with a given true geometry (classes x width) and independent noise in its two halves."""
    from emoviz.emotions import CLASSES

    classes = CLASSES if classes is None else classes
    rng = np.random.default_rng(seed)
    if geometry is None:
        geometry = np.random.default_rng(99).normal(size=(len(classes), width))
    halves = geometry + noise * rng.normal(size=(2, layers, *geometry.shape))
    halves = (scale * (halves + 3)).astype(np.float32)
    halves[:, list(nonfinite)] = np.nan
    missing = np.where(np.isin(np.arange(layers), nonfinite), np.nan, 1.0)
    return VectorSet(
        name=name,
        classes=classes,
        provenance=Provenance(
            model=model,
            revision="0123456789abcdef",
            architecture="MadeUpForCausalLM",
            weights="safetensors",
            precision="fp32",
            method="comprehension",
            protocol=Protocol("emoviz", "mean", True, True, True, "class", "decoding"),
            corpus="made-up",
            corpus_hash="feedbeef" * 8,
            n_passages=4 * len(classes),
            n_neutral_sentences=5,
            topics=("a", "b", "c", "d"),
            nonfinite_layers=nonfinite,
            created="2026-01-01T00:00:00+00:00",
            versions={"numpy": "2"},
        ),
        class_means=halves.mean(0),
        half_means=halves,
        residual_norm=np.linspace(1, 2, layers) * missing,
        anisotropy=np.linspace(0.2, 0.8, layers) * missing,
        decoding_accuracy=np.sin(np.linspace(0.2, 2.8, layers)) * missing,
        umap=None,
        anisotropy_centred=np.linspace(0.1, 0.3, layers) * missing,
    )


def as_imported(
    vectors: VectorSet,
    *,
    name: str = "",
    classes: tuple[str, ...] | None = None,
    layers: tuple[int, ...] | None = None,
) -> VectorSet:
    """The directions of a set as another tool's file would have them: of some classes, at some layers, all else gone.

    They are less the mean over all classes, so that they are those that the set itself reads and steers with.
    """
    from dataclasses import replace

    from emoviz.extract.imported import PROTOCOL
    from emoviz.types import Imported
    from emoviz.types.vectors import IMPORTED

    classes = vectors.classes if classes is None else classes
    layers = vectors.finite_layers if layers is None else layers
    means = np.asarray(vectors.class_means, np.float32)
    rows = (means - means.mean(1, keepdims=True))[:, [vectors.classes.index(one) for one in classes]]
    gone = tuple(layer for layer in range(vectors.n_layers) if layer not in layers)
    rows[list(gone)] = np.nan
    unknown = np.full(vectors.n_layers, np.nan)
    lacking = ("halves", "residual_norm", "anisotropy", "anisotropy_centred", "decoding_accuracy", "intervals", "umap")
    return VectorSet(
        name=name if name else f"{vectors.provenance.model}_{IMPORTED}_mine_00000000",
        classes=classes,
        provenance=replace(
            vectors.provenance,
            precision="",
            method=IMPORTED,
            protocol=PROTOCOL,
            corpus="mine",
            corpus_hash="",
            n_passages=0,
            n_neutral_sentences=0,
            topics=(),
            nonfinite_layers=gone,
            imported=Imported(("mine.npz",), "NumPy arrays"),
        ),
        class_means=rows,
        half_means=None,
        residual_norm=unknown,
        anisotropy=unknown,
        decoding_accuracy=unknown,
        umap=None,
        notes={
            **dict.fromkeys(lacking, "the passages that the vectors were made from are not known"),
            **({"layers": "the files have no vectors for it"} if gone else {}),
        },
    )


def with_intervals(vectors: VectorSet, n: int = 30, error: float = 0.02) -> VectorSet:
    """The set with an error of the same size for every curve, and control RDMs that partly agree with its own."""
    from dataclasses import replace

    from emoviz.geometry import rdm
    from emoviz.geometry.curves import CONTROL_RDMS as CONTROLS
    from emoviz.geometry.curves import CURVES

    rng = np.random.default_rng(5)
    own = rdm(vectors, vectors.finite_layers[0]).condensed
    controls = {name: own + 0.3 * (1 + k) * rng.normal(size=len(own)) for k, name in enumerate(CONTROLS)}
    names = (*CURVES, *(f"control {name}" for name in CONTROLS))
    missing = np.where(np.isin(np.arange(vectors.n_layers), vectors.finite_layers), 1.0, np.nan).astype(np.float32)
    errors = {name: np.tile(error * missing, (3, 1)).astype(np.float32) for name in names}
    replicates = (error * rng.normal(size=(3, n, vectors.n_layers)) * missing).astype(np.float32)
    return replace(vectors, control_rdms=controls, resampled=Resampled(n, 0, errors, replicates))


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window."""
    from playwright.sync_api import sync_playwright

    from .chromium import find

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=find(), args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()
