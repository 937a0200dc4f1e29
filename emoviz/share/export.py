"""A vector set as files for other programs: control vectors, arrays, tables, a citation and a model card."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..steer.outgoing import steering_vectors
from ..steer.recipes import Layers
from ..store.atomic import all_atomically, check_writable
from ..store.formats.gguf import write_gguf
from ..store.formats.npz import write_npz
from ..store.formats.safetensors import write_safetensors
from ..store.formats.tables import write_csv, write_parquet
from ..store.making import scratch_folder
from ..types import SteeringVectors, Towards, VectorSet
from ..types.given import one_set, uncleaned
from .card import card_files, set_bibtex

log = logging.getLogger(__name__)

GGUF, CARD, BIBTEX = "gguf", "card", "bibtex"
# What each is, in the order of menus.
FORMATS = {
    GGUF: "for llama.cpp and EasySteer",
    "safetensors": "a tensor for each emotion",
    "npz": "NumPy arrays",
    "csv": "a table for spreadsheets",
    "parquet": "a table for data frames",
    BIBTEX: "what to cite",
    CARD: "a model card with figures",
}
_ENDINGS = {BIBTEX: "bib", CARD: "md"}
_README = "README.md"
_Write = Callable[[Path], object]


def export_set(
    vectors: VectorSet,
    format: str,
    path: str | Path | None = None,
    *,
    emotions: Towards | Iterable[Towards] | None = None,
    layers: Layers | None = None,
    centring: str | None = None,
    dose: float | None = None,
) -> list[Path]:
    """Writes a set for other programs, whole or not at all; files that are there are replaced.

    format : gguf (control vectors for llama.cpp, repeng and EasySteer), safetensors, npz, csv, parquet, bibtex or card.
    path : of the file; for a card, and for several control vectors, of the folder. None: the set's name, here.
    emotions : as for `steer_texts`, also mixtures and controls; None for all. layers : as for `recipe`; None for those
    that it steers (gguf), or all. centring : class, neutral or none; None for that of the recipe.
    dose : what strength 1 in the other program is; None for 1, so that strength 0.04 is dose 0.04.
    Returns : the files. What is left out is logged: llama.cpp cannot steer layer 0.
    Raises  : InputError for an unknown format, emotion, layer or centring, for options that a format does not take, for
        a dose of a set that does not say how long states are, and where the files cannot be written.
    Source  : docs/exchange.md has each format; docs/guides/llama-cpp.md what a strength is.

    >>> import emoviz as ez, tempfile
    >>> vectors, folder = ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32"), tempfile.mkdtemp()
    >>> [file.name for file in ez.export_set(vectors, "gguf", folder, emotions=["calm", "0.7 calm + 0.3 happy"])]
    ['calm.gguf', '0.7-calm-0.3-happy.gguf']
    """
    check_writable(Path.cwd() if path is None else Path(path).parent)
    files, notes = _made(one_set(vectors), format, emotions, layers, centring, dose)
    places = _places(vectors, format, None if path is None else Path(path), list(files))
    all_atomically(dict(zip(places, files.values(), strict=True)))
    for note in notes:
        log.warning("%s", note)
    return places


def exported_file(vectors: VectorSet, format: str) -> tuple[str, bytes, tuple[str, ...]]:
    """A set as one file for a browser: its name, its content, and what was left out. Several are packed into a .zip."""
    files, notes = _made(vectors, format)
    out = io.BytesIO()
    with scratch_folder() as folder:
        paths = {name: folder / name for name in files}
        all_atomically({path: files[name] for name, path in paths.items()})
        if len(paths) == 1:
            return f"{vectors.name}.{_ending(format)}", paths.popitem()[1].read_bytes(), notes
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, path in paths.items():
                packed.write(path, name)
    return f"{vectors.name}.{format}.zip", out.getvalue(), notes


def _made(
    vectors: VectorSet,
    format: str,
    emotions: Towards | Iterable[Towards] | None = None,
    layers: Layers | None = None,
    centring: str | None = None,
    dose: float | None = None,
) -> tuple[Mapping[str, _Write], tuple[str, ...]]:
    """What writes each file, by its name, and what was left out."""
    if format not in FORMATS:
        raise InputError(f"format {format!r:.40} is unknown; {', '.join(FORMATS)} are allowed.")
    if format in (BIBTEX, CARD):
        options = {"emotions": emotions, "layers": layers, "centring": centring, "dose": dose}
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise InputError(f"{given[0]} was given, and format {format} has no vectors in it. Leave {given[0]} out.")
        if format == CARD:
            return card_files(uncleaned(vectors), _README)
        return {f"{vectors.name}.bib": lambda path: path.write_bytes(set_bibtex(vectors).encode())}, ()
    made = steering_vectors(
        vectors,
        emotions,
        layers=layers if layers is not None else "window" if format == GGUF else "all",
        centring=centring,
        dose=dose,
    )
    if format == GGUF:
        return _control_vectors(made)
    write: dict[str, _Write] = {
        "safetensors": lambda path: write_safetensors(path, made),
        "npz": lambda path: write_npz(path, made, vectors),
        "csv": lambda path: write_csv(path, made),
        "parquet": lambda path: write_parquet(path, made),
    }
    return {f"{vectors.name}.{format}": write[format]}, made.notes


def _control_vectors(made: SteeringVectors) -> tuple[Mapping[str, _Write], tuple[str, ...]]:
    if made.layers == (0,):
        raise InputError("layer 0 alone was asked for, which llama.cpp cannot steer. Name another.")
    left_out = ("layer 0 is left out: llama.cpp cannot steer the first block",) if 0 in made.layers else ()
    names = _file_names(made.names)
    files = {f"{names[name]}.gguf": partial(write_gguf, given=made, name=name) for name in made.names}
    return files, (*made.notes, *left_out)


def _file_names(names: Iterable[str]) -> dict[str, str]:
    """What files of these directions are called: letters, digits and . _ -, each once, whatever a class is called."""
    found: dict[str, str] = {}
    for name in names:
        stem = re.sub(r"[^\w.]+", "-", name).strip("-.")[:80]
        taken = {one.casefold() for one in found.values()}
        while not stem or stem.casefold() in taken:
            stem = f"{stem}_{len(found)}"
        found[name] = stem
    return found


def _ending(format: str) -> str:
    return _ENDINGS.get(format, format)


def _places(vectors: VectorSet, format: str, path: Path | None, names: list[str]) -> list[Path]:
    """Where each file goes. Raises InputError for a folder where a file is needed, and the other way round."""
    ending, several = f".{_ending(format)}", format == CARD or len(names) > 1
    if path is None:
        own = f"{vectors.name}_{names[0]}" if format == GGUF else names[0]
        path = Path(f"{vectors.name}-{format}" if several else own)
    is_file = path.suffix.lower() == ending and not path.is_dir()
    if several and (is_file or path.is_file()):
        raise InputError(f"{path} was given for {len(names)} files; a folder is needed.")
    if several or (format == GGUF and not is_file):
        return [path / name for name in names]
    if path.is_dir():
        raise InputError(f"{path} is a folder; a file is needed, such as {path / f'emoviz{ending}'}.")
    return [path]
