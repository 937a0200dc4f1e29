"""Writes docs/claims.md anew from its line on: what stands on the shipped sets, and the rules. Needs no model."""

from pathlib import Path

import emoviz as ez
from emoviz.plots.wording import minus
from emoviz.reference.claims import claim_rules

PAGE = Path(__file__).parent / "claims.md"
FROM = "<!-- from here on written by docs/claims_table.py -->"


def main() -> None:
    head = PAGE.read_text("utf-8").partition(FROM)[0]
    found = ez.claims([vectors for vectors in ez.list_sets() if vectors.shipped])
    counts = repr(found).partition(": ")[2].removesuffix(")")
    rows = ["| paper | claim | published | here | verdict |", "|---|---|---|---|---|"]
    for check in found:
        here = " · ".join(text for text in (check.measured, check.control) if text)
        cells = (check.paper, check.title, check.published, here if here else "–", check.verdict)
        rows.append(f"| {' | '.join(minus(cell).replace('|', '/') for cell in cells)} |")
    rules = []
    for rule in claim_rules():
        rules += [
            f"### {rule.title}",
            "",
            f"{rule.claim} (arXiv {rule.paper}, `{rule.id}`). Published: {rule.published} ({rule.source}). "
            f"Measured: {rule.quantity}; beside it: {rule.control}.",
            "",
            rule.rule,
            "",
        ]
    text = [
        FROM,
        "",
        "## On the shipped sets",
        "",
        f"{', '.join(found.models)}, {len(found.sets)} sets: {counts}. Of several values *here* is their range, "
        "without those that cannot tell; `emoviz claims` gives each.",
        "",
        *rows,
        "",
        "## The rules",
        "",
        *rules,
    ]
    PAGE.write_text(head + "\n".join(text).rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    main()
