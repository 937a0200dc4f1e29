"""What the models read: passages, neutral sentences, and the linter that guards them."""

from .corpus import DEFAULT_CORPUS, load_corpus
from .lint import lint_corpus

__all__ = ["DEFAULT_CORPUS", "lint_corpus", "load_corpus"]
