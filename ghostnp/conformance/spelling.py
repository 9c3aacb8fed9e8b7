"""A framework's calls, written down: a script that repeats a failure with the framework alone.

A function of a peer is run once more while its calls of the framework are recorded. What is left is its own names and
numbers, and so the script needs neither ghostnp nor the vocabulary that the calls came from.
"""

from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, ModuleType, SimpleNamespace

import numpy as np

PRELUDE = "nan, inf = float('nan'), float('inf')"


class Recorder:
    """The calls of a framework, as lines of Python.

    Parameters
    ----------
    tensors : dict of str to object
        What has a name already.
    """

    def __init__(self, tensors):
        self.lines: list[str] = []
        self._names: dict[int, str] = {}
        self._kept: list[object] = []  # an id is that of one object as long as it lives
        for name, tensor in tensors.items():
            self._name(name, tensor)

    def _name(self, name, value):
        self._kept.append(value)
        self._names[id(value)] = name
        if isinstance(value, list | tuple):
            for place, part in enumerate(value):
                self._name(f"{name}[{place}]", part)

    @contextmanager
    def adding(self, function, arguments, keywords):
        """Write a call down before it is made, since it may raise; its result gets a name."""
        given = [*map(self.spell, arguments), *(f"{key}={self.spell(value)}" for key, value in keywords.items())]
        name = f"v{len(self.lines) + 1}"
        self.lines.append(f"{name} = {function}({', '.join(given)})")
        yield SimpleNamespace(gives=lambda result: self._name(name, result) or result)

    def spell(self, value):
        """A value as an expression."""
        if id(value) in self._names:
            return self._names[id(value)]
        if isinstance(value, list):
            return f"[{', '.join(map(self.spell, value))}]"
        if isinstance(value, tuple) and type(value) is tuple:
            return f"({', '.join(map(self.spell, value))}{',' * (len(value) == 1)})"
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return getattr(value, "spelled", None) or value.__name__
        if isinstance(value, np.generic):
            return repr(value.item())
        return str(value) if type(value).__module__.split(".")[0] in ("torch",) else repr(value)


class _Watched:
    """A module whose functions are written down as they are called."""

    def __init__(self, module, name, recorder):
        self._module, self._name, self._recorder = module, name, recorder

    def __getattr__(self, name):
        found, spelled = getattr(self._module, name), f"{self._name}.{name}"
        if isinstance(found, ModuleType):
            return _Watched(found, spelled, self._recorder)
        if not callable(found):
            return found

        def watched(*arguments, **keywords):
            given = [getattr(value, "watches", value) for value in arguments]
            named = {key: getattr(value, "watches", value) for key, value in keywords.items()}
            with self._recorder.adding(spelled, arguments, keywords) as line:
                return line.gives(found(*given, **named))

        watched.watches, watched.spelled = found, spelled  # type: ignore[attr-defined]
        return watched


@contextmanager
def watching(vocabulary, modules, recorder):
    """Record what the functions of a vocabulary call of the modules that it has under these names.

    Parameters
    ----------
    vocabulary : module
    modules : dict of str to str
        What a module is called there, and in a script.
    recorder : Recorder
    """
    kept = {name: getattr(vocabulary, name) for name in modules}
    for name, spelled in modules.items():
        setattr(vocabulary, name, _Watched(kept[name], spelled, recorder))
    try:
        yield
    finally:
        for name, module in kept.items():
            setattr(vocabulary, name, module)


@contextmanager
def watching_torch(recorder):
    """Record PyTorch's functions, which say so themselves."""
    from torch.overrides import TorchFunctionMode, resolve_name

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function, types, arguments=(), keywords=None):
            name = resolve_name(function)
            if not name or name.endswith(("__get__", "size", "dim")):
                return function(*arguments, **(keywords or {}))
            with recorder.adding(name, arguments, keywords or {}) as line:
                return line.gives(function(*arguments, **(keywords or {})))

    with Watch():
        yield


def numbers(array):
    """An array's numbers as nested lists, each as short as its dtype allows."""
    array = np.asarray(array)
    if array.ndim == 0:
        return str(array[()]) if array.dtype.kind == "f" else repr(array.item())
    return f"[{', '.join(map(numbers, array))}]"
