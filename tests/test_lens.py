"""The vocabulary lens: the formula on the model's own norm and head, whatever their form."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers

from emoviz.app.components import EMPTY
from emoviz.app.selection import BEST, SAME_DEPTH, Selection
from emoviz.app.tabs.steer import vocabulary
from emoviz.errors import InputError
from emoviz.geometry import class_vectors
from emoviz.geometry.vectors import unit
from emoviz.models.blocks import final_norm
from emoviz.models.load import load_model
from emoviz.plots.lens import lens_figure
from emoviz.readout.lens import lens, token_changes, vocabulary_lens
from emoviz.readout.vocabulary import vocabulary_scripts
from emoviz.store import save_set, sets_folder
from emoviz.types import TokenChange, VocabularyLens

from .conftest import make_set, save_tiny_model
from .test_architectures import ARCHITECTURES


def _set_of(loaded, **options):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    return replace(vectors, provenance=replace(vectors.provenance, revision=loaded.revision))


def _loaded(name, folder):
    kind, options = ARCHITECTURES[name]
    return load_model(str(save_tiny_model(folder / name, getattr(transformers, kind)(**options))))


def _direction(vectors, emotion, layer):
    rows, classes = class_vectors(vectors.class_means[layer], vectors.classes, "class")
    return unit(rows, classes)[classes.index(emotion)].astype(np.float64)


def _weights(module):
    return module.weight.detach().double().numpy()


@pytest.mark.parametrize(
    "name", ["LlamaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM", "GPT2LMHeadModel", "GPTNeoXForCausalLM"]
)
def test_changes_follow_the_formula_for_every_form_of_norm_and_head(name, tmp_path):
    loaded = _loaded(name, tmp_path)
    norm = final_norm(loaded.decoder, loaded.architecture)
    with torch.no_grad():
        norm.weight.add_(torch.randn(norm.weight.shape, generator=torch.Generator().manual_seed(1)))
    vectors = _set_of(loaded)
    found = token_changes(loaded, vectors, "angry", 1)
    u, r, last = _direction(vectors, "angry", 1), vectors.residual_norm[1], vectors.residual_norm[-1]
    if "GPT" in name:
        state = (u - u.mean()) / np.sqrt(u.var() + norm.eps / last**2) * _weights(norm)
    else:
        weights = _weights(norm) + (1 if "Gemma" in name else 0)
        eps = getattr(norm, "variance_epsilon", getattr(norm, "eps", 0.0))
        state = u / np.sqrt((u**2).mean() + eps / last**2) * weights
    expected = _weights(loaded.model.get_output_embeddings()) @ state * r / last
    np.testing.assert_allclose(found, expected - expected.mean(), atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_final_norm_is_what_stands_between_the_last_block_and_the_logits(name, tmp_path):
    loaded = _loaded(name, tmp_path)
    seen = []
    watch = loaded.blocks[-1].register_forward_hook(
        lambda _m, _i, out: seen.append(out if torch.is_tensor(out) else out[0])
    )
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([[3, 4, 5]])).logits
        again = loaded.model.get_output_embeddings()(final_norm(loaded.decoder, loaded.architecture)(seen[0]))
    watch.remove()
    cap = getattr(loaded.model.config.get_text_config(), "final_logit_softcapping", None)
    again = again if cap is None else cap * torch.tanh(again / cap)
    torch.testing.assert_close(again, logits)


def test_a_vector_that_points_at_a_token_raises_it_most_and_its_opposite_lowers_it(llama):
    with torch.no_grad():
        head = llama.model.lm_head.weight
        head.copy_(torch.nn.functional.normalize(head, dim=-1))
        rows = np.random.default_rng(0).normal(size=(21, 16)) * 0.01
        rows[1], rows[2] = head[7].numpy(), -head[7].numpy()
    vectors = _set_of(llama, geometry=rows, noise=0.0)
    raised, _ = lens(llama, vectors, vectors.classes[1], 2, 5)
    _, lowered = lens(llama, vectors, vectors.classes[2], 2, 5)
    assert (raised[0].id, raised[0].token) == (7, llama.tokenizer.decode([7]))
    assert lowered[0].id == 7 and lowered[0].change == pytest.approx(-raised[0].change, rel=0.05)


def test_lists_are_in_order_complete_and_hold_no_special_token(llama):
    vectors = _set_of(llama)
    changes = token_changes(llama, vectors, "sad", 0)
    raised, lowered = lens(llama, vectors, "sad", 0, 1000)
    ids = [row.id for row in raised]
    assert sorted(ids) == list(range(3, 21)), "18 words; three special tokens and the unused places are left out"
    assert ids == [row.id for row in lowered[::-1]]
    assert [row.change for row in raised] == sorted((float(changes[k]) for k in ids), reverse=True)
    assert {row.script for row in raised} == {"Latin", None}
    assert abs(changes.mean()) < 1e-5


def test_shares_of_scripts_are_those_of_the_lists(llama):
    vectors = _set_of(llama, nonfinite=(1,))
    found = vocabulary_lens(llama, vectors, "sad", 6)
    assert list(found.raised) == list(found.lowered) == [0, 2, 3]
    for layer in found.raised:
        shares = found.shares(layer)
        assert (found.raised[layer], found.lowered[layer]) == lens(llama, vectors, "sad", layer, 6)
        scripts = [row.script for row in found.raised[layer]]
        assert sum(shares.values()) == pytest.approx(1)
        assert shares.get("none", 0) == pytest.approx(scripts.count(None) / 6)
    assert found.vocabulary == vocabulary_scripts(llama).shares() == {"Latin": 16 / 32, "none": 16 / 32}


def test_scaling_a_sets_vectors_and_states_changes_nothing(llama):
    plain, scaled = (token_changes(llama, _set_of(llama, scale=s), "sad", 1) for s in (1.0, 1000.0))
    np.testing.assert_allclose(plain, scaled, atol=1e-4)


def test_no_lens_for_another_model_an_unknown_emotion_or_a_missing_last_layer(llama):
    vectors = _set_of(llama)
    with pytest.raises(InputError, match="'bored' is not in"):
        lens(llama, vectors, "bored", 1)
    with pytest.raises(InputError, match="Vectors do not carry over"):
        lens(llama, make_set(layers=4, width=16), "sad", 1)
    with pytest.raises(InputError, match="last layer of .* is not finite"):
        lens(llama, _set_of(llama, nonfinite=(3,)), "sad", 1)


def test_no_lens_for_a_model_whose_logits_come_another_way(llama):
    llama.model.register_forward_hook(lambda _module, _inputs, out: setattr(out, "logits", -out.logits))
    with pytest.raises(InputError, match="more between its last block and its logits .* .rank correlation -1.00"):
        lens(llama, _set_of(llama), "sad", 1)


def _made_up() -> VocabularyLens:
    rows = [TokenChange(" Angst", 1, 3.0, "Latin"), TokenChange("恐", 2, 2.0, "Han"), TokenChange("\n", 3, 1.0, None)]
    raised = {0: (rows[0], rows[0], rows[0], rows[0]), 2: (rows[0], rows[1], rows[1], rows[2])}
    return VocabularyLens("made-up", "m", "afraid", raised, raised, {"Latin": 0.7, "Han": 0.1, "none": 0.2})


@pytest.mark.parametrize(("layer", "foreign"), [(0, "0%"), (2, "50%")])
def test_the_lens_figure_says_how_many_raised_tokens_are_foreign(layer, foreign):
    drawn = lens_figure(_made_up(), make_set("m"), layer)
    assert drawn.layout.title.text.startswith(f"At layer {layer}, {foreign} of the 4 tokens")
    found = {trace.name: list(trace.y) for trace in drawn.data}
    assert found == {"Latin": [1, 0.25], "Han": [0, 0.5], "no script": [0, 0.25]}
    assert "20% of the vocabulary" not in drawn.data[0].hovertemplate and "70.0%" in drawn.data[0].hovertemplate


def test_the_page_shows_the_nearest_layer_that_has_a_lens_and_makes_blanks_visible():
    save_set(make_set("m"), sets_folder())
    view = Selection(("m",), SAME_DEPTH, 0.67, "class", "sad")
    figure, table = vocabulary.views(_made_up(), view)
    assert figure.layout.title.text.startswith("At layer 2")
    assert [row[0] for row in table["rows"]] == ["␣Angst", "恐", "恐", "⏎"]
    assert vocabulary.views(None, view) == (EMPTY, EMPTY)


def test_the_page_looks_with_the_model_of_the_set_and_says_what_is_wrong(llama, llama_folder):
    vectors = _set_of(llama)
    provenance = replace(vectors.provenance, origin=str(llama_folder))
    save_set(replace(vectors, name="tiny", provenance=provenance), sets_folder())
    view = Selection(("tiny",), BEST, 0.5, "class", "sad")
    *_, (found, status) = vocabulary.look(view)
    assert found.emotion == "sad" and sorted(found.raised) == [0, 1, 2, 3] and "sad in tiny-llama" in status
    assert vocabulary.draw(view, found)["made"] == ""
    said = vocabulary.draw(replace(view, emotion="calm"), found)["made"]
    assert "Made with set: tiny-llama" in said and "emotion: sad" in said and "press Look again" in said
    *_, (found, status) = vocabulary.look(replace(view, emotion="bored"))
    assert found is None and status.startswith("**Cannot look.**") and "'bored' is not in" in status
    *_, (_, status) = vocabulary.look(replace(view, sets=()))
    assert "no vector set is selected" in status


@pytest.mark.models
def test_calm_raises_words_of_calm_in_several_languages_in_gemma():
    from emoviz.store import find_set

    loaded = load_model("gemma-3-270m", device="cpu")
    raised, lowered = lens(loaded, find_set("gemma-3-270m_emoviz"), "calm", 10, 40)
    words = {row.token.strip() for row in raised}
    assert {"serene", "comfortable", "leisurely"} <= words
    assert {"Latin", "Han", "Hiragana"} <= {row.script for row in raised}
    assert not words & {row.token.strip() for row in lowered}
