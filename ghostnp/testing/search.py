"""Looking for the smallest case that fails."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Flaky, UnsatisfiedAssumption


def smallest_failure(strategy, check, examples=None):
    """Draw cases until `check` raises, and shrink the one on which it did.

    Parameters
    ----------
    strategy : hypothesis.strategies.SearchStrategy
        Of cases.
    check : callable
        Takes a case, and raises if it fails.
    examples : int, optional
        How many to draw; by default as many as Hypothesis's profile says.

    Returns
    -------
    (case, Exception) or None
        The smallest that was found and what it raised; None if all passed.
    """
    failure = None
    number = {} if examples is None else {"max_examples": examples}

    # Without the phase that varies what is irrelevant: it would come last, and what comes last is kept.
    @settings(
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        **number,
    )
    @given(strategy)
    def search(case):
        nonlocal failure
        try:
            check(case)
        except UnsatisfiedAssumption:
            raise
        except Exception as error:
            failure = (case, error)
            raise

    try:
        search()
    except Exception as error:
        # What fails now and then is a failure all the same.
        if failure is None or not (isinstance(error, Flaky) or error is failure[1]):
            raise
    return failure
