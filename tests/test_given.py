"""Wrong input to the public functions: one line that says what was given, and nothing is done."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

import emoviz as ez
from emoviz.cli import main
from emoviz.geometry.directions import mixed
from emoviz.store import shipped_folder

from .conftest import make_set
from .test_wrap import ROWS

SET = "a vector set is needed. Open one with ez.find_set"


@pytest.fixture(scope="module")
def sets():
    return [make_set("one", seed=1), make_set("two", seed=2)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, b: ez.depth_curves([a, b]), "2 values were given; one vector set is needed"),
        (lambda a, b: ez.rdm([a, b]), "2 values were given; one vector set is needed"),
        (lambda a, b: ez.rdm([a, b], layer=1), "2 values were given; one vector set is needed"),
        (lambda a, b: ez.best_layers("one"), f"'one' was given; {SET}"),
        (lambda a, b: ez.recipe("one"), f"'one' was given; {SET}"),
        (lambda a, b: ez.direction("one", "sad"), f"'one' was given; {SET}"),
        (lambda a, b: ez.compare(["one", "two"]), f"'one' was given; {SET}"),
        (lambda a, b: ez.compare("one"), "'one' was given; vector sets are needed"),
        (lambda a, b: ez.compare(a), "1 set given; a comparison needs at least 2"),
        (lambda a, b: ez.compare(iter([a])), "1 set given; a comparison needs at least 2"),
        (lambda a, b: ez.contrasts("one"), "'one' was given; vector sets are needed"),
        (lambda a, b: ez.find_set(3), "set 3 was asked for"),
        (lambda a, b: ez.find_set(None), "set None was asked for"),
        (lambda a, b: ez.plot.depth([]), "no vector set was given"),
        (lambda a, b: ez.plot.rsa([a, "two"]), f"'two' was given; {SET}"),
        (lambda a, b: ez.plot.verification([]), "list was given; one verification is needed"),
        (lambda a, b: ez.plot.valence([a, b], norms=[None]), "1 norms were given for 2 sets"),
        (lambda a, b: ez.load_model(3), "model 3 was given; a short name, hub id, folder or .gguf file is needed"),
    ],
)
def test_what_is_no_vector_set_is_named(sets, call, message):
    with pytest.raises(ez.InputError) as error:
        call(*sets)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "draw", [ez.plot.depth, ez.plot.anisotropy, ez.plot.controls, ez.plot.rdm, ez.plot.emotion_map, ez.plot.cosines]
)
@pytest.mark.parametrize("layers", [99, -1])
def test_a_layer_that_does_not_exist_is_drawn_by_no_figure(draw, layers):
    vectors = ez.find_set("gemma-3-270m_emoviz")
    with pytest.raises(ez.InputError, match=f"layer {layers} does not exist: {vectors.name} has layers 0-17"):
        draw(vectors, layers=layers)


def test_a_whole_number_for_several_sets_could_be_a_layer_or_a_depth_and_is_refused(sets):
    for call in (ez.compare, ez.plot.rdm, ez.plot.depth):
        for number in (1, np.int64(1)):
            with pytest.raises(ez.InputError, match="layer 1 was given for 2 sets. Give a list with"):
                call(sets, layers=number)
    assert ez.compare(sets, layers=1.0, intervals=False).layers == tuple(s.n_layers - 1 for s in sets)
    assert ez.compare(sets, layers=[1, 2], intervals=False).layers == (1, 2)
    assert ez.rdm(sets[0], layer=np.int64(1)).layer == ez.rdm(sets[0], layer=1).layer == 1
    with pytest.raises(ez.InputError, match="'best' or a relative depth above 0 .* or the number .* from 0 to 5"):
        ez.rdm(sets[0], layer="5")


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([1, 2, 99], "layer 99 does not exist: one has layers 0-5"),
        (99, "layer 99 does not exist"),
        (-1, "layer -1 does not exist"),
        (True, "layers True were asked for; window, all, one layer or a range"),
        ([1.5], r"layers \[1.5\] were asked for"),
        (2.0, "layers 2.0 were asked for"),
    ],
)
def test_a_recipe_names_every_layer_that_it_cannot_have(sets, layers, message):
    with pytest.raises(ez.InputError, match=message):
        ez.recipe(sets[0], layers=layers)


def test_a_recipe_steers_at_a_layer_once_however_often_it_is_named(sets):
    assert ez.recipe(sets[0], layers=[3, 3, 2]).layers == (3, 2)
    assert ez.recipe(sets[0], layers=np.int64(3)).layers == (3,)


def test_weights_count_by_their_ratios_at_any_size_and_must_be_finite(sets):
    vectors, layers = sets[0], (1, 2)
    a, b = (ez.direction(vectors, name) for name in vectors.classes[:2])
    mixture = 0.7 * a + 0.3 * b
    expected = mixed(vectors, mixture.terms, layers)
    for factor in (1e300, 1e155, 1e-155, 1e-300, 5e-324 / 0.3):
        found = mixed(vectors, (factor * mixture).terms, layers)
        np.testing.assert_allclose(found, expected, atol=1e-6 if factor > 1e-310 else 0.5)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    # Powers of two leave every digit as it is.
    np.testing.assert_array_equal(mixed(vectors, (2.0**-500 * mixture).terms, layers), expected)
    for factor in (float("nan"), float("inf"), 1e300):
        with pytest.raises(ez.InputError, match="weight .* was given; finite numbers are allowed"):
            factor * (1e300 * a)


@pytest.fixture
def own(llama_folder):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama_folder), None
    tokenizer = PreTrainedTokenizerFast.from_pretrained(llama_folder)
    return model, ez.wrap(model, tokenizer, "mine")


def test_a_model_that_went_back_to_training_is_refused_everywhere(own):
    model, wrapped = own
    vectors = ez.extract(wrapped, ROWS, save=False, progress=False)
    model.train()
    for call in (
        lambda: ez.extract(wrapped, ROWS, progress=False),
        lambda: ez.read_text(wrapped, vectors, "the cat"),
        lambda: ez.steer_texts(wrapped, vectors, "up", [0.1], "the cat"),
        lambda: ez.steering(wrapped, vectors, "up", 0.1).__enter__(),
    ):
        with pytest.raises(ez.InputError, match=r"is in training mode.*Call model.eval\(\) first"):
            call()
    model.eval()
    assert ez.read_text(wrapped, vectors, "the cat").tokens


def test_a_model_that_is_not_wrapped_is_told_how_by_every_function(own, sets):
    model, _ = own
    for given, named in ((model, "LlamaForCausalLM"), ("SmolLM2-135M-Instruct", "'SmolLM2-135M-Instruct'")):
        for call in (
            lambda given: ez.extract(given, ROWS),
            lambda given: ez.read_text(given, None, "the cat"),
            lambda given: ez.read_text(given, sets[0], "the cat"),
            lambda given: ez.steer_texts(given, sets[0], "sad", [0.1], "the cat"),
            lambda given: ez.vocabulary_lens(given, None, "sad"),
            lambda given: ez.judge_texts(given, []),
            lambda given: ez.dose_response(given),
            lambda given: ez.verify(given),
            lambda given: ez.steering(given, None, "sad", 0.1).__enter__(),
        ):
            with pytest.raises(ez.InputError, match=f"{named} was given. Load a model with ez.load_model, or wrap one"):
                call(given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": []}, "0 directions were given"),
        ({"directions": None}, "direction None was given"),
        ({"directions": ["up", 3]}, "direction ['up', 3] was given"),
        ({"doses": []}, "dose [] was given"),
        ({"doses": None}, "dose None was given"),
        ({"doses": [[0.1, 0.2]]}, "dose [[0.1, 0.2]] was given"),
        ({"doses": "much"}, "dose 'much' was given"),
        ({"prompt": ["the", "cat"]}, "prompt ['the', 'cat'] was given; one text is needed"),
        ({"decoding": ez.Decoding(max_new_tokens="x")}, "'x' new tokens were asked for; a whole number is needed"),
        ({"decoding": ez.Decoding(max_new_tokens=2.5)}, "2.5 new tokens were asked for; a whole number is needed"),
    ],
)
def test_texts_are_steered_by_what_is_given_or_not_at_all(own, options, message):
    _, wrapped = own
    vectors = ez.extract(wrapped, ROWS, save=False, progress=False)
    given = {"directions": "up", "doses": [0.1], "prompt": "the cat", **options}
    with pytest.raises(ez.InputError) as error:
        ez.steer_texts(wrapped, vectors, **given)
    assert message in str(error.value)


def test_one_dose_is_taken_as_a_number_and_as_a_list(own):
    _, wrapped = own
    vectors = ez.extract(wrapped, ROWS, save=False, progress=False)
    made = [ez.steer_texts(wrapped, vectors, "up", dose, "the cat") for dose in (0.5, [0.5])]
    assert made[0] == made[1] and len(made[0]) == 2


def test_only_steered_texts_are_judged(own):
    _, wrapped = own
    with pytest.raises(ez.InputError, match="'a text' was given; texts as steer_texts gives them are judged"):
        ez.judge_texts(wrapped, ["a text"])


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
@pytest.mark.parametrize("kind", [object, "string"])
def test_what_is_missing_in_a_table_is_missing_in_a_column_of_any_type(own, missing, kind):
    _, wrapped = own
    table = pd.DataFrame(ROWS, columns=["emotion", "text", "topic"]).astype(kind)
    table.loc[3, "topic"] = missing
    assert ez.extract(wrapped, table, save=False, progress=False).classes == ("down", "up")
    table.loc[3, "text"] = missing
    with pytest.raises(ez.InputError, match=r"row 3 has no 'text', or an empty one. Write it as \(emotion, text\)"):
        ez.extract(wrapped, table, save=False, progress=False)


def test_a_column_that_is_there_twice_is_named(own):
    table = pd.DataFrame(ROWS, columns=["emotion", "text", "topic"])
    with pytest.raises(ez.InputError, match="the DataFrame has the column 'text' more than once"):
        ez.extract(own[1], pd.concat([table, table.text], axis=1), save=False)


@pytest.mark.parametrize("name", ["../../evil", "a/b", "", "..", "a b"])
def test_the_name_of_passages_stays_inside_the_folder(own, tmp_path, name):
    with pytest.raises(ez.InputError, match="letters, digits and"):
        ez.extract(own[1], ROWS, name=name, folder=tmp_path / "sets", progress=False)
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.parametrize("tokens", [0, -5, 1.5, "many"])
def test_a_batch_holds_a_whole_number_of_tokens(own, tokens):
    with pytest.raises(ez.InputError, match="batch_tokens .* was given; a whole number above 0 is needed"):
        ez.extract(own[1], ROWS, save=False, batch_tokens=tokens)


def test_folders_may_be_texts(tmp_path):
    response, found = ez.list_dose_responses()[0], ez.list_verifications()[0]
    assert ez.save_dose_response(response, str(tmp_path / "a")).exists()
    assert ez.save_verification(found, str(tmp_path / "b")).exists()


@pytest.mark.models
def test_the_command_line_finds_a_shipped_set_instead_of_computing_it_again(capsys):
    assert main(["extract", "gemma-3-270m", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert Path(found["path"]).parent == shipped_folder() and found["tokens"] == 0
