"""What the passages are alike in before any block has read them: words, token embeddings, meaning to an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..geometry.curves import WORDS
from ..models.encoder import ENCODER, encoder_folder, sentence_vectors
from ..models.loaded import LoadedModel
from ..stats.lexical import bag_of_words


def control_features(loaded: LoadedModel, texts: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Features of each text by the name of the control, (N, F) each, and why one is missing.

    bag of words : TF-IDF. token embeddings : mean of the model's input embeddings over the tokens of the text.
    sentence encoder : see `sentence_vectors`.
    """
    features = {WORDS: bag_of_words(texts), "token embeddings": _token_embeddings(loaded, texts)}
    if encoder_folder() is None:
        return features, {"sentence encoder": f"the package of {ENCODER} is not installed (requirements-models.txt)"}
    return {**features, "sentence encoder": sentence_vectors(texts)}, {}


def _token_embeddings(loaded: LoadedModel, texts: Sequence[str]) -> np.ndarray:
    embed = loaded.model.get_input_embeddings()
    rows = []
    with torch.inference_mode():
        for text in texts:
            ids = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt", verbose=False)["input_ids"]
            rows.append(embed(ids.to(loaded.device))[0].float().mean(0).cpu().numpy())
    return np.stack(rows)
