"""The API of a served dashboard: the main jobs, typed, with the JSON of the command line, and nothing else.

Through gradio's client, and as tools through a client of the Model Context Protocol.
"""

import asyncio
import base64
import json

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from emoviz.app import memory
from emoviz.app.page import build
from emoviz.app.server import launch
from emoviz.cli import main
from emoviz.commands.endpoints import ENDPOINTS

SMOL, GEMMA = "SmolLM2-135M-Instruct_emoviz_fp32", "gemma-3-270m_emoviz_fp32"


@pytest.fixture(scope="module")
def client():
    page = build(ENDPOINTS)
    yield Client(launch(page), verbose=False)
    page.close()


def _said(capsys, *words):
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_main_jobs_are_named_typed_and_documented_and_the_plumbing_is_hidden(client):
    found = client.view_api(return_format="dict")["named_endpoints"]
    assert set(found) == {f"/{endpoint.__name__}" for endpoint in ENDPOINTS}
    for name, endpoint in found.items():
        assert endpoint["description"], name
        for parameter in endpoint["parameters"]:
            assert parameter["python_type"]["type"] != "Any", (name, parameter)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("list_sets", {}, ["list"]),
        ("show_set", {"set": GEMMA}, ["show", GEMMA]),
        ("show_set", {"set": GEMMA, "centring": "none"}, ["show", GEMMA, "--centring", "none"]),
        ("rdm", {"set": SMOL, "layer": "5"}, ["rdm", SMOL, "--layer", "5"]),
        ("compare", {"sets": [SMOL, GEMMA], "bootstrap": 50}, ["compare", SMOL, GEMMA, "--bootstrap", "50"]),
    ],
)
def test_an_endpoint_answers_with_the_json_of_its_command(client, capsys, name, given, words):
    assert client.predict(api_name=f"/{name}", **given) == _said(capsys, *words)


def test_a_figure_is_exported(client):
    found = client.predict("rdm", [GEMMA], "csv", api_name="/export")
    assert found["name"] == "rdm.csv" and base64.b64decode(found["base64"]).startswith(b"series,name")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("show_set", {"set": "nonsense"}, "set 'nonsense' is unknown; known sets: Qwen"),
        ("show_set", {"set": "../../../etc/passwd"}, "is unknown; known sets"),
        ("rdm", {"set": f"cache/{GEMMA}_ca4cb220.safetensors"}, "is unknown; known sets"),
        ("rdm", {"set": GEMMA, "layer": "99"}, "layer 99 does not exist"),
        ("compare", {"sets": [SMOL]}, "1 set given; a comparison needs at least 2"),
        ("compare", {"sets": [SMOL, GEMMA], "permutations": 10**9}, "2 to 100,000 are allowed"),
        ("read", {"model": "/etc", "text": "x"}, "model '/etc' has no vector set here; SmolLM2-135M-Instruct"),
        ("steer", {"models": ["x"], "emotions": ["sad"], "doses": [0.1], "prompt": "y"}, "has no vector set here"),
        (
            "steer",
            {"models": ["gemma-3-270m"], "emotions": ["sad"], "doses": [0.01 * k for k in range(1, 90)], "prompt": "y"},
            "up to 64 texts",
        ),
        ("export", {"figure": "cake", "sets": [GEMMA]}, "figure 'cake' is unknown for these sets; map, rdm"),
        ("export", {"figure": "rdm", "sets": [GEMMA], "format": "gif"}, "format 'gif' is unknown"),
    ],
)
def test_what_cannot_be_answered_says_why_and_reads_no_file(client, name, given, message):
    with pytest.raises(AppError) as error:
        client.predict(api_name=f"/{name}", **given)
    assert message in str(error.value)


@pytest.fixture(scope="module")
def tools(client):
    """Does something in a session with the tools: `tools(lambda session: session.list_tools())`."""
    pytest.importorskip("mcp", reason="mcp is not installed (pip install 'emoviz[mcp]')")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def ask(what):
        async with (
            streamablehttp_client(f"{client.src}gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await what(session)

    return lambda what: asyncio.run(ask(what))


def test_a_language_model_finds_the_main_jobs_as_tools_with_help_for_every_argument_and_nothing_else(tools):
    found = {tool.name: tool for tool in tools(lambda session: session.list_tools()).tools}
    assert list(found) == [endpoint.__name__ for endpoint in ENDPOINTS]
    for name, tool in found.items():
        assert len(tool.description) > 40 and "Args" not in tool.description, name
        for argument, schema in tool.inputSchema["properties"].items():
            assert schema["description"] and schema["type"], (name, argument)
    assert found["compare"].inputSchema["required"] == ["sets"]


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("list_sets", {}, ["list"]),
        ("rdm", {"set": SMOL, "layer": "5"}, ["rdm", SMOL, "--layer", "5"]),
        ("compare", {"sets": [SMOL, GEMMA], "bootstrap": 50}, ["compare", SMOL, GEMMA, "--bootstrap", "50"]),
    ],
)
def test_a_tool_answers_with_the_json_of_its_command(tools, capsys, name, given, words):
    answer = tools(lambda session: session.call_tool(name, given))
    assert not answer.isError and json.loads(answer.content[0].text) == _said(capsys, *words)


def test_a_tool_says_what_is_wrong(tools):
    for name, given, message in (
        ("show_set", {"set": "../../etc/passwd"}, "is unknown; known sets: Qwen"),
        ("answer", {}, "Unknown tool"),
    ):
        answer = tools(lambda session, name=name, given=given: session.call_tool(name, given))
        assert answer.isError and message in answer.content[0].text, answer.content


@pytest.fixture
def left_in_memory():
    """What the test loads is let go again, so that no other test finds it."""
    yield
    for name in list(memory.LOADED):
        memory.free(name)


@pytest.mark.models
def test_texts_are_steered_and_read_over_the_api(client, left_in_memory):
    asked = {"models": ["SmolLM2-135M-Instruct"], "emotions": ["calm"], "doses": [0.0, 0.04], "prompt": "I opened"}
    rows = client.predict(api_name="/steer", max_new_tokens=6, **asked)["rows"]
    assert [(row["emotion"], row["dose"]) for row in rows] == [("calm", 0.0), ("calm", 0.04)]
    assert all(row["text"] and row["regime"] for row in rows)
    reading = client.predict("SmolLM2-135M-Instruct", "She cried all night.", api_name="/read")
    assert len(reading["scores"]) == len(reading["tokens"]) and reading["classes"][0] == "afraid"
