"""Every reader with a small whole file, and what is done with what it accepts, as views do it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import emoviz as ez
from emoviz.errors import InputError
from emoviz.experiments.dose_curves import curves, gain, regime_table, usable_window
from emoviz.experiments.effects_summary import can_tell, effects, stands_out
from emoviz.experiments.leak_summary import leak_peak, summary
from emoviz.experiments.plans import outside_words, rise_words
from emoviz.extract.foreign import READERS as FOREIGN
from emoviz.extract.sweeps.plan import parse_plan
from emoviz.geometry import depth_curves, mds_map, pca_map, preferred_layer, rdm, umap_map
from emoviz.plots.theme import short_label, styles
from emoviz.stimuli import lint_corpus, load_corpus
from emoviz.stimuli.dialogues import load_dialogue
from emoviz.stimuli.labelled import read_labelled
from emoviz.stimuli.norms import load_norms
from emoviz.stimuli.streams import scan, text_source
from emoviz.stimuli.texts import load_texts
from emoviz.store import load_set, load_stories, save_set
from emoviz.store.contrasts import load_contrasts
from emoviz.store.copies import RECORD_SUFFIX, opened, stored
from emoviz.store.effects import load_side_effects, save_side_effects
from emoviz.store.folders import sweeps_folder
from emoviz.store.formats.gguf_model import numbers_in_model
from emoviz.store.heads import read_head
from emoviz.store.kept import read_kept, write_kept
from emoviz.store.leaks import load_leak_run, save_leak_run
from emoviz.store.readings import load_readings
from emoviz.store.remote import about_set
from emoviz.store.responses import load_dose_response, save_dose_response
from emoviz.store.sweeps import load_sweep, save_sweep
from emoviz.store.tensors import write_tensors
from emoviz.store.verifications import load_verification, save_verification
from emoviz.types import Activations, Job, JobResult, Sweep, VectorSet
from emoviz.types.texts import TOPS
from emoviz.witness.witness import unpacked


@dataclass(frozen=True)
class Reader:
    """file : what the damaged file is called, in a folder of its own. whole : an undamaged one. read : what reads it;
    InputError is the one answer to a file that it refuses. look : does with what it accepts what views do."""

    file: str
    whole: bytes
    read: Callable[[Path], Any]
    look: Callable[[Any], object] = repr
    beside: tuple[tuple[str, bytes], ...] = ()


def readers(folder: Path) -> dict[str, Reader]:
    """By name. folder : for the whole files that are made, empty."""
    made = {**_sets(folder), **_runs(folder), **_texts(), **_foreign(folder), **_other(folder)}
    return dict(sorted(made.items()))


def _sets(folder: Path) -> dict[str, Reader]:
    vectors = next(one for one in ez.list_sets() if one.provenance.method == "generation")
    small = _smaller(vectors)
    kept = Activations(
        np.ones((6, 2, 4), np.float32), (0, 2), ("calm", "sad", "neutral") * 2, ("a", "b", "c", "d", "e", "f")
    )
    small = replace(small, activations=kept, stories=load_stories(vectors)[:2])
    path = save_set(small, folder)
    files = {end: path.with_name(f"{small.name}{end}").read_bytes() for end in _ENDS}
    ez.push_set(load_set(path), f"file://{folder}/store")
    record = folder / "store" / f"{small.name}{RECORD_SUFFIX}"
    main, activations, stories = ((f"{small.name}{end}", files[end]) for end in _ENDS)

    def whole(at: Path) -> VectorSet:
        return load_set(at.with_name(main[0]))

    return {
        "set": Reader(*main, load_set, _look_set, (activations, stories)),
        "set activations": Reader(*activations, whole, _look_set, (main,)),
        "record of a store": Reader(record.name, record.read_bytes(), _stored),
        "set stories": Reader(*stories, lambda at: load_stories(whole(at)), _look_stories, (main,)),
    }


def _stored(path: Path):
    return stored(opened(f"file://{path.parent}"), path.name.removesuffix(RECORD_SUFFIX))


_ENDS = (".safetensors", ".activations.safetensors", ".stories.jsonl.gz")


def _smaller(vectors: VectorSet) -> VectorSet:
    """Three classes, three layers, four dimensions; all that a set may have."""
    own = [vectors.classes.index(name) for name in ("calm", "sad", "neutral")]
    found, n = vectors.resampled, 3
    return replace(
        vectors,
        name="small_emoviz_fp32_12345678",
        classes=("calm", "sad", "neutral"),
        class_means=np.array(vectors.class_means[:n, own, :4]),
        half_means=np.array(vectors.half_means[:, :n, own, :4]),
        **{name: np.array(getattr(vectors, name)[:n]) for name in ("residual_norm", "anisotropy", "decoding_accuracy")},
        anisotropy_centred=np.array(vectors.anisotropy_centred[:n]),
        umap=None if vectors.umap is None else np.array(vectors.umap[:n, own]),
        umap_params={**vectors.umap_params, "stability": [0.5] * n},
        control_rdms={name: np.array(rdm[:3]) for name, rdm in vectors.control_rdms.items()},
        resampled=replace(
            found,
            n=2,
            half_width={name: np.array(rows[:, :n]) for name, rows in found.half_width.items()},
            mean_cosine=np.array(found.mean_cosine[:, :2, :n]),
        ),
    )


def _look_set(vectors: VectorSet) -> None:
    repr(vectors), vectors._repr_html_(), about_set(vectors), short_label(vectors), styles([vectors])
    json.dumps([vectors.name, *vectors.classes, *vectors.notes.values()], ensure_ascii=False).encode()
    for centring in ("class", "neutral", "none"):
        depth_curves(vectors, centring)
    preferred_layer(vectors)
    for draw in (rdm, pca_map, mds_map, umap_map):
        try:
            draw(vectors, vectors.finite_layers[0])
        except InputError:
            # A view says so.
            continue
    if vectors.activations is not None:
        vectors.activations.at(vectors.activations.layers[0])


def _look_stories(stories) -> None:
    json.dumps([[one.topic, str(one.n_tokens), one.prompt, one.text] for one in stories], ensure_ascii=False).encode()


def _runs(folder: Path) -> dict[str, Reader]:
    dose = ez.list_dose_responses()[0]
    direction, at = dose.directions[0], dose.doses[:3]
    dose = replace(
        dose,
        name="small_doses_1",
        directions=(direction,),
        controls=dose.controls[:1],
        doses=at,
        texts=tuple(
            t for t in dose.texts if t.dose == 0 or (t.dose in at and t.direction in (direction, *dose.controls[:1]))
        ),
    )
    leak = ez.list_leak_runs()[0]
    known = ("unsteered", leak.directions[0], *leak.controls[:1])
    recipe = next(iter(leak.recipes))
    leak = replace(
        leak,
        name="small_leak_1",
        recipes={recipe: leak.recipes[recipe]},
        directions=leak.directions[:1],
        controls=leak.controls[:1],
        texts=tuple(t for t in leak.texts if t.recipe == recipe and t.direction in known),
        lens=replace(leak.lens, raised={name: rows[:3] for name, rows in leak.lens.raised.items() if name in known}),
        neighbours=dict(list(leak.neighbours.items())[:3]),
    )
    effect = ez.list_side_effects()[0]
    names = (effect.directions[0], *effect.controls[:1])
    rows = [k for k, (name, _) in enumerate(effect.rows) if k == 0 or name in names]
    effect = replace(
        effect,
        name="small_effects_1",
        directions=effect.directions[:1],
        controls=effect.controls[:1],
        rows=tuple(effect.rows[k] for k in rows),
        **{name: getattr(effect, name)[rows] for name in ("losses", "right", "lengths", "repetitions")},
        off_target={
            reader: replace(one, change=one.change[rows], spread=one.spread[rows])
            for reader, one in effect.off_target.items()
        },
    )
    verified = ez.list_verifications()[0]
    verified = replace(
        verified,
        name="small_verification",
        rows=verified.rows[:2],
        controls=verified.controls[:2],
        **dict.fromkeys(("n", "outside_n"), 2),
        **dict.fromkeys(("k", "control_k", "check_k", "check_control_k", "outside_k", "outside_control_k"), 1),
    )
    job = Job("m", "m", "emoviz", "fp32", "c", {"layer_path": "a.b"})
    save_sweep(Sweep("small", (JobResult(job, "done", "s", 1.5, "here"),), datetime(2026, 1, 1, tzinfo=UTC)))
    swept = sweeps_folder() / "small.sweep.json.gz"
    saved = {
        "run of doses": (save_dose_response(dose, folder), load_dose_response, _look_doses),
        "run of leaks": (save_leak_run(leak, folder), load_leak_run, _look_leak),
        "run of side effects": (save_side_effects(effect, folder), load_side_effects, _look_effects),
        "verification": (save_verification(verified, folder), load_verification, _look_verification),
        "sweep": (swept, load_sweep, lambda one: (one.to_frame(), one.counts, f"{one.begun:%d %B %Y %H:%M}")),
    }
    return {name: Reader(path.name, path.read_bytes(), read, look) for name, (path, read, look) in saved.items()}


def _look_doses(run) -> None:
    run.to_frame(), repr(run), regime_table(run)
    for name in (*run.directions, *run.controls):
        curve = curves(run, name)
        low, high, _ = usable_window(curve)
        gain(curve, low, high)
    json.dumps([text.text for text in run.texts], ensure_ascii=False).encode()


def _look_leak(run) -> None:
    run.to_frame(), repr(run)
    rows = summary(run)
    for recipe in run.recipes:
        for name in run.directions:
            leak_peak(rows, run.controls, name, recipe)
    if run.lens is not None:
        for name in run.lens.raised:
            run.lens.shares(name)


def _look_effects(run) -> None:
    run.to_frame(), repr(run), effects(run), can_tell(run)
    for reader in run.off_target:
        stands_out(run, reader)


def _look_verification(found) -> None:
    found.to_frame(), repr(found), rise_words(found), outside_words(found)


def _texts() -> dict[str, Reader]:
    rows = [
        {"emotion": name, "text": f"The {thing} was {name}.", "topic": thing}
        for name in ("calm", "sad")
        for thing in ("day", "song")
    ]
    lines = "\n".join(map(json.dumps, rows)).encode()
    table = "emotion,text,topic\n" + "".join(f'{row["emotion"]},"{row["text"]}",{row["topic"]}\n' for row in rows)
    columns = BytesIO()
    pd.DataFrame(rows).to_parquet(columns)
    plan = b"models: [gpt2]\nprotocols: [emoviz]\nprecisions: [fp32]\n"
    spoken = b"User: How are you?\nAssistant: Well.\nand you?\n"
    return {
        "passages jsonl": Reader("p.jsonl", lines, load_corpus, lint_corpus),
        "passages json": Reader("p.json", json.dumps(rows).encode(), load_corpus, lint_corpus),
        "passages csv": Reader("p.csv", table.encode(), load_corpus, lint_corpus),
        "passages parquet": Reader("p.parquet", columns.getvalue(), load_corpus, lint_corpus),
        "many texts": Reader("m.jsonl", lines, lambda at: scan(text_source(at, "text"))),
        "many texts csv": Reader("m.csv", table.encode(), lambda at: scan(text_source(at, "text"))),
        "many texts parquet": Reader("m.parquet", columns.getvalue(), lambda at: scan(text_source(at, "text"))),
        "texts to judge": Reader("t.jsonl", lines, load_texts),
        "labelled texts": Reader("l.tsv", b"The sea is calm.\t1\nIt rained.\t0\n" * 2, _labelled),
        "dialogue": Reader("d.jsonl", b'{"role": "user", "content": "Hello."}\n' * 2, load_dialogue),
        "spoken dialogue": Reader("d.txt", spoken, load_dialogue),
        "norms": Reader("n.csv", b"word,valence,arousal\nsad,2.1,3.5\nhappy,8.5,6.0\n", load_norms),
        "plan": Reader("p.yaml", plan, lambda at: parse_plan(at.read_bytes(), "p.yaml")),
    }


def _labelled(path: Path):
    return read_labelled(path, ("sad", "calm"))


def _foreign(folder: Path) -> dict[str, Reader]:
    import torch
    from safetensors.numpy import save_file

    vectors = {"happy": np.ones((3, 4), np.float32), "sad": -np.ones((3, 4), np.float32)}
    packed = BytesIO()
    np.savez(packed, **vectors)
    pressed = BytesIO()
    np.savez_compressed(pressed, **vectors)
    single = BytesIO()
    np.save(single, np.ones((2, 3, 4), np.float32))
    torch.save({name: torch.tensor(rows) for name, rows in vectors.items()}, folder / "a.pt")
    save_file(vectors, folder / "a.safetensors", {"emoviz": "{}"})
    probe = {"layer": "1", "n_total_layers": "3", "default_method": "m", "model_id": "m", "hook_site": "resid_post"}
    save_file({"direction.m": np.ones(4, np.float32)}, folder / "a.probe.safetensors", probe)
    ez.export_set(ez.find_set("gemma-3-270m_emoviz"), "gguf", folder / "calm.gguf", emotions="calm")
    files = {
        ".npz": packed.getvalue(),
        ".npy": single.getvalue(),
        **{end: (folder / f"a{end}").read_bytes() for end in (".pt", ".safetensors", ".probe.safetensors")},
        ".gguf": (folder / "calm.gguf").read_bytes(),
    }
    found = {f"vectors {end[1:]}": Reader(f"a{end}", whole, FOREIGN[end]) for end, whole in files.items()}
    found["vectors npz, pressed"] = Reader("a.npz", pressed.getvalue(), FOREIGN[".npz"])
    return found


def _other(folder: Path) -> dict[str, Reader]:
    head = {"classes": ["a", "b"], "topics": ["t"], "confusion": [[2, 1], [1, 2]], "parts": ["p"], "source": "s"}
    head |= {"trained": 4, "log_loss": 0.5, "confidence": 0.5, "strength": 1.0}
    arrays = {name: np.ones(3, np.float32) for name in ("mean", "scale")}
    arrays |= {"weights": np.ones((2, 3), np.float32), "bias": np.ones(2, np.float32)}
    write_tensors(folder / "h.safetensors", arrays, head, "witness head")
    write_kept(folder / "k.json", [{"text": "a", "ids": [1, 2]}])
    contrasts = (Path(ez.__file__).parents[1] / "cache" / "contrasts.json").read_bytes()
    table = {"schema": 1, "model": "m", "set": "s", "layer": 1, "classes": ["a", "b"], "texts": 1, "rows": 1}
    table |= {"unread": 0, "tokens": 4, "columns": [], "scale": [[0, 0], [1, 1]], "no_z": "", "tokens_per_second": 1.0}
    row = {"text": "t", "score": 0.1, "z": 0.2, "id": 0, "sentence": 0, "before": "", "after": ""}
    table |= {"quantiles": [[0.1, 0.2]] * 5, "tops": {what: {"a": [row], "b": []} for what in TOPS}}
    return {
        "head": Reader("h.safetensors", (folder / "h.safetensors").read_bytes(), read_head, _look_head),
        "kept work": Reader("k.json", (folder / "k.json").read_bytes(), read_kept),
        "contrasts": Reader("c.json", _few(contrasts), load_contrasts),
        "table of readings": Reader(
            "t.csv.json",
            json.dumps(table).encode(),
            lambda at: load_readings(at.with_suffix("")),
            _look_readings,
            (("t.csv", b"text_id\n"),),
        ),
        "model gguf": Reader("m.gguf", _model(), numbers_in_model),
    }


def _look_head(found) -> None:
    head, check = unpacked(*found)
    head.probabilities(np.ones((1, len(head.mean))))
    check.accuracy, check.balanced_accuracy, check.confused(3)


def _look_readings(found) -> None:
    repr(found)
    for what in TOPS:
        for name in found.classes:
            found.top(name, what)


def _few(contrasts: bytes) -> bytes:
    """The first of each."""
    found = json.loads(contrasts)
    return json.dumps({**found, "contrasts": found["contrasts"][:2], "separations": found["separations"][:1]}).encode()


def _model() -> bytes:
    """A language model of one tensor, by hand."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 3) + text("general.architecture") + struct.pack("<I", 8) + text("llama")
    head += text("llama.block_count") + struct.pack("<II", 4, 1)
    head += text("tokens") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
    head += text("blk.0.w") + struct.pack("<IQQIQ", 2, 4, 4, 0, 0)
    return head + b"\0" * (-len(head) % 32 + 64)
