"""Slips of arithmetic: the answer of somebody who knew the way, and lost a sign, a digit or a zero on it."""

import math

_ORDERS = (1, 2, 3)  # how many zeros are lost
_NEAR = 0.02  # how far off a rounded number gets after a few more steps


def slip(given, right, tolerance=0.0):
    """What went wrong with the arithmetic, if that alone went wrong.

    Parameters
    ----------
    given, right : int or float
        A wrong number, and the right one.
    tolerance : float, default 0
        How far off a number may be, as a share of the right one.

    Returns
    -------
    str
        A sentence; empty if it is no slip that is known.

    Examples
    --------
    >>> slip(-12, 12)
    'The size is right, and the sign is not.'
    >>> slip(7, 12)
    ''
    """
    if right == 0 or given == 0:
        return ""
    within = max(tolerance, 1e-9)
    if math.isclose(given, -right, rel_tol=within):
        return "The size is right, and the sign is not."
    for zeros in _ORDERS:
        for power in (zeros, -zeros):
            if math.isclose(given, right * 10.0**power, rel_tol=within):
                size = "large" if power > 0 else "small"
                return f"It is {10**zeros:,} times too {size}: look at the zeros, or the point."
    return _digits(given, right, tolerance)


def pair_slip(given, right, tolerance=0.0):
    """The same for several numbers in a row.

    Parameters
    ----------
    given, right : list of int or float
        Wrong numbers, and the right ones.
    tolerance : float, default 0
        How far off a number may be, as a share of the right one.

    Returns
    -------
    str
        A sentence; empty if it is no slip that is known.

    Examples
    --------
    >>> pair_slip([1, 9], [9, 1])
    'The numbers are right, and their order is not.'
    """
    if given == right[::-1]:
        return "The numbers are right, and their order is not."
    wrong = [place for place, pair in enumerate(zip(given, right, strict=True)) if not _near(*pair, tolerance)]
    said = [slip(given[place], right[place], tolerance) for place in wrong]
    return f"Number {wrong[0] + 1} of {len(right)}: {said[0]}" if all(said) else ""


def _near(given, right, tolerance):
    return abs(given - right) <= tolerance * abs(right)


def _digits(given, right, tolerance):
    """Digits that changed places, one that is another, or too few of them."""
    if given < 0 or right < 0:
        return _digits(-given, -right, tolerance) if given < 0 and right < 0 else ""
    written = f"{given:.10g}"
    if right == int(right) and given == int(given):
        exact, other = str(int(right)), str(int(given))
    else:
        decimals = len(written.partition(".")[2])
        exact, other = f"{right:.{decimals}f}", written
        cut = math.floor(right * 10**decimals) / 10**decimals
        if other in (exact, f"{cut:.{decimals}f}"):
            return "That is rounded too far: give more digits."
    if right == int(right) and right >= 1000 and given in (round(right, -1), round(right, 2 - len(exact))):
        return "That is rounded: the exact number is asked for."
    if len(exact) == len(other):
        places = [place for place, (a, b) in enumerate(zip(exact, other, strict=True)) if a != b]
        if len(places) == 2 and places[1] == places[0] + 1 and sorted(exact) == sorted(other):
            return "Two digits have changed places."
        if len(places) == 1 and len(exact.replace(".", "")) >= 4:
            return "One digit is another one: a carry, perhaps."
    if tolerance and _near(given, right, _NEAR):
        return "It is close: perhaps you rounded a number on the way."
    return ""
