"""The rules for arguments that build layers, such as ``gate=DFCAttention``, for recipes, and for tables."""

from typing import get_args

from ghostnp.modules.base import Module
from ghostnp.ops.checks import positive, shown

_WIDEST = 2**20  # no table here has more than 1280 channels, and 2**31 of them are refused


def builder(name, given, example):
    """`given`, which has to be callable: a type of Module, or a function that makes one."""
    if not callable(given) or (isinstance(given, type) and not issubclass(given, Module)):
        raise TypeError(
            f"{name}={shown(given)}: the rule is a type of Module or a function that makes one, such as {example}"
        )
    return given


def optional_builder(name, given, example):
    """`given`, which has to be callable or None."""
    return given if given is None else builder(name, given, f"{example}, or None")


def of_kind(name, given, kind, example):
    """`given`, which has to be a `kind`: a type, or a union of some."""
    if not isinstance(given, kind):
        kinds = " or a ".join(each.__name__ for each in get_args(kind) or (kind,))
        raise TypeError(f"{name}={shown(given)}: the rule is a {kinds}, such as {example}")
    return given


def check_width(width):
    """`width`, by which a network's channels are multiplied, as a float: above 0, and no count reaches 2**31."""
    if (width := positive("width", width)) >= _WIDEST:
        raise ValueError(f"width={width}: the rule is a real number above 0 and below {_WIDEST}, such as 1.0")
    return width


def table(name, rows, kind, example):
    """`rows` as a tuple, each of which has to be a `kind`; it may be empty."""
    of_kind(name, rows, tuple | list, f"({example},)")
    return tuple(of_kind(f"{name}[{number}]", row, kind, example) for number, row in enumerate(rows))


def staged_table(name, stages, kind, example):
    """`stages` as a tuple of tables."""
    of_kind(name, stages, tuple | list, f"(({example},),)")
    return tuple(table(f"{name}[{number}]", rows, kind, example) for number, rows in enumerate(stages))
