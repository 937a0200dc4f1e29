"""Commands in processes of their own: no text of a visitor can become an option of one."""

from argparse import ArgumentParser
from importlib import import_module

import pytest

from emoviz.app import uploading
from emoviz.app.tabs.steer import doses, effects, leak
from emoviz.app.uploading import Upload
from emoviz.errors import InputError
from emoviz.extract.sweeps.jobs import words_of as words_of_job
from emoviz.process import run_command, words_of
from emoviz.types import Job

from .conftest import finished

HOSTILE = [
    "--out=/tmp/x",
    "-h",
    "--json",
    "---",
    "-o",
    "@/etc/passwd",
    "--emotion",
    "a\n--out=/tmp/x\nb",
    "",
    "=",
    "-1",
]


def _parsed(words):
    """What the command takes the words for; whatever it does not know, or `-h`, ends the test."""
    parser = ArgumentParser()
    parser.add_argument("--json", action="store_true")
    import_module(f"emoviz.commands.{words[0]}").arguments(parser)
    return parser.parse_args(words[1:])


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("doses", {"prompt": "+", "emotion": "+", "dose": "1"}),
        ("leak", {"prompt": "+", "emotion": "+", "dose": "1"}),
        ("effects", {"emotion": "+", "dose": "1"}),
        ("extract", {"passages": "1", "text_column": "1", "label_column": "1", "labels": "1"}),
        ("read", {"texts": "1", "text_column": "1", "set": "1"}),
        ("verify", {"precision": "1"}),
        ("fetch", {}),
    ],
)
def test_a_text_stays_a_text_in_every_command_that_is_begun(command, options, text):
    # A prompt without words is refused as it is read.
    allowed = {name: many for name, many in options.items() if text or name != "prompt"}
    given = {name: [text, "calm", text] if many == "+" else text for name, many in allowed.items()}
    found = vars(_parsed(words_of(command, text, **given)))
    assert {name: found[name] for name in given} == given and found["model"] == text
    assert found.get("out") is None


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_visitor_types_for_a_run_stays_prompts_and_emotions(text, tmp_path):
    runs = [(part.OWN, {"emotion": [text]}) for part in (leak, effects)]
    if text.strip():
        runs.append((doses.OWN, doses.options([text], text, text)))
    for own, options in runs:
        found = _parsed(own.words("gemma-3-270m", options))
        assert found.emotion == [text] and found.out is None and found.model == "gemma-3-270m"
    if text.strip():
        assert found.prompt == [line.strip() for line in text.splitlines() if line.strip()]
    file = Upload(text, text=text, label=text, numbers=True, names="a\nb")
    found = _parsed(words_of("extract", text, **uploading.options(file, tmp_path)))
    assert (found.passages, found.text_column, found.label_column, found.out) == (text, text, text, None)
    options = {"protocol": "emoviz", "passages": text, "text_column": text, "allow_base": True, "gpus": 2}
    found = _parsed(words_of_job(Job("a", text, "emoviz", "fp32", "a", options)))
    assert (found.model, found.passages, found.text_column, found.out) == (text, text, text, None)


def test_two_dashes_alone_are_refused_since_parsers_drop_them():
    with pytest.raises(InputError, match="'--' was given; that alone is no text"):
        words_of("doses", "gemma-3-270m", prompt=["calm", "--"])


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 3_000_000])
def test_a_text_that_no_process_can_be_given_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="^the texts cannot be used"):
        finished(run_command(words_of("doses", "gemma-3-270m", prompt=[text])))
