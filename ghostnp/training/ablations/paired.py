"""The paired t-test, for differences d_1, ..., d_n between two networks that were trained with the same seeds.

    t = mean(d) / (s / √n)        s² = Σ (d_i − mean(d))² / (n − 1)

and p is the chance that such a |t|, or a larger one, comes about although the mean is 0: both tails of Student's
distribution with ν = n − 1 degrees of freedom. With θ = arctan(|t| / √ν) the middle between the tails is a finite sum
(Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4), so no library is needed:

    ν odd     A = 2/π · [θ + sin θ · (cos θ + 2/3 cos³ θ + ... + (2·4···(ν−3)) / (3·5···(ν−2)) · cos^(ν−2) θ)]
    ν even    A = sin θ · [1 + 1/2 cos² θ + ... + (1·3···(ν−3)) / (2·4···(ν−2)) · cos^(ν−2) θ]
    p = 1 − A

A permutation of signs would assume less, but with five seeds there are 32 of them, and its p is never below 1/16.
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from ghostnp.ops.checks import number


def paired_t_test(first, second):
    """The p of a paired t-test, two-sided.

    Parameters
    ----------
    first, second : sequence of float
        Results of two networks, in the order of their seeds, as many of each.

    Returns
    -------
    float
        From 0 to 1. NaN for fewer than two pairs. Where all differences are equal: 1 if they are 0, and 0 otherwise.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, or not as many.

    Examples
    --------
    >>> round(paired_t_test([3.0, 5.0, 4.0], [2.0, 3.0, 1.0]), 4)
    0.0742
    """
    for name, values in (("first", first), ("second", second)):
        if not isinstance(values, Sequence) or isinstance(values, str | bytes):
            raise TypeError(f"{name} is of type {type(values).__name__}: the rule is a list of numbers, such as [0.5]")
        for place, value in enumerate(values):
            number(f"{name}[{place}]", value, "a number, such as 0.97")
            if not math.isfinite(value):
                raise ValueError(f"{name}[{place}]={value}: the rule is a finite number, such as 0.97")
    if len(first) != len(second):
        raise ValueError(f"first has {len(first)} numbers and second {len(second)}: the rule is as many, one of a seed")
    differences = [float(a) - float(b) for a, b in zip(first, second, strict=True)]
    if len(differences) < 2:
        return math.nan
    mean, spread = fmean(differences), stdev(differences)
    if spread == 0:
        return 1.0 if mean == 0 else 0.0
    return two_tails(mean / spread * math.sqrt(len(differences)), len(differences) - 1)


def two_tails(t, freedom):
    """The chance that Student's distribution with `freedom` degrees of freedom gives |t| or more."""
    angle = math.atan2(abs(t), math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    total, term = 0.0, cosine if odd else 1.0
    for power in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * cosine**2
    middle = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return min(max(1 - middle, 0.0), 1.0)
