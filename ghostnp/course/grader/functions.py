"""Which functions are graded: those of the vocabulary, of operators that were registered, and of the ghost module."""

from ghostnp import ops, testing
from ghostnp.ops.vocabulary import BUILT_IN, VOCABULARY, Operator, function_named, operator_named, operators

# The ghost module is no operator, and is asked for like one.
GHOST = Operator(
    testing.ghost_module,
    "ghost",
    testing.ghost_module_backward,
    homogeneous=(("x",), ("primary_weight",), ("cheap_weight",)),
)


def row_of(operator):
    """What an operator is: its row of the vocabulary, or the ghost module's."""
    return GHOST if operator == GHOST.name else operator_named(operator)


def graded_names():
    """The names of all functions that an answer may have: of each operator f and f_backward."""
    names = (*operators(), GHOST.name)
    return [name + ending for name in names for ending in ("", "_backward") if definition(name + ending)]


def definition(name):
    """The function of that name: what an answer is held against, or None."""
    operator = name.removesuffix("_backward")
    if operator == GHOST.name:
        return GHOST.forward if name == operator else GHOST.backward
    return getattr(ops, name, None) or function_named(name)


def registered():
    """Names of the operators that were registered, in order."""
    return [name for name in VOCABULARY if name not in BUILT_IN]
