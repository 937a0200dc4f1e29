"""`emoviz push SET URL`: a vector set into a store that is reached by URL."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from .arguments import Result


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("set", metavar="SET", help="name, beginning of a name, path, or URL")
    parser.add_argument(
        "url", metavar="URL", help="the store: hf://datasets/owner/name, s3://bucket/folder, file:///folder"
    )
    parser.add_argument(
        "--with-activations", action="store_true", help="the pooled states of the passages too, which are larger"
    )


def run(given: Namespace) -> Result:
    from ..extract.progress import Progress
    from ..store import find_set, push_set

    progress = Progress()
    try:
        done = push_set(find_set(given.set), given.url, activations=given.with_activations, progress=progress)
    finally:
        progress.close()
    return {"url": done.url, "files": done.files}, "\n".join([done.url, *done.files]), 0
