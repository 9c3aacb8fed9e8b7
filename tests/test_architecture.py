"""What readers rely on: one vocabulary, one shape for every operator, short definitions, floors that stand."""

import ast
import doctest
import importlib
import inspect
import io
import math
import pkgutil
import re
import sys
import tokenize
import tomllib
from inspect import Parameter
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

import ghostnp
from ghostnp import kernels, ops
from ghostnp.ops.vocabulary import operators

PACKAGE = Path(ghostnp.__file__).parent
TESTS = Path(__file__).parent
PYPROJECT = TESTS.parent / "pyproject.toml"
NO_ORACLES = [path for path in sorted(TESTS.rglob("*.py")) if "oracle" not in str(path.relative_to(TESTS))]
FUNCTIONS = [name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))]
FORWARD = [name for name in FUNCTIONS if not name.endswith(("_backward", "_cost"))]

# What f_backward takes before the keywords, where the rule (see the test) would say something else.
BACKWARD_ARGUMENTS = {
    # The ReLU's mask is computed again from x, and that takes the bias.
    "batch_norm_relu_train": ["dy", "x", "weight", "bias", "mean", "var"],
    # Its result is called loss, so its gradient is called dloss.
    "softmax_cross_entropy": ["dloss", "logits", "labels", "probabilities"],
}
# Keywords that kernels have for the engine's sake.
PRIVATE_KEYWORDS = {
    "nearest": False,
    "onto": None,
    "no_dx": False,
    "out": None,
    "limits": (-math.inf, math.inf),
    "through": (),
}
# What a layer may ask of NumPy: arrays for parameters and buffers, new or loaded, and dtypes. Nothing that computes.
NUMPY_IN_MODULES = {
    "array",
    "asarray",
    "can_cast",
    "dtype",
    "float32",
    "float64",
    "int64",
    "ndarray",
    "ones",
    "random.Generator",
    "random.default_rng",
    "zeros",
}
LONGEST_DEFINITION = 120


def files(*floors):
    paths = [path for floor in floors for path in sorted((PACKAGE / floor).rglob("*.py"))]
    return [pytest.param(path, id=str(path.relative_to(PACKAGE))) for path in paths]


def signature(function, leave_out=frozenset()):
    """(name, kind, default) of each parameter."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters if p.name not in leave_out]


def arguments(function):
    return [name for name, kind, _ in signature(function) if kind is not Parameter.KEYWORD_ONLY]


def keywords(function):
    return {name: default for name, kind, default in signature(function) if kind is Parameter.KEYWORD_ONLY}


def documented(function, section):
    """{name: type} of a numpydoc section."""
    body = re.search(
        rf"^{section}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", inspect.getdoc(function), re.DOTALL | re.MULTILINE
    )
    entries = re.findall(r"^(\S.*?)(?: : (.*))?$", body[1], re.MULTILINE) if body else []
    return {name: kind for names, kind in entries for name in names.replace("*", "").split(", ")}


def lines_of_code(path):
    """How many lines are neither blank nor comment nor docstring."""
    source = path.read_text(encoding="utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    no_code = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    code = {line for t in tokens if t.type not in no_code for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(code)


def imported(path):
    """Top-level names of the packages that a file imports, whenever it does so."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names}


def numpy_uses(path):
    """Every ``np.a.b`` in a file, as long as it gets, without the ``np``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    names = {text.removeprefix("np.") for text in texts if re.fullmatch(r"np(\.\w+)+", text)}
    return {name for name in names if not any(other.startswith(f"{name}.") for other in names)}


# Keras is in no extra, and where JAX is imported, it warns of the forks of other tests.
NOT_IMPORTED = {"ghostnp.conformance.jax_vocabulary", "ghostnp.conformance.keras_vocabulary"}


def modules_of(package):
    found = [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    names = [name for name in found if name not in NOT_IMPORTED]
    return [package, *map(importlib.import_module, names)]


# One vocabulary


def test_kernels_have_the_names_of_the_definitions():
    assert sorted(kernels.__all__) == sorted(ops.__all__)
    assert [name for name in kernels.__all__ if not hasattr(kernels, name)] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_kernel_has_the_signature_of_its_definition(name):
    definition, kernel = getattr(ops, name), getattr(kernels, name)
    assert signature(kernel, PRIVATE_KEYWORDS) == signature(definition)
    assert keywords(kernel).items() <= keywords(definition).items() | PRIVATE_KEYWORDS.items()


def test_kernels_take_over_what_needs_no_hurry_and_nothing_else():
    """All costs, and both passes of what gets small arrays or is there to be read."""
    taken = {name for name in FUNCTIONS if getattr(kernels, name) is getattr(ops, name)}
    shared = {name for name in FORWARD if name in taken}
    assert taken == {f"{name}{ending}" for name in shared for ending in ("", "_backward")} | {
        f"{name}_cost" for name in FORWARD
    }
    assert shared == {"decoupled_attention", "flatten", "full_attention", "softmax"}


# One shape for every operator


@pytest.mark.parametrize("name", FORWARD)
def test_operator_has_its_triple(name):
    assert {f"{name}_backward", f"{name}_cost"} <= set(ops.__all__)


@pytest.mark.parametrize("name", FORWARD)
def test_backward_takes_dy_then_what_went_in_then_what_came_out_beside_y(name):
    forward, backward = getattr(ops, name), getattr(ops, f"{name}_backward")
    went_in = [argument for argument in arguments(forward) if argument != "bias"]
    _, *beside_y = documented(forward, "Returns")
    assert arguments(backward) == BACKWARD_ARGUMENTS.get(name, ["dy", *went_in, *beside_y])
    assert keywords(backward) == keywords(forward)


@pytest.mark.parametrize("name", FORWARD)
def test_cost_takes_shapes_where_forward_takes_arrays(name):
    forward, cost = getattr(ops, name), getattr(ops, f"{name}_cost")
    kinds = documented(forward, "Parameters")
    bias = (
        {"bias": False} if "bias=None" in str(inspect.signature(forward)) else {}
    )  # whether there is one is a keyword
    suffixes = {"ndarray": "_shape", "sequence of ndarray": "_shapes"}
    went_in = [argument for argument in arguments(forward) if argument not in bias]
    assert arguments(cost) == [argument + suffixes.get(kinds[argument], "") for argument in went_in]
    assert keywords(cost) == keywords(forward) | bias


@pytest.mark.parametrize("name", FORWARD)
def test_docstring_lists_the_parameters_of_the_signature(name):
    forward = getattr(ops, name)
    assert sorted(documented(forward, "Parameters")) == sorted(arguments(forward) + list(keywords(forward)))
    assert documented(forward, "Returns")


@pytest.mark.parametrize("namespace", [ops, kernels], ids=["ops", "kernels"])
def test_public_functions_have_docstrings(namespace):
    assert [name for name in namespace.__all__ if not inspect.getdoc(getattr(namespace, name))] == []


@pytest.mark.parametrize("module", sorted({getattr(ops, name).__module__ for name in FORWARD}))
def test_definition_is_short(module):
    assert lines_of_code(Path(sys.modules[module].__file__)) <= LONGEST_DEFINITION


# Floors


@pytest.mark.parametrize("path", files("ops"))
def test_definition_needs_numpy_alone(path):
    assert imported(path) - set(sys.stdlib_module_names) <= {"numpy", "ghostnp"}


@pytest.mark.parametrize("path", files("modules", "models"))
def test_layers_leave_the_computing_to_the_vocabulary(path):
    assert numpy_uses(path) <= NUMPY_IN_MODULES
    imports = re.findall(r"^ *((?:from|import) numpy\b.*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(imports) <= {"import numpy as np"}


@pytest.mark.parametrize("path", files("."))
def test_nothing_is_downloaded_and_no_data_is_run(path):
    """No file that somebody hands over is code to Python, save the answers that `ghostnp check` is asked to run.

    Pickles are read where this program wrote them: Numba's cache of kernels, and the pipe to the bench's own processes.
    """
    pickles = {"pickle"} if path.name in {"cache.py", "worker.py"} else set()
    network = {"ftplib", "http", "requests", "smtplib", "socket", "socketserver", "ssl", "urllib", "xmlrpc"}
    assert not imported(path) & (network | {"dill", "joblib", "marshal", "pickle", "shelve"} - pickles)
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not {call.id for call in calls if isinstance(call, ast.Name)} & {"eval", "exec", "__import__"}


def members(node):
    """The constants of which a node says one and the same thing: those of a list, or of alternatives."""
    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            parts = node.elts
        case ast.Dict() if all(isinstance(value, ast.Constant) for value in node.values):
            said = [value.value for value in node.values]
            # A table that says something else of each is no list.
            parts = [] if len(set(said)) == len(said) else node.keys
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="split")):
            return text.split()
        case ast.MatchOr():
            parts = [pattern.value for pattern in node.patterns if isinstance(pattern, ast.MatchValue)]
        case ast.BoolOp(op=ast.Or()):
            parts = [part for value in node.values if isinstance(value, ast.Compare) for part in value.comparators]
        case _:
            return []
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def listed_operators(path, fewest):
    """Lines that name so many operators or more as if they were of one kind; what is asserted is an expectation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asserted = {id(node) for check in ast.walk(tree) if isinstance(check, ast.Assert) for node in ast.walk(check)}
    names = {name for row in operators() for name in (row, f"{row}_backward", f"{row}_cost")}
    chapters = {file.stem for file in path.parent.glob("*.py")}  # files have names too, and a package may list them
    found = [
        (node, [part for part in members(node) if part in names])
        for node in ast.walk(tree)
        if id(node) not in asserted and not chapters.issuperset(members(node))
    ]
    return [(node.lineno, listed) for node, listed in found if len(listed) >= fewest]


@pytest.mark.parametrize("path", files("."))
def test_what_an_operator_is_stands_in_the_vocabulary_alone(path):
    """A list of operators by name says of what kind they are, and that is said once, in their rows."""
    assert listed_operators(path, fewest=2) == []


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(TESTS))) for path in NO_ORACLES])
def test_tests_ask_the_vocabulary_too(path):
    """Two names may be examples. An oracle is no copy of what it checks, so it says by itself what it counts."""
    assert listed_operators(path, fewest=3) == []


@pytest.mark.parametrize(
    "text",
    [
        'GATES = {"relu", "clip", "sigmoid"}',
        'GATES = {"relu": True, "clip": True, "sigmoid": False}',
        'GATES = "relu clip sigmoid".split()',
        'is_gate = op == "relu" or op == "clip" or op in ("sigmoid", "softmax")',
        'match op:\n    case "relu" | "clip" | "sigmoid":\n        pass',
    ],
)
def test_such_a_list_would_be_found(tmp_path, text):
    path = tmp_path / "listing.py"
    path.write_text(f'{text}\nassert kinds == ("relu", "clip", "sigmoid")\nsaid = {{"relu": 1, "clip": 2}}\n')
    assert len(listed_operators(path, fewest=2)) == 1 + text.count(" in ")


def test_readme_lists_the_floors_in_the_order_of_the_contracts():
    """ "No file imports from a folder in a later row": contracts hold, so the rows have to be in their order."""
    contracts = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["id"] == "floors")
    height = {name: place for place, floor in enumerate(reversed(floors)) for name in floor.split(" | ")}
    readme = (PYPROJECT.parent / "README.md").read_text(encoding="utf-8")
    rows = [
        [name for name in re.findall(r"`(?:ghostnp/)?(\w+?)(?:/|\.py)`", row) if name in height]
        for row in re.findall(r"^\| (`ghostnp/[^|]*)\|", readme, re.MULTILINE)
    ]
    assert {name for row in rows for name in row} == height.keys() - {"__main__"}
    order = [[height[name] for name in row] for row in rows]
    assert all(max(above) <= min(below) for above, below in pairwise(order)), rows


def test_import_contracts_hold(run_python):
    code = f"""
from importlinter.cli import lint_imports
raise SystemExit(lint_imports({str(PYPROJECT)!r}, no_cache=True))
"""
    assert "0 broken" in run_python(code)


def test_importing_ghostnp_is_light(run_python):
    heavy = ["numba", "matplotlib", "torch", "numpy.random"]
    code = f"import sys, ghostnp; print([name for name in {heavy} if name in sys.modules])"
    assert run_python(code) == "[]\n"


def test_definitions_run_a_whole_model_without_numba(run_python):
    code = """
import sys
sys.modules["numba"] = None  # from now on, importing it is an error
import numpy as np
import ghostnp
model = ghostnp.create_model("ghostnet_050", num_classes=3, seed=0)
with ghostnp.use_backend(ghostnp.ops):
    y, cache = model.forward(np.ones((2, 3, 32, 32), np.float32), training=True)
    dx, grads = model.backward(np.ones_like(y), cache)
print(y.shape, dx.shape, grads.keys() == model.parameters().keys())
"""
    assert run_python(code) == "(2, 3) (2, 3, 32, 32) True\n"


NEEDS_NUMBA = [
    "import ghostnp.kernels",
    "import ghostnp; ghostnp.kernels",
    "import ghostnp; ghostnp.compile",
    "from ghostnp.graph import engine",
    "import ghostnp, numpy; ghostnp.create_model('ghostnet_050')(numpy.ones((1, 3, 32, 32), 'f'))",
]


@pytest.mark.parametrize("code", NEEDS_NUMBA)
def test_what_needs_numba_says_so(run_python, code):
    lines = f"try: exec({code!r})\nexcept ModuleNotFoundError as error: print(error, error.name)"
    said = run_python(f"import sys; sys.modules['numba'] = None\n{lines}")
    assert said.startswith("the kernels, and the engine that runs them, need Numba: the rule is ")
    assert said.endswith("use_backend(ghostnp.ops) numba\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("words", ["compile ghostnet_050", "--output tour", "classify photo.png", "bench startup"])
def test_commands_that_need_numba_say_so_in_a_line(tmp_path, run_python, words):
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    code = f"""
import contextlib, io, os, sys
sys.modules["numba"] = None
os.chdir({str(tmp_path)!r})
from ghostnp.cli import main
with contextlib.redirect_stderr(io.StringIO()) as said:
    try:
        main({words.split()})
    except SystemExit as ended:
        sys.stdout.write(f"{{ended.code}} {{said.getvalue()}}")
"""
    last = run_python(code)
    assert "1 Error: the kernels, and the engine that runs them, need Numba" in last
    assert last.endswith("use_backend(ghostnp.ops)\n")
    assert not (tmp_path / "tour").exists()


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import numpy as np
import ghostnp
from ghostnp import testing
from ghostnp.graph.tracing.examples import example
from ghostnp.cli import main
print(ghostnp.count(ghostnp.create_model("ghostnet_050"), (1, 3, 32, 32)).macs > 0)
module, x = example("ghost-module", 0)
with ghostnp.use_backend(ghostnp.ops):
    print(len(ghostnp.trace(module, x, dy=np.ones((1, 4, 4, 4), x.dtype)).pixel(2, (0, 1, 3, 3)).products) > 0)
main(["count", "ghostnet_050"], standalone_mode=False)
main(["trace", "ghost-module"], standalone_mode=False)
"""


def test_counting_tracing_and_the_test_kit_work_without_numba(run_python):
    assert run_python(WITHOUT_NUMBA).startswith("True\nTrue\n")


@pytest.mark.parametrize("module", modules_of(ghostnp), ids=lambda module: module.__name__)
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.failed == 0
