"""Mutation testing of the definitions and of counting: a test must fail for every mistake that is planted in them.

Cosmic Ray (https://cosmic-ray.readthedocs.io) writes the mutants: an operator exchanged, a number moved by one, a
condition turned round, a loop that does not run. Each is tried in a process of its own, whose import of the mutated
module gives the mutant; no file is changed. First the tests of its own chapter run, and if all pass those of all
chapters. It takes an hour or more, is no part of the suite, and needs `pip install cosmic-ray`. For so many mutants (by
default one for each place in the code that can be changed), taken from all files in turn:

    NUMBA_DISABLE_JIT=1 python -m tests.robustness.mutants 400

Whatever survives is printed as a difference. Either a test is missing, or the mutant computes the same, as where
`x == 1` becomes `x <= 1` and x is never smaller; those are told from each other by reading.
"""

import difflib
import importlib.machinery
import os
import random
import resource
import sys
from collections import Counter
from itertools import chain, zip_longest
from pathlib import Path
from typing import NamedTuple

import cosmic_ray.plugins
import numba  # noqa: F401
import pytest

# Imported before each process is forked, so that it costs nothing there. Nothing of ghostnp may be.
import torch  # noqa: F401
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("ghostnp/ops/*.py"), *ROOT.glob("ghostnp/graph/counting/*.py")])
OPS, COUNTING = "tests/ops", "tests/graph/counting"
OPERATORS = {
    name: cosmic_ray.plugins.get_operator(name)()
    for name in cosmic_ray.plugins.operator_names()
    if not name.endswith(("/NoOp", "/VariableReplacer", "/VariableInserter"))
}
# The tests of a file of the definitions, where their names are not those of the file.
CHAPTERS = {
    "checks": ("checks", "bad_arguments", "bad_geometry", "cost"),
    "composition": ("separable", "attention"),
    "concat": ("elementwise_and_concat", "cost", "other_operations"),
    "depthwise": ("convolution", "cost", "other_operations"),
    "elementwise": ("elementwise_and_concat", "cost", "other_operations"),
    "geometry": ("geometry", "bad_geometry", "convolution", "pooling"),
    "gradients": ("convolution", "normalization"),
    "grouped": ("convolution", "cost", "other_operations"),
    "pointwise": ("convolution", "cost", "other_operations"),
    "standard": ("convolution", "cost", "other_operations"),
    "updates": (),
    "vocabulary": ("vocabulary", "registration", "layout"),
    "__init__": ("vocabulary", "registration"),
}
# One after the other until something fails; the definitions are compared with PyTorch and with uncompiled kernels.
ALL = (OPS, COUNTING, "tests/graph/test_registered.py", "tests/graph/test_tracing.py", "tests/training/test_updates.py")
# A mutant that does not end in so many seconds of CPU time, or asks for so much memory, was found out.
SECONDS, BYTES = 400, 12 << 30


class Mutant(NamedTuple):
    """A file, and what is written in it instead."""

    path: Path
    operator: str
    code: str

    def difference(self):
        """What was changed, as a reader wants to see it."""
        before, after = self.path.read_text().splitlines(), self.code.splitlines()
        name = str(self.path.relative_to(ROOT))
        lines = list(difflib.unified_diff(before, after, name, self.operator, lineterm="", n=0))
        return "\n".join(lines)


def draw(path, rng):
    """Mutants of a file in random order: one for each place that can be changed, drawn from all of that place."""
    source = path.read_text()
    places: dict[tuple, list[tuple[str, int]]] = {}
    for name, operator in OPERATORS.items():
        changes = chain.from_iterable(operator.mutation_positions(node) for node in ast_nodes(get_ast(source)))
        for number, place in enumerate(changes):
            places.setdefault(place, []).append((name, number))
    for place in rng.sample(sorted(places), len(places)):
        for name, number in rng.sample(places[place], len(places[place])):
            code = mutate_code(source, OPERATORS[name], number)
            if compiles(code):
                yield Mutant(path, name.removeprefix("core/"), code)
                break


def compiles(code):
    """Whether it is Python at all (the asterisk before keywords, say, is no operator)."""
    try:
        compile(code, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, TypeError):
        return False
    return True


def tests_of(path):
    """The tests that are likeliest to fail."""
    if path.parent.name == "counting":
        return [COUNTING]
    names = CHAPTERS.get(path.stem, (path.stem, "cost", "other_operations"))
    return [f"{OPS}/test_{name}.py" for name in names] or ["tests/training/test_updates.py"]


def start(mutant, tests):
    """Begin to run tests on a mutant (None: on the code as it is); the number of the process."""
    if process := os.fork():
        return process
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if mutant:
            original = importlib.machinery.SourceFileLoader.get_code

            def get_code(loader, name):
                if Path(loader.path) == mutant.path:
                    return compile(mutant.code, loader.path, "exec", dont_inherit=True)
                return original(loader, name)

            importlib.machinery.SourceFileLoader.get_code = get_code
        os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--backend", "ghostnp.ops", *tests]))
    finally:
        os._exit(99)


def main(count):
    """Try so many mutants on all cores; print those that survived, and how many of each file did."""
    assert "ghostnp" not in sys.modules, "the mutants would not be imported"
    os.chdir(ROOT)
    os.environ |= {"CI": "1", "GHOSTNP_EXAMPLES": os.environ.get("GHOSTNP_EXAMPLES", "20")}
    _, status = os.waitpid(start(None, ALL), 0)
    assert status == 0, "the tests fail without a mutant"
    by_file = [draw(path, random.Random(path.stem)) for path in FILES]
    mutants = [mutant for turn in zip_longest(*by_file) for mutant in turn if mutant][:count]
    waiting, running = [(mutant, False) for mutant in reversed(mutants)], {}
    tried, killed = Counter(), Counter()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            mutant, passed = waiting.pop()
            running[start(mutant, ALL if passed else tests_of(mutant.path))] = mutant, passed
        process, status = os.wait()
        mutant, passed = running.pop(process)
        if status == 0 and not passed:
            waiting.append((mutant, True))
            continue
        tried[mutant.path] += 1
        killed[mutant.path] += status != 0
        if status == 0:
            print(mutant.difference(), flush=True)
    for path in FILES:
        print(f"{path.relative_to(ROOT)}: {killed[path]} of {tried[path]} killed")
    print(f"in all: {killed.total()} of {tried.total()} killed")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
