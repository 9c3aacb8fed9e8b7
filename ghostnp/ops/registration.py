"""Registration: an operator of one's own in the vocabulary, and the rules that it has to keep."""

import inspect
import sys
from dataclasses import fields, replace

from ghostnp.ops.checks import flag, shown
from ghostnp.ops.vocabulary import (
    BUILT_IN,
    VOCABULARY,
    Operator,
    add_row,
    function_named,
    operator_named,
    remove_row,
    signature,
)

# Facts that cannot be given, and what is taken for them: where results lie in memory follows from the function alone.
_UNSAID = {"is_view": False, "is_view_backward": False, "overwrites_dy": False, "shape_alone": ()}


def register(forward, backward=None, cost=None, *, like=None, **facts):
    """Add an operator of your own to the vocabulary, for as long as this process lives.

    From then on a module that calls ``backend().NAME(...)`` runs, forward and backward; it is counted, traced and
    compiled; and `ghostnp.testing` holds the operator to its laws. Where a backend has no function of that name, the
    definition given here runs.

    Parameters
    ----------
    forward : callable
        The definition, ``f(x, ..., *, ...)``. Its ``__name__`` is the operator's name.
    backward : callable, optional
        ``f_backward(dy, <forward's arguments but bias>, <what forward returns after y>, *, <the same keywords>)``.
    cost : callable, optional
        ``f_cost(x_shape, ..., *, <the same keywords>)``, which gives a `ghostnp.ops.cost.Cost`. By default that of
        `like`, where it takes the same arguments.
    like : str, optional
        An operator that it resembles, such as ``"relu6"``: the other facts of its row are taken over, save `limits`.
    **facts
        What is otherwise: `family`, `linear`, `alike`, `overwrites` and so on, as in `Operator`.

    Returns
    -------
    Operator
        The new row.

    Raises
    ------
    TypeError, ValueError
        If the name exists, there is no such `like`, or the signatures do not fit each other.

    Examples
    --------
    >>> def double(x):
    ...     return x + x
    >>> register(double, lambda dy, x: dy + dy, like="relu").name
    'double'
    >>> unregister("double")
    """
    for argument, function in (("forward", forward), ("backward", backward), ("cost", cost)):
        if not callable(function) and not (function is None and argument != "forward"):
            raise TypeError(f"{argument}={shown(function)}: the rule is a function, such as ghostnp.ops.relu")
    name = getattr(forward, "__name__", "")
    if not name.isidentifier() or name.endswith(("_backward", "_cost")):
        raise ValueError(
            f"forward is called {shown(name)}: the rule is a function with a name of its own, such as hard_swish"
        )
    if function_named(name) is not None or hasattr(sys.modules["ghostnp.ops"], name):
        known = "is taken" if name in BUILT_IN or name not in VOCABULARY else "is registered already"
        raise ValueError(
            f"forward is called {shown(name)}, and that name {known}: the rule is a new name, such as my_{name}"
        )
    if like is not None:
        try:
            pattern = operator_named(like)
        except ValueError as error:
            raise ValueError(f"like={shown(like)}: {error}") from None
        cost = cost or (pattern.cost if _fits_cost(forward, pattern.cost) else None)
        row = replace(pattern, forward=forward, backward=backward, cost=cost, limits=())  # what is alike may not clip
    else:
        row = Operator(forward, "elementwise", backward, cost)
    _check_facts(facts)
    row = replace(row, **facts, **_UNSAID)
    _check_signatures(row, like)
    _check_limits(row)
    add_row(row)
    return row


def unregister(name):
    """Take an operator that was registered out of the vocabulary again.

    Raises
    ------
    ValueError
        If `name` is not that of a registered operator.
    """
    if name in BUILT_IN or name not in VOCABULARY:
        mine = [word for word in VOCABULARY if word not in BUILT_IN]
        raise ValueError(
            f"{shown(name)} is not registered: the rule is one of {', '.join(mine)}"
            if mine
            else f"{shown(name)} is not registered: nothing is, and the rule is register(...) first"
        )
    remove_row(name)


# What each fact is made of (`limits` has a rule of its own); an empty tuple stands for names of arguments.
_ONE_OF = {
    "family": tuple(sorted({row.family for row in VOCABULARY.values()})),
    "takes": ("any", "channels", ""),
    "sees": ("all", "group", "own", ""),
}
_SOME_OF = {"alike": ("images", "channels", "pixels"), "constants": (), "options": (), "overwrites": ()}
_GROUPS = ("linear", "homogeneous")
_FLAGS = ("one_tap", "divides", "keeps_constants")


def _check_facts(facts):
    """Require that each fact is one that a row has, and of the type that the row's readers expect."""
    legal = [field.name for field in fields(Operator) if field.name not in ("forward", "backward", "cost", *_UNSAID)]
    if unknown := sorted(set(facts) - set(legal)):
        raise TypeError(f"{', '.join(unknown)} is no fact of an operator: the rule is one of {', '.join(legal)}")
    for name, value in facts.items():
        if name in _FLAGS:
            flag(name, value)
        elif name in _ONE_OF and not (isinstance(value, str) and value in _ONE_OF[name]):
            raise ValueError(f"{name}={shown(value)}: the rule is one of {', '.join(map(repr, _ONE_OF[name]))}")
        elif name in _SOME_OF and not _are_words(value, _SOME_OF[name]):
            words = _SOME_OF[name] or ("x",)
            raise TypeError(f"{name}={shown(value)}: the rule is a tuple of words, such as {name}={words!r}")
        elif name in _GROUPS and not (isinstance(value, tuple) and all(_are_words(group, ()) for group in value)):
            raise TypeError(f"{name}={shown(value)}: the rule is a tuple of tuples, such as {name}=(('x',),)")


def _are_words(value, words):
    """Whether it is a tuple of strings, of these where any are listed."""
    return isinstance(value, tuple) and all(isinstance(word, str) and word in (words or (word,)) for word in value)


def _check_limits(row):
    """Require that limits are a least and a greatest number, and forward a function of x alone."""
    if row.limits == () or (
        row.positional == ("x",)
        and not row.keywords
        and isinstance(row.limits, tuple)
        and [type(limit) for limit in row.limits] == [float, float]
        and row.limits[0] <= row.limits[1]
    ):
        return
    raise ValueError(
        f"limits={shown(row.limits)} for forward of {signature(row.forward)}: the rule is two floats, the least first, "
        f"for a function of x alone, such as limits=(0.0, 4.0)"
    )


def _fits_cost(forward, cost):
    return cost is not None and signature(cost).parameters.keys() <= _cost_arguments(Operator(forward, "")).keys()


def _cost_arguments(row):
    """What a cost function may ask for, by name, as an example of the call."""
    names = {f"{name}_shape{'s' * name.endswith('s')}" if name in row.arrays else name: name for name in row.positional}
    names.pop("bias_shape", None)
    return names | dict.fromkeys(row.keywords) | ({"bias": "bias"} if "bias" in row.positional else {})


def _check_signatures(row, like):
    """Require that backward and cost take what the vocabulary's rule says, and that facts name arguments there are."""
    kinds = {p.kind for p in signature(row.forward).parameters.values()}
    if not row.positional or kinds - {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}:
        raise TypeError(
            f"forward takes {signature(row.forward)}: the rule is named arguments, arrays first, such as "
            f"(x, *, slope=1)"
        )
    groups = (*row.linear, *row.homogeneous, row.overwrites, row.constants, row.options)
    named = {name for group in groups for name in group}
    if missing := sorted(named - set(row.positional)):
        because = f"like={shown(like)}" if like else "the facts given"
        raise ValueError(
            f"{because} speaks of {', '.join(missing)}, and forward takes {', '.join(row.positional)}: the rule is an "
            f"operator with the same arguments, such as like={'relu6' if row.positional == ('x',) else None!r}"
        )
    if row.backward is not None:
        given = signature(row.backward).parameters.values()
        before = [p.name for p in given if p.kind is not p.KEYWORD_ONLY]
        keywords = {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}
        wanted = [name for name in row.positional if name != "bias"]
        if before[1 : 1 + len(wanted)] != wanted or keywords != dict(row.keywords):
            after = "".join(f", {name}={value!r}" for name, value in row.keywords.items())
            raise ValueError(
                f"backward takes {signature(row.backward)}: the rule is dy, then what forward takes (bias left out) "
                f"and what it returns after y, then the same keywords, such as "
                f"(dy, {', '.join(wanted)}{', *' if after else ''}{after})"
            )
    if row.cost is not None:
        allowed = _cost_arguments(row)
        if surplus := [name for name in signature(row.cost).parameters if name not in allowed]:
            raise ValueError(
                f"cost takes {', '.join(surplus)}, which does not follow from forward's arguments: the rule is shapes "
                f"for arrays and the same keywords, such as ({', '.join(allowed)})"
            )
