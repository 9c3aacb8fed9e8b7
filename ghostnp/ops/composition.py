"""Compositions: functions made of words of the vocabulary, over whichever namespace has the words.

>>> @composition
... def twice(words, x):
...     return words.add(x, x)
>>> import numpy as np
>>> from types import SimpleNamespace
>>> twice(np.ones(2)), twice.over(SimpleNamespace(add=lambda a, b: a - b))(np.ones(2))
(array([2., 2.]), array([0., 0.]))
"""

import inspect
import sys
from functools import wraps


def composition(function):
    """Turn ``f(words, x, ...)`` into ``f(x, ...)`` over the definitions; ``f.over(words)`` is it over other words.

    Parameters
    ----------
    function : callable
        Its first argument is the namespace whose functions it calls.

    Returns
    -------
    callable
        The same function without that argument.
    """
    _, *rest = inspect.signature(function).parameters.values()

    def over(words):
        @wraps(function)
        def composed(*args, **keywords):
            return function(words or sys.modules["ghostnp.ops"], *args, **keywords)

        vars(composed).update(__signature__=inspect.Signature(rest), over=over)
        return composed

    return over(None)
