"""What the passages are alike in before any block has read them."""

import numpy as np
import pytest

from emoviz.extract import controls
from emoviz.extract.controls import control_features
from emoviz.extract.protocols import PROTOCOLS
from emoviz.extract.sets import extract_set
from emoviz.models import encoder
from emoviz.models.encoder import encoder_folder, encoder_key, sentence_vectors
from emoviz.stats.lexical import bag_of_words

TEXTS = ["the cat sat on the mat .", "a red dog ran under the tree .", "grim and blue"]


def test_token_embeddings_are_the_mean_of_the_rows_of_the_input_matrix(llama, monkeypatch):
    monkeypatch.setattr(controls, "encoder_folder", lambda: None)
    features, missing = control_features(llama, TEXTS)
    matrix = llama.model.get_input_embeddings().weight.detach().numpy()
    for text, row in zip(TEXTS, features["token embeddings"], strict=True):
        ids = llama.tokenizer(text, add_special_tokens=False)["input_ids"]
        np.testing.assert_allclose(row, matrix[ids].mean(0), rtol=1e-5, atol=1e-8)
    assert "not installed" in missing["sentence encoder"] and "sentence encoder" not in features


def test_a_set_keeps_its_controls_and_the_errors_of_its_curves(llama, small_corpus, monkeypatch):
    monkeypatch.setattr(controls, "encoder_folder", lambda: None)
    vectors = extract_set(llama, small_corpus, PROTOCOLS["emoviz"])
    assert list(vectors.control_rdms) == ["bag of words", "token embeddings"]
    assert "4 topics are too few to resample" in vectors.notes["intervals"]
    assert "all-MiniLM-L6-v2" in vectors.notes["sentence encoder"]


def test_words_are_vectors_of_length_one_and_other_words_have_nothing_in_common():
    rows = bag_of_words(["red red tree", "tree red", "blue mat"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    assert rows[0] @ rows[1] > 0.9 and rows[0] @ rows[2] == 0


@pytest.mark.models
def test_the_sentence_encoder_gives_the_same_vector_in_any_batch_and_tells_meanings_apart(monkeypatch):
    assert encoder_folder() is not None, "its package is in requirements-models.txt"
    texts = ["The child was terrified of the dark.", "A small boy feared the night.", "The invoice lists three chairs."]
    together = sentence_vectors(texts)
    assert together.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    monkeypatch.setattr(encoder, "_BATCH", 1)
    np.testing.assert_allclose(sentence_vectors(texts), together, atol=1e-5)
    assert together[0] @ together[1] > 0.5 > together[0] @ together[2]


@pytest.mark.skipif(encoder_folder() is None, reason="the sentence encoder is not installed (make install)")
def test_the_encoder_that_the_hub_gave_is_the_same_one_and_another_is_not_taken(tmp_path, monkeypatch):
    installed, key = encoder_folder(), encoder_key()
    folder = tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("0")
    (folder / "snapshots").mkdir()
    (folder / "snapshots/0").symlink_to(installed)
    monkeypatch.setattr(encoder, "find_spec", lambda _: None)
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    encoder.encoder_of_the_hub.cache_clear()
    assert encoder_folder() == folder / "snapshots/0" and encoder_key() == key
    (folder / "snapshots/0").unlink()
    (folder / "snapshots/0").mkdir()
    (folder / "snapshots/0/model.safetensors").write_bytes(b"another")
    encoder.encoder_of_the_hub.cache_clear()
    assert encoder_folder() is None
    encoder.encoder_of_the_hub.cache_clear()
