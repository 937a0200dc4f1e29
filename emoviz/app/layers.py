"""What a tab shows at every layer, in one message: the browser moves through the layers without the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .selection import DEPTHS, SAME_DEPTH, STEP, Selection

# Beyond, every layer of so many sets takes longer to draw than anybody waits; the server is asked at every step then.
MAX_SETS = 6

Path = tuple[str | int, ...]


def steps() -> list[float]:
    """Every depth that the slider can give."""
    low, high = DEPTHS
    return [round(low + k * STEP, 4) for k in range(round((high - low) / STEP) + 1)]


def at_every_layer(draw: Callable[[Selection], Mapping[str, str | None]], view: Selection) -> dict[str, Any]:
    """What `draw` gives at every depth, for selected sets of `view`.

    draw : a selection to part -> its value as JSON.
    Returns at: the frame of each of `steps()`; parts: part -> {base, paths, values, frames}. `base` is the first frame;
    a frame is a list of one place in `values` for each of `paths`, where it differs. Numbers have single precision.
    Parts that are the same at every depth are left out.
    """
    sets = view.chosen()
    layers = [replace(view, layer_mode=SAME_DEPTH, depth=depth).layers(sets) for depth in steps()]
    first = {at: steps()[k] for k, at in reversed(list(enumerate(layers)))}
    places = {at: k for k, at in enumerate(dict.fromkeys(layers))}
    drawn = [draw(replace(view, layer_mode=SAME_DEPTH, depth=first[at])) for at in places]
    parts = {name: _packed([_single(json.loads(frame[name] or "null")) for frame in drawn]) for name in drawn[0]}
    return {
        "at": [places[at] for at in layers],
        "parts": {name: packed for name, packed in parts.items() if packed["paths"]},
    }


def _packed(frames: list[Any]) -> dict[str, Any]:
    base = frames[0]
    found = {path for frame in frames for path in _changed(base, frame)}
    # Where a whole branch differs in one frame, its leaves need no place of their own.
    paths = sorted((p for p in found if not any(p[:k] in found for k in range(len(p)))), key=repr)
    values: dict[str, int] = {}
    places = [
        [values.setdefault(json.dumps(_value_at(frame, path)), len(values)) for path in paths] for frame in frames
    ]
    return {"base": base, "paths": paths, "values": [json.loads(text) for text in values], "frames": places}


def _changed(a: Any, b: Any, path: Path = ()) -> Iterator[Path]:
    """The paths at which two trees differ; arrays and plain lists count as one leaf."""
    if a == b:
        return
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys() and "bdata" not in a:
        for name in a:
            yield from _changed(a[name], b[name], (*path, name))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and isinstance(a[0], (dict, list)):
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _changed(x, y, (*path, k))
    else:
        yield path


def _value_at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _single(tree: Any) -> Any:
    """The same with arrays of plotly's in single precision, which no screen can tell from double."""
    if isinstance(tree, list):
        return [_single(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("dtype") == "f8":
        values = np.frombuffer(base64.b64decode(tree["bdata"]), "<f8").astype("<f4")
        return {**tree, "dtype": "f4", "bdata": base64.b64encode(values.tobytes()).decode()}
    return {name: _single(item) for name, item in tree.items()}
