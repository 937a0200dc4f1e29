"""The page without a browser: what its functions answer, and that visitors cannot break it."""

import re
import subprocess
from dataclasses import replace

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest

from emoviz.app import uploading
from emoviz.app.components import EMPTY, Refused
from emoviz.app.jobs import JOBS
from emoviz.app.library import library, one_library
from emoviz.app.page import build
from emoviz.app.selection import (
    BEST,
    SAME_DEPTH,
    Selection,
    checked,
    clicked,
    first_selection,
    pick_depth,
    pick_emotion,
)
from emoviz.app.tabs import TABS, anisotropy, depth, geometry, models, overview
from emoviz.app.tabs import library as library_tab
from emoviz.app.tabs.read import dialogue, numbers
from emoviz.app.tabs.read import text as read
from emoviz.app.uploading import Upload
from emoviz.errors import InputError
from emoviz.geometry import best_layers
from emoviz.models import resolve
from emoviz.store import save_set, sets_folder
from emoviz.types import Story

from .conftest import finished, make_set, write_passages


def _view(**changes):
    values = {
        "sets": first_selection().sets,
        "layer_mode": BEST,
        "depth": 0.5,
        "centring": "class",
        "emotion": "sad",
        **changes,
    }
    return Selection(**values)


def test_every_view_draws_the_shipped_sets():
    view = _view()
    assert len(overview.cards(view)["cards"]) == 2
    for figure in (
        overview.emotion_map(view),
        depth.curves(view, "mean_cosine", True),
        geometry.matrices(view, "alphabet"),
    ):
        assert len(figure.data) > 0
    assert geometry.maps(view, "UMAP").layout.meta["kind"] == "map"
    assert all(len(f.data) > 0 for f in anisotropy.draw(view).values())
    figure, table = models.pairs(view)
    assert table["rows"][0][0] == "A and B" and figure.data[0].z.shape == (2, 2)


def test_the_table_keeps_published_numbers_under_their_own_heading():
    table = overview.table()
    headings = sorted(table["groups"].items())
    assert headings[0] == (0, "measured with emoviz")
    assert "published, not measured by us" in headings[1][1] and len(table["rows"]) - headings[1][0] == 12


def test_layers_follow_the_best_rule_or_one_depth():
    sets = _view().panels()
    assert _view().layers(sets) == tuple(best_layers(s)["decoding"] for s in sets)
    for end in (1.0, 1):
        assert _view(layer_mode=SAME_DEPTH, depth=end).layers(sets) == tuple(s.n_layers - 1 for s in sets)


def test_neutral_centring_leaves_neutral_out_of_the_rdm():
    figure = geometry.matrices(_view(centring="neutral"), "alphabet")
    assert "neutral" not in figure.layout.xaxis.ticktext


def test_empty_and_single_selections_say_what_to_do():
    with pytest.raises(InputError, match="Tick a set on the left"):
        depth.curves(_view(sets=()), "mean_cosine", True)
    figure, note = models.pairs(_view(sets=_view().sets[:1]))
    assert figure is None and "Tick another one on the left" in note["notes"][0]


def test_set_names_that_do_not_exist_are_ignored():
    assert [s.name for s in _view(sets=("../../etc/passwd", *_view().sets)).chosen()] == list(_view().sets)


def test_clicks_are_checked_before_they_are_believed():
    view = _view()
    name = view.sets[0]
    picks = {kind: pick for tab in TABS for kind, pick in tab.picks.items()}
    assert picks["depth"] is picks["valence"] is pick_depth and picks["map"] is picks["rdm"] is pick_emotion

    def click(data):
        kind, ids = clicked(data)
        return picks[kind](ids, view) if kind in picks else {}

    moved = {"layer_mode": SAME_DEPTH, "depth": round(library().sets[name].depth(3), 4)}
    assert click({"kind": "depth", "ids": [name, 3]}) == moved
    assert click({"kind": "depth", "ids": [name, 3, " [0.2, 0.4]"]}) == moved
    assert click({"kind": "valence", "ids": [name, 3]}) == moved
    assert click({"kind": "map", "ids": ["sad", name]}) == {"emotion": "sad"}
    assert click({"kind": "pair", "ids": ["sad", "calm"]}) == {"emotion": "sad"}
    assert click({"kind": "rsa", "ids": ["A and C", "text"]}) == {"pair": "A and C"}
    for data in (
        None,
        "x",
        {},
        {"kind": "depth", "ids": [name, 99]},
        {"kind": "depth", "ids": [name, -1]},
        {"kind": "depth", "ids": [name, True]},
        {"kind": "depth", "ids": [name, "3"]},
        {"kind": "depth", "ids": [name]},
        {"kind": "depth", "ids": ["else", 1]},
        {"kind": ["map"], "ids": ["sad"]},
        {"kind": "map", "ids": ["<script>"]},
        {"kind": "map", "ids": []},
        {"kind": "map", "ids": {"a": 1}},
        {"kind": "rdm", "ids": [["sad"]]},
        {"kind": "rsa", "ids": ["", "published"]},
        {"kind": "rsa", "ids": ["A and <b>"]},
        {"kind": "pair", "ids": ["<script>", "sad"]},
    ):
        assert click(data) == {}, data


def drawn_by(tab, view, **changes):
    with gr.Blocks():
        laid = tab.lay(view)
    return tab.draw(view, **{name: part.value for name, part in laid.controls.items()} | changes)


@pytest.mark.parametrize("tab", [tab for tab in TABS if tab.picks], ids=lambda tab: tab.title)
def test_every_id_that_a_figure_of_a_tab_sends_counts_as_a_click(tab):
    view = _view()
    for name, figure in drawn_by(tab, view).items():
        pick = isinstance(figure, go.Figure) and tab.picks.get(figure.layout.meta["kind"])
        for trace in figure.data if pick else ():
            rows = [] if trace.customdata is None else list(trace.customdata)
            ids = [list(cell) for row in rows for cell in (row if np.ndim(row) == 2 else [row])]
            assert all(pick(one, view) for one in ids if "published" not in str(one) and one[0] != ""), (name, ids[:2])


@pytest.mark.parametrize("centring", ["class", "neutral", "none"])
def test_a_set_that_cannot_be_drawn_blanks_neither_the_others_nor_the_other_panels(centring):
    save_set(make_set("small", classes=("sad", "calm", "angry", "happy")), sets_folder())
    save_set(make_set("holes", nonfinite=(2, 3, 4, 5)), sets_folder())
    both = _view(sets=("small", "holes", *_view().sets), layer_mode=SAME_DEPTH, depth=0.8, centring=centring)
    alone = replace(both, sets=("small",))
    for tab in (tab for tab in TABS if tab.draw is not None):
        for changes in [{"method": "UMAP"}, {"method": "PCA"}] if tab.title == "Geometry" else [{}]:
            refused = {n: v.why for n, v in drawn_by(tab, both, **changes).items() if isinstance(v, Refused)}
            assert refused == {}, tab.title
            lone = {n: v.why for n, v in drawn_by(tab, alone, **changes).items() if isinstance(v, Refused)}
            assert all("left out: made-up" in why for why in lone.values())
    text = " ".join(note.text for note in geometry.maps(both, "UMAP").layout.annotations).replace("<br>", " ")
    assert "small has no UMAP map of layer 4" in text and "SmolLM2-135M-Instruct · emoviz, layer" in text


def test_a_fifth_set_has_a_card_and_the_map_names_what_it_does_not_draw():
    for k in range(3):
        save_set(make_set(f"own {k}", seed=k), sets_folder())
    view = _view(sets=(*_view().sets, "own 0", "own 1", "own 2"))
    assert len(overview.cards(view)["cards"]) == 5
    for figure in (overview.emotion_map(view), geometry.matrices(view, "alphabet")):
        text = " ".join(note.text for note in figure.layout.annotations).replace("<br>", " ")
        assert "the first 4 selected sets are drawn here; not drawn: made-up" in text


@pytest.mark.parametrize(
    ("given", "shown", "said"),
    [
        ({"depth": 5}, {"depth": 1.0}, "depth 5 was given; 0.02 to 1 is allowed. Depth 1 is shown."),
        ({"depth": -1}, {"depth": 0.02}, "depth -1 was given; 0.02 to 1 is allowed. Depth 0.02 is shown."),
        ({"depth": None}, {"depth": 0.6}, "no depth was given; 0.02 to 1 is allowed. Depth 0.6 is shown."),
        ({"depth": float("nan")}, {"depth": 0.6}, "depth nan was given; 0.02 to 1 is allowed. Depth 0.6 is shown."),
        ({"depth": "<b>"}, {"depth": 0.6}, "depth '<b>' was given; 0.02 to 1 is allowed. Depth 0.6 is shown."),
        ({"emotion": "x" * 99}, {"emotion": "afraid"}, f"emotion '{'x' * 56}... is unknown; 'afraid' is shown."),
        ({"centring": ["class"]}, {"centring": "class"}, "centring ['class'] is unknown; 'class' is shown."),
        ({"layer_mode": "deep"}, {"layer_mode": BEST}, f"layer mode 'deep' is unknown; {BEST!r} is shown."),
        ({"sets": ["gone"]}, {}, "set 'gone' is not here; it is left out."),
        ({"sets": "gone"}, {"sets": ()}, "sets 'gone' is no list of names."),
    ],
)
def test_a_selection_that_cannot_be_used_falls_back_and_says_so(given, shown, said):
    view, notes = checked(given)
    assert view == replace(first_selection(), **shown) and notes == [said]
    assert checked({name: getattr(view, name) for name in view.__slots__}) == (view, [])


def test_the_page_without_any_set_still_opens(monkeypatch, tmp_path):
    for place in ("emoviz.store.catalog", "emoviz.app.library"):
        monkeypatch.setattr(f"{place}.shipped_folder", lambda: tmp_path)
    build()
    assert np.size(list(library().sets)) == 0


def test_a_set_made_while_the_server_runs_is_found_with_its_own_classes():
    before = list(library().sets)
    save_set(make_set("mine", classes=("up", "down", "even")), sets_folder())
    assert list(library().sets) == [*before, "mine"]
    assert "even" in library().classes and ("made-up · emoviz, made-up", "mine") in library().choices()
    assert len(geometry.matrices(_view(sets=("mine",)), "quadrant").data) == 2


ROWS = [
    {"emotion": e, "text": f"the {w} {n} sat on a mat .", "topic": n}
    for e, w in (("up", "joyous"), ("down", "grim"), ("even", "red"))
    for n in ("cat", "dog", "tree", "mat")
]


def test_an_extraction_from_the_page_ends_in_the_library_and_can_be_deleted(llama_folder, tmp_path):
    passages = str(write_passages(tmp_path / "mine.jsonl", ROWS))
    said, last = finished(library_tab.extract(str(llama_folder), "emoviz", "fp32", Upload(passages)))
    assert said and "is in the library" in last and "architecture tested" in last
    (name,) = [name for name, s in library().sets.items() if not s.shipped]
    assert name in last and library().sets[name].classes == ("down", "even", "up")
    assert any(row[0] == name and row[-1] == "your own" for row in library_tab.sets_table()["rows"])
    _, again = finished(library_tab.extract(str(llama_folder), "emoviz", "fp32", Upload(passages)))
    assert "it was there already" in again
    assert re.match(r"\d files, \d+\.\d MB, with the states", library_tab.what_goes(name))
    assert library_tab.delete(name) == f"{name} is deleted."
    assert name not in library().sets and not list(sets_folder().iterdir())


def test_an_extraction_that_cannot_be_made_says_why_in_one_line(llama_folder, tmp_path):
    for model, why in (
        ("nonsense", "model 'nonsense' is unknown"),
        ("--help", "model '--help' is unknown"),
        ("a/<b>", "model 'a/<b>' is no hub id"),
        (" ", "No model is chosen. Give a name, a hub id or a path."),
        (None, "No model is chosen."),
    ):
        said, *_, found = library_tab.press(model, "emoviz", "fp32", None, "f" * 32)
        assert said.startswith(f"**Cannot extract.** {why}") and found is None, model
    assert "'<b>' or precision" in library_tab.begin(str(llama_folder), "<b>", "fp32", None, "f" * 32)[0]
    assert not JOBS.seen_by("f" * 32)
    passages = str(write_passages(tmp_path / "p.jsonl", ROWS[:4]))
    with pytest.raises(InputError, match="^p.jsonl has 1 class"):
        finished(library_tab.extract(str(llama_folder), "emoviz", "fp32", Upload(passages)))


def test_a_wrong_file_is_said_to_be_wrong_and_nothing_is_extracted_until_it_is_gone(tmp_path):
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"emotion": "a", "text": "b"}\n{oops\n')
    file, said, button, *_ = uploading.take(str(broken))
    assert said.startswith("**broken.jsonl cannot be used.** broken.jsonl, line 2 is not JSON")
    assert str(tmp_path) not in said and not button["interactive"]
    for act in (library_tab.press, library_tab.begin):
        assert "**Cannot extract.** the file of passages" in act("HuggingFaceTB/x", "emoviz", "auto", file, "f" * 32)[0]
    good = write_passages(tmp_path / "mine.jsonl", ROWS)
    file, said, button, *_ = uploading.take(str(good))
    assert button["interactive"] and "12 passages of 3 emotions (down, even, up)" in said
    assert uploading.take_none()[0] is None


def test_a_set_that_is_there_is_named_before_anything_is_computed(tmp_path):
    said, _, asking, name = library_tab.press("SmolLM2-135M-Instruct", "emoviz", "auto", None, "f" * 32)
    assert said.startswith(f"**{name} is there already**, shipped with emoviz") and asking["visible"]
    assert name == "SmolLM2-135M-Instruct_emoviz_fp32_b1164d71" and not JOBS.seen_by("f" * 32)
    assert library_tab.show_set(name, ["x"])[0] == ["x", name]
    assert library_tab.show_set("nonsense", ["x"])[0] == gr.skip()
    # Other passages, another precision or a folder make another set.
    own = uploading.take(str(write_passages(tmp_path / "mine.jsonl", ROWS)))[0]
    smol = resolve("SmolLM2-135M-Instruct")
    assert library_tab.stored(smol, "emoviz", "auto", own) is None
    assert library_tab.stored(smol, "emoviz", "bf16", None) is None
    assert library_tab.stored(replace(smol, kind="folder"), "emoviz", "fp32", None) is None
    assert library_tab.stored(smol, "emoviz-stories", "fp32", None).provenance.method == "generation"


def test_cancelling_an_extraction_ends_its_process(llama_folder, monkeypatch):
    started = []
    popen = subprocess.Popen

    def remember(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr("emoviz.process.subprocess.Popen", remember)
    running = library_tab.extract(str(llama_folder), "emoviz", "fp32", None)
    next(running)
    running.close()
    assert started[0].wait(timeout=10) != 0


def test_shipped_sets_cannot_be_deleted():
    name = next(iter(library().sets))
    assert library_tab.delete(name).startswith(f"**Cannot delete.** {name} is shipped with emoviz")
    assert library_tab.delete(None).startswith("**Cannot delete.** no set is chosen")
    assert name in library().sets


def test_known_models_say_their_size_and_where_they_are():
    labels = [label for label, _ in library_tab.model_choices()]
    assert "SmolLM2-135M-Instruct (135M, instruct, here)" in labels[:2]
    assert "Llama-3.1-8B (8.0B, base, hub, gated)" in labels


def test_stories_of_a_set_are_shown_for_one_emotion():
    stories = tuple(Story(e, "t", "write", 0, f"a {e} text", 2) for e in ("sad", "calm", "sad"))
    vectors = make_set("told")
    vectors = replace(vectors, provenance=replace(vectors.provenance, method="generation"))
    save_set(replace(vectors, stories=stories), sets_folder())
    assert "told" in [name for _, name in library_tab.stories_choices()]
    assert [row[3] for row in library_tab.stories_table("told", "sad")["rows"]] == ["a sad text"] * 2
    assert "no stories for proud" in library_tab.stories_table("told", "proud")["notes"][0]
    assert library_tab.stories_table(None, "sad") is None


@pytest.mark.parametrize(
    "classes", [("awe", "spite", "sad"), ("awe", "spite"), tuple(f"class {k}" for k in range(120))]
)
def test_sets_of_any_classes_are_shown_beside_the_shipped_ones(classes):
    save_set(make_set("own", classes=classes), sets_folder())
    shipped = _view().sets[0]
    for sets in (("own",), ("own", shipped)):
        view = _view(sets=sets)
        assert len(overview.cards(view)["cards"]) == len(sets)
        figure = overview.emotion_map(view)
        drawn = {str(name) for trace in figure.data for name, _ in trace.customdata}
        assert set(classes) <= drawn
        assert geometry.matrices(view, "alphabet").data and depth.curves(view, "rdm_std", True).data
    assert set(classes) <= set(library().classes)
    if len(classes) != 3 or "sad" not in classes:
        figure, table = models.pairs(_view(sets=("own", shipped)))
        assert figure is None and "not compared: they have 0 classes in common" in " | ".join(table["notes"])
        assert table["rows"][0][2] == "missing"
        assert models.pair_view(_view(sets=("own", shipped)), "A and B") == (None, None)


def test_sets_with_other_classes_are_compared_on_the_common_ones_and_the_page_says_so():
    save_set(make_set("own", classes=("afraid", "angry", "awe", "calm", "sad")), sets_folder())
    figure, table = models.pairs(_view(sets=("own", *_view().sets)))
    said = "A and B, A and C: on the 4 classes that both have; left out: anxious, awe, blissful"
    assert any(note.startswith(said) and note.endswith("and 6 more") for note in table["notes"])
    assert said in " ".join(note.text for note in figure.layout.annotations).replace("<br>", " ")
    assert [row[1] for row in table["rows"]] == ["4", "4", "21"]
    drawn, _ = models.pair_view(_view(sets=("own", *_view().sets)), "A and C")
    assert sum(len(t.x) for t in drawn.data if t.customdata is not None) == 6
    assert "left out: anxious, awe" in " ".join(note.text for note in drawn.layout.annotations).replace("<br>", " ")


def test_a_pair_is_chosen_by_its_name_and_any_other_name_gives_the_first():
    three = (*_view().sets, next(name for name in library().sets if "jeong2026b" in name))
    view = _view(sets=three)
    assert [name for _, name in models.pair_choices(view)] == ["A and B", "A and C", "B and C"]
    titles = {
        pair: models.pair_view(view, pair)[0].layout.title.text for pair in ("B and C", "A and B", None, "Z and <b>")
    }
    assert titles["B and C"].startswith("B and C differ most on")
    assert titles[None] == titles["Z and <b>"] == titles["A and B"]
    _, table = models.pair_view(view, "B and C")
    assert table["columns"][0] == "largest disagreements, B vs C" and len(table["rows"]) == 8
    gaps = [abs(float(row[3]) - float(row[4])) for row in table["rows"]]
    assert gaps == sorted(gaps, reverse=True)
    assert models.pair_choices(_view(sets=three[:1])) == []
    assert models.pair_view(_view(sets=three[:1]), "A and B") == (None, None)


def test_published_statistics_are_shown_with_their_number_and_a_caveat():
    table = models.published_table()
    shown = {row[0]: row[1:] for row in table["rows"]}
    assert shown["with a model of 7B or more, instruct"] == ["0.838", "0.742 to 0.920", "7"]
    assert shown["anisotropy and width"] == ["-0.882", "p = 0.00015", "12"]
    assert "neither models nor pairs are independent" in table["notes"][0]
    assert [table["rows"][k][0] for k in table["groups"]] == [
        "original three, instruct", "Qwen 2.5 1.5B", "anisotropy and width"
    ]  # fmt: skip


def test_a_set_whose_layer_is_missing_is_left_out_and_named_and_the_others_are_drawn():
    save_set(make_set("holes", nonfinite=(2, 3, 4, 5)), sets_folder())
    shipped = _view().sets[0]
    view = _view(sets=("holes", shipped), layer_mode=SAME_DEPTH, depth=0.8)
    for figure in (overview.emotion_map(view), geometry.matrices(view, "quadrant"), geometry.maps(view, "PCA")):
        text = " ".join(note.text for note in figure.layout.annotations)
        assert "left out: made-up · emoviz, made-up, whose layer 4 is not finite in fp32" in text.replace("<br>", " ")
        assert "SmolLM2-135M-Instruct · emoviz, layer" in text
    assert overview.cards(view)["cards"][0]["facts"][0]["value"] == "missing"
    figure, note = models.pairs(view)
    assert figure is None and "Tick another one on the left" in note["notes"][-1]
    _, table = models.pairs(_view(sets=("holes", *_view().sets), layer_mode=SAME_DEPTH, depth=0.8))
    for notes in (note["notes"], table["notes"]):
        assert "left out: made-up · emoviz, made-up, whose layer 4 is not finite in fp32" in notes
    with pytest.raises(InputError, match="is not finite in fp32. Choose another depth"):
        geometry.matrices(_view(sets=("holes",), layer_mode=SAME_DEPTH, depth=0.8), "quadrant")


def test_reasons_name_the_pairs_they_are_for():
    # A passage file may be called anything, and its name is part of the set's.
    own = make_set("other x of mine")
    save_set(own, sets_folder())
    _, table = models.pairs(_view(sets=(*_view().sets, own.name)))
    notes = " | ".join(table["notes"])
    assert "no rho given shared words, no rho given all controls for A and C, B and C: they were made" in notes
    assert "no rho on disjoint topics, no rho without noise for A and C, B and C:" in notes
    assert table["rows"][0][-1] not in ("missing", "–"), "what the shipped pair has is not lost in their company"


def test_a_rho_without_noise_above_one_is_shown_and_explained():
    for name, seed in (("one", 0), ("two", 1)):
        save_set(make_set(name, seed=seed, noise=2.0), sets_folder())
    _, table = models.pairs(_view(sets=("one", "two"), layer_mode=SAME_DEPTH, depth=1.0))
    assert float(table["rows"][0][7]) > 1
    assert "a rho without noise above 1 is sampling error: the truth is near 1" in table["notes"]


def test_the_geometry_tab_draws_every_order_and_map():
    sets = _view().sets
    for order in ("quadrant", "clustering", "alphabet"):
        for method in ("UMAP", "PCA", "MDS"):
            drawn = geometry.draw(_view(sets=sets), order, method, None)
            assert len(drawn) == 6 and drawn["maps"].layout.meta["kind"] == "map"
    figure = geometry.matrices(_view(), "clustering")
    text = " ".join(note.text for note in figure.layout.annotations).replace("<br>", " ")
    assert "4 clusters against the quadrants, adjusted Rand index" in text and "(p =" in text
    shapes = geometry.maps(_view(), "PCA").layout
    assert "residual between topic halves" in shapes.xaxis.title.text
    assert "with first panel" in shapes.xaxis2.title.text and "(relabelled" in shapes.xaxis2.title.text


def test_neighbours_put_the_selected_emotion_first():
    table = geometry.neighbours(_view(emotion="sad"))
    assert table["rows"][0][0] == "sad" and table["groups"] == {0: "nearest to sad", 1: "all others"}
    assert len(table["rows"]) == 21 and len(table["rows"][0]) == 3
    assert [row[0] for row in table["rows"][1:]] == sorted(row[0] for row in table["rows"][1:])
    assert len(geometry.neighbours(_view(centring="neutral", emotion="neutral"))["rows"]) == 20


def test_norms_replace_the_signs_and_bad_norms_say_why_and_leave_them(tmp_path):
    _, table = geometry.traits(_view(), None)
    assert table["rows"][0][2] == "20 of 21" and "quadrant signs" in table["notes"][0]
    good, bad, other = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "other.csv"
    words = ("afraid", "angry", "calm", "happy", "sad", "proud", "loving", "hostile")
    good.write_text("word,valence,arousal\n" + "".join(f"{w},{k},{k * k % 5}\n" for k, w in enumerate(words)))
    bad.write_text("word,valence\nsad,1\n")
    other.write_text("word,valence,arousal\nchair,1,2\n")
    figure, table = geometry.traits(_view(), str(good))
    assert table["rows"][0][2] == "8 of 21" and table["notes"] == ["correlated with good.csv"]
    assert "good.csv, 8 words" in " ".join(note.text for note in figure.layout.annotations)
    for path, why in ((bad, "bad.csv has no column 'arousal'"), (other, "other.csv has no word of")):
        _, table = geometry.traits(_view(), str(path))
        assert "quadrant signs instead" in table["notes"][0] and why in table["notes"][0]
        assert table["rows"][0][2] == "20 of 21" and str(tmp_path) not in " ".join(table["notes"])


def test_few_classes_and_classes_of_ones_own_are_no_trouble():
    for name, classes in (("two", ("down", "up")), ("three", ("down", "even", "up")), ("four", tuple("abcd"))):
        save_set(make_set(name, classes=classes), sets_folder())
        for method in ("PCA", "MDS"):
            drawn = geometry.draw(_view(sets=(name,), emotion="up"), "clustering", method, None)
            assert "at least 3 are needed for a correlation" in " ".join(drawn["traits"]["notes"])
            together = geometry.draw(_view(sets=(name, *_view().sets)), "clustering", method, None)
            assert "with first panel" not in (together["maps"].layout.xaxis2.title.text or "")
        with pytest.raises(InputError, match="5 classes or more are needed"):
            geometry.maps(_view(sets=(name,)), "UMAP")


def _read_tiny(llama):
    """A set of a tiny model in the library, and what the Read tab's function says last."""
    vectors = make_set("tiny", layers=4, width=16, model=llama.name, classes=("down", "even", "up"), scale=100)
    provenance = replace(vectors.provenance, revision=llama.revision, origin=llama.origin)
    save_set(replace(vectors, provenance=provenance), sets_folder())
    *_, (found, token, status) = read.run("the cat sat on a red mat .", _tiny_view())
    return found, token, status


def _tiny_view(layer=None, **changes):
    at = {} if layer is None else {"layer_mode": SAME_DEPTH, "depth": (layer + 1) / 4}
    return _view(**{"sets": ("tiny",), "emotion": "up", **at, **changes})


def test_a_text_is_read_once_and_shown_at_any_layer_for_any_emotion(llama, monkeypatch):
    from emoviz.readout import reading as module

    found, token, status = _read_tiny(llama)
    assert status.startswith("tiny-llama read 8 tokens") and np.isfinite(found.scores[found.layer, token]).all()
    assert f"layer {found.layer} of 4" in read.views(found, _tiny_view(), token)[1]["title"], "the best of the set"
    monkeypatch.setattr(module, "read_text", None)
    for layer in range(4):
        for emotion in ("up", "down"):
            said, coloured, line, heat, table = read.views(found, _tiny_view(layer, emotion=emotion), token)
            assert said == status and coloured["title"] == f"Each token on {emotion}, layer {layer} of 4"
            assert "".join(t["text"] for t in coloured["tokens"]) == "the cat sat on a red mat ."
            column = found.classes.index(emotion)
            for k, t in enumerate(coloured["tokens"]):
                score = found.scores[layer, k, column]
                assert t["score"] == (None if np.isnan(score) else pytest.approx(score, abs=1e-4))
            assert line.layout.meta["kind"] == "token" and heat.layout.meta["kind"] == "reading"
            assert [row[0] for row in table["rows"]] == ["the whole text", "the cat sat on a red mat ."]
    assert read.views(None, _tiny_view(), None)[1:] == (EMPTY,) * 4
    assert "emotion 'proud' is not in" in read.views(found, _tiny_view(emotion="proud"), token)[0]


def test_clicks_on_tokens_are_checked_before_they_are_believed(llama):
    found, *_ = _read_tiny(llama)
    assert read.pick({"token": 3}, found) == 3
    line = _read_drawn(_tiny_view(1), found)["token"]
    assert "on is closest to" in line.layout.title.text
    for data in (None, "x", {}, {"token": 8}, {"token": -1}, {"token": True}, {"token": "3"}, {"token": [3]}):
        assert read.pick(data, found) == gr.skip(), data
    assert read.pick({"token": 3}, None) == gr.skip()
    assert _read_drawn(_tiny_view(1, emotion="nonsense"), found)["token"] == EMPTY


def _read_drawn(view, found, **changes):
    return read.draw(view, **{"text": found.text, "chosen": 3, "reading": found, **changes})


def test_what_another_set_has_read_stays_under_its_own_name_and_says_so(llama):
    found, *_ = _read_tiny(llama)
    assert _read_drawn(_tiny_view(), found)["made"] == ""
    other = _read_drawn(_tiny_view(sets=(_view().sets[0], "tiny")), found)
    assert other["made"] == (
        "**Something else is chosen now;** press Read again. Made with set: tiny-llama · emoviz, made-up; "
        "text: the cat sat on a red mat ."
    )
    assert other["tokens"] == _read_drawn(_tiny_view(), found)["tokens"] and "tiny-llama" in other["status"]
    assert "press Read again" in _read_drawn(_tiny_view(), found, text="a dog")["made"]


def test_a_number_is_varied_in_a_sentence_and_shown_for_any_emotion(llama):
    _read_tiny(llama)
    for where in (numbers.LAST, numbers.MEAN):
        asked = ("a cat sat on {n} red mat\n\n the dog sat on {n} mat ", "1, 2,3", where)
        *_, (found, status, made) = numbers.vary(*asked, _tiny_view(2))
        assert status == "read 6 sentences at layer 2" and (made["layer"], made["tokens"]) == ("2", where)
        shown = numbers.draw(_tiny_view(2), *asked, found, made)
        assert list(shown["curve"].data[0].x) == [1, 2, 3] and shown["made"] == ""
        assert shown["curve"].data[0].name == "up" and shown["curve"].data[0].error_y.array is not None
        other = numbers.draw(_tiny_view(1, emotion="down"), *asked, found, made)
        assert other["curve"].data[0].name == "down" and "press Vary again" in other["made"]
    *_, (found, status, _) = numbers.vary("cat {n} dog", "1,2", numbers.MEAN, _tiny_view())
    assert status.startswith(f"read 2 sentences at layer {found.layer}; with several sentences")
    assert "is not in" in numbers.draw(_tiny_view(1, emotion="proud"), *asked, found, None)["curve"].why


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sentences": "no number"}, "needs {n} once"),
        ({"sentences": "{n} and {n}"}, "needs {n} once"),
        ({"sentences": " \n"}, "0 sentences were given"),
        ({"sentences": "{n}\n" * 21}, "21 sentences were given; 1 to 20 are allowed"),
        ({"sentences": "{n}" + "a" * 6000}, "the list of sentences has 6003 letters"),
        ({"numbers": "1"}, "2 to 20 different numbers are needed"),
        ({"numbers": "1, 1"}, "2 to 20 different numbers are needed"),
        ({"numbers": "1, nan"}, "'nan' is no number"),
        ({"numbers": ",".join(map(str, range(30)))}, "2 to 20 different numbers are needed"),
        ({"numbers": "one, two"}, "'one' is no number"),
        ({"view": _view(sets=("nonsense",))}, "no vector set is selected"),
    ],
)
def test_wrong_sentences_and_numbers_end_as_one_line(changes, message):
    values = {"sentences": "{n} cats", "numbers": "1, 2", "where": "", "view": _view(sets=())}
    *_, (found, status, _) = numbers.vary(**{**values, **changes})
    assert found is None and status.startswith("**Cannot vary.**") and message in status


def test_a_dialogue_is_read_and_shown_for_any_emotion(llama):
    _read_tiny(llama)
    text = "User: the cat sat\nAssistant: on a mat\nUser: a red dog"
    *_, (found, status, made) = dialogue.run(text, _tiny_view(2))
    assert status == "tiny-llama read 3 messages as a plain transcript" and made["layer"] == "2"
    shown = dialogue.draw(_tiny_view(2), text, found, made)
    assert shown["made"] == "" and [row[0] for row in shown["messages"]["rows"]] == [
        "1 user", "2 assistant", "3 user", "4 assistant"
    ]  # fmt: skip
    assert shown["messages"]["rows"][3][1] == "the answer that is to come"
    line = shown["lines"].data[0]
    assert line.name == "up" and list(line.x) == [
        "1 user", "2 before", "2 assistant", "3 user", "4 before"
    ]  # fmt: skip
    up = found.classes.index("up")
    places = [found.over[0], found.before[1], found.over[1], found.over[2], found.before[3]]
    assert list(line.y) == pytest.approx([values[up] for values in places])
    assert "the template alone shifts" in shown["lines"].layout.annotations[-1].text
    assert "press Read the dialogue again" in dialogue.draw(_tiny_view(1), text, found, made)["made"]
    unknown = dialogue.draw(_tiny_view(2, emotion="proud"), text, found, made)
    assert unknown["messages"] is None and "is not in" in unknown["lines"].why


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the dialogue holds no message"),
        ("hello", "line 1 names nobody who speaks"),
        ("User: " + "a" * 12_000, "the dialogue has 12006 letters"),
        ("User: a", "no vector set is selected"),
    ],
)
def test_dialogues_that_cannot_be_read_end_as_one_line(text, message):
    *_, (found, status, _) = dialogue.run(text, _view(sets=()))
    assert found is None and status.startswith("**Cannot read.**") and message in status


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("a" * 7000, None, "the text has 7000 letters"),
        ("a cat", None, "no vector set is selected"),
        ("a", "x", "no vector"),
    ],
)
def test_texts_that_cannot_be_read_end_as_one_line(text, name, message):
    *_, (found, token, status) = read.run(text, _view(sets=(name,)))
    assert found is None and token is None and status.startswith("**Cannot read.**") and message in status


def test_what_an_event_updates_takes_the_place_of_the_part_that_it_replaces():
    from gradio.state_holder import SessionState

    from emoviz.app import server

    with gr.Blocks() as blocks:
        menu = gr.Dropdown(["a"])
    state = SessionState(blocks)
    before = len(state.blocks_config.blocks)
    for _ in range(3):
        state[menu._id] = gr.Dropdown(["a", "b"], render=False)
        # What gradio does with an input.
        state[state[menu._id]._id] = state[menu._id]
    assert len(state.blocks_config.blocks) == before and not state.config_values
    assert state[menu._id].choices == [("a", "a"), ("b", "b")]
    assert server.launch_options()["state_session_capacity"] <= 1000


def test_what_is_chosen_from_the_library_stays_in_it_when_its_file_goes():
    save_set(make_set("mine"), sets_folder())
    with one_library():
        found = library().sets["mine"]
        (sets_folder() / "mine.safetensors").unlink()
        assert library().sets["mine"] is found
    assert "mine" not in library().sets
