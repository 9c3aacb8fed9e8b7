"""Which namespace the modules call.

A backend is a namespace: anything with functions of the vocabulary as attributes. `ghostnp.ops` (the definitions) and
`ghostnp.kernels` (their fast twins) are two; the tally that counts and a student's own file are others.

>>> import ghostnp
>>> with ghostnp.use_backend(ghostnp.ops):
...     ghostnp.backend.backend().__name__
'ghostnp.ops'
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import FunctionType, ModuleType

from ghostnp import ops

_chosen = ContextVar("backend", default=None)


def backend():
    """The namespace in force: that of the innermost `use_backend`, or else the kernels.

    Returns
    -------
    namespace
        Something with the vocabulary's functions as attributes.
    """
    namespace = _chosen.get()
    return _kernels() if namespace is None else namespace


@cache
def _kernels():
    from ghostnp import kernels  # only here is Numba needed, and so only here is it imported

    return kernels


@contextmanager
def use_backend(namespace):
    """Let modules call `namespace` inside a ``with`` block, in this thread and context only.

    Parameters
    ----------
    namespace : module or object
        Has functions of the vocabulary as attributes; those that it lacks are taken from `ghostnp.ops`.

    Yields
    ------
    namespace
        What the modules call, completed from `ghostnp.ops`.

    Raises
    ------
    TypeError
        If `namespace` has no function of the vocabulary.
    """
    token = _chosen.set(overlay(namespace))
    try:
        yield _chosen.get()
    finally:
        _chosen.reset(token)


def overlay(namespace):
    """`namespace`, with whatever it lacks of the vocabulary taken from `ghostnp.ops`.

    Parameters
    ----------
    namespace : module or object
        Has at least one function of the vocabulary as an attribute.

    Returns
    -------
    namespace
        Something with the whole vocabulary as attributes.

    Raises
    ------
    TypeError
        If `namespace` has no function of the vocabulary.
    """
    missing = [name for name in ops.__all__ if not hasattr(namespace, name)]
    # A name in the place of a namespace is an easy slip, and text has a `split` too.
    if isinstance(namespace, str) or len(missing) == len(ops.__all__):
        raise TypeError(
            f"namespace={namespace!r} has no function of the vocabulary: the rule is a module or an object with "
            f"functions such as depthwise_conv2d as attributes, such as ghostnp.ops"
        )
    return _Overlay(namespace) if missing else namespace


# Definitions that are made of others. Where a namespace has one of the parts, what is made of it follows.
_COMPOSED = {
    f"{name}{suffix}"
    for name in ("batch_norm_relu_train", "conv2d", "separable_conv2d")
    for suffix in ("", "_backward")
}


class _Overlay(ModuleType):
    def __init__(self, namespace):
        super().__init__(getattr(namespace, "__name__", type(namespace).__name__))
        self._namespace = namespace
        self._own = {name: getattr(namespace, name) for name in ops.__all__ if hasattr(namespace, name)}

    def __getattr__(self, name):
        if name not in self._own and name in _COMPOSED:
            # The same code, but the names in it mean the namespace's functions.
            definition = getattr(ops, name)
            composed = FunctionType(definition.__code__, definition.__globals__ | self._own, name)
            composed.__defaults__, composed.__kwdefaults__ = definition.__defaults__, definition.__kwdefaults__
            return composed
        return getattr(self._namespace if hasattr(self._namespace, name) else ops, name)
