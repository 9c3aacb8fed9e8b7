"""Where calls come from: for every operator of the vocabulary, a Hypothesis strategy that draws calls of it."""

from hypothesis import strategies as st

from ghostnp.testing.calls import OPERATORS, Call
from ghostnp.testing.cases import CONVOLUTIONS, MEMORY
from ghostnp.testing.strategies import BATCHES, conv_cases, pool_cases

_FEW, _SIZES = st.integers(1, 3), st.integers(1, 5)
_ELEMENTWISE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "clip", "crelu", "softmax", "flatten", "global_avg_pool2d")


def calls(operator, *, paddings="any"):
    """Calls of an operator, with the corners that broke real frameworks.

    Parameters
    ----------
    operator : str
        A forward function of the vocabulary, or "ghost_module".
    paddings : str, default "any"
        As in `conv_cases`.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[Call]

    Raises
    ------
    ValueError
        If there is no such operator.
    """
    if operator not in OPERATORS:
        raise ValueError(f"operator={operator!r} is none of the vocabulary: the rule is one of {', '.join(OPERATORS)}")
    if operator in CONVOLUTIONS:
        return conv_cases(operator, paddings=paddings).map(lambda case: case.call)
    if operator == "separable_conv2d":
        return _separable(paddings=paddings)
    if operator in ("max_pool2d", "avg_pool2d"):
        return _pools(operator, paddings=paddings)
    return _WITHOUT_WINDOW[operator](operator)


def shuffle_calls(operator="channel_shuffle"):
    """Maps, and a number of groups that divides their channels: 1 < groups < channels among them.

    Parameters
    ----------
    operator : str, default "channel_shuffle"
        The only one that there is.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[Call]
    """

    @st.composite
    def draw_call(draw):
        groups, members = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        return _made(draw, operator, x=draw(_maps(st.just(groups * members))), groups=groups)

    return draw_call()


@st.composite
def ghost_calls(draw, operator="ghost_module"):
    """Ghost modules: how many maps are intrinsic, ratios of 2 and above, and outputs that the ratio does not divide.

    Parameters
    ----------
    operator : str, default "ghost_module"
        The only one that there is.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[Call]
    """
    x, intrinsic, ratio, kernel = (
        draw(_maps(_FEW)),
        draw(_FEW),
        draw(st.integers(2, 3)),
        draw(st.sampled_from([1, 3, 5])),
    )
    surplus = draw(st.integers(0, ratio - 2 if intrinsic > 1 else 0))
    return _made(
        draw,
        operator,
        x=x,
        primary_weight=(intrinsic, x[1], 1, 1),
        cheap_weight=((ratio - 1) * intrinsic, 1, kernel, kernel),
        keep=ratio * intrinsic - surplus if surplus else None,
    )


def _made(draw, operator, **given):
    return Call(operator, memory=draw(st.sampled_from(MEMORY)), seed=draw(st.integers(0, 2**16)), **given)


def _maps(channels=None, batches=BATCHES):
    return st.tuples(batches, st.integers(1, 6) if channels is None else channels, _SIZES, _SIZES)


@st.composite
def _separable(draw, paddings):
    space = draw(conv_cases("depthwise_conv2d", paddings=paddings)).call
    mixing = (draw(_FEW), space.given["weight"][0], 1, 1)
    bias = (mixing[0],) if "bias" in space.given else None
    arrays = {
        "x": space.given["x"],
        "depthwise_weight": space.given["weight"],
        "pointwise_weight": mixing,
        "bias": bias,
    }
    return Call("separable_conv2d", memory=space.memory, seed=space.seed, **arrays, **space.keywords)


@st.composite
def _pools(draw, operator, paddings):
    case = draw(pool_cases(paddings=paddings))
    counted = False if operator == "avg_pool2d" and (paddings == "words" or draw(st.booleans())) else None
    given = {"x": case.x, "kernel_size": case.kernel_size, "stride": case.stride, "padding": case.padding or None}
    given |= {} if counted is None else {"count_include_pad": counted}
    return Call(operator, memory=case.memory, seed=case.seed, **given)


@st.composite
def _alone(draw, operator):
    return _made(draw, operator, x=draw(_maps()))


@st.composite
def _linear(draw, operator):
    batch, ins, outs = draw(BATCHES), draw(_SIZES), draw(_SIZES)
    return _made(draw, operator, x=(batch, ins), weight=(outs, ins), bias=(outs,) if draw(st.booleans()) else None)


@st.composite
def _norm(draw, operator):
    evaluating = operator == "batch_norm_eval"
    if evaluating:
        x = draw(_maps(_FEW))
    else:  # of one value a channel has no variance, and of two or three hardly more than their signs are left
        batch, height = draw(_FEW), draw(_SIZES)
        x = (batch, draw(_FEW), height, draw(st.integers(-(-4 // (batch * height)), 5)))
    statistics = {"mean": x[1:2], "var": x[1:2]} if evaluating else {}
    return _made(draw, operator, x=x, weight=x[1:2], bias=x[1:2], **statistics, eps=draw(st.sampled_from([None, 1e-3])))


@st.composite
def _loss(draw, operator):
    batch, classes = draw(st.integers(1, 4)), draw(st.integers(2, 5))
    smoothing = draw(st.sampled_from([None, 0.1]))
    return _made(draw, operator, logits=(batch, classes), labels=(batch,), label_smoothing=smoothing)


@st.composite
def _two(draw, operator):
    first, second = {"scale": ("x", "s"), "dropout": ("x", "mask")}.get(operator, ("a", "b"))
    maps = draw(_maps())
    spread = operator == "scale" or (operator != "dropout" and draw(st.booleans()))
    return _made(draw, operator, **{first: maps, second: (*maps[:2], 1, 1) if spread else maps})


@st.composite
def _parts(draw, operator):
    batch, _, height, width = draw(_maps())
    channels = draw(st.lists(_FEW, min_size=1, max_size=3))
    if operator == "split":
        return _made(draw, operator, x=(batch, sum(channels), height, width), sizes=tuple(channels))
    keep = draw(st.none() | st.integers(1, sum(channels)))
    return _made(draw, operator, xs=[(batch, c, height, width) for c in channels], keep=keep)


@st.composite
def _resize(draw, operator):
    x = draw(_maps(_FEW))
    factor = draw(st.integers(1, 3))
    size = draw(st.sampled_from([(factor * x[2], factor * x[3]), None])) or draw(st.tuples(_SIZES, _SIZES))
    corners = {"align_corners": True} if operator == "resize_bilinear" and draw(st.booleans()) else {}
    return _made(draw, operator, x=x, size=size, **corners)


@st.composite
def _attention(draw, operator):
    batch, c, h, w = draw(st.tuples(BATCHES, _FEW, st.integers(1, 4), st.integers(1, 4)))
    if operator == "full_attention":
        return _made(draw, operator, z=(batch, c, h, w), weight=(c, h, w, h, w))
    return _made(draw, operator, z=(batch, c, h, w), weight_h=(c, h, h, w), weight_w=(c, w, h, w))


_WITHOUT_WINDOW = {
    **dict.fromkeys(_ELEMENTWISE, _alone),
    **dict.fromkeys(("batch_norm_train", "batch_norm_relu_train", "batch_norm_eval"), _norm),
    **dict.fromkeys(("add", "multiply", "scale", "dropout"), _two),
    **dict.fromkeys(("concat", "split"), _parts),
    **dict.fromkeys(("resize_nearest", "resize_bilinear"), _resize),
    **dict.fromkeys(("full_attention", "decoupled_attention"), _attention),
    "linear": _linear,
    "softmax_cross_entropy": _loss,
    "channel_shuffle": shuffle_calls,
    "ghost_module": ghost_calls,
}
