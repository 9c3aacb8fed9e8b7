"""The laws catch what is planted, with no oracle, and let pass what is right."""

import ast
from pathlib import Path

import numpy as np
import pytest

from ghostnp import ops, testing
from ghostnp.testing import LAWS, Call, assert_laws, assert_matches, ghost_module, laws_of, smallest_failure
from ghostnp.testing.calls import leaves, operator_names
from ghostnp.testing.laws.table import calls_for
from tests.testing.broken_operators import BROKEN

pytestmark = pytest.mark.small


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_breaks_its_law(name):
    operator, namespace, name_of_law = BROKEN[name]
    (law,) = [law for law in laws_of(operator) if law.name == name_of_law]
    failure = smallest_failure(calls_for(operator, [law], 200), lambda call: law.check(namespace, call))
    assert failure is not None, f"{name} obeys {law.name!r}"
    call, error = failure
    assert not isinstance(error, TypeError | ValueError), f"{name} breaks a rule for arguments, and no law: {error!r}"
    # What is shown can be pasted, is small, and breaks the law by itself.
    again = eval(repr(call), {"Call": Call})
    with pytest.raises(type(error)):
        law.check(namespace, again)
    assert max(np.size(part) for part in leaves(call.arguments(np.float32))) <= 40, call
    if "beyond" in name or "sixteen" in name:  # the smallest that is beyond it
        assert max(max(shape) for shape in call.given.values()) in (17, 18, 33), call


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_found_by_comparison_too(name):
    """Held against the definition, as someone would who has not heard of laws."""
    operator, namespace, _ = BROKEN[name]
    forward = getattr(namespace, operator, getattr(ops, operator, None) or ghost_module)
    backward = getattr(namespace, f"{operator}_backward", None)
    with pytest.raises(AssertionError, match="again: assert_matches"):
        assert_matches(forward, operator, backward=backward, examples=200)


@pytest.mark.parametrize("name", ["transposes_the_wrong_way", "forgets_to_divide_by_the_pixels"])
def test_the_report_names_law_and_call(name):
    operator, namespace, law = BROKEN[name]
    with pytest.raises(
        AssertionError, match=f'{operator}.* breaks the law "{law}": .*\n    again: assert_laws'
    ) as caught:
        assert_laws(namespace, operator, examples=200)
    again = str(caught.value).split("again: ")[1]
    with pytest.raises(AssertionError, match=f'breaks the law "{law}"'):
        eval(again, {"assert_laws": assert_laws, "namespace": namespace, "Call": Call})


@pytest.mark.parametrize("operator", operator_names())
def test_the_definition_obeys_its_laws(operator):
    assert_laws(ops, operator)


def test_every_law_but_the_common_ones_catches_a_mistake():
    assert {broken.law for broken in BROKEN.values()} | {"pixels alike"} == {law.name for law in LAWS}


def test_there_are_two_dozen_mistakes_and_more():
    assert len(BROKEN) >= 40
    assert len({broken.operator for broken in BROKEN.values()}) >= 18


def test_no_verdict_is_an_assertion():
    """What is held raises, so that `python -O` and PYTHONOPTIMIZE leave out none of it."""
    package = Path(testing.__file__).parent
    found = {
        f"{path.relative_to(package)}:{node.lineno}"
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert)
    }
    assert found == set()


def test_what_is_optimised_is_held_as_well(run_python):
    code = """
from types import SimpleNamespace
from ghostnp import ops
from ghostnp.testing import assert_laws, assert_matches

def found(hold, *given):
    try:
        hold(*given)
    except AssertionError:
        return True
    return False

wrong = SimpleNamespace(relu=abs, global_avg_pool2d_backward=lambda dy, x: 0 * x + dy)
print(__debug__, found(assert_matches, wrong.relu, "relu"), found(assert_laws, wrong, "relu"),
      found(assert_laws, wrong, "global_avg_pool2d"), found(assert_laws, ops, "relu"))
"""
    assert run_python(code, PYTHONOPTIMIZE="1").split() == ["False", "True", "True", "True", "False"]
