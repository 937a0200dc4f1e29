"""Writes the API reference into a folder: the public names, the figures, and the types that they take and return.

A page is what `help` shows, set by pdoc from docstrings and annotations. Types are found by following the annotations
of the public functions, so that nothing is listed by hand.
"""

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import plotly.graph_objects as go
from pdoc import doc, docstrings, render

import emoviz as ez
from emoviz import types

TYPE = re.compile(r"\b(emoviz(?:\.\w+)+)\.([A-Z]\w+)")
# `name : what it is`, at the beginning of a line or behind a sentence.
ITEM = re.compile(r"(?:^|(?<=[.;] ))(\w+(?:, \w+)*) +: ", re.MULTILINE)
LINK = re.compile(r'(<a href="[^"]*#\w+">)emoviz\.(?:\w+\.)*(\w+)</a>')
FUNCTION = re.compile(r'<span class="o">&lt;</span><span class="n">function</span>.*?<span class="o">&gt;+</span>')


def main(folder: Path) -> None:
    # As it is imported, not as it is defined.
    go.Figure.__module__ = go.__name__
    render.configure(docformat="markdown", template_directory=Path(__file__).parent, show_source=False)
    docstrings.convert = lambda docstring, *_: as_markdown(docstring)
    pages = reference()
    for name, page in pages.items():
        file = folder / f"{name.replace('.', '/')}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = FUNCTION.sub("...", render.html_module(page, pages))
        file.write_text(LINK.sub(r"\1\2</a>", text), "utf-8")
    (folder / "index.html").write_text(render.html_index(pages), "utf-8")
    (folder / "search.js").write_text(render.search_index(pages), "utf-8")


def reference() -> dict[str, doc.Module]:
    """Module name -> its page: functions, figures, and every type that they name, or that a type of `types` names."""
    public = {name: getattr(ez, name) for name in ez.__all__}
    pages = {
        "emoviz": _page(ez, {name: value for name, value in public.items() if name != "plot"}),
        "emoviz.plot": _page(ez.plot, {name: getattr(ez.plot, name) for name in ez.plot.__all__}),
    }
    found: dict[str, dict[str, type]] = {types.__name__: {}}
    waiting = [member for page in pages.values() for member in page.members.values()]
    while waiting:
        for module, name in TYPE.findall(_annotations(waiting.pop())):
            kind = getattr(import_module(module), name)
            home = types.__name__ if name in types.__all__ else kind.__module__
            if name not in public and name not in found.setdefault(home, {}):
                found[home][name] = kind
                if home == types.__name__:
                    waiting.append(doc.Class(module, name, kind, (module, name)))
    return pages | {name: _page(import_module(name), dict(sorted(kinds.items()))) for name, kinds in found.items()}


def _page(module: ModuleType, members: dict[str, object]) -> doc.Module:
    """A page under the module's name with these members only, those that are imported on first use among them."""
    page = ModuleType(module.__name__, module.__doc__)
    page.__dict__.update(members, __all__=list(members))
    return doc.Module(page)


def _annotations(member: doc.Doc) -> str:
    """Every annotation of a function, or of a class's public fields and methods, and what a collection holds."""
    if isinstance(member, doc.Function):
        return str(member.signature)
    if isinstance(member, doc.Class):
        held = repr(getattr(member.obj, "__orig_bases__", ()))
        return held + " ".join(_annotations(one) for one in member.members.values() if not one.name.startswith("_"))
    return member.annotation_str if isinstance(member, doc.Variable) else ""


def as_markdown(docstring: str) -> str:
    """A docstring of emoviz, whose items are made a list."""
    return "\n\n".join(part if part.startswith(">>>") else _listed(part) for part in docstring.split("\n\n"))


def _listed(paragraph: str) -> str:
    lines = ""
    for line in paragraph.split("\n"):
        lines += f"\n{line}" if ITEM.match(line) else f" {line.strip()}"
    head, *items = ITEM.split(lines.strip())
    pairs = zip(items[::2], items[1::2], strict=True)
    return f"{head}\n\n" + "\n".join(f"- **{name}**: {text.strip()}" for name, text in pairs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
