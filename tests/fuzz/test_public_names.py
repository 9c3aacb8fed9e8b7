"""Every name in the `__all__` of a package, and every network, with bad arguments; and what was built with bad maps."""

import importlib
import inspect
import pkgutil
import re
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ghostnp
from ghostnp import ops
from ghostnp.course import worksheets
from ghostnp.course.worksheets.answer_key import KeyQuestion
from ghostnp.modules import Conv2d, Module, ReLU, Sequential, initializer
from ghostnp.ops.vocabulary import function_names
from tests.fuzz.arguments import ARRAYS, VALUES
from tests.fuzz.attempts import EXAMPLES, attempt

# Operators have a test of their own; the runtime and the grader's process are no one's to call; the tour, the pictures
# and the kit of tests draw and run for long, and the command and their own tests call them; `study` is the tutorials'.
_ELSEWHERE = (
    "ghostnp.__main__",
    "ghostnp.bench",
    "ghostnp.conformance",
    "ghostnp.course.grader",
    "ghostnp.course.study",
    "ghostnp.course.tour",
    "ghostnp.kernels",
    "ghostnp.ops",
    "ghostnp.pictures",
    "ghostnp.testing",
)

# `compile` makes these, and nobody else.
_MADE = ("Engine", "Plan", "TrainingProgram", "TrainingStep")

_PLAN = worksheets.plan(("grouped",), 2, 0)
_ASKED = KeyQuestion(1, "grouped: weights", 1, 51456, (), ())
_PAPERS = [_PLAN.paper(student) for student in worksheets.numbered(2)]

# What an argument of that name may be.
_IN_ORDER = {
    "in_channels": 12,
    "out_channels": 12,
    "hidden_channels": 24,
    "in_features": 12,
    "out_features": 5,
    "channels": 12,
    "hidden": 4,
    "kernel_size": 3,
    "groups": 3,
    "p": 0.5,
    "value": 30.0,
    "divisor": 4,
    "name": "ghostnet_050",
    "path": "weights.npz",
    "contents": b"numbers",
    "files": {"weights.npz": b"numbers", Path("more.npz"): b""},
    "state": {"weight": np.ones((2, 3), np.float32)},
    "namespace": ops,
    "operator": "relu",
    "input_shape": (1, 12, 8, 8),
    "x_shape": (1, 12, 8, 8),
    "module": Sequential(Conv2d(12, 4, 3), ReLU()),
    "model": Sequential(Conv2d(12, 4, 3), ReLU()),
    "body": Conv2d(12, 12, 1),
    "forward": abs,
    "topics": ("grouped",),
    "count": 2,
    "seed": 0,
    "identifier": "N13",
    "entries": {"a": 1},
    "plan": _PLAN,
    "key": worksheets.AnswerKey({"seed": 0}, {"17": (worksheets.Student("17", "Ada"), (_ASKED,))}),
    "papers": _PAPERS,
    "question": _PAPERS[0].questions[0],
    "reply": "A",
    "text": "N13",
    "x": np.ones((2, 12, 8, 8), np.float32),
}


def _is_record(thing):
    """Whether it holds what it is given, and no more."""
    return inspect.isclass(thing) and (is_dataclass(thing) or issubclass(thing, tuple))


def _public():
    found = {}
    for info in pkgutil.walk_packages(ghostnp.__path__, "ghostnp."):
        if info.name.startswith(_ELSEWHERE):
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if callable(thing) and name not in function_names() and not _is_record(thing) and name not in _MADE:
                found.setdefault(id(thing), (f"{info.name}.{name}", thing))
    for name in ghostnp.__all__:
        thing = getattr(ghostnp, name)
        if callable(thing) and not inspect.ismodule(thing):
            found.setdefault(id(thing), (f"ghostnp.{name}", thing))
    return dict(found.values())


PUBLIC = _public()
_CHANGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 10_000)), max_size=3)
_settings = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    report_multiple_bugs=False,
)


def _parameters(function):
    return [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]


def _call(function, changes):
    """Its arguments: good ones where we know them, and then some of them changed."""
    parameters = _parameters(function)
    args = {p.name: _IN_ORDER.get(p.name, 3) for p in parameters if p.kind is p.VAR_POSITIONAL or p.default is p.empty}
    args |= {p.name: _IN_ORDER[p.name] for p in parameters if p.name in ("groups", "model") and p.name in _IN_ORDER}
    how = {}
    for place, which in changes:
        if parameters and (name := parameters[place % len(parameters)].name) not in how:
            how[name] = which
            good = args.get(name)
            choices = list(ARRAYS.values()) if isinstance(good, np.ndarray) else None
            args[name] = choices[which % len(choices)](good) if choices else VALUES[which % len(VALUES)]
    by_position = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    given, keywords = [], {}
    for p in by_position:
        if p.kind is p.VAR_POSITIONAL:
            given.append(args[p.name])
        elif p.name in args:
            keywords[p.name] = args[p.name]
    if given:  # what comes before *args has to come by position as well
        given = [keywords.pop(p.name) for p in by_position if p.name in keywords] + given
    keywords |= {p.name: args[p.name] for p in parameters if p.kind is p.KEYWORD_ONLY and p.name in args}
    return given, keywords, how


def _names(function):
    """What an error may name: an argument, one of several that it stands for, or what a model reads of it."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return [r"\w+"]
    names = [name for p in parameters for name in (p, re.sub("ies$|s$", "", p))]
    return [*map(re.escape, names), *(["x", "weight"] if {"input_shape", "x_shape"} & {*parameters} else [])]


def _entered(function):
    """A context manager tells what is wrong when it is entered."""

    def run(*args, **keywords):
        with initializer(seed=None):  # without drawing weights
            result = function(*args, **keywords)
        if hasattr(result, "__enter__") and not isinstance(result, Path):  # a Path's does nothing, and is going away
            with result:
                pass
        return result

    return run


def _clean():
    # What a fuzzed call registered, nobody else shall meet.
    from ghostnp.ops.registration import unregister
    from ghostnp.ops.vocabulary import BUILT_IN, VOCABULARY

    for name in [name for name in VOCABULARY if name not in BUILT_IN]:
        unregister(name)


def _attempt(name, args, keywords, how):
    about = f"{name} with { ({part: shown_value(keywords.get(part, args)) for part in how}) }"
    function = PUBLIC[name]
    # A function that was given raises what it likes, such as for arguments that it does not take.
    names = () if any(map(inspect.isfunction, keywords.values())) else _names(function)
    allowed = (OSError,) if "path" in inspect.signature(function).parameters else ()
    try:
        return attempt(
            "public names", _entered(function), tuple(args), keywords, names=names, about=about, allowed=allowed
        )
    finally:
        _clean()


@pytest.mark.parametrize("name", PUBLIC)
def test_each_argument_alone(name, tmp_path, monkeypatch):
    """With every bad value, and not with some that are drawn: a search may miss the one that an argument fails on."""
    monkeypatch.chdir(tmp_path)
    for place, parameter in enumerate(_parameters(PUBLIC[name])):
        good = _IN_ORDER.get(parameter.name) if parameter.default is parameter.empty else None
        for which in range(len(ARRAYS if isinstance(good, np.ndarray) else VALUES)):
            args, keywords, how = _call(PUBLIC[name], [(place, which)])
            assert [*how] == [parameter.name]
            _attempt(name, args, keywords, how)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = PUBLIC[name]
    if not (_parameters(function) or inspect.isclass(function)):  # there is one way to call it
        _attempt(name, [], {}, {})
        return

    @_settings
    @given(
        st.lists(_CHANGES, min_size=4, max_size=8), st.lists(st.integers(0, len(ARRAYS) - 1), min_size=2, max_size=4)
    )
    def with_bad_arguments(several, maps):
        for changes in ([], *several):
            args, keywords, how = _call(function, changes)
            outcome = _attempt(name, args, keywords, how)
            if isinstance(outcome.result, Module) and inspect.isclass(function):
                _run(outcome.result, name, maps)

    with_bad_arguments()


def shown_value(value):
    """`value` for a message; some cannot be shown at all."""
    try:
        return repr(value)[:80]
    except Exception:
        return type(value).__name__


def _run(module, name, maps):
    """Forward and backward on good maps and bad ones."""
    x = np.ones((2, 12) if "Linear" in name else (2, 12, 8, 8), np.float32)
    for which in maps:
        how = list(ARRAYS)[which]
        bad = ARRAYS[how](x)
        about = f"{name} of x {how}"
        outcome = attempt("modules that were built", module.forward, (bad,), {}, about=about)
        if outcome.error is None:
            y, cache = outcome.result
            dy = ARRAYS[how](np.ones_like(y)) if isinstance(y, np.ndarray) and y.size < 1e6 else y
            attempt("modules that were built", module.backward, (dy, cache), {}, about=about + ", backward")


def _options(network):
    """Keywords of a class of networks, and of those that it passes the rest on to."""
    found = []
    for each in network.__mro__:
        parameters = inspect.signature(each.__init__).parameters.values()
        found += [p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in ("self", *found)]
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            return found
    raise AssertionError(network)


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_networks(name):
    options = [*_options(type(ghostnp.create_model(name, seed=None))), "dtype"]

    @settings(_settings, max_examples=max(2, EXAMPLES // 2))
    @given(st.lists(st.tuples(st.sampled_from(options), st.integers(0, len(VALUES) - 1)), min_size=1, max_size=2))
    def with_bad_options(chosen):
        keywords = {option: VALUES[which] for option, which in chosen}
        about = f"{name} with { ({option: shown_value(value) for option, value in keywords.items()}) }"
        # A function that was given raises what it likes, such as for arguments that it does not take.
        names = () if any(map(inspect.isfunction, keywords.values())) else [*keywords]
        attempt("networks", ghostnp.create_model, (name,), {"seed": None, **keywords}, names=names, about=about)

    with_bad_options()
