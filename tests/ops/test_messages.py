"""The rules that operators share, at their limits: what is just allowed is, what just is not is told word for word.

The numbers in a message are computed as results are. Whoever follows a wrong one gets the next error.
"""

import math

import numpy as np
import pytest

from ghostnp.ops import checks, geometry

pytestmark = pytest.mark.small

FLOAT = np.dtype(np.float32)
MAPS, POOL = (2, 3, 4, 4), np.int64([[0, 5]])
LARGE = "the rule is an int below 2**31, such as 1"
AXES = "the rule is 4 axes (N, C, H, W), such as (2, 3, 4, 5)"

ALLOWED = [
    (checks.integer, ("n", 2**31 - 1, 1), 2**31 - 1),
    (checks.integer, ("n", np.int64(2**31 - 1), 1), 2**31 - 1),
    (checks.integer, ("n", 0, 0), 0),
    (checks.integer, ("n", np.int64(0), 0), 0),
    (checks.pair, ("n", 2, 2), (2, 2)),
    (checks.pair, ("n", [1, 0], 0), (1, 0)),
    (checks.divisors, (1,), [1]),
    (checks.divisors, (12,), [1, 2, 3, 4, 6, 12]),
    (checks.divisors, (36,), [1, 2, 3, 4, 6, 9, 12, 18, 36]),
    (checks.nearest, ("relu7", ["relu6", "relu", "gelu", "silu", "tanh"]), "relu, relu6, gelu"),
    (checks.check_room, ("x", "it,", (checks._ROOM // 4,), FLOAT), None),
    (checks.check_images, ("x", (0, 1, 1, 1)), None),
    (checks.check_features, ("x", (0, 1)), None),
    (checks.check_statistics, ((2, 3, 1, 1),), None),
    (checks.check_statistics, ((1, 3, 1, 2),), None),
    (checks.check_broadcast, ("x", MAPS, "s", (2, 3, 1, 1)), True),
    (checks.check_broadcast, ("x", MAPS, "s", MAPS), False),
    (checks.check_parts, ([MAPS, (2, 5, 4, 4)],), 8),
    (checks.check_parts, ([MAPS, (2, 5, 4, 4)], 8), 8),
    (checks.check_parts, ([MAPS, (2, 5, 4, 4)], 1), 1),
    (checks.positive, ("n", 5e-324), 5e-324),
    (checks.not_negative, ("n", 0), 0.0),
    (checks.fraction, ("n", 0), 0.0),
    (checks.fraction, ("n", 1), 1.0),
    (checks.check_overlap, ((3, 2), ((2, 2), (1, 1))), None),
    (checks.check_argmax, (POOL, (1, 2), (2, 3)), None),
    (geometry.check_depthwise_weight, ("w", (6, 1, 3, 3), 2), None),
]

REFUSED = [
    (checks.integer, ("n", True, 0), "n=True: the rule is an int of 0 or more, such as 1"),
    (checks.integer, ("n", 1, 2), "n=1: the rule is an int of 2 or more, such as 2"),
    (checks.integer, ("n", -1, 0), "n=-1: the rule is an int of 0 or more, such as 1"),
    (checks.integer, ("n", 2**31, 1), f"n=2147483648: {LARGE}"),
    (checks.integer, ("n", np.int64(2**31), 1), f"n=2147483648: {LARGE}"),
    (checks.integer, ("n", 2**127 - 1, 0), f"n={2**127 - 1}: {LARGE}"),
    (checks.integer, ("n", 2**127, 0), f"n=<an int of 128 bits>: {LARGE}"),
    (checks.integer, ("n", -(2**127), 0), "n=<a negative int of 128 bits>: the rule is an int of 0 or more, such as 1"),
    (checks.pair, ("n", (1, 2, 3), 0), "n=(1, 2, 3): the rule is an int or a pair of ints, such as 1 or (2, 1)"),
    (checks.pair, ("n", (1, -1), 0), "n[1]=-1: the rule is an int of 0 or more, such as 1"),
    (checks.shape_of, ("n", (1, -1)), "n[1]=-1: the rule is an int of 0 or more, such as 1"),
    (checks.check_axes, ("x", (2, 3), "N C H W"), f"x has shape (2, 3): {AXES}"),
    (checks.check_axes, ("x", (2, 3, 4), "N C H W"), f"x has shape (2, 3, 4): {AXES}; one image alone is x[None]"),
    (checks.check_axes, ("x", (2, 3), "C"), "x has shape (2, 3): the rule is 1 axes (C,), such as (2,)"),
    (
        checks.check_images,
        ("x", (1, 0, 1, 1)),
        "x has shape (1, 0, 1, 1): its axis C must be 1 or longer, such as (2, 3, 4, 5)",
    ),
    (
        checks.check_images,
        ("x", (1, 1, 1, 0)),
        "x has shape (1, 1, 1, 0): its axis W must be 1 or longer, such as (2, 3, 4, 5)",
    ),
    (checks.check_groups, (3, 8, 6), "groups=3 does not divide in_channels=8; legal: 1, 2"),
    (checks.check_groups, (4, 8, 6), "groups=4 does not divide out_channels=6; legal: 1, 2"),
    (
        checks.check_features,
        ("x", (2,)),
        "x has shape (2,): the rule is (N, C, ...) with C of 1 or more, such as (2, 3)",
    ),
    (
        checks.check_features,
        ("x", (2, 0)),
        "x has shape (2, 0): the rule is (N, C, ...) with C of 1 or more, such as (2, 3)",
    ),
    (
        checks.check_statistics,
        ((1, 3, 1, 1),),
        "x has shape (1, 3, 1, 1), so each channel has N·H·W = 1 values: the rule "
        "in training is 2 or more, such as (2, 3, 1, 1); batch_norm_eval takes any batch",
    ),
    (
        checks.check_broadcast,
        ("x", MAPS, "s", (2, 3)),
        "s has shape (2, 3) and x has (2, 3, 4, 4): the rule is one shape "
        "or (2, 3, 1, 1), one number for each map, such as (2, 3, 4, 4)",
    ),
    (
        checks.check_broadcast,
        ("x", (2, 3), "s", (2, 1)),
        "s has shape (2, 1) and x has (2, 3): the rule is one shape such as (2, 3)",
    ),
    (
        checks.check_parts,
        ([MAPS, (2, 5, 4, 4)], 9),
        "keep=9: xs have 8 channels together, and the rule is 1 to 8, or None",
    ),
    (checks.check_parts, ([MAPS], 0), "keep=0: the rule is an int of 1 or more, such as 1"),
    (checks.check_sizes, ((2, 3), 6), "sizes=(2, 3) add up to 5: x has 6 channels, such as (2, 4)"),
    (checks.check_sizes, ((6, 2), 7), "sizes=(6, 2) add up to 8: x has 7 channels, such as (6, 1)"),
    (checks.check_sizes, ((7, 1), 7), "sizes=(7, 1) add up to 8: x has 7 channels, such as (7,)"),
    (checks.positive, ("n", 0), "n=0: the rule is a real number above 0, such as 1e-5"),
    (checks.positive, ("n", math.inf), "n=inf: the rule is a real number above 0, such as 1e-5"),
    (checks.not_negative, ("n", -5e-324), "n=-5e-324: the rule is a finite number of 0 or more, such as 0.1"),
    (checks.not_negative, ("n", math.inf), "n=inf: the rule is a finite number of 0 or more, such as 0.1"),
    (checks.fraction, ("n", -5e-324), "n=-5e-324: the rule is a number from 0 to 1, such as 0.1"),
    (checks.fraction, ("n", 1.001), "n=1.001: the rule is a number from 0 to 1, such as 0.1"),
    (
        checks.check_overlap,
        ((3, 2), ((1, 1), (2, 0))),
        "padding=((1, 1), (2, 0)) has 2 pixels on a side where kernel_size=(3, 2) "
        "has 2: the rule of pooling is a padding smaller than the kernel, such as padding[1] = (1, 1)",
    ),
    (
        checks.check_argmax,
        (POOL + 1, (1, 2), (2, 3)),
        "argmax holds 1 to 6: kernel_size=(2, 3) has taps 0 to 5, such as 0",
    ),
    (
        checks.check_argmax,
        (POOL - 1, (1, 2), (2, 3)),
        "argmax holds -1 to 4: kernel_size=(2, 3) has taps 0 to 5, such as 0",
    ),
    (
        geometry.check_depthwise_weight,
        ("w", (5, 1, 3, 3), 2),
        "w has shape (5, 1, 3, 3): out_channels=5 must be a multiple "
        "of in_channels=2 in a depthwise convolution, such as 2 or 4",
    ),
    (
        geometry.sliding_window,
        ((3, 5), (5, 5), 1, 0),
        "the output would be -1x1: kernel_size=(5, 5) covers 5x5 pixels, the "
        "input has 3x5 and padding=((0, 0), (0, 0)); with this padding an input of 5x5 or larger would do, and "
        "padding='same' always does",
    ),
    (
        geometry.sliding_window,
        ((3, 5), (2, 5), 1, ((1, 0), (0, 1)), (3, 2)),
        "the output would be 1x-2: kernel_size=(2, 5) with "
        "dilation=(3, 2) covers 4x9 pixels, the input has 3x5 and padding=((1, 0), (0, 1)); with this padding an input "
        "of 3x8 or larger would do, and padding='same' always does",
    ),
]


@pytest.mark.parametrize(("function", "arguments", "answer"), ALLOWED)
def test_what_is_just_allowed_is(function, arguments, answer):
    assert function(*arguments) == answer


@pytest.mark.parametrize(("function", "arguments", "message"), REFUSED)
def test_what_just_is_not_is_told_word_for_word(function, arguments, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        function(*arguments)
    assert str(caught.value) == message


def test_too_large_arrays_are_told_in_bytes_as_people_write_them(monkeypatch):
    monkeypatch.setattr(checks, "_ROOM", 1535)
    checks.check_room("x", "it,", (1, 0, 383), FLOAT)  # NumPy counts an empty batch as one
    for shape, size in {(384,): "1.5 KiB", (2**18,): "1.0 MiB", (5, 2**37): "2.5 TiB", (2**94,): "65536.0 YiB"}.items():
        with pytest.raises(MemoryError, match=rf"^x=7: it, .*, would take {size}, .* such as a smaller x$") as caught:
            checks.check_room("x=7", "it,", shape, FLOAT)
        assert f"it, {'x'.join(map(str, shape))}, would" in str(caught.value)
        assert "the machine has 1.5 KiB:" in str(caught.value)


def test_of_many_divisors_the_nearest_are_listed():
    with pytest.raises(ValueError, match="groups=7 does not divide channels=") as caught:
        checks.check_divides("groups", 7, "channels", 2**40)
    listed = [2**power for power in range(24)]
    assert str(caught.value).endswith(f"legal: {', '.join(map(str, listed))} and 17 others")
    with pytest.raises(ValueError, match=r"; legal: 1, 128, .*, 1073741824 and 16 others$"):
        checks.check_divides("groups", 2**30 + 1, "channels", 2**40)
