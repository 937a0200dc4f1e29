"""The witness: never the steered model, never trained on its test, the same for a text alone or among others."""

import json
from dataclasses import replace

import numpy as np
import pytest

from emoviz.cli import main
from emoviz.emotions import CLASSES, EMOTIONS
from emoviz.errors import InputError
from emoviz.models import REGISTRY, available
from emoviz.store.heads import load_head, save_head
from emoviz.witness import heads, witness
from emoviz.witness.heads import STRENGTHS, Head, train_head
from emoviz.witness.targets import MAPPED_LABELS, MAPPING, judged, target_scores, target_weights

from .conftest import WORDS

# ---- heads
# -------------------------------------------------------------------------------------------------------------


def labelled(classes: int = 4, topics: int = 8, each: int = 3):
    """Labels of `each` texts per class and topic."""
    emotions = [f"c{c}" for t in range(topics) for c in range(classes) for _ in range(each)]
    names = [f"t{t}" for t in range(topics) for c in range(classes) for _ in range(each)]
    return emotions, names


def by_cell(emotions, topics, width: int = 40, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    """Features that say which class it is on one topic and nothing about any other topic."""
    rng = np.random.default_rng(seed)
    place = {cell: rng.normal(size=width) for cell in dict.fromkeys(zip(emotions, topics, strict=True))}
    return np.stack([place[cell] for cell in zip(emotions, topics, strict=True)]) + noise * rng.normal(
        size=(len(emotions), width)
    )


def by_class(emotions, width: int = 40, noise: float = 1.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    place = {name: rng.normal(size=width) for name in sorted(set(emotions))}
    return np.stack([place[name] for name in emotions]) + noise * rng.normal(size=(len(emotions), width))


def test_what_is_known_of_a_topic_does_not_leak_into_its_test():
    emotions, topics = labelled()
    features = by_cell(emotions, topics)
    head, check = train_head(features, emotions, topics)
    assert (head.probabilities(features).argmax(1) == np.unique(emotions, return_inverse=True)[1]).mean() == 1
    assert check.accuracy < 0.45, "chance is 0.25; folds over texts instead of topics give 1"
    assert check.strength == STRENGTHS[0], "nothing carries over to other topics: the strongest penalty loses least"


def test_folds_over_texts_would_be_seen(monkeypatch):
    """The opposite of the test above: with topics ignored, the same features are recognised without fail."""
    emotions, topics = labelled()
    features = by_cell(emotions, topics)
    monkeypatch.setattr(heads, "_folds", lambda topic, n: [np.arange(len(topic)) % n == k for k in range(n)])
    assert train_head(features, emotions, topics)[1].accuracy > 0.95


def test_folds_leave_out_whole_topics_and_every_topic_once():
    topic = np.repeat(np.arange(7), 5)
    folds = heads._folds(topic[topic != 3], 4)
    assert (np.sum(folds, axis=0) == 1).all()
    for held in folds:
        assert not set(topic[topic != 3][held]) & set(topic[topic != 3][~held])


def test_the_penalty_is_chosen_without_the_topics_it_is_tested_on(monkeypatch):
    emotions, topics = labelled(topics=10)
    seen, real = [], heads._best_strength

    def recorded(features, label, topic):
        seen.append(set(topic.tolist()))
        return real(features, label, topic)

    monkeypatch.setattr(heads, "_best_strength", recorded)
    train_head(by_class(emotions), emotions, topics)
    assert [len(part) for part in seen] == [8] * heads.FOLDS + [10]
    left_out = [seen[-1] - part for part in seen[:-1]]
    assert sorted(topic for part in left_out for topic in part) == list(range(10))


def test_the_check_reads_other_texts_of_the_same_rows_where_they_are_given():
    emotions, topics = labelled()
    features = by_class(emotions)
    nothing = np.zeros_like(features)
    assert train_head(features, emotions, topics, features)[1].accuracy > 0.9
    assert train_head(features, emotions, topics, nothing)[1].accuracy == pytest.approx(0.25, abs=0.1)


def test_a_class_that_is_there_on_every_topic_is_recognised():
    emotions, topics = labelled()
    _, check = train_head(by_class(emotions), emotions, topics)
    assert check.accuracy > 0.9
    assert check.confusion.sum() == check.n == len(emotions)
    assert check.confusion.sum(1).tolist() == [24] * 4
    assert check.log_loss < 0.5 < np.log(4)
    assert check.recall == pytest.approx(np.diag(check.confusion) / 24)


def test_shuffled_labels_are_at_chance():
    emotions, topics = labelled(topics=10)
    order = np.random.default_rng(0).permutation(len(emotions))
    _, check = train_head(by_class(emotions)[order], emotions, topics)
    assert abs(check.accuracy - 0.25) < 0.15
    assert check.log_loss > np.log(4) * 0.95


def test_the_scale_of_the_features_changes_nothing():
    emotions, topics = labelled()
    features, other = by_class(emotions), by_class(emotions, seed=2)
    head, check = train_head(features, emotions, topics)
    scaled, again = train_head(features * 1000, emotions, topics)
    assert scaled.probabilities(other * 1000) == pytest.approx(head.probabilities(other), abs=1e-4)
    assert (again.confusion == check.confusion).all()


def test_probabilities_are_the_softmax_of_standardised_features():
    head = Head(("a", "b", "c"), *(np.float32(x) for x in ([1, 2], [2, 4], [[1, 0], [0, 1], [1, 1]], [0.5, 0, -0.5])))
    (found,) = head.probabilities(np.array([[3.0, 6.0]]))
    logits = np.array([1 + 0.5, 1, 2 - 0.5])
    assert found == pytest.approx(np.exp(logits) / np.exp(logits).sum())
    far = head.probabilities(np.array([[1e6, -1e6]]))
    assert np.isfinite(far).all() and far.sum() == pytest.approx(1)


def test_a_head_of_a_constant_feature_is_finite():
    emotions, topics = labelled()
    features = np.column_stack([by_class(emotions), np.full(len(emotions), 7.0)])
    head, _ = train_head(features, emotions, topics)
    assert np.isfinite(head.probabilities(features)).all()


def test_commonest_mistakes_come_first_and_are_mistakes():
    check = heads.HeadCheck(("a", "b", "c"), np.array([[5, 0, 2], [3, 4, 0], [0, 0, 6]]), 1.0, 0.5, 10.0, ("t",))
    assert check.confused(5) == [("b", "a", 3), ("a", "c", 2)]
    assert check.accuracy == 15 / 20


# ---- targets
# -----------------------------------------------------------------------------------------------------------


def test_every_class_has_weights_that_sum_to_one_and_a_reason():
    assert set(MAPPING) == set(CLASSES)
    for name in CLASSES:
        weights = target_weights(MAPPED_LABELS, name)
        assert weights.sum() == pytest.approx(1) and (weights >= 0).all()
        assert set(MAPPING[name][0]) <= set(MAPPED_LABELS) and MAPPING[name][1]


def test_a_class_of_that_name_counts_alone():
    rows = np.array([[0.2, 0.3, 0.5], [np.nan] * 3])
    found = target_scores(("angry", "calm", "sad"), rows, "calm")
    assert found[0] == 0.3 and np.isnan(found[1])
    assert judged(("angry", "calm")) == ("angry", "calm")


def test_mapped_scores_are_weighted_sums_whatever_the_order_of_the_labels():
    labels = tuple(reversed(MAPPED_LABELS))
    rows = np.random.default_rng(0).dirichlet(np.ones(7), size=4)
    expected = 0.6 * rows[:, labels.index("neutral")] + 0.4 * rows[:, labels.index("joy")]
    assert target_scores(labels, rows, "calm") == pytest.approx(expected)
    assert judged(labels) == CLASSES


def test_an_emotion_that_a_witness_does_not_know_is_named_with_those_it_knows():
    with pytest.raises(InputError, match="does not know 'proud'; it tells apart angry, calm"):
        target_weights(("angry", "calm"), "proud")
    with pytest.raises(InputError, match="'bored'"):
        target_weights(MAPPED_LABELS, "bored")


# ---- what is kept
# ------------------------------------------------------------------------------------------------------


def test_a_kept_head_is_the_head_that_was_trained():
    emotions, topics = labelled()
    features = by_class(emotions)
    head, check = train_head(features, emotions, topics)
    save_head("k", *witness.packed(head, check))
    again, checked = witness.unpacked(*load_head("k"))
    assert (again.probabilities(features) == head.probabilities(features)).all()
    assert (checked.confusion == check.confusion).all()
    assert (checked.log_loss, checked.topics, checked.classes) == (check.log_loss, check.topics, check.classes)


def test_a_missing_or_damaged_head_is_none(caplog):
    from emoviz.store.folders import heads_folder

    assert load_head("k") is None
    heads_folder().mkdir(parents=True)
    (heads_folder() / "k.safetensors").write_bytes(b"nonsense")
    assert load_head("k") is None
    assert "trained anew" in caplog.text


def test_a_folder_that_cannot_be_written_is_no_error(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMOVIZ_HOME", str(tmp_path / "file"))
    save_head("k", {"x": np.zeros(2, np.float32)}, {})
    assert "not kept" in caplog.text


# ---- which witness
# -----------------------------------------------------------------------------------------------------


def no_encoder(monkeypatch):
    monkeypatch.setattr(witness, "encoder_folder", lambda: None)


def untrained(monkeypatch):
    """Both language models and no encoder; heads by name alone."""
    check = heads.HeadCheck(("a", "b"), np.eye(2, dtype=int), 1.0, 0.5, 10.0, ("t",))
    monkeypatch.setattr(witness, "available", lambda entry: True)
    monkeypatch.setattr(witness, "load_head", lambda key: None)
    monkeypatch.setattr(witness, "train_head", lambda *a: (Head(("a", "b"), *np.zeros((4, 1), np.float32)), check))
    no_encoder(monkeypatch)


@pytest.mark.parametrize(
    ("steered", "own"),
    [
        ("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct"),
        ("HuggingFaceTB/SmolLM2-135M", "SmolLM2-135M-Instruct"),
        ("smollm2-135m-instruct-b179c9523d0e-v1", "SmolLM2-135M-Instruct"),
        ("SmolLM2-135M-Instruct.Q4_1", "SmolLM2-135M-Instruct"),
        ("google/gemma-3-270m-it", "gemma-3-270m"),
        ("gemma-3-270m", "gemma-3-270m"),
    ],
)
def test_the_steered_model_in_any_form_is_never_its_own_judge(monkeypatch, steered, own):
    untrained(monkeypatch)
    (judge,), missing = witness.candidates(steered)
    assert missing[f"{own} states"] == "the steered model is never its own judge"
    assert len(judge.card.name.split(" + ")) == 1 and own not in judge.card.name
    assert any("never its own judge" in note for note in judge.card.notes)


def test_the_steered_model_under_another_name_is_known_by_its_weights(monkeypatch):
    from emoviz.store import find_set

    untrained(monkeypatch)
    revision = find_set("gemma-3-270m_emoviz_fp32").provenance.revision
    best = witness.witness_for("my-copy", revision)
    assert best.card.name.startswith("SmolLM2-135M-Instruct states")


@pytest.mark.parametrize("steered", ["SmolLM2-1.7B-Instruct", "google/gemma-3-1b-it", "gpt2", None])
def test_other_models_of_a_family_leave_both_judges(monkeypatch, steered):
    untrained(monkeypatch)
    found, missing = witness.candidates(steered)
    assert [len(one.card.name.split(" + ")) for one in found] == [1, 1, 2]
    assert list(missing) == ["MiniLM"]


def test_without_any_candidate_the_reasons_are_given(monkeypatch):
    no_encoder(monkeypatch)
    monkeypatch.setattr(witness, "available", lambda entry: False)
    with pytest.raises(InputError, match="no witness is at hand for gemma-3-270m .*never its own judge.*not installed"):
        witness.witness_for("gemma-3-270m")


def test_without_activations_only_the_encoder_is_left(monkeypatch):
    sets = [replace(s, activations=None) for s in witness.list_sets()]
    monkeypatch.setattr(witness, "list_sets", lambda: sets)
    monkeypatch.setattr(witness, "available", lambda entry: True)
    monkeypatch.setattr(witness, "encoder_folder", lambda: "there")
    monkeypatch.setattr(witness, "encoder_key", lambda: "1")
    parts, missing = witness.features_for(witness.load_corpus(), None, None, None)
    assert [part.name for part in parts] == ["MiniLM"]
    assert all("activations" in why for why in missing.values()) and len(missing) == 2


def test_heads_on_shipped_states_are_far_above_chance_kept_and_those_that_are_shipped(monkeypatch, tmp_path):
    """Needs no model: the states of all passages are shipped."""
    no_encoder(monkeypatch)
    monkeypatch.setattr(witness, "available", lambda entry: True)
    (shipped,), _ = witness.candidates("gemma-3-270m")
    monkeypatch.setattr("emoviz.store.heads.shipped_folder", lambda: tmp_path)
    (smol,), _ = witness.candidates("gemma-3-270m")
    assert abs(smol.check.confusion - shipped.check.confusion).sum() <= 8, "rounding differs between processors"
    assert smol.check.accuracy > 0.75, "0.81 when written; chance 0.05"
    assert smol.check.n == 420 and len(smol.check.topics) == 20
    assert smol.card.classes == CLASSES and smol.card.chance == pytest.approx(1 / 21)
    # Neither timid nor sure of everything: a rise of the target must be able to show.
    assert 0.5 < smol.check.confidence < 0.9
    assert smol.check.log_loss < 0.9
    monkeypatch.setattr(witness, "train_head", lambda *a: pytest.fail("trained although it was kept"))
    (again,), _ = witness.candidates("gemma-3-270m")
    assert (again.check.confusion == smol.check.confusion).all()


def test_the_best_on_held_out_topics_is_chosen():
    def made(name, right):
        confusion = np.array([[right, 10 - right], [0, 10]])
        check = heads.HeadCheck(("a", "b"), confusion, 1.0, 0.5, 10.0, ("t",))
        return witness.Witness(witness.WitnessCard(name, ("a", "b"), check.accuracy, 0.5, "x"), None, check)

    assert witness.chosen([made("low", 2), made("high", 8), made("same", 8)], {}).card.name == "high"


def test_blank_texts_are_nan_and_never_read():
    seen = []

    def read(texts):
        seen.extend(texts)
        return np.tile([0.25, 0.75], (len(texts), 1))

    one = witness.Witness(witness.WitnessCard("w", ("angry", "calm"), None, 0.5, "x"), read)
    found = one.probabilities(["", " a b ", "\n\t", "c"])
    assert np.isnan(found[[0, 2]]).all() and seen == ["a b", "c"]
    assert one.probabilities([]).shape == (0, 2) and one.probabilities([" "]).shape == (1, 2)
    scores = witness.target_scores(one, ["", "x"], "calm")
    assert np.isnan(scores[0]) and scores[1] == 0.75


def test_the_command_line_names_all_candidates_and_the_chosen_one(monkeypatch, capsys):
    untrained(monkeypatch)
    assert main(["witness", "--for", "gemma-3-270m", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (candidate,) = found["candidates"]
    assert candidate["name"] == found["chosen"]["name"] == "SmolLM2-135M-Instruct states, layer 18"
    assert {"accuracy", "log_loss", "confidence", "n"} <= set(candidate)
    assert found["missing"]["gemma-3-270m states"] == "the steered model is never its own judge"
    assert found["confusion"]["counts"] == [[1, 0], [0, 1]] and found["recall"] == {"a": 1.0, "b": 1.0}
    assert main(["witness", "--for", "gemma-3-270m"]) == 0
    assert "* is the witness for gemma-3-270m" in capsys.readouterr().out


def test_the_command_line_says_why_a_blank_text_has_no_classes(monkeypatch, capsys):
    untrained(monkeypatch)
    assert main(["witness", "--text", " ", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["text"] is None and found["reasons"] == {"text": "it is blank or too short to be read"}
    assert main(["witness", "--for", "no-such-model"]) == 2
    assert "'no-such-model' is unknown" in capsys.readouterr().err


# ---- states of a model
# -------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_states(llama, small_corpus):
    from emoviz.extract.protocols import PROTOCOLS
    from emoviz.extract.sets import extract_set
    from emoviz.store import find_set, save_set, sets_folder

    made = extract_set(llama, small_corpus, PROTOCOLS["emoviz"])
    vectors = find_set(str(save_set(made, sets_folder())))
    return vectors, witness._state_features(vectors, lambda name: llama), small_corpus


def test_a_text_is_read_as_the_passages_were(tiny_states):
    _, features, corpus = tiny_states
    stored = features.corpus()
    assert features.read([p.text for p in corpus.passages]) == pytest.approx(stored, abs=2e-3)


def test_a_text_among_others_is_read_as_alone(tiny_states):
    _, features, _ = tiny_states
    texts = ["the cat sat on a mat .", "a grim dog", "the red tree and the blue tree ran under the mat ."]
    together = features.read(texts)
    for k, text in enumerate(texts):
        assert features.read([text])[0] == pytest.approx(together[k], abs=1e-6)


def test_one_token_alone_is_not_read(tiny_states):
    _, features, _ = tiny_states
    found = features.read(["cat", "the cat sat"])
    assert np.isnan(found[0]).all() and np.isfinite(found[1]).all()


def test_states_of_another_model_are_refused(tiny_states, gpt2):
    vectors, _, _ = tiny_states
    with pytest.raises(InputError, match="do not carry over"):
        witness._state_features(vectors, lambda name: gpt2).read(["the cat sat"])


def test_scaled_activations_give_the_same_features(tiny_states):
    """A model whose states and norms are all k times as long is the same model."""
    from dataclasses import replace

    vectors, features, _ = tiny_states
    before = features.corpus()
    stored = vectors.activations
    longer = replace(stored, states=np.asarray(stored.states, np.float32) * 64)
    scaled = replace(vectors, residual_norm=np.asarray(vectors.residual_norm) * 64, activations=longer)
    assert witness._state_features(scaled, None).corpus() == pytest.approx(before, rel=1e-3, abs=1e-6)


# ---- classifiers of the hub
# --------------------------------------------------------------------------------------------


def save_classifier(folder, labels, *, architecture: str = "BertForSequenceClassification", **options):
    """A random BERT classifier with a word-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, **{word: k + 3 for k, word in enumerate(WORDS)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        id2label=dict(enumerate(labels)),
        label2id={label: k for k, label in enumerate(labels)},
        initializer_range=1.0,
        **options,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="</s>")
    fast.save_pretrained(folder)
    written = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**written, "architectures": [architecture]}))
    return str(folder)


def test_a_classifier_with_the_seven_labels_judges_all_emotions(tmp_path):
    from emoviz.witness.hub import hub_witness

    one = hub_witness(save_classifier(tmp_path / "seven", MAPPED_LABELS), device="cpu")
    texts = ["the cat sat on a mat", "", "a grim dog ran", "the tree"]
    rows = one.probabilities(texts)
    assert one.card.classes == MAPPED_LABELS and one.card.accuracy is None and one.check is None
    assert rows[[0, 2, 3]].sum(1) == pytest.approx(1) and np.isnan(rows[1]).all()
    assert np.ptp(rows[[0, 2, 3]], axis=0).max() > 1e-3
    for k in (0, 2, 3):
        assert one.probabilities([texts[k]])[0] == pytest.approx(rows[k])
    for emotion in EMOTIONS:
        scores = witness.target_scores(one, texts, emotion)
        assert np.isnan(scores[1]) and ((scores[[0, 2, 3]] >= 0) & (scores[[0, 2, 3]] <= 1)).all()


def test_probabilities_of_a_classifier_are_those_of_transformers(tmp_path):
    from transformers import pipeline

    from emoviz.witness.hub import hub_witness

    folder = save_classifier(tmp_path / "c", ("Calm", "Sad", "neutral"))
    one = hub_witness(folder, device="cpu")
    assert one.card.classes == ("calm", "sad", "neutral")
    text = "the joyous cat ran under the tree"
    (rows,) = pipeline("text-classification", folder, top_k=None)([text])
    expected = {row["label"].lower(): row["score"] for row in rows}
    assert dict(zip(one.card.classes, one.probabilities([text])[0], strict=True)) == pytest.approx(expected, abs=1e-5)
    assert target_scores(one.card.classes, one.probabilities([text]), "sad")[0] == pytest.approx(
        expected["sad"], abs=1e-5
    )


def test_a_text_beyond_the_classifier_is_cut(tmp_path):
    from emoviz.witness.hub import hub_witness

    one = hub_witness(save_classifier(tmp_path / "c", MAPPED_LABELS), device="cpu")
    assert np.isfinite(one.probabilities(["the cat sat " * 50])).all()


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (("LABEL_0", "LABEL_1", "LABEL_2"), {}, "has the labels label_0, label_1, label_2; labels named like"),
        (("positive", "negative", "neutral"), {}, "positive, negative, neutral"),
        (("sad", "Sad", "calm"), {}, "has the labels sad, sad, calm"),
        (MAPPED_LABELS, {"architecture": "BertForMaskedLM"}, "is no classifier but BertForMaskedLM"),
        (MAPPED_LABELS, {"problem_type": "multi_label_classification"}, "multi_label_classification"),
        (("sad",), {}, r"1 label\(s\)"),
    ],
)
def test_classifiers_that_cannot_judge_are_refused(tmp_path, labels, options, message):
    from emoviz.witness.hub import hub_witness

    with pytest.raises(InputError, match=message):
        hub_witness(save_classifier(tmp_path / "c", labels, **options), device="cpu")


@pytest.mark.parametrize("name", ["owner/not-there", "nothing", "", "a/b/c"])
def test_a_missing_classifier_is_named(name):
    from emoviz.witness.hub import hub_witness

    with pytest.raises(InputError, match="a text-classification model is needed"):
        hub_witness(name, device="cpu")


def test_a_language_model_is_no_classifier(llama_folder):
    from emoviz.witness.hub import hub_witness

    with pytest.raises(InputError, match="is no classifier but LlamaForCausalLM"):
        hub_witness(str(llama_folder), device="cpu")


def test_a_classifier_without_its_head_is_refused(tmp_path):
    from safetensors.numpy import load_file, save_file

    from emoviz.witness.hub import hub_witness

    folder = save_classifier(tmp_path / "c", MAPPED_LABELS)
    path = tmp_path / "c" / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if not k.startswith("classifier")}, path, {"format": "pt"})
    with pytest.raises(InputError, match=r"lacks weights .*classifier\.bias"):
        hub_witness(folder, device="cpu")


# ---- the real ones
# -----------------------------------------------------------------------------------------------------

bundled = pytest.mark.skipif(
    not all(available(e) for e in REGISTRY if e.source == "bundled") or witness.encoder_folder() is None,
    reason="the bundled models are not installed (make install)",
)


@bundled
@pytest.mark.models
def test_real_witnesses_recognise_plain_texts_and_hold_their_accuracy():
    texts = [
        "My hands would not stop shaking. Something moved behind the door and I could not breathe.",
        "I cannot thank you enough. You stayed all night with us, and I will never forget such kindness.",
        "He kicked the chair across the room and shouted at them until his voice broke.",
        "",
    ]
    for model, least in (("SmolLM2-135M-Instruct", 0.78), ("gemma-3-270m", 0.78)):
        found, _ = witness.candidates(model)
        by_name = {one.card.name: one.check.accuracy for one in found}
        assert by_name["MiniLM"] > 0.40, "0.46 when written"
        best = witness.witness_for(model)
        assert model not in best.card.name
        assert best.check.accuracy == max(by_name.values()) > least
        rows = best.probabilities(texts)
        assert rows[:3].sum(1) == pytest.approx(1) and np.isnan(rows[3]).all()
        for k in range(3):
            assert best.probabilities([texts[k]])[0] == pytest.approx(rows[k], abs=1e-3)
        for row, like in zip(
            rows, (("afraid", "anxious", "nervous"), ("grateful", "loving"), ("angry", "hostile")), strict=False
        ):
            assert sum(row[CLASSES.index(name)] for name in like) > 0.3, (model, like)


def test_a_mixture_is_scored_by_the_weights_of_its_emotions_and_a_control_is_not():
    from emoviz.witness.targets import direction_scores

    classes = ("calm", "grateful", "sad")
    found = np.array([[0.5, 0.3, 0.2], [np.nan] * 3])
    assert direction_scores(classes, found, "0.7 calm - 0.5 sad")[0] == pytest.approx(0.35 - 0.1)
    assert direction_scores(classes, found, "grateful")[0] == 0.3 and np.isnan(
        direction_scores(classes, found, "sad")[1]
    )
    for name, message in (("random 3", "is a control"), ("calm + bored", "does not know 'bored'")):
        with pytest.raises(InputError, match=message):
            direction_scores(classes, found, name)
