"""`.probe.safetensors` of steerkit: a probe of one concept, or of several, at one layer."""

from __future__ import annotations

import json
from pathlib import Path

from ...types import Foreign, Imported
from .checks import as_text, check_finite, refused
from .safetensors import open_tensors

SUFFIX = ".probe.safetensors"
FORMAT, TOOL = "steerkit probe", "steerkit"
# Where steerkit reads and steers, in the words of TransformerLens.
SITE = "resid_post"


def read_steerkit(path: Path) -> Foreign:
    """The direction by the probe's default method; of a probe of several concepts the weights of each.

    Raises InputError for a file that is none, or is damaged.
    """
    arrays, said = open_tensors(path)
    try:
        if said.get("kind") == "multinomial":
            classes, vectors = tuple(map(str, json.loads(said["class_names_json"]))), arrays["weights"]
        else:
            classes, vectors = (path.name[: -len(SUFFIX)],), arrays[f"direction.{said['default_method']}"][None]
        layer, n_layers, model = int(said["layer"]), int(said["n_total_layers"]), said["model_id"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise refused(path, f"it is no probe of steerkit ({error!s:.60} is missing or wrong).") from error
    check_site(path, said.get("hook_site", SITE))
    if vectors.ndim != 2 or len(vectors) != len(classes):
        raise refused(path, f"it names {len(classes)} concepts and has {len(vectors)} directions.")
    check_finite(path, vectors, "its direction")
    return Foreign(
        imported=Imported((path.name,), FORMAT, TOOL, as_text(said)),
        vectors=vectors[None],
        classes=classes,
        layers=(layer,),
        n_layers=n_layers,
        model=model,
    )


def check_site(path: Path, site: str) -> None:
    """Raises InputError for directions that were not read after a block."""
    if site != SITE:
        raise refused(path, f"its directions were read at {site!r:.40}; those of {SITE}, after a block, are imported.")
