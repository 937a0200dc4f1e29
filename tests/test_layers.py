"""What the browser gets of every layer at once must be what the server draws layer by layer."""

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from emoviz.app.layers import at_every_layer, steps
from emoviz.app.selection import DEPTHS, SAME_DEPTH, first_selection
from emoviz.app.tabs import anisotropy, depth, geometry, overview

VIEW = first_selection()


def _at(found, name, k):
    """A part at a step of the slider, put together as the browser does."""
    part = found["parts"][name]
    tree = json.loads(json.dumps(part["base"]))
    for path, place in zip(part["paths"], part["frames"][found["at"][k]], strict=True):
        if not path:
            return part["values"][place]
        inner = tree
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = part["values"][place]
    return tree


def _same(a, b):
    """Equal, numbers as far as single precision goes."""
    if isinstance(a, dict) and "bdata" in a and isinstance(b, dict):
        one, other = (np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"]) for x in (a, b))
        return np.allclose(one, other, rtol=1e-5, equal_nan=True) if one.dtype.kind == "f" else (one == other).all()
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def _draw(tab, **controls):
    def draw(view):
        made = tab.TAB.layered(view, **controls)
        shown = {name: made[name] for name in made if hasattr(made[name], "to_json") or name in ("cards", "neighbours")}
        return {name: v.to_json() if hasattr(v, "to_json") else json.dumps(v) for name, v in shown.items()}

    return draw


def test_the_steps_are_those_of_the_slider():
    assert steps()[0] == DEPTHS[0] and steps()[-1] == DEPTHS[1] and len(steps()) == len(set(steps())) == 99


@pytest.mark.parametrize(
    ("tab", "controls"),
    [
        (overview, {}),
        (depth, {"curve": "decoding_accuracy", "published": True}),
        (geometry, {"order": "quadrant", "method": "PCA", "norms": None}),
        (anisotropy, {}),
    ],
)
def test_every_layer_that_is_sent_is_what_the_server_draws_there(tab, controls):
    draw = _draw(tab, **controls)
    found = at_every_layer(draw, VIEW)
    assert found["parts"] and len(set(found["at"])) == max(found["at"]) + 1
    for k in (0, 17, 60, 98):
        drawn = draw(replace(VIEW, layer_mode=SAME_DEPTH, depth=steps()[k]))
        for name in found["parts"]:
            assert _same(json.loads(drawn[name]), _at(found, name, k)), (name, k)


def test_parts_that_are_the_same_at_every_depth_are_not_sent_and_values_once():
    found = at_every_layer(
        lambda view: {"still": "[1]", "moving": json.dumps({"a": [1, 2], "b": view.depth > 0.5})}, VIEW
    )
    assert list(found["parts"]) == ["moving"]
    assert found["parts"]["moving"]["paths"] == [("b",)] and found["parts"]["moving"]["values"] == [False, True]


def test_a_part_that_cannot_be_drawn_at_some_depth_says_so_there():
    def draw(view):
        return {"one": json.dumps({"refused": "no"} if view.depth < 0.5 else {"data": [1]})}

    found = at_every_layer(draw, VIEW)
    assert _at(found, "one", 0) == {"refused": "no"} and _at(found, "one", 98) == {"data": [1]}


def test_no_message_of_a_tab_is_larger_than_it_need_be():
    found = at_every_layer(_draw(geometry, order="quadrant", method="UMAP", norms=None), VIEW)
    assert len(json.dumps(found)) < 700_000
