"""Who is held: the functions of a framework, how they are called, what they can express, and how a call is written.

A call that a framework cannot express is not drawn: asymmetric padding in PyTorch, padding that is no word in Keras.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np

from ghostnp.conformance.spelling import PRELUDE, Recorder, numbers, watching, watching_torch
from ghostnp.ops.vocabulary import operator_named
from ghostnp.testing.comparison import CallStyle
from ghostnp.testing.frameworks import Adapter, Jax, Keras, Torch


@dataclass(frozen=True)
class Peer:
    """A framework.

    Parameters
    ----------
    name : str
        As it writes itself.
    packages : tuple of str
        What has to be installed, by the names of their modules; their versions are reported.
    vocabulary : str
        A module that has the operators in its words.
    adapter : Adapter
        How its functions are called.
    imports : str
        How a script begins.
    dtypes : tuple of str
        In which formats it is held.
    paddings : str
        As of `ghostnp.testing.calls`.
    fixed : dict
        For an argument, what is fixed in calls that have it, since the framework has nothing else.
    layout
        As of `assert_matches`; with NHWC come the filters of Keras.
    modules : dict
        What the vocabulary calls the framework's modules, and a script does.
    differentiates : bool
        Whether there are gradients.
    share : float
        How many of the calls of a run it gets: one that compiles for each shape is slow.
    narrow : tuple of str
        The operators whose sums it keeps in the format of the arrays. All others are held to sums in float32 or wider.
    """

    name: str
    packages: tuple[str, ...]
    vocabulary: str
    adapter: Adapter
    imports: str
    dtypes: tuple[str, ...] = ("float32",)
    paddings: str = "any"
    layout: str = "NCHW"
    fixed: dict[str, dict[str, Any]] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    differentiates: bool = True
    share: float = 1.0
    narrow: tuple[str, ...] = ()

    @property
    def installed(self):
        """Whether all its packages are."""
        return all(find_spec(package) is not None for package in self.packages)

    @cached_property
    def versions(self):
        """Of its packages."""
        found = {}
        for package in self.packages:
            for distribution in (package, f"{package}-cpu"):
                with suppress(PackageNotFoundError):
                    found[package] = version(distribution)
        return found

    @cached_property
    def functions(self):
        """The vocabulary, by the operators' names."""
        module = import_module(self.vocabulary)
        return module.FUNCTIONS if hasattr(module, "FUNCTIONS") else vars(module)

    def function(self, operator):
        """Its function of that name, or None."""
        return self.functions.get(operator)

    def style(self, operator, dtype):
        """How the function wants to be called."""
        sums = "float32" if dtype in ("float16", "bfloat16") and operator not in self.narrow else None
        return CallStyle(self.layout, self._weights(operator), self.adapter, dtype, sums)

    def given(self, operator):
        """What calls of an operator are drawn from, as of `ghostnp.testing.draw.strata`."""
        row, given = operator_named(operator), {"paddings": self.paddings}
        for name, values in self.fixed.items():
            given |= values if name in (*row.positional, *row.keywords) else {}
        return given

    def _weights(self, operator):
        row = operator_named(operator)
        if self.layout == "NCHW" or row.family != "convolution":
            return "OIHW"
        return "HWCM" if row.sees == "own" else "HWIO"

    def begins(self, calls):
        """How a script of these calls begins."""
        return [self.imports]

    def spelled(self, operator, arrays, keywords, form, wanted, dy):
        """One call as lines of Python, which end in `found`: y, or the gradients of the arrays that are wanted.

        Parameters
        ----------
        operator : str
        arrays : dict
            What the function is given, by name and as it wants it: arrays, lists of them, other values.
        keywords : dict
        form : Format
        wanted : list of str
            Whose gradients are asked for; y where it is empty.
        dy : ndarray, list of ndarray or None
            What comes in.

        Returns
        -------
        list of str
        """
        lines, tensors = [], {}
        for name, value in arrays.items():
            lines.append(f"{name} = {self._literal(value, form)}")
            tensors[name] = self._tensor(value, form)
        recorder = Recorder(tensors)
        try:
            with self._watch(recorder):
                result = self.function(operator)(*tensors.values(), **keywords)
        except Exception:  # what it raises is the failure, and the script raises it too
            return [*lines, *recorder.lines]
        y = recorder.spell(result[0] if isinstance(result, tuple) and "sizes" not in arrays else result)
        if not wanted:
            return [*lines, *recorder.lines, f"found = {y}"]
        came = [np.array(part, order="C") for part in dy] if isinstance(dy, list) else np.array(dy, order="C")
        lines.append(f"dy = {self._literal(came, form)}")
        return lines + self._differentiated(recorder.lines, y, wanted)

    def _tensor(self, value, form):
        if isinstance(value, list):
            return [self._tensor(part, form) for part in value]
        return self.adapter.tensor(value, form, False) if hasattr(value, "dtype") else value

    def _literal(self, value, form):
        if isinstance(value, list):
            return f"[{', '.join(self._literal(part, form) for part in value)}]"
        if not hasattr(value, "dtype"):
            return repr(value)
        array = np.asarray(value)
        # Nested lists of no number have not its shape.
        return self._array(array, form) if array.size else self._empty(array, form)

    def _array(self, array, form):
        raise NotImplementedError

    def _empty(self, array, form):
        return f"{self._array(np.zeros(0, array.dtype), form)}.reshape({array.shape})"

    def _watch(self, recorder):
        return watching(sys.modules[self.vocabulary], self.modules, recorder)

    def _differentiated(self, lines, y, wanted):
        raise NotImplementedError


class _PyTorch(Peer):
    def _array(self, array, form):
        dtype = f"torch.{form.name}" if array.dtype.kind == "f" else "torch.int64"
        tensor = self.adapter.tensor(array, form, False)
        if tensor.is_contiguous():
            return f"torch.tensor({numbers(array)}, dtype={dtype})"
        # The order of memory is part of the case.
        flat = self.adapter.array(tensor.as_strided((tensor.numel(),), (1,)))
        return f"torch.tensor({numbers(flat)}, dtype={dtype}).as_strided({array.shape}, {tensor.stride()})"

    def _watch(self, recorder):
        return watching_torch(recorder)

    def _differentiated(self, lines, y, wanted):
        leaves = ", ".join(wanted)
        every = f"[t for part in ({leaves},) for t in (part if isinstance(part, list) else [part])]"
        return [
            f"leaves = {every}",
            "for leaf in leaves: leaf.requires_grad_()",
            *lines,
            f"found = torch.autograd.grad({y}, leaves, dy)",
        ]


class _Jax(Peer):
    def begins(self, calls):
        """Says that there are 64 bits, where there are."""
        wide = any(call["form"].name == "float64" for call in calls)
        return [self.imports, *["jax.config.update('jax_enable_x64', True)"] * wide]

    def _array(self, array, form):
        return f"jnp.array({numbers(array)}, '{form.name if array.dtype.kind == 'f' else 'int32'}')"

    def _differentiated(self, lines, y, wanted):
        names = ", ".join(wanted)
        body = [f"    {line}" for line in (*lines, f"return {y}")]
        return [f"def f({names}):", *body, f"found = jax.vjp(f, {names})[1](dy)"]


class _Keras(Peer):
    def _empty(self, array, form):
        return f"tf.zeros({array.shape}, '{form.name if array.dtype.kind == 'f' else 'int64'}')"

    def _array(self, array, form):
        return f"tf.constant({numbers(array)}, '{form.name if array.dtype.kind == 'f' else 'int64'}')"

    def _differentiated(self, lines, y, wanted):
        names = ", ".join(wanted)
        body = [f"    {line}" for line in (f"tape.watch([{names}])", *lines)]
        return ["with tf.GradientTape() as tape:", *body, f"found = tape.gradient({y}, [{names}], dy)"]


class _Onnx(Peer):
    def _array(self, array, form):
        return f"np.array({numbers(array)}, '{array.dtype.name}')"

    def spelled(self, operator, arrays, keywords, form, wanted, dy):
        """The model's nodes, and what runs them."""
        function = self.function(operator)
        lines = [f"{name} = {self._literal(value, form)}" for name, value in arrays.items() if _has_arrays(value)]
        feeds = ", ".join(
            f"'{name}_{place}': {name}[{place}]" if isinstance(value, list) else f"'{name}': {name}"
            for name, value in arrays.items()
            if _has_arrays(value)
            for place in (range(len(value)) if isinstance(value, list) else [0])
        )
        return [*lines, *function.spelled(list(arrays.values()), keywords), *function.runs(f"{{{feeds}}}")]


def _has_arrays(value):
    return hasattr(value, "dtype") or (isinstance(value, list) and all(map(_has_arrays, value)))


# What neither JAX nor Keras has: `fixed` of the peers, by a keyword or by a family.
_BARE: dict[str, dict[str, Any]] = {
    "align_corners": {"align_corners": False},
    "label_smoothing": {"label_smoothing": None},
}
# Of empty batches Keras gets the shape wrong, and a dilation together with a stride it refuses.
_FULL: dict[str, Any] = {"batch": 2}
_KERAS = _BARE | {"keep": {"keep": None}, "kernel_size": _FULL, "dilation": {"dilation": 1} | _FULL}


PEERS: dict[str, Callable[[], Peer]] = {
    "pytorch": lambda: _PyTorch(
        "PyTorch", ("torch",), "ghostnp.bench.torch_vocabulary", Torch(), f"import torch\n{PRELUDE}",
        ("float32", "float64", "float16", "bfloat16"), "symmetric",
        narrow=("softmax_cross_entropy",),  # the losses of all images are added up before they are divided
    ),
    "jax": lambda: _Jax(
        "JAX", ("jax", "jaxlib"), "ghostnp.conformance.jax_vocabulary", Jax(),
        f"import jax\nimport jax.numpy as jnp\n{PRELUDE}", ("float32", "float64", "float16", "bfloat16"),
        fixed=_BARE,
        modules={"jax": "jax", "jnp": "jax.numpy", "lax": "jax.lax"},
        share=1 / 8,
    ),
    "keras": lambda: _Keras(
        "Keras on TensorFlow", ("keras", "tensorflow"), "ghostnp.conformance.keras_vocabulary",
        Keras(), f"import keras\nimport tensorflow as tf\n{PRELUDE}", ("float32", "float64"), "words", "NHWC",
        _KERAS,
        {"keras": "keras"},
        share=1 / 4,
    ),
    "onnxruntime": lambda: _Onnx(
        "ONNX Runtime", ("onnxruntime", "onnx"), "ghostnp.conformance.onnx_peers", Adapter(),
        f"import numpy as np\nimport onnx\nimport onnxruntime\n{PRELUDE}",
        differentiates=False,
    ),
    "openvino": lambda: _Onnx(
        "OpenVINO", ("openvino", "onnx"), "ghostnp.conformance.openvino_peer", Adapter(),
        f"import numpy as np\nimport onnx\nimport openvino\n{PRELUDE}",
        differentiates=False,
        share=1 / 3,
    ),
}  # fmt: skip
