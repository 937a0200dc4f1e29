"""Texts are written on a GPU that a Space lends, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..gpu import LENT, lent
from ..memory import model_named

if TYPE_CHECKING:
    from ...models.loaded import LoadedModel
    from ...steer.generate import Partial
    from ...steer.injection import Offsets
    from ...types import Decoding


def written(loaded: LoadedModel, prompt: str, added: Offsets, decoding: Decoding) -> Iterator[Partial]:
    """`steer.generate.generate`, on a lent GPU where there is one. Raises InputError as it does, before any step."""
    from ...steer.generate import checked_ids, generate

    if not LENT:
        return generate(loaded, prompt, added, decoding)
    checked_ids(loaded, prompt, decoding)
    return _written(loaded.name, prompt, added, decoding)


@lent
def _written(model: str, prompt: str, added: Offsets, decoding: Decoding) -> Iterator[Partial]:
    """In a process of its own, which has the GPU: hooks come and go there, and only plain values are handed over."""
    from ...models.load import moved_to_gpu
    from ...steer.generate import generate

    yield from generate(moved_to_gpu(model_named(model)), prompt, added, decoding)
