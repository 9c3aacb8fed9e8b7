"""Which functions are graded: those of the vocabulary, of operators that were registered, and of the ghost module."""

from ghostnp.ops.vocabulary import BUILT_IN, VOCABULARY
from ghostnp.testing.calls import operator_names, row_of


def graded_names():
    """The names of all functions that an answer may have: of each operator f and f_backward."""
    passes = {"": "forward", "_backward": "backward"}
    return [name + ending for name in operator_names() for ending in passes if getattr(row_of(name), passes[ending])]


def registered():
    """Names of the operators that were registered, in order."""
    return [name for name in VOCABULARY if name not in BUILT_IN]
