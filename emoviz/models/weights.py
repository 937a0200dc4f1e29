"""Which files weights are read from: safetensors alone, and where that was asked for .bin files, as plain tensors."""

from __future__ import annotations

import os
import re
from typing import Any

from ..errors import first_line

# Set to 1, it lets .bin files be read: they are pickles, of which tensors alone are taken.
BIN = "EMOVIZ_BIN_WEIGHTS"
# Else the hub is asked to convert a repository that has no safetensors.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")


def weight_options() -> dict[str, Any]:
    """What `from_pretrained` of every model is told: no code of strangers, and nothing but tensors."""
    asked = os.environ.get(BIN) == "1"
    return {"trust_remote_code": False, "use_safetensors": None if asked else True, "weights_only": True}


def why_not_loaded(error: Exception) -> str:
    """What an error of transformers says, in a line; its advice to run the code of strangers is none of ours."""
    text = str(error)
    if "trust_remote_code" in text:
        return "it needs code of its own, which is never run"
    if "weights_only" in text:
        return "its .bin weights hold more than tensors, which could run code"
    if "safetensors" in text and "file named" in text:
        return (
            "it has no safetensors weights. Save it by save_pretrained, or set "
            f"{BIN}=1, which takes tensors, and nothing else, out of .bin files"
        )
    if unknown := re.search(r"Unrecognized configuration class <class '(?:\w+\.)*(\w+)'>", text):
        return f"transformers has no causal language model with {unknown[1]}"
    return first_line(error)
