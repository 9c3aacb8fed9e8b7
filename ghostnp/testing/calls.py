"""Calls: what any operator of the vocabulary is called with, written down as shapes, keywords and a seed.

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
"""

import inspect

import numpy as np

from ghostnp import ops
from ghostnp.testing import ghost
from ghostnp.testing.cases import in_memory, values

# What is passed on as it is, where all other positional arguments are arrays and a call holds their shapes.
PLAIN = frozenset({"kernel_size", "size", "sizes", "groups"})
# Arrays that get no gradient.
CONSTANT = PLAIN | {"labels", "mask", "mean", "var"}
GHOST = ("ghost_module", "ghost_module_backward")
OPERATORS = tuple(name for name in (*ops.__all__, GHOST[0]) if not name.endswith(("_backward", "_cost")))


def definition(name):
    """The function of that name: of `ghostnp.ops`, or the ghost module's.

    Parameters
    ----------
    name : str
        Such as "channel_shuffle" or "channel_shuffle_backward".

    Returns
    -------
    callable
    """
    if name not in ops.__all__ and name not in GHOST:
        raise ValueError(f"{name!r} is not in the vocabulary: the rule is a name of ghostnp.ops, such as 'conv2d'")
    return getattr(ghost if name in GHOST else ops, name)


def lookup(namespace, name):
    """The function of that name in `namespace`, or else its definition."""
    return getattr(namespace, name, None) or definition(name)


class Call:
    """One call of an operator.

    Parameters
    ----------
    operator : str
        A forward function of the vocabulary, or "ghost_module".
    memory : str, default "C"
        How its arrays are laid out: one of `MEMORY`.
    seed : int, default 0
        Of their values.
    **given
        Its arguments by name: a shape for each array (a list of shapes for `xs`), all else as it is. What is left out,
        such as a bias, is absent.

    Raises
    ------
    TypeError, ValueError
        If there is no such operator, or it has no argument of that name.
    """

    def __init__(self, operator, *, memory="C", seed=0, **given):
        parameters = inspect.signature(definition(operator)).parameters
        if strangers := set(given) - set(parameters):
            raise TypeError(f"{operator} takes {', '.join(parameters)}, and not {', '.join(sorted(strangers))}")
        self.operator, self.memory, self.seed = operator, memory, seed
        ordered = [(name, p.kind is p.KEYWORD_ONLY) for name, p in parameters.items() if given.get(name) is not None]
        self.given = {name: given[name] for name, keyword in ordered if not keyword}
        self.keywords = {name: given[name] for name, keyword in ordered if keyword}

    def replace(self, **changes):
        """The same call with other arguments, keywords, memory or seed."""
        return Call(self.operator, **{"memory": self.memory, "seed": self.seed} | self.given | self.keywords | changes)

    def arguments(self, dtype, draw=values, stream=0):
        """Its positional arguments, with arrays for shapes.

        Parameters
        ----------
        dtype : dtype
            float32 or float64.
        draw : callable, default values
            Makes numbers from (generator, shape, dtype).
        stream : int, default 0
            Another stream gives other numbers.

        Returns
        -------
        dict
            In the order of the operator's signature.
        """

        def fill(name, value, *place):
            if name in PLAIN:
                return value
            if name == "xs":
                return [fill("x", shape, *place, part) for part, shape in enumerate(value)]
            rng = np.random.default_rng([self.seed, stream, *place])
            if name == "labels":
                return rng.integers(0, self.given["logits"][1], value)
            array = draw(rng, value, dtype)
            return in_memory(np.abs(array) + dtype(0.5) if name == "var" else array, self.memory)

        return {name: fill(name, value, place) for place, (name, value) in enumerate(self.given.items())}

    def gradient(self, y, draw=values, stream=0):
        """An incoming gradient for the result `y`: shaped like it, a list if it is one."""
        if isinstance(y, list):
            return [self.gradient(part, draw, stream + 100 * number) for number, part in enumerate(y, 1)]
        y = np.asarray(y)
        dy = draw(np.random.default_rng([self.seed, stream, 99]), y.shape, y.dtype)
        return in_memory(np.asarray(dy, y.dtype), self.memory) if y.ndim else y.dtype.type(dy)

    def cost(self, namespace=ops):
        """What the operator's cost function says of it."""
        cost = lookup(namespace, self.operator + "_cost")
        if "bias" not in inspect.signature(cost).parameters:
            return cost(*self.given.values(), **self.keywords)
        shapes = [value for name, value in self.given.items() if name != "bias"]
        return cost(*shapes, bias="bias" in self.given, **self.keywords)

    def __repr__(self):
        shown = [f"{name}={value!r}" for name, value in (self.given | self.keywords).items()]
        shown += [f"memory={self.memory!r}"] * (self.memory != "C") + [f"seed={self.seed}"] * (self.seed != 0)
        return f"Call({', '.join([repr(self.operator), *shown])})"

    def __eq__(self, other):
        return isinstance(other, Call) and repr(self) == repr(other)

    def __hash__(self):
        return hash(repr(self))


def run(namespace, call, arguments):
    """Call the operator of `namespace`: y, and a tuple of what comes beside it.

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
    if call.operator == "split":
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
        What forward gave beside y.

    Returns
    -------
    dict[str, ndarray or list of ndarray]
    """
    backward = lookup(namespace, call.operator + "_backward")
    took = backward_arguments(call, dy, arguments, extra)
    return named_gradients(call.operator, backward(*took, **call.keywords))


def backward_arguments(call, dy, arguments, extra):
    """What a backward pass takes, in order: dy, those of forward's arguments that it needs, what came beside y."""
    beside = iter(extra)
    _, *needed = (p.name for p in _positional(definition(call.operator + "_backward")))
    return [dy, *(arguments[name] if name in arguments else next(beside) for name in needed)]


def gradient_names(operator):
    """The arguments that its backward pass gives gradients of, in order."""
    return [p.name for p in _positional(definition(operator)) if p.name not in CONSTANT]


def named_gradients(operator, result):
    """The gradients of a backward pass by name; a plain tuple in the right order will do as well as a named one."""
    names = gradient_names(operator)
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


def _positional(function):
    return [p for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
