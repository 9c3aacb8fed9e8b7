"""The rules for arguments that build layers, such as ``gate=DFCAttention``, and for recipes."""

from ghostnp.modules.base import Module
from ghostnp.ops.checks import shown


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
    """`given`, which has to be a `kind`."""
    if not isinstance(given, kind):
        raise TypeError(f"{name}={shown(given)}: the rule is a {kind.__name__}, such as {example}")
    return given
