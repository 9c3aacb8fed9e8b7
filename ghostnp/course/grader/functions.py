"""Which functions are graded: those of the vocabulary, of operators that were registered, and of the ghost module."""

from ghostnp import ops
from ghostnp.ops.vocabulary import BUILT_IN, VOCABULARY, function_named
from ghostnp.testing.calls import GHOST, operator_names


def graded_names():
    """The names of all functions that an answer may have: of each operator f and f_backward."""
    return [name + ending for name in operator_names() for ending in ("", "_backward") if definition(name + ending)]


def definition(name):
    """The function of that name: what an answer is held against, or None."""
    operator = name.removesuffix("_backward")
    if operator == GHOST.name:
        return GHOST.forward if name == operator else GHOST.backward
    return getattr(ops, name, None) or function_named(name)


def registered():
    """Names of the operators that were registered, in order."""
    return [name for name in VOCABULARY if name not in BUILT_IN]
