"""What a served dashboard answers over its API: the main commands as functions, with the JSON of the command line.

A language model reads these docstrings as the descriptions of its tools (MCP): a line for each argument under *Args*.
Names alone are taken, no paths: a visitor of a public page must not read files of the machine.
"""

from __future__ import annotations

import base64
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from ..errors import InputError
from ..types import VectorSet
from .arguments import depth_of

# Texts of one call: a public page must answer others too.
MAX_TEXTS, MAX_NEW_TOKENS, MAX_PERMUTATIONS = 64, 200, 100_000


def list_sets() -> dict[str, Any]:
    """List the vector sets at hand: one direction per emotion and layer, from one model, made in one way.

    Call this first: the other tools take these names. Gives {sets: [{set, model, method, protocol, precision, n_layers,
    d_model, n_classes, ...}]}.
    """
    from . import list as command

    return _plain(command.run(Namespace(url=None)))


def show_set(set: str, centring: str = "class") -> dict[str, Any]:
    """Say how well a model tells emotions apart at each depth: curves, best layers and U shape of a vector set.

    Args:
        set : name of a vector set from list_sets, or the beginning of it
        centring : what is subtracted from the class means: class (their mean), neutral or none
    """
    from . import show as command

    return _plain(command.run(Namespace(set=_named(set).name, centring=centring, norms=None)))


def rdm(set: str, layer: str = "best", centring: str = "class") -> dict[str, Any]:
    """Give the dissimilarity of every pair of emotions in a model, at one layer (the RDM, 1 minus cosine).

    Gives {classes, layer, condensed, ...}; condensed holds the pairs in the order of scipy's squareform.

    Args:
        set : name of a vector set from list_sets, or the beginning of it
        layer : a block's number, counted from 0, or best
        centring : what is subtracted from the class means: class (their mean), neutral or none
    """
    from . import rdm as command

    return _plain(command.run(Namespace(set=_named(set).name, layer=layer, centring=centring)))


def compare(
    sets: list[str],
    layer: str = "best",
    centring: str = "class",
    permutations: int = 10_000,
    bootstrap: int = 1_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare how models arrange emotions: Spearman's rho between RDMs, with p, interval, noise ceiling and controls.

    Args:
        sets : names of two vector sets or more, from list_sets
        layer : best (of each set), or a relative depth from 0 to 1 such as 0.5
        centring : what is subtracted from the class means: class (their mean), neutral or none
        permutations : of the Mantel test, 2 to 100000
        bootstrap : resamples for the interval, 2 to 100000
        seed : of both
    """
    from . import compare as command

    for what, n in (("permutations", permutations), ("bootstrap", bootstrap)):
        if not isinstance(n, int) or not 2 <= n <= MAX_PERMUTATIONS:
            raise InputError(f"{what} {n!r:.40} was given; 2 to {MAX_PERMUTATIONS:,} are allowed.")
    asked = {"layer": layer, "centring": centring, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return _plain(command.run(Namespace(sets=[s.name for s in _several(sets)], **asked)))


def read(model: str, text: str, layer: str = "best", set: str = "") -> dict[str, Any]:
    """Score every token of a text for every emotion, as the model itself represents it while it reads.

    Gives {set, tokens, layer, classes, scores, top, sentences}. Takes seconds, the first time longer, to load the
    model.

    Args:
        model : a model that has a vector set here (see list_sets), such as SmolLM2-135M-Instruct
        text : the text to read, in the language of the model
        layer : a block's number, counted from 0, or best
        set : name of a vector set of this model from list_sets; empty for the one that it uses
    """
    from ..app.limits import check_text
    from . import read as command

    check_text(text)
    of_texts = dict.fromkeys(("texts", "text_column", "out", "groups", "batch_tokens"))
    how = {"layer": layer, "set": _named(set).name if set else None, "cleaning": "none", "precision": "auto"}
    given = Namespace(model=_model(model), text=text, turns=None, chat=False, **how, **of_texts)
    return _plain(command.run(given, _in_memory))


def steer(
    models: list[str],
    emotions: list[str],
    doses: list[float],
    prompt: str,
    max_new_tokens: int = 40,
    seed: int = 0,
    sets: list[str] = [],  # noqa: B006 - read alone, and None has no type in the schema of the tools
) -> dict[str, Any]:
    """Let models continue a prompt while emotion directions are added to their states, and judge what they write.

    Gives {rows: [{model, set, emotion, control, dose, text, regime, ...}]}; the unsteered text has dose 0. Up to 64
    texts a call. Takes seconds to minutes.

    Args:
        models : models that have a vector set here (see list_sets)
        emotions : emotions such as calm, mixtures such as "0.7 calm + 0.3 grateful", interventions such as "ablate
            afraid", or the controls random and mean (control mean, beside an emotion of that name)
        doses : length added as a share of the typical length of the state, 0.02 to 0.1
        prompt : the text to continue
        max_new_tokens : tokens of each text, up to 200
        seed : of the choice of tokens
        sets : names of vector sets from list_sets, at most one of each model; without one the model uses the one that
            has the emotions
    """
    from ..app.limits import check_asked, check_run
    from ..app.steer.request import check_prompt
    from ..steer.doses import doses_of
    from ..steer.recipes import EMOVIZ
    from . import steer as command

    check_asked(len(emotions), len(doses))
    texts = len(models) * (1 + len(emotions) * len(doses))
    if texts > MAX_TEXTS or max_new_tokens > MAX_NEW_TOKENS:
        raise InputError(f"up to {MAX_TEXTS} texts of up to {MAX_NEW_TOKENS} tokens are allowed. Ask for fewer.")
    check_run(len(models), texts, max_new_tokens)
    check_prompt(prompt)
    asked = {"prompt": prompt, "max_new_tokens": max_new_tokens, "seed": seed, "temperature": 0.0, "chat": False}
    how = {"recipe": EMOVIZ, "layers": None, "scope": None, "norm": None, "cleaning": "none"}
    given = Namespace(
        models=[_model(name) for name in models],
        emotion=emotions,
        controls=[],
        set=[_named(name).name for name in sets],
        witness="none",
        dose=", ".join(f"{dose:g}" for dose in doses_of(doses)),
        out=None,
        **asked,
        **how,
    )
    return _plain(command.run(given, _in_memory))


def export(
    figure: str,
    sets: list[str],
    format: str = "svg",
    preset: str = "slide",
    theme: str = "light",
    layer: str = "best",
    centring: str = "class",
    emotion: str = "",
) -> dict[str, Any]:
    """Make a figure of vector sets as a file: {name, format, base64}.

    Args:
        figure : map, rdm, depth_decoding_accuracy, anisotropy, rsa, ...; a wrong name is answered with all of them
        sets : names of vector sets from list_sets
        format : png, svg, pdf, html or csv
        preset : slide, wide, square or paper
        theme : light or dark
        layer : best (of each set), or a relative depth from 0 to 1 such as 0.5
        centring : what is subtracted from the class means: class (their mean), neutral or none
        emotion : an emotion to mark, empty for none
    """
    from ..plots.export import export as exported
    from ..share.archive import chosen
    from ..share.figures import drawings, view_of

    view = view_of(_several(sets), depth_of(layer), centring, emotion if emotion else None)
    drawing = chosen(drawings(view), [figure])[figure]
    content = exported(drawing.draw, format, preset, theme)
    return {"name": f"{figure}.{format}", "format": format, "base64": base64.b64encode(content).decode()}


ENDPOINTS: tuple[Callable[..., dict[str, Any]], ...] = (list_sets, show_set, rdm, compare, read, steer, export)


def _plain(result: tuple[dict[str, Any] | None, str, int]) -> dict[str, Any]:
    from ..store.jsonable import plain

    return plain(result[0])


def _named(given: str) -> VectorSet:
    """A set by its name; a path is refused."""
    from ..store import find_set, list_sets

    if not isinstance(given, str) or not any(s.name.startswith(given) for s in list_sets()):
        known = ", ".join(s.name for s in list_sets())
        raise InputError(f"set {given!r:.80} is unknown; known sets: {known}.")
    return find_set(given)


def _several(given: list[str]) -> list[VectorSet]:
    if not isinstance(given, list) or not given:
        raise InputError(f"sets {given!r:.80} were given; a list of names is needed.")
    return [_named(name) for name in given]


def _model(given: str) -> str:
    """A model that has a set here; hub ids and paths are refused."""
    from ..app.library import library

    known = library().steerable
    if given not in known:
        raise InputError(f"model {given!r:.80} has no vector set here; {', '.join(known)} have.")
    return given


def _in_memory(name: str) -> Any:
    """The model that the page uses too."""
    from ..app.memory import model_named

    return model_named(name)
