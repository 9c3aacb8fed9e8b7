"""Data sets by name: read from files, or made for one question.

>>> print(load_data("digits"))
digits: 1,437 images of 1x8x8 to train on, 360 to test with, 10 classes
"""

from collections.abc import Callable

from ghostnp.ops.checks import nearest, shown
from ghostnp.training.dataset import DataSet
from ghostnp.training.digits import load_digits
from ghostnp.training.image_files import load_cifar, load_folder, load_idx
from ghostnp.training.synthetic import far_pixels, global_statistic, mixed_groups

_NUMERALS = tuple("0123456789")
_CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def _digits(*, held_out=360, seed=0):
    train, test = load_digits(held_out=held_out, seed=seed)
    return DataSet("digits", train, test, _NUMERALS)


_FROM_FILES: dict[str, Callable[..., DataSet]] = {
    "mnist": lambda folder: load_idx("mnist", folder, _NUMERALS),
    "fashion-mnist": lambda folder: load_idx("fashion-mnist", folder, _CLOTHES),
    "cifar10": load_cifar,
    "folder": load_folder,
}
_OTHERS: dict[str, Callable[..., DataSet]] = {
    "digits": _digits,
    "far-pixels": far_pixels,
    "mixed-groups": mixed_groups,
    "global-statistic": global_statistic,
}


def list_data():
    """Names that `load_data` knows: first those that need no folder.

    Returns
    -------
    list of str
    """
    return [*_OTHERS, *_FROM_FILES]


def check_data(name):
    """Require a name that `load_data` knows."""
    if not isinstance(name, str) or name not in list_data():
        raise ValueError(
            f"name={shown(name)}: the rule is one of list_data(), nearest first: {nearest(name, list_data())}"
        )


def load_data(name, *, folder=None, **keywords):
    """A data set by name.

    Parameters
    ----------
    name : str
        One of `list_data`.
    folder : str or Path, optional
        Where its files are; for "mnist", "fashion-mnist", "cifar10" and "folder".
    **keywords
        Of that data set's function, such as ``seed=1`` or ``size=64``.

    Returns
    -------
    DataSet

    Raises
    ------
    OSError
        If a file is not there.
    TypeError, ValueError
        If an argument is not legal, or a file is damaged: the error names the file and the byte.

    Examples
    --------
    >>> load_data("far-pixels", count=3, held_out=1).train.images.shape
    (3, 1, 16, 16)
    """
    check_data(name)
    if name in _OTHERS:
        if folder is not None:
            raise ValueError(f"folder={shown(folder)}: {name} is in no folder, so the rule is None")
        return _OTHERS[name](**keywords)
    if folder is None:
        raise ValueError(f"folder is None: the rule for {name} is the folder of its files, such as 'data/{name}'")
    return _FROM_FILES[name](folder, **keywords)
