"""Every operator of a framework, held against its definition in every regime and against every law."""

import json
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from traceback import walk_tb

import numpy as np

from ghostnp.ops.vocabulary import operator_named, operators
from ghostnp.testing import frameworks
from ghostnp.testing.adapted import Adapted
from ghostnp.testing.comparison import compare
from ghostnp.testing.draw import strata
from ghostnp.testing.frameworks import Adapter
from ghostnp.testing.laws.table import calls_for, laws_of
from ghostnp.testing.matching import promised
from ghostnp.testing.search import smallest_failure

# What is printed last by a script, so that it can be compared with what was seen.
_TAIL = """
import json, numpy
parts = [part for found in every for part in (found if isinstance(found, (list, tuple)) else [found])]
parts = [part.detach().double() if hasattr(part, "detach") else part for part in parts]
print("FOUND", json.dumps([numpy.asarray(part).astype("float64").tolist() for part in parts]))
"""
_ENOUGH = 16  # calls for each question, or no axis is longer than a few pixels
_SHOWN = 4  # calls in a script, at most: the last ones


@dataclass
class Held:
    """One operator held against one thing.

    Parameters
    ----------
    operator : str
    kind : str
        "match" for the definition in a regime, "law", or "refusal": a legal call on which the framework raises.
    dtype : str
        Of a match; empty for the others.
    against : str
        A regime, or the name of a law.
    calls : int, default 0
        How many passed.
    failure : dict, optional
        The smallest call that fails (`case`), what is wrong (`says`), the script that repeats it, and whether it did
        (`reproduced`).
    """

    operator: str
    kind: str
    dtype: str
    against: str
    calls: int = 0
    failure: dict | None = None


def _fair(check):
    """The same question; a result that cannot even be compared is wrong, and what the framework raises a refusal."""

    def fair(call, style):
        try:
            check(call, style)
        except (AssertionError, _NotSpokenError):
            raise
        except Exception as error:
            # An adapter calls the framework, forward and back: without one in between, the comparison has failed.
            if any(frame.f_code.co_filename == frameworks.__file__ for frame, _ in walk_tb(error.__traceback__)):
                raise
            raise AssertionError(f"its result cannot be compared: {type(error).__name__}: {error}") from error

    return fair


class _NotSpokenError(Exception):
    """A law needs a dtype, or a second output, that the framework has not."""


def hold(peer, *, examples, names=None, dtypes=None, progress=lambda text: None):
    """Hold a framework. Calls that it refuses are left out of what it is held against, and told once an operator.

    Parameters
    ----------
    peer : Peer
    examples : int
        How many calls for each operator, dtype and regime, and for each operator and law.
    names, dtypes : sequence of str, optional
        Some of the operators and of the peer's dtypes; by default all.
    progress : callable
        Is told what is being held.

    Yields
    ------
    Held
    """
    for operator in names or operators():
        if peer.function(operator) is None:
            continue
        refuses = None
        progress(f"{peer.name}: {operator}")
        for drawn, asked, style, held in _questions(peer, operator, examples, dtypes or peer.dtypes):
            check = _fair(asked)
            if (answer := _searched(peer, drawn, check, style, held)) is None:
                continue
            refused, found = answer
            if refused and refuses is None:
                refuses = _refusal(peer, drawn, check, style, operator)
            yield found
        if refuses is not None:
            yield refuses


def _questions(peer, operator, examples, dtypes):
    """Everything that an operator is held against: where calls come from, what is asked of them, and of whom."""
    function, given = peer.function(operator), peer.given(operator)
    if examples < _ENOUGH:
        given = {"long": ""} | given
    for dtype in dtypes:
        style = peer.style(operator, dtype)

        def matches(call, style):
            compare(function, None, call, style)

        for regime in promised(operator_named(operator)):
            drawn = strata(operator, [regime], examples=examples, **given)
            yield drawn, matches, style, Held(operator, "match", dtype, regime)
    style = peer.style(operator, "float32")
    for law in laws_of(operator):

        def keeps(call, style, law=law):
            law.check(_Namespace(Adapted(function, operator, style), peer), call)

        # These read what frameworks keep to themselves.
        if law.name not in ("normalizes", "takes the largest"):
            yield calls_for(operator, [law], examples, **given), keeps, style, Held(operator, "law", "", law.name)


class _Namespace:
    """An adapted operator that says what it cannot."""

    def __init__(self, adapted, peer):
        for name, function in vars(adapted).items():
            if not name.startswith("_"):
                setattr(self, name, self._guarded(function, name.endswith("_backward"), peer))

    @staticmethod
    def _guarded(function, backward, peer):
        def call(first, *given, **keywords):
            part = first[0] if isinstance(first, list) else first
            if (backward and not peer.differentiates) or part.dtype.name not in peer.dtypes:
                raise _NotSpokenError
            return function(first, *given, **keywords)

        return call


def _searched(peer, drawn, check, style, held):
    """How many calls were refused, and what was found; None where there is nothing that the framework could answer."""
    refused, mute = 0, False

    def counted(call):
        nonlocal refused, mute
        try:
            check(call, style)
            held.calls += 1
        except AssertionError:
            raise
        except _NotSpokenError:
            mute = True
        except Exception:  # by the framework, and told as a refusal
            refused += 1

    failure = smallest_failure(drawn, counted)
    if mute:
        return None
    if failure is not None:
        held.failure = _told(peer, failure, check, style)
    return refused, held


def _refusal(peer, drawn, check, style, operator):
    def raises(call):
        with suppress(AssertionError):
            check(call, style)

    failure = smallest_failure(drawn, raises)
    return None if failure is None else Held(operator, "refusal", "", "", 0, _told(peer, failure, check, style))


def _told(peer, failure, check, style):
    call, error = failure
    says = str(error) if isinstance(error, AssertionError) else f"it raised {type(error).__name__}: {error}"
    says = " ".join(says.split())
    return {"case": repr(call), "says": says} | _script(peer, call, check, style, says)


def _script(peer, call, check, style, says):
    """The framework's own calls behind a failure, and whether they repeat it in a process without ghostnp."""
    heard = _Overheard(style.adapter)
    raised = False
    try:
        check(call, style._replace(adapter=heard))
    except Exception as error:  # it was seen before
        raised = not isinstance(error, AssertionError)
    lines, seen = ["every = []"], []
    # Where a gradient is wrong, that is what is shown; the steps that a slope is measured by are not.
    shown = heard.calls[-1:] if raised else [one for one in heard.calls if "dy" in one][-1:] or heard.calls[-_SHOWN:]
    for one in shown:
        names = [
            name for name in call.row.positional if name != "bias" or len(one["arrays"]) == len(call.row.positional)
        ]
        arrays = dict(zip(names, one["arrays"], strict=True))
        wanted = [name for name, want in zip(names, one["wanted"], strict=True) if want] if "dy" in one else []
        lines += peer.spelled(call.operator, arrays, one["keywords"], one["form"], wanted, one.get("dy"))
        if not raised:
            lines += ["every.append(found)", "print(found)"]
            seen.append(one["gradients"] if wanted else one["y"])
    script = "\n".join([f"# {says}", *peer.begins(heard.calls), *lines]) + "\n"
    return {"script": script, "reproduced": _reproduced(script, seen, raised)}


def _reproduced(script, seen, raised):
    """Whether another process finds the same numbers, or is refused as well."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-I", "-c", script + _TAIL], cwd=folder, capture_output=True, text=True, check=False
        )
    if raised:
        return done.returncode != 0
    line = re.search(r"^FOUND (.*)$", done.stdout, re.MULTILINE)
    if line is None:
        return False
    parts = [part for value in seen for part in (value if isinstance(value, list) else [value])]
    found = json.loads(line[1])
    return len(found) == len(parts) and all(
        np.array_equal(np.asarray(one, np.float64).ravel(), np.asarray(two, np.float64).ravel(), equal_nan=True)
        for one, two in zip(found, parts, strict=True)
        if two is not None
    )


class _Overheard(Adapter):
    """An adapter that keeps what it was asked."""

    def __init__(self, adapter):
        self._adapter, self.calls = adapter, []
        self.paddings, self.computes, self.subnormals = adapter.paddings, adapter.computes, adapter.subnormals

    def __call__(self, fn, arrays, keywords, form, wanted):
        """As the adapter does."""
        heard = {"arrays": arrays, "keywords": keywords, "form": form, "wanted": wanted}
        self.calls.append(heard)
        y, pull = self._adapter(fn, arrays, keywords, form, wanted)
        heard["y"] = y
        if pull is None:
            return y, None

        def gradients(dy):
            heard["dy"] = dy
            heard["gradients"] = [None if part is None else np.asarray(part) for part in pull(dy)]
            return heard["gradients"]

        return y, gradients
