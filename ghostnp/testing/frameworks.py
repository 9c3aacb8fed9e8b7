"""Frameworks: how a function of PyTorch or Keras is handed arrays, and how its gradients are got back.

Each of `ADAPTERS` calls a function on arrays and keywords. It gives y as an array, or a list of them, and a function
from dy to the gradients, or None where there is no way to them.
"""

from collections.abc import Callable

import numpy as np

FRAMEWORKS = ("numpy", "torch", "keras")
# Which paddings a framework's convolutions can express: see `calls`.
PADDINGS = {"numpy": "any", "torch": "symmetric", "keras": "words"}
_HOMES = {"torch": "torch", "keras": "keras", "tensorflow": "keras"}


def framework_of(fn):
    """Which framework a function comes from, by its module: "numpy" if from none that is known."""
    module = getattr(fn, "__module__", None) or type(fn).__module__
    return _HOMES.get(str(module).split(".")[0], "numpy")


def call_numpy(fn, arrays, keywords):
    """Call a plain function of NumPy arrays: the only way to gradients is a `backward` function."""
    return fn(*arrays, **keywords), None


def call_torch(fn, arrays, keywords):
    """Call a function of tensors; gradients by autograd."""
    import torch

    tensors = _map(arrays, lambda array: _tensor(torch, array))
    inputs = [tensor for tensor in _flat(tensors) if tensor.is_floating_point()]
    y = fn(*tensors, **keywords)
    y = y[0] if isinstance(y, tuple) and len(y) == 2 and not y[1].is_floating_point() else y

    def pull(dy):
        upstream = _map(dy if isinstance(dy, list) else [dy], lambda part: torch.tensor(_fresh(part)))
        outputs = list(y) if isinstance(y, list | tuple) else [y]
        gradients = torch.autograd.grad(outputs, inputs, upstream, allow_unused=True)
        return [None if gradient is None else gradient.numpy() for gradient in gradients]

    return _map(list(y) if isinstance(y, list | tuple) else y, lambda part: part.detach().numpy()), pull


def call_keras(fn, arrays, keywords):
    """Call a function of Keras or TensorFlow tensors; gradients by a tape, where TensorFlow is the backend."""
    import tensorflow as tf

    tensors = _map(arrays, lambda array: tf.convert_to_tensor(_fresh(array)))
    inputs = [tensor for tensor in _flat(tensors) if tensor.dtype.is_floating]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        y = fn(*tensors, **keywords)

    def pull(dy):
        upstream = _map(dy, lambda part: tf.convert_to_tensor(_fresh(part)))
        gradients = tape.gradient(y, inputs, output_gradients=upstream)
        return [None if gradient is None else gradient.numpy() for gradient in gradients]

    return _map(list(y) if isinstance(y, list | tuple) else y, lambda part: part.numpy()), pull


ADAPTERS: dict[str, Callable] = {"numpy": call_numpy, "torch": call_torch, "keras": call_keras}


def _tensor(torch, array):
    if not isinstance(array, np.ndarray):
        return array
    tensor = torch.tensor(_fresh(array))
    if array.ndim > 1 and not array.flags.c_contiguous:
        # Tensors have no negative strides and always are aligned; that they need not be contiguous is what can be kept.
        tensor = tensor.transpose(0, -1).contiguous().transpose(0, -1)
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def _fresh(array):
    """A copy in C order: a single number may lie with a negative stride and count as contiguous."""
    return np.array(array, order="C")


def _map(value, change):
    if isinstance(value, list):
        return [_map(part, change) for part in value]
    return change(value) if hasattr(value, "dtype") else value


def _flat(values):
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        elif hasattr(value, "dtype"):
            yield value
