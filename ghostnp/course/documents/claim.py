"""A claim: what a document says, in its own words and in English, and the function that checks it."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc

from ghostnp import ops
from ghostnp.backend import use_backend
from ghostnp.course.documents.verdict import Finding


@dataclass(frozen=True)
class Claim:
    """One checkable statement or worked number of a document.

    Parameters
    ----------
    identifier : str
        N01 to N25 for numbers, C01 to C49 for statements.
    document : str
        "000" to "004", or "official" for two published codes against each other.
    quotation : str
        The passage or line of code.
    says : str
        What it says.
    why : str
        Why the verdict is what it is.
    work : callable
        Computes what there is to compute, and gives a `Finding`.
    """

    identifier: str
    document: str
    quotation: str
    says: str
    why: str
    work: Callable[[], Finding]

    def check(self):
        """Compute anew what there is to compute, on the definitions.

        Returns
        -------
        Finding
        """
        with use_backend(ops):
            return self.work()


def claim(identifier, document, quotation):
    """Make a `Claim` of the function that checks it.

    Parameters
    ----------
    identifier, document, quotation : str
        As in `Claim`.

    Returns
    -------
    callable
        A decorator. The first line of the function's docstring is what the quotation says, the rest is why.
    """

    def make(work):
        says, _, why = cleandoc(work.__doc__ or "").partition("\n\n")
        return Claim(identifier, document, quotation, says, " ".join(why.split()), work)

    return make
