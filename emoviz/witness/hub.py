"""A text-classification model of the Hugging Face hub, or a folder of one, as the witness."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
from transformers import logging as transformers_logging

from ..errors import InputError
from ..models.load import pick_device
from ..models.weights import weight_options, why_not_loaded
from ..types import WitnessCard
from .targets import MAPPED_LABELS, judges_emotions
from .witness import Witness

PAPERS_CLASSIFIER = "j-hartmann/emotion-english-distilroberta-base"
_FORM = f"a text-classification model is needed, by hub id (such as {PAPERS_CLASSIFIER}) or folder"


def hub_witness(model: str, *, device: str = "auto") -> Witness:
    """A classifier by hub id or folder. Its labels are ours by name, or those of a mapping in `targets`.

    Texts are cut at the model's context. It is not tested here, so that its card has no accuracy.
    Raises InputError if it cannot be found, is no classifier with one label per text, or has none of our emotions.
    """
    place = pick_device(device)
    # os.path, since pathlib raises for an unknown ~user and for a name that is too long.
    folder = os.path.expanduser(model)  # noqa: PTH111
    is_folder = os.path.isdir(folder)  # noqa: PTH112
    if not is_folder and not (model.count("/") == 1 and all(model.split("/"))):
        raise InputError(f"classifier {model!r} is unknown; {_FORM}.")
    origin = folder if is_folder else model
    transformers_logging.disable_progress_bar()
    untrusted = {"trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(origin, **untrusted)
        _check_kind(model, config)
        tokenizer = AutoTokenizer.from_pretrained(origin, **untrusted)
        classifier, report = AutoModelForSequenceClassification.from_pretrained(
            origin, config=config, dtype=torch.float32, output_loading_info=True, **weight_options()
        )
    except InputError:
        raise
    # What a stranger's configuration makes transformers raise is anything at all.
    except Exception as error:
        raise InputError(
            f"classifier {model!r} could not be loaded ({why_not_loaded(error)}); {_FORM}. Check the name and the "
            "network, or leave it out to use the witness that comes with emoviz."
        ) from error
    if report["missing_keys"]:
        raise InputError(
            f"{model} lacks weights that its configuration asks for ({sorted(report['missing_keys'])[0]}, ...), "
            "which would be random. Fetch it again."
        )
    classes = tuple(str(config.id2label[k]).strip().lower() for k in range(config.num_labels))
    _check_labels(model, classes)
    classifier.eval().to(place)
    revision = getattr(config, "_commit_hash", None)
    card = WitnessCard(
        name=model.rstrip("/").rsplit("/", 1)[-1],
        classes=classes,
        accuracy=None,
        chance=1 / len(classes),
        trained_on=f"as {model}{f' @{revision[:8]}' if revision else ''} was; not tested here",
        notes=("its seven labels stand for our emotions through a stated table",)
        if set(classes) == set(MAPPED_LABELS)
        else (),
    )
    limit = _longest(config, tokenizer)
    return Witness(card, lambda texts: _probabilities(classifier, tokenizer, limit, texts))


def _check_kind(model: str, config) -> None:
    """A classifier head that is not in the files would be made up at random."""
    kinds = config.architectures if config.architectures else ()
    if not any(kind.endswith("ForSequenceClassification") for kind in kinds):
        raise InputError(f"{model} is no classifier but {', '.join(kinds) or 'of unknown kind'}; {_FORM}.")
    if config.num_labels < 2 or config.problem_type in ("regression", "multi_label_classification"):
        raise InputError(
            f"{model} does not choose one label of several ({config.num_labels} label(s), "
            f"{config.problem_type or 'of unstated kind'}). Use a model with one label per text."
        )


def _check_labels(model: str, classes: tuple[str, ...]) -> None:
    if not judges_emotions(classes) or len(set(classes)) < len(classes):
        shown = ", ".join(classes[:30])
        raise InputError(
            f"{model} has the labels {shown}; labels named like our emotions (such as afraid, calm, sad) are needed, "
            f"or exactly {', '.join(MAPPED_LABELS)}. Rename id2label in its config.json."
        )


def _longest(config, tokenizer) -> int:
    """Tokens that fit. RoBERTa's position table has two rows more than it can read, which its tokenizer knows."""
    known = [n for n in (tokenizer.model_max_length, getattr(config, "max_position_embeddings", None)) if n is not None]
    return int(min(known, default=512))


def _probabilities(classifier: nn.Module, tokenizer, limit: int, texts: Sequence[str]) -> np.ndarray:
    """One text at a time: what a classifier makes of padding differs between architectures."""
    rows = []
    with torch.inference_mode():
        for text in texts:
            coded = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt").to(classifier.device)
            rows.append(classifier(**coded).logits[0].double().softmax(-1).cpu().numpy())
    return np.stack(rows)
