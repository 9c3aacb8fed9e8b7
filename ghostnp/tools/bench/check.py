"""Whether two contenders computed the same, before anyone's time is taken.

Errors are relative to an array's norm, since a ReLU whose input is zero but for rounding may fall on either side: that
moves single numbers by any amount, and the whole by little. In gradients of a network it is up to a hundredth.
"""

import numpy as np

from ghostnp.tools.bench.tasks import CallTask

FORWARD, CALL_BACKWARD, STEP = 1e-4, 1e-2, 5e-2
# Gradients that are zero but for rounding are compared with this share of the largest one.
_FLOOR = 0.01


def tolerance(task):
    """How far two contenders may be apart on this task."""
    if isinstance(task, CallTask):
        return CALL_BACKWARD if task.backward else FORWARD
    return STEP if task.training else FORWARD


def disagreement(ours, theirs, allowed):
    """What two contenders do not agree about.

    Parameters
    ----------
    ours, theirs : dict of str to ndarray
        Results by name. Theirs may have fewer, and of an array only the first corner.
    allowed : float
        Relative error.

    Returns
    -------
    str or None
        The array that differs most; None if all is well.
    """
    missing = sorted(theirs.keys() - ours.keys())
    if missing or not theirs:
        return f"nothing to compare: {', '.join(missing) or 'no result'}"
    norms = {name: float(np.linalg.norm(array)) for name, array in theirs.items()}
    errors = {}
    for name, array in theirs.items():
        mine = np.asarray(ours[name])[tuple(map(slice, array.shape))]
        if mine.shape != array.shape:
            return f"{name} has the shape {array.shape} there and {mine.shape} here"
        scale = max(norms[name], _FLOOR * max(norms.values()))
        errors[name] = float(np.linalg.norm(mine - array)) / scale if scale else float(np.abs(mine).max(initial=0.0))
    # NaN is no number to be below anything, so it fails as it should.
    wrong = {name: error for name, error in errors.items() if not error <= allowed}
    if not wrong:
        return None
    worst = max(wrong, key=lambda name: (np.isnan(wrong[name]), wrong[name]))
    return f"{worst} is off by {wrong[worst]:.1e} of its norm, and {allowed:.0e} is allowed"
