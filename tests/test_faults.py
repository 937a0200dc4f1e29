"""Faults that an event of the page does not expect, as its visitors are told them."""

import asyncio
import errno

import gradio as gr
import pytest

from emoviz.app import page
from emoviz.errors import InputError

FULL = OSError(errno.ENOSPC, "No space left on device", "sets/a.safetensors")


@pytest.fixture(scope="module")
def blocks():
    return page.build()


def _told(blocks, fails):
    """What the page answers where an event fails so."""
    event = next(one for one in blocks.fns.values() if one.fn is not None and not one.inputs)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(gr.Error) as told:
        patch.setattr(event, "fn", fails)
        answer = asyncio.run(blocks.call_function(event, []))
        asyncio.run(blocks.call_function(event, [], iterator=answer["iterator"]))
    return told.value


@pytest.mark.parametrize("on_its_way", [False, True])
@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (FULL, f"{FULL.filename} cannot be used (No space left on device). Make room, "),
        (InputError("7 is no layer. 0 to 5 are."), "7 is no layer. 0 to 5 are."),
        (ZeroDivisionError(), "an error that nobody expected; the log of the server has it."),
        (gr.Error("refused."), "refused."),
    ],
)
def test_what_an_event_did_not_expect_is_told_in_one_line(blocks, fault, line, on_its_way):
    def at_once():
        raise fault

    def later():
        yield
        raise fault

    told = _told(blocks, later if on_its_way else at_once)
    assert told.message.startswith(line) and "\n" not in told.message
    # The log has what is no answer, and nothing else.
    assert told.print_exception is (isinstance(fault, (ZeroDivisionError, gr.Error)))


def test_on_a_page_that_many_share_a_fault_is_told_without_its_file(blocks, monkeypatch):
    monkeypatch.setenv("EMOVIZ_PUBLIC", "1")

    def full():
        raise FULL

    said = _told(blocks, full).message
    assert said == "the server cannot do this now (No space left on device). Try again later, or tell those who run it."
