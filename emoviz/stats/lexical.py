"""The control for shared words: how alike are texts as bags of words?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bag_of_words(texts: Sequence[str]) -> np.ndarray:
    """TF-IDF vectors of length 1, one per text, (N, words) float32."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(texts).toarray()
