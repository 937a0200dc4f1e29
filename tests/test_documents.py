"""The pages that people read: every link leads somewhere, and every page is in the list."""

import re
from collections import Counter

from .conftest import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _anchors(page):
    """What GitHub makes of headings: small letters, no signs, hyphens; a number where it is taken."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    slugs = [
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    ]
    seen = Counter()
    anchors = set()
    for slug in slugs:
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def test_every_relative_link_leads_to_a_file_and_a_heading_that_are_there():
    wrong, links = [], 0
    for page in PAGES:
        for link in LINK.findall(page.read_text("utf-8")):
            if link.startswith(("http:", "https:", "mailto:")):
                continue
            links += 1
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                wrong.append(f"{page.relative_to(ROOT)}: {link}")
    assert links > 30 and not wrong


def test_a_page_that_code_or_text_names_is_there():
    sources = [*PAGES, *(ROOT / "emoviz").rglob("*.py"), *(ROOT / "emoviz").rglob("*.md")]
    named = {
        name for source in sources for name in re.findall(r"(?<![\w/])docs/[\w./-]+\.\w+", source.read_text("utf-8"))
    }
    assert len(named) > 10 and not [name for name in named if not (ROOT / name).exists()]


def test_every_page_of_the_documentation_is_in_a_list_that_a_reader_finds():
    documents, guides = ROOT / "docs/README.md", ROOT / "docs/guides/README.md"
    for index in (documents, guides):
        listed = {(index.parent / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
        assert {page.resolve() for page in index.parent.glob("*.md")} - listed == {index.resolve()}
    assert "docs/README.md" in LINK.findall((ROOT / "README.md").read_text("utf-8"))
