"""Conversations: several turns of one user with every row of a batch, each row with its own history.

What a turn adds to a conversation, the user's message and the answer, is steered as that turn says, and stays so: a
dose that is changed later changes what is read and written from then on, not what was. Keys and values are kept between
the turns; where they are not, the turns are read again, each steered as it was.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch

from ..errors import InputError
from ..extract.norms import fitting
from ..models.dialogue import STOP, form_of, pieces_of
from ..models.loaded import LoadedModel
from ..models.memory import check_pass
from ..readout.scripts import own_scripts
from ..types import Decoding, Recipe, Reply, Towards, VectorSet
from ..types.judging import broken_words
from .generate import MAX_BATCH_TOKENS, MAX_ROWS, Partial, Past, batch_rows, check_decoding, write
from .grammar import label_of, unfit
from .injection import Offsets, injected, offsets, on_device
from .recipes import EMOVIZ
from .recipes import recipe as recipe_of

# Bytes of keys and values that all conversations keep between their turns; beyond, those that rested longest are let go
# and their turns are read again.
MAX_KEPT = 2**29
_KEPT: list[weakref.ref[Conversation]] = []
_KEEPING = threading.Lock()


@dataclass(slots=True)
class _Turn:
    """What was said in one turn. first : the oldest turn that still fitted then. ids, counted : (rows, steps) of the
    answers, and which are part of them."""

    user: str
    first: int
    added: Offsets
    ids: torch.Tensor
    counted: torch.Tensor
    replies: list[Reply]


@dataclass(eq=False)
class Conversation:
    """A conversation of one user with every row of a batch: the unsteered model, and each direction at each dose.

    system : None for what the chat template adds by itself. turns that no longer fit the context are left out, the
    oldest first: `dropped` says how many.
    """

    model: LoadedModel
    vectors: VectorSet
    recipe: Recipe
    decoding: Decoding
    system: str | None
    rows: list[tuple[Towards, float]]
    dropped: int = 0
    _turns: list[_Turn] = field(default_factory=list)
    _past: Past | None = None

    @property
    def turns(self) -> tuple[tuple[Reply, ...], ...]:
        """The answers of each turn, one per row, the unsteered first."""
        return tuple(tuple(turn.replies) for turn in self._turns)

    def say(
        self,
        user: str,
        *,
        directions: Sequence[Towards] | None = None,
        doses: Sequence[float] = (),
        seed: int | None = None,
    ) -> Iterator[Partial]:
        """One more turn; yields the answers so far after each token. What is written when the caller stops, stays.

        directions, doses : of this turn and those that follow, as many rows as before; None for those of the last turn.
        seed : None for that of the decoding.
        Raises InputError for a message that cannot be used, another number of rows, or one that does not fit.
        """
        rows: list[tuple[Towards, float]] = self.rows
        if directions is not None:
            rows = list(batch_rows(list(directions), doses, self.vectors.classes))
        if len(rows) != len(self.rows):
            raise InputError(
                f"{len(rows)} rows were given, the conversation has {len(self.rows)} with the unsteered one. Give as "
                "many directions and doses as it began with, or begin another."
            )
        added = offsets(self.vectors, rows, self.recipe)
        decoding = replace(self.decoding, seed=self.decoding.seed if seed is None else seed)
        check_decoding(decoding)
        pieces = self._fitted(user, decoding)
        self.rows = list(rows)
        return self._said(user, added, decoding, pieces)

    def back_to(self, turn: int) -> None:
        """Forgets this turn and all after it, counted from 0, so that something else can be said there."""
        if not 0 <= turn < len(self._turns):
            raise InputError(f"turn {turn} was given; the conversation has turns 0 to {len(self._turns) - 1}.")
        del self._turns[turn:]
        self._past, self.dropped = None, 0

    def rest(self) -> None:
        """Lets go of what the model has read, which takes memory; it reads it again when more is said."""
        self._past = None

    def context(self, turn: int, row: int) -> list[int]:
        """The tokens that a row was given before its answer of a turn."""
        users, first = [one.user for one in self._turns[: turn + 1]], self._turns[turn].first
        pieces = pieces_of(self.model, users[first:], self.system)
        out = list(pieces[0])
        for one, piece in zip(self._turns[first:turn], pieces[1:], strict=True):
            out += [*one.replies[row].ids, *piece]
        return out

    def _fitted(self, user: str, decoding: Decoding) -> list[list[int]]:
        """The pieces before each answer, once the oldest turns that do not fit are left out."""
        room, first = self.model.max_tokens, self.dropped
        while True:
            turns = self._turns[first:]
            pieces = pieces_of(self.model, [*(turn.user for turn in turns), user], self.system)
            length = sum(map(len, pieces)) + sum(turn.ids.shape[1] for turn in turns) + decoding.max_new_tokens
            fits = room is None or length <= room
            if fits and length * len(self.rows) <= MAX_BATCH_TOKENS:
                break
            if not turns:
                most = f"{self.model.name} reads at most {room}" if not fits else f"{MAX_BATCH_TOKENS} of all rows fit"
                raise InputError(f"the message and its answer have up to {length} tokens; {most}. Shorten it.")
            first += 1
        check_pass(self.model, len(self.rows), length)
        if first != self.dropped:
            self.dropped, self._past = first, None
        return pieces

    def _said(self, user: str, added: Offsets, decoding: Decoding, pieces: list[list[int]]) -> Iterator[Partial]:
        loaded, n = self.model, len(self.rows)
        past, self._past = self._past, None
        past = self._read_again(pieces) if past is None else past
        ids, counted = _lead(self._turns[self.dropped :], n)
        piece = torch.tensor(pieces[-1]).expand(n, -1)
        ids, counted = torch.cat([ids, piece], 1), torch.cat([counted, torch.ones_like(piece, dtype=torch.bool)], 1)
        own = own_scripts(" ".join([*(turn.user for turn in self._turns), user]))
        stop = None if loaded.tokenizer.chat_template is not None else STOP
        before, last = past.there.shape[1] + ids.shape[1], None
        try:
            for last in write(loaded, ids, counted, added, decoding, own, past, stop):
                yield last
        finally:
            if last is not None:
                turn = self._turn(user, added, decoding, last)
                self._turns.append(turn)
                # A text that was cut off leaves tokens in the past that do not count.
                fed = past.there.shape[1] - before
                answers = past.there[:, before:] & turn.counted[:, :fed]
                past.there = torch.cat([past.there[:, :before], answers], 1)
                self._past = past
                _keep(self)

    def _turn(self, user: str, added: Offsets, decoding: Decoding, last: Partial) -> _Turn:
        ids, ends = torch.from_numpy(last.ids), set(self.model.end_tokens)
        counted = torch.zeros_like(ids, dtype=torch.bool)
        replies = []
        for k, (towards, dose) in enumerate(self.rows):
            steps = last.broken[k]
            row = last.ids[k].tolist()[:steps]
            length = next((n for n, token in enumerate(row) if token in ends), len(row))
            if self.model.tokenizer.chat_template is None:
                length = _kept(self.model, row[:length], last.texts[k])
            counted[k, :length] = True
            replies.append(
                Reply(
                    model=self.model.name,
                    set=self.vectors.name,
                    turn=len(self._turns),
                    direction=label_of(towards),
                    dose=dose,
                    seed=decoding.seed,
                    user=user,
                    text=last.texts[k].strip(),
                    ids=tuple(row[:length]),
                    leak_mass=tuple(last.leak_mass[k, : length + last.finished[k]].tolist()),
                    finished=last.finished[k],
                    classes=self.vectors.classes,
                    broken="" if steps is None else broken_words(steps, self.model.precision),
                )
            )
        return _Turn(user, self.dropped, added, ids, counted, replies)

    def _read_again(self, pieces: list[list[int]]) -> Past:
        """The past of the turns that are there, each steered as it was."""
        loaded, past = self.model, Past.empty(len(self.rows), kept=True)
        turns = self._turns[self.dropped :]
        for k, turn in enumerate(turns):
            acting = on_device(turn.added, loaded)
            ids, counted = _lead(turns[:k], len(self.rows))
            piece = torch.tensor(pieces[k]).expand(len(self.rows), -1)
            ids = torch.cat([ids, piece], 1)
            counted = torch.cat([counted, torch.ones_like(piece, dtype=torch.bool)], 1)
            _feed(loaded, past, turn.added, acting, ids, counted, 0)
            # What depends on single passes is read as it was written, token by token.
            answer, there = turn.ids[:, :-1], turn.counted[:, :-1]
            step = 1 if turn.added.norm == "live" or any(turn.added.windows) else max(1, answer.shape[1])
            for at in range(0, answer.shape[1], step):
                _feed(loaded, past, turn.added, acting, answer[:, at : at + step], there[:, at : at + step], at + 1)
        return past


def converse(
    model: LoadedModel,
    vectors: VectorSet | None,
    directions: Towards | Sequence[Towards],
    doses: float | Sequence[float],
    users: str | Sequence[str],
    recipe: Recipe | str = EMOVIZ,
    decoding: Decoding | None = None,
    *,
    system: str | None = None,
) -> Conversation:
    """The same messages to the unsteered model and under every direction and intervention, all in one batch.

    vectors, directions, doses : as in `steer_texts`.
    users : what the user says, one message a turn. recipe : a preset or what `recipe` gives.
    decoding : None for up to 60 greedy tokens an answer. system : None for what the chat template adds by itself.
    Returns : Conversation; `turns` are the answers, and `say` goes on.
    Raises  : InputError as `steer_texts`, for an empty message, one that holds a control token, or a template that
    fails.
    Source  : docs/steering.md.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> said = ez.converse(model, None, "calm", 0.05, ["I lost my job today.", "What now?"], decoding=ez.Decoding(12))
    >>> [[(one.direction, one.dose) for one in turn] for turn in said.turns]
    [[('unsteered', 0.0), ('calm', 0.05)], [('unsteered', 0.0), ('calm', 0.05)]]
    """
    from .directions import directions_of
    from .doses import doses_of

    made = conversation(model, vectors, directions_of(directions), doses_of(doses), recipe, decoding, system=system)
    for user in [users] if isinstance(users, str) else users:
        for _ in made.say(user):
            pass
    return made


def conversation(
    model: LoadedModel,
    vectors: VectorSet | None,
    directions: Sequence[Towards],
    doses: Sequence[float],
    recipe: Recipe | str = EMOVIZ,
    decoding: Decoding | None = None,
    *,
    system: str | None = None,
) -> Conversation:
    """One in which nothing has been said yet. Raises InputError as `converse`."""
    vectors = fitting(vectors, model, unfit(directions))
    model.check_steerable()
    if model.support.silent:
        raise InputError(
            f"no conversation can be had with {model.name} ({model.architecture}): {model.support.silent}. Steer "
            "single texts, or use another model."
        )
    rows = batch_rows(directions, doses, vectors.classes)
    if len(rows) > MAX_ROWS:
        raise InputError(f"{len(rows)} rows were asked for; {MAX_ROWS} are allowed. Give fewer directions or doses.")
    chosen = recipe_of(vectors, recipe)
    offsets(vectors, rows, chosen)
    form = form_of(model)
    if system is not None and not form.takes_system:
        raise InputError(f"the chat template of {model.name} takes no system prompt. Leave it out.")
    given = None if system == form.system and form.templated else system
    return Conversation(model, vectors, chosen, Decoding(60) if decoding is None else decoding, given, list(rows))


def _lead(turns: Sequence[_Turn], rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What was written last and has not been read yet: (rows, 0 or 1) ids, and which count."""
    if not turns:
        return torch.zeros(rows, 0, dtype=torch.long), torch.zeros(rows, 0, dtype=torch.bool)
    return turns[-1].ids[:, -1:], turns[-1].counted[:, -1:]


def _feed(
    loaded: LoadedModel,
    past: Past,
    added: Offsets,
    acting: dict,
    ids: torch.Tensor,
    counted: torch.Tensor,
    written: int,
) -> None:
    more = past.options(loaded, counted)
    with loaded.inference(), injected(loaded, added, acting, written=written):
        out = loaded.decoder(input_ids=ids.to(loaded.device), use_cache=True, **past.given(loaded), **more)
    past.keep(loaded, out)


def _kept(loaded: LoadedModel, ids: list[int], text: str) -> int:
    """How many of the tokens of a text that was cut off are part of it."""
    length = len(ids)
    while length and len(loaded.tokenizer.decode(ids[:length], skip_special_tokens=True)) > len(text):
        length -= 1
    return length


def _keep(made: Conversation) -> None:
    """Keeps what a conversation has read, and lets go of that of others where it is too much together."""
    with _KEEPING:
        others = [one for one in _KEPT if one() not in (None, made)]
        _KEPT[:] = [*others, weakref.ref(made)]
        total = 0
        for one in reversed(_KEPT):
            there = one()
            total += 0 if there is None else _size(there._past)
            if there is not None and total > MAX_KEPT:
                there._past = None


def _size(past: Past | None) -> int:
    """Bytes of the keys and values."""
    layers = getattr(past.cache, "layers", ()) if past is not None else ()
    return sum(
        part.numel() * part.element_size()
        for layer in layers
        for part in (getattr(layer, "keys", None), getattr(layer, "values", None))
        if isinstance(part, torch.Tensor)
    )
