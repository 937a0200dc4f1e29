"""Jobs that are killed, or whose machine fails them: nothing is lost, and begun again they end as undisturbed."""

import json
import subprocess
import sys

from .conftest import ROOT

_RUN = """
import json, sys
from benchmarks.faults import faults
from benchmarks.kills import kills
killed = kills({"extraction": 2, "store writes": 1, "import": 1, "push": 1, "copy of a store": 1})
failed = faults(["import"])
twice = faults(["extraction", "texts read"], names=["two at once"])
print(json.dumps([killed["rows"], failed["rows"], twice["rows"]]))
"""


def test_jobs_that_are_killed_or_fail_lose_nothing_and_end_as_undisturbed_when_begun_again():
    ended = subprocess.run(
        [sys.executable, "-c", _RUN], capture_output=True, text=True, cwd=ROOT, check=False, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    killed, failed, twice = json.loads(ended.stdout.splitlines()[-1])
    whole = killed[-1]
    assert (whole["kills"], whole["done"], whole["lost"], whole["left behind"]) == (6, 6, 0, 0), ended.stderr
    assert whole["resumed"] > 0, "an extraction goes on from what was there"
    assert [(row["kind"], row["fault"]) for row in failed + twice if row["wrong"]] == [], ended.stderr
    outcome = {row["fault"]: "done" if row["done"] else "one line" for row in failed[:-1]}
    # A folder may be deleted before anything lies in it.
    done = {name for name, how in outcome.items() if how == "done"} - {"deleted in mid-run"}
    assert done == {"clock set back", "two at once"}, outcome
