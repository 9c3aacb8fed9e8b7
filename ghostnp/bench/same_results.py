"""Whether two contenders computed the same, before anything is timed.

Errors are relative to a norm, since a ReLU whose input is zero but for rounding may fall on either side: that moves
single numbers by any amount, and the whole by little. In a network, where many of these add up and batch norm over a
few pixels makes them larger, all gradients together are held to a twentieth and each of them to four tenths: one that
was forgotten is off by 1, one with the wrong sign by 2. (Tests compare gradients in float64, where they stay small.)
"""

import math
import sys

import numpy as np

from ghostnp.bench.tasks import CallTask

FORWARD, CALL_BACKWARD, GRADIENT, GRADIENTS = 1e-4, 1e-2, 0.4, 0.05
# Gradients that are zero but for rounding are compared with this share of the largest one.
_FLOOR = 0.05


def tolerance(task):
    """How far two contenders may be apart on this task: in one array, and in all of them together."""
    if isinstance(task, CallTask):
        return (CALL_BACKWARD if task.backward else FORWARD,) * 2
    return (GRADIENT, GRADIENTS) if task.training else (FORWARD, FORWARD)


def disagreement(ours, theirs, allowed):
    """What two contenders do not agree about.

    Parameters
    ----------
    ours, theirs : dict of str to ndarray
        Results by name. Theirs may have fewer, and of an array only the first corner.
    allowed : (float, float)
        Relative errors: of one array, and of all together.

    Returns
    -------
    str or None
        The array that differs most; None if all is well.
    """
    missing = sorted(theirs.keys() - ours.keys())
    if missing or not theirs:
        return f"nothing to compare: {', '.join(missing) or 'no result'}"
    norms = {name: float(np.linalg.norm(array)) for name, array in theirs.items()}
    distances = {}
    for name, array in theirs.items():
        mine = np.asarray(ours[name])[tuple(map(slice, array.shape))]
        if mine.shape != array.shape:
            return f"{name} has the shape {array.shape} there and {mine.shape} here"
        distances[name] = float(np.linalg.norm(mine - array))
    # Where all is zero, anything else is infinitely wrong.
    floor = max(_FLOOR * max(norms.values()), sys.float_info.min)
    errors = {name: distances[name] / max(norms[name], floor) for name in theirs}
    together = math.hypot(*distances.values()) / max(math.hypot(*norms.values()), floor)
    # NaN is not below anything, so it fails as it should.
    wrong = {name: (error, allowed[0]) for name, error in errors.items() if not error <= allowed[0]}
    if not together <= allowed[1]:
        wrong["everything together"] = (together, allowed[1])
    if not wrong:
        return None
    worst = max(wrong, key=lambda name: (math.isnan(wrong[name][0]), wrong[name][0]))
    return f"{worst} is off by {wrong[worst][0]:.1e} of its norm, and {wrong[worst][1]:.0e} is allowed"
