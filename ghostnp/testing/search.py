"""Looking for the smallest case that fails."""

from contextlib import contextmanager
from contextvars import ContextVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky, Unsatisfiable, UnsatisfiedAssumption
from hypothesis.reporting import with_reporter

# How many usual cases are looked at once more where a rare one fails.
_USUAL = 100


class _EnoughError(BaseException):
    """Too many cases were refused; no Exception, since Hypothesis would look for the smallest that raises it."""


# What was held, and on how many calls: filled while somebody listens.
_HELD: ContextVar[list[dict] | None] = ContextVar("held", default=None)


@contextmanager
def listening():
    """A list that gets an entry for each operator and law that is held inside: for a report."""
    token = _HELD.set([])
    try:
        yield _HELD.get()
    finally:
        _HELD.reset(token)


def tell(operator, law, calls, kept):
    """Tell who listens of a law, or a match, that was held on so many calls."""
    if (held := _HELD.get()) is not None:
        held.append({"operator": operator, "law": law, "calls": calls, "kept": kept})


def examples_of(examples):
    """How many cases to draw: as many as are wanted, or as Hypothesis's profile says."""
    return settings().max_examples if examples is None else examples


def smallest_failure(strategy, check, examples=None, where=None, seed=None):
    """Draw cases until `check` raises, and shrink the one on which it did.

    Parameters
    ----------
    strategy : hypothesis.strategies.SearchStrategy, or list of (SearchStrategy, int)
        Of cases; or several, each with how many to draw: the usual ones first.
    check : callable
        Takes a case, and raises if it fails.
    examples : int, optional
        How many to draw, where there is one strategy; by default as many as Hypothesis's profile says.
    where : callable, optional
        Tells of a case whether it is to be checked.
    seed : int, optional
        The same one draws the same cases; by default it is as Hypothesis's profile says.

    Returns
    -------
    (case, Exception) or None
        The smallest that was found and what it raised; None if all passed. What passes when it is repeated is said to
        be flaky.

    Raises
    ------
    ValueError
        If nothing failed, and of ten times as many cases as were to be checked `where` let through fewer than half as
        many as were to be.
    """
    several = strategy if isinstance(strategy, list) else [(strategy, examples_of(examples))]
    wanted = sum(number for _, number in several)
    passed = refused = 0

    def counted(case):
        nonlocal refused
        if where(case):
            return True
        refused += 1
        if refused > 10 * wanted:
            raise _EnoughError
        return False

    try:
        strategies = [drawn if where is None else drawn.filter(counted) for drawn, _ in several]
        for place, (drawn, (_, number)) in enumerate(zip(strategies, several, strict=True)):
            failure, tried = _search(drawn, check, number, seed)
            if failure is not None:
                # What is rare in a case need not be why it fails, and cannot shrink: the usual ones may fail as well.
                usual = _search(strategies[0], check, _USUAL, seed)[0] if place else None
                case, error = usual or failure
                return _repeated(case, error, check)
            passed += tried
    except _EnoughError:
        pass
    if refused and passed < wanted / 2:
        raise ValueError(
            f"where was true of {passed} calls of {passed + refused} that were drawn, and {wanted} were to be checked: "
            f"the rule is what at least every tenth call satisfies. What can be fixed is better said as an argument, "
            f"and then such calls alone are drawn: kernel=3, stride=1, padding=1, groups=2, channels=8, size=(32, 32)"
        )
    return None


def failure_of(case, check):
    """The case and what `check` raises on it, or None: without Hypothesis, so that a test of Hypothesis can ask."""
    try:
        check(case)
    except UnsatisfiedAssumption:
        raise
    except Exception as error:
        return case, error
    return None


def _repeated(case, error, check):
    """A failure, said to be flaky if it does not repeat."""
    try:
        check(case)
    except Exception:
        return case, error
    says = str(error) if isinstance(error, AssertionError) else f"it raised {type(error).__name__}: {error}"
    flaky = AssertionError(f"{says} (flaky: the same call passed when it was repeated)")
    flaky.__cause__ = error
    return case, flaky


def _search(strategy, check, number, seed):
    """The smallest failure, or None, and how many cases passed."""
    failure, passed = None, 0

    # Without the phase that varies what is irrelevant: it would come last, and what comes last is kept.
    @settings(
        deadline=None,
        database=None,
        phases=tuple(phase for phase in settings().phases if phase in (Phase.generate, Phase.shrink)),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        max_examples=number,
    )
    @given(strategy)
    def search(case):
        nonlocal failure, passed
        try:
            check(case)
            passed += 1
        except UnsatisfiedAssumption:
            raise
        except Exception as error:
            failure = (case, error)
            raise

    try:
        with with_reporter(lambda said: None):  # what is to be said, the caller says
            (search if seed is None else seeded(seed)(search))()
    except Unsatisfiable:
        pass  # whoever refused every case counts them
    except Exception as error:
        # What fails now and then is a failure all the same.
        if failure is None or not (isinstance(error, Flaky) or error is failure[1]):
            raise
    return failure, passed
