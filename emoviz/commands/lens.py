"""`emoviz lens SET --emotion E`: the tokens that an emotion vector raises and lowers most."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result, add_device, add_precision, layer_of, whole
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("set", metavar="SET")
    parser.add_argument("--emotion", required=True, metavar="E")
    parser.add_argument("--layer", default="best", help="a layer or best (default)")
    parser.add_argument("--top", type=whole(1, 1000), default=20, metavar="K", help="tokens of each kind (default 20)")
    add_precision(parser)
    add_device(parser)


def run(given: Namespace) -> Result:
    from dataclasses import asdict

    from ..geometry.directions import class_of
    from ..geometry.vectors import check_layer
    from ..store import find_set

    vectors = find_set(given.set)
    layer = layer_of(given.layer, vectors)
    emotion = class_of(vectors, given.emotion)
    check_layer(vectors, layer)
    from ..models.load import load_model
    from ..readout.lens import lens

    source = vectors.provenance.origin if vectors.provenance.origin else vectors.provenance.model
    loaded = load_model(source, precision=given.precision, device=given.device)
    raised, lowered = lens(loaded, vectors, emotion, layer, given.top)
    result = {
        "set": vectors.name,
        "emotion": emotion,
        "layer": layer,
        "raised": [asdict(row) for row in raised],
        "lowered": [asdict(row) for row in lowered],
    }
    shown = [
        {
            "raised": repr(up.token),
            "change": f"{up.change:+.2f}",
            "script": up.script if up.script else "-",
            "lowered": repr(down.token),
            "change ": f"{down.change:+.2f}",
            "script ": down.script if down.script else "-",
        }
        for up, down in zip(raised, lowered, strict=True)
    ]
    head = f"{vectors.name}, {emotion} at layer {layer}: change of the logit per unit of dose, direct path"
    return result, f"{head}\n{table(shown)}", 0
