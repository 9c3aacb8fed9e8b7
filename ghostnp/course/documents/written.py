"""Claims and what came of checking them, written down: as plain values, JSON and Markdown."""

import json
from fractions import Fraction


def records(claims):
    """Check claims, and give each as a dict of plain values.

    Parameters
    ----------
    claims : iterable of Claim

    Returns
    -------
    list of dict
        With id, document, quotation, says, verdict, judged, gives, why, cases and working.
    """
    return [_record(claim, claim.check()) for claim in claims]


def to_json(claims):
    """Check claims, and write them as JSON: a list of `records`."""
    return json.dumps(records(claims), indent=2)


def to_markdown(claims):
    """Check claims, and write them as a Markdown table, one row each."""
    header = ["claim", "document", "quotation", "ghostnp gives", "verdict", "why"]
    rows = [
        [r["id"], r["document"], f"`{r['quotation']}`", r["gives"], r["verdict"], r["why"]] for r in records(claims)
    ]
    cells = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells)


def to_markdown_page(claims):
    """Check claims, and write the whole working of each as a section of Markdown."""
    return "\n\n".join(
        f"### {r['id']}, document {r['document']}: {r['verdict']}\n\n"
        f"> `{r['quotation']}`\n\n{r['says']}\n\n```\n{chr(10).join(r['working'])}\n```\n\n{r['why']}"
        for r in records(claims)
    )


def _record(claim, finding):
    return {
        "id": claim.identifier,
        "document": claim.document,
        "quotation": claim.quotation,
        "says": claim.says,
        "verdict": finding.verdict,
        "judged": finding.judged,
        "gives": finding.gives,
        "why": claim.why,
        "cases": [
            {"what": case.what, "gives": _plain(case.gives), "stated": _plain(case.stated)} for case in finding.cases
        ],
        "working": finding.working,
    }


def _plain(value):
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # without its working
    return float(value) if isinstance(value, Fraction) else value
