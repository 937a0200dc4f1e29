"""The Leak view: figures say what the runs hold, titles tell the truth both ways, every piece has a gloss."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

import emoviz as ez
from emoviz.app.jobs import JOBS
from emoviz.app.library import library
from emoviz.app.selection import first_selection
from emoviz.app.tabs.steer import leak as tab
from emoviz.experiments.leak_summary import BEYOND, leak_peak, summary
from emoviz.geometry import preferred_layer
from emoviz.judge.leak import HIDDEN_LEAK
from emoviz.readout.gloss import DICTIONARY, NEIGHBOURS, cut, dictionary, foreign_pieces, gloss, glosses
from emoviz.readout.neighbours import latin_neighbours
from emoviz.readout.scripts import LATIN, PARTIAL, script_shares
from emoviz.share.contents import sections
from emoviz.share.figures import drawings, view_of
from emoviz.store import save_set, sets_folder
from emoviz.store.leaks import save_leak_run
from emoviz.types import LeakLens, LeakText, TokenChange
from emoviz.words import percent

from .conftest import ROOT, leaking_model, make_set

RECIPES = ("emoviz", "jeong2026a")
FIGURES = {"leak": ez.plot.leak, "leak scripts": ez.plot.leak_scripts}


@pytest.fixture(scope="module")
def shipped():
    return [run for run in ez.list_leak_runs() if run.shipped]


def simulated(shipped, model="model-one", **hidden):
    """A run of two prompts whose hidden leak is as given: direction -> the values at its two doses, by `jeong2026a`;
    a fourth of them by `emoviz`. Half of a leak of 0.4 and more is visible."""
    texts = []
    for recipe, share in zip(RECIPES, (0.25, 1.0), strict=True):
        for prompt in (0, 1):
            for name, values in {"unsteered": hidden.get("unsteered", (0.0,)), **hidden}.items():
                doses = (0.0,) if name == "unsteered" else (0.02, 0.05)
                for dose, value in zip(doses, values, strict=True):
                    mass = value * share
                    seen = {"Han": mass / 2} if mass >= 0.4 else {}
                    starts = 2 if mass >= HIDDEN_LEAK else None
                    texts.append(
                        LeakText(recipe, name, dose, prompt, "text", seen, {"Han": mass}, (0.0, mass), starts, ())
                    )
    controls = ("random",) if "random" in hidden else ()
    directions = tuple(name for name in hidden if name not in ("random", "unsteered"))
    first = shipped[0]
    return replace(
        first, name=f"run of {model}", model=model, directions=directions, controls=controls, doses=(0.02, 0.05),
        texts=tuple(texts), lens=None, shipped=False,
    )  # fmt: skip


def _title(runs, direction="calm"):
    return ez.plot.leak(runs, direction).layout.title.text


@pytest.mark.parametrize("direction", ["calm", "random"])
def test_every_number_of_the_leak_figure_is_one_of_the_summary_and_none_is_missing(shipped, direction):
    means = {(run.name, row["recipe"], row["direction"], row["dose"]): row for run in shipped for row in summary(run)}
    seen = Counter()
    for trace in ez.plot.leak(shipped, direction).data:
        if trace.customdata is None:
            continue
        for ids, x, y in zip(trace.customdata, trace.x, trace.y, strict=True):
            if ids is None:
                continue
            run, recipe, name, dose = ids
            row = means[run, recipe, "unsteered" if dose == 0 else name, dose]
            what = "visible" if trace.meta.endswith("visible") else "hidden"
            assert y == row[what] and x == [0.0, 0.01, 0.02, 0.03, 0.05].index(dose)
            seen[what, run, recipe, name, dose] += 1
    assert set(seen.values()) == {1}
    hidden = {key[1:] for key in seen if key[0] == "hidden"}
    assert len(hidden) == 3 * 2 * 21 * 5, "every model, recipe, direction and dose, the unsteered texts at dose 0"
    visible = {(name, dose) for what, _, _, name, dose in seen if what == "visible"}
    assert {name for name, _ in visible} == {direction, "random"}


def test_the_bars_of_the_scripts_are_those_of_the_summary(shipped):
    means = {(run.name, row["recipe"], row["direction"], row["dose"]): row for run in shipped for row in summary(run)}
    total: Counter = Counter()
    for trace in ez.plot.leak_scripts(shipped, "calm").data:
        if trace.type != "bar" or trace.customdata is None:
            continue
        for ids, y in zip(trace.customdata, trace.y, strict=True):
            run, recipe, name, dose = ids
            row = means[run, recipe, "unsteered" if dose == 0 else name, dose]
            total[tuple(ids)] += y
            if trace.meta in row["scripts"]:
                assert y == row["scripts"][trace.meta]
    assert len(total) == 3 * 2 * (1 + 2 * 4)
    for (run, recipe, name, dose), mass in total.items():
        row = means[run, recipe, "unsteered" if dose == 0 else name, dose]
        assert mass == pytest.approx(sum(row["scripts"].values()))


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
def test_the_unsteered_texts_and_the_random_direction_stand_in_every_panel(shipped, make):
    figure = make(shipped, "happy")
    panels = {(run.name, recipe) for run in shipped for recipe in RECIPES}
    shown = {
        (ids[0], ids[1], "unsteered" if ids[3] == 0 else ids[2])
        for trace in figure.data
        if trace.customdata is not None
        for ids in trace.customdata
        if ids is not None
    }
    for name in ("unsteered", "random", "happy"):
        assert {(run, recipe) for run, recipe, what in shown if what == name} == panels
    said = [trace.name for trace in figure.data if trace.name is not None]
    assert any("random" in name for name in said)
    if make is ez.plot.leak:
        assert "unsteered, hidden" in said and len(figure.layout.shapes) == len(panels)


def test_the_title_says_where_a_leak_is_beyond_the_random_direction_and_where_it_is_not(shipped):
    own = simulated(shipped, calm=(0.2, 0.8), random=(0.02, 0.08), unsteered=(0.005,))
    same = simulated(shipped, "model-two", calm=(0.5, 0.9), random=(0.3, 0.5), unsteered=(0.0,))
    none = simulated(shipped, "model-three", calm=(0.001, 0.002), random=(0.001, 0.0))
    assert _title([own, same, none]) == (
        "calm leaks beyond random in 1 of 3 models: model-one 80 % hidden, 40 % visible"
    )
    assert _title([own]) == "calm in model-one: 80 % hidden and 40 % visible leak, at random 8 %"
    assert _title([same, none]) == (
        "calm leaks at most 2 times as much as a random direction: model-two 90 % hidden against 50 %"
    )
    assert _title([none]) == "calm brings out no other script: hidden leak at most 0.2 %, in model-three"
    assert _title([own, same, none], "random") == (
        "A random direction leaks in 2 of 3 models: model-two 50 % hidden, 25 % visible"
    )
    less = simulated(shipped, calm=(0.2, 0.3), random=(0.2, 0.5))
    assert _title([less]) == "calm leaks no more than a random direction: model-one 30 % hidden against 50 %"
    alone = simulated(shipped, calm=(0.2, 0.8))
    assert _title([alone]) == "calm leaks in 1 of 1 models: model-one 80 % hidden; no control was run"
    scripts = ez.plot.leak_scripts([own, same, none], "calm").layout.title.text
    assert scripts == "calm leaks mostly into Han in model-one, Han in model-two, from token 2 on"
    assert ez.plot.leak_scripts([none], "calm").layout.title.text.startswith("calm starts no hidden leak")


def test_a_leak_that_the_unsteered_texts_have_too_is_not_the_directions(shipped):
    run = simulated(shipped, calm=(0.02, 0.05), random=(0.0, 0.0), unsteered=(0.03,))
    peak = leak_peak(summary(run), run.controls, "calm", "jeong2026a")
    assert peak.leaks and not peak.beyond and peak.unsteered == 0.03
    assert (
        _title([run]) == "calm leaks at most 2 times as much as the unsteered texts: model-one 5 % hidden against 3 %"
    )
    assert leak_peak(summary(run), run.controls, "sad", "jeong2026a") is None


@pytest.mark.parametrize("direction", ["calm", "gloomy", "random", "exasperated", "grateful"])
def test_titles_of_the_shipped_runs_fit_and_hold_their_own_numbers(shipped, direction):
    title = _title(shipped, direction)
    assert len(title) <= 96
    peaks = [leak_peak(summary(run), run.controls, direction, "jeong2026a") for run in shipped]
    assert any(f"{percent(peak.hidden)} %" in title for peak in peaks)
    beyond = [p.hidden > BEYOND * max(p.control, p.unsteered) and p.leaks for p in peaks]
    if direction != "random":
        assert (f"beyond random in {sum(beyond)} of 3" in title) == any(beyond)


def test_gemmas_random_direction_is_never_hidden(shipped):
    """Its leaks are as large as an emotion's; the title must not praise the emotion for them."""
    gemma = next(run for run in shipped if run.model == "gemma-3-270m")
    for direction in gemma.directions:
        assert "beyond random" not in _title([gemma], direction) and "at random" not in _title([gemma], direction)


def test_a_percentage_is_short_and_never_in_powers_of_ten():
    shares = (0.0, 0.00005, 0.0091, 0.081, 0.0996, 0.69, 0.998, 1.0)
    assert [percent(share) for share in shares] == ["0", "0.005", "0.91", "8.1", "10", "69", "100", "100"]


def test_what_cannot_be_drawn_is_said(shipped):
    with pytest.raises(ez.InputError, match="'bored' is not in .*; it has afraid"):
        ez.plot.leak(shipped, "bored")
    with pytest.raises(ez.InputError, match="leak run 'nothing' is not stored"):
        ez.plot.leak_scripts(["nothing"])
    with pytest.raises(ez.InputError, match="no leak run was given"):
        ez.plot.leak([])
    named = ez.plot.leak([shipped[1].name], "calm")
    assert named.layout.title.text == _title([shipped[1]])


def test_every_piece_that_leaks_in_a_shipped_run_or_is_raised_has_a_gloss(shipped):
    for run in shipped:
        pieces = {piece for text in run.texts for piece in text.pieces}
        raised = {
            one.token.strip()
            for tokens in run.lens.raised.values()
            for one in tokens
            if one.script not in (None, LATIN, PARTIAL)
        }
        unknown = [p for p in pieces | raised if gloss(p, run.neighbours).source is None and not cut(p)]
        assert unknown == [], run.model
        # Every leaked letter is in a piece.
        for text in run.texts:
            letters = Counter(letter for span in text.spans for letter in text.text[span.start : span.end])
            inside = Counter("".join(text.pieces))
            assert all(inside[letter] >= n for letter, n in letters.items() if script_shares(letter))


def test_the_dictionary_is_plain_sorted_and_has_no_empty_line():
    known = dictionary()
    assert list(known) == sorted(known) and len(known) > 500
    assert all(piece == piece.strip() and script_shares(piece) for piece in known)
    assert all(english == english.strip() and english.isprintable() for english in known.values())
    assert known["坏"] == "bad" and known["舒适"] == "comfortable"


def test_a_gloss_says_whose_it_is():
    near = {"рад": ("glad", "happy"), "坏": ("never asked",)}
    assert (gloss("坏", near).english, gloss("坏", near).source) == ("bad", DICTIONARY)
    assert (gloss("рад", near).english, gloss("рад", near).source) == ("glad, happy", NEIGHBOURS)
    assert (gloss("шум", near).english, gloss("шум", near).source) == ("", None)
    assert gloss("\ufffd建", near).english == "(part of a character)"
    assert [(one.piece, n) for one, n in glosses(["рад", "坏", "坏"], near)] == [("坏", 2), ("рад", 1)]


class _Bytes:
    """A tokenizer of bytes, of which a Han character has three."""

    def decode(self, ids):
        return bytes(ids).decode("utf-8", "replace")


def test_pieces_are_tokens_with_foreign_letters_and_characters_in_parts_are_put_together():
    ids = list("so 坏é".encode())
    assert foreign_pieces(_Bytes(), ids, frozenset({LATIN})) == ("坏",)
    assert foreign_pieces(_Bytes(), ids[:-1], frozenset({"Han"})) == ("s", "o")
    assert foreign_pieces(_Bytes(), list("坏".encode())[:2], frozenset({LATIN})) == ()


class _Words:
    """A tokenizer with one Chinese token, 5, and five of Latin letters from 10 on."""

    words = (" calm", " quiet", "calm", " be", " loud")

    def __len__(self):
        return 15

    def __call__(self, text, **_):
        return {"input_ids": [5] if text == "安宁" else [6, 7]}

    def decode(self, ids):
        return "安宁" if ids == [5] else self.words[ids[0] - 10] if 10 <= ids[0] < 15 else "?"


def test_neighbours_are_the_whole_words_of_latin_script_that_lie_nearest(tmp_path):
    import torch

    model = leaking_model(tmp_path, 0.5)
    table = model.model.get_input_embeddings().weight
    with torch.no_grad():
        table.zero_()
        for token, x in {5: 3.0, 10: 2.0, 11: 3.0, 12: 3.0, 13: 3.0, 14: -3.0}.items():
            table[token, :2] = torch.tensor([x, 1.0])
    found = latin_neighbours(replace(model, tokenizer=_Words()), ["安宁", "рад"])
    assert found == {"安宁": ("quiet", "calm")}, "no beginning of a word, no short one, none that lies apart"
    assert latin_neighbours(model, []) == {}


def test_a_run_keeps_what_its_directions_raise_and_the_neighbours_of_what_the_dictionary_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "emoviz.experiments.leak.latin_neighbours", lambda _model, pieces: {p: ("near",) for p in pieces}
    )
    model = leaking_model(tmp_path, 0.5)
    vectors = make_set("leaks", layers=4, width=16, model=model.name, classes=("down", "neutral", "up"), scale=100)
    vectors = replace(vectors, provenance=replace(vectors.provenance, revision=model.revision, origin=model.origin))
    run = ez.leak_run(model, vectors, ["up"], [0.1], ["the cat"], ["emoviz"], ez.Decoding(3))
    assert set(run.lens.raised) == {"up", "random"} and sum(run.lens.shares("up").values()) == pytest.approx(1)
    assert run.lens.layer == preferred_layer(vectors)
    assert {"安宁", "рад"} <= set(run.neighbours), "leaked and raised pieces, none of which we translated"
    path = save_leak_run(run)
    (again,) = [one for one in ez.list_leak_runs() if one.name == path.name.removesuffix(".json.gz")]
    assert again.neighbours == run.neighbours and again.lens.layer == run.lens.layer
    assert again.lens.raised["up"][0].token == run.lens.raised["up"][0].token


def test_the_lens_of_a_run_is_the_vocabulary_lens_at_its_layer(shipped):
    lens = LeakLens(3, {"calm": tuple(TokenChange(t, k, 1.0, s) for k, (t, s) in enumerate(
        [("a", LATIN), ("安", "Han"), ("1", None), ("宁", "Han")]))}, {LATIN: 0.9})  # fmt: skip
    assert lens.shares("calm") == {"Han": 0.5, LATIN: 0.25, "none": 0.25}
    for run in shipped:
        assert set(run.lens.raised) == {*run.directions, *run.controls}
        assert all(len(tokens) == 100 for tokens in run.lens.raised.values())
        assert sum(run.lens.vocabulary.values()) == pytest.approx(1, abs=1e-3)


def _drawn(contrast=True, model=None, recipe=None, dose=None, **changes):
    return tab.draw(replace(first_selection(), **{"emotion": "calm", **changes}), contrast, model, recipe, dose)


def test_the_view_opens_on_the_shipped_runs_where_the_emotion_leaks_most_beyond_its_control():
    drawn = _drawn()
    assert drawn["model"]["value"] == "Qwen2.5-Coder-0.5B-Instruct" and drawn["dose"]["value"] == "0.05"
    assert drawn["recipe"]["value"] == "jeong2026a"
    cells = drawn["texts 1"]["rows"][0]["lines"][0]["cells"]
    assert [cell["label"] for cell in cells] == ["calm", "random"]
    (leak,) = cells[0]["leaks"]
    assert leak[2] == "Han" and "舒适 = comfortable" in leak[3]
    assert cells[0]["lines"][0].startswith("hidden 99 %, visible 100 %, a leak from token 1 on")
    assert "舒适 = comfortable" in cells[0]["lines"][1]
    assert ["calm", "舒适", "1", "Han", "comfortable", "our dictionary"] in drawn["pieces"]["rows"]
    assert (
        drawn["raised"]["columns"][1][0] == "raised by calm" and drawn["raised"]["columns"][2][0] == "raised by random"
    )
    assert drawn["tokens"]["rows"][0][:3] == ["舒适", "Han", "comfortable"]


def test_the_view_follows_the_selection_and_says_what_is_missing():
    smol = next(name for name, s in library().sets.items() if s.provenance.model.startswith("SmolLM2"))
    alone = _drawn(contrast=False, sets=(smol,))
    assert alone["model"]["choices"] == ["SmolLM2-135M-Instruct"]
    assert alone["pieces"]["notes"][0].startswith("No letters of another script")
    save_set(make_set("mine", model="my-model"), sets_folder())
    drawn = _drawn(contrast=False, sets=("mine",))
    assert drawn["figure"] == "null" and "emoviz leak my-model makes one" in drawn["status"]
    both = _drawn(sets=("mine", smol))
    assert "No leak run of my-model" in both["status"] and len(both["model"]["choices"]) == 3
    assert "No neutral in the run of" in _drawn(emotion="neutral")["status"]


def test_a_click_chooses_the_texts_and_what_nobody_can_send_changes_nothing(shipped):
    run = shipped[0]
    assert tab.pick([run.name, "jeong2026a", "happy", 0.05], first_selection()) == {
        "model": run.model, "recipe": "jeong2026a", "dose": "0.05", "emotion": "happy",
    }  # fmt: skip
    assert "emotion" not in tab.pick([run.name, "jeong2026a", "random", 0.05], first_selection())
    assert "dose" not in tab.pick([run.name, "emoviz", "happy", 0.0], first_selection())
    for ids in ([], [1], ["x", "emoviz", "happy", 0.05], [run.name, "loud", "happy", 0.05], [run.name, [], {}, []]):
        assert tab.pick(ids, first_selection()) == {}
    drawn = _drawn(model="no such model", recipe="loud", dose="9")
    assert drawn["dose"]["value"] == "0.05"


def test_a_run_of_ones_own_is_asked_for_as_a_command_and_shown_once_it_is_there(shipped, monkeypatch):
    asked = []
    monkeypatch.setattr(JOBS, "start", lambda kind, label, owner, work: asked.append((kind, label)))
    assert "no model is chosen" in tab.OWN.begin("nothing", [], "me")[0] and asked == []
    tab.OWN.begin("SmolLM2-135M-Instruct", ["calm"], "me")
    assert asked == [("leak run", "Leak run of SmolLM2-135M-Instruct")]
    mine = replace(shipped[1], name=f"{shipped[1].model}_leak_mine", created="2099-01-01T00:00:00+00:00", shipped=False)
    save_leak_run(mine)
    assert tab.run_of(mine.model, "calm").name == mine.name
    assert mine.name in [name for _, name in _drawn()["own"]["choices"]]
    assert "no run is chosen" in tab.OWN.delete(shipped[1].name) and "no run is chosen" in tab.OWN.delete(None)
    assert "340 texts" in tab.OWN.what_goes(mine.name) and tab.OWN.delete(mine.name) == f"{mine.name} is deleted."
    assert tab.run_of(mine.model, "calm").name == shipped[1].name


def test_reports_archives_and_talks_have_the_figures_and_the_table():
    view = view_of([ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32"), ez.find_set("gemma-3-270m_emoviz_fp32")],
                   emotion=("proud", "sad"))  # fmt: skip
    known = drawings(view)
    for name in ("leak", "leak_scripts"):
        assert known[name].options["direction"] == "proud" and len(known[name].options["runs"]) == 2
    (section,) = [one for one in sections(view, None) if one.name == "leak"]
    rows = section.tables[0].make()["rows"]
    assert len(rows) == 2 * 2 * 21 and "random (control)" in {row[2] for row in rows}
    other = view_of([make_set("other")])
    assert "leak" not in drawings(other) and "leak" not in [one.name for one in sections(other, None)]


def test_the_view_opens_without_torch():
    code = """
import sys
from dataclasses import replace
from emoviz.app.tabs.steer import leak
from emoviz.app.selection import first_selection
view = replace(first_selection(), emotion="calm")
drawn = leak.draw(view, True, None, None, None)
assert drawn["tokens"]["rows"] and drawn["figure"].data
leak.python(view, True)
print('torch' in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"


def test_shares_are_shares(shipped):
    for run in shipped:
        for row in summary(run):
            assert 0 <= row["visible"] <= 1 and 0 <= row["hidden"] <= 1 + 1e-6 and np.isfinite(row["hidden"])
