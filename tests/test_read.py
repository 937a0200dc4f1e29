"""Reading a text: pieces that join to it, scores as a plain loop makes them, and no sink that owns the colours."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from emoviz.cli import main
from emoviz.errors import InputError
from emoviz.models.load import load_model
from emoviz.plots.heat_map import heat_map_figure
from emoviz.plots.number import number_figure
from emoviz.plots.reading import scale_limit, token_label
from emoviz.plots.theme import DIVERGING, LIGHT
from emoviz.plots.token import token_figure
from emoviz.readout.projection import passage_scale
from emoviz.readout.reading import SINK, pieces, read_text, token_ends
from emoviz.readout.sentences import sentence_of, sentence_spans
from emoviz.readout.summary import layer_of, ranked, sentences, text_scores
from emoviz.store import save_set, sets_folder
from emoviz.types import Activations, Missing, Reading, Variation

from .conftest import make_set, save_tiny_model, tiny_gpt2

TEXT = "the cat sat on a red mat . joyous dog ran"


def set_of(loaded, **options):
    """A made-up set of a tiny model, with the residual norms that the model really has."""
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name, **options)
    norms = np.array([np.median(np.linalg.norm(states, axis=1)) for states in states_of(loaded, TEXT)])
    ratio = norms / vectors.residual_norm
    return replace(
        vectors,
        residual_norm=norms,
        class_means=vectors.class_means * ratio[:, None, None].astype(np.float32),
        provenance=replace(vectors.provenance, revision=loaded.revision, origin=loaded.origin),
    )


def states_of(loaded, text) -> list[np.ndarray]:
    """(T, D) after each block, by hooks of the test's own."""
    seen = []
    hooks = [
        block.register_forward_hook(lambda _m, _i, out: seen.append((out if torch.is_tensor(out) else out[0])[0]))
        for block in loaded.blocks
    ]
    with torch.inference_mode():
        loaded.model(torch.tensor([loaded.tokenizer(text)["input_ids"]]))
    for hook in hooks:
        hook.remove()
    return [states.double().numpy() for states in seen]


@pytest.fixture
def byte_level(tmp_path):
    """A tiny GPT-2 whose tokenizer knows bytes alone, so that every character beyond ASCII is split."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder = save_tiny_model(tmp_path / "bytes", replace_vocabulary(tiny_gpt2(), 260))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: k for k, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=alphabet[0]).save_pretrained(folder)
    return load_model(str(folder))


def replace_vocabulary(config, size):
    config.vocab_size = size
    return config


@pytest.mark.parametrize("text", [TEXT, "  the\n\ncat  sat.\n", "nonsense, the cat"])
@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_pieces_of_a_word_level_tokenizer_join_to_the_text(model, text, request):
    loaded = request.getfixturevalue(model)
    found = read_text(loaded, set_of(loaded), text)
    assert "".join(found.tokens) == text
    assert [text[a:b] for a, b in found.offsets] == list(found.tokens)
    assert found.scores.shape == (loaded.n_layers, len(found.tokens), 21)


def test_pieces_of_a_byte_level_tokenizer_join_to_the_text_and_split_characters_stay_whole(byte_level):
    text = "né 🙂 好"
    found = read_text(byte_level, set_of_bytes(byte_level), text)
    assert "".join(found.tokens) == text and len(found.tokens) == len(text.encode())
    assert found.tokens[:3] == ("n", "é", "") and found.tokens.count("🙂") == 1
    assert token_label(found, 2) == "(part)"


def set_of_bytes(loaded):
    vectors = make_set(layers=loaded.n_layers, width=loaded.d_model, model=loaded.name)
    return replace(
        vectors,
        residual_norm=np.full(loaded.n_layers, 1e6),
        provenance=replace(vectors.provenance, revision=loaded.revision),
    )


def test_blanks_go_to_the_token_after_them_and_the_end_to_the_last():
    assert pieces(token_ends([(0, 2), (4, 5), (4, 5), (5, 6)], [0] * 4, 9)[1]) == ((0, 2), (2, 5), (5, 5), (5, 9))


@pytest.mark.parametrize("model", ["llama", "gpt2"])
def test_scores_equal_a_plain_loop_over_captured_states(model, request):
    loaded = request.getfixturevalue(model)
    vectors = set_of(loaded)
    found = read_text(loaded, vectors, TEXT)
    states = states_of(loaded, TEXT)
    first = len(states[0]) - len(found.tokens)
    assert first == (1 if model == "gpt2" else 0), "the token that the tokenizer adds is no part of the text"
    for layer in range(loaded.n_layers):
        means = vectors.class_means[layer].astype(float)
        centre = sum(means) / len(means)
        for token in range(len(found.tokens)):
            h = states[layer][first + token]
            if np.isnan(found.scores[layer, token]).any():
                assert token in found.unread_tokens
                continue
            for k, mean in enumerate(means):
                direction = (mean - centre) / np.sqrt(((mean - centre) ** 2).sum())
                expected = (h / np.sqrt((h**2).sum()) - centre / vectors.residual_norm[layer]) @ direction
                assert found.scores[layer, token, k] == pytest.approx(expected, abs=2e-6)


def test_scaling_the_sets_vectors_and_norms_changes_nothing(llama):
    vectors = set_of(llama)
    scaled = replace(vectors, class_means=vectors.class_means * 64, residual_norm=vectors.residual_norm * 64)
    plain = read_text(llama, vectors, TEXT)
    # The norm that a sink is measured by grows with them, so that the model's states have to as well.
    with torch.no_grad():
        for block in llama.blocks:
            block.self_attn.o_proj.weight *= 64
            block.mlp.down_proj.weight *= 64
        llama.model.model.embed_tokens.weight *= 64
    # The RMS norm's epsilon is the only thing in the model that knows a scale.
    for module in llama.model.modules():
        if hasattr(module, "variance_epsilon"):
            module.variance_epsilon *= 64**2
    np.testing.assert_allclose(read_text(llama, scaled, TEXT).scores, plain.scores, atol=2e-4)


def with_a_sink(loaded, token: int, factor: float = 50.0, layer: int = 1):
    """A hook that makes one token's state massive after one block."""

    def grow(_module, _inputs, output):
        hidden = output if torch.is_tensor(output) else output[0]
        hidden = hidden.clone()
        hidden[:, token : token + 1] *= factor
        return hidden if torch.is_tensor(output) else (hidden, *output[1:])

    return loaded.blocks[layer].register_forward_hook(grow, prepend=True)


def test_a_first_token_that_is_a_sink_is_not_read_at_any_layer_and_others_only_where_they_are(llama):
    vectors = set_of(llama)
    hooks = [with_a_sink(llama, 0), with_a_sink(llama, 5, layer=2)]
    found = read_text(llama, vectors, TEXT)
    for hook in hooks:
        hook.remove()
    assert np.isnan(found.scores[:, 0]).all() and "not read at all layers" in found.unread_tokens[0]
    assert np.isnan(found.scores[2, 5]).all() and np.isfinite(found.scores[0, 5]).all()
    assert "attention sink" in found.unread_tokens[5] and "layers 2" in found.unread_tokens[5]
    others = [k for k in range(len(found.tokens)) if k not in (0, 5)]
    assert np.isfinite(found.scores[:2, others]).all()


def test_a_massive_token_that_is_read_does_not_get_larger_scores_than_its_direction_gives(llama):
    vectors = set_of(llama)
    plain = read_text(llama, vectors, TEXT)
    hook = with_a_sink(llama, 3, factor=0.5 * SINK)
    grown = read_text(llama, vectors, TEXT)
    hook.remove()
    assert 3 not in grown.unread_tokens
    np.testing.assert_allclose(grown.scores[1, 3], plain.scores[1, 3], atol=1e-5)


def test_layers_that_are_missing_in_the_set_have_no_scores_and_say_so(llama):
    vectors = set_of(llama, nonfinite=(2,))
    vectors = replace(vectors, residual_norm=np.where(np.arange(4) == 2, np.nan, vectors.residual_norm))
    found = read_text(llama, vectors, TEXT)
    assert np.isnan(found.scores[2]).all() and "not finite" in found.unread_layers[2]
    assert not any("its state is not finite" in why for why in found.unread_tokens.values())
    with pytest.raises(InputError, match="holds no finite values"):
        layer_of(found, "2")


def test_no_hook_stays_behind_and_the_lock_is_free_after_a_failure(llama, monkeypatch):
    def boom(*_args, **_kwargs):
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(llama.model.model.layers[2].mlp, "forward", boom)
        with pytest.raises(RuntimeError, match="boom"):
            read_text(llama, set_of_bytes(llama), TEXT)
    assert not any(block._forward_hooks for block in llama.blocks) and not llama.lock.locked()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        ("the " * 65, "the text has 65 tokens; tiny-llama reads at most 64"),
        ("the \ud800", "half of a surrogate pair"),
    ],
)
def test_wrong_texts_are_refused(llama, text, message):
    with pytest.raises(InputError, match=message):
        read_text(llama, set_of(llama), text)


def test_a_text_of_a_sink_alone_and_a_foreign_set_are_refused(llama, gpt2):
    vectors = set_of(llama)
    hook = with_a_sink(llama, 0)
    with pytest.raises(InputError, match="no token to read at layer"):
        read_text(llama, vectors, "cat")
    hook.remove()
    with pytest.raises(InputError, match="Vectors do not carry over"):
        read_text(gpt2, vectors, TEXT)


@pytest.mark.parametrize("text", ["4", "-1", "x", "", "9" * 5000])
def test_unknown_layers_are_refused(llama, text):
    with pytest.raises(InputError, match="best or a number from 0 to 3 is allowed"):
        layer_of(read_text(llama, set_of(llama), TEXT), text)


def made_reading(text: str, tokens: list[str], classes=("calm", "neutral", "sad"), layers=2, seed=0) -> Reading:
    """A reading that no model made."""
    assert "".join(tokens) == text
    ends = np.cumsum([len(t) for t in tokens]).tolist()
    scores = np.random.default_rng(seed).normal(0, 0.1, (layers, len(tokens), len(classes))).astype(np.float32)
    scores[:, 0] = np.nan
    offsets = tuple(zip([0, *ends[:-1]], ends, strict=True))
    return Reading("m", "s", text, tuple(tokens), offsets, tuple(classes), scores, 1, {}, {0: "attention sink"})


def test_sentences_share_out_every_token_that_is_read():
    text = 'He paid 3.5 euros. "Why?" She asked.\n走了。来了'
    words = ["He", " paid", " 3.5", " euros", ".", ' "', "Why", "?", '"', " She", " asked.", "\n", "走了", "。", "来了"]
    reading = made_reading(text, words)
    found = sentences(reading, 1)
    assert [s.text for s in found] == ["He paid 3.5 euros.", '"Why?"', "She asked.", "走了。", "来了"]
    np.testing.assert_allclose(found[0].scores, reading.scores[1, 1:5].mean(0), rtol=1e-5)
    np.testing.assert_allclose(found[1].scores, reading.scores[1, 5:9].mean(0), rtol=1e-5)
    assert found[3].scores == pytest.approx(reading.scores[1, 12:14].mean(0))
    assert text_scores(reading, 0) == pytest.approx(np.nanmean(reading.scores[0], axis=0))
    alone = replace(reading, scores=np.full_like(reading.scores, np.nan))
    assert (
        np.isnan(sentences(alone, 1)[0].scores).all() and ranked(alone.classes, sentences(alone, 1)[0].scores, 3) == []
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith left. She cried.", ["Dr. Smith left. ", "She cried."]),
        ("Acme Inc. paid 3.5 million at 5 p.m. He left.", ["Acme Inc. paid 3.5 million at 5 p.m. ", "He left."]),
        ("“No!” he said. It was over.", ["“No!” he said. ", "It was over."]),
        ("今天很好。我不去！“好的。”他说。", ["今天很好。", "我不去！", "“好的。”", "他说。"]),
        (
            "A line that\nis wrapped. Next.\n\nA heading\n\n",
            ["A line that\nis wrapped. ", "Next.\n\n", "A heading\n\n"],
        ),
        ("\n\n It rains.  It snows. ", ["\n\n It rains.  ", "It snows. "]),
        (" ", [" "]),
    ],
)
def test_sentences_end_where_a_reader_ends_them_and_share_out_the_whole_text(text, expected):
    spans = sentence_spans(text)
    assert [text[start:end] for start, end in spans] == expected
    assert "".join(text[start:end] for start, end in spans) == text


def test_a_token_belongs_to_the_sentence_of_its_last_letter():
    spans = [(0, 4), (4, 9)]
    assert sentence_of(spans, np.array([0, 1, 4, 5, 9])).tolist() == [-1, 0, 0, 1, 1]


def test_ranked_classes_come_highest_first():
    assert ranked(("a", "b", "c"), np.array([0.1, 0.3, 0.2]), 2) == [("b", 0.3), ("c", 0.2)]


def test_passages_give_a_scale_only_where_they_are_kept_and_pooled_alike():
    vectors = make_set(classes=("calm", "neutral", "sad"))
    states = np.random.default_rng(1).normal(size=(12, 1, 32)).astype(np.float32)
    kept = Activations(states, (3,), ("sad",) * 12, ("a",) * 12)
    mean, spread = passage_scale(replace(vectors, activations=kept), 3)
    means = vectors.class_means[3].astype(float)
    centre = means.mean(0)
    slow = [
        [(state - centre) @ (m - centre) / np.linalg.norm(m - centre) / vectors.residual_norm[3] for m in means]
        for state in states[:, 0]
    ]
    assert mean == pytest.approx(np.mean(slow, 0)) and spread == pytest.approx(np.std(slow, 0))
    assert (
        passage_scale(replace(vectors, activations=kept), 2).why == "the states of the passages are not kept at layer 2"
    )
    assert isinstance(passage_scale(vectors, 3), Missing)
    last = replace(vectors.provenance, protocol=replace(vectors.provenance.protocol, pooling="last"))
    assert (
        "not pooled over all their tokens" in passage_scale(replace(vectors, provenance=last, activations=kept), 3).why
    )


def test_the_heat_map_has_every_class_in_quadrant_order_and_blanks_what_is_not_read():
    vectors = make_set(classes=("calm", "neutral", "sad"), layers=2)
    reading = made_reading("<b>a</b> cat", ["<b>a</b>", " cat"])
    drawn = heat_map_figure(reading, vectors, 1, "sad")
    assert drawn.layout.yaxis.ticktext == ("calm", "<b>sad</b>", "neutral")
    assert drawn.layout.xaxis.ticktext == ("&lt;b&gt;a&lt;/b&gt;", "cat"), "a token is never read as markup"
    z = np.array(drawn.data[0].z, float)
    assert np.isnan(z[:, 0]).all() and z[:, 1] == pytest.approx(reading.scores[1, 1, [0, 2, 1]])
    assert drawn.layout.coloraxis.cmin == -drawn.layout.coloraxis.cmax == -scale_limit(reading, 1)
    assert "layer 1 of 2" in drawn.layout.annotations[-1].text
    assert [colour for _, colour in LIGHT.layout.colorscale.diverging] == list(DIVERGING[0])


def test_a_token_through_the_layers_shows_the_emotion_and_the_three_highest_others():
    classes = ("afraid", "calm", "happy", "neutral", "sad")
    vectors = make_set(classes=classes, layers=3)
    reading = made_reading("a cat", ["a", " cat"], classes, layers=3)
    drawn = token_figure(reading, vectors, 1, "sad", 2)
    others = [name for name, _ in ranked(classes, reading.scores[2, 1], 5) if name != "sad"][:3]
    assert [t.name for t in drawn.data] == ["sad", *others]
    assert list(drawn.data[0].y) == pytest.approx(reading.scores[:, 1, 4])
    unread = token_figure(reading, vectors, 0, "sad", 2)
    assert unread.layout.title.text == "a is not read at layer 2"
    assert "attention sink" in unread.layout.annotations[-1].text


def _varied(vectors, scores, *templates: str) -> Variation:
    written = ("100", "1", "10") if len(scores[0]) == 3 else ("-1", "5")
    values = np.array([float(text) for text in written])
    return Variation(
        "tiny", vectors.name, 1, "last", templates, written, values, vectors.classes, np.array(scores, float)
    )


def test_a_varied_number_is_drawn_in_order_as_change():
    vectors = make_set(classes=("afraid", "calm", "sad"), layers=2)
    scores = [[0.3, 0.0, 0.1], [0.1, 0.0, 0.1], [0.2, 0.3, 0.1]]
    drawn = number_figure(vectors, _varied(vectors, [scores], "<i>{n}</i>"), "afraid")
    assert list(drawn.data[0].x) == [1, 10, 100] and drawn.layout.xaxis.type == "log"
    assert list(drawn.data[0].y) == pytest.approx([-0.1, 0, 0.1]) and [t.name for t in drawn.data][1] == "calm"
    assert drawn.layout.title.text == "afraid goes from +0.100 to +0.300 as n goes from 1 to 100"
    assert "&lt;i&gt;" in drawn.layout.annotations[-1].text and drawn.data[0].error_y.array is None
    few = [[0.3, 0.0, 0.1], [0.1, 0.0, 0.1]]
    assert number_figure(vectors, _varied(vectors, [few], "{n}"), "sad").layout.xaxis.type == "linear"


def test_over_several_sentences_the_mean_is_drawn_with_its_interval():
    vectors = make_set(classes=("afraid", "calm", "sad"), layers=2)
    one = np.array([[0.3, 0.0, 0.1], [0.1, 0.0, 0.1], [0.2, 0.3, 0.1]])
    found = _varied(vectors, [one, one + 1, 2 * one], "{n} a", "{n} b", "{n} c")
    drawn = number_figure(vectors, found, "afraid")
    order = [1, 2, 0]
    mean = found.scores.mean(0)[:, 0]
    assert list(drawn.data[0].y) == pytest.approx((mean - mean.mean())[order])
    assert list(drawn.data[0].error_y.array) == pytest.approx(found.half_widths()[order, 0])
    assert any("3 sentences" in note.text for note in drawn.layout.annotations)


@pytest.mark.parametrize(("colours", "ink"), list(zip(DIVERGING, ("#16181d", "#eceef3"), strict=True)))
def test_text_on_the_colours_is_readable_in_both_themes(colours, ink):
    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    for colour in colours:
        low, high = sorted((luminance(colour), luminance(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_page_and_the_figures_have_the_same_colours():
    from emoviz.app.components import STATIC

    css = (STATIC / "app.css").read_text("utf-8")
    light, dark = css.split(".dark {")[:2]
    for part, (against, _, towards) in zip((light, dark), DIVERGING, strict=True):
        assert f"--ez-against: {against}" in part and f"--ez-towards: {towards}" in part


def test_read_on_the_command_line(llama_folder, llama, capsys):
    save_set(set_of(llama), sets_folder())
    assert main(["read", str(llama_folder), "--text", TEXT, "--layer", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"tokens", "layer", "classes", "scores", "top", "sentences", "reasons"} <= set(found)
    assert "".join(found["tokens"]) == TEXT and found["layer"] == 2 and len(found["classes"]) == 21
    assert np.array(found["scores"], float).shape == (len(found["tokens"]), 21)
    assert found["top"][0]["z"] is None and "not kept at layer 2" in found["reasons"]["z"]
    assert main(["read", str(llama_folder), "--text", TEXT]) == 0
    assert "mean scores in fractions of the residual norm" in capsys.readouterr().out
    for argv, message in (
        (["--text", " "], "the text is empty"),
        (["--text", "cat", "--layer", "9"], "layer '9' was asked for"),
        (["--text", "cat", "--set", "SmolLM2-135M-Instruct_emoviz_fp32"], "Vectors do not carry over"),
    ):
        assert main(["read", str(llama_folder), *argv]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.models
@pytest.mark.parametrize("model", ["SmolLM2-135M-Instruct", "gemma-3-270m"])
def test_the_bundled_models_read_their_own_passages_and_no_first_token_dominates(model):
    from emoviz.models import REGISTRY, available
    from emoviz.stimuli import load_corpus
    from emoviz.store.choice import set_for

    if not all(available(e) for e in REGISTRY if e.source == "bundled"):
        pytest.skip("the bundled models are not installed (make install)")
    loaded = load_model(model)
    vectors = set_for(loaded)
    passages = load_corpus().passages[::35]
    strongest, right = [], 0
    for passage in passages:
        found = read_text(loaded, vectors, passage.text)
        assert "".join(found.tokens) == passage.text
        at = found.scores[found.layer]
        strongest.append(int(np.nanargmax(np.nanmax(np.abs(np.where(np.isnan(at), 0, at)), axis=1))))
        right += ranked(found.classes, text_scores(found, found.layer), 1)[0][0] == passage.emotion
    assert 0 not in strongest
    assert right >= 0.75 * len(passages)
