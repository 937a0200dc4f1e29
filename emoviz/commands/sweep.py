"""`emoviz sweep PLAN.yaml`: the vector sets of a whole plan."""

from __future__ import annotations

import signal
from argparse import ArgumentParser, Namespace
from types import FrameType

from .arguments import Result
from .printing import table


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("plan", metavar="PLAN.yaml", help="models, protocols, precisions and corpora, as lists")
    parser.add_argument("--ray", metavar="HOST:PORT", help="run it on the machines of this Ray cluster")
    parser.add_argument("--store", metavar="URL", help="put the sets there, such as s3://bucket/folder")
    parser.add_argument("--dry-run", action="store_true", help="check the plan and list its jobs; nothing is run")


def run(given: Namespace) -> Result:
    from ..extract.sweeps.run import sweep
    from ..types.sweeps import FAILED, job_row

    # What ends a sweep from outside, such as a cluster's scheduler, ends its jobs with it.
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        found = sweep(given.plan, ray=given.ray, store=given.store, dry_run=given.dry_run, progress=not given.dry_run)
    finally:
        signal.signal(signal.SIGTERM, before)
    rows = [job_row(one) for one in found.results]
    counts = ", ".join(f"{n} {status}" for status, n in found.counts.items())
    shown = [{name: "" if value is None else value for name, value in row.items()} for row in rows]
    code = int(any(one.status == FAILED for one in found.results))
    return {"sweep": found.name, "jobs": rows}, f"{table(shown)}\n{counts}", code


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
