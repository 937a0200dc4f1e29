"""The control for shared words: how alike are the classes as bags of words?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import Corpus


def lexical_rdm(corpus: Corpus, classes: tuple[str, ...]) -> np.ndarray:
    """Condensed RDM, 1 - cosine between TF-IDF vectors of all passages of a class, centred like the vector sets.

    Returns (P,) in the order of `classes`.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    documents = [" ".join(p.text for p in corpus.passages if p.emotion == name) for name in classes]
    rows = TfidfVectorizer(sublinear_tf=True).fit_transform(documents).toarray()
    rows = rows - rows.mean(0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return 1 - (rows @ rows.T)[np.triu_indices(len(classes), 1)]


def bag_of_words(texts: Sequence[str]) -> np.ndarray:
    """TF-IDF vectors of length 1, one per text, (N, words) float32."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(texts).toarray()


def partial_rho(rho_xy: np.ndarray, rho_xz: np.ndarray, rho_yz: np.ndarray) -> np.ndarray:
    """Rank correlation of x and y with z held constant; NaN where z explains x or y fully."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (rho_xy - rho_xz * rho_yz) / np.sqrt((1 - rho_xz**2) * (1 - rho_yz**2))
