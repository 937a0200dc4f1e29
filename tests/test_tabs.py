"""The contract of the tabs: each is one file, draws by name, and knows what is stored now."""

import ast
from dataclasses import replace

import gradio as gr
import pytest

from emoviz.app import page as page_module
from emoviz.app.components import Figure, Filled, Message
from emoviz.app.contract import Laid, Tab, by_name
from emoviz.app.library import library
from emoviz.app.selection import first_selection
from emoviz.app.tabs import TABS
from emoviz.app.tabs.steer import doses, verification
from emoviz.store import list_verifications, save_set, save_verification, sets_folder
from emoviz.store.responses import list_dose_responses, save_dose_response

from .conftest import ROOT, make_set


def _all(tabs=TABS):
    return [one for tab in tabs for one in (tab, *_all(tab.parts))]


def test_every_file_of_tabs_makes_one_tab_and_every_tab_says_what_it_answers():
    files = [path for path in (ROOT / "emoviz/app/tabs").rglob("*.py") if path.name != "__init__.py"]
    made = {path.stem: ast.parse(path.read_text("utf-8")) for path in files}
    for name, tree in made.items():
        last = tree.body[-1]
        assert isinstance(last, ast.Assign) and ast.unparse(last.targets[0]) == "TAB", name
    assert len(_all()) == len(files) + 2, "steer and read are folders of their parts"
    titles = [tab.title for tab in _all()]
    assert len(set(titles)) == len(titles) and all(tab.question[-1] in "?." for tab in _all())


@pytest.mark.parametrize("tab", [tab for tab in _all() if tab.draw is not None], ids=lambda tab: tab.title)
def test_what_a_tab_draws_has_the_names_of_its_outputs_and_controls(tab):
    with gr.Blocks():
        laid = tab.lay(first_selection())
    assert set(laid.controls).isdisjoint(first_selection().__slots__), "a pick could not tell them apart"
    drawn = tab.draw(first_selection(), **{name: part.value for name, part in laid.controls.items()})
    assert set(drawn) <= {*laid.controls, *laid.outputs}
    assert set(laid.outputs) <= set(drawn), "what was drawn for another selection would stay"
    assert set(laid.menus) <= {*laid.controls, *laid.outputs}
    filled = {name for name, part in laid.outputs.items() if isinstance(part, (Figure, Filled))}
    # What gradio updates itself is an output of the page's events by name.
    assert set(drawn) - filled == set(laid.menus)


def test_shared_code_knows_no_tab_by_name():
    titles = {tab.title for tab in _all()}
    for name in ("page", "contract", "selection", "library"):
        tree = ast.parse((ROOT / f"emoviz/app/{name}.py").read_text("utf-8"))
        asked = [node for node in ast.walk(tree) if isinstance(node, (ast.Compare, ast.Subscript, ast.Match))]
        words = {one.value for node in asked for one in ast.walk(node) if isinstance(one, ast.Constant)}
        assert not titles & words, name


def test_a_tab_more_is_a_file_and_a_line(monkeypatch):
    """The page lays, draws and wires a tab that it has never heard of."""
    seen = []

    def lay(_start):
        return Laid({"how": gr.Radio(["plain"], value="plain")}, {"said": Message()})

    def draw(view, how):
        return {"said": f"{how} {view.emotion}"}

    tab = Tab("Mine", "Does it work?", lay, draw, wire=lambda page: seen.append(page.laid["Mine"].outputs["said"]))
    monkeypatch.setattr(page_module, "TABS", (*TABS, tab))
    blocks = page_module.build()
    assert len(seen) == 1 and "Mine" in [block.label for block in blocks.blocks.values() if isinstance(block, gr.Tab)]


def test_values_reach_a_function_by_name_as_plain_call_generator_and_event():
    with gr.Blocks():
        parts = {"first": gr.Number(1), "second": gr.Number(2)}

    def plain(second, first):
        return first, second

    def slow(first, second):
        yield first
        yield second

    def told(event, first, second):
        return event, first, second

    call, inputs = by_name(plain, **parts)
    assert inputs == list(parts.values()) and call("a", "b") == ("a", "b")
    assert list(by_name(slow, **parts)[0]("a", "b")) == ["a", "b"]
    assert by_name(told, **parts)[0]("clicked", "a", "b") == ("clicked", "a", "b")


def test_a_new_verification_and_a_new_run_show_without_a_restart():
    view = first_selection()
    before = verification.draw(view, None, "first opening")
    found = replace(list_verifications()[0], name="mine", model="my-model", shipped=False)
    save_verification(found)
    after = verification.draw(view, None, "first opening")
    assert len(after["cards"]["cards"]) == len(before["cards"]["cards"]) + 1
    assert "mine" in [name for _, name in after["name"]["choices"]]
    run = replace(list_dose_responses()[0], name="my-model_doses_1", model="my-model", shipped=False)
    save_dose_response(run)
    assert run.name in [name for _, name in doses.draw(view, [run.name], None)["runs"]["choices"]]


def test_nothing_is_kept_from_a_set_that_another_of_its_name_has_replaced():
    names = ("one", "two")
    for name in names:
        save_set(make_set(name, seed=len(name)), sets_folder())
    first = library().compared(names, (2, 2), "class", intervals=False).rho[0, 1]
    assert library().compared(names, (2, 2), "class", intervals=False).rho[0, 1] == first
    save_set(make_set("two", seed=9, noise=3.0), sets_folder())
    assert library().compared(names, (2, 2), "class", intervals=False).rho[0, 1] != first
