"""`make bench`: every figure that emoviz promises, measured on this machine, as one JSON object on stdout.

Ratios are of medians over rounds that take turns within one process, since machines differ and are noisy.
`python -m benchmarks NAME ...` measures some of them.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import version

os.environ["HF_HUB_OFFLINE"] = "1"

from emoviz.store.jsonable import plain

from . import (
    architectures,
    cleaning,
    comparisons,
    coverage,
    curve_coverage,
    extraction,
    faults,
    geometry,
    kills,
    languages,
    load,
    many_texts,
    page,
    regimes,
    scale,
    sessions,
    steering,
)

BENCHMARKS = {
    "page": page.page,
    "sessions": sessions.sessions,
    "visitors": sessions.visitors,
    "comparison": page.comparison,
    "loading": extraction.loading,
    "throughput": extraction.throughput,
    "memory": extraction.memory,
    "resume": extraction.resume,
    "many_texts": many_texts.many_texts,
    "rsa": geometry.rsa,
    "curves": geometry.curves,
    "steering": steering.steering,
    "first_token": steering.first_token,
    "conversations": steering.conversations,
}
# Minutes to an hour, so only when asked for by name.
ON_REQUEST = {
    "precision": comparisons.precision,
    "methods": comparisons.methods,
    "coverage": coverage.coverage,
    "curve_coverage": curve_coverage.curve_coverage,
    "regimes": regimes.regimes,
    "languages": languages.languages,
    "cleaning": cleaning.cleaning,
    "effects": steering.effects,
    "scale": scale.scale,
    "load": load.load,
    "architectures": architectures.architectures,
    "kills": kills.kills,
    "faults": faults.faults,
}


def main() -> None:
    asked = sys.argv[1:] or list(BENCHMARKS)
    known = BENCHMARKS | ON_REQUEST
    unknown = [name for name in asked if name not in known]
    if unknown:
        sys.exit(f"benchmark {unknown[0]!r} is unknown; {', '.join(known)} are allowed; choose some of them.")
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("torch", "transformers", "numpy")},
    }
    for name in asked:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        result[name] = known[name]()
    print(json.dumps(plain(result), indent=2, allow_nan=False))


main()
