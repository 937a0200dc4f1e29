"""Classes of any name: steered along their own direction, read, and told from a control, whatever they are called."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import emoviz as ez
from emoviz.app.library import library
from emoviz.app.steer.request import unfit_ticked
from emoviz.cli import main
from emoviz.commands import endpoints
from emoviz.errors import InputError
from emoviz.experiments.dose_curves import curves
from emoviz.experiments.leak_summary import leak_peak, summary
from emoviz.geometry.cleaning import parse_cleaning
from emoviz.share.texts import sheet, texts_files
from emoviz.steer.directions import directions
from emoviz.steer.generate import steer_texts
from emoviz.steer.grammar import (
    control_labels,
    is_control,
    parse_intervention,
    rows_of,
    unfit,
    weights_of,
    with_controls,
)
from emoviz.steer.injection import offsets
from emoviz.steer.outgoing import steering_vectors
from emoviz.steer.recipes import recipe
from emoviz.store import save_set, sets_folder
from emoviz.store.choice import set_for
from emoviz.types import Decoding
from emoviz.words import names_in

from .conftest import make_set, write_passages

# Numbers, weights, signs, words of the grammar, names of controls and of the unsteered text, commas, blanks at ends.
NAMES = (
    *("80s nostalgia", "joy + pride", "at ease", "0", "1", "0.5", "mean", "random", "control random", "unsteered"),
    *("none", "a,b", "x:0.03", "-joy", "=sad", "when it rains", "ablate", "calm first 10", "add it 2", "a > b"),
    *(
        " blank ",
        "neutral",
        "a well-being of more than eighty letters, as nobody would ever call an emotion in any table",
    ),
)
PROMPT, LAYER = "the cat sat on", 1
_SHORT = Decoding(4)


@pytest.fixture
def vectors(llama):
    return own_set(llama, "odd", NAMES)


def own_set(loaded, name, classes, **changes):
    """A stored set of a loaded model with these classes."""
    made = make_set(name, layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, classes=classes, seed=3)
    made = replace(made, provenance=replace(made.provenance, revision=loaded.revision, **changes))
    save_set(made, sets_folder())
    return made


def unit_of(vectors, name):
    """By hand: the class mean less the mean over the classes, made unit."""
    means = np.asarray(vectors.class_means[LAYER], float)
    found = means[vectors.classes.index(name)] - means.mean(0)
    return found / np.linalg.norm(found)


def one_row(vectors, text, amount=0.04):
    return offsets(vectors, [(text, amount)], recipe(vectors, layers=LAYER))


def added(vectors, text):
    """The direction of what is added for a text of this row."""
    return one_row(vectors, text).by_layer[LAYER][0] / (0.04 * vectors.residual_norm[LAYER])


FORMS = {
    "directions": lambda vectors, name: directions(vectors, name, (LAYER,))[0],
    "ez.direction": lambda vectors, name: directions(vectors, ez.direction(vectors, name), (LAYER,))[0],
    "a row": added,
    "a weight": lambda vectors, name: added(vectors, f"0.5 {name}"),
    "a mixture with itself": lambda vectors, name: added(vectors, f"{name} + 2 {name}"),
    "ablate": lambda vectors, name: one_row(vectors, f"ablate {name}", 1.0).projected[LAYER].units[0],
    "clamp": lambda vectors, name: one_row(vectors, f"clamp {name} 0.05").projected[LAYER].units[0],
    "a window": lambda vectors, name: one_row(vectors, f"{name} after 3").projected[LAYER].units[0],
    "a condition": lambda vectors, name: one_row(vectors, f"when {name} > 0.1 add 0 0.04").projected[LAYER].gates[0],
    "behind a condition": lambda v, name: one_row(v, f"when 0 < 0.1 reflect {name}").projected[LAYER].units[0],
    "an export": lambda vectors, name: (
        steering_vectors(vectors, name, layers=LAYER).values[0, 0] / vectors.residual_norm[LAYER]
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_class_of_any_name_is_the_direction_that_is_used(vectors, form):
    for name in NAMES:
        found = FORMS[form](vectors, name)
        assert found == pytest.approx(unit_of(vectors, name), abs=1e-5), (form, name)


def test_two_classes_of_any_names_are_mixed(vectors):
    for first, second in product(NAMES, NAMES):
        if first != second:
            text = f"0.5 {first} - 2 {second}"
            expected = 0.5 * unit_of(vectors, first) - 2 * unit_of(vectors, second)
            assert directions(vectors, text, (LAYER,))[0] == pytest.approx(
                expected / np.linalg.norm(expected), abs=1e-5
            ), text
            assert weights_of(text, NAMES) == {first: 0.5, second: -2.0}


def test_what_is_written_is_read_as_it_was_meant(vectors):
    forms = ("{}", "ablate {}", "clamp {} 0.05", "{} first 3", "when {} > 0.1 add {} 0.04", "0.5 {} + 0.5 0")
    for name, form in product(NAMES, forms):
        found = parse_intervention(form.format(name, name), NAMES)
        assert parse_intervention(found.written, NAMES) == found


def test_what_would_be_shown_as_something_else_is_refused():
    for text, classes in (("2.0 joy", ("joy", "2 joy")), ("ablate calm tokens 1-10", ("calm", "calm first 10"))):
        with pytest.raises(InputError, match="what is meant would be shown as"):
            parse_intervention(text, classes)
    with pytest.raises(InputError, match="'2 joy', which the names of the classes make something else"):
        rows_of(2 * ez.direction(make_set(classes=("joy", "2 joy")), "joy"), [0.1], ("joy", "2 joy"))


def test_a_control_is_told_from_a_class_that_bears_its_name(vectors):
    assert with_controls(["mean", "0"], ["mean", "random", "random 7"], NAMES) == (
        *("mean", "0", "control mean", "control control random", "random 7"),
    )
    assert with_controls(["mean"], ["mean"], ("afraid",)) == ("mean",), "one control, written once"
    assert control_labels(["control mean"], ("afraid",)) == ("mean",)
    means = np.asarray(vectors.class_means[LAYER], float)
    at = NAMES.index("neutral")
    shared = np.delete(means, at, 0).mean(0) - means[at]
    assert added(vectors, "control mean") == pytest.approx(shared / np.linalg.norm(shared), abs=1e-5)
    plain = replace(vectors, classes=tuple(f"class {k}" for k in range(len(NAMES))))
    assert added(vectors, "control control random") == pytest.approx(added(plain, "random"))
    assert added(vectors, "random 7") == pytest.approx(added(plain, "random 7"))
    told = {text: is_control(text, NAMES) for text in ("mean", "control mean", "ablate control mean", "random 7")}
    assert told == {"mean": False, "control mean": True, "ablate control mean": True, "random 7": True}


def test_texts_records_and_files_of_a_run_tell_classes_controls_and_the_unsteered_text_apart(llama, vectors):
    asked = with_controls(NAMES, ["mean"], NAMES)
    texts = steer_texts(llama, None, asked, [0.9], PROMPT, decoding=_SHORT)
    by_object = steer_texts(
        llama, vectors, [ez.direction(vectors, name) for name in NAMES], 0.9, PROMPT, decoding=_SHORT
    )
    assert [(one.direction, one.dose) for one in texts] == [("unsteered", 0), *((name, 0.9) for name in asked)]
    assert [one.text for one in texts[:-1]] == [one.text for one in by_object] and len({one.text for one in texts}) > 9
    assert len(set(texts.to_frame()[["direction", "dose"]].itertuples(index=False))) == len(NAMES) + 2
    rows = texts_files(sheet(texts), "csv")[0].decode().splitlines()
    assert sum(",control mean,0.9," in row for row in rows) == sum(",mean,0.9," in row for row in rows) == 1
    assert sum(",unsteered,0," in row or ",unsteered,0.0," in row for row in rows) == 1


def test_runs_keep_every_class_under_its_name(llama, vectors):
    made = ez.dose_response(llama, None, None, [0.9], [PROMPT], decoding=_SHORT)
    assert (made.set, made.directions) == ("odd", vectors.emotions)
    assert made.controls == ("control control random", "control mean")
    texts = steer_texts(llama, vectors, ez.direction(vectors, "unsteered"), 0.9, PROMPT, decoding=_SHORT)
    curve = curves(made, "unsteered")
    assert [at[0].text for at in curve.texts] == [one.text for one in texts], "dose 0 is the unsteered text"
    assert curves(made, "joy + pride").weights == {"joy + pride": 1.0}
    path = ez.save_dose_response(made)
    again = next(run for run in ez.list_dose_responses() if run.name == path.name.removesuffix(".json.gz"))
    assert (again.directions, again.controls) == (made.directions, made.controls)
    leaks = ez.leak_run(llama, None, ["unsteered", "mean"], [0.9], [PROMPT], ["emoviz"], _SHORT, ["mean"])
    assert (leaks.directions, leaks.controls) == (("unsteered", "mean"), ("control mean",))
    peak = leak_peak(summary(leaks), leaks.controls, "unsteered", "emoviz")
    assert peak.dose == 0.9
    few = {"passages": ["the dog ran ."], "prompts": [PROMPT], "samples": 1}
    effects = ez.side_effects(llama, None, ["mean", "0"], [0.9], decoding=_SHORT, controls=["random"], **few)
    assert [name for name, _ in effects.rows] == ["unsteered", "mean", "0", "control control random"]


def test_the_contrast_with_a_class_of_any_name_is_its_own():
    for name in NAMES:
        assert parse_cleaning(f"against {name}").against == name.strip()


def _run(capsys, *words):
    code = main([*map(str, words), "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


@pytest.fixture
def without_witness(monkeypatch):
    def none(*_given, **_options):
        raise InputError("no witness is at hand")

    monkeypatch.setattr("emoviz.witness.witness.witness_for", none)
    monkeypatch.setattr("emoviz.witness.outside.outside_for", lambda *_given, **_options: None)


@pytest.mark.parametrize("command", ["steer", "chat", "doses", "leak", "vary"])
def test_a_command_takes_a_class_of_any_name(capsys, llama, llama_folder, vectors, without_witness, command):
    asked = {
        "steer": [
            "--prompt",
            PROMPT,
            "--dose",
            "0.9",
            "--max-new-tokens",
            4,
            "--witness",
            "none",
            "--controls",
            "mean",
        ],
        "chat": ["--say", PROMPT, "--dose", "0.9", "--max-new-tokens", 4, "--witness", "none", "--controls", "mean"],
        "doses": ["--prompt", PROMPT, "--dose", "0.9", "--max-new-tokens", 4, "--controls", "mean"],
        "leak": [
            "--prompt",
            PROMPT,
            "--dose",
            "0.9",
            "--max-new-tokens",
            4,
            "--controls",
            "mean",
            "--recipe",
            "emoviz",
        ],
        "vary": ["--template", "the {n} cat", "--values", "1, 2"],
    }[command]
    found = _run(capsys, command, llama_folder, *(f"--emotion={name}" for name in NAMES), *asked)
    if command == "vary":
        assert found["set"] == "odd" and set(found["classes"]) == set(NAMES)
        return
    rows = found["turns"][0]["rows"] if command == "chat" else found["rows"]
    key = "direction" if command == "doses" else "emotion"
    assert [row[key] for row in rows if row["dose"]] == [*NAMES, "control mean"]
    if command in ("steer", "leak"):
        assert [row[key] for row in rows if row["control"]] == ["control mean"]
    if command in ("steer", "leak"):
        own = [ez.direction(vectors, name) for name in NAMES]
        texts = steer_texts(llama, vectors, own, 0.9, PROMPT, decoding=_SHORT)
        assert [row["text"] for row in rows if row["dose"]][:-1] == [one.text for one in texts[1:]]


@pytest.mark.parametrize("name", NAMES)
def test_the_lens_and_an_export_take_a_class_of_any_name(capsys, tmp_path, llama, llama_folder, vectors, name):
    kept = replace(vectors, name="kept", provenance=replace(vectors.provenance, origin=str(llama_folder)))
    save_set(kept, sets_folder())
    found = _run(capsys, "lens", "kept", f"--emotion={name}", "--layer", LAYER, "--top", 3)
    own = ez.vocabulary_lens(llama, vectors, name, 3).raised[LAYER]
    assert found["emotion"] == name and [row["token"] for row in found["raised"]] == [one.token for one in own]
    path = _run(capsys, "export", "kept", "--format", "npz", f"--emotion={name}", "--out", tmp_path / "one.npz")["path"]
    with np.load(path) as arrays:
        expected = unit_of(ez.find_set("kept"), name) * vectors.residual_norm[LAYER]
        assert arrays["vectors"][0, LAYER] == pytest.approx(expected, abs=1e-5)


def test_a_class_that_is_called_like_a_column_has_its_own(llama, vectors):
    own = own_set(llama, "columns", ("number", "value", "calm"))
    frame = ez.vary(llama, own, "the {n} cat", "1, 2").to_frame()
    assert list(frame) == ["template", "number", "value", "score number", "score value", "calm"]


def test_a_number_that_is_written_as_text_in_json_is_the_name_of_a_class(tmp_path):
    rows = [{"emotion": name, "text": f"the {name} cat {k}"} for name in ("0", "1") for k in range(2)]
    assert ez.load_corpus(write_passages(tmp_path / "numbers.jsonl", rows)).classes == ("0", "1")


def test_a_name_with_a_comma_stands_in_quotes_in_a_list():
    assert names_in('calm, "a,b",-joy,  ') == ["calm", "a,b", "-joy"]


# Which set.


@pytest.fixture
def several(llama):
    """Of one model: the shipped corpus, and a newer one whose classes bear names of controls."""
    usual = own_set(llama, "usual", ("afraid", "calm", "neutral"), corpus="emoviz-420")
    return usual, own_set(llama, "newer", ("afraid", "mean", "random", "at ease"), created="2030-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("emotions", "controls", "used", "rows"),
    [
        (["afraid"], [], "usual", ["afraid"]),
        (["afraid"], ["mean"], "usual", ["afraid", "mean"]),
        (["at ease"], ["random"], "newer", ["at ease", "control random"]),
        (["afraid", "at ease"], ["random 7"], "newer", ["afraid", "at ease", "random 7"]),
        (["mean"], [], "newer", ["mean"]),
        (["control mean"], [], "usual", ["mean"]),
        (["afraid", "control mean"], [], "usual", ["afraid", "mean"]),
        (["0.5 afraid + 0.5 calm", "ablate afraid"], ["random"], "usual", None),
        (["when at ease > 0 add afraid 0.1"], [], "newer", None),
    ],
)
def test_emotions_decide_which_set_is_used_and_controls_never_do(llama, several, emotions, controls, used, rows):
    assert set_for(llama, unfit(emotions)).name == used
    texts = steer_texts(llama, None, emotions, [0.1], PROMPT, decoding=Decoding(1))
    assert {one.set for one in texts} == {used}
    if rows is not None:
        assert list(with_controls(emotions, controls, set_for(llama, unfit(emotions)).classes)) == rows


def test_a_direction_of_a_set_is_used_with_that_set(llama, several):
    own = ez.direction(several[1], "afraid")
    assert {one.set for one in steer_texts(llama, None, own, 0.1, PROMPT, decoding=Decoding(1))} == {"newer"}


@pytest.mark.parametrize("command", ["steer", "chat", "doses", "leak", "effects", "verify", "vary", "read"])
def test_every_command_that_chooses_a_set_takes_one(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--set SET" in said and "of the shipped corpus, protocol emoviz, fp32, the newest, in this order" in said


def test_a_set_that_is_named_is_used_and_said(capsys, llama, llama_folder, several, without_witness):
    words = ("steer", llama_folder, "--emotion", "afraid", "--dose", "0.1", "--prompt", PROMPT, "--max-new-tokens", 1)
    for given, used in (((), "usual"), (("--set", "newer"), "newer")):
        found = _run(capsys, *words, "--witness", "none", "--controls", "random", *given)
        assert {row["set"] for row in found["rows"]} == {used}
        assert found["rows"][-1]["emotion"] == ("random" if used == "usual" else "control random")


def test_a_default_control_that_a_set_cannot_give_is_left_out_with_a_note(
    capsys, llama, llama_folder, several, without_witness
):
    words = ("doses", llama_folder, "--emotion", "at ease", "--dose", "0.1", "--prompt", PROMPT, "--max-new-tokens", 1)
    found = _run(capsys, *words)
    assert (found["set"], found["controls"]) == ("newer", ["control random"])
    assert found["notes"] == {"controls": "mean is left out: newer has no neutral class"}
    assert main([*map(str, words), "--controls", "mean"]) == 2, "what was asked for is not left out in silence"
    assert "newer has no neutral class" in capsys.readouterr().err


def test_the_page_takes_the_ticked_set_that_has_the_emotions(llama, several):
    def used(chosen, *ticked):
        return [one.name for one in library().sets_of([llama.name], unfit_ticked(chosen, ticked))]

    assert used(["afraid"], "newer") == ["newer"] and used(["afraid"], "usual") == ["usual"]
    assert used(["afraid"], "newer", "usual") == ["usual"], "of several by the rule"
    assert used(["calm"], "newer") == ["usual"], "a ticked set without the emotion gives way"
    assert used(["mean"], "usual") == ["usual"]


def test_the_api_takes_a_set_and_says_which(llama, several, monkeypatch):
    monkeypatch.setattr(endpoints, "_in_memory", lambda _name: llama)
    for name in ("usual", "newer"):
        found = endpoints.steer([llama.name], ["afraid"], [0.1], PROMPT, 1, sets=[name])
        assert {row["set"] for row in found["rows"]} == {name}
        assert endpoints.read(llama.name, "the cat sat .", set=name)["set"] == name
    assert {row["set"] for row in endpoints.steer([llama.name], ["afraid"], [0.1], PROMPT, 1)["rows"]} == {"usual"}
