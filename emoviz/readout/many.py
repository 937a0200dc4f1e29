"""Many texts, read at one layer into a table: sentence by sentence, at the speed of extraction, in flat memory."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..extract.batches import Batch, batches
from ..extract.capture import DEFAULT_BATCH_TOKENS, DeepEnough, in_parts
from ..extract.norms import fitting
from ..extract.progress import Progress
from ..extract.protocols import reading_protocol
from ..extract.work import drop_work, work_folder
from ..geometry.layers import layer_of
from ..geometry.vectors import check_layer
from ..models.blocks import hidden_of
from ..models.loaded import LoadedModel, loaded_model
from ..models.prompts import special_ids
from ..stats.tops import Tops
from ..stimuli.corpus import DEFAULT_CORPUS
from ..stimuli.streams import Scan, TextRow, TextSource, scan, text_source
from ..store.atomic import check_writable
from ..store.folders import readings_folder
from ..store.readings import (
    TABLE_FORMATS,
    Part,
    beside,
    load_readings,
    needs_pyarrow,
    save_part,
    texts_done,
    write_readings,
)
from ..types import Missing, TextReadings, TopRow, VectorSet
from ..types.given import file_part
from .projection import axes_of, passage_scale
from .reading import SINK, check_fast
from .scripts import LATIN, script_shares
from .sentences import sentence_of, sentence_spans
from .summary import mean_of_read
from .windows import Whole, Window, windows_of

# Everything that changes the numbers of a table beside model, set and texts.
VERSION = 2
# Letters of the texts that are read between two parts on disk, for each token of a batch; texts at most.
_LETTERS, _TEXTS = 30, 2000
# Letters before and after a listed token.
_AROUND = 60


def read_texts(
    model: LoadedModel,
    vectors: VectorSet | None,
    texts: Any,
    *,
    out: Path | str | None = None,
    text_column: str | None = None,
    layer: int | float | str = "best",
    name: str = "texts",
    batch_tokens: int = DEFAULT_BATCH_TOKENS,
    progress: bool | Callable[[str, int, int], None] = True,
) -> TextReadings:
    """Which emotions many texts light up: a table with the scores of every text and of every sentence of it.

    Scores are those of `read_text` at one layer, means over the tokens that are read there. Blocks after it do not run.
    Whatever the number of texts, only some are in memory; a run that was killed goes on where it stopped. A text that
    cannot be read stops nothing: its row says why in `note`. One beyond the context, or 4,096 tokens, is read in parts
    of whole sentences.

    vectors : a set of this very model; None for the one that it uses.
    texts : the path of a file (JSONL, JSON, CSV, TSV, Parquet, .txt) or of a folder of such files; a list of texts; or
        a DataFrame. Other columns travel along.
    out : where the table goes, .csv or .parquet; None for the user's own folder, where the same texts are never read
        twice. text_column : what the texts are called; None looks for `text`, `sentence`, `utterance`, `passage`.
    layer : as in `layer_of`. name : what texts that come from no file are called. batch_tokens : padded tokens of one
        forward pass. progress : True shows how far it is, False is silent; or a function of (stage, done, total).
    Returns : TextReadings, scores (C,) a row in fractions of the typical residual norm; `to_frame()` has a row per text
        (sentence 0) and sentence, `frames()` gives them in parts, `top("afraid")` the highest.
    Raises  : InputError for texts that cannot be opened at all, a column, layer or set that is not there, and a table
        that cannot be written.
    Source  : the formula is in `readout.projection`; sentences are those of sentencex.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> texts = ["She could not stop crying after the funeral.", "", "The children ran into the sea, laughing."]
    >>> read = ez.read_texts(model, None, texts, progress=False)
    >>> read.to_frame()[["text_id", "sentence", "note"]].values.tolist()
    [[0, 0, ''], [0, 1, ''], [1, 0, 'not read: no text'], [2, 0, ''], [2, 1, '']]
    >>> read.top("sad")["id"].tolist()
    [0, 2]
    """
    vectors = fitting(vectors, loaded_model(model))
    at = layer_of(vectors, layer)
    check_layer(vectors, at)
    check_fast(model)
    if not isinstance(batch_tokens, int) or batch_tokens < 1:
        raise InputError(f"batch_tokens {batch_tokens!r:.40} was given; a whole number above 0 is needed.")
    source = text_source(texts, text_column, name)
    path = None if out is None else checked_table(out)
    show = Progress() if progress is True else (lambda stage, done, total: None) if progress is False else progress
    try:
        return read_source(model, vectors, source, scan(source), at, path, batch_tokens, show)
    finally:
        if isinstance(show, Progress):
            show.close()


def checked_table(out: Path | str) -> Path:
    """Where a table goes. Raises InputError for a name that says no format, or one that cannot be written here."""
    path = Path(out)
    if path.suffix.lower() not in TABLE_FORMATS or path.is_dir():
        raise InputError(f"table {path.name!r:.80} was given; a file that ends in .csv or .parquet is needed.")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise InputError(needs_pyarrow(path))
    check_writable(path.parent)
    return path


def read_source(
    loaded: LoadedModel,
    vectors: VectorSet,
    source: TextSource,
    seen: Scan,
    layer: int,
    path: Path | None,
    batch_tokens: int,
    show: Callable[[str, int, int], None],
) -> TextReadings:
    """`read_texts` of a source that was looked at, with everything checked."""
    given = [VERSION, loaded.revision, loaded.precision, vectors.name, layer, seen.hash]
    key = hashlib.sha256(json.dumps(given).encode()).hexdigest()[:16]
    if path is None:
        suffix = ".csv" if find_spec("pyarrow") is None else ".parquet"
        path = readings_folder() / f"{file_part(source.name)}_{key}{suffix}"
        if path.exists() and beside(path).exists():
            drop_work(f"{file_part(source.name)}_{key}.texts")
            return load_readings(path)
        check_writable(path.parent)
    scale = passage_scale(vectors, layer)
    with work_folder(f"{file_part(source.name)}_{key}.texts") as work:
        done = texts_done(work)
        started, tokens = time.perf_counter(), 0
        show("reading texts", done, seen.n)
        reader = _Reader(loaded, vectors, layer, batch_tokens)
        for chunk in _chunks(islice(source.rows(), done, None), _LETTERS * batch_tokens):
            part = reader.read(chunk, done, partial(_tell, show, done, len(chunk), seen.n))
            save_part(work, part)
            tokens += int(part.tokens[part.sentences == 0].sum())
            done += len(chunk)
        made = {
            "model": loaded.name,
            "set": vectors.name,
            "layer": layer,
            "no_z": scale.why if isinstance(scale, Missing) else "",
            "tokens_per_second": tokens / (time.perf_counter() - started) if tokens else None,
        }
        found = None if isinstance(scale, Missing) else scale
        return write_readings(path, work, vectors.classes, found, made, lambda n: show("tabulating", n, seen.n))


def _tell(show: Callable[[str, int, int], None], done: int, n: int, total: int, share: float) -> None:
    """How far a run is inside a part of n texts."""
    show("reading texts", done + round(share * n), total)


def _chunks(rows: Iterator[TextRow], letters: int) -> Iterator[list[TextRow]]:
    """Texts that are read together: so many letters, or one longer text."""
    chunk: list[TextRow] = []
    held = 0
    for row in rows:
        chunk.append(row)
        held += len(row.text)
        if held >= letters or len(chunk) == _TEXTS:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk


@dataclass(slots=True)
class _Found:
    """What was found of one text: its sentences, where its tokens end and their scores, and what is said of it."""

    spans: list[tuple[int, int]]
    ends: np.ndarray
    scores: np.ndarray
    notes: list[str]


class _Reader:
    """Reads texts at one layer of a model."""

    def __init__(self, loaded: LoadedModel, vectors: VectorSet, layer: int, batch_tokens: int) -> None:
        self.loaded, self.vectors, self.layer, self.batch_tokens = loaded, vectors, layer, batch_tokens
        p = vectors.provenance
        self.english = p.corpus == DEFAULT_CORPUS or p.method == "generation"
        axes = axes_of(vectors, layer)
        self.norm = axes.norm
        self.directions = torch.from_numpy(axes.units.T.astype(np.float32))
        self.offset = torch.from_numpy(axes.offset.astype(np.float32))
        self.special = torch.tensor(sorted(special_ids(loaded)))
        # First tokens of texts -> whether they are a sink at any layer.
        self.first_sinks: dict[int, bool] = {}

    def read(self, rows: Sequence[TextRow], first: int, tick: Callable[[float], None]) -> Part:
        """rows : texts as they came, from the one with number `first`. tick : called with the share that is read."""
        texts = [Whole(k, row.text, sentence_spans(row.text)) for k, row in enumerate(rows) if not row.why]
        windows, said = windows_of(self.loaded, texts, reading_protocol(self.vectors).special_tokens)
        parts: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        for window, scores in zip(windows, self._scores(windows, tick), strict=True):
            if scores is None:
                n = len(window.encoded.ids)
                said.setdefault(window.text, []).append(f"{n} tokens not read: they do not fit into the memory")
            else:
                parts.setdefault(window.text, []).append((window.ends, scores))
        nothing = np.zeros(0, np.int64), np.zeros((0, len(self.vectors.classes)), np.float32)
        found = [_Found([], *nothing, [row.why] if row.why else self._script(row.text)) for row in rows]
        for one in texts:
            own = parts.get(one.number, [nothing])
            ends, scores = (np.concatenate(arrays) for arrays in zip(*own, strict=True))
            notes = [*said.get(one.number, ()), *found[one.number].notes]
            found[one.number] = _Found(one.spans, ends, scores, notes)
        return self._part(rows, found, first)

    def _script(self, text: str) -> list[str]:
        """What is said of a text in another script than the passages, if these are English."""
        if not self.english or text.isascii():
            return []
        script, share = next(iter(script_shares(text).items()), (LATIN, 1.0))
        said = f"most letters are {script}; the passages of the set are English"
        return [said] if script != LATIN and share > 0.5 else []

    def _scores(self, windows: Sequence[Window], tick: Callable[[float], None]) -> list[np.ndarray | None]:
        """Scores of the tokens of each window, (tokens, C), NaN where one is not read; None where it does not fit into
        memory."""
        encoded = [window.encoded for window in windows]
        self._look_at_first([int(one.ids[0]) for one in encoded if len(one.ids) and one.content[0]])
        found: list[np.ndarray | None] = [None] * len(encoded)
        done, total = 0, sum(len(one.ids) for one in encoded)
        for batch in batches(encoded, self.batch_tokens):
            for part, scores in in_parts(self.loaded, batch, self._forward):
                if scores is not None:
                    ends = np.cumsum(part.content.sum(1).numpy())
                    for row, own in zip(part.rows, np.split(scores, ends[:-1]), strict=True):
                        found[row] = own
                done += int(part.attention.sum())
                tick(done / total)
        return found

    def _forward(self, batch: Batch) -> np.ndarray:
        """Scores of all tokens of a batch that stand for text, row after row; NaN where one is not read."""
        sink_first = torch.zeros_like(batch.content)
        sink_first[:, 0] = torch.tensor([self.first_sinks.get(token, False) for token in batch.ids[:, 0].tolist()])
        special = torch.isin(batch.ids[batch.content], self.special)
        found: list[np.ndarray] = []

        def project(_module, _inputs, output) -> None:
            hidden = hidden_of(output, self.loaded.d_model)
            content = batch.content.to(hidden.device)
            hidden = hidden[content].float()
            length = torch.linalg.vector_norm(hidden, dim=-1)
            scores = (hidden / length[:, None] - self.offset.to(hidden.device)) @ self.directions.to(hidden.device)
            sink = (length / self.norm > SINK) | sink_first.to(hidden.device)[content]
            unread = sink | special.to(hidden.device) | ~torch.isfinite(scores).all(-1)
            found.append(scores.masked_fill(unread[:, None], torch.nan).cpu().numpy())
            raise DeepEnough

        self._run(batch.ids, {self.layer: project}, attention_mask=batch.attention.to(self.loaded.device))
        return found[0]

    def _look_at_first(self, ids: Sequence[int]) -> None:
        """Which of the first tokens are sinks at any layer, later ones than that of the table among them.

        The first token sees itself alone, so that it is the same in every text: one pass of each is enough.
        """
        new = sorted(set(ids) - set(self.first_sinks))
        for start in range(0, len(new), self.batch_tokens):
            part = torch.tensor(new[start : start + self.batch_tokens])
            sinks = torch.zeros(len(part), dtype=torch.bool)

            def look(norm: float, _module, _inputs, output, sinks: torch.Tensor = sinks) -> None:
                hidden = hidden_of(output, self.loaded.d_model)[:, 0].float()
                sinks |= (torch.linalg.vector_norm(hidden, dim=-1) / norm > SINK).cpu()

            norms = self.vectors.residual_norm
            self._run(part[:, None], {at: partial(look, float(norms[at])) for at in self.vectors.finite_layers})
            self.first_sinks |= dict(zip(part.tolist(), sinks.tolist(), strict=True))

    def _run(self, ids: torch.Tensor, hooks: dict[int, Callable[..., None]], **given: torch.Tensor) -> None:
        """One pass of the decoder with hooks on some blocks, which may end it."""
        with self.loaded.inference(), ExitStack() as stack:
            for layer, hook in hooks.items():
                stack.callback(self.loaded.blocks[layer].register_forward_hook(hook).remove)
            with suppress(DeepEnough):
                self.loaded.decoder(input_ids=ids.to(self.loaded.device), use_cache=False, **given)

    def _part(self, rows: Sequence[TextRow], found: Sequence[_Found], first: int) -> Part:
        """The rows of the table: each text, then its sentences."""
        ids, sentences, tokens, scores = [], [], [], []
        texts, notes = [], []
        tops = Tops(self.vectors.classes)
        for k, (row, own) in enumerate(zip(rows, found, strict=True)):
            read = np.isfinite(own.scores).all(-1)
            if own.spans and not read.any() and not any("not read" in note for note in own.notes):
                own.notes.append("not read: no token to read (the first is a sink)")
            # Of every sentence, where its tokens begin: they stand in its order.
            place = sentence_of(own.spans, own.ends)
            starts = np.searchsorted(place, np.arange(len(own.spans) + 1)).tolist()
            pieces = [(row.text, 0, len(place))]
            pieces += [
                (row.text[start:end].strip(), starts[s], starts[s + 1]) for s, (start, end) in enumerate(own.spans)
            ]
            for number, (text, begin, end) in enumerate(pieces):
                n = int(read[begin:end].sum())
                ids.append(first + k)
                sentences.append(number)
                tokens.append(n)
                scores.append(mean_of_read(own.scores[begin:end]))
                texts.append(text)
                notes.append("; ".join(own.notes) if number == 0 else "" if n else "not read: no token to read")
            _list(tops, row.text, own, place, first + k)
        return Part(
            first=first,
            other=[row.other for row in rows],
            ids=np.array(ids),
            sentences=np.array(sentences),
            tokens=np.array(tokens),
            scores=np.stack(scores).astype(np.float32),
            texts=texts,
            notes=notes,
            files=[rows[k - first].file for k in ids],
            tops=tops.kept(),
        )


def _list(tops: Tops, text: str, own: _Found, place: np.ndarray, number: int) -> None:
    """Those of a text's tokens that are among the highest."""

    def span(k: int) -> tuple[int, int]:
        return int(own.ends[k - 1]) if k else 0, int(own.ends[k])

    def row(k: int, c: int) -> TopRow:
        start, end = span(k)
        return TopRow(
            text=text[start:end],
            score=float(own.scores[k, c]),
            z=None,
            id=number,
            sentence=int(place[k]) + 1,
            before=text[max(0, start - _AROUND) : start],
            after=text[end : end + _AROUND],
        )

    tops.add(own.scores, lambda k: text[slice(*span(k))].strip().lower(), row)
