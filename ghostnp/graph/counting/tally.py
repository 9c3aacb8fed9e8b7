"""The backend that counts: it computes nothing, and notes what each operator would cost."""

import inspect
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ghostnp import ops
from ghostnp.graph.counting.rows import CountRow
from ghostnp.modules import current_path
from ghostnp.ops.cost import NOTHING, Worked
from ghostnp.ops.geometry import sliding_window


@dataclass(frozen=True, eq=False)
class Token(NDArrayOperatorsMixin):
    """Stands for an array of which only shape and dtype are known."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def _refuse(self, *args, **kwargs):
        raise TypeError(
            "a module computed with its activations past the backend while it ran on shapes alone: the rule is that "
            "everything goes through the backend, such as backend().add(a, b)"
        )

    # Conversions, ufuncs and operators (which the mixin makes ufuncs), other NumPy functions, indexing.
    __array__ = __array_ufunc__ = __array_function__ = __getitem__ = __iter__ = _refuse

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._refuse()

    def __len__(self):
        return self.shape[0]


class Tally:
    """Every function of the vocabulary, on shapes.

    Parameters
    ----------
    parameters, buffers : iterable of array
        What belongs to the module that is counted. Each counts once, in the row of the first call that is handed it.

    Attributes
    ----------
    rows : list of CountRow
        One for each call so far.
    left : dict of int to array
        Parameters and buffers that no call was handed yet, by identity.
    """

    def __init__(self, parameters=(), buffers=()):
        self.rows = []
        self._parameters = {id(array): math.prod(array.shape) for array in parameters}
        self._buffers = {id(array): math.prod(array.shape) for array in buffers}
        self.left = {id(array): array for array in (*parameters, *buffers)}
        self._state = dict(self.left)  # keeps them alive, so that an identity stays what it is

    def __getattr__(self, name):
        if not hasattr(ops, f"{name}_cost"):
            raise AttributeError(f"the tally has no {name}: the rule is a function of the vocabulary with a cost")
        cost_of = getattr(ops, f"{name}_cost")
        forward, wanted = _signature(getattr(ops, name)), _signature(cost_of).parameters

        def counted(*args, **keywords):
            call = forward.bind(*args, **keywords)
            call.apply_defaults()
            cost = cost_of(**_shapes(call.arguments, wanted))
            tokens = self._tokens(call.arguments)
            self.rows.append(self._row(name, call.arguments, tokens, cost))
            dtype = _arrays(call.arguments)[0].dtype
            if isinstance(cost.output, list):
                return [Token(shape, dtype) for shape in cost.output]
            results = tuple(Token(shape, dtype) for shape in (cost.output, *cost.extra))
            return results if cost.extra else results[0]

        setattr(self, name, counted)  # so that the next call finds it without asking here
        return counted

    def add_unused(self, path, names):
        """Note that the module at `path` holds these arrays (a dict by name) and handed them to no operator."""
        held = {name: array for name, array in names.items() if id(array) in self.left}
        if held:
            params, bias, buffers = self._take(held)
            self.rows.append(
                CountRow(path, "(no operator)", (), (), Worked(str(params)), NOTHING, NOTHING, bias, buffers, 0, 0)
            )

    def _tokens(self, arguments):
        """The activations among a call's arguments."""
        return [value for value in _arrays(arguments) if isinstance(value, Token) and id(value) not in self._state]

    def _row(self, name, arguments, tokens, cost):
        params, bias, buffers = self._take(arguments)
        outputs = cost.output if isinstance(cost.output, list) else [cost.output]
        activations = sum(map(math.prod, outputs))
        return CountRow(
            current_path(),
            name,
            (tokens or _arrays(arguments))[0].shape,  # all that a call reads may be parameters
            outputs[0],
            cost.params if params == cost.params else Worked(str(params)),
            cost.macs,
            cost.other,
            bias,
            buffers,
            activations,
            alive=sum(math.prod(token.shape) for token in tokens) + activations,
            **_window(arguments),
        )

    def _take(self, arrays):
        """Take these arrays off what is left: how many parameters they are, biases among them, and buffers."""
        params = bias = buffers = 0
        for name, array in arrays.items():
            if self.left.pop(id(array), None) is None:
                continue
            size = self._parameters.get(id(array), 0)
            params += size
            bias += size if name == "bias" else 0
            buffers += self._buffers.get(id(array), 0)
        return params, bias, buffers


def _arrays(arguments):
    """Tokens and arrays among a call's arguments, in order."""
    values = [part for value in arguments.values() for part in (value if isinstance(value, tuple | list) else [value])]
    return [value for value in values if isinstance(value, Token | np.ndarray)]


def _shapes(given, wanted):
    """Arguments of a cost function, from those of its forward: arrays become shapes, a bias whether there is one."""
    shapes: dict[str, Any] = {}
    for name in wanted:
        if name == "bias":
            shapes[name] = given["bias"] is not None
        elif name.endswith("s_shapes"):
            shapes[name] = [array.shape for array in given[name.removesuffix("_shapes")]]
        elif name.endswith("_shape"):
            shapes[name] = given[name.removesuffix("_shape")].shape
        else:
            shapes[name] = given[name]
    return shapes


@cache
def _signature(function):
    """Finding one takes as long as counting by it, and every `Tally` asks for the whole vocabulary's."""
    return inspect.signature(function)


def _window(given):
    """Kernel, stride, padding, dilation and groups of a call, as far as it has any."""
    if "kernel_size" in given:
        kernel, weight, dilation = given["kernel_size"], None, 1
    elif "dilation" in given:
        weight = given["depthwise_weight"] if "depthwise_weight" in given else given["weight"]
        kernel, dilation = weight.shape[2:], given["dilation"]
    else:
        return {"groups": given["groups"]} if "groups" in given else {}
    stride = kernel if given["stride"] is None else given["stride"]
    size = given["x"].shape[2:]
    window = sliding_window(size, kernel, stride, given["padding"], dilation)
    return {
        "kernel": window.kernel,
        "stride": window.stride,
        "padding": window.padding,
        "dilation": None if weight is None else window.dilation,
        # Each filter sees C_in / groups channels, which is the second axis of every convolution's weights.
        "groups": None if weight is None else given["x"].shape[1] // weight.shape[1],
    }
