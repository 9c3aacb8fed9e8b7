"""Calls: what any operator of the vocabulary is called with, written down as shapes, keywords and a seed.

So a failing call shrinks to the smallest shapes that still fail, and its repr is a line that can be pasted to see it
again:

>>> call = Call("channel_shuffle", x=(1, 4, 1, 1), groups=2, seed=3)
>>> call
Call('channel_shuffle', x=(1, 4, 1, 1), groups=2, seed=3)
>>> arguments = call.arguments(np.float32)
>>> list(arguments), arguments["x"].shape
(['x', 'groups'], (1, 4, 1, 1))
>>> y, extra = run(ops, call, arguments)
>>> gradients = run_backward(ops, call, y, arguments, extra)
>>> bool((gradients["x"] == arguments["x"]).all())  # back in their places
True

What an operator takes is read in its row of `ghostnp.ops.vocabulary`, so that one of your own, once it is registered,
is called like any other.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.ops.vocabulary import Operator, operator_named, operators
from ghostnp.testing import ghost
from ghostnp.testing.arrays import REGIMES, format_of, in_memory, values

GHOST = Operator(
    ghost.ghost_module,
    "ghost",
    ghost.ghost_module_backward,
    homogeneous=(("x",), ("primary_weight",), ("cheap_weight",)),
)


def operator_names():
    """Names of all operators that can be called: the vocabulary's, those registered, and the ghost module."""
    return (*operators(), GHOST.name)


def row_of(operator):
    """What an operator is: its row of the vocabulary, or the ghost module's.

    Raises
    ------
    ValueError
        If there is no operator of that name.
    """
    return GHOST if operator == GHOST.name else operator_named(operator)


def definition(name):
    """The function of that name.

    Parameters
    ----------
    name : str
        Such as "channel_shuffle", "channel_shuffle_backward" or "channel_shuffle_cost".

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If there is no such operator, or it has no such function.
    """
    operator, part = name, "forward"
    for ending in ("backward", "cost"):
        if str(name).endswith(f"_{ending}"):
            operator, part = name.removesuffix(f"_{ending}"), ending
    function = getattr(row_of(operator), part)
    if function is None:
        raise ValueError(f"there is no {name}: the rule is register(..., {part}=...) for an operator of your own")
    return function


def lookup(namespace, name):
    """The function of that name in `namespace`, or else its definition."""
    return getattr(namespace, name, None) or definition(name)


class _Shaped(NamedTuple):
    shape: tuple[int, ...]


class Call:
    """One call of an operator.

    Parameters
    ----------
    operator : str
        A forward function of the vocabulary, registered ones among them, or "ghost_module".
    memory : str, default "C"
        How its arrays are laid out: one of `MEMORY`.
    seed : int, default 0
        Of their values.
    regime : str, default "usual"
        What kind of numbers the activations are: one of `REGIMES`.
    **given
        Its arguments by name: a shape for each array (a list of shapes for `xs`), all else as it is. What is left out,
        such as a bias, is absent.

    Attributes
    ----------
    given : dict
        The positional arguments that were given.
    keywords : dict
        The keywords that do not have their usual value.
    row : Operator
        What the operator is.

    Raises
    ------
    TypeError, ValueError
        If there is no such operator, or it has no argument of that name.
    """

    def __init__(self, operator, *, memory="C", seed=0, regime="usual", **given):
        self.operator, self.memory, self.seed, self.regime = operator, memory, seed, regime
        self.row = row_of(operator)
        names = (*self.row.positional, *self.row.keywords)
        if unknown := sorted(set(given) - set(names)):
            raise TypeError(f"{operator} takes {', '.join(names)}, and not {', '.join(unknown)}")
        given = {name: given[name] for name in names if given.get(name) is not None}
        self.given = {name: value for name, value in given.items() if name in self.row.positional}
        usual = self.row.keywords
        self.keywords = {name: value for name, value in given.items() if name in usual and value != usual[name]}

    def __getitem__(self, name):
        """An argument by name: a shape, or a value, the usual one if it was left out."""
        if name in self.row.positional:
            return self.given.get(name)
        return self.keywords.get(name, self.row.keywords[name])

    def replace(self, **changes):
        """The same call with other arguments, keywords, memory, seed or regime."""
        kept = {"memory": self.memory, "seed": self.seed, "regime": self.regime}
        return Call(self.operator, **kept | self.given | self.keywords | changes)

    def arguments(self, dtype, draw=values, stream=0):
        """Its positional arguments, with arrays for shapes.

        Parameters
        ----------
        dtype : dtype or str
            float32 or float64; or one of `FORMATS`, whose numbers then come in its carrier.
        draw : callable, default values
            Makes numbers from (generator, shape, dtype).
        stream : int, default 0
            Another stream gives other numbers.

        Returns
        -------
        dict
            In the order of the operator's signature.
        """
        form = format_of(dtype)

        def fill(name, value, *place):
            if name not in self.row.arrays:
                return value
            if isinstance(value, list):
                return [fill(name, shape, *place, part) for part, shape in enumerate(value)]
            rng = np.random.default_rng([self.seed, stream, *place])
            if name == "labels":
                return rng.integers(0, self.given["logits"][1], value)
            array = draw(rng, value, form.carrier)
            if name == "var":
                array = np.abs(array) + form.carrier(0.5)
            elif name in self.row.activations:
                array = REGIMES[self.regime](rng, array, form)
            return in_memory(form.rounded(array), self.memory)

        return {name: fill(name, value, place) for place, (name, value) in enumerate(self.given.items())}

    def array(self, shape, dtype, stream=0, draw=values):
        """Another array that goes with the call, in its memory layout; the same `stream` gives the same numbers."""
        return in_memory(draw(np.random.default_rng([self.seed, stream, 98]), shape, dtype), self.memory)

    def gradient(self, y, draw=values, stream=0):
        """An incoming gradient for the result `y`: shaped like it, a list if it is one."""
        if isinstance(y, list):
            return [self.gradient(part, draw, stream + 100 * number) for number, part in enumerate(y, 1)]
        y = np.asarray(y)
        dy = draw(np.random.default_rng([self.seed, stream, 99]), y.shape, y.dtype)
        return in_memory(np.asarray(dy, y.dtype), self.memory) if y.ndim else y.dtype.type(dy)

    def cost(self, namespace=ops):
        """What the operator's cost function says of it."""

        def shaped(name, value):
            if name not in self.row.arrays:
                return value
            return [_Shaped(shape) for shape in value] if isinstance(value, list) else _Shaped(value)

        arguments: dict[str, Any] = dict.fromkeys(self.row.positional) | self.row.keywords | self.keywords
        arguments |= {name: shaped(name, value) for name, value in self.given.items()}
        return replace(self.row, cost=lookup(namespace, self.operator + "_cost")).cost_of(arguments)

    def __repr__(self):
        shown = [f"{name}={value!r}" for name, value in (self.given | self.keywords).items()]
        shown += [f"memory={self.memory!r}"] * (self.memory != "C") + [f"seed={self.seed}"] * (self.seed != 0)
        shown += [f"regime={self.regime!r}"] * (self.regime != "usual")
        return f"Call({', '.join([repr(self.operator), *shown])})"

    def __eq__(self, other):
        return isinstance(other, Call) and repr(self) == repr(other)

    def __hash__(self):
        return hash(repr(self))


def run(namespace, call, arguments):
    """Call the operator of `namespace`: y, and a tuple of its extra outputs.

    Parameters
    ----------
    namespace : module or object
        Has the function, or else its definition is called.
    call : Call
        Gives operator and keywords.
    arguments : dict
        As of `Call.arguments`.

    Returns
    -------
    y : ndarray or list of ndarray
    extra : tuple
    """
    result = lookup(namespace, call.operator)(*arguments.values(), **call.keywords)
    if "sizes" in call.row.positional:  # one result of each size, and no extra outputs
        return list(result), ()
    y, *extra = result if isinstance(result, tuple) else (result,)
    return y, tuple(extra)


def run_backward(namespace, call, dy, arguments, extra):
    """Call the operator's backward pass of `namespace`: gradients by the arguments' names.

    Parameters
    ----------
    namespace, call, arguments
        As of `run`.
    dy : ndarray or list of ndarray
        Shaped like y.
    extra : tuple
        The extra outputs of forward.

    Returns
    -------
    dict[str, ndarray or list of ndarray]
    """
    backward = lookup(namespace, call.operator + "_backward")
    took = backward_arguments(call, dy, arguments, extra)
    return named_gradients(call.operator, backward(*took, **call.keywords))


def backward_arguments(call, dy, arguments, extra):
    """What a backward pass takes, in order: dy, those of forward's arguments that it needs, the extra outputs."""
    return [dy, *call.row.backward_arguments(arguments, extra).values()]


def named_gradients(operator, result):
    """The gradients of a backward pass by name; a plain tuple in the right order will do as well as a named one."""
    names = row_of(operator).gradients
    parts = (result,) if len(names) == 1 else result
    if not isinstance(parts, tuple | list) or len(parts) != len(names):
        came = f"{len(parts)} of them" if isinstance(parts, tuple | list) else type(parts).__name__
        raise TypeError(f"{operator}_backward returns gradients of {', '.join(names)}, and gave {came}")
    return {name: list(part) if name == "xs" else part for name, part in zip(names, parts, strict=True)}


def leaves(value):
    """The arrays in a result, an argument or a gradient, one after the other."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [value] if isinstance(value, np.ndarray | np.generic) else []
