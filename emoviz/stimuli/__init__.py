"""What the models read and are asked to write: passages, neutral sentences, story prompts, and their linter."""

from ..types import Openings, StoryPrompt
from .corpus import DEFAULT_CORPUS, load_corpus, neutral_sentences
from .lint import lint_corpus
from .scenarios import openings
from .stories import prompts_hash, story_prompts

__all__ = [
    "DEFAULT_CORPUS",
    "Openings",
    "StoryPrompt",
    "lint_corpus",
    "load_corpus",
    "neutral_sentences",
    "openings",
    "prompts_hash",
    "story_prompts",
]
