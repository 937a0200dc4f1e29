"""What a served dashboard answers over its API: the main commands as functions, with the JSON of the command line.

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
    """The vector sets at hand: {sets: [{set, model, method, protocol, precision, n_layers, d_model, n_classes}]}."""
    from . import list as command

    return _plain(command.run(Namespace()))


def show_set(set: str, centring: str = "class") -> dict[str, Any]:
    """Curves over depth, best layers and U shape of a vector set.

    set : its name or the beginning of it. centring : class, neutral or none.
    """
    from . import show as command

    return _plain(command.run(Namespace(set=_named(set).name, centring=centring, norms=None)))


def rdm(set: str, layer: str = "best", centring: str = "class") -> dict[str, Any]:
    """The RDM of a vector set at one layer: {classes, layer, condensed}, in the order of scipy's squareform.

    layer : its number, or best.
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
    """Spearman's rho between the RDMs of sets, with p, interval, noise ceiling and control RDMs.

    sets : two names or more. layer : best, or a relative depth such as 0.5.
    """
    from . import compare as command

    for what, n in (("permutations", permutations), ("bootstrap", bootstrap)):
        if not isinstance(n, int) or not 2 <= n <= MAX_PERMUTATIONS:
            raise InputError(f"{what} {n!r:.40} was given; 2 to {MAX_PERMUTATIONS:,} are allowed.")
    asked = {"layer": layer, "centring": centring, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return _plain(command.run(Namespace(sets=[s.name for s in _several(sets)], **asked)))


def read(model: str, text: str, layer: str = "best") -> dict[str, Any]:
    """Every token of a text, scored for every emotion: {tokens, layer, classes, scores, top, sentences}.

    model : a short name that has a vector set here.
    """
    from . import read as command

    return _plain(command.run(Namespace(model=_model(model), text=text, layer=layer, set=None), _in_memory))


def steer(
    models: list[str], emotions: list[str], doses: list[float], prompt: str, max_new_tokens: int = 40, seed: int = 0
) -> dict[str, Any]:
    """A prompt continued under emotions at doses: {rows: [{model, emotion, dose, text, regime, ...}]}.

    emotions : names of classes, mixtures such as `0.7 calm + 0.3 grateful`, or the controls random and mean.
    doses : fractions of the typical residual norm, 0.02 to 0.1.
    """
    from ..steer.doses import doses_of
    from ..steer.recipes import EMOVIZ
    from . import steer as command

    if len(models) * (1 + len(emotions) * len(doses)) > MAX_TEXTS or max_new_tokens > MAX_NEW_TOKENS:
        raise InputError(f"up to {MAX_TEXTS} texts of up to {MAX_NEW_TOKENS} tokens are allowed. Ask for fewer.")
    asked = {"prompt": prompt, "max_new_tokens": max_new_tokens, "seed": seed, "temperature": 0.0, "chat": False}
    how = {"recipe": EMOVIZ, "layers": None, "scope": None, "norm": None, "witness": "none"}
    given = Namespace(
        models=[_model(name) for name in models],
        emotion=emotions,
        controls=[],
        dose=", ".join(f"{dose:g}" for dose in doses_of(doses)),
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
    """A figure of some sets as a file: {name, format, base64}.

    figure : map, rdm, depth_decoding_accuracy, anisotropy, rsa, ... as `emoviz figures` names them.
    format : png, svg, pdf, html or csv. preset : slide, wide, square or paper. emotion : a class to mark.
    """
    from ..collection import figures_of
    from ..geometry.layers import layers_of
    from ..plots.export import export as exported

    chosen = _several(sets)
    known = figures_of(chosen, layers_of(chosen, depth_of(layer)), centring, emotion if emotion else None)
    if figure not in known:
        raise InputError(f"figure {figure!r:.60} is unknown for these sets; {', '.join(known)} are allowed.")
    content = exported(known[figure], format, preset, theme)
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
