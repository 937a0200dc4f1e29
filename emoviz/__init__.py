"""See, compare and steer how small language models represent emotion.

The public names, in the order of the work: models and vector sets, what they say, steering, texts, experiments;
`emoviz.plot` has the figures. They are imported on first use, so that `import emoviz as ez` is quick and looking at
stored sets never imports torch. `help(ez.compare)` tells what a page of the reference does; docs/guides shows how they
go together. Wrong input raises `InputError`, in one line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from . import plot as plot
    from .errors import InputError as InputError
    from .experiments.claims import claims as claims
    from .experiments.contrasts import contrasts as contrasts
    from .experiments.dose_response import dose_response as dose_response
    from .experiments.leak import leak_run as leak_run
    from .experiments.side_effects import side_effects as side_effects
    from .experiments.verification import verify as verify
    from .extract.cleaning import cleaned as cleaned
    from .extract.imported import load_vectors as load_vectors
    from .extract.make import extract as extract
    from .extract.sweeps.run import sweep as sweep
    from .geometry.curves import depth_curves as depth_curves
    from .geometry.layers import best_layers as best_layers
    from .geometry.rdm import rdm as rdm
    from .judge.texts import judge_texts as judge_texts
    from .models.load import load_model as load_model
    from .models.wrap import wrap as wrap
    from .readout.dialogue import read_dialogue as read_dialogue
    from .readout.lens import vocabulary_lens as vocabulary_lens
    from .readout.many import read_texts as read_texts
    from .readout.reading import read_text as read_text
    from .readout.variation import vary as vary
    from .share.export import export_set as export_set
    from .share.texts import save_texts as save_texts
    from .stats.groups import compare_groups as compare_groups
    from .stats.rsa import compare as compare
    from .steer.conversation import converse as converse
    from .steer.directions import direction as direction
    from .steer.generate import steer_texts as steer_texts
    from .steer.recipes import recipe as recipe
    from .steer.steering import steering as steering
    from .stimuli.corpus import load_corpus as load_corpus
    from .stimuli.norms import load_norms as load_norms
    from .store.catalog import find_set as find_set
    from .store.catalog import list_sets as list_sets
    from .store.effects import list_side_effects as list_side_effects
    from .store.effects import save_side_effects as save_side_effects
    from .store.leaks import list_leak_runs as list_leak_runs
    from .store.leaks import save_leak_run as save_leak_run
    from .store.readings import load_readings as load_readings
    from .store.remote import push_set as push_set
    from .store.responses import list_dose_responses as list_dose_responses
    from .store.responses import save_dose_response as save_dose_response
    from .store.sets import load_set as load_set
    from .store.sets import save_set as save_set
    from .store.sweeps import list_sweeps as list_sweeps
    from .store.verifications import list_verifications as list_verifications
    from .store.verifications import save_verification as save_verification
    from .types.steering import Decoding as Decoding
    from .witness.outside import outside_for as outside_for
    from .witness.witness import witness_for as witness_for

# By job: models and vectors, what they say, steering, texts, experiments, figures.
_HOME = {
    "load_model": "models.load",
    "wrap": "models.wrap",
    "extract": "extract.make",
    "sweep": "extract.sweeps.run",
    "list_sweeps": "store.sweeps",
    "load_corpus": "stimuli.corpus",
    "load_norms": "stimuli.norms",
    "list_sets": "store.catalog",
    "find_set": "store.catalog",
    "load_set": "store.sets",
    "save_set": "store.sets",
    "push_set": "store.remote",
    "export_set": "share.export",
    "load_vectors": "extract.imported",
    "depth_curves": "geometry.curves",
    "best_layers": "geometry.layers",
    "rdm": "geometry.rdm",
    "compare": "stats.rsa",
    "contrasts": "experiments.contrasts",
    "cleaned": "extract.cleaning",
    "direction": "steer.directions",
    "recipe": "steer.recipes",
    "steering": "steer.steering",
    "steer_texts": "steer.generate",
    "converse": "steer.conversation",
    "Decoding": "types.steering",
    "judge_texts": "judge.texts",
    "save_texts": "share.texts",
    "outside_for": "witness.outside",
    "witness_for": "witness.witness",
    "read_text": "readout.reading",
    "read_dialogue": "readout.dialogue",
    "read_texts": "readout.many",
    "load_readings": "store.readings",
    "compare_groups": "stats.groups",
    "vary": "readout.variation",
    "vocabulary_lens": "readout.lens",
    "dose_response": "experiments.dose_response",
    "list_dose_responses": "store.responses",
    "save_dose_response": "store.responses",
    "leak_run": "experiments.leak",
    "list_leak_runs": "store.leaks",
    "save_leak_run": "store.leaks",
    "side_effects": "experiments.side_effects",
    "list_side_effects": "store.effects",
    "save_side_effects": "store.effects",
    "verify": "experiments.verification",
    "list_verifications": "store.verifications",
    "save_verification": "store.verifications",
    "claims": "experiments.claims",
    "InputError": "errors",
}

__all__ = [*_HOME, "plot"]

# The room of that name is imported once and forgotten as an attribute, so that `extract` is always the function.
import_module("emoviz.extract")
del globals()["extract"]


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("emoviz.plot")
    if name in _HOME:
        return getattr(import_module(f"emoviz.{_HOME[name]}"), name)
    raise AttributeError(f"module 'emoviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
