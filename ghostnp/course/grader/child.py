"""The process in which a file is checked.

It is started as ``python -m ghostnp.course.grader.child FILE FOLDER LIMITS SEED WITH [SKIP]``. LIMITS are those of
`Limits`, a list in JSON; SEED is what cases are drawn by, or null; WITH is a list of modules and files that register
operators, and SKIP are functions that were checked already. What is found goes into FOLDER/findings, a line of JSON for
each function, and what is being done into FOLDER/progress: whoever started this process reads there what it was doing,
and how long that may take, and stops it if it takes longer.
"""

import inspect
import json
import math
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
from hypothesis import settings
from hypothesis import strategies as st

from ghostnp import ops
from ghostnp.course.grader.clock import OWN, Clock, Limits, Stage
from ghostnp.course.grader.comparing import (
    Case,
    Sample,
    cases,
    not_empty,
    settled,
    shown_arguments,
    try_call,
    with_a_form,
)
from ghostnp.course.grader.functions import graded_names, registered
from ghostnp.course.grader.guard import ForbiddenError, Guard, HandedOverError, Noise
from ghostnp.course.grader.hints import hints
from ghostnp.course.grader.source import Loader
from ghostnp.ops.vocabulary import function_named, operator_named
from ghostnp.testing import calls, laws_of, smallest_failure
from ghostnp.testing.calls import GHOST, definition
from ghostnp.testing.laws.table import calls_for

_EXAMPLES, _EXAMPLES_OF_A_LAW = 100, 33


class BrokenError(Exception):
    """A comparison with the definition failed."""


class EndedError(Exception):
    """The process was to be ended; the cause is what Python raised for that."""


class Child:
    """Checks the functions of one file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    folder : pathlib.Path
        Where to write.
    limits : Limits
        How long it may take.
    seed : int or None
        What cases are drawn by; None draws the same ones whenever it runs.
    """

    def __init__(self, path, folder, limits, seed):
        self.path, self.limits, self.clock = path, limits, Clock(limits)
        self.guard, self.noise = Guard(path.parent, os.environ["NUMBA_CACHE_DIR"]), Noise()
        self.place: Callable = "line {}".format
        self.findings = (folder / "findings").open("a", encoding="utf-8")
        self.progress = (folder / "progress").open("w", encoding="utf-8")
        self.own: dict[str, Callable] = {}  # functions of operators that the file itself registered
        self.steps, self.what = 0, ("", "starting")
        self.search = partial(smallest_failure, seed=seed)
        self.known: set[tuple] = set()  # with which types of arguments a function was called

    def run(self, providers, skipped):
        """Import the file, after its `providers` of operators, and check all its functions but those `skipped`."""
        self.guard.install()
        sys.stdout = sys.stderr = self.noise
        sys.path.insert(0, str(self.path.parent))
        sys.dont_write_bytecode = True
        for provider in providers:
            try:
                self.provide(provider)
            except BaseException as error:
                says = f"--with {provider} cannot be imported: {type(error).__name__}: {error}"
                self.find("", status="wrong", says=says)
                return
        given = registered()
        try:
            module = self.load()
        except BaseException as error:  # sys.exit() too, which is no Exception: the student is told, whatever it was
            self.find("", **self.failure(error))
            return
        names = [name + ending for name in registered() if name not in given for ending in ("", "_backward")]
        self.own = {name: function for name in names if (function := function_named(name))}
        found = {name: value for name in graded_names() if callable(value := getattr(module, name, None))}
        found = {name: value for name, value in found.items() if self.wrote(value) or hasattr(value, "stands_before")}
        # What was imported to be used is no answer, unless there is nothing else.
        answers = {name: value for name, value in found.items() if not hasattr(value, "stands_before")} or found
        # Nor is a helper that happens to have an operator's name, unless the file is called after it.
        helpers = {name for name, value in answers.items() if _signature(value) != _signature(definition(name))}
        helpers -= {name for name in helpers if self.path.stem.endswith(name)}
        if helpers != answers.keys():
            answers = {name: value for name, value in answers.items() if name not in helpers}
        else:
            helpers = set()
        answers |= self.own
        own = {name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
        parts = {part.__name__ for name in registered() for part in _parts(operator_named(name))}
        others = [name for name in vars(module) if name in own - found.keys() - parts]
        self.find("", status="loaded", functions=list(answers), others=others, helpers=sorted(helpers))
        for name in answers:
            if name not in skipped:
                self.clock = Clock(self.limits)
                try:
                    found = _unable(name) or self.check(name, answers[name])
                except Exception as error:  # of the grader's own: it says nothing about the answer
                    failed = f"the grader itself failed ({type(error).__name__}: {error}), which says nothing about it"
                    found = {"status": "not reached", "says": f"it was not checked to the end: {failed}"}
                self.find(name, **found)

    def wrote(self, function):
        """Whether it is from the file, or from one beside it."""
        home = sys.modules.get(getattr(function, "__module__", None) or type(function).__module__)
        written = Path(getattr(home, "__file__", None) or "/")
        # An environment may be in the folder as well.
        return written.is_relative_to(self.path.parent) and "site-packages" not in written.parts

    def provide(self, provider):
        """Import a module, or a file, that registers operators for the file to define once more."""
        self.doing("", f"importing {provider}", self.limits.start_seconds)
        before = registered()
        if Path(provider).suffix == ".py":
            module = _module_of(Path(provider), Path(provider).stem)
            module.__loader__.exec_module(module)
        else:
            import_module(provider)
        added = [name for name in registered() if name not in before]
        if not added:
            raise ValueError("it registers no operator, and the rule is a call of ghostnp.register(...)")
        for name in added:
            self.guard.protect(operator_named(name))

    def load(self):
        """The file as a module."""
        self.doing("", "importing the file", self.limits.start_seconds)
        module = _module_of(self.path, self.path.stem + "_to_check")
        self.place = module.__loader__.place
        if self.path.suffix == ".ipynb":
            module.display = print
        with self.guard.watch():
            module.__loader__.exec_module(module)
        return module

    def check(self, name, answer):
        """Hold one function against its signature, the definition and its laws: what was found, as a dict."""
        if name in self.own:
            return self.check_by_laws(name, answer)
        expected, signature = _signature(definition(name)), _signature(answer)
        if signature != expected:
            return {"status": "wrong", "says": "it is defined with other arguments", "expected": name + expected,
                    "got": name + signature, "hints": ["Copy the first line from the stub: names, order, defaults and "
                    "the star are part of the vocabulary."]}  # fmt: skip
        samples: list[Sample] = []
        watched = self.watched(name, answer)
        drawn = cases(name, _EXAMPLES)
        stage = self.comparison(name, watched, samples, self.clock.left / 2)
        failure = self.search(drawn, stage)
        if failure is not None:
            return self.difference(name, failure, samples, watched, lambda: self.laws(name, watched)[0])
        laws, broken = self.laws(name, watched)
        same = {"law": "the same as the definition", "kept": True, "says": "", "case": "",
                "calls": stage.tried, "wanted": _EXAMPLES, "cut_short": stage.cut_short}  # fmt: skip
        if broken is None:
            return _passed([same, *laws])
        # A law sees what one set of numbers may hide: compare on the call that broke it, with other numbers.
        alike = st.builds(lambda seed, whole: Case(broken.replace(seed=seed), whole and broken.regime == "usual"),
                          st.integers(0, 2**16), st.booleans())  # fmt: skip
        stage = self.comparison(name, watched, samples, self.clock.left - 1)
        failure = self.search(alike, stage, _EXAMPLES)
        if failure is not None:
            return self.difference(name, failure, samples, watched, lambda: laws)
        first = next(law for law in laws if law["kept"] is False)
        return {"status": "wrong", "says": first["says"], "case": first["case"], "laws": [same, *laws],
                "hints": hints(name, None, [], first["says"])}  # fmt: skip

    def check_by_laws(self, name, answer):
        """Hold a function of an operator that the file registered to its laws: there is no other definition."""
        laws, _ = self.laws(name, self.watched(name, answer))
        if not laws:
            return {"status": "not reached", "says": "it was not checked: no law of its kind is known",
                    "has_definition": False}  # fmt: skip
        broken = next((law for law in laws if law["kept"] is False), None)
        if broken is None:
            return _passed(laws) | {"has_definition": False}
        says = f"it breaks the law {broken['law'].split(':')[0]!r}: {broken['says']}"
        return {"status": "wrong", "says": says, "case": broken["case"], "laws": laws, "has_definition": False,
                "hints": hints(name, None, [], broken["says"])}  # fmt: skip

    def watched(self, name, answer):
        """The student's function, run under the guard, and with a limit for each call."""

        def call(*args, **keywords):
            types = (name, _types(args), _types(keywords))
            first = types not in self.known
            self.known.add(types)
            self.tell(self.limits.start_seconds if first else self.limits.call_seconds)
            try:
                with self.guard.watch(name):
                    if first:
                        return self.clock.excuse(lambda: answer(*args, **keywords))
                    return answer(*args, **keywords)
            except (SystemExit, KeyboardInterrupt) as error:
                raise EndedError(f"{type(error).__name__}: {error}") from None
            finally:
                self.tell(OWN)

        return call

    def comparison(self, name, watched, samples, reserve):
        """A stage that compares it with the definition; all that is tried joins `samples`."""

        def same(case):
            self.doing(name, repr(case))
            sample = try_call(name, watched, case)
            samples.append(sample)
            if sample.difference is not None:
                raise BrokenError(sample.difference.says)

        return Stage(same, self.clock, reserve)

    def look_around(self, name, watched, samples):
        """Try other calls as well, with fractions, so that a hint is not one for the smallest call alone."""

        def look(case):
            self.doing(name, repr(case))
            try:
                samples.append(try_call(name, watched, case))
            except Exception:
                return  # that it raises there is another mistake, and the one that was found is told

        stage = Stage(look, self.clock, self.clock.left - 1)
        drawn = not_empty([(calls(name.removesuffix("_backward"), long=""), 30)])
        self.search([(strategy.map(lambda call: Case(call, whole=False)), number) for strategy, number in drawn], stage)

    def difference(self, name, failure, samples, watched, laws_of_it):
        """What to say where it differs from the definition."""
        case, error = failure
        if isinstance(error.__cause__, BrokenError):  # it passed when it was repeated
            says = "the same call gives another result when it is repeated"
            return {"status": "wrong", "says": says, "case": repr(case), "hints": hints("", None, [], "second call")}
        if not isinstance(error, BrokenError):
            found = self.failure(error)
            return found if found["status"] == "not started" else found | {"case": repr(case)}
        sample = next(each for each in reversed(samples) if each.case == case and each.difference is not None)
        details = sample.difference
        self.look_around(name, watched, samples)
        same = {"law": "the same as the definition", "kept": False, "says": "", "case": "",
                "calls": len(samples), "wanted": _EXAMPLES, "cut_short": False}  # fmt: skip
        return {
            "status": "wrong", "says": details.says, "case": repr(case), "arguments": shown_arguments(sample),
            "expected": details.expected, "got": details.got, "difference": details.difference,
            "where": details.where, "hints": hints(name, sample, samples), "laws": [same, *laws_of_it()],
        }  # fmt: skip

    def laws(self, name, watched):
        """Which laws it keeps, each with how often it was tried; and a call that breaks one."""
        operator, backward = name.removesuffix("_backward"), name.endswith("_backward")
        found, broken = [], None
        functions = {other: self.watched(other, function) for other, function in self.own.items()} | {name: watched}
        namespace = SimpleNamespace(
            **{each: settled(each, with_a_form(each, function)) for each, function in functions.items()}
        )
        held = [law for law in laws_of(operator) if (law.of == "backward") == backward]
        for number, law in enumerate(held):

            def holds(call, law=law):
                self.doing(name, f"{call!r} (the law {law.name!r})")
                law.check(namespace, call)

            left = max(self.clock.left, 0)
            stage = Stage(holds, self.clock, left - left / (len(held) - number))
            failure = self.search(not_empty(calls_for(operator, [law], _EXAMPLES_OF_A_LAW, long="")), stage)
            case, says = (repr(failure[0]), _sentence(failure[1])) if failure else ("", "")
            broken = failure[0] if failure and broken is None else broken
            kept = failure is None if stage.tried else None  # what was not tried is not said to hold
            found.append({"law": f"{law.name}: {law.says}", "kept": kept, "says": says, "case": case, "calls":
                          stage.tried, "wanted": _EXAMPLES_OF_A_LAW, "cut_short": stage.cut_short})  # fmt: skip
        return found, broken

    def failure(self, error):
        """What to say of an exception, wherever it came from."""
        line, text = self.line(error)
        where = f"{self.place(line)}: {text}" if line else ""
        if isinstance(error, NotImplementedError):
            return {"status": "not started", "says": "not started yet: it still says NotImplementedError"}
        if isinstance(error, HandedOverError):
            owner = "ghostnp's own" if str(error) in ops.__all__ or GHOST.name in str(error) else "the registered"
            says = f"it handed over to the definition: it calls {owner} {error}"
            return {"status": "handed over", "says": says,
                    "where": where, "hints": ["The exercise is to write what that function does. Helpers such as pad, "
                    "tap and crop of ghostnp.ops.geometry may be used."]}  # fmt: skip
        says = f"it raises {type(error).__name__}: {error}"
        if isinstance(error, SystemExit | KeyboardInterrupt | EndedError):
            says = f"it ends the whole process ({error if isinstance(error, EndedError) else type(error).__name__})"
        elif isinstance(error, MemoryError) and self.limits.memory < math.inf:
            says = f"it takes more memory than it may, which is {self.limits.memory:g} GiB: {error}"
        elif isinstance(error, EOFError):
            says = "it reads from the keyboard, and nobody is there to type"
        elif isinstance(error, ForbiddenError):
            says = str(error)
        elif isinstance(error, SyntaxError):
            line, text = error.lineno, (error.text or "").strip()
            says, where = f"Python cannot read it: {error.msg}", f"{self.place(line)}: {text}" if line else ""
        elif isinstance(error, ImportError):
            says = f"it cannot be imported: {error}"
        return {"status": "wrong", "says": says, "where": where, "hints": hints("", None, [], says)}

    def line(self, error):
        """The last line of the file in the exception's traceback, and its number."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(self.path)]
        return (frames[-1].lineno, frames[-1].line) if frames else (None, "")

    def doing(self, name, what, seconds=OWN):
        """Write down what comes next, for the process that watches this one, and how long it may take."""
        self.what = (name, what)
        self.tell(seconds)

    def tell(self, seconds):
        """Write down how long the next step may take."""
        self.steps += 1
        self.progress.seek(0)
        self.progress.write(json.dumps([self.steps, *self.what, seconds]) + "\n")
        self.progress.truncate()
        self.progress.flush()

    def find(self, name, **found):
        """Write down what was found of a function, or of the file."""
        found["printed"], found["first_printed"] = self.noise.lines, self.noise.first
        self.findings.write(json.dumps({"function": name, **found}) + "\n")
        self.findings.flush()


def _unable(name):
    """What to say where no calls can be drawn, as may be of an operator that was registered; else None."""
    try:
        calls(name.removesuffix("_backward"))
    except (TypeError, ValueError) as error:
        return {"status": "not reached", "says": f"it was not checked, since no calls of it can be drawn: {error}"}
    return None


def _passed(laws):
    """What to say where nothing wrong was found: that it is right, if there was time for all of it."""
    short = [law for law in laws if law["cut_short"]]
    found = {"status": "passed", "laws": laws}
    if not short:
        return found
    tried = [f"{law['law'].split(':')[0]} ({law['calls']} of {law['wanted']} calls)" for law in short if law["calls"]]
    untried = [law["law"].split(":")[0] for law in short if not law["calls"]]
    said = ["nothing wrong was found, but time ran out"]
    said += [f"tried in part: {', '.join(tried)}"] * bool(tried)
    said += [f"not tried: {', '.join(untried)}"] * bool(untried)
    hint = "That is no verdict. Is there a loop over pixels, or a sleep? More time is given by --seconds."
    return found | {"status": "incomplete", "says": "; ".join(said), "hints": [hint]}


def _types(value):
    """What a compiler would look at: types, and of arrays how they lie in memory."""
    if isinstance(value, np.ndarray):
        flags = value.flags
        return value.dtype.str, value.ndim, flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.aligned
    if isinstance(value, dict):
        return tuple((key, _types(part)) for key, part in value.items())
    return tuple(map(_types, value)) if isinstance(value, list | tuple) else type(value).__name__


def _parts(row):
    return [part for part in (row.forward, row.backward, row.cost) if part is not None]


def _module_of(path, name):
    """An empty module, known by its name, whose loader will run the file."""
    loader = Loader(name, str(path))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = sys.modules[name] = module_from_spec(spec)
    return module


def _signature(function):
    """Names, order and defaults; annotations are welcome, and left out."""
    empty = inspect.Parameter.empty
    try:
        signature = inspect.signature(function)
    except ValueError:
        return "(?)"
    plain = [parameter.replace(annotation=empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=empty))


def _sentence(error):
    return str(error) if isinstance(error, AssertionError) else f"it raises {type(error).__name__}: {error}"


def _confine(limits):
    """Let this process have so much memory beyond what it has, and so much time; who watches it is stricter."""
    if limits.file_seconds < math.inf and sys.platform != "win32":
        import resource

        # In the case that nobody watches any more. What it starts inherits the limit.
        most = min(math.ceil(limits.file_seconds) + 10, 2**31)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    if limits.memory < math.inf and sys.platform == "linux":  # others do not keep to it
        import resource

        most = min(psutil.Process().memory_info().vms + int(limits.memory * 2**30), 2**62)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    file, folder, limits, seed, providers, *skip = sys.argv[1:]
    del sys.argv[1:]  # they are the grader's, and the file may look for its own
    # Who runs it twice sees the same case twice.
    settings.register_profile("check", derandomize=True)
    settings.load_profile("check")
    child = Child(Path(file), Path(folder), Limits(*json.loads(limits)), json.loads(seed))
    _confine(child.limits)
    child.run(json.loads(providers), skip)
    child.find("", status="done")
