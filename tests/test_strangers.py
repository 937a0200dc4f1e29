"""A page that many share, as a stranger probes it: every event, every route, every name that it is asked under."""

import json
import secrets
from dataclasses import replace

import httpx
import pytest

from emoviz.app import page, strangers
from emoviz.commands.endpoints import ENDPOINTS
from emoviz.store import save_set

from .conftest import make_set
from .dashboard import dashboard

# A set whose model is too large for a page that many share, so that no event loads one.
LARGE = "Qwen2.5-Coder-1.5B-Instruct"
PASSWORD = "someone:only-a-few-know"
FILE = "/etc/passwd"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / "sets").mkdir()
    own = make_set("mine", model="a-model")
    save_set(replace(own, provenance=replace(own.provenance, origin=str(folder))), folder / "sets")
    return folder


@pytest.fixture(scope="module")
def public(home):
    """A client of a page that many share."""
    with dashboard(EMOVIZ_HOME=str(home), EMOVIZ_PUBLIC="1") as (url, _), httpx.Client(base_url=url, timeout=60) as one:
        yield one


@pytest.fixture(scope="module")
def config(public):
    return public.get("/config").json()


@pytest.fixture(scope="module")
def events():
    """(number, module and name) of every event of such a page, in the order of its config; those of the browser
    alone, which call nothing here, are left out."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOVIZ_PUBLIC", "1")
        patch.setattr(page, "close", lambda blocks: found.extend(blocks.fns.items()))
        page.build(ENDPOINTS)
    return [(number, event.fn) for number, event in found if event.fn is not None]


def _asked(client, config, number, data, told=None):
    """What the page answers to an event, as its browser would ask for it."""
    event = next(one for one in config["dependencies"] if one["id"] == number)
    session = secrets.token_hex(6)
    asked = {"fn_index": number, "data": data, "session_hash": session, "event_data": told, "trigger_id": None}
    if not event["queue"]:
        return client.post("/gradio_api/run/predict", json=asked).text
    client.post("/gradio_api/queue/join", json=asked).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    return next(line for line in lines if json.loads(line)["msg"] == "process_completed")


def test_an_event_is_closed_unless_it_is_listed_as_open_and_all_that_are_listed_are_there(events):
    names = {(one.__module__.removeprefix("emoviz."), one.__qualname__.replace("<locals>.", "")) for _, one in events}
    listed = {(module, name) for module, known in strangers.OPEN.items() for name in known}
    assert listed <= names
    closed = {f"{module}.{name}" for module, name in names - listed}
    assert {
        "app.importing.look", "app.importing.press", "app.steer.own_runs.OwnRuns.begin",
        "app.steer.own_runs.OwnRuns.delete", "app.sweeps.check_plan", "app.sweeps.show", "app.tabs.library.begin",
        "app.tabs.library.delete", "app.tabs.library.press", "app.tabs.steer.doses.begin",
        "app.tabs.steer.texts.let_go", "app.tabs.steer.verification.begin", "app.uploading.take",
    } <= closed  # fmt: skip


def test_every_closed_event_is_refused_by_the_running_page_whatever_is_posted(public, config, events, home):
    before = _files(home)
    closed = [number for number, function in events if not strangers.is_open(function)]
    assert len(closed) > 20
    for number in closed:
        given = next(one["inputs"] for one in config["dependencies"] if one["id"] == number)
        for value in (None, FILE):
            said = _asked(public, config, number, [value] * len(given), {"free": "mine"})
            assert "left out on a page that many share" in said or '"error":null' in said.replace(" ", ""), said
    assert _files(home) == before


def test_what_is_open_shows_a_stranger_no_file_and_changes_nothing(public, config, events, home):
    before, of_large = _files(home), {}
    kinds = {one["id"]: one for one in config["components"]}
    sets = next(one["id"] for one in kinds.values() if one["props"].get("elem_id") == "ez-select-sets")
    large = next(name for name in _sets(public, config) if name.startswith(LARGE))
    of_large[sets] = [large]
    for number, function in events:
        if not strangers.is_open(function):
            continue
        given = next(one["inputs"] for one in config["dependencies"] if one["id"] == number)
        data = [of_large.get(part, FILE) for part in given]
        said = _asked(public, config, number, data, {"path": FILE, "text": FILE, "set": FILE, "owner": FILE})
        assert "root:" not in said and str(home) not in said and "Traceback" not in said, function.__qualname__
    assert _files(home) == before


def _sets(client, config):
    number = next(one["id"] for one in config["dependencies"] if one["api_name"] == "list_sets")
    return [one["set"] for one in json.loads(_asked(client, config, number, []))["output"]["data"][0]["sets"]]


def _files(folder):
    """What a visitor could change: names and times."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "readings" not in path.parts}
