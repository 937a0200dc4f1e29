"""What the page shows on Read and Vocabulary at first sight; `python -m benchmarks.examples FOLDER` writes it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import emoviz as ez
from emoviz.app.tabs.read.text import EXAMPLES
from emoviz.store.choice import set_for
from emoviz.store.examples import Examples, save_examples

_MODEL, _EMOTION = "SmolLM2-135M-Instruct", "afraid"


def main(folder: str) -> None:
    model = ez.load_model(_MODEL)
    vectors = set_for(model)
    reading = ez.read_text(model, vectors, next(iter(EXAMPLES.values())))
    lens = ez.vocabulary_lens(model, vectors, _EMOTION)
    made = f"made {datetime.now(UTC):%Y-%m-%d} with emoviz {ez.__version__}"
    print(save_examples(Examples(reading, lens, made), Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1])
