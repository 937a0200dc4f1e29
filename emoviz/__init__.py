"""emoviz: see, compare and steer how small language models represent emotion.

The public names, each documented where it is defined. They are imported on first use, so that `import emoviz` is quick
and looking at stored sets never imports torch.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "list_sets": "emoviz.store",
    "find_set": "emoviz.store",
    "load_set": "emoviz.store",
    "save_set": "emoviz.store",
    "load_corpus": "emoviz.stimuli",
    "depth_curves": "emoviz.geometry",
    "best_layers": "emoviz.geometry",
    "rdm": "emoviz.geometry",
    "compare": "emoviz.stats",
    "load_model": "emoviz.models",
    "extract_set": "emoviz.extract",
    "steer_texts": "emoviz.steer",
}

__all__ = [*_HOME]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'emoviz' has no attribute {name!r}")
