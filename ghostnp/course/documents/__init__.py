"""The documents' claims: every worked number and checkable statement, what ghostnp gives for it, and a verdict.

Nothing that can be computed is stored. A claim holds what its document says; its `check` asks the cost functions,
counts a network, or runs operators on small arrays, and the verdict follows from comparing the two.

>>> find_claim("N02").check().working
['parameters:', '    ghostnp: 256·(8·5·5 + 1) = 51,456', '    document: 51,456']

Read in this order: `claim` (what a claim is), `verdict` (how a verdict follows from what was computed), one of the
``document_*`` files (the worked numbers of 000 and 001 stand in ``document_00N_numbers``), `probes` (what they ask of
networks and operators), `unit_costs` (the formulas of document 001, section 4), `official` (two published codes against
each other) and `written` (JSON and Markdown).

A new claim is a function with the decorator `claim` in the file of its document; it is found automatically. Its
identifier is the next one, a tutorial mentions it, and ``tests/course/documents/test_claims.py`` has its verdict and
its numbers once more. A new document is a file, and named in `DOCUMENTS`.
"""

from importlib import import_module
from pkgutil import iter_modules

from ghostnp.course.documents.claim import Claim
from ghostnp.course.documents.verdict import VERDICTS, Computed, Finding
from ghostnp.ops.checks import nearest, shown

__all__ = ["DOCUMENTS", "VERDICTS", "Claim", "Computed", "Finding", "all_claims", "find_claim"]

DOCUMENTS = ("000", "001", "002", "003", "004", "official")


def all_claims():
    """Every claim, the numbers first.

    Returns
    -------
    dict of str to Claim
        By identifier, N01 to N25 and C01 to C49.

    Examples
    --------
    >>> len(all_claims())
    74
    """
    files = (import_module(module.name) for module in iter_modules(__path__, f"{__name__}."))
    claims = [value for file in files for value in vars(file).values() if isinstance(value, Claim)]
    return {
        claim.identifier: claim
        for claim in sorted(claims, key=lambda claim: (claim.identifier[0] != "N", claim.identifier))
    }


def find_claim(identifier):
    """The claim of one identifier.

    Parameters
    ----------
    identifier : str
        Such as "N13".

    Returns
    -------
    Claim

    Raises
    ------
    ValueError
        If there is no such claim; the nearest identifiers are named.
    """
    claims = all_claims()
    if not isinstance(identifier, str) or identifier not in claims:
        raise ValueError(
            f"identifier={shown(identifier)}: the rule is N01 to N25 or C01 to C49, nearest first: "
            f"{nearest(identifier, claims)}"
        )
    return claims[identifier]
