"""Visitors of a served dashboard without a browser: what a page asks, and what it is answered."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx

# Seconds after which an answer is given up.
_PATIENCE = 600


class Refused(Exception):
    """The server answered with an error, which this says."""


class Visitor:
    """One session. config : of the page, where another visitor has it already."""

    def __init__(self, url: str, config: dict[str, Any] | None = None) -> None:
        self._url, self._http = url, httpx.Client(base_url=url, timeout=_PATIENCE)
        self._session = uuid4().hex
        self.config = self._http.get("/config").json() if config is None else config
        self._parts = {part["id"]: part for part in self.config["components"]}

    def anew(self) -> Visitor:
        """Another session of the same page."""
        return Visitor(self._url, self.config)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, name: str, *given: Any) -> Any:
        """The answer of a function of the API."""
        event = next(one for one in self.config["dependencies"] if one["api_name"] == name)
        return self._asked(event, list(given))[0]

    def press(self, part: str, event: str = "click", **typed: Any) -> list[Any]:
        """What the parts that an event fills are given. part : its `elem_id`. typed : by the label or `elem_id` of
        inputs, in small letters and with _ for what is no letter; all else as the page has it at first."""
        events = self.config["dependencies"]
        parts = {k for k, one in self._parts.items() if one["props"].get("elem_id") == part}
        own = [one["id"] for one in events if any(k in parts and name == event for k, name in one["targets"])]
        # The work itself follows on the press, which only greys the buttons.
        asked = next((one for one in events if one["trigger_after"] in own and one["queue"]), events[own[0]])
        known: dict[str, int] = {}
        for at, input_of in enumerate(asked["inputs"]):
            for name in self._names(input_of):
                known.setdefault(name, at)
        values = [self._parts[k]["props"].get("value") for k in asked["inputs"]]
        for label, value in typed.items():
            values[known[label]] = value
        return self._asked(asked, values)

    def _names(self, part: int) -> list[str]:
        said = (self._parts[part]["props"].get(name) for name in ("label", "elem_id"))
        return ["".join(one if one.isalpha() else "_" for one in name.lower()) for name in said if name]

    def _asked(self, event: dict[str, Any], given: list[Any]) -> list[Any]:
        asked = {"data": given, "fn_index": event["id"], "session_hash": self._session, "event_data": None}
        if not event["queue"]:
            return _checked(self._http.post("/gradio_api/run/predict", json=asked)).json()["data"]
        number = _checked(self._http.post("/gradio_api/queue/join", json=asked)).json()["event_id"]
        where = {"session_hash": self._session}
        with self._http.stream("GET", "/gradio_api/queue/data", params=where) as answer:
            for line in answer.iter_lines():
                said = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if said.get("msg") == "process_completed" and said["event_id"] == number:
                    if not said["success"]:
                        raise Refused(str(said["output"].get("error")))
                    return said["output"]["data"]
        raise Refused("the server ended its answer before it was whole")


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise Refused(f"{answer.status_code}: {answer.text[:300]}")
    return answer
