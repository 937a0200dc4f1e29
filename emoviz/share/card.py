"""The model card of a vector set: Markdown with figures, and the BibTeX entry of the set.

What a set, a class or a model is called is text in it: every sign that Markdown or YAML gives a meaning to is escaped.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from .. import __version__, citation
from ..errors import InputError
from ..models.registry import licence_of
from ..plots.export import export
from ..steer.recipes import window
from ..types import VectorSet
from ..types.vectors import IMPORTED
from ..words import counted
from .contents import provenance_table, set_hash
from .figures import View, drawings, view_of
from .tables import Table, key_numbers
from .texts import markdown

# The figures of a card, by their names in `drawings`.
_DEPTH = "depth_decoding_accuracy"
_FIGURES = (_DEPTH, "rdm")
_TAGS = ("emotion", "steering-vectors", "interpretability", "representation-engineering")
_MADE = {
    "comprehension": "from its states while it reads texts",
    "generation": "from its states on texts that it wrote itself",
    IMPORTED: "as another tool made them",
}
_INTENDED = (
    "Research and teaching: seeing how a model represents emotion, comparing models, reading texts, and steering what "
    "the model writes. The vectors fit this model alone, at these layers: they do not transfer to another model, and a "
    "fine-tuned or differently quantized one needs a check."
)
_LIMITS = (
    "Vectors are directions in a model's activations. They are not feelings, and say nothing about any.",
    "They were made from a limited set of texts: what these have in common beside an emotion, such as pleasant or "
    "unpleasant content, is part of the vector.",
    "Steering costs: above small doses texts loop or break, and answers to questions become worse. Look at the text "
    "without steering and at random directions beside it. Steered text is no advice, and no way to influence people "
    "who have not agreed.",
    "They are not made, and must not be used, to judge how a person feels.",
)


def card_files(vectors: VectorSet, name: str) -> tuple[Mapping[str, Callable[[Path], object]], tuple[str, ...]]:
    """What writes the card, under this name, and its figures; and what is missing of these."""
    view = view_of([vectors])
    pictures: dict[str, bytes] = {}
    shown, notes = [], []
    for figure in _FIGURES:
        drawing = drawings(view)[figure]
        try:
            if figure == _DEPTH and not np.isfinite(vectors.decoding_accuracy).any():
                raise InputError(vectors.notes.get("decoding_accuracy", "decoding is not known"))
            said = drawing.draw().layout.meta["description"]
            pictures[f"{figure}.png"] = export(drawing.draw, "png", "wide")
            shown.append(f"![{figure.replace('_', ' ')}]({figure}.png)\n\n{markdown(said)}")
        except InputError as error:
            notes.append(f"no figure {figure}: {error}")
    text = _card(vectors, view, [*shown, *map(markdown, notes)])
    content = {name: text.encode(), **pictures}
    return {file: _writes(data) for file, data in content.items()}, tuple(notes)


def _writes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _card(vectors: VectorSet, view: View, figures: list[str]) -> str:
    p, layer = vectors.provenance, view.layers[0]
    licence = licence_of(p.model)
    numbers = {
        "columns": ["at the layer shown", "value", ""],
        "rows": [[one["name"], one["value"], one["note"]] for one in key_numbers(vectors, layer)],
    }
    parts = [
        ("What it is", [_what(vectors), _table(provenance_table(view))]),
        ("How good it is", [_shown(vectors, layer), _table(numbers), *figures]),
        ("Use", [_use(vectors)]),
        ("Intended use and limits", [_INTENDED, "\n".join(f"- {limit}" for limit in _LIMITS)]),
        ("Licence", [_licence(vectors, licence)]),
        ("Citation", [f"```bibtex\n{set_bibtex(vectors)}```"]),
    ]
    body = [f"## {title}\n\n" + "\n\n".join(paragraphs) for title, paragraphs in parts]
    front = ["---", *([] if licence is None else [f"license: {licence[0]}"]), f"tags: [{', '.join(_TAGS)}]", "---"]
    head = ["\n".join(front), f"# Emotion vectors of {markdown(p.model)}"]
    return "\n\n".join([*head, *body, f"Made with emoviz {__version__}."]) + "\n"


def _what(vectors: VectorSet) -> str:
    p = vectors.provenance
    return (
        f"{counted(len(vectors.emotions), 'emotion')} as directions in the residual stream of {markdown(p.model)}, "
        f"after each of its {vectors.n_layers} blocks, {_MADE[p.method]}: {', '.join(map(markdown, vectors.classes))}."
    )


def _shown(vectors: VectorSet, layer: int) -> str:
    return (
        f"Layer {layer} of {vectors.n_layers}, depth {vectors.depth(layer):.2f}. *Decoding* is the share of passages "
        "on unseen topics that are nearest to their own class; *reliability* how far two halves of the topics "
        "agree; *anisotropy* how far all states point the same way."
    )


def _use(vectors: VectorSet) -> str:
    emotion = (vectors.emotions or vectors.classes)[0]
    # One line each, so that no name can end the fence around it.
    name, model, class_name = (" ".join(text.split()) for text in (vectors.name, _source(vectors), emotion))
    at = window(vectors.n_layers)
    known = np.isfinite(vectors.residual_norm[list(at)]).any()
    strength = "strength 0.03 is dose 0.03" if known else "unit vectors; which strength is which dose is not known"
    python = [
        "import emoviz as ez",
        "",
        f"vectors = ez.find_set({name!r})  # or the path of its file",
        f"model = ez.load_model({model!r})",
        f'print(ez.steer_texts(model, vectors, {class_name!r}, 0.03, "When I opened the letter, I").to_frame())',
    ]
    shell = [
        f"emoviz steer {shlex.quote(model)} --set {shlex.quote(name)} --emotion {shlex.quote(class_name)} "
        '--dose 0.03 --prompt "When I opened the letter, I"',
        f"emoviz export {shlex.quote(name)} --format gguf --emotion {shlex.quote(class_name)} --out vector.gguf",
        f'llama-cli -m model.gguf --control-vector-scaled vector.gguf:0.03 -p "When I opened the letter, I"  '
        f"# layers {at[0]}-{at[-1]}, {strength}",
    ]
    return "```python\n" + "\n".join(python) + "\n```\n\n```sh\n" + "\n".join(shell) + "\n```"


def _source(vectors: VectorSet) -> str:
    """What loads the model, for others too: no path of this machine."""
    p = vectors.provenance
    is_path = Path(p.origin).is_absolute() or Path(p.origin).exists()
    return p.model if is_path or not p.origin else p.origin


def _licence(vectors: VectorSet, licence: tuple[str, str] | None) -> str:
    model = markdown(vectors.provenance.model)
    unknown = f"The licence of {model} is not known here; its own page has it"
    said = unknown if licence is None else f"{model} is under {licence[1]}"
    return f"{said}. What is computed with a model may fall under its terms. emoviz and its passages are Apache-2.0."


def _table(table: Table) -> str:
    lines = [[column if isinstance(column, str) else column[0] for column in table["columns"]], *table["rows"]]
    head, *rows = (f"| {' | '.join(markdown(str(cell)) for cell in line)} |" for line in lines)
    return "\n".join([head, "|---" * len(table["columns"]) + "|", *rows])


def set_bibtex(vectors: VectorSet) -> str:
    """emoviz, and the set itself with what tells it from any other."""
    p, digest = vectors.provenance, set_hash(vectors)
    key = re.sub(r"[^A-Za-z0-9-]+", "-", vectors.name).strip("-")
    told = [f"model {p.model} at {p.revision}", p.precision, f"protocol {p.protocol.name}", f"texts {p.corpus}"]
    told += [] if digest is None else [f"SHA-256 {digest}"]
    said = "; ".join(one for one in told if one)
    entry = {
        **({"author": "{emoviz contributors}"} if vectors.shipped else {}),
        "title": f"{{Emotion vectors of {_latex(p.model)}}}",
        "note": _latex(said),
        "year": p.created[:4],
    }
    lines = ",\n".join(f"  {name:<6} = {{{value}}}" for name, value in entry.items())
    return f"{citation.bibtex().strip()}\n\n@misc{{{key},\n{lines}\n}}\n"


def _latex(text: str) -> str:
    """Text that LaTeX sets as it stands."""
    named = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    one_line = " ".join(text.split())
    return re.sub(r"[\\~^&%$#_{}]", lambda found: named.get(found[0], f"\\{found[0]}"), one_line)
