"""The emotional state in a conversation, as the unsteered model reads it: before an answer, and over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import InputError
from ..extract.norms import fitting
from ..geometry.layers import layer_of
from ..geometry.vectors import check_layer
from ..models.dialogue import pieces_of, spans_of
from ..models.fit import check_fit
from ..models.loaded import LoadedModel, loaded_model
from ..models.prompts import bare_ids, text_ids
from ..stimuli.dialogues import neutral_exchanges
from ..types import DialogueReading, VectorSet
from .projection import axes_of, unit_states

# Tokens of one pass.
_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class Reference:
    """Scores of neutral exchanges, (C,) each, which a reading is taken against.

    before, over, user : in the model's chat template, before and over answers, and over messages of the user. plain :
    of the same answers without it, so that `over - plain` is what the template alone adds to every score.
    """

    before: np.ndarray
    over: np.ndarray
    user: np.ndarray
    plain: np.ndarray


_REFERENCES: WeakKeyDictionary[LoadedModel, dict[tuple, Reference]] = WeakKeyDictionary()


def dialogue_scores(
    loaded: LoadedModel,
    vectors: VectorSet,
    layer: int,
    contexts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
) -> tuple[np.ndarray, np.ndarray]:
    """(before, over): scores at the last token of each context, and their mean over the answer, (n, C) float64 each.

    Nothing is injected. NaN over an empty answer. Beyond the model's context an answer is cut.
    Raises InputError for a set of another model or a layer that is not there.
    """
    check_fit(vectors, loaded)
    check_layer(vectors, layer)
    axes = axes_of(vectors, layer)
    room = loaded.max_tokens
    before = np.full((len(contexts), len(vectors.classes)), np.nan)
    over = before.copy()
    order = sorted(range(len(contexts)), key=lambda k: len(contexts[k]) + len(answers[k]))
    while order:
        longest = len(contexts[order[-1]]) + len(answers[order[-1]])
        size = max(1, _TOKENS // longest)
        part, order = order[-size:], order[:-size]
        rows = [[*contexts[k], *answers[k]][:room] for k in part]
        states = unit_states(loaded, layer, rows)
        for found, k in zip(states, part, strict=True):
            n = len(contexts[k])
            before[k] = axes.of_unit_states(found[n - 1])
            if len(found) > n:
                over[k] = axes.of_unit_states(found[n:].mean(0))
    return before, over


def neutral_reference(loaded: LoadedModel, vectors: VectorSet, layer: int, system: str | None) -> Reference:
    """Scores where nobody says anything of an emotion: the means over the shipped neutral exchanges.

    Read once for each model, set, layer and system prompt.
    """
    known = _REFERENCES.setdefault(loaded, {})
    key = (vectors.name, layer, system)
    if key not in known:
        said, told = zip(*neutral_exchanges(), strict=True)
        answers = [text_ids(loaded, text) for text in told]
        contexts = [pieces_of(loaded, [text], system)[0] for text in said]
        before, over = dialogue_scores(loaded, vectors, layer, contexts, answers)
        # The first token of a text alone may be a sink; in an answer it is an ordinary one.
        alone = [bare_ids(loaded, text) for text in told]
        _, plain = dialogue_scores(loaded, vectors, layer, [ids[:1] for ids in alone], [ids[1:] for ids in alone])
        first = [] if system is None else [("system", system)]
        places = [spans_of(loaded, [*first, ("user", text)]) for text in said]
        spans = [(ids, own[-1]) for ids, own, _ in places]
        _, user = dialogue_scores(
            loaded, vectors, layer, [ids[:start] for ids, (start, _) in spans], [ids[a:b] for ids, (a, b) in spans]
        )
        known[key] = Reference(before.mean(0), over.mean(0), user.mean(0), plain.mean(0))
    return known[key]


def read_dialogue(
    model: LoadedModel,
    vectors: VectorSet | None,
    messages: Sequence[tuple[str, str]],
    layer: int | float | str = "best",
) -> DialogueReading:
    """The emotional state in a dialogue that took place: over each message, and at the position before each answer.

    The whole dialogue is read once, in the model's chat template (as a plain transcript without one). Scores are those
    of `read_text` less the mean of 20 neutral exchanges in the same template, by speaker, since a template shifts them.
    Where the user speaks last, a row without words follows: the state before the answer that is to come.

    vectors : a set of this very model; None for the one that it uses. messages : (role, text), roles `system`, `user`
    and `assistant`. layer : as in `layer_of`.
    Returns : DialogueReading, scores (n, C) in fractions of the typical residual norm; `to_frame()` has a row each.
    Raises  : InputError as `models.dialogue.spans_of`, and for a dialogue beyond the model's context.
    Source  : docs/steering.md.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> said = [("user", "Everybody has left me."), ("assistant", "I am so sorry. Do you want to talk about it?")]
    >>> found = ez.read_dialogue(model, None, said)
    >>> found.to_frame()[["role", "highest"]].values.tolist()[0][0]
    'user'
    """
    vectors = fitting(vectors, loaded_model(model))
    if isinstance(messages, str) or not messages:
        raise InputError("no messages were given. Give (role, text) pairs, such as [('user', 'Hello.')].")
    at = layer_of(vectors, layer)
    check_layer(vectors, at)
    awaited = messages[-1][0] == "user"
    ids, spans, before = spans_of(model, messages, more=awaited)
    if model.max_tokens is not None and len(ids) > model.max_tokens:
        raise InputError(
            f"the dialogue has {len(ids)} tokens; {model.name} reads at most {model.max_tokens}. Shorten it."
        )
    (states,) = unit_states(model, at, [list(ids)])
    scores = axes_of(vectors, at).of_unit_states(states)
    system = next((text for role, text in messages if role == "system"), None)
    usual = neutral_reference(model, vectors, at, system)
    nothing = np.full(len(vectors.classes), np.nan)
    over, first = [], []
    for (role, _), (start, end), last in zip(messages, spans, before, strict=True):
        level = usual.user if role == "user" else usual.over
        over.append(nothing if role == "system" else scores[start:end].mean(0) - level)
        first.append(scores[last] - usual.before if role == "assistant" and last >= 0 else nothing)
    if awaited:
        messages = [*messages, ("assistant", "")]
        over.append(nothing)
        first.append(scores[-1] - usual.before)
    return DialogueReading(
        model=model.name,
        set=vectors.name,
        layer=at,
        roles=tuple(role for role, _ in messages),
        texts=tuple(text for _, text in messages),
        classes=vectors.classes,
        over=np.stack(over),
        before=np.stack(first),
        shift=usual.over - usual.plain,
    )
