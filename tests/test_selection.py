"""The one selection: what visitors and links may give it, what clicks change, and what results it was made with."""

import json
from dataclasses import replace

import gradio as gr
import pytest

from emoviz import plot
from emoviz.app.contract import EVERYTHING, by_name, stale
from emoviz.app.library import library
from emoviz.app.link import from_query, to_query
from emoviz.app.picker import Marks, Picker, Pin
from emoviz.app.selection import checked, first_selection, pick_depth, pick_emotion, pick_emotions, picked
from emoviz.app.tabs import TABS, geometry, models
from emoviz.app.tabs.steer import texts
from emoviz.app.views import unused_by
from emoviz.errors import InputError
from emoviz.plots.marks import marked_pairs, names
from emoviz.store import save_set, sets_folder

from .conftest import make_set

PICKS = {"map": pick_emotion, "differences": pick_emotions, "depth": pick_depth}


def _view(**changes):
    return replace(first_selection(), **changes)


@pytest.mark.parametrize(
    ("given", "shown", "said"),
    [
        ({"emotions": ["proud", "gone"]}, {"emotions": ("proud",)}, ["emotion 'gone' is unknown; it is not marked."]),
        ({"emotions": ["proud", "proud", "afraid"]}, {"emotions": ("proud",)}, []),
        ({"emotions": "proud"}, {}, ["emotions 'proud' is no list of names."]),
        ({"emotions": [["sad"], 3]}, {}, ["emotion ['sad'] is unknown; it is not marked.",
                                          "emotion 3 is unknown; it is not marked."]),
        ({"pin": "gone"}, {}, ["set 'gone' is not selected; no set is pinned."]),
        ({"pin": ["gone"]}, {}, ["set ['gone'] is not selected; no set is pinned."]),
        ({"pin": None}, {}, []),
    ],
)  # fmt: skip
def test_marked_emotions_and_the_pin_are_checked_like_the_rest(given, shown, said):
    view, notes = checked(given)
    assert view == _view(**shown) and notes == said
    assert checked({name: getattr(view, name) for name in view.__slots__}) == (view, [])


def test_a_set_can_only_be_pinned_while_it_is_selected():
    first, second = first_selection().sets
    assert checked({"sets": [first], "pin": second})[0].pin is None
    assert checked({"sets": [first, second], "pin": second}) == (_view(pin=second), [])


def test_a_link_holds_marked_emotions_and_the_pin_and_says_what_it_cannot_give():
    view = _view(emotions=("proud", "sad"), pin=first_selection().sets[1])
    assert checked(from_query(to_query(TABS[0], view, {})).selection) == (view, [])
    assert "emotions" not in to_query(TABS[0], _view(), {}) and "pin" not in to_query(TABS[0], _view(), {})
    _, notes = checked(from_query("?pin=gone&emotions=<b>").selection)
    assert notes == [
        "emotion '<b>' is unknown; it is not marked.",
        "set 'gone' is not selected; no set is pinned.",
    ]


def test_the_pinned_set_is_drawn_first_named_as_the_reference_and_is_a_in_every_pair():
    first, second = first_selection().sets
    view = _view(pin=second)
    assert [s.name for s in view.chosen()] == [second, first] and view.sets == (first, second)
    assert view.reference_notes() == ["reference: gemma-3-270m · emoviz, pinned"]
    assert _view().reference_notes() == [] and _view(sets=(second,), pin=second).reference_notes() == []
    text = " ".join(note.text for note in geometry.matrices(view, "alphabet").layout.annotations)
    assert "reference: gemma-3-270m · emoviz, pinned" in text.replace("<br>", " ")
    assert models.pair_choices(view)[0][0].startswith("A and B: gemma-3-270m")
    assert models.pairs(view)[1]["groups"][0] == "with the reference, A"


def test_a_set_that_comes_first_takes_the_pin_from_another():
    first, second = first_selection().sets
    assert _view(pin=first).with_first(second) == {"sets": [second, first], "pin": None}
    assert _view(pin=second).with_first(second) == {"sets": [second, first], "pin": second}


def test_shift_adds_an_emotion_and_takes_it_away_and_the_primary_one_stays():
    view = _view(emotion="calm")
    add = {"kind": "map", "ids": ["proud", "a set"], "add": True}
    assert picked(add, PICKS, view) == {"emotions": ["proud"]}
    assert picked(add, PICKS, replace(view, emotions=("sad", "proud"))) == {"emotions": ["sad"]}
    assert picked({**add, "ids": ["calm"]}, PICKS, replace(view, emotions=("sad",))) == {"emotions": ["sad"]}
    assert picked({**add, "add": False}, PICKS, view) == {"emotion": "proud"}
    assert picked({"kind": "depth", "ids": [view.sets[0], 3], "add": True}, PICKS, view)["depth"] > 0
    assert picked({"kind": "differences", "ids": ["proud", "sad"]}, PICKS, view) == {
        "emotion": "proud",
        "emotions": ["sad"],
    }


def test_a_box_marks_the_emotions_in_it_once_each():
    view = _view(emotion="calm")
    inside = [["proud", "a"], ["calm", "a"], ["proud", "b"], ["<b>", "b"], "sad", [], [["sad"]], [3]]
    assert picked({"kind": "map", "brushed": inside}, PICKS, view) == {"emotions": ["proud"]}
    assert picked({"kind": "map", "brushed": [["calm"]]}, PICKS, replace(view, emotions=("sad",))) == {"emotions": []}
    for data in (
        {"kind": "map", "brushed": []},
        {"kind": "map", "brushed": "proud"},
        {"kind": "map", "brushed": [["<b>"]]},
        {"kind": "depth", "brushed": [[view.sets[0], 3]]},
        {"kind": "gone", "brushed": [["proud"]]},
        {"brushed": [["proud"]]},
        None,
    ):
        assert picked(data, PICKS, view) == {}, data


def test_tables_show_marked_emotions_alone_and_every_row_of_theirs_is_a_click():
    alone = geometry.neighbours(_view(emotion="calm"))
    assert len(alone["rows"]) == 21 and alone["marked"] == [0] and alone["groups"][1] == "all others"
    few = geometry.neighbours(_view(emotion="calm", emotions=("proud", "sad")))
    assert [row[0] for row in few["rows"]] == ["calm", "proud", "sad"] and few["marked"] == [0, 1, 2]
    assert few["groups"][1] == "2 emotions marked beside it; all others are hidden"
    _, table = models.pair_view(_view(emotion="calm", emotions=("proud", "sad")), None)
    assert {*table["rows"][0][0].split(" and ")} <= {"calm", "proud", "sad"} and len(table["rows"]) == 3
    assert "among the 3 marked emotions" in table["notes"][0]
    _, every = models.pair_view(_view(emotion="calm"), None)
    assert len(every["rows"]) == 8
    for shown, tab in ((few, geometry.TAB), (table, models.TAB)):
        assert len(shown["ids"]) == len(shown["rows"])
        assert all(picked({"kind": shown["kind"], "ids": ids}, tab.picks, _view()) for ids in shown["ids"])


def test_pairs_are_marked_with_one_emotion_and_among_several():
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert marked_pairs(pairs, "a").tolist() == [True, True, False] == marked_pairs(pairs, ["a"]).tolist()
    assert marked_pairs(pairs, ["a", "c"]).tolist() == [False, True, False]
    assert marked_pairs(pairs, None).tolist() == [False] * 3 == marked_pairs(pairs, ()).tolist()
    for wrong in (3, [3], [["a"]]):
        with pytest.raises(InputError, match="the name of an emotion or a list of names is needed"):
            names(wrong)
    assert names(None) == () and names("a") == ("a",) and names(["b", "a", "b"]) == ("b", "a")


def test_several_emotions_are_marked_in_every_figure_of_emotions():
    sets = _view().chosen()
    drawn = plot.emotion_map(sets[0], emotion=["calm", "proud"])
    bold = [text for trace in drawn.data for text in trace.text if text.startswith("<b>")]
    assert sorted(bold) == ["<b>calm</b>", "<b>proud</b>"]
    size = {
        text: at for trace in drawn.data for text, at in zip(trace.text, trace.marker.size, strict=True)
    }  # fmt: skip
    assert size["<b>calm</b>"] > size["<b>proud</b>"] > size["sad"]
    shapes = plot.rdm(sets[0], emotion=["calm", "proud"]).layout.shapes
    assert [shape.line.dash for shape in shapes] == [None] * 6 + ["dot"] * 2
    assert (plot.cosines(sets[0], emotion=["calm", "proud"]).data[0].marker.symbol == "diamond").sum() == 1
    assert [trace.name for trace in plot.pair(sets, emotion=["calm", "proud"]).data][-1] == "among 2 emotions"


def test_the_picker_gives_names_and_takes_whatever_a_visitor_posts():
    save_set(make_set("mine", model="<b>m</b>"), sets_folder())
    with gr.Blocks():
        picker, pin, marks = Picker(["mine"]), Pin(), Marks(["sad"])
    sent = json.loads(picker.postprocess(["mine"]))
    assert sent["chosen"] == ["mine"] and [one["name"] for one in sent["sets"]] == list(library().sets)
    assert sent["sets"][-1]["label"].startswith("<b>m</b> · emoviz") and sent["sets"][-1]["colour"].startswith("#")
    assert picker.preprocess('{"chosen": ["b", "a"]}') == ["b", "a"]
    for payload in (None, "", "{", "3", [1], '{"other": 1}', '["a"]', {"chosen": []}):
        view, _ = checked({"sets": picker.preprocess(payload), "pin": pin.preprocess(payload)})
        assert isinstance(view.sets, tuple) and view.pin is None
    assert json.loads(marks.postprocess(["sad"])) == {"chosen": ["sad"], "all": list(library().classes)}
    assert pin.preprocess(pin.postprocess("mine")) == "mine" and pin.preprocess(pin.postprocess(None)) is None


def test_every_tab_uses_names_of_the_selection_and_the_others_are_greyed():
    tabs = [one for tab in TABS for one in (tab, *tab.parts)]
    assert all({*tab.uses} <= {*EVERYTHING} for tab in tabs)
    unused = {tab.title: unused_by(tab)["unused"] for tab in tabs}
    assert unused["Geometry"] == [] and unused["Methods"] == list(EVERYTHING) and unused["Overview"] == ["centring"]
    assert "emotion" not in unused["Verification"] and "sets" in unused["Verification"]


def test_results_say_what_they_were_made_with_once_something_else_is_chosen():
    made = {"set": "gemma", "text": f"so\n{'x' * 99}"}
    assert stale(None, {}, "Read") == "" and stale(made, {**made, "more": "x"}, "Read") == ""
    said = stale(made, {**made, "set": "smol"}, "Read")
    assert "press Read again" in stale(made, {**made, "text": made["text"] + "x"}, "Read"), "the end counts too"
    assert said == f"**Something else is chosen now;** press Read again. Made with set: gemma; text: so {'x' * 57}…"


def test_texts_are_written_by_the_models_of_the_selected_sets():
    smol, gemma = "SmolLM2-135M-Instruct", "gemma-3-270m"
    assert texts.models_of(_view()) == [smol, gemma]
    assert texts.models_of(_view(pin=_view().sets[1])) == [gemma, smol]
    assert texts.models_of(_view(sets=_view().sets[1:])) == [gemma]
    with gr.Blocks():
        asked = {name: part.value for name, part in texts.lay(_view()).in_link.items()}
    made = texts.made_with(_view(), **asked)
    assert made["models"] == f"{smol}, {gemma}" and made["directions"] == "afraid"
    drawn = texts.draw(_view(sets=_view().sets[1:]), made, True, **asked)
    assert drawn["who"].endswith(gemma) and "press Steer again" in drawn["made"] and smol in drawn["made"]
    assert texts.draw(_view(), made, True, **asked)["made"] == ""


def test_a_function_of_the_selection_is_given_it_checked():
    with gr.Blocks():
        parts = {name: gr.State(getattr(_view(), name)) for name in EVERYTHING}
        call, inputs = by_name(lambda view, x: (view, x), parts, x=gr.Number(1))
    values = [getattr(_view(depth=0.5), name) for name in EVERYTHING]
    assert len(inputs) == 1 + len(EVERYTHING) and call(3, *values) == (_view(depth=0.5), 3)
    values[EVERYTHING.index("emotion")] = "<b>"
    assert call(3, *values)[0].emotion == _view().emotion
