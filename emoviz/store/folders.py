"""Where things are kept.

The user's folder is `EMOVIZ_HOME`, else the place that huggingface_hub keeps for other libraries
(`HF_ASSETS_CACHE`, by default `~/.cache/huggingface/assets/emoviz`).
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The user's emoviz folder; not created here."""
    own = os.environ.get("EMOVIZ_HOME")
    if own:
        # os.path, since pathlib raises for an unknown ~user.
        return Path(os.path.expanduser(own))  # noqa: PTH111
    from huggingface_hub.constants import HF_ASSETS_CACHE

    return Path(HF_ASSETS_CACHE) / "emoviz"


def sets_folder() -> Path:
    """What the user extracts."""
    return home() / "sets"


def models_folder() -> Path:
    """Models converted from GGUF."""
    return home() / "models"


def shipped_folder() -> Path:
    """The vector sets that come with emoviz: `cache/` of a checkout, or its copy inside an installed package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped"
    return installed if installed.is_dir() else package.parent / "cache"
