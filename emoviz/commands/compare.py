"""`emoviz compare SET SET ...`: do the geometries agree, and how far can that be trusted?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import combinations

from ..words import written
from .arguments import CENTRING, SEED, Result, depth_of, whole
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("sets", metavar="SET", nargs="+")
    parser.add_argument("--layer", default="best", help="best (default), or a relative depth for all, such as 0.5")
    parser.add_argument("--centring", default="class", help=CENTRING)
    parser.add_argument("--permutations", type=whole(1, 10_000_000), default=10_000, metavar="N")
    parser.add_argument("--bootstrap", type=whole(2, 100_000), default=1_000, metavar="N")
    parser.add_argument("--seed", type=SEED, default=0)


def run(given: Namespace) -> Result:
    from dataclasses import asdict

    from ..geometry.layers import layers_of
    from ..stats import class_lines, compare, letters, reason_lines, reasons_by_name
    from ..store import find_set

    sets = [find_set(name) for name in given.sets]
    layers = layers_of(sets, depth_of(given.layer))
    found = compare(
        sets,
        layers,
        centring=given.centring,
        n_permutations=given.permutations,
        n_bootstrap=given.bootstrap,
        seed=given.seed,
    )

    def shown(name: str, i: int, j: int, form: str = ".3f") -> str:
        return written(getattr(found, name)[i, j], form)

    short = letters(len(sets))
    rows = [
        {
            "pair": f"{short[i]} and {short[j]}",
            "a": f"{found.sets[i]} @{layers[i]}",
            "b": f"{found.sets[j]} @{layers[j]}",
            "classes": str(found.n_classes[i, j]),
            "rho": shown("rho", i, j),
            "95 % interval of the observed rho": f"{shown('ci_low', i, j)} to {shown('ci_high', i, j)}",
            "p": shown("p", i, j, ".2g"),
            "ceiling": shown("ceiling", i, j),
            "disjoint": shown("rho_disjoint", i, j),
            "disattenuated": shown("rho_disattenuated", i, j),
            "given words": shown("rho_partial_lexical", i, j),
            "given all controls": shown("rho_partial_controls", i, j),
        }
        for i, j in combinations(range(len(sets)), 2)
    ]
    notes = [*class_lines(sets, short), *reason_lines(found.missing, short)]
    result = {**asdict(found), "reasons": reasons_by_name(found)}
    del result["missing"]
    return result, "\n".join([table(rows), *notes]), 0
