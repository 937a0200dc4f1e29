"""What emoviz computes of a model that accelerate has spread over two devices, beside the same on one; as JSON.

The devices are pretended: their tensors lie in the computer's memory, and know which device they are on. As on real
ones, an operation on tensors of different devices is refused. A program, since torch learns of such devices for good.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import emoviz as ez
from emoviz.extract.batches import encode
from emoviz.extract.capture import capture
from emoviz.extract.protocols import PROTOCOLS
from emoviz.judge.likelihood import log_likelihoods
from emoviz.judge.perplexity import log_perplexities
from emoviz.models.load import load_model
from emoviz.readout.lens import token_changes
from emoviz.steer.generate import steer_texts
from emoviz.steer.injection import offsets
from emoviz.types import Decoding

from .conftest import make_set

NAME = "pretend"
PROMPT = "the cat sat on"


class Elsewhere(torch.Tensor):
    """A tensor that lies on a pretended device. held : what it holds."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor, device: torch.device) -> Elsewhere:
        shape = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        found = torch.Tensor._make_wrapper_subclass(cls, held.size(), device=device, **shape)
        found.held = held
        return found

    @classmethod
    def __torch_dispatch__(cls, func: Any, _types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _run(func, args, kwargs or {})


class Devices(TorchDispatchMode):
    """Inside, tensors may be made on and moved to pretended devices."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: tuple, kwargs: dict) -> Any:
    leaves = tree_leaves((args, kwargs))
    tensors = [one for one in leaves if isinstance(one, torch.Tensor)]
    asked = [one for one in leaves if isinstance(one, torch.device)]
    moves = func._schema.name in ("aten::_to_copy", "aten::to", "aten::copy_")
    # A number may come from anywhere.
    places = {one.device for one in tensors if isinstance(one, Elsewhere) or one.ndim}
    if len(places) > 1 and not moves:
        raise RuntimeError(f"{func} of tensors on {', '.join(sorted(map(str, places)))}")
    here = [one.device for one in tensors] if moves else [*places]
    place = (asked + here + [torch.device("cpu")])[0]

    def plain(one: Any) -> Any:
        if isinstance(one, torch.device):
            return torch.device("cpu")
        return one.held if isinstance(one, Elsewhere) else one

    out = func(*tree_map(plain, args), **tree_map(plain, kwargs))
    if place.type != NAME:
        return out
    # What is changed in place stays the tensor that it was.
    known = {id(one.held): one for one in tensors if isinstance(one, Elsewhere) and one.device == place}

    def placed(one: Any) -> Any:
        if not isinstance(one, torch.Tensor):
            return one
        return known[id(one)] if id(one) in known else Elsewhere(one, place)

    return tree_map(placed, out)


def split(model: Any) -> None:
    """Spreads a model over two devices, as accelerate does where `load_model` finds several GPUs."""
    from accelerate import dispatch_model

    half = len(model.model.layers) // 2
    parts = {"model.embed_tokens": 0, "model.rotary_emb": 0, "model.norm": 1, "lm_head": 1}
    parts |= {f"model.layers.{k}": int(k >= half) for k in range(len(model.model.layers))}
    places = {part: f"{NAME}:{k}" for part, k in parts.items()}
    dispatch_model(model, places, main_device=f"{NAME}:0", force_hooks=True)


def computed(folder: Path, on_two: bool) -> dict[str, Any]:
    loaded = load_model(str(folder))
    if on_two:
        split(loaded.model)
    vectors = make_set("tiny", layers=4, width=16, classes=("down", "up"))
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))
    out: dict[str, Any] = {"devices": sorted({str(weights.device) for weights in loaded.model.parameters()})}
    for recipe in (PROTOCOLS["emoviz"], PROTOCOLS["jeong2026b"]):
        texts = encode(loaded, [PROMPT, "a red tree and a grim dog .", "the cat"], recipe)
        out[f"states, {recipe.pooling}"] = capture(loaded, texts, recipe).states
    acts = ["up", "0.5 up - 0.5 down", "ablate up", "when up > -9 add down 0.3", "up first 2", "random"]
    for norm in ("fixed", "live"):
        recipe = ez.recipe(vectors, norm=norm, layers="all")
        texts = steer_texts(loaded, vectors, acts, [0.3], PROMPT, recipe, Decoding(5))
        out[f"texts, {norm} norm"] = [one.text for one in texts]
    with ez.steering(loaded, vectors, "up", 0.3):
        ids = loaded.tokenizer(PROMPT, return_tensors="pt")["input_ids"].to(loaded.device)
        out["generate inside steering"] = loaded.generate(ids, max_new_tokens=4, do_sample=False).cpu().numpy()
    out["reading"] = ez.read_text(loaded, vectors, PROMPT).scores
    out["lens"] = token_changes(loaded, vectors, "up", 1)
    table = folder / f"{on_two}.csv"
    read = ez.read_texts(loaded, vectors, [PROMPT, "a red tree ."], out=table, progress=False).to_frame()
    out["table of texts"] = read.select_dtypes("number").to_numpy()
    made_turns = ez.converse(loaded, vectors, "up", 0.3, ["a dog", "a tree"], decoding=Decoding(4)).turns
    out["conversation"] = [[reply.text for reply in turn] for turn in made_turns]
    prompt = loaded.tokenizer(PROMPT)["input_ids"]
    out["perplexity"] = log_perplexities(loaded, prompt, [[4, 5, 6], [7, 8]])
    added = offsets(vectors, [("up", 0.3), ("down", 0.3)], ez.recipe(vectors))
    out["likelihood"] = log_likelihoods(loaded, prompt, [[4, 5, 6], [7, 8]], added)
    return out


def main() -> None:
    folder = Path(sys.argv[1])
    one = computed(folder, False)
    backend_registration._setup_privateuseone_for_python_backend(NAME)
    # `torch.tensor` makes its tensors before any of this is asked; on the CPU that is, and then moved.
    torch._C._set_only_lift_cpu_tensors(True)
    # Views of inference tensors cannot be wrapped.
    torch.inference_mode = torch.no_grad
    with Devices():
        two = computed(folder, True)
    print(json.dumps({"one": one, "two": two}, default=lambda array: np.asarray(array).tolist()))


if __name__ == "__main__":
    main()
