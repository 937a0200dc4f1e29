"""Plans of a sweep: a YAML file, checked whole before its first job is begun. No torch."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...models.registry import DEVICES, PRECISIONS, resolve
from ...numerals import whole
from ...stimuli import DEFAULT_CORPUS, load_corpus
from ...stimuli.tables import read_labels
from ...types import Corpus, Job, Plan
from ...types.given import file_name
from ..protocols import DEFAULT_PROTOCOL, KEPT, METHODS, POOLINGS, PROTOCOLS, protocol_for

MAX_JOBS = 10_000
# Of the file; of all that its aliases stand for, written out.
_MAX_BYTES, _MAX_NODES = 256 * 1024, 50_000

# What an option may be: its value as it is used, None where it does not fit; and what is allowed in words.
_Check = tuple[Callable[[Any], Any], str]


def _one_of(choices: Collection[str]) -> _Check:
    return lambda value: value if isinstance(value, str) and value in choices else None, ", ".join(choices)


def _whole(low: int, high: int) -> _Check:
    def read(value: Any) -> int | None:
        try:
            # YAML has text where people write 4,000.
            return whole(str(value), low, high) if type(value) in (int, str) else None
        except InputError:
            return None

    return read, f"a whole number from {low} to {high}"


_TEXT: _Check = (lambda value: value if isinstance(value, str) and value.strip() else None, "a text")
_OPTIONS: dict[str, _Check] = {
    "layer_path": _TEXT,
    "device": _one_of(DEVICES),
    "gpus": _whole(1, 64),
    "batch_tokens": _whole(1, 1_000_000),
    "activations": _one_of(KEPT),
    "allow_base": (lambda value: value if isinstance(value, bool) else None, "true or false"),
}
_OF_PROTOCOL: dict[str, _Check] = {"pooling": _one_of(POOLINGS), "stories": _whole(2, 10_000)}
_OF_CORPUS: dict[str, _Check] = {"text_column": _TEXT, "label_column": _TEXT, "labels": _TEXT}
_KEYS = ("name", "models", "methods", "protocols", "precisions", "corpora", "exclude", "defaults")
_AXES = ("model", "protocol", "precision", "corpus")


def plan_of(given: Any) -> Plan:
    """A plan as it is: of a YAML file's path, or of what such a file holds. Raises InputError as `read_plan`."""
    if isinstance(given, Plan):
        return given
    if isinstance(given, Mapping):
        return _plan(given, "sweep", Path.cwd())
    if isinstance(given, (str, Path)):
        return read_plan(given)
    raise InputError(f"{given!r:.60} was given; the path of a plan, or its content as a dictionary, is needed.")


def read_plan(path: Path | str) -> Plan:
    """The plan in a YAML file; paths in it are looked up from its folder.

    Raises InputError for a file that cannot be read or is no YAML, and for anything in it that could not be run: keys,
    models, protocols, precisions and files of passages that are not there, and more than `MAX_JOBS` jobs.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"plan {path} cannot be read ({error.strerror}). Check the path.") from error
    return _plan(_content(content, str(path)), path.stem, path.absolute().parent)


def parse_plan(content: bytes, name: str) -> Plan:
    """A plan of someone else: as `read_plan`, but no file that it names is looked for."""
    return _plan(_content(content, name), name, None)


def _content(content: bytes, where: str) -> Any:
    """What YAML says. An alias may neither lead back to itself nor stand for more than a plan can hold."""
    import yaml

    if len(content) > _MAX_BYTES:
        raise InputError(f"{where} is larger than {_MAX_BYTES // 1024} kB, too large for a plan.")
    try:
        loader = yaml.SafeLoader(content.decode("utf-8"))
        node = loader.get_single_node()
        if node is None:
            raise InputError(f"{where} is empty; a plan is needed, with models: at least.")
        for count, _ in enumerate(_written_out(node, (), where)):
            if count >= _MAX_NODES:
                raise InputError(f"{where} stands for more than {_MAX_NODES:,} values, its aliases written out.")
        return loader.construct_document(node)
    except RecursionError as error:
        raise InputError(f"{where} is nested too deep for a plan.") from error
    # ValueError: a date that is none, a number of thousands of digits, bytes that are not UTF-8.
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where} is no YAML ({' '.join(str(error).split())}). Mend it there.") from error


def _written_out(node: Any, above: tuple[int, ...], where: str) -> Iterator[None]:
    """Once for every value, aliases followed; YAML's own loader takes the last of a key's values without a word."""
    import yaml

    yield
    if id(node) in above:
        raise InputError(
            f"{where}, line {node.start_mark.line + 1}: what stands here holds an alias of itself. Write it out."
        )
    if isinstance(node, yaml.ScalarNode):
        return
    seen = set()
    for part in node.value:
        for one in part if isinstance(part, tuple) else (part,):
            yield from _written_out(one, (*above, id(node)), where)
        if isinstance(part, tuple) and isinstance(part[0], yaml.ScalarNode):
            key = part[0]
            if key.value in seen:
                raise InputError(f"{_line(where, key)}: key {key.value!r:.60} is there twice.")
            seen.add(key.value)


def _line(where: str, node: Any) -> str:
    return f"{where}, line {node.start_mark.line + 1}"


def _plan(content: Any, name: str, folder: Path | None) -> Plan:
    """folder : from which files are looked up; None leaves them alone."""
    given = _mapping(content, "the plan", _KEYS)
    if "methods" in given and "protocols" in given:
        raise InputError("methods and protocols were given; each method has its default protocol. Leave one out.")
    defaults = _checked(given.get("defaults", {}), "defaults", _OPTIONS)
    models = [_model(one, folder) for one in _list(given, "models")]
    protocols = [_protocol(one) for one in _protocol_names(given)]
    precisions = [_precision(one) for one in _list(given, "precisions", ["auto"])]
    corpora = [_corpus(one, folder) for one in _list(given, "corpora", [DEFAULT_CORPUS])]
    if len(precisions) > 1 and "auto" in precisions:
        raise InputError("precisions: auto is one of the others, by the device. Give it alone, or leave it out.")
    _distinct("models", [origin for _, origin, _, _ in models])
    _distinct("protocols", [protocol for protocol, _ in protocols])
    _distinct("precisions", precisions)
    _distinct("corpora", [corpus for corpus, _ in corpora])
    written = {one for one, *_ in models}, {one for one, _ in protocols}, set(precisions), {one for one, _ in corpora}
    left_out = [_excluded(one, dict(zip(_AXES, written, strict=True))) for one in _list(given, "exclude", [])]
    jobs, used = [], set()
    if len(models) * len(protocols) * len(precisions) * len(corpora) > MAX_JOBS:
        raise InputError(f"the plan has more than {MAX_JOBS:,} jobs. Make several plans of it.")
    for (model, origin, called, of_model), (protocol, of_protocol), precision, (corpus, of_corpus) in product(
        models, protocols, precisions, corpora
    ):
        writes = PROTOCOLS[of_protocol["protocol"]].writing is not None
        if writes and corpus != corpora[0][0]:
            # It reads what the model writes: one job, however many corpora there are.
            continue
        at = dict(zip(_AXES, (model, protocol, precision, "" if writes else corpus), strict=True))
        out = [k for k, one in enumerate(left_out) if all(at[axis] == value for axis, value in one.items())]
        used |= set(out)
        if out:
            continue
        options = {**defaults, **of_model, **of_protocol, "precision": precision, **({} if writes else of_corpus)}
        jobs.append(Job(called, origin, protocol, precision, at["corpus"], options))
    for k, one in enumerate(left_out):
        if k not in used:
            raise InputError(f"exclude: {_said(one)} leaves nothing out. Mend it, or take it away.")
    if not jobs:
        raise InputError("exclude leaves no job. Take a line of it away.")
    return Plan(file_name(given.get("name", name)), tuple(jobs))


def _mapping(given: Any, where: str, allowed: Collection[str]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{where} is {given!r:.60}; keys with values are needed, of {', '.join(allowed)}.")
    for key in given:
        if key not in allowed:
            near = difflib.get_close_matches(str(key), allowed, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"{where}: key {key!r:.60} is unknown; {', '.join(allowed)} are allowed.{hint}")
    return given


def _list(given: Mapping[str, Any], key: str, default: list[Any] | None = None) -> list[Any]:
    if key not in given and default is not None:
        return default
    values = given.get(key)
    if not isinstance(values, list) or not values:
        raise InputError(f"{key} is {values!r:.60}; a list of one or more is needed.")
    return values


def _distinct(key: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise InputError(f"{key}: {value} is there twice. Leave one out.")


def _checked(given: Any, where: str, checks: Mapping[str, _Check]) -> dict[str, Any]:
    """The options in a mapping. Raises InputError for one that is unknown, and for a value that is not allowed."""
    values = dict(_mapping(given, where, tuple(checks)))
    for key, value in values.items():
        read, allowed = checks[key]
        values[key] = read(value)
        if values[key] is None:
            raise InputError(f"{where}: {key} is {value!r:.60}; {allowed} is allowed.")
    return values


def _named(given: Any, where: str, key: str, checks: Mapping[str, _Check]) -> tuple[str, dict[str, Any]]:
    """An entry of a list: a name, or a mapping with the name under `key` and options beside it."""
    if isinstance(given, Mapping):
        values = _checked(given, where, {key: _TEXT, **checks})
        if key not in values:
            raise InputError(f"{where}: an entry lacks {key}. Name it beside its options.")
        return values.pop(key), values
    if not isinstance(given, str) or not given.strip():
        raise InputError(f"{where}: {given!r:.60} was given; a name, or {key}: with options, is needed.")
    return given, {}


def _model(given: Any, folder: Path | None) -> tuple[str, str, str, dict[str, Any]]:
    """(as it is written, what loads it, what it is called, its options)."""
    written, options = _named(given, "models", "model", _OPTIONS)
    if folder is None:
        return written, written, Path(written).name, options
    beside = folder / written
    source = resolve(beside if beside.exists() else written)
    origin = source.location if source.entry is None else source.entry.id
    return written, origin, source.name, options


def _protocol_names(given: Mapping[str, Any]) -> list[Any]:
    if "methods" not in given:
        return _list(given, "protocols", [DEFAULT_PROTOCOL[METHODS[0]]])
    names = _list(given, "methods")
    for name in names:
        if name not in METHODS:
            raise InputError(f"methods: {name!r:.60} is unknown; {', '.join(METHODS)} are allowed.")
    return [DEFAULT_PROTOCOL[name] for name in names]


def _protocol(given: Any) -> tuple[str, dict[str, Any]]:
    name, options = _named(given, "protocols", "protocol", _OF_PROTOCOL)
    found = protocol_for(None, name, options.get("pooling"), options.get("stories"))
    return found.name, {"protocol": name, **options}


def _precision(given: Any) -> str:
    allowed = ("auto", *PRECISIONS)
    if given not in allowed:
        raise InputError(f"precisions: {given!r:.60} is unknown; {', '.join(allowed)} are allowed.")
    return given


def _corpus(given: Any, folder: Path | None) -> tuple[str, dict[str, Any]]:
    """(its name, its options): the shipped one by its name, others by their file."""
    written, options = _named(given, "corpora", "file", _OF_CORPUS)
    if written == DEFAULT_CORPUS:
        if options:
            raise InputError(f"corpora: {DEFAULT_CORPUS} is shipped and takes no {', '.join(options)}.")
        return written, {}
    if folder is None:
        return Path(written).stem, options
    options["passages"] = str(folder / written)
    if "labels" in options:
        options["labels"] = str(folder / options["labels"])
    return corpus_in(options).name, options


def corpus_in(options: Mapping[str, Any]) -> Corpus:
    """The corpus that a job's options name. Raises InputError as `load_corpus`."""
    return load_corpus(
        options.get("passages"),
        text_column=options.get("text_column"),
        label_column=options.get("label_column"),
        labels=read_labels(options["labels"]) if "labels" in options else None,
    )


def _excluded(given: Any, written: Mapping[str, Collection[str]]) -> Mapping[str, str]:
    """What jobs are left out: those that are all that it says."""
    values = _mapping(given, "exclude", _AXES)
    if not values:
        raise InputError(f"exclude: an entry is empty; it needs one or more of {', '.join(_AXES)}.")
    for axis, value in values.items():
        if not isinstance(value, str) or value not in written[axis]:
            near = difflib.get_close_matches(str(value), written[axis], 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"exclude: {axis} {value!r:.60} is not in the plan.{hint}")
    return values


def _said(values: Mapping[str, str]) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in values.items())
