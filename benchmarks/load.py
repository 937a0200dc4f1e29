"""Many visitors of one server at once: is each answered what it asked, how long does it take, does memory stay?"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil

from emoviz.emotions import EMOTIONS
from tests.dashboard import dashboard
from tests.visitors import Refused, Visitor

CLIENTS, REQUESTS, ROUNDS = 32, 20, 4
# What the server says where it takes no more; what else it refuses with is an error.
_FULL = "Queue is full"
_MODEL, _OTHER = "SmolLM2-135M-Instruct", "gemma-3-270m"
_SETS = tuple(f"{model}_emoviz_fp32" for model in (_MODEL, _OTHER))
_TOKENS = 4
_DIRECTIONS = "emotions__mixtures_and_interventions"


def _emotion(k: int) -> str:
    return EMOTIONS[k % len(EMOTIONS)]


def _view(visitor: Visitor, k: int) -> Any:
    return visitor.press("ez-select-emotion", "input", ez_select_emotion=_emotion(k), ez_select_depth=0.05 + 0.02 * k)


def _show(visitor: Visitor, k: int) -> Any:
    return visitor.call("show_set", _SETS[k % 2], ("class", "neutral", "none")[k % 3])


def _compare(visitor: Visitor, k: int) -> Any:
    return visitor.call("compare", list(_SETS), "best", "class", 200, 50, k)


def _read(visitor: Visitor, k: int) -> Any:
    return visitor.call("read", _MODEL, f"She had {k} letters, and cried.", "best", "")


def _steer(visitor: Visitor, k: int) -> Any:
    return visitor.call("steer", [_MODEL], [_emotion(k)], [0.04], f"When I was {k}, I", _TOKENS, k, [])


def _steer_on_page(visitor: Visitor, k: int) -> Any:
    typed = {"prompt_to_continue": f"When I was {k}, I", "doses": "0.04", "new_tokens": _TOKENS}
    return visitor.press("ez-steer", **typed, **{_DIRECTIONS: [_emotion(k)]})[0]


def _chat(visitor: Visitor, k: int) -> Any:
    # A conversation goes on in its session.
    with visitor.anew() as other:
        typed = {"message": f"I have {k} letters.", "doses": "0.04", "new_tokens": _TOKENS}
        return other.press("ez-send-message", **typed, **{_DIRECTIONS: [_emotion(k)]})[0]


def _picture(visitor: Visitor, k: int) -> Any:
    return visitor.call("export", "map", [_SETS[k % 2]], "png", "paper", "light", "best", "class", _emotion(k))


def _table(visitor: Visitor, k: int) -> Any:
    return visitor.call("export", "rdm", [_SETS[k % 2]], "csv", "slide", "light", f"{0.1 + 0.02 * k:.2f}", "class", "")


# Kind of request -> what visitor k asks, and hardly anybody else does.
KINDS: Mapping[str, Callable[[Visitor, int], Any]] = {
    "view": _view,
    "show": _show,
    "steer": _steer,
    "compare": _compare,
    "read": _read,
    "steer on the page": _steer_on_page,
    "table": _table,
    "chat": _chat,
    "picture": _picture,
}


class _Asked:
    """What came of requests. seconds, errors, full, wrong : by kind; said : the errors, and of whom."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        self.full: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.said: list[str] = []

    def answer(self, visitor: Visitor, kind: str, k: int) -> str | None:
        """As text, without what a clock says; None where there is none."""
        started = time.perf_counter()
        try:
            answer = KINDS[kind](visitor, k)
        except Refused as error:
            if _FULL in str(error):
                self.full[kind] += 1
            else:
                self.said.append(f"{kind} of visitor {k}: {error}")
            return None
        self.seconds[kind].append(time.perf_counter() - started)
        return json.dumps(_timeless(answer), sort_keys=True)


def load() -> dict:
    """Requests, wrong answers, errors and times by kind of 32 visitors with 20 requests each, and the memory."""
    with dashboard() as (url, process):
        return measured(url, process.pid, CLIENTS, REQUESTS, ROUNDS)


def measured(url: str, pid: int, clients: int, requests: int, rounds: int) -> dict:
    """The same of a server that runs. Every request is first made alone; what it is answered then is right."""
    first, server = Visitor(url), psutil.Process(pid)
    visitors = [first, *(first.anew() for _ in range(clients - 1))]
    kinds = list(KINDS)
    asked = [[kinds[(k + n) % len(kinds)] for n in range(requests)] for k in range(clients)]
    alone, together = _Asked(), _Asked()
    right = {(kind, k): alone.answer(visitors[k], kind, k) for k in range(clients) for kind in dict.fromkeys(asked[k])}
    memory = {"alone": _mb(server)}

    def visit(k: int) -> None:
        for kind in asked[k]:
            answer = together.answer(visitors[k], kind, k)
            if answer is not None and answer != right[kind, k]:
                together.wrong[kind] += 1

    started = time.perf_counter()
    with _highest(server) as highest:
        for number in range(1, rounds + 1):
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(visit, range(clients)))
            memory[f"after round {number}"] = _mb(server)
    seconds = time.perf_counter() - started
    for visitor in visitors:
        visitor.close()
    said = [*alone.said, *together.said]
    return {
        "clients": clients,
        "requests": clients * requests * rounds,
        "wrong": together.wrong.total(),
        "errors": len(said),
        "queue_full": together.full.total(),
        "said": said[:5],
        "seconds": round(seconds, 1),
        "kinds": {
            kind: _times(alone.seconds[kind], taken) | {"wrong": together.wrong[kind]}
            for kind, taken in together.seconds.items()
            if taken
        },
        "mb": memory | {"highest": highest[0]},
    }


def _timeless(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: _timeless(value) for name, value in answer.items() if name != "seconds"}
    return [_timeless(value) for value in answer] if isinstance(answer, list) else answer


def _times(alone: list[float], together: list[float]) -> dict[str, float]:
    low, high = np.quantile(together, (0.5, 0.95))
    return {
        "n": len(together),
        "alone_ms": round(1000 * float(np.median(alone))),
        "p50_ms": round(1000 * low),
        "p95_ms": round(1000 * high),
    }


@contextmanager
def _highest(server: psutil.Process) -> Any:
    """The most that the server holds inside, in MB, in a list."""
    ended, found = threading.Event(), [0]

    def watch() -> None:
        while not ended.wait(0.1):
            found[0] = max(found[0], _mb(server))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()


def _mb(server: psutil.Process) -> int:
    return round(server.memory_info().rss / 1e6)
