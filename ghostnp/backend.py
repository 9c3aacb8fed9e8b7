"""Which namespace the modules call.

A backend is a namespace: anything with functions of the vocabulary as attributes. `ghostnp.ops` (the definitions) and
`ghostnp.kernels` (their fast twins) are two; the recorder of `ghostnp.graph.recording` and a student's own file are
others.

>>> import ghostnp
>>> with ghostnp.use_backend(ghostnp.ops):
...     ghostnp.backend.backend().__name__
'ghostnp.ops'
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType

from ghostnp import ops
from ghostnp.ops.checks import shown
from ghostnp.ops.vocabulary import function_named, function_names

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

    Compositions that it lacks (conv2d and its like) are made of its own words.

    Parameters
    ----------
    namespace : module or object
        Has at least one function of the vocabulary as an attribute. One that has all of them, those that will be
        registered too, says so by an attribute ``is_whole = True``.

    Returns
    -------
    namespace
        Something with the whole vocabulary as attributes.

    Raises
    ------
    TypeError
        If `namespace` has no function of the vocabulary.
    """
    if getattr(namespace, "is_whole", False) is True:
        return namespace
    # A name in the place of a namespace is an easy slip, and text has a `split` too.
    if isinstance(namespace, str) or not any(hasattr(namespace, name) for name in function_names()):
        raise TypeError(
            f"namespace={shown(namespace)} has no function of the vocabulary: the rule is a module or an object with "
            f"functions such as depthwise_conv2d as attributes, such as ghostnp.ops"
        )
    return _Overlay(namespace)


class _Overlay(ModuleType):
    is_whole = True

    def __init__(self, namespace):
        # An object may answer to any name, and with a function.
        super().__init__(namespace.__name__ if isinstance(namespace, ModuleType) else type(namespace).__name__)
        self._namespace = namespace

    def __getattr__(self, name):
        if function_named(name) is not None and hasattr(self._namespace, name):
            return getattr(self._namespace, name)
        definition = getattr(ops, name)
        return definition.over(self) if hasattr(definition, "over") else definition
