"""Recording: a model runs once, on arrays or on shapes alone, and every call of the vocabulary is written down.

The recorder is a backend like any other: modules call it as they call `ghostnp.ops`. It computes with the backend in
force, or with `Token`s that have a shape and a dtype and nothing else.

>>> from ghostnp.modules import Conv2d, ReLU, Sequential
>>> import numpy as np
>>> tape = record(Sequential(Conv2d(3, 4, 3), ReLU()), np.ones((1, 3, 8, 8), np.float32))
>>> print(tape)
#0 (1, 3, 8, 8) float32
#1 (1, 4, 6, 6) = standard_conv2d(x=#0, weight=0.weight, bias=0.bias, stride=1, padding=0, dilation=1)  in 0
#2 (1, 4, 6, 6) = relu(x=#1)  in 1
result #2
"""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ghostnp import ops
from ghostnp.backend import backend, use_backend
from ghostnp.graph.tape import Constant, Result, Step, Tape, Tracked, several
from ghostnp.modules import Module, current_path
from ghostnp.modules.layers import statistics, track_statistics, tracking
from ghostnp.ops.vocabulary import function_named, operator_named, signature


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


def record(model, *inputs, training=False, rng=None, state=None, strict=True):
    """Run a model once, on the backend in force, and write down each call.

    Parameters
    ----------
    model : Module or callable
        A function gets the recording backend and then the inputs: ``record(lambda b, x: b.relu(x), x)``.
    *inputs : ndarray or Token
        What it reads; a Module reads one. With a `Token` of a shape and a dtype nothing is computed.
    training, rng
        As in `Module.forward`, for a Module: training moves its running statistics, as always.
    state : dict of str to ndarray, optional
        Arrays that may occur as constants, by name; by default the Module's `state_dict()`.
    strict : bool, default True
        Whether an array of unknown origin is an error. Otherwise it is a constant without a name, which is enough where
        only shapes are read.

    Returns
    -------
    Tape

    Raises
    ------
    TypeError
        If `model` cannot be called so, or a Token is handed to NumPy.
    ValueError
        If a call is handed an array that is neither an input, nor an earlier result, nor in `state`: on the tape it
        would be frozen as it is now, and the tape wrong for any other input.
    """
    is_module = isinstance(model, Module)
    if not is_module and (isinstance(model, type) or not callable(model)):
        raise TypeError(
            f"model is of type {type(model).__name__}: the rule is a Module or a function of a backend and arrays, "
            f"such as create_model(...)"
        )
    if not is_module and (training or rng is not None):
        raise TypeError("training and rng are for a Module: the rule for a function is to hand them on by itself")
    if is_module and len(inputs) != 1:
        raise TypeError(f"{len(inputs)} inputs were given: the rule for a Module is one, such as record(model, x)")
    state = (model.state_dict() if is_module else {}) if state is None else state
    recorder = _Recorder(backend, inputs, state, strict)
    with use_backend(_RecordingBackend(recorder)) as namespace, tracking(recorder.track_statistics):
        if not is_module:
            y = model(namespace, *inputs)
        elif training:
            y, _ = model.forward(*inputs, training=True, rng=rng)
        else:
            y = model(*inputs)
    output = recorder.known(y, "what the model returned")
    return Tape(tuple(recorder.steps), tuple(recorder.values), len(inputs), output, tuple(recorder.tracked))


class _RecordingBackend:
    """The functions of a recorder, as a backend.

    A recorder that kept its functions would be in a cycle of references, and what it recorded, weights and all, would
    stay in memory until Python looks for such.
    """

    is_whole = True

    def __init__(self, recorder):
        self._recorder = recorder

    def __getattr__(self, name):
        function = self._recorder.function(name)
        setattr(self, name, function)  # so that the next call finds it without asking here
        return function


class _Recorder:
    """Computes with the current backend, or with shapes alone, and writes down each call."""

    def __init__(self, backend, inputs, state, strict):
        self.steps, self.tracked, self._strict = [], [], strict
        self.values = list(inputs)  # this keeps them alive, so that an identity stays what it is
        self._numbers = {id(value): number for number, value in enumerate(inputs)}
        self._constants: dict[int, Constant] = {}
        for name, array in state.items():
            self._constants.setdefault(id(array), Constant(name, array))
        self._on_shapes = any(isinstance(value, Token) for value in (*inputs, *state.values()))
        self._namespace = ops if self._on_shapes else backend()  # on shapes nothing is computed, nor Numba imported

    def function(self, name):
        """What has this name in the backend; a function of the vocabulary is written down when it is called."""
        definition = function_named(name)
        if definition is None or name.endswith("_cost"):
            return getattr(self._namespace, name)
        is_backward, row = name.endswith("_backward"), operator_named(name.removesuffix("_backward"))
        computed = getattr(self._namespace, name)

        def recorded(*args, **keywords):
            call = signature(definition).bind(*args, **keywords)
            call.apply_defaults()
            path = current_path()
            where = f"{name} in {path}" if path else name
            arguments = {
                key: self.known(value, f"{where}: argument {key}") for key, value in call.arguments.items()
            }  # before the call, which may not be able to make anything of what is unknown
            y = None if self._on_shapes else computed(*args, **keywords)  # first, for it says best what is wrong
            cost = None if is_backward or not (row.cost or self._on_shapes) else row.cost_of(call.arguments)
            if self._on_shapes:
                y = _gradient_tokens(row, call.arguments) if is_backward else _tokens(cost, call.arguments)
            results = [self._numbered(value) for value in several(y)]
            self.steps.append(Step(name, path, arguments, tuple(results), getattr(y, "_fields", ()), cost))
            return y

        return recorded

    def track_statistics(self, norm, mean, var, *, count):
        """What a batch norm calls in training; on shapes there is nothing to move yet."""
        counters = norm.num_batches_tracked, None
        for (running, newest, factor), batches in zip(statistics(norm, mean, var, count), counters, strict=True):
            result = self.known(newest, f"batch norm in {current_path()}: statistics")
            self.tracked.append(Tracked(len(self.steps), running, result, norm.momentum, factor, batches))
        if not self._on_shapes:
            track_statistics(norm, mean, var, count=count)

    def known(self, value, what):
        """What stands for `value` on the tape."""
        if id(value) in self._numbers:
            return Result(self._numbers[id(value)])
        if id(value) in self._constants:
            return self._constants[id(value)]
        if isinstance(value, tuple | list):
            return tuple(self.known(part, what) for part in value)
        if isinstance(value, np.ndarray | Token):
            if not self._strict:
                return Constant("(array)", value)
            raise ValueError(
                f"{what} is an array of {value.dtype} {value.shape} that is neither an input, nor the result of an "
                f"earlier call, nor in state_dict(), so it would be frozen as it is now: the rule is to compute it "
                f"with the backend, such as backend().add(a, b), or to name it in parameter_names or buffer_names"
            )
        return value

    def _numbered(self, value):
        self.values.append(value)
        self._numbers[id(value)] = len(self.values) - 1
        return len(self.values) - 1


def _tokens(cost, arguments):
    """What a call gives on shapes: tokens for y and its extra outputs."""
    dtype = _dtype(arguments)
    if isinstance(cost.output, list):
        return [Token(shape, dtype) for shape in cost.output]
    results = tuple(Token(shape, dtype) for shape in (cost.output, *cost.extra))
    return results if cost.extra else results[0]


def _dtype(arguments):
    """That of the first array."""
    arrays = (part for value in arguments.values() for part in several(value))
    return next(array.dtype for array in arrays if isinstance(array, Token | np.ndarray))


def _gradient_tokens(row, arguments):
    """What a backward pass gives on shapes: tokens like the arguments, and for a bias one number a filter."""
    shapes = [arguments[row.trained[-2]].shape[:1] if name == "bias" else arguments[name] for name in row.gradients]

    def token(like):
        if isinstance(like, tuple | list) and like and not isinstance(like[0], int):
            return tuple(map(token, like))
        return Token(like, _dtype(arguments)) if isinstance(like, tuple) else Token(like.shape, like.dtype)

    gradients = [token(like) for like in shapes]
    return gradients[0] if len(gradients) == 1 else namedtuple("Gradients", row.gradients)(*gradients)
