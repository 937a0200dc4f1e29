"""Runs of the user's own: begun on the page as jobs, and deleted there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ...errors import InputError
from ...process import run_command, words_of
from .. import deleting
from ..components import Message
from ..contract import QUIET, Page, by_name
from ..job_strip import BEGUN, lines, model_label
from ..jobs import JOBS
from ..library import library
from ..limits import check_asked, refuse_in_public


def run_label(run: Any) -> str:
    return f"{run.model} \u00b7 {run.created[:16].replace('T', ' ')}"


@dataclass(frozen=True, slots=True)
class OwnRuns:
    """One kind of runs, as a part of Steer shows them.

    title : what a run is called, `Leak run`. tab : the part. command : what makes one on the command line. stored : all
    that there are, by name. loses : what is removed with one, as a sentence. remove : deletes one. key : what the
    command tells its name under. label : how a run is called in a menu.
    """

    title: str
    tab: str
    command: str
    stored: Callable[[], Mapping[str, Any]]
    loses: Callable[[Any], str]
    remove: Callable[[Any], None]
    key: str = "run"
    label: Callable[[Any], str] = run_label

    def begin(self, model: str, emotions: list[str], owner: str) -> tuple:
        """(status, jobs): a run of these emotions, of all where none is given, is begun as a job."""
        return self.begun(model, owner, lambda: options_of(emotions))

    def begun(self, model: str, owner: str, options: Callable[[], Mapping[str, str | Sequence[str]]]) -> tuple:
        """As `begin`, with any options of the command; they may raise InputError."""
        try:
            refuse_in_public("No run is made")
            words = self.words(model, options())
            JOBS.start(self.title.lower(), f"{self.title} of {model_label(model)}", owner, lambda: self.make(words))
        except InputError as error:
            return f"**Cannot run.** {error}", gr.skip()
        return BEGUN, lines(owner)

    def words(self, model: str, options: Mapping[str, str | Sequence[str]]) -> list[str]:
        """The command that makes a run. Raises InputError for a model that has no vector set."""
        known = library().steerable
        if model not in known:
            raise InputError("no model is chosen. Choose one that has a vector set.")
        origin = known[model].provenance.origin
        return words_of(self.command, origin if origin else model, **options)

    def make(self, words: list[str]) -> Generator[str, None, str]:
        """Makes a run in a process of its own: yields what it says, returns its result. Closing it ends the process;
        asked for again, it goes on where it stopped. Raises InputError with its complaint."""
        made = yield from run_command(words)
        how = f"made in {made['seconds']:.0f} s" if made["computed"] else "it was there already"
        return f"{made[self.key]} is stored: {how}. Steer, {self.tab} shows it."

    def choices(self) -> list[tuple[str, str]]:
        """(label, name) of the user's own."""
        return [(self.label(run), name) for name, run in self.stored().items() if not run.shipped]

    def what_goes(self, name: str | None) -> str:
        """What is deleted with a run. Raises InputError where it is none of the user's own."""
        return self.loses(self._own(name))

    def delete(self, name: str | None) -> str:
        """Deletes one of the user's own; returns what happened."""
        try:
            refuse_in_public("Nothing is deleted")
            self.remove(self._own(name))
        except InputError as error:
            return f"**Cannot delete.** {error}"
        return f"{name} is deleted."

    def _own(self, name: str | None) -> Any:
        run = None if name is None else self.stored().get(name)
        if run is None or run.shipped:
            raise InputError("no run is chosen. Choose one of your own.")
        return run

    def lay(self, note: str, prefix: str) -> tuple[deleting.Deleting, dict[str, Any]]:
        """The controls of `begin`, and those that delete: (the latter, the former by name). prefix : of their ids."""
        with gr.Row(elem_classes="ez-controls"):
            asked = lay_asked()
            go = gr.Button("Run", variant="primary", elem_id=f"{prefix}-run", scale=1, min_width=120)
        said = Message(note, elem_classes="ez-status", elem_id=f"{prefix}-making")
        return self.lay_deleting(said), {**asked, "go": go, "said": said}

    def lay_deleting(self, said: Message) -> deleting.Deleting:
        return deleting.lay(self.choices(), "Delete a run of your own", self.what_goes, self.delete, said)

    def wire(self, page: Page) -> None:
        parts, strip = page.laid[self.tab].parts, page.jobs
        asked = {"model": parts["own model"], "emotions": parts["emotions"], "owner": strip.owner}
        parts["go"].click(*by_name(self.begin, **asked), [parts["said"], strip.lines], **QUIET)


def options_of(emotions: Sequence[str]) -> dict[str, Sequence[str]]:
    """Of a command that makes a run of these emotions. Raises InputError for too many."""
    check_asked(len(emotions))
    return {"emotion": emotions}


def lay_asked() -> dict[str, Any]:
    """The model and the emotions of a run, by name."""
    models = list(library().steerable)
    return {
        "own model": gr.Dropdown(models, value=models[0] if models else None, label="Model", scale=3, min_width=200),
        "emotions": gr.Dropdown(
            list(library().classes),
            value=[],
            multiselect=True,
            allow_custom_value=True,
            label="Emotions and mixtures",
            info="empty: all of the set",
            scale=5,
            min_width=240,
        ),
    }
