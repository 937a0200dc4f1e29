"""Writes docs/scale.md anew from its line on, out of docs/scale.json: `python -m benchmarks scale > docs/scale.json`.

What a sweep of the twelve models of arXiv 2604.11050 costs in hours: measured here, worked out for other machines.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from emoviz.models.memory import BYTES_PER_PARAMETER
from emoviz.models.registry import PRECISIONS, REGISTRY
from emoviz.reference import published_models

FOLDER = Path(__file__).parent
PAGE, MEASURED = FOLDER / "scale.md", FOLDER / "scale.json"
FROM = "<!-- from here on written by docs/scale.py -->"

WAYS = ("read_per_second", "written_per_second")
PROTOCOLS = ("emoviz", "jeong2026b", "emoviz-stories")
# Stories written at once, and bytes per second of a disk that weights come from, two bytes a weight.
ROWS, DISK = 32, 1e9
# NVIDIA's data sheet of the H100 SXM: floating-point operations per second, dense, and bytes of memory per second.
H100_FLOPS = {"fp32": 67e12, "bf16": 989e12, "fp16": 989e12, "int8": 989e12}
H100_BYTES = 3.35e12
# Not measured: the share of the peak that reading reaches, by precision; the share of the memory's speed that a step of
# writing reaches, and the least that a block takes in a step, since its kernels are started one by one.
H100_READING = {"fp32": 0.4, "bf16": 0.2, "fp16": 0.2, "int8": 0.1}
H100_WRITING, H100_BLOCK = 0.5, 1e-3
# Not measured: cores of a server, and the share of their number by which they are quicker than one.
CORES, SCALING = 64, 0.5


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    parameters: int
    n_layers: int
    d_model: int


@dataclass(frozen=True, slots=True)
class Job:
    """Seconds of a job, by what they go into."""

    model: str
    precision: str
    load: float
    read: float
    write: float
    rest: float

    @property
    def seconds(self) -> float:
        return self.load + self.read + self.write + self.rest


def models() -> list[Model]:
    sizes = {entry.id: entry.parameters for entry in REGISTRY}
    return [Model(one.id.split("/")[1], sizes[one.id], one.n_layers, one.d_model) for one in published_models()]


def jobs(measured: dict, device: str) -> Iterator[Job]:
    """The sweep on one H100 (`h100`), on a core as here (`core`), or on a server of such cores (`server`)."""
    known = list(measured["models"].values())
    corpus, prompts = (mean(one[name] for one in known) for name in ("corpus_tokens", "prompt_tokens"))
    written = measured["stories"] * measured["story_tokens"]
    # What follows the reading: the same for all, and seconds for a layer and a dimension.
    rest = measured["rest"]
    small, same = measured["models"][rest["model"]], rest["of_them_controls"]
    grows = (rest["seconds"] - same) / (small["n_layers"] * small["d_model"])
    faster = SCALING * CORES if device == "server" else 1.0
    for model in models():
        for precision in PRECISIONS:
            if device == "h100":
                read = 2 * model.parameters / (H100_READING[precision] * H100_FLOPS[precision])
                moved = BYTES_PER_PARAMETER[precision] * model.parameters / (H100_WRITING * H100_BYTES)
                write = max(moved, H100_BLOCK * model.n_layers) / ROWS
            else:
                read, write = (2 * model.parameters / flops(measured, precision, what) / faster for what in WAYS)
            load, after = 2 * model.parameters / DISK, same + grows * model.n_layers * model.d_model
            for protocol in PROTOCOLS:
                if protocol == "emoviz-stories":
                    # Prompts are read before stories are written, and again with them.
                    yield Job(model.name, precision, load, read * (2 * prompts + written), write * written, after)
                else:
                    yield Job(model.name, precision, load, read * corpus, 0.0, after)


def flops(measured: dict, precision: str, what: str) -> float:
    """Operations per second that the largest model reached, 2 for each weight outside the embeddings and token."""
    tried = [one for one in measured["models"].values() if precision in one["precisions"]]
    largest = max(tried, key=lambda one: one["outside_embeddings"])
    return 2 * largest["outside_embeddings"] * largest["precisions"][precision][what]


def makespan(sweep: list[Job], devices: int) -> float:
    """Seconds until all are done, the longest begun first, one at a time on each device."""
    free = [0.0] * devices
    for job in sorted(sweep, key=lambda one: -one.seconds):
        heapq.heappush(free, heapq.heappop(free) + job.seconds)
    return max(free)


def text(measured: dict) -> str:
    names = {"h100": "one H100", "server": f"{CORES} cores", "core": "one core"}
    sweeps = {device: list(jobs(measured, device)) for device in names}

    def hours(chosen: Callable[[Job], bool]) -> str:
        return " | ".join(_hours(sum(job.seconds for job in sweep if chosen(job))) for sweep in sweeps.values())

    parts = {
        name: [sum(getattr(job, part) for job in sweeps[device]) for part in ("load", "read", "write", "rest")]
        for device, name in names.items()
    }
    host = parts["one H100"][-1] / sum(parts["one H100"])
    weights = sum(model.parameters for model in models())
    columns = " | ".join(names.values())
    lines = [
        FROM,
        "",
        "## Measured",
        "",
        *_measured(measured),
        "",
        f"## The sweep: {len(sweeps['core'])} jobs",
        "",
        "| hours | loading | reading | writing | all else | together |",
        "|---|---|---|---|---|---|",
        *(f"| {name} | {' | '.join(map(_hours, [*own, sum(own)]))} |" for name, own in parts.items()),
        "",
        f"On eight H100, a job at a time on each: **{_hours(makespan(sweeps['h100'], 8))} h**. On a GPU {host:.0%} of "
        "the time goes to numbers that the host works out: several jobs a GPU would use it better.",
        "",
        f"| hours of its twelve jobs | billion weights | {columns} |",
        "|---|---|---|---|---|",
        *(
            f"| {one.name} | {one.parameters / 1e9:.2f} | {hours(lambda job, one=one: job.model == one.name)} |"
            for one in models()
        ),
        "",
        f"| hours by precision | {columns} |",
        "|---|---|---|---|",
        *(f"| {name} | {hours(lambda job, name=name: job.precision == name)} |" for name in PRECISIONS),
        "",
        f"The weights are {2 * weights / 1e9:.0f} GB to fetch, at two bytes each; fetching is not counted.",
        "",
        *_assumptions(measured),
    ]
    return "\n".join(lines) + "\n"


def _measured(measured: dict) -> list[str]:
    peak = ", ".join(f"{value:.0f} in {name}" for name, value in measured["peak_gflops"].items())
    lines = [
        f"{measured['machine']}, of which one is used, in seconds of the processor, since other work went on; torch "
        f"{measured['versions']['torch']}, transformers {measured['versions']['transformers']}. Products of large "
        f"matrices reach {peak} GFLOP/s: the peak below.",
        "",
        "| tokens per second | precision | read | of the peak | written, 32 rows | loading, s |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in measured["models"].items():
        for precision, speed in one["precisions"].items():
            reached = 2e-9 * one["outside_embeddings"] * speed["read_per_second"]
            peak = measured["peak_gflops"].get(precision)
            share = "" if peak is None else f"{reached / peak:.0%}"
            numbers = f"{speed['read_per_second']:,.0f} | {share} | {speed['written_per_second']:,.0f}"
            lines.append(f"| {name} | {precision} | {numbers} | {speed['load_seconds']:.1f} |")
    lines += ["", "| | weights, million | outside the embeddings | tokens of the corpus |", "|---|---|---|---|"]
    for name, one in measured["models"].items():
        sizes = f"{one['parameters'] / 1e6:.0f} | {one['outside_embeddings'] / 1e6:.0f}"
        lines.append(f"| {name} | {sizes} | {one['corpus_tokens']:,} |")
    rest = measured["rest"]
    rest_words = (
        f"All else (means, curves, intervals, control RDMs, UMAP) takes {rest['model']} {rest['seconds']:.0f} s"
    )
    return [
        *lines,
        "",
        f"{rest_words}, {rest['of_them_controls']:.0f} s of them for what the control RDMs are made from.",
    ]


def _assumptions(measured: dict) -> list[str]:
    shares = ", ".join(f"{share:.0%} in {name}" for name, share in H100_READING.items())
    stories = measured["stories"] * measured["story_tokens"]
    return [
        "## What is assumed",
        "",
        "- A token costs 2 operations for each weight, embeddings included, which is somewhat too much. Attention over "
        "texts of this length is left out, which is somewhat too little.",
        "- CPUs compute larger models at the operations per second that the largest model of each precision reached "
        "here, in reading and in writing, counted without the embeddings.",
        f"- {CORES} such cores are {SCALING * CORES:.0f} times as fast as one, and have the memory (32 GB for 8 "
        "billion weights in fp32). Not measured.",
        f"- An H100 (SXM) reads at {shares} of its peak: {H100_FLOPS['fp32'] / 1e12:.0f} TFLOP/s in fp32, "
        f"{H100_FLOPS['bf16'] / 1e12:.0f} else, dense. No GPU was at hand: these shares are assumed, and low, since a "
        "batch has 2,048 tokens and int8 goes through bitsandbytes.",
        f"- A step of writing takes the time in which the weights pass at {H100_WRITING:.0%} of "
        f"{H100_BYTES / 1e12:.2f} TB/s, and {H100_BLOCK * 1e3:.0f} ms a block at least. Not measured.",
        f"- Stories are written to their full length: {stories:,} tokens, {ROWS} at a time. Base models write too "
        "(`--allow-base`).",
        f"- Weights are loaded for every job, two bytes each, at {DISK / 1e9:.0f} GB/s. Jobs of one model in one "
        "process would load them once.",
        "- All else is computed by one core of the host for each job, as here: the control RDMs as long for every "
        "model, the rest in proportion to layers times width. The GPU waits meanwhile.",
        "- No failures, no queue, no fetching.",
    ]


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    digits = 0 if hours >= 10 or hours == 0 else max(1, 1 - math.floor(math.log10(hours)))
    return f"{hours:,.{digits}f}"


def main() -> None:
    head = PAGE.read_text("utf-8").partition(FROM)[0]
    found = json.loads(MEASURED.read_text("utf-8"))
    PAGE.write_text(head + text(flat(found)), "utf-8")


def flat(found: dict) -> dict:
    """The measurement with the machine that it is of."""
    return {**found["scale"], "machine": found["machine"], "versions": found["versions"]}


if __name__ == "__main__":
    main()
