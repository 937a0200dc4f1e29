"""What a text, or a vector, lights up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .base import Value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Reading(Value):
    """The tokens of one text, projected on every class vector of a set after every block. See `readout.reading`.

    tokens  : T pieces that join to the text; a token that goes on with a split character is an empty piece.
    offsets : where each piece begins and ends in the text.
    scores  : (L, T, C) float32, in fractions of the residual norm like a steering dose; NaN where a token is not read.
    layer   : the set's best layer. unread_layers, unread_tokens : number -> why scores are missing there.
    """

    model: str
    set: str
    text: str
    tokens: tuple[str, ...]
    offsets: tuple[tuple[int, int], ...]
    classes: tuple[str, ...]
    scores: np.ndarray
    layer: int
    unread_layers: dict[int, str] = field(default_factory=dict)
    unread_tokens: dict[int, str] = field(default_factory=dict)

    def to_frame(self, layer: int | None = None) -> pd.DataFrame:
        """One row per token and class at one layer (the best one by default): layer, token, piece, class, score."""
        import pandas as pd

        at = self.layer if layer is None else layer
        n = len(self.classes)
        return pd.DataFrame(
            {
                "layer": at,
                "token": np.repeat(np.arange(len(self.tokens)), n),
                "piece": np.repeat(np.array(self.tokens, object), n),
                "class": np.tile(np.array(self.classes, object), len(self.tokens)),
                "score": self.scores[at].ravel(),
            }
        )

    def __repr__(self) -> str:
        layers, tokens, classes = self.scores.shape
        return f"Reading({self.model}: {tokens} tokens x {classes} classes at {layers} layers)"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Sentence(Value):
    """A sentence and its mean scores over the tokens that were read, (C,); NaN if none was."""

    text: str
    scores: np.ndarray


@dataclass(frozen=True, slots=True)
class TokenChange:
    """A token, the change of its logit per unit of dose (`readout.lens.token_changes`), and its script if any."""

    token: str
    id: int
    change: float
    script: str | None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class DialogueReading(Value):
    """A dialogue as the unsteered model reads it, a row for each message.

    over : (n, C), mean scores of its words; NaN for a system prompt. before : (n, C), scores at the position before an
    answer; NaN for other messages. An answer that is to come has no words. Both less those of neutral exchanges in the
    same template. shift : (C,), what the template adds to the scores of a neutral answer, which is taken off.
    """

    model: str
    set: str
    layer: int
    roles: tuple[str, ...]
    texts: tuple[str, ...]
    classes: tuple[str, ...]
    over: np.ndarray
    before: np.ndarray
    shift: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """One row per message: turn, role, text, highest, and per class `over CLASS` and `before CLASS`."""
        import pandas as pd

        rows = []
        for k, (role, text) in enumerate(zip(self.roles, self.texts, strict=True)):
            nothing = np.isnan(self.over[k]).all()
            row = {"turn": k, "role": role, "text": text}
            row["highest"] = None if nothing else self.classes[int(self.over[k].argmax())]
            row |= {f"over {name}": value for name, value in zip(self.classes, self.over[k], strict=True)}
            row |= {f"before {name}": value for name, value in zip(self.classes, self.before[k], strict=True)}
            rows.append(row)
        return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Variation(Value):
    """Scores of sentences with one number after another in them. See `readout.variation`.

    templates : the sentences, with {n}. numbers, values : as they are written, and their values. scores : (templates,
    numbers, C), of the `mean` over a sentence or of its `last` token.
    """

    model: str
    set: str
    layer: int
    where: str
    templates: tuple[str, ...]
    numbers: tuple[str, ...]
    values: np.ndarray
    classes: tuple[str, ...]
    scores: np.ndarray

    def half_widths(self) -> np.ndarray:
        """(numbers, C), half of the 95 % interval of the mean over the sentences (Student's t), each less its own mean
        over the numbers, since a sentence has a level of its own; NaN for a single sentence."""
        from scipy import stats

        n = len(self.templates)
        if n < 2:
            return np.full(self.scores.shape[1:], np.nan)
        change = self.scores - self.scores.mean(1, keepdims=True)
        return stats.t.ppf(0.975, n - 1) * change.std(0, ddof=1) / np.sqrt(n)

    def to_frame(self) -> pd.DataFrame:
        """One row per sentence and number: template, number, value, and a column per class; `score number` for a class
        that is called like one of these."""
        import pandas as pd

        rows = []
        for template, own in zip(self.templates, self.scores, strict=True):
            for number, value, scores in zip(self.numbers, self.values, own, strict=True):
                row = {"template": template, "number": number, "value": value}
                names = [f"score {name}" if name in row else name for name in self.classes]
                rows.append(row | dict(zip(names, scores, strict=True)))
        return pd.DataFrame(rows)


def shares_by_script(tokens: Sequence[TokenChange]) -> dict[str, float]:
    """Script -> share of the tokens that are in it, the largest first; `none` for no script."""
    scripts = ["none" if row.script is None else row.script for row in tokens]
    return {script: n / len(scripts) for script, n in Counter(scripts).most_common()}


@dataclass(frozen=True, slots=True)
class Gloss:
    """A piece of text in another script, in English.

    source : `dictionary`, our own translation; `neighbours`, the words of Latin script that lie next to the token in
    the model's own embedding; None where there is neither.
    """

    piece: str
    english: str
    source: str | None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class VocabularyLens(Value):
    """The tokens that an emotion vector raises and lowers most through the output head, at every finite layer.

    raised, lowered : layer -> tokens, from the largest change on. vocabulary : script -> its share of all tokens,
    `none` for tokens of no script; what is no more than that is chance.
    """

    model: str
    set: str
    emotion: str
    raised: dict[int, tuple[TokenChange, ...]]
    lowered: dict[int, tuple[TokenChange, ...]]
    vocabulary: dict[str, float]

    def shares(self, layer: int) -> dict[str, float]:
        """Script -> share of the layer's raised tokens that are in it, the largest first; `none` for no script."""
        return shares_by_script(self.raised[layer])

    def to_frame(self) -> pd.DataFrame:
        """One row per layer and token: layer, raised (or lowered), rank, token, id, change, script."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "layer": layer,
                    "raised": raised,
                    "rank": rank,
                    "token": row.token,
                    "id": row.id,
                    "change": row.change,
                    "script": row.script,
                }
                for raised, found in ((True, self.raised), (False, self.lowered))
                for layer, rows in found.items()
                for rank, row in enumerate(rows, 1)
            ]
        )

    def __repr__(self) -> str:
        return f"VocabularyLens({self.emotion} in {self.model}: {len(self.raised)} layers)"
