"""Dose-response runs: made, stored, and opened again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ..emotions import EMOTIONS
from ..errors import InputError
from ..printing import Progress, table
from ..steer.doses import parse_doses
from ..steer.mixtures import is_control, parse_mixture
from ..types import Decoding, DoseResponse

# Those of the paper (0.005 to 0.05), and on into collapse and noise.
DEFAULT_DOSES = "0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2"


def doses(arguments) -> tuple[dict, str, int]:
    from ..stimuli.prompts import dose_prompts
    from ..store import check_writable, responses_folder
    from ..store.responses import SUFFIX

    asked = {
        "directions": _directions(arguments.emotion, arguments.controls),
        "doses": tuple(sorted({0.0, *parse_doses(DEFAULT_DOSES if arguments.dose is None else arguments.dose)})),
        "prompts": dose_prompts() if arguments.prompt is None else tuple(arguments.prompt),
    }
    decoding = Decoding(arguments.max_new_tokens, arguments.temperature, arguments.seed, arguments.chat)
    folder = responses_folder() if arguments.out is None else arguments.out
    check_writable(folder)
    found, path = _reopened(arguments, asked, decoding, folder)
    computed = found is None
    if computed:
        found, path = _made(arguments, asked, decoding, folder)
    else:
        logging.info("%s is there already; nothing to compute", path.name.removesuffix(SUFFIX))
    result = {
        "response": found.name,
        "path": str(path),
        "computed": computed,
        **{name: getattr(found, name) for name in ("model", "set", "precision", "doses", "directions", "controls")},
        **{name: getattr(found, name) for name in ("prompts", "recipe", "decoding", "classes", "layer")},
        **_numbers(found),
        "witness": found.witness,
        "seconds": found.seconds,
        "created": found.created,
    }
    return result, "", 0
