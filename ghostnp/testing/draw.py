"""Where calls come from: for every operator, a Hypothesis strategy that reaches the corners in which frameworks broke.

How an operator is drawn follows from its row in the vocabulary, and so one of your own is drawn like any other once it
is registered.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from hypothesis import reject
from hypothesis import strategies as st

from ghostnp.ops.vocabulary import STATISTICS, operator_named, operators, signature
from ghostnp.testing.arrays import MEMORY, REGIMES
from ghostnp.testing.calls import Call, row_of

# Convolutions with one weight, of shape (C_out, C_in/groups, kh, kw).
CONVOLUTIONS = tuple(name for name in operators("convolution") if "weight" in operator_named(name).arrays)
_BATCHES = st.sampled_from([1, 2, 0, 3])
_FULL = st.sampled_from([1, 2, 3])
_FEW, _SIZES = st.integers(1, 3), st.integers(1, 6)
# Kernels work in tiles of 8 to 128 numbers. What lies beyond fails from one width on, and shrinks to that width. It is
# drawn as a short length, of two at least, and some more: an axis that need not be long then shrinks to the short one,
# which is still more than one.
_WIDE, _MANY = (st.tuples(st.integers(2, short), st.integers(7, more)).map(sum) for short, more in ((6, 254), (3, 67)))
_AXES = ("width", "height", "channels", "filters")
_LONG = st.sampled_from(["", "", "", "", "", "", "", "", *_AXES])
# Of keywords that are not listed here the usual value is drawn alone.
_KEYWORDS = {
    "eps": st.sampled_from([None, 1e-3]),
    "label_smoothing": st.sampled_from([None, 0.1]),
    "align_corners": st.booleans(),
    "count_include_pad": st.sampled_from([True, False]),
}


def calls(operator, *, paddings="any", **fixed):
    """Calls of an operator, with the corners that broke real frameworks.

    Padding larger than the kernel, asymmetric and "same", strides and dilations that differ between the axes, kernels
    and maps that are not square, single pixels, empty batches, 1 < groups < channels, one input channel, several
    filters for a channel, arrays in every order of memory; and now and then one axis that is longer than a kernel's
    tile: maps up to 260 pixels wide or high, up to 70 channels or filters.

    Parameters
    ----------
    operator : str
        A forward function of the vocabulary, registered ones among them, or "ghost_module".
    paddings : {"any", "symmetric", "words"}, default "any"
        "symmetric" leaves what PyTorch's functions can express, an int or a pair (of half a kernel at most for
        poolings), and "words" what Keras's can: 0, which it calls "valid", and "same".
    **fixed
        What is not to be drawn as usual, by the argument's name: a value, or a strategy of your own, such as
        ``stride=1`` or ``x=shapes(channels=st.integers(2, 5))``. What follows from it is drawn to fit. Of convolutions
        `kernel`, `channels`, `filters` (how many outputs) and `size`, of x, can be fixed too; where a bias may be left
        out, whether calls come `with_bias`; of all operators the axis that is `long` ("width", "height", "channels",
        "filters" or ""), and the `regime` of the numbers, one of `REGIMES`, which is the usual one by default.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[Call]

    Raises
    ------
    TypeError, ValueError
        If there is no such operator, no strategy fits its arguments, or what is fixed follows from something else.
    """
    row = row_of(operator)
    recipe = _recipe(row)
    if surplus := sorted(set(fixed) - set(recipe.free)):
        raise TypeError(
            f"{', '.join(surplus)} cannot be fixed in calls of {operator}: the rule is one of {', '.join(recipe.free)}"
        )
    if "regime" in fixed and isinstance(fixed["regime"], str) and fixed["regime"] not in REGIMES:
        raise ValueError(f"regime={fixed['regime']!r}: the rule is one of {', '.join(REGIMES)}")
    return _drawn(row, recipe.draw, paddings, fixed)


def strata(operator, regimes, *, examples, **given):
    """Calls of an operator for each thing that is rare among all calls, so that none is missing in a run.

    Parameters
    ----------
    operator : str
        As of `calls`.
    regimes : sequence of str
        Half of the calls have the first, the others share the other half.
    examples : int
        How many calls there are to be in all.
    **given
        As of `calls`.

    Returns
    -------
    list of (hypothesis.strategies.SearchStrategy[Call], int)
        Strategies, and how many calls to draw of each.
    """
    few = max(2, examples // 16)
    first, *others = ({"regime": regime} for regime in regimes)
    long = [{"long": axis, **first} for axis in (_AXES if "long" not in given else ())]
    found = [(calls(operator, **given | rare), few) for rare in long]
    found += [(calls(operator, **given | rare), max(few, examples // 2 // len(others))) for rare in others]
    rest = max(few, examples - sum(number for _, number in found))
    return [(calls(operator, **given | first), rest), *found]


def shapes(batches=_BATCHES, channels=_SIZES, sizes=_SIZES):
    """Shapes (N, C, H, W) of maps with few channels and pixels, and now and then one axis that is long.

    Parameters
    ----------
    batches, channels, sizes : hypothesis.strategies.SearchStrategy[int], optional
        What N, C and both H and W are drawn from; by default 0 to 3, 1 to 6 and 1 to 6.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[tuple[int, int, int, int]]
    """
    return _shapes(batches, channels, sizes, channels is _SIZES, sizes is _SIZES)


# Hypothesis looks through a strategy once, and that takes longer than to draw from it: what recipes ask for is kept.
_always = cache(st.just)


@lru_cache(1000)  # `shapes` is given strategies of others as well
@st.composite
def _shapes(draw, batches, channels, sizes, many_channels, many_pixels, long=_LONG):
    """The axis that is long is one of those that are left open."""
    long = draw(long)
    many = _MANY if many_channels and long == "channels" else channels
    height, width = (_WIDE if many_pixels and long == axis else sizes for axis in ("height", "width"))
    return draw(batches), draw(many), draw(height), draw(width)


@st.composite
def _drawn(draw, row, recipe, paddings, fixed):
    def choose(name, usual):
        chosen = fixed.get(name, usual)
        return draw(chosen) if isinstance(chosen, st.SearchStrategy) else chosen

    fixed = fixed | {"regime": choose("regime", "usual")}
    given = recipe(choose, row, paddings)
    given |= {
        name: choose(name, drawn) for name, drawn in _KEYWORDS.items() if name in row.keywords and name not in given
    }
    given["regime"] = fixed["regime"]
    return Call(row.name, memory=choose("memory", st.sampled_from(MEMORY)), seed=choose("seed", st.integers(0, 2**16)),
                **given)  # fmt: skip


# Recipes: each makes the arguments of a call. `choose(name, strategy)` draws, unless a value was fixed.


def _batches(choose):
    """Empty ones too, but not of unusual numbers, since an empty batch has none."""
    return _BATCHES if choose("regime", "") == "usual" else _FULL


def _filters(choose, row, paddings):
    """Shapes of x and of filters, and keywords; a filter sees all channels, those of its group, or its own alone."""
    long = choose("long", _LONG)
    channels, filters = choose("channels", st.none()), choose("filters", st.none())
    groups = 1 if row.sees == "all" else choose("groups", _dividing(channels, filters))
    _check_groups(row, groups, channels, filters)
    if channels is not None:
        groups = channels if row.sees == "own" else groups
        members_in = channels // groups
    elif row.sees == "own":
        members_in = 1
        groups = choose("own", _MANY) if long == "channels" and filters is None else groups
    else:
        members_in = choose("members", _MANY if long == "channels" else _FEW)
    members_out = filters // groups if filters else choose("outs", _MANY if long == "filters" else _FEW)
    kernel = (1, 1) if row.one_tap else _both(choose("kernel", st.tuples(st.integers(1, 5), st.integers(1, 5))))
    window = {"stride": choose("stride", _int_or_pair(1, 3)), "dilation": choose("dilation", _int_or_pair(1, 3))}
    window |= {"padding": choose("padding", _PADDINGS[paddings])}
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, _both(window["dilation"]), strict=True)]
    size = _size(choose, reach, _around(window["padding"], reach), long)
    x = (choose("batch", _batches(choose)), groups * members_in, *size)
    window |= {"groups": groups} if "groups" in row.keywords else {}
    return x, (groups * members_out, members_in, *kernel), window


def _dividing(*numbers):
    """Numbers of groups, up to four where nothing is fixed, which divide what is."""
    fixed = [number for number in numbers if number is not None]
    if not fixed:
        return st.integers(1, 4)
    return st.sampled_from([groups for groups in range(1, min(fixed) + 1) if all(n % groups == 0 for n in fixed)])


def _check_groups(row, groups, channels, filters):
    for name, number in (("channels", channels), ("filters", filters)):
        of = channels if row.sees == "own" and channels is not None and name == "filters" else groups
        if number is not None and (number < 1 or number % of):
            raise ValueError(
                f"{name}={number} and {of} groups: the rule is a multiple of the number of groups, such as {name}={of}"
            )


def _convolution(choose, row, paddings):
    x, weight, window = _filters(choose, row, paddings)
    return {"x": x, "weight": weight, **_bias(choose, row, weight[0]), **window}


def _separable(choose, row, paddings):
    x, weight, window = _filters(choose, row, paddings)
    mixing = (choose("outputs", st.integers(1, 5)), weight[0], 1, 1)
    arrays = {"x": x, "depthwise_weight": weight, "pointwise_weight": mixing}
    return {**arrays, **_bias(choose, row, mixing[0]), **window}


def _pool(choose, row, paddings):
    """Every window has a pixel of the map, as the operators require."""
    # In a window of one pixel nothing ties.
    kernel = choose("kernel_size", _int_or_pair(2 if choose("regime", "") == "ties" else 1, 4))
    reach = _both(kernel)
    rows, columns = (st.integers(0, size - 1) for size in reach)
    halves = (st.integers(0, size // 2) for size in reach)
    drawn = {
        "any": st.just(0)
        | st.tuples(rows, columns)
        | st.tuples(st.tuples(rows, rows), st.tuples(columns, columns))
        | st.just("same"),
        "symmetric": st.tuples(*halves),
        "words": _PADDINGS["words"],
    }
    padding = choose("padding", drawn[paddings])
    long = choose("long", _LONG)
    size = _size(choose, reach, _around(padding, reach), long)
    channels = choose("channels", _MANY if long == "channels" else st.integers(1, 4))
    x = (choose("batch", _batches(choose)), channels, *size)
    given = {"x": x, "kernel_size": kernel, "stride": choose("stride", _NONE_OR_PAIR)}
    # Where a padding is a word, as in Keras, it does not count.
    counted = {"count_include_pad": False} if paddings == "words" and "count_include_pad" in row.keywords else {}
    return given | {"padding": padding} | counted


def _maps(choose, row, paddings):
    """Maps for each activation, and a number for each channel for what is trained or a statistic."""
    first, *others = row.activations
    many = "images" in row.alike
    long = choose("long", _LONG)
    x = choose(first, _shapes(_batches(choose), _SIZES, _SIZES, True, True, _always(long)) if many else _enough(long))
    given = dict.fromkeys((name for name in row.arrays if name in row.trained or name in STATISTICS), x[1:2])
    for name in others:
        # A second operand may have one number for each map.
        small = len(x) == 4 and name not in row.constants and choose("spread", st.booleans())
        given[name] = (*x[:2], 1, 1) if small else x
    if "bias" in given and not _bias(choose, row, 1):
        del given["bias"]
    return {first: x, **given}


@cache
@st.composite
def _enough(draw, long):
    """Maps of four numbers a channel at least: one has no variance, and of two or three little but signs is left."""
    batch, height = draw(_FEW), draw(_SIZES)
    width = _WIDE if long == "width" else st.integers(-(-4 // (batch * height)), 6)
    return (batch, draw(_MANY if long == "channels" else _FEW), height, draw(width))


def _rows(choose, row, paddings):
    long = choose("long", _LONG)
    batch, ins = choose("x", st.tuples(_batches(choose), _MANY if long == "channels" else _SIZES))
    # As many as there are inputs in half of the calls: a weight that is transposed shows in its shape in all others.
    outs = choose("outputs", _MANY if long == "filters" else _or_as_many(ins))
    return {"x": (batch, ins), "weight": (outs, ins), **_bias(choose, row, outs)}


@cache
def _or_as_many(number):
    return _SIZES | st.just(number)


def _classes(choose, row, paddings):
    long = choose("long", _LONG)
    logits = choose("logits", st.tuples(st.integers(1, 4), _WIDE if long == "width" else st.integers(2, 5)))
    return {"logits": logits, "labels": logits[:1]}


def _shuffle(choose, row, paddings):
    """A number of groups that divides the channels."""
    groups = choose("groups", st.integers(1, 4))
    long = choose("long", _LONG)
    channels = _multiples(groups, long == "channels")
    return {
        "x": choose("x", _shapes(_batches(choose), channels, _SIZES, False, True, _always(long))),
        "groups": groups,
    }


@cache
def _multiples(groups, many):
    return (_MANY if many else st.integers(1, 4)).map(lambda members: groups * members)


def _parts(choose, row, paddings):
    long = choose("long", _LONG)
    sizes = choose("sizes", st.lists(_MANY if long == "channels" else _FEW, min_size=1, max_size=4))
    batch = choose("batch", _batches(choose))
    height, width = choose("size", st.tuples(_SIZES, _WIDE if long == "width" else _SIZES))
    if "sizes" in row.positional:
        return {"x": (batch, sum(sizes), height, width), "sizes": tuple(sizes)}
    keep = choose("keep", st.none() | st.integers(1, sum(sizes)))
    return {"xs": [(batch, channels, height, width) for channels in sizes], "keep": keep}


def _resize(choose, row, paddings):
    long = _always(choose("long", _LONG))
    x = choose("x", _shapes(_batches(choose), _FEW, _SIZES, False, True, long))
    factor = choose("factor", _FEW)
    larger = st.just((factor * x[2], factor * x[3]))
    return {"x": x, "size": choose("size", larger | st.tuples(_SIZES, _SIZES))}


def _attention(choose, row, paddings):
    few = st.integers(1, 4)  # a weight for each pair of pixels
    long = choose("long", _LONG)
    z = choose("z", st.tuples(_batches(choose), _FEW, few, st.integers(9, 40) if long == "width" else few))
    _, c, h, w = z
    if "weight" in row.arrays:
        return {"z": z, "weight": (c, h, w, h, w)}
    return {"z": z, "weight_h": (c, h, h, w), "weight_w": (c, w, h, w)}


def _ghost(choose, row, paddings):
    """How many maps are intrinsic, ratios of 2 and above, and outputs that the ratio does not divide."""
    long = choose("long", _LONG)
    x = choose("x", _shapes(_batches(choose), _FEW, _SIZES, False, True, _always(long)))
    intrinsic = choose("intrinsic", _MANY if long == "channels" else _FEW)
    ratio = choose("ratio", st.integers(2, 3))
    kernel = choose("kernel", st.sampled_from([1, 3, 5]))
    surplus = choose("surplus", st.integers(0, ratio - 2 if intrinsic > 1 else 0))
    return {
        "x": x,
        "primary_weight": (intrinsic, x[1], 1, 1),
        "cheap_weight": ((ratio - 1) * intrinsic, 1, kernel, kernel),
        "keep": ratio * intrinsic - surplus if surplus else None,
    }


class _Recipe(NamedTuple):
    """How the calls of a kind of operator are drawn, and which of their arguments may be fixed."""

    draw: Callable
    free: tuple[str, ...]


_COMMON = ("long", "regime", "memory", "seed")
_WINDOW = ("kernel", "stride", "padding", "dilation", "groups", "batch", "channels", "filters", "size")
_BY_ARGUMENT = {
    "depthwise_weight": _Recipe(_separable, (*_WINDOW, "outputs")),
    "kernel_size": _Recipe(_pool, ("kernel_size", "stride", "padding", "batch", "channels", "size")),
    "sizes": _Recipe(_parts, ("sizes", "batch", "size")),
    "xs": _Recipe(_parts, ("sizes", "batch", "size", "keep")),
}
_BY_FAMILY = {
    "convolution": _Recipe(_convolution, _WINDOW),
    "linear": _Recipe(_rows, ("x", "outputs")),
    "loss": _Recipe(_classes, ("logits",)),
    "shuffle": _Recipe(_shuffle, ("x", "groups")),
    "resize": _Recipe(_resize, ("x", "size")),
    "attention": _Recipe(_attention, ("z",)),
    "ghost": _Recipe(_ghost, ("x", "kernel")),
}


def _recipe(row):
    """What draws the calls of an operator, by its arguments and by its family."""
    found = next((recipe for name, recipe in _BY_ARGUMENT.items() if name in row.positional), None)
    found = found or _BY_FAMILY.get(row.family)
    if found is None:
        if set(row.positional) - set(row.arrays) or not row.activations:
            raise ValueError(
                f"no strategy draws calls of {row.name}({', '.join(row.positional)}): the rule is arguments as an "
                f"operator of the vocabulary has them, or a strategy of your own, st.builds(Call, ...)"
            )
        found = _Recipe(_maps, (row.activations[0], "spread"))
    idle = {"groups"} - {*row.positional, *row.keywords} | ({"kernel"} if row.one_tap else set())
    bias = ("with_bias",) if "bias" in row.positional and not has_bias(row) else ()
    names = dict.fromkeys((*found.free, *bias, *(name for name in _KEYWORDS if name in row.keywords), *_COMMON))
    return _Recipe(found.draw, tuple(name for name in names if name not in idle))


def _bias(choose, row, channels):
    """A bias, or none where the operator can do without."""
    return {"bias": (channels,)} if has_bias(row) or choose("with_bias", st.booleans()) else {}


def has_bias(row):
    """Whether an operator cannot do without a bias."""
    return signature(row.forward).parameters["bias"].default is not None


# What has several forms draws the numbers for all of them, so that a form can shrink to a simpler one by itself.
@cache
@st.composite
def _int_or_pair(draw, least, most):
    rows, columns = (draw(st.integers(least, most)) for _ in range(2))
    return (rows, columns) if draw(st.booleans()) else rows


_NONE_OR_PAIR = st.none() | _int_or_pair(1, 3)


@st.composite
def _padding(draw, *forms):
    top, bottom, left, right = (draw(st.integers(0, 4)) for _ in range(4))
    values = {"int": top, "pair": (top, left), "sides": ((top, bottom), (left, right)), "same": "same", "none": 0}
    return values[draw(st.sampled_from(forms))]


_PADDINGS = {
    "any": _padding("int", "pair", "sides", "same"),
    "symmetric": _padding("int", "pair"),
    "words": _padding("none", "same"),
}


def _both(value):
    return (value, value) if isinstance(value, int) else value


def _size(choose, reach, around, long):
    """Height and width that leave room for one window, and up to four pixels more, or many along one axis."""
    few = st.integers(0, 4)
    more = choose("more", st.tuples(*(_WIDE if long == axis else few for axis in ("height", "width"))))
    least = [max(1, r - a) for r, a in zip(reach, around, strict=True)]
    size = _both(choose("size", tuple(n + m for n, m in zip(least, more, strict=True))))
    if any(n < m for n, m in zip(size, least, strict=True)):
        reject()  # a size that was fixed, and a window that is too large for it
    return size


def _around(padding, reach):
    """How many pixels of a window may lie on padding, along each axis."""
    if padding == "same":
        return reach
    return [sum(sides) if isinstance(sides, tuple) else 2 * sides for sides in _both(padding)]
