"""A framework's function as a namespace of NumPy functions, so that laws can be asked of it too.

>>> from ghostnp import ops
>>> Adapted(ops.relu, "relu").relu(np.array([-1.0, 2.0]))
array([0., 2.])
"""

from types import SimpleNamespace

import numpy as np

from ghostnp.testing.arrays import format_of
from ghostnp.testing.calls import row_of
from ghostnp.testing.comparison import CallStyle, read, written


class Adapted:
    """One operator of a framework, called as ghostnp's are: it has the function of that name, and its backward pass.

    What the framework keeps to itself, such as the statistics of a batch norm, is None in its result.

    Parameters
    ----------
    fn : callable
        Called as by `assert_matches`.
    operator : str
        What it is called here.
    style : CallStyle, optional
        How it wants to be called; its dtype is that of the arrays that come.

    Raises
    ------
    TypeError
        From ``operator_backward``, if the framework differentiates nothing.
    """

    def __init__(self, fn, operator, style=None):
        self._fn, self._row, self._style = fn, row_of(operator), style or CallStyle()
        setattr(self, operator, self._forward)
        if self._row.backward is not None:
            setattr(self, f"{operator}_backward", self._backward)

    def call(self, arguments, keywords, wanted=()):
        """Call the function on arrays: y as it came, in ghostnp's layout, and what gives gradients, or None."""
        floats = [part for value in arguments.values() for part in (value if isinstance(value, list) else [value])]
        form = format_of(next(part.dtype for part in floats if isinstance(part, np.ndarray) and part.dtype.kind == "f"))
        style = self._style._replace(dtype=form.name)
        first = arguments[self._row.activations[0]]
        shaped = SimpleNamespace(row=self._row, given={"x": np.shape(first[0] if isinstance(first, list) else first)})
        theirs = [written(name, value, shaped, style) for name, value in arguments.items()]
        asked = [name in wanted for name in arguments]
        several = "sizes" in self._row.positional

        def first_output(*tensors, **named):
            y = self._fn(*tensors, **named)
            return y[0] if isinstance(y, tuple) and not several else y

        y, pull = style.adapter(first_output, theirs, keywords, form, asked)
        return read(y, y, style), pull, style

    def _forward(self, *given, **keywords):
        y, _, _ = self.call(dict(zip(self._row.positional, given, strict=False)), keywords)
        # What is there beside y, the framework keeps for itself.
        return (y, *[None] * len(self._row.extra)) if self._row.extra else y

    def _backward(self, dy, *given, **keywords):
        known = dict(zip(self._row.read_backward, given, strict=True))
        if "bias" in self._row.positional and "bias" not in known:  # its numbers change no gradient
            known["bias"] = np.zeros(dy.shape[1], dy.dtype)
        arguments = {name: known[name] for name in self._row.positional}
        _, pull, style = self.call(arguments, keywords, self._row.gradients)
        if pull is None:
            raise TypeError(f"{style.adapter!r} differentiates nothing: there is no {self._row.name}_backward")
        pulled = iter(pull(written("dy", dy, SimpleNamespace(row=self._row), style)))
        found = []
        for name in self._row.gradients:
            value = arguments[name]
            parts = [next(pulled) for _ in value] if isinstance(value, list) else next(pulled)
            found.append(read(parts, value, style, name))
        return found[0] if len(found) == 1 else tuple(found)
