"""Every operator, forward, backward and cost, with up to three bad arguments at once: definition and kernel alike."""

import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ghostnp import kernels, ops
from ghostnp.ops.vocabulary import operator_named, operators, signature
from ghostnp.testing import calls
from tests.fuzz.arguments import ARRAYS, HARMLESS, NUMBERS, VALUES
from tests.fuzz.attempts import EXAMPLES, assert_same, attempt
from tests.ops.examples import backward_by_name, cost_arguments, forward

# Which arguments are changed, by their place, and into what: numbers, since both depend on the call.
_CHANGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 10_000)), max_size=3)


class Changed:
    """A call with some of its arguments changed."""

    def __init__(self, arguments, keywords, changes):
        self.arguments, self.keywords, self.how = dict(arguments), dict(keywords), {}
        names = [*arguments, *keywords]
        for place, which in changes:
            name = names[place % len(names)]
            if name in self.how:
                continue
            within = self.arguments if name in self.arguments else self.keywords
            within[name], self.how[name] = _changed(within[name], which)

    @property
    def is_harmless(self):
        """Whether it is the same call with its arrays elsewhere."""
        return all(how in HARMLESS for how in self.how.values())

    @property
    def is_wild(self):
        """Whether numbers may overflow, or be none."""
        return any(how in NUMBERS for how in self.how.values())


def _changed(value, which):
    if isinstance(value, np.ndarray):
        name = list(ARRAYS)[which % len(ARRAYS)]
        return ARRAYS[name](value), name
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray) and which % 4:
        part, how = _changed(value[-1], which // 4)
        return [*value[:-1], part], how
    number = which % len(VALUES)
    return VALUES[number], f"value {number}"


def _both(function, changed, exact):
    """Definition and kernel on one call."""
    names = signature(getattr(ops, function)).parameters
    definition, kernel = (
        attempt(
            f"{namespace.__name__}",
            getattr(namespace, function),
            tuple(changed.arguments.values()),
            changed.keywords,
            names=names,
            about=f"{function} with {changed.how}",
        )
        for namespace in (ops, kernels)
    )
    about = f"{function} with {changed.how}"
    if changed.is_harmless:
        assert definition.error is None, f"{about}: {definition.error!r}"
    if isinstance(definition.error, MemoryError) or isinstance(kernel.error, MemoryError):
        return
    assert definition.said == kernel.said, about
    if definition.error is None:
        numbers = not changed.is_wild
        assert_same(definition.result, kernel.result, about, numbers=numbers, exact=exact and changed.is_harmless)


_settings = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    report_multiple_bugs=False,
)


@pytest.mark.parametrize("operator", operators())
def test_operators(operator):
    row = operator_named(operator)

    @_settings
    @given(calls(operator), st.lists(_CHANGES, min_size=4, max_size=8), st.sampled_from([np.float32, np.float64]))
    def with_bad_arguments(call, several, dtype):
        arguments = call.arguments(dtype)
        y, extra = forward(ops, call, arguments)
        took = backward_by_name(call, arguments, call.gradient(y), extra)
        keywords = {name: call[name] for name in row.keywords}
        costs = cost_arguments(call)
        for changes in ([], *several):
            exact = row.exact and dtype == np.float32  # whole numbers
            _both(operator, Changed(arguments, keywords, changes), exact)
            _both(f"{operator}_backward", Changed(took, keywords, changes), exact)
            if row.cost is not None:
                changed = Changed({}, costs, changes)
                names = [part for name in costs for part in (name, name.removesuffix("_shape").removesuffix("_shapes"))]
                about = f"{operator}_cost with {changed.how}"
                outcome = attempt("cost functions", row.cost, (), changed.keywords, names=names, about=about)
                assert changed.how or outcome.error is None, f"{about}: {outcome.error!r}"

    with_bad_arguments()


@pytest.mark.parametrize(
    "operator", [name for name in operators() if "out" in inspect.signature(getattr(kernels, name)).parameters]
)
def test_memory_for_results(operator):
    """A kernel's own keyword ``out``: it is filled with the right numbers, or refused before anything is written."""

    @_settings
    @given(calls(operator, memory="batch innermost"), st.lists(st.integers(0, len(ARRAYS) - 1), min_size=4, max_size=8))
    def with_bad_memory(call, several):
        arguments = call.arguments(np.float32)
        kernel, names = getattr(kernels, operator), ("out",)
        expected, *_ = forward(kernels, call, arguments)
        lies = np.moveaxis(np.full((*expected.shape[1:], len(expected)), 9, np.float32), -1, 0)
        for which in (None, *several):
            how = "nothing" if which is None else list(ARRAYS)[which]
            out = lies.copy(order="K") if which is None else ARRAYS[how](lies.copy(order="K"))

            # The array is written to, which is what it is for; what lies around it is not.
            def run(out=out):
                return kernel(*arguments.values(), **call.keywords, out=out)

            outcome = attempt("memory for results", run, names=names, about=f"{operator} with out {how}")
            if which is None:
                assert outcome.error is None, outcome.error
            if outcome.error is None and out is not None:
                y = outcome.result[0] if isinstance(outcome.result, tuple) else outcome.result
                assert np.shares_memory(y, out) or y.size == 0
                assert_same(expected, out, f"{operator} with out {how}")

    with_bad_memory()
