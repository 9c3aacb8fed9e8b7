"""Frameworks: how a function of PyTorch, Keras, JAX, MLX or your own is handed arrays, and gives its gradients back.

An `Adapter` says it. One of your own is a small class, and is given as ``framework=``:

>>> from decimal import Decimal
>>> class Decimals(Adapter):  # a function of decimal fractions, in arrays of Python's objects
...     def tensor(self, array, form, wanted):
...         return np.vectorize(Decimal, "O")(array.astype(float))
...
...     def array(self, tensor):
...         return tensor.astype(np.float32)
...
...     def dtype(self, tensor):
...         return "float32"
>>> from ghostnp.testing.arrays import format_of
>>> y, _ = Decimals()(lambda x: x * Decimal(-1), [np.ones(2, np.float32)], {}, format_of("float32"), [False])
>>> y
array([-1., -1.], dtype=float32)
"""

import functools
from os import PathLike, fspath

import numpy as np


class Adapter:
    """How functions of NumPy arrays are called, and what another framework says otherwise.

    Attributes
    ----------
    paddings : str
        Which paddings its convolutions can express: see `calls`.
    computes : bool
        Whether there are numbers in its results; if not, shapes and dtypes are compared alone.
    subnormals : bool
        Whether it computes with subnormals; if not, it takes them for zeros, and so for numbers on a kink.
    """

    paddings = "any"
    computes = True
    subnormals = True

    @property
    def differentiates(self):
        """Whether `run` gives gradients, as one of your own may."""
        return type(self).run is not Adapter.run

    def tensor(self, array, form, wanted):
        """An array as the framework has it.

        Parameters
        ----------
        array : ndarray
            Integers, or numbers of the format `form` in its carrier.
        form : Format
            In which the tensor is.
        wanted : bool
            Whether its gradient will be asked for.
        """
        if array.dtype.kind != "f" or form.name == array.dtype.name:
            return array
        if form.name == "bfloat16":
            import ml_dtypes  # NumPy's own formats have none of that name

            return array.astype(ml_dtypes.bfloat16)
        return array.astype(form.name)

    def array(self, tensor):
        """A result as a NumPy array, which may be of a wider format."""
        return np.asarray(tensor)

    def dtype(self, tensor):
        """The name of a result's format, such as "bfloat16"."""
        return str(np.asarray(tensor).dtype)

    def run(self, fn, tensors, keywords, wanted):
        """Call `fn`.

        Parameters
        ----------
        fn : callable
        tensors : list
            Its arguments; an argument may be a list of tensors.
        keywords : dict
        wanted : list
            Those tensors whose gradients will be asked for.

        Returns
        -------
        y : tensor or list of tensors
        pull : callable or None
            From a list of tensors, as many as there are in y, to the gradients of `wanted`, None where there is none;
            None where the framework differentiates nothing.
        """
        return fn(*tensors, **keywords), None

    def __call__(self, fn, arrays, keywords, form, wanted):
        """Call `fn` on arrays.

        Parameters
        ----------
        fn : callable
        arrays : list
            NumPy arrays, lists of them, and what is no array.
        keywords : dict
        form : Format
            Of the tensors that `fn` is given.
        wanted : list of bool
            For each of `arrays`, whether its gradient will be asked for.

        Returns
        -------
        y : ndarray or list of ndarray
            In the carrier of the format.
        pull : callable or None
            From dy to a list of gradients, one for each array that was wanted.

        Raises
        ------
        AssertionError
            If a result is of another format.
        """
        tensors = [
            _map(value, lambda array, want=want: self.tensor(array, form, want and array.dtype.kind == "f"))
            for value, want in zip(arrays, wanted, strict=True)
        ]
        asked = [
            leaf
            for value, tensor, want in zip(arrays, tensors, wanted, strict=True)
            if want
            for array, leaf in _pairs(value, tensor)
            if array.dtype.kind == "f"
        ]
        result, pull = self.run(fn, tensors, keywords, asked)
        several = isinstance(result, list | tuple)
        y = [self.back(part, form, "y") for part in result] if several else self.back(result, form, "y")
        if pull is None or not asked:
            return y, None

        def gradients(dy):
            upstream = [self.tensor(_fresh(part), form, False) for part in (dy if isinstance(dy, list) else [dy])]
            return [None if part is None else self.back(part, form, "a gradient") for part in pull(upstream)]

        return y, gradients

    def back(self, tensor, form, what):
        """A result in the carrier of `form`; `what` names it if it is of another format."""
        came = self.dtype(tensor)
        if came != form.name:
            raise AssertionError(
                f"{what} is {came}, and the arrays were {form.name}: the rule is a result of their dtype, or "
                f"dtype={came!r} for a function of such"
            )
        return self.array(tensor).astype(form.carrier, copy=False)

    def __repr__(self):
        return f"{type(self).__name__}()"


class Torch(Adapter):
    """Functions of PyTorch's tensors; gradients by autograd.

    Parameters
    ----------
    device : str, default "cpu"
        Where the tensors are: "cuda", "mps", or "meta", which has shapes and no numbers.
    """

    paddings = "symmetric"

    def __init__(self, device="cpu"):
        self.device, self.computes = device, device != "meta"

    def tensor(self, array, form, wanted):
        """A tensor on the device, in the order of memory that `array` has, as far as tensors can."""
        import torch

        tensor = torch.tensor(_fresh(array))
        if array.dtype.kind == "f":
            tensor = tensor.to(getattr(torch, form.name))
        if array.ndim > 1 and not array.flags.c_contiguous:
            # Tensors have no negative strides and always are aligned; that they need not be contiguous can be kept.
            tensor = tensor.transpose(0, -1).contiguous().transpose(0, -1)
        return tensor.to(self.device).requires_grad_(wanted)

    def array(self, tensor):
        """The numbers, zeros where the device has none."""
        import torch

        tensor = tensor.detach()
        tensor = torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else tensor.cpu()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()

    def dtype(self, tensor):
        """The name without that of the library."""
        return str(tensor.dtype).removeprefix("torch.")

    def run(self, fn, tensors, keywords, wanted):
        """Record for autograd only where a gradient is wanted."""
        import torch

        with torch.set_grad_enabled(bool(wanted)):
            y = fn(*tensors, **keywords)

        def pull(dy):
            outputs = list(y) if isinstance(y, list | tuple) else [y]
            return torch.autograd.grad(outputs, wanted, dy, allow_unused=True)

        return y, pull

    def __repr__(self):
        return "Torch()" if self.device == "cpu" else f"Torch({self.device!r})"


class Keras(Adapter):
    """Functions of Keras or TensorFlow tensors; gradients by a tape, where TensorFlow is the backend."""

    paddings = "words"
    subnormals = False  # TensorFlow's threads flush them

    def tensor(self, array, form, wanted):
        """A tensor in C order."""
        import tensorflow as tf

        tensor = tf.convert_to_tensor(_fresh(array))
        return tf.cast(tensor, form.name) if array.dtype.kind == "f" else tensor

    def array(self, tensor):
        """The numbers."""
        return tensor.numpy()

    def dtype(self, tensor):
        """The dtype's name."""
        return tensor.dtype.name

    def run(self, fn, tensors, keywords, wanted):
        """Watch what is wanted."""
        import tensorflow as tf

        with tf.GradientTape(persistent=True) as tape:
            tape.watch(wanted)
            y = fn(*tensors, **keywords)

        def pull(dy):
            outputs = list(y) if isinstance(y, list | tuple) else y
            return tape.gradient(outputs, wanted, output_gradients=dy if isinstance(outputs, list) else dy[0])

        return y, pull


class Jax(Adapter):
    """Functions of JAX's arrays, compiled or not; gradients by ``jax.vjp``. In float64 its 64 bits are switched on."""

    subnormals = False  # XLA's default

    def tensor(self, array, form, wanted):
        """An array of JAX's."""
        import jax.numpy as jnp

        return jnp.array(super().tensor(_fresh(array), form, wanted))

    def run(self, fn, tensors, keywords, wanted):
        """Differentiate only where a gradient is wanted."""
        import jax

        if not wanted:
            return fn(*tensors, **keywords), None
        y, pull = jax.vjp(_function_of(fn, tensors, keywords, wanted), *wanted)
        return y, lambda dy: pull(type(y)(dy) if isinstance(y, list | tuple) else dy[0])

    def __call__(self, fn, arrays, keywords, form, wanted):
        """As of any adapter."""
        import jax

        wide = form.name == "float64"
        with jax.enable_x64(wide):
            y, pull = super().__call__(fn, arrays, keywords, form, wanted)

        def gradients(dy):
            with jax.enable_x64(wide):
                return pull(dy)

        return y, None if pull is None else gradients


class Mlx(Adapter):
    """Functions of MLX's arrays; gradients by ``mlx.core.vjp``. Its convolutions take NHWC and OHWI."""

    paddings = "symmetric"

    def tensor(self, array, form, wanted):
        """An array of MLX's."""
        import mlx.core as mx

        tensor = mx.array(_fresh(array))
        return tensor.astype(getattr(mx, form.name)) if array.dtype.kind == "f" else tensor

    def array(self, tensor):
        """The numbers; NumPy has no bfloat16."""
        import mlx.core as mx

        return np.array(tensor.astype(mx.float32) if tensor.dtype == mx.bfloat16 else tensor)

    def dtype(self, tensor):
        """The name without that of the library."""
        return str(tensor.dtype).rpartition(".")[2]

    def run(self, fn, tensors, keywords, wanted):
        """MLX runs the function once more to differentiate it."""
        import mlx.core as mx

        y = fn(*tensors, **keywords)
        return y, lambda dy: mx.vjp(_function_of(fn, tensors, keywords, wanted), wanted, dy)[1]


class OnnxRuntime(Adapter):
    """Models in files, such as "conv.onnx", run by ONNX Runtime.

    The model's inputs are the operator's arrays in order, weights among them, and its first outputs are y. What the
    operator's keywords say is in the model already, so it is fixed for all calls: ``kernel=3, stride=1, padding=1``.

    Parameters
    ----------
    providers : sequence of str, default ("CPUExecutionProvider",)
        What ONNX Runtime computes with.
    """

    differentiates = False

    def __init__(self, providers=("CPUExecutionProvider",)):
        self.providers, self._loaded = tuple(providers), {}

    def load(self, model):
        """Get a model ready.

        Parameters
        ----------
        model : str or bytes
            A file, or what would be in it.

        Returns
        -------
        inputs : list of str
            Their names.
        infer : callable
            From a dict of arrays by name to a list of arrays.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what goes wrong is raised
        options.intra_op_num_threads = 1  # the calls are small, and threads take longer to start than to compute
        session = onnxruntime.InferenceSession(model, options, providers=list(self.providers))
        return [given.name for given in session.get_inputs()], lambda feeds: session.run(None, feeds)

    def run(self, fn, tensors, keywords, wanted):
        """Feed the arrays by position."""
        file = fspath(fn)
        if file not in self._loaded:
            self._loaded[file] = self.load(file)
        names, infer = self._loaded[file]
        arrays = [part for value in tensors for part in (value if isinstance(value, list) else [value])]
        arrays = [part for part in arrays if hasattr(part, "dtype")]
        if len(arrays) != len(names):
            raise TypeError(
                f"{file} has {len(names)} inputs ({', '.join(names)}), and the operator has {len(arrays)} arrays: the "
                f"rule is an input for each, weights too; with_bias=False says that there is no bias"
            )
        y = infer({name: _fresh(array) for name, array in zip(names, arrays, strict=True)})
        return (y if len(y) > 1 else y[0]), None


ADAPTERS = {"numpy": Adapter, "torch": Torch, "keras": Keras, "jax": Jax, "mlx": Mlx, "onnxruntime": OnnxRuntime}
_HOMES = {"torch": "torch", "keras": "keras", "tensorflow": "keras", "jax": "jax", "jaxlib": "jax", "mlx": "mlx"}


def framework_of(fn):
    """Which framework a function comes from, by its module: "numpy" if from none that is known; a file is a model."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if isinstance(fn, str | PathLike):
        return "onnxruntime"
    module = getattr(fn, "__module__", None) or type(fn).__module__
    return _HOMES.get(str(module).split(".")[0], "numpy")


def adapter_of(framework, device=None):
    """An `Adapter` by the framework's name; one of your own is taken as it is.

    Raises
    ------
    ValueError
        If there is none of that name, or it has no devices.
    """
    if isinstance(framework, Adapter):
        adapter = framework
    elif framework not in ADAPTERS:
        known = ", ".join(map(repr, ADAPTERS))
        raise ValueError(f"framework={framework!r}: the rule is one of {known}, or an Adapter of your own")
    else:
        adapter = ADAPTERS[framework]()
    if device is None:
        return adapter
    if not isinstance(adapter, Torch):
        raise ValueError(f"device={device!r}: the rule is framework='torch', whose devices have such names")
    return Torch(device)


def _function_of(fn, tensors, keywords, wanted):
    """`fn` as a function of those tensors alone whose gradients are wanted."""
    places = {id(tensor): number for number, tensor in enumerate(wanted)}

    def replaced(value, given):
        if isinstance(value, list):
            return [replaced(part, given) for part in value]
        return given[places[id(value)]] if id(value) in places else value

    return lambda *given: fn(*(replaced(value, given) for value in tensors), **keywords)


def _fresh(array):
    """A copy in C order: a single number may lie with a negative stride and count as contiguous."""
    return np.array(array, order="C")


def _map(value, change):
    if isinstance(value, list):
        return [_map(part, change) for part in value]
    return change(value) if hasattr(value, "dtype") else value


def _pairs(value, tensor):
    """Each array, and the tensor that was made of it."""
    if isinstance(value, list):
        return [pair for part in zip(value, tensor, strict=True) for pair in _pairs(*part)]
    return [(value, tensor)] if hasattr(value, "dtype") else []
