"""Starts the emoviz dashboard; also the entry point of a Hugging Face Space."""

import sys

from emoviz.cli import main

if __name__ == "__main__":
    sys.exit(main(["serve"]))
