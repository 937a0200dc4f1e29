"""A model that is in memory already, made ready to be read and steered."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import torch
from torch import nn

from ..errors import InputError
from ..types.given import file_name
from .blocks import find_blocks, precision_of, text_config, unwrapped
from .loaded import LoadedModel, check_evaluating
from .selftest import self_test

# Embeddings are padded to round sizes; no model of the registry leaves more than 2 % of its rows without a token.
_PADDING_ROWS, _PADDING_SHARE = 1024, 0.1


def wrap(
    model: Any,
    tokenizer: Any,
    name: str | None = None,
    *,
    revision: str | None = None,
    layer_path: str | None = None,
) -> LoadedModel:
    """Makes a Hugging Face model that is in memory ready for emoviz: fine-tuned, quantized, with adapters, on any
    device.

    The model itself is neither copied nor changed. It goes through the same self-test as a model that emoviz loads.

    model : a causal language model of transformers, in evaluation mode; also inside PEFT or torch.compile.
    tokenizer : the one that it was trained with.
    name : what sets and figures call it; by default the last part of the id or folder that it came from.
    revision : what tells its weights from others. By default a hash of weights, configuration, adapters and tokenizer,
        so that a vector set made before more training no longer fits; about a second per gigabyte.
    layer_path : the module list that holds the blocks, such as `model.layers`, where it is not found by itself.
    Returns : LoadedModel, which `extract`, `steering` and all else take.
    Raises  : InputError for anything that is no causal language model, a model in training mode or without its weights
        in memory, a tokenizer that does not match the embedding, and a model that fails the self-test.

    >>> import emoviz as ez
    >>> loaded = ez.load_model("SmolLM2-135M-Instruct")
    >>> model, tokenizer = loaded.model, loaded.tokenizer  # in your work: your own, from transformers
    >>> ez.wrap(model, tokenizer, name="my-model", revision="step-1000")
    LoadedModel('my-model': LlamaForCausalLM, 30 layers x 576, fp32 on cpu, tested)
    """
    _check_causal(model)
    kind = type(unwrapped(model)).__name__
    check_evaluating(model)
    if any(tensor.is_meta for tensor in model.parameters()):
        raise InputError(f"some weights of {kind} are not in memory (device meta). Load the model without offloading.")
    _check_tokenizer(model, tokenizer, kind)
    precision, text = precision_of(model), text_config(model)
    blocks = find_blocks(model, layer_path)
    return LoadedModel(
        name=_name(model, kind) if name is None else file_name(name),
        origin="",
        revision=_fingerprint(model, tokenizer) if revision is None else revision,
        architecture=kind,
        weights="in memory",
        precision=precision,
        model=model,
        tokenizer=tokenizer,
        blocks=blocks,
        instruct=getattr(tokenizer, "chat_template", None) is not None,
        support=self_test(model, blocks, text.hidden_size, text.vocab_size, precision),
    )


def _check_causal(model: Any) -> None:
    inner = unwrapped(model) if isinstance(model, nn.Module) else model
    config = getattr(inner, "config", None)
    needed = "a causal language model of transformers (AutoModelForCausalLM) is needed"
    if isinstance(model, LoadedModel):
        raise InputError(f"{model.name} is wrapped already. Use it as it is.")
    if not isinstance(model, nn.Module) or config is None:
        raise InputError(f"{type(model).__name__} was given; {needed}.")
    kind = type(inner).__name__
    if config.is_encoder_decoder:
        raise InputError(f"{kind} has an encoder and a decoder; {needed}.")
    if not (callable(getattr(inner, "can_generate", None)) and inner.can_generate()):
        raise InputError(f"{kind} writes no text: it is an encoder, or has no vocabulary head; {needed}.")


def _check_tokenizer(model: Any, tokenizer: Any, kind: str) -> None:
    """Raises InputError for a tokenizer whose tokens do not fill the rows of the model's embedding."""
    if not callable(getattr(tokenizer, "get_vocab", None)):
        raise InputError(
            f"{type(tokenizer).__name__} was given as the tokenizer. Give the tokenizer of {kind}, from AutoTokenizer."
        )
    rows = model.get_input_embeddings().num_embeddings
    # Tokens beyond the embedding that stand for pictures or sound come with text models and are never written.
    special = set(tokenizer.all_special_ids) | set(getattr(tokenizer, "added_tokens_decoder", {}))
    ids = [id for id in tokenizer.get_vocab().values() if id < rows or id not in special]
    tokens = max(ids, default=-1) + 1
    unused = rows - tokens
    if unused < 0 or unused > max(_PADDING_ROWS, _PADDING_SHARE * rows):
        raise InputError(
            f"the tokenizer has {tokens:,} tokens, the embedding of {kind} {rows:,} rows: they do not belong "
            "together. Load the tokenizer from the same place as the model."
        )


def _name(model: Any, kind: str) -> str:
    parts = re.split(r"[/\\]", str(getattr(model.config, "_name_or_path", "")).rstrip("/\\"))
    return parts[-1] if re.fullmatch(r"[\w.+-]+", parts[-1]) else kind


def _fingerprint(model: Any, tokenizer: Any) -> str:
    """sha256 of everything that the model's numbers depend on."""
    digest = hashlib.sha256()
    inner = unwrapped(model)
    config = {
        key: value
        for key, value in inner.config.to_dict().items()
        if key not in ("_name_or_path", "transformers_version")
    }
    adapters = {name: one.to_dict() for name, one in getattr(model, "peft_config", {}).items()}
    # Which adapters take part in a pass; a switched-off one keeps its weights.
    active = [
        [name, str(module.active_adapters), module.disable_adapters, module.merged]
        for name, module in inner.named_modules()
        if hasattr(module, "disable_adapters") and hasattr(module, "merged")
    ]
    ends = inner.generation_config.eos_token_id
    described = [config, adapters, active, ends, _described(tokenizer)]
    digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for name, tensor in sorted(inner.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().contiguous().flatten().cpu().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _described(tokenizer: Any) -> list[Any]:
    """What a tokenizer makes of a text depends on."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    fast = getattr(tokenizer, "backend_tokenizer", None)
    # Of the last call, not of the tokenizer.
    parts = {} if fast is None else {**json.loads(fast.to_str()), "padding": None, "truncation": None}
    return [vocabulary, parts, tokenizer.special_tokens_map, getattr(tokenizer, "chat_template", None)]
