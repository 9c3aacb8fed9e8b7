"""What every layer is: parameters with dotted paths, an explicit forward and an explicit backward.

Parameters, buffers, caches, gradients and costs all have the same dotted paths, such as
``blocks.3.0.ghost1.primary_conv.0.weight``. So `grads.keys() == parameters().keys()`, an optimiser is a loop over two
dicts, and so is a comparison with a framework.

Two things are solved here once, so that no layer has to think of them: which module is running (`current_path`, for
counting and tracing), and not keeping caches in inference.
"""

import math
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cached_property, wraps
from types import SimpleNamespace

import numpy as np

from ghostnp.ops.checks import flag, float_dtype, shown

# Kinds of numbers (bool, integers, float) that may be loaded into an array of floats, or of integers.
_LOADABLE = {"f": "biuf", "i": "biu"}


def under(name, entries):
    """Move a dict of dotted paths below `name`; an empty name leaves them where they are."""
    if not isinstance(name, str):
        raise TypeError(f"name={shown(name)}: the rule is a name, such as 'conv1'")
    if not isinstance(entries, Mapping):
        raise TypeError(f"entries={shown(entries)}: the rule is a dict of dotted paths, such as layer.parameters()")
    return {f"{name}.{path}": value for path, value in entries.items()} if name else entries


class _Running(SimpleNamespace):
    """A `module` while it runs, and the one that called it, `outer`: another of these, or None."""

    @cached_property
    def path(self):
        """Dotted path from the outermost module; only counting and tracing ask for it."""
        if self.outer is None:
            return ""
        step = _path_below(self.outer.module, self.module)
        return f"{self.outer.path}.{step}" if self.outer.path and step else self.outer.path or step


_innermost: ContextVar[_Running | None] = ContextVar("innermost", default=None)
_keeps_caches = ContextVar("keeps_caches", default=True)


def current_path():
    """Dotted path of the module that is running, as seen from the outermost one (whose own path is empty)."""
    running = _innermost.get()
    return "" if running is None else running.path


def _path_below(outer, inner):
    # Nearly always a child; a module that runs its grandchildren itself makes the search go deeper.
    for name, value in vars(outer).items():
        if value is inner:
            return name
    return next((path for path, module in outer.tree().items() if module is inner), "")


def _check_forward(x, training=False, rng=None, **_):
    """What whoever runs a module may get wrong: for the outermost one, which hands it on. Operators check the rest."""
    _check_maps("x", x)
    flag("training", training)
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng={shown(rng)}: the rule is a generator, such as numpy.random.default_rng(0), or None")


def _check_maps(name, maps):
    if not isinstance(getattr(maps, "shape", None), tuple):
        raise TypeError(f"{name} is of type {type(maps).__name__}: the rule is a NumPy array of float32 or float64")


def _tracked_forward(forward):
    """`forward`, during which its module is known to be running; in inference its cache is dropped at once."""

    @wraps(forward)
    def tracked(self, *args, **keywords):
        outer = _innermost.get()
        if outer is not None and outer.module is self:
            return forward(self, *args, **keywords)  # super().forward(...): this module is running already
        if outer is None:
            _check_forward(*args, **keywords)
        token = _innermost.set(_Running(module=self, outer=outer))
        try:
            y, cache = forward(self, *args, **keywords)
        finally:
            _innermost.reset(token)
        return y, cache if _keeps_caches.get() else None

    return tracked


def _tracked_backward(backward):
    """`backward`, during which its module is known to be running."""

    @wraps(backward)
    def tracked(self, dy, cache):
        outer = _innermost.get()
        if outer is not None and outer.module is self:
            return backward(self, dy, cache)
        # A layer may have nothing to remember, as dropout in evaluation; a module of several layers always has.
        if outer is None and cache is None and self.children():
            raise TypeError("cache=None: the rule is the second thing that forward returned; model(x) keeps none")
        token = _innermost.set(_Running(module=self, outer=outer))
        try:
            return backward(self, dy, cache)
        finally:
            _innermost.reset(token)

    return tracked


class Module:
    """A layer: `forward` gives an output and a cache, `backward` takes the cache and gives gradients.

    A subclass names its own arrays in `parameter_names` and `buffer_names`; a module that is set as an attribute is a
    child under that attribute's name. Training is an argument, not a mode, and randomness is the `rng` argument: the
    running statistics of batch norm are the only thing that a forward pass changes.
    """

    parameter_names: tuple[str, ...] = ()
    buffer_names: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, tracked in (("forward", _tracked_forward), ("backward", _tracked_backward)):
            if name in vars(cls):
                setattr(cls, name, tracked(vars(cls)[name]))

    def __setattr__(self, name, value):
        """Set an attribute; a module becomes a child of that name."""
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        if any(isinstance(part, Module) for part in parts):
            raise TypeError(
                f"{name} is a {type(value).__name__} of modules, which would not be found there: the rule is one "
                f"module for each attribute, such as {name} = Sequential(...)"
            )
        super().__setattr__(name, value)

    def attach(self, layers):
        """Set `layers`, a dict by name, as children: names that are free, and have no dots.

        Parameters
        ----------
        layers : dict of str to Module
            In order.

        Raises
        ------
        TypeError, ValueError
            If a layer is not a Module, or a name is taken by a method or has a dot.
        """
        for name, layer in layers.items():
            if not isinstance(layer, Module):
                raise TypeError(f"layer {name} is of type {type(layer).__name__}: the rule is a Module, such as ReLU()")
            if hasattr(self, name):
                raise ValueError(f"layer {name}: that name is taken; the rule is another name, such as {name}_1")
            if "." in name:
                free = name.replace(".", "_")
                raise ValueError(f"layer {name}: dots part a path; the rule is a name without any, such as {free}")
            setattr(self, name, layer)

    def forward(self, x, *, training=False, rng=None):
        """Run forward.

        Parameters
        ----------
        x : ndarray
            Images of shape (N, C, H, W); a linear layer takes (N, C).
        training : bool, default False
            Whether batch norm uses the batch's own statistics and updates its running ones.
        rng : numpy.random.Generator, optional
            Where dropout draws its masks; without one it is the identity.

        Returns
        -------
        y : ndarray
            The output.
        cache : object
            What `backward` needs: most activations, for as long as something refers to it. In a loop, put forward and
            backward into a function, or ``del cache``; else the old one lives while the next forward fills another.
        """
        raise TypeError(f"{type(self).__name__} has no forward: a Module defines forward and backward")

    def backward(self, dy, cache):
        """Run backward.

        Parameters
        ----------
        dy : ndarray
            Gradient of the output.
        cache : object
            What `forward` returned with that output.

        Returns
        -------
        dx : ndarray
            Gradient of the input.
        grads : dict of str to ndarray
            Gradient of each parameter under its dotted path.
        """
        raise TypeError(f"{type(self).__name__} has no backward: a Module defines forward and backward")

    def __call__(self, x):
        """Infer: the output alone. Caches are dropped layer by layer, so memory stays at what one layer needs."""
        token = _keeps_caches.set(False)
        try:
            return self.forward(x)[0]
        finally:
            _keeps_caches.reset(token)

    def children(self):
        """The modules set as attributes, by name, in order of construction."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Module)}

    def tree(self):
        """The module itself and all below it, by dotted path; its own path is empty."""
        nodes = {"": self}
        for name, child in self.children().items():
            nodes |= {f"{name}.{path}" if path else name: node for path, node in child.tree().items()}
        return nodes

    def parameters(self):
        """The trainable arrays themselves (not copies), by dotted path.

        Returns
        -------
        dict of str to ndarray
        """
        return self._arrays(lambda module: module.parameter_names)

    def state_dict(self):
        """Parameters and buffers themselves (not copies), by dotted path, in order of construction.

        Returns
        -------
        dict of str to ndarray
        """
        return self._arrays(lambda module: module.parameter_names + module.buffer_names)

    def load_state_dict(self, state):
        """Copy `state` into this module's arrays: all of it, or nothing.

        Parameters
        ----------
        state : dict of str to array
            Exactly the keys and shapes of `state_dict`, save that counters may be missing, which then stay as they are,
            or vectors of one number. Values are cast to this module's dtypes.

        Raises
        ------
        ValueError
            If keys are missing or surplus, or shapes or kinds of numbers differ; all of them are listed.
        TypeError
            If `state` is no dict.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"state is of type {type(state).__name__}: the rule is a dict of arrays, such as model.state_dict()"
            )
        mine = self.state_dict()
        # Copies, since the state may be made of this very module's arrays.
        values = {key: np.array(value) for key, value in state.items()}
        self.check_state_dict(values)
        broken = [key for key in values if _counts(mine[key]) and not _is_whole(values[key].item())]
        self._refuse([f"dtype: {key} is {values[key].dtype} and should be {mine[key].dtype}" for key in broken])
        for key, value in values.items():
            mine[key][...] = value.reshape(mine[key].shape)

    def check_state_dict(self, described):
        """Raise what `load_state_dict` would, where shapes and dtypes say so already.

        Parameters
        ----------
        described : dict of str to object
            By dotted path, whatever has a `shape` and a `dtype`: arrays, or what a file says of its arrays.

        Raises
        ------
        ValueError
            If keys are missing or surplus, or shapes or kinds of numbers differ; all of them are listed.
        """
        mine, problems = self.state_dict(), []
        prefix = _prefix(described, mine) or _prefix(mine, described)
        if prefix and prefix == _prefix(described, mine):
            first = next(iter(described))
            problems.append(
                f"prefix: all keys begin with {prefix!r}, such as {first!r}: the rule is names without it, such as "
                f"{first.removeprefix(prefix)!r}, which "
                f"{{key.removeprefix({prefix!r}): array for key, array in state.items()}} gives"
            )
            described = {key.removeprefix(prefix): value for key, value in described.items()}
        elif prefix:
            problems.append(
                f"prefix: all keys lack {prefix!r}, such as {next(iter(described))!r}: the rule is names with it, such "
                f"as {next(iter(mine))!r}, which {{{prefix!r} + key: array for key, array in state.items()}} gives"
            )
            described = {prefix + key: value for key, value in described.items()}
        both = [(key, described[key], array) for key, array in mine.items() if key in described]
        problems += [
            f"missing: {key} {array.shape}"
            for key, array in mine.items()
            if key not in described and not _counts(array)
        ]
        problems += [f"surplus: {key} {value.shape}" for key, value in described.items() if key not in mine]
        problems += [
            f"shape: {key} is {value.shape} and should be {array.shape}"
            for key, value, array in both
            if value.shape != array.shape and not (_counts(array) and value.shape == (1,))
        ]
        problems += [
            f"dtype: {key} is {value.dtype} and should be {array.dtype}"
            for key, value, array in both
            if value.dtype.kind not in _LOADABLE["f" if _counts(array) else array.dtype.kind]
        ]
        self._refuse(problems)

    def _refuse(self, problems):
        if problems:
            raise ValueError(
                f"state does not fit {type(self).__name__}; nothing was loaded:\n  " + "\n  ".join(problems)
            )

    def astype(self, dtype):
        """Cast every floating-point parameter and buffer of this module, which get new arrays.

        Parameters
        ----------
        dtype : {numpy.float32, numpy.float64}
            The new dtype, or its name.

        Returns
        -------
        Module
            This module.
        """
        dtype = float_dtype("dtype", dtype)
        for module in self.tree().values():
            for name in module.parameter_names + module.buffer_names:
                array = getattr(module, name)
                if array is not None and array.dtype.kind == "f":
                    setattr(module, name, array.astype(dtype))
        return self

    def _arrays(self, names_of):
        arrays = {name: getattr(self, name) for name in names_of(self)}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        for name, child in self.children().items():
            arrays |= under(name, child._arrays(names_of))
        return arrays

    def __repr__(self):
        """One line for a leaf; a tree of lines otherwise."""
        lines = [f"{name}: {child!r}".replace("\n", "\n  ") for name, child in self.children().items()]
        body = self.describe()
        return f"{type(self).__name__}({body})" + "".join(f"\n  {line}" for line in lines)

    def describe(self):
        """What stands between the parentheses of ``repr``: empty where the children say it all."""
        return ""


def _counts(array):
    """Whether an array of a state is a counter, as batch norm's `num_batches_tracked`: PyTorch's states may lack it."""
    return array.dtype.kind == "i" and array.shape == ()


def _is_whole(number):
    return math.isfinite(number) and number == int(number) and abs(number) < 2**63


def _prefix(longer, shorter):
    """The path that all keys of `longer` begin with, and whose removal makes most of them keys of `shorter`; or ""."""
    if not longer or any(key in shorter or not isinstance(key, str) for key in longer):
        return ""
    parts = next(iter(longer)).split(".")
    prefixes = [".".join(parts[:end]) + "." for end in range(1, len(parts))]
    shared = [prefix for prefix in prefixes if all(key.startswith(prefix) for key in longer)]
    known = {prefix: sum(key.removeprefix(prefix) in shorter for key in longer) for prefix in shared}
    best = max(known, key=known.__getitem__, default="")
    return best if known.get(best) else ""
