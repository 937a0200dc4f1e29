"""Many vector sets asked for at once, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .base import Value

if TYPE_CHECKING:
    import pandas as pd

WAITING, RUNNING, DONE, THERE, FAILED = "waiting", "running", "done", "there", "failed"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Job(Value):
    """One vector set of a plan.

    model : its name. origin : the short name, hub id or path that loads it.
    protocol : its name, or that of its variant with another pooling or number of stories. corpus : the name of its
    passages, empty where the model writes its own.
    options : what else `emoviz extract` is told, such as `layer_path` or `passages`, the path of a file.
    """

    model: str
    origin: str
    protocol: str
    precision: str
    corpus: str
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its model, protocol, precision and corpus, as people say them."""
        return " ".join(part for part in (self.model, self.protocol, self.precision, self.corpus) if part)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Plan(Value):
    """The jobs of a sweep, in the order in which they are begun. `name` is what its results are found under."""

    name: str
    jobs: tuple[Job, ...]

    def __repr__(self) -> str:
        return f"Plan({self.name!r}: {len(self.jobs)} jobs)"

    def to_frame(self) -> pd.DataFrame:
        """One row a job."""
        import pandas as pd

        names = ("model", "protocol", "precision", "corpus")
        return pd.DataFrame([{name: getattr(job, name) for name in names} for job in self.jobs])


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class JobResult(Value):
    """What became of a job.

    status : `waiting`, `running`, `done`, `there` (the set had been made before) or `failed`. set : the name of its
    vector set. seconds : that it took, or has taken so far. node : the machine or device that ran it.
    error : why it failed, in one line.
    """

    job: Job
    status: str = WAITING
    set: str | None = None
    seconds: float = 0.0
    node: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Sweep(Value):
    """A plan that was run, or is being run.

    results : one of each job, in the order of the plan. begun : when it was begun last, in UTC. running : whether a
    process is at it now. store : the URL that its sets go to, empty for the user's own folder.
    """

    name: str
    results: tuple[JobResult, ...]
    begun: datetime
    running: bool = False
    store: str = ""

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.counts.items())
        return f"Sweep({self.name!r}: {counts})"

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs have each status, those alone that there are."""
        found = [one.status for one in self.results]
        return {status: found.count(status) for status in (DONE, THERE, FAILED, RUNNING, WAITING) if status in found}

    def to_frame(self) -> pd.DataFrame:
        """One row a job: model, protocol, precision, corpus, set, status, seconds, node, error."""
        import pandas as pd

        return pd.DataFrame([job_row(one) for one in self.results])


def job_row(result: JobResult) -> dict[str, Any]:
    """A result as the tables, files and JSON of a sweep have it."""
    job = result.job
    return {
        "model": job.model,
        "protocol": job.protocol,
        "precision": job.precision,
        "corpus": job.corpus,
        "set": result.set,
        "status": result.status,
        "seconds": round(result.seconds, 3),
        "node": result.node,
        "error": result.error,
    }
