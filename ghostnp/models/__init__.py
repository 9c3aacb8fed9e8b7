"""Networks by name: each a table of rows and a few lines that stack them."""

from difflib import get_close_matches
from functools import partial

import numpy as np

from ghostnp.models.ghostnet import GhostNet
from ghostnp.modules import initializer

__all__ = ["GhostNet", "create_model", "list_models"]

_BUILDERS = {f"ghostnet_{round(100 * width):03d}": partial(GhostNet, width=width) for width in (0.5, 1.0, 1.3)}


def list_models():
    """Names that `create_model` knows.

    Returns
    -------
    list of str

    Examples
    --------
    >>> list_models()
    ['ghostnet_050', 'ghostnet_100', 'ghostnet_130']
    """
    return list(_BUILDERS)


def create_model(name, *, num_classes=1000, seed=0, dtype=np.float32, **keywords):
    """Build a network by name.

    Parameters
    ----------
    name : str
        One of `list_models`.
    num_classes : int, default 1000
        Length of the output.
    seed : int, optional
        Of the first weights, 0 by default; None leaves them at zero, which is enough for counting and for loading.
    dtype : {numpy.float32, numpy.float64}
        Of every parameter.
    **keywords
        Of that network's class, such as ``dropout=0.2``.

    Returns
    -------
    Module

    Raises
    ------
    TypeError, ValueError
        If the name or another argument is not legal; close names are suggested.

    Examples
    --------
    >>> model = create_model("ghostnet_100", seed=None)
    >>> sum(array.size for array in model.parameters().values())
    5182508
    """
    if not isinstance(name, str) or name not in _BUILDERS:
        nearest = get_close_matches(str(name), _BUILDERS, n=len(_BUILDERS), cutoff=0)
        raise ValueError(f"name={name!r}: the rule is one of the known networks, nearest first: {', '.join(nearest)}")
    with initializer(seed, dtype):
        return _BUILDERS[name](num_classes=num_classes, **keywords)
