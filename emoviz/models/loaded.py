"""A language model in memory, with its blocks at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import nn

from ..errors import InputError
from .blocks import decoder_of, device_of, text_config, unwrapped
from .selftest import Support


@dataclass(slots=True)
class Use:
    """Who uses a decoder now.

    lock : held during every forward pass of emoviz. steered : whether `steering` holds it.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    steered: bool = False


# By decoder, so that two wraps of one model take turns.
_USES: WeakKeyDictionary[nn.Module, Use] = WeakKeyDictionary()
_LOOKED_UP = threading.Lock()


class Weights(Protocol):
    """A model in memory, or what is known of one that is not loaded yet."""

    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def instruct(self) -> bool: ...

    @property
    def asked(self) -> str: ...

    @property
    def commit(self) -> str: ...


@dataclass(frozen=True, eq=False, repr=False)
class LoadedModel:
    """A causal language model that can be read and steered, as `load_model` and `wrap` give it.

    origin : the short name, hub id or path that loads it again; empty for a model that was wrapped in memory.
    revision : hub commit or sha256 of the weights. weights : what the file stored (`GGUF Q4_1`, `safetensors`).
    precision : the type it computes in. support : how far its architecture is trusted.
    instruct : whether it follows requests: by the registry, else by whether it brings a chat template.
    asked, commit : as in `Provenance`.
    model, tokenizer : those of transformers, for whatever emoviz does not do. blocks : its transformer blocks.
    """

    name: str
    origin: str
    revision: str
    architecture: str
    weights: str
    precision: str
    model: Any
    tokenizer: Any
    blocks: nn.ModuleList
    support: Support
    instruct: bool
    asked: str = ""
    commit: str = ""

    def generate(self, *inputs: Any, **options: Any) -> Any:
        """`generate` of the model itself, unchanged; steered inside `with steering(...)`."""
        return self.model.generate(*inputs, **options)

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Around every forward pass of emoviz: one at a time, without gradients, on a model that nothing steers.

        Raises InputError inside `with steering(...)` of this model, where every number would be that of a steered
        model, and for a model that was put into training mode.
        """
        check_evaluating(self.model)
        use = self.use
        with use.lock, torch.inference_mode():
            if use.steered:
                raise InputError(
                    f"{self.name} is being steered, and this needs the unsteered model. Leave the `with "
                    "steering(...)` block first."
                )
            yield

    def check_steerable(self) -> None:
        """Raises InputError for a model that failed what steering needs in the self-test."""
        if self.support.unsteered:
            raise InputError(
                f"{self.name} ({self.architecture}) can be read and not steered: {self.support.unsteered}. Use another "
                "model."
            )

    @property
    def use(self) -> Use:
        """Who uses the model now, shared by all wraps of it."""
        with _LOOKED_UP:
            return _USES.setdefault(self.decoder, Use())

    @property
    def lock(self) -> threading.Lock:
        return self.use.lock

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
    def embedding_rows(self) -> int:
        """Tokens that the input embedding has; a tokenizer may have more."""
        return len(self.model.get_input_embeddings().weight)

    @property
    def max_tokens(self) -> int | None:
        """Context length, None if the configuration does not say."""
        return getattr(text_config(self.model), "max_position_embeddings", None)

    @property
    def end_tokens(self) -> tuple[int, ...]:
        """Ids that end a text; empty if the model names none."""
        ids = self.model.generation_config.eos_token_id
        if ids is None:
            ids = self.tokenizer.eos_token_id
        return () if ids is None else (ids,) if isinstance(ids, int) else tuple(ids)

    @property
    def device(self) -> torch.device:
        return device_of(self.model)

    def __repr__(self) -> str:
        size = f"{self.n_layers} layers x {self.d_model}"
        where = f"{self.precision} on {self.device}"
        return f"LoadedModel({self.name!r}: {self.architecture}, {size}, {where}, {self.support.badge})"


def loaded_model(given: Any) -> LoadedModel:
    """Raises InputError for anything but a model as `load_model` or `wrap` gives it."""
    if isinstance(given, LoadedModel):
        return given
    what = f"{given!r:.60}" if isinstance(given, str) else type(given).__name__
    raise InputError(
        f"{what} was given. Load a model with ez.load_model, or wrap one that you have in memory: "
        "model = ez.wrap(model, tokenizer)."
    )


def check_evaluating(model: nn.Module) -> None:
    """Raises InputError for a model in training mode."""
    if any(module.training for module in model.modules()):
        kind = type(unwrapped(model)).__name__
        raise InputError(f"{kind} is in training mode, where dropout makes every pass differ. Call model.eval() first.")
