"""Finding a model's transformer blocks, and reading and writing what they put out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from .stored import quantized_as

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PRECISION_OF = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16", torch.float64: "fp64"}
_LIST_NAMES = ("layers", "h", "blocks", "block")
_FINAL_NORMS = (
    *("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f", "layer_norm", "layernorm"),
    *("final_norm", "out_norm"),
    # Of LFM, after the last block.
    "embedding_norm",
)
_PASTS = ("past_key_values", "cache_params")
_NOT_TEXT = ("vision", "visual", "audio", "mtp")


def text_config(model: PreTrainedModel) -> Any:
    """The configuration of the language model, also inside a multimodal wrapper."""
    return model.config.get_text_config(decoder=True)


def decoder_of(model: PreTrainedModel) -> nn.Module:
    """The decoder without the vocabulary head."""
    from transformers import PreTrainedModel

    whole = unwrapped(model)
    decoder = whole.get_decoder() if hasattr(whole, "get_decoder") else None
    # A module of that name may be something else, such as the output head, or the whole model.
    for found in (decoder, whole.base_model, getattr(whole, "model", None)):
        if isinstance(found, PreTrainedModel) and found is not whole:
            return found
    return whole


def precision_of(model: Any) -> str:
    """The type that a model computes in; a quantized model by its bits or its method."""
    quantized = getattr(model.config, "quantization_config", None)
    if quantized is not None:
        return quantized_as(quantized)
    return _PRECISION_OF.get(model.dtype, str(model.dtype).removeprefix("torch."))


def device_of(model: Any) -> torch.device:
    """Where its inputs go. accelerate brings them to the first block, also where the embedding was left on the disk."""
    device: torch.device = model.device
    return torch.device("cpu") if device.type == "meta" else device


def past_name(model: Any) -> str | None:
    """What a model's passes call what they keep of the tokens before: their keys and values, or a state; None of a
    model that keeps nothing, or has a way of its own."""
    known = inspect.signature(unwrapped(model).forward).parameters
    return next((name for name in _PASTS if name in known), None)


def unwrapped(model: Any) -> PreTrainedModel:
    """The model inside torch.compile and PEFT wrappers."""
    model = getattr(model, "_orig_mod", model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def find_blocks(model: Any, layer_path: str | None = None) -> nn.ModuleList:
    """The decoder's transformer blocks in order, one per layer of its configuration.

    Looks for a ModuleList under the usual names on the decoder, then for the only ModuleList of the right length
    outside vision and audio towers and encoders beside it. `layer_path`, such as `model.layers`, names it instead.
    Raises InputError that lists the candidates if there is no single answer.
    """
    model = unwrapped(model)
    if layer_path is not None:
        return _named(model, layer_path)
    config = text_config(model)
    n_layers = getattr(config, "num_hidden_layers", None)
    decoder = decoder_of(model)
    for name in _LIST_NAMES:
        blocks = getattr(decoder, name, None)
        # LongCat counts its attentions as layers, of which each block has two.
        if isinstance(blocks, nn.ModuleList) and len(blocks) in (n_layers, getattr(config, "num_layers", n_layers)):
            return blocks
    found = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, nn.ModuleList)
        and len(module) == n_layers
        and not any(word in path.lower() for word in _NOT_TEXT)
    }
    candidates = {path: module for path, module in found.items() if "encoder" not in path.lower()}
    # BERT and its kin call their only stack an encoder, also where it is a decoder.
    if not candidates:
        if found and getattr(config, "is_decoder", True) is False:
            raise InputError(
                f"{type(model).__name__} is an encoder (is_decoder in its configuration is false): each token sees "
                "those behind it. Use a causal language model."
            )
        candidates = found
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    many = f"{len(candidates)} candidate lists of {n_layers} modules{': ' if candidates else ''}"
    why = "its configuration gives no number of layers" if n_layers is None else many + ", ".join(candidates)
    raise InputError(
        f"the blocks of {type(model).__name__} were not found ({why}). Name the list with --layer-path, or use a "
        "decoder-only model."
    )


def final_norm(decoder: nn.Module, architecture: str) -> nn.Module:
    """The norm between the last block and the output head.

    Raises InputError if the decoder has none of a known name.
    """
    for name in _FINAL_NORMS:
        module = getattr(decoder, name, None)
        if isinstance(module, nn.Module):
            return module
    raise InputError(
        f"the final norm of {architecture} was not found (looked for {', '.join(_FINAL_NORMS)}). The lens "
        "does not know this architecture."
    )


def _named(model: nn.Module, layer_path: str) -> nn.ModuleList:
    blocks = dict(model.named_modules()).get(layer_path)
    if isinstance(blocks, nn.ModuleList) and len(blocks):
        return blocks
    lists = [path for path, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    raise InputError(
        f"layer path {layer_path!r} is no list of modules in {type(model).__name__}; {', '.join(lists)} are. Name "
        "the decoder's blocks."
    )


def hidden_of(output, width: int) -> Tensor:
    """The residual stream in a block's output, (batch, tokens, width).

    Blocks return a bare tensor in current transformers and a tuple in older ones; indexing a bare tensor would drop
    its batch axis without a word.
    """
    hidden = output if isinstance(output, Tensor) else output[0]
    if not isinstance(hidden, Tensor) or hidden.ndim != 3 or hidden.shape[-1] != width:
        shape = tuple(hidden.shape) if isinstance(hidden, Tensor) else type(hidden).__name__
        raise InputError(
            f"a block puts out numbers of shape {shape}, where one state of each token, (batch, tokens, {width}), is "
            "needed. This architecture is not supported."
        )
    return hidden


def with_hidden(output, hidden: Tensor):
    """A block's output with the residual stream replaced; never changed in place."""
    return hidden if isinstance(output, Tensor) else (hidden, *output[1:])
