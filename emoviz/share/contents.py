"""What a report says about a view, section by section, and what an archive holds of it: figures and tables by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import InputError
from ..experiments.claims import claims
from ..geometry import preferred_layer, rdm
from ..geometry.layers import layer_note
from ..plots.theme import short_label
from ..stats import letters
from ..stats.valence import valence_arousal
from ..types import Comparison, VectorSet
from ..types.vectors import IMPORTED
from ..words import ranges
from .cells import MISSING
from .figures import View, effects_run_of, leak_direction, leak_runs_of
from .tables import (
    Table,
    claims_table,
    disagreements,
    explained_table,
    key_numbers,
    leak_table,
    neighbours_table,
    pairs_table,
    published_table,
    rules_table,
    sets_table,
    traits_table,
)

# More pairs than these are listed in one table, without a figure and a table of their own.
MAX_PAIRS = 6


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A table, made when it is needed; what it cannot be made from raises InputError."""

    name: str
    title: str
    make: Callable[[], Table]


@dataclass(frozen=True, slots=True)
class Section:
    """One question. figures : by their names in `drawings`."""

    name: str
    title: str
    text: str
    figures: tuple[str, ...] = ()
    tables: tuple[NamedTable, ...] = ()


def sections(view: View, compared: Comparison | None) -> list[Section]:
    """The sections that have something to say. compared : the comparison of all sets, None for a single one."""
    found = [make(view, compared) for make in SECTIONS]
    return [section for section in found if section is not None]


def shown_pairs(view: View) -> list[tuple[int, int]]:
    """The pairs of sets that have a figure and a table of their own."""
    return list(combinations(range(len(view.sets)), 2))[:MAX_PAIRS]


def _key(view: View, _compared: Comparison | None) -> Section:
    return Section(
        "key-numbers",
        "Key numbers",
        "How well each set tells the emotions apart at the layer that is shown, and how they lie there.",
        ("map",),
        (
            NamedTable("key_numbers", "Key numbers of each set", partial(key_table, view)),
            NamedTable("sets", "Best layers, beside the published models", lambda: sets_table(view.sets)),
        ),
    )


def _claims(view: View, _compared: Comparison | None) -> Section:
    return Section(
        "claims",
        "The papers' claims",
        "Every headline of the two papers on these models, decided by its own rule, the same for all models. Stored "
        "runs of these models count, those of others do not.",
        (),
        (
            NamedTable("claims", "What stands", lambda: claims_table(claims(view.sets))),
            NamedTable("claim_rules", "The rules", rules_table),
        ),
    )


def _depth(view: View, _compared: Comparison | None) -> Section:
    from ..geometry.curves import CURVES

    return Section(
        "depth",
        "Depth",
        "Each quantity over the layers; the ring is the layer that is shown. Depth is (layer + 1) / number of layers.",
        (*(f"depth_{name}" for name in CURVES if name != "anisotropy"), "controls"),
        (NamedTable("controls", "What words, embeddings and a sentence encoder explain", partial(_explained, view)),),
    )


def _geometry(view: View, _compared: Comparison | None) -> Section:
    return Section(
        "geometry",
        "Geometry",
        "Which emotions are alike, and whether valence and arousal order them.",
        ("rdm", "valence"),
        (
            NamedTable("neighbours", "Nearest emotions", partial(_neighbours, view)),
            NamedTable("valence", "Valence and arousal at the layer shown", partial(_traits, view)),
        ),
    )


def _agreement(view: View, compared: Comparison | None) -> Section | None:
    if compared is None:
        return None
    short, pairs = letters(len(view.sets)), shown_pairs(view)
    names = "; ".join(f"{letter}: {short_label(s)}" for letter, s in zip(short, view.sets, strict=True))
    return Section(
        "agreement",
        "Agreement",
        f"Spearman's rho between the RDMs of the sets, and the pairs of emotions that they see differently. {names}.",
        ("rsa", *(f"pair_{i + 1}_{j + 1}" for i, j in pairs)),
        (
            NamedTable("pairs", "Pairs of sets", lambda: pairs_table(view.sets, compared)),
            *(
                NamedTable(
                    f"pair_{i + 1}_{j + 1}",
                    f"Largest disagreements of {short[i]} and {short[j]}",
                    partial(_disagreements, view, i, j, compared),
                )
                for i, j in pairs
            ),
        ),
    )


def _anisotropy(_view: View, _compared: Comparison | None) -> Section:
    return Section(
        "anisotropy",
        "Anisotropy",
        "How far all states point the same way, and what that does to cosines.",
        ("anisotropy", "cosines", "depth_anisotropy"),
    )


def _leak(view: View, _compared: Comparison | None) -> Section | None:
    runs = leak_runs_of(view)
    if leak_direction(view, runs) is None:
        return None
    return Section(
        "leak",
        "Leak",
        "Which other scripts steering brings out, in the text and in the probabilities behind it, beside the unsteered "
        "texts and a random direction.",
        ("leak", "leak_scripts"),
        (NamedTable("leak", "Where every direction leaks most", lambda: leak_table(runs)),),
    )


def _effects(view: View, _compared: Comparison | None) -> Section | None:
    run = effects_run_of(view)
    if run is None:
        return None
    return Section(
        "side-effects",
        "Side effects",
        f"What steering breaks in {run.model}, on plain passages and questions, and what else it makes it say, beside "
        "random directions.",
        ("side_effects", "off_target"),
    )


def _published(_view: View, _compared: Comparison | None) -> Section:
    return Section(
        "published",
        "Published numbers",
        "Twelve models of Jeong 2026, not measured by us: other passages, another precision, another token. Compare "
        "shapes, not decimals.",
        ("published_rsa",),
        (NamedTable("published", "The published statistics, recomputed", published_table),),
    )


# In the order of the report.
SECTIONS: tuple[Callable[[View, Comparison | None], Section | None], ...] = (
    _key,
    _claims,
    _depth,
    _geometry,
    _agreement,
    _anisotropy,
    _leak,
    _effects,
    _published,
)


def key_table(view: View) -> Table:
    """The numbers of the page's cards, a row per set."""
    rows = []
    for vectors, layer in zip(view.sets, view.layers, strict=True):
        numbers = key_numbers(vectors, layer)
        cells = [f"{one['value']}{': ' if one['value'] == MISSING else ' '}{one['note']}" for one in numbers]
        texts = vectors.provenance.n_passages
        rows.append(
            [short_label(vectors), f"{layer} of {vectors.n_layers}", f"{texts}" if texts else "not known", *cells]
        )
    return {"columns": ["set", "layer", "texts", *(one["name"] for one in numbers)], "rows": rows}


def provenance_table(view: View) -> Table:
    """Where every set comes from, a column per set."""
    columns = [_provenance(s, layer) for s, layer in zip(view.sets, view.layers, strict=True)]
    names = dict.fromkeys(name for column in columns for name in column)
    return {
        "columns": ["", *(short_label(s) for s in view.sets)],
        "rows": [[name, *(column.get(name, "–") for column in columns)] for name in names],
        "wrap": True,
    }


def set_hash(vectors: VectorSet) -> str | None:
    """SHA-256 of the file of a set, None where it was never stored."""
    if vectors.path is None:
        return None
    with vectors.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _provenance(vectors: VectorSet, layer: int) -> dict[str, str]:
    p = vectors.provenance
    by = layer_note(vectors) if layer_note(vectors) else "the protocol's own rule"
    by_rule = f" ({by})" if layer == preferred_layer(vectors) else ""
    rows: dict[str, Any] = {
        "set": vectors.name,
        "SHA-256 of its file": set_hash(vectors),
        "model": p.model,
        "revision or file hash": p.revision,
        "architecture": f"{p.architecture}, {vectors.n_layers} layers x {vectors.d_model}",
        "weights": p.weights,
        "precision": p.precision,
        "method": p.method,
        "protocol": f"{p.protocol.name}: {pooling_words(vectors)}",
        "layer shown": f"{layer}, depth {vectors.depth(layer):.2f}{by_rule}",
        "texts": f"{p.n_passages} of {len(vectors.classes)} classes on {len(p.topics)} topics ({p.corpus})"
        if p.n_passages
        else f"not known ({p.corpus})",
        "SHA-256 of the texts": p.corpus_hash,
        "neutral sentences": p.n_neutral_sentences,
        "layers that are missing": ranges(p.nonfinite_layers) if p.nonfinite_layers else "none",
    }
    if p.protocol.writing is not None:
        w = p.protocol.writing
        rows["writing"] = (
            f"{w.stories} stories per class, prompts {w.templates}, up to {w.max_new_tokens} tokens, temperature "
            f"{w.temperature:g}, top-p {w.top_p:g}, seed {w.seed}"
        )
    if vectors.resampled is not None:
        rows["intervals of curves"] = f"{vectors.resampled.n} resamples, seed {vectors.resampled.seed}"
    if vectors.umap_params:
        rows["UMAP"] = ", ".join(f"{k} {v}" for k, v in vectors.umap_params.items() if not isinstance(v, list))
    rows["made"] = f"{p.created[:10]} with {', '.join(f'{name} {version}' for name, version in p.versions.items())}"
    if vectors.notes:
        rows["missing"] = "; ".join(f"{name}: {why}" for name, why in vectors.notes.items())
    return {name: "–" if value in (None, "") else str(value) for name, value in rows.items()}


def pooling_words(vectors: VectorSet) -> str:
    """How the states of a text become one, in words."""
    if vectors.provenance.imported is not None:
        return str(vectors.provenance.imported)
    p = vectors.provenance.protocol
    if vectors.provenance.method == IMPORTED:
        return "not known"
    which = {"mean": "mean over the content tokens", "last": "last content token", "mid": "middle written token"}
    return ", ".join(
        [
            which[p.pooling],
            *(["without the first"] if p.skip_first else []),
            *(["states brought to the layer's median length"] if p.equal_norm else []),
        ]
    )


def _explained(view: View) -> Table:
    found, notes = _passing(view, lambda s, layer: _need(bool(s.control_rdms), "it has no control RDMs"))
    return explained_table(found.sets, found.layers, notes)


def _neighbours(view: View) -> Table:
    found, notes = _passing(view, lambda s, layer: rdm(s, layer, view.centring))
    return neighbours_table(found.sets, found.layers, view.centring, view.emotion, notes)


def _traits(view: View) -> Table:
    found, notes = _passing(view, lambda s, layer: valence_arousal(s, None))
    return traits_table(found.sets, found.layers, [valence_arousal(s, None) for s in found.sets], notes)


def _disagreements(view: View, i: int, j: int, compared: Comparison) -> Table:
    _need(bool(np.isfinite(compared.rho[i, j])), "these two sets cannot be compared")
    short = letters(len(view.sets))
    two, at = (view.sets[i], view.sets[j]), (view.layers[i], view.layers[j])
    return disagreements(two, at, view.centring, (short[i], short[j]))


def _need(there: bool, why: str) -> None:
    if not there:
        raise InputError(f"{why}.")


def _passing(view: View, check: Callable[[VectorSet, int], Any]) -> tuple[View, Sequence[str]]:
    """The view without the sets for which the check raises InputError, and a note for each of them."""
    places, notes = [], []
    for k, (vectors, layer) in enumerate(zip(view.sets, view.layers, strict=True)):
        try:
            check(vectors, layer)
            places.append(k)
        except InputError as error:
            notes.append(f"left out: {short_label(vectors)}: {error}")
    if not places:
        raise InputError(notes[0])
    return view.on(places), notes
