"""Sweeps as the Library shows them: what became of every job, live while one runs, and plans that are checked before
they are run."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..errors import InputError
from ..extract.sweeps.plan import parse_plan
from ..models import REGISTRY
from ..models.memory import needed_bytes
from ..models.registry import ModelSource
from ..store.choice import DEFAULT_PRECISION
from ..store.sweeps import list_sweeps
from ..types import Job, Sweep
from ..types.sweeps import DONE, FAILED, RUNNING, THERE, WAITING
from ..words import counted
from .components import EMPTY, Menu, Message, Table
from .contract import LATEST, QUIET
from .limits import is_public

SHOWN_JOBS = 200
# Seconds between looks at a sweep that runs.
_EVERY = 2
_ORDER = (RUNNING, FAILED, WAITING, DONE, THERE)
_EXAMPLE = """models: [SmolLM2-135M-Instruct, gemma-3-270m]
protocols: [emoviz, jeong2026b]
precisions: [fp32, bf16]
"""


def lay() -> dict[str, Any]:
    """A menu of sweeps, the jobs of one, and a plan to be checked."""
    with gr.Accordion("Sweeps: many sets from one plan", open=False, elem_id="ez-sweeps", visible=not is_public()):
        menu = Menu(choices(), value=None, label="Sweep", info="the newest first; emoviz sweep PLAN.yaml runs one")
        said, jobs = Message(elem_id="ez-sweep-said"), Table(elem_id="ez-sweep-jobs")
        plan = gr.Textbox(_EXAMPLE, label="Plan", info="YAML; docs/guides/sweep.md says what may stand in it", lines=5)
        check = gr.Button("Check the plan", size="sm", elem_id="ez-check-plan")
        checked, planned = Message(elem_id="ez-plan-said"), Table(elem_id="ez-planned")
    timer = gr.Timer(_EVERY, active=False)
    timer.tick(show, menu, [said, jobs, timer], **LATEST)
    check.click(check_plan, plan, [checked, planned], **QUIET)
    return {"sweep": menu, "swept": said, "swept_jobs": jobs, "swept_again": timer}


def draw(name: str | None) -> dict[str, Any]:
    """What the parts of `lay` show. name : of the sweep that is chosen, the newest where none is."""
    known = choices()
    names = [name for _, name in known]
    name = name if name in names else next(iter(names), None)
    said, jobs, timer = show(name)
    return {
        "sweep": gr.update(choices=known, value=name),
        "swept": said,
        "swept_jobs": jobs,
        "swept_again": timer,
    }


def choices() -> list[tuple[str, str]]:
    return [(f"{sweep.name}, {sweep.begun:%d %B %Y %H:%M}", sweep.name) for sweep in _sweeps()]


def show(name: str | None) -> tuple[str, Any, Any]:
    """(what is said of a sweep, the table of its jobs, whether it is looked at again)."""
    sweep = next((one for one in _sweeps() if one.name == name), None)
    if sweep is None:
        return "No sweep was run yet.", EMPTY, gr.update(active=False)
    return _said(sweep), _jobs(sweep), gr.update(active=sweep.running)


def _sweeps() -> list[Sweep]:
    """None where strangers would read what failed on the machine, and why."""
    return [] if is_public() else list_sweeps()


def _said(sweep: Sweep) -> str:
    counts = ", ".join(f"{n} {status}" for status, n in sweep.counts.items())
    where = f" Its sets go to {sweep.store}." if sweep.store else ""
    stopped = not sweep.running and any(one.status in (WAITING, RUNNING) for one in sweep.results)
    again = " It was stopped; the same command goes on with it." if stopped else ""
    return f"**{'Running' if sweep.running else 'Ended'}: {counts}.**{where}{again}"


def _jobs(sweep: Sweep) -> dict:
    """By what became of them, those that ask for attention first."""
    results = sorted(sweep.results, key=lambda one: _ORDER.index(one.status))
    rows, groups = [], {}
    for k, one in enumerate(results[:SHOWN_JOBS]):
        if k == 0 or one.status != results[k - 1].status:
            groups[k] = f"{one.status} ({sweep.counts[one.status]})"
        took = f"{one.seconds:,.0f} s" if one.status in (DONE, RUNNING, FAILED) and one.node else ""
        made = one.error if one.error else one.set if one.set is not None else ""
        rows.append([one.job.name, took, one.node, made])
    columns = ["job", "time", "node", "set, or why it failed"]
    return {"columns": columns, "rows": rows, "groups": groups, "notes": _more(len(results)), "wrap": True}


def _more(n: int) -> list[str]:
    return [f"{SHOWN_JOBS} of {n:,} jobs are shown; ez.list_sweeps() has all."] if n > SHOWN_JOBS else []


def check_plan(text: str) -> tuple[str, Any]:
    """(what is said of a plan, the table of its jobs). Nothing is run, and no file that it names is looked for."""
    try:
        plan = parse_plan(str(text).encode(), "plan")
    except InputError as error:
        return f"**This plan cannot be run.** {error}", EMPTY
    rows = [[job.name, _memory(job)] for job in plan.jobs[:SHOWN_JOBS]]
    said = f"**{counted(len(plan.jobs), 'job')}.** Files and folders are looked for where it is run."
    return said, {"columns": ["job", "memory"], "rows": rows, "notes": _more(len(plan.jobs)), "wrap": True}


def _memory(job: Job) -> str:
    """What the job needs of it, for a known model."""
    entry = next((one for one in REGISTRY if one.id == job.origin), None)
    if entry is None:
        return ""
    precision = DEFAULT_PRECISION if job.precision == "auto" else job.precision
    found = needed_bytes(ModelSource(entry.id, "hub", entry.id, entry), None, precision)
    return "" if found is None else f"{found[1] / 1e9:.1f} GB"
