"""Jobs as the page shows them, above the tabs: each with what it is doing, and a button to cancel or dismiss it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..models import REGISTRY
from .components import JobLines
from .jobs import CANCELLED, DONE, FAILED, JOBS, OPEN, WAITING, Job
from .library import library

# What is said where a job was begun.
BEGUN = "Begun: it stands at the top, and goes on when this page is closed."
_TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Strip:
    """lines : what is shown. owner : the visitor's secret, kept by the browser."""

    lines: Any
    owner: gr.State


def lay() -> Strip:
    return Strip(JobLines(elem_id="ez-jobs"), gr.State(""))


def answer(event: gr.EventData, owner: str) -> tuple[dict, str]:
    """(lines, owner) for a page that asks, cancels or dismisses; a visitor can post anything."""
    data = event._data if isinstance(event._data, dict) else {}
    told, number = told_owner(data), data.get("job")
    owner = owner if told is None else told
    act = {"cancel": JOBS.cancel, "dismiss": JOBS.dismiss}.get(str(data.get("act")))
    if act is not None and type(number) is int:
        act(number, owner)
    return lines(owner), owner


def told_owner(data: Any) -> str | None:
    """The secret that a page tells with what it asks; None where it tells none. A visitor can post anything."""
    told = data.get("owner") if isinstance(data, dict) else None
    return told if isinstance(told, str) and _TOKEN.fullmatch(told) else None


def lines(owner: str) -> dict:
    """What `JobLines` shows one visitor."""
    return {"jobs": [_line(job) for job in JOBS.seen_by(owner)], "ended": JOBS.ended}


def _line(job: Job) -> dict:
    return {
        "job": job.number,
        "label": job.label if job.mine or job.of_server else f"Another visitor: {job.label}",
        "said": _said(job),
        "open": job.state in OPEN,
        "failed": job.state == FAILED,
        "mine": job.mine,
    }


def _said(job: Job) -> str:
    if job.state == WAITING:
        return f"waiting, {job.before} before {'yours' if job.mine else 'it'}"
    if job.state == CANCELLED:
        return "cancelled. Start it again to go on where it stopped."
    if job.state in (DONE, FAILED):
        return f"failed: {job.said}" if job.state == FAILED else job.said
    return f"{job.said or 'working'} ({job.seconds} s)" if job.mine or job.of_server else f"working for {job.seconds} s"


def model_label(name: str) -> str:
    """A model as everybody may see it: known names only, since a visitor can type anything."""
    return name if name in {entry.id for entry in REGISTRY} | set(library().steerable) else "a model of one's own"
