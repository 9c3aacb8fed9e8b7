"""Well-known mistakes: what each of them computes, and what to say to whoever made it.

An answer that gives the same as a mistake on every call that was tried has made it, or one that computes the same.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.ops.geometry import crop, pad, sliding_window, tap
from ghostnp.testing import CONVOLUTIONS


class KnownMistake(NamedTuple):
    """One mistake.

    Parameters
    ----------
    part : str
        The result that it spoils: "y", "dx", "dweight" and so on.
    compute : callable
        From a `Sample` to what that part is then.
    hint : str
        What to look at.
    """

    part: str
    compute: Callable
    hint: str


def _again(sample, function, **changes):
    """The definition of that name, called with other arguments."""
    given = sample.arguments | changes
    return getattr(ops, function)(*given.values(), **sample.call.keywords)


def _gradient(sample, **changes):
    given = {"dy": sample.dy} | {name: value for name, value in sample.arguments.items() if name != "bias"} | changes
    return getattr(ops, sample.call.operator + "_backward")(*given.values(), **sample.call.keywords)


def _last_window_wins(sample):
    """dx of a depthwise convolution with ``=`` in the place of ``+=``."""
    x, weight, window = sample.arguments["x"], sample.arguments["weight"], _window(sample)
    multiplier = len(weight) // x.shape[1]
    dxp = np.zeros_like(pad(x, window).repeat(multiplier, axis=1))
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] = weight[:, 0, u, v, None, None] * sample.dy
    return crop(dxp, window).reshape(len(x), x.shape[1], multiplier, *x.shape[2:]).sum(axis=2)


def _last_maximum_wins(sample):
    window, argmax = _window(sample), ops.max_pool2d(*sample.arguments.values(), **sample.call.keywords)[1]
    dxp = pad(np.zeros_like(sample.arguments["x"]), window)
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        view = tap(dxp, u, v, window)
        view[argmax == number] = sample.dy[argmax == number]
    return crop(dxp, window)


def _window(sample):
    given, keywords = sample.call.given, {"stride": 1, "padding": 0} | sample.call.keywords
    kernel = given["weight"][2:] if "weight" in given else given["kernel_size"]
    if "weight" not in given:
        keywords["stride"] = sample.call.keywords.get("stride", kernel)
    names = ("stride", "padding", "dilation")
    return sliding_window(given["x"][2:], kernel, **{key: keywords[key] for key in names if key in keywords})


def _last_copy_wins(sample):
    x, size = sample.arguments["x"], sample.call.given["size"]
    dx = np.zeros_like(x)
    rows, columns = (np.arange(new) * old // new for old, new in zip(x.shape[2:], size, strict=True))
    dx[:, :, rows[:, None], columns] = sample.dy
    return dx


def _tiled(sample):
    """Filter c sees channel c mod C_in."""
    x, weight = sample.arguments["x"], sample.arguments["weight"]
    order = np.arange(len(weight)).reshape(-1, x.shape[1]).T.ravel()
    y = ops.depthwise_conv2d(x, weight[order], **sample.call.keywords)[:, np.argsort(order)]
    return y + sample.arguments["bias"][:, None, None] if "bias" in sample.arguments else y


def _dealt(sample):
    """Channels go to the groups in turn, and not in blocks."""
    x = sample.arguments["x"]
    order = np.arange(x.shape[1]).reshape(-1, sample.call.keywords.get("groups", 1)).T.ravel()
    return _again(sample, "grouped_conv2d", x=x[:, order])


def _constants(sample):
    x, weight = sample.arguments["x"], sample.arguments["weight"]
    mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    return ops.batch_norm_eval_backward(sample.dy, x, weight, mean, var, **sample.call.keywords).x


def _unbiased(sample):
    x, weight, bias = sample.arguments.values()
    mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
    return ops.batch_norm_eval(x, weight, bias, mean, var, **sample.call.keywords)


def _batch_norm():
    def again(sample, **changes):
        result = _again(sample, sample.call.operator, **changes)
        return result[0] if isinstance(result, tuple) else result

    return [
        KnownMistake("y", lambda s: again(s, weight=np.ones_like(s.arguments["weight"])), "The weight is left out."),
        KnownMistake("y", lambda s: again(s, bias=np.zeros_like(s.arguments["bias"])), _NO_BIAS),
        KnownMistake("y", _eps_outside, "eps is added under the root: √(var + eps), and not √var + eps."),
    ]


def _eps_outside(sample):
    x, weight, bias = (sample.arguments[name] for name in ("x", "weight", "bias"))
    axes, beside = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    mean, var = (sample.arguments.get(name, of(axis=axes)) for name, of in (("mean", x.mean), ("var", x.var)))
    scale = weight / (np.sqrt(var) + x.dtype.type(sample.call["eps"]))
    y = (x - mean.reshape(beside)) * scale.reshape(beside) + bias.reshape(beside)
    return np.maximum(y, 0) if "relu" in sample.call.operator else y


def _rows_first(sample):
    z, weight_h, weight_w = sample.arguments.values()
    return np.einsum("chiw,nciw->nchw", weight_h, np.einsum("cwhj,nchj->nchw", weight_w, z))


def _ghost(sample, *, twice=True, masked=True):
    x, primary, cheap = sample.arguments.values()
    before = ops.pointwise_conv2d(x, primary)
    intrinsic = ops.relu(before)
    ghosts = ops.depthwise_conv2d(intrinsic, cheap, padding="same")
    dintrinsic, dghosts = ops.concat_backward(sample.dy, (intrinsic, ghosts), **sample.call.keywords)
    dghosts = ops.relu_backward(dghosts, ghosts) if masked else dghosts
    back = ops.depthwise_conv2d_backward(dghosts, intrinsic, cheap, padding="same")
    total = dintrinsic + back.x if twice else dintrinsic
    return ops.pointwise_conv2d_backward(ops.relu_backward(total, before) if masked else total, x, primary).x


def _missing_relu(sample, *, first=False, second=False):
    """A ghost module that has only the ReLUs that are asked for."""
    x, primary, cheap = sample.arguments.values()
    intrinsic = ops.pointwise_conv2d(x, primary)
    intrinsic = ops.relu(intrinsic) if first else intrinsic
    ghosts = ops.depthwise_conv2d(intrinsic, cheap, padding="same")
    return ops.concat((intrinsic, ops.relu(ghosts) if second else ghosts), **sample.call.keywords)


def _forgets_what_was_cut(sample):
    return np.split(sample.dy, np.cumsum([x.shape[1] for x in sample.arguments["xs"]])[:-1], axis=1)


def _for_each_factor(sample, products, join):
    """One number for each map, where b has one; else as they are."""
    if sample.arguments["b"].shape == products.shape:
        return products
    return join(products, axis=(2, 3), keepdims=True)


def _halves(sample):
    return np.split(sample.dy, 2, axis=1)


_FLIPPED = (
    "The kernel is flipped: what deep learning calls a convolution is a cross-correlation, and weight[u, v] is "
    "multiplied by x̄[i·s + u]."
)
_NO_BIAS = "The bias is left out."
_ONE_IMAGE = "dweight sums over all images of the batch; this is one image's share."


def _convolution(operator):
    return [
        KnownMistake("y", lambda s: _again(s, operator, weight=s.arguments["weight"][:, :, ::-1, ::-1]), _FLIPPED),
        KnownMistake("y", lambda s: _again(s, operator, **({"bias": None} if "bias" in s.arguments else {})), _NO_BIAS),
    ]


def _convolution_backward():
    return [
        KnownMistake(
            "dx",
            lambda s: _gradient(s, weight=s.arguments["weight"][:, :, ::-1, ::-1]).x,
            "In dx the kernel is flipped once too often: tap (u, v) adds to the pixel that it read in forward.",
        ),
        KnownMistake("dweight", lambda s: _gradient(s, dy=s.dy[:1], x=s.arguments["x"][:1]).weight, _ONE_IMAGE),
        KnownMistake("dweight", lambda s: _gradient(s, dy=s.dy[-1:], x=s.arguments["x"][-1:]).weight, _ONE_IMAGE),
        KnownMistake(
            "dweight",
            lambda s: _gradient(s).weight[:, :, ::-1, ::-1],
            "dweight has its taps in reverse: dweight[u, v] is what tap (u, v) read in forward, times dy.",
        ),
    ]


KNOWN_MISTAKES = {
    **{name: _convolution(name) for name in CONVOLUTIONS},
    **{f"{name}_backward": _convolution_backward() for name in CONVOLUTIONS},
    "depthwise_conv2d": [
        *_convolution("depthwise_conv2d"),
        KnownMistake(
            "y",
            _tiled,
            "Filters c·m to c·m + m - 1 see channel c: x is repeated (np.repeat along axis 1) and not "
            "tiled; filter c reads channel c // m.",
        ),
    ],
    "depthwise_conv2d_backward": [
        *_convolution_backward(),
        KnownMistake(
            "dx",
            _last_window_wins,
            "Windows overlap, so that a pixel is read several times: its shares add up, += where there is =.",
        ),
    ],
    "grouped_conv2d": [
        *_convolution("grouped_conv2d"),
        KnownMistake(
            "y",
            _dealt,
            "Groups are blocks of neighbouring channels: group g has channels g·P to g·P + P - 1, and "
            "not every groups-th.",
        ),
    ],
    "channel_shuffle": [
        KnownMistake(
            "y",
            lambda s: ops.channel_shuffle(s.arguments["x"], s.call.given["x"][1] // s.arguments["groups"]),
            "(g, n) and (n, g) are swapped: reshape to (groups, C / groups) first, and then transpose.",
        ),
        KnownMistake(
            "y",
            lambda s: s.arguments["x"],
            "The channels stay where they were: a reshape alone moves nothing, swap the axes in between.",
        ),
    ],
    "channel_shuffle_backward": [
        KnownMistake(
            "dx",
            lambda s: ops.channel_shuffle(s.dy, s.arguments["groups"]),
            "It shuffles once more by the same "
            "groups: the way back is the shuffle by C / groups, where (g, n) is (n, g).",
        ),
        KnownMistake(
            "dx", lambda s: s.dy, "The channels of dy stay where they were: they have to go back to their places."
        ),
    ],
    "concat_backward": [
        KnownMistake(
            "dxs",
            _forgets_what_was_cut,
            "`keep` cut channels off: they reached no output, so their gradient is zero, "
            "and each dx still has the shape of its part.",
        ),
        KnownMistake(
            "dxs", lambda s: [part[:, ::-1] for part in _gradient(s)], "The channels of each part are in reverse."
        ),
    ],
    "crelu_backward": [
        KnownMistake(
            "dx",
            lambda s: np.where(s.arguments["x"] > 0, _halves(s)[0], _halves(s)[1]),
            "The second half is relu(-x), and the inner minus comes back as a sign: dx = -dy₂ where x < 0.",
        ),
        KnownMistake(
            "dx",
            lambda s: np.where(s.arguments["x"] > 0, _halves(s)[0], 0),
            "The second half of dy is left out: where x < 0, dx = -dy₂.",
        ),
        KnownMistake(
            "dx",
            lambda s: _halves(s)[0] - _halves(s)[1],
            "Each half passes only where its ReLU was open: x > 0 for the first, x < 0 for the second.",
        ),
    ],
    "multiply_backward": [
        KnownMistake(
            "db",
            lambda s: _for_each_factor(s, s.dy * s.arguments["b"], np.sum),
            "In db, dy is multiplied by the other factor, a, and not by b.",
        ),
        KnownMistake(
            "db",
            lambda s: _for_each_factor(s, s.dy * s.arguments["a"], np.mean),
            "db is a sum over the pixels of the map and no mean: every pixel was multiplied by the same factor.",
        ),
        KnownMistake("da", lambda s: s.dy, "da is dy times the factor that a was multiplied by."),
    ],
    "resize_nearest_backward": [
        KnownMistake(
            "dx",
            _last_copy_wins,
            "Several new pixels copied the same source, and their gradients add up: indexing "
            "with += keeps one of them, np.add.at adds all.",
        ),
    ],
    "max_pool2d_backward": [
        KnownMistake(
            "dx",
            _last_maximum_wins,
            "A pixel may be the largest of several windows that overlap: its gradients add up, += where there is =.",
        ),
    ],
    "batch_norm_train": [
        KnownMistake(
            "y", _unbiased, "Normalise with the biased variance, divided by N·H·W and not by one less (ddof=0)."
        ),
        *_batch_norm(),
    ],
    "batch_norm_eval": _batch_norm(),
    "batch_norm_relu_train": _batch_norm(),
    "batch_norm_train_backward": [
        KnownMistake(
            "dx", _constants, "Mean and variance depend on x too: the terms - db / M - x̂ · dw / M are missing."
        ),
        KnownMistake(
            "dx",
            lambda s: _constants(s) - _constants(s).mean(axis=(0, 2, 3), keepdims=True),
            "The mean's share is there, and the variance's is missing: - x̂ · dw / M.",
        ),
        KnownMistake(
            "dweight",
            lambda s: (s.dy * s.arguments["x"]).sum(axis=(0, 2, 3)),
            "dweight sums dy · x̂, with the normalised x̂, and not dy · x.",
        ),
    ],
    "decoupled_attention": [
        KnownMistake(
            "y",
            _rows_first,
            "The order is swapped: first down the columns with weight_h, then along the rows with "
            "weight_w, equations (4) and (5).",
        ),
    ],
    "decoupled_attention_backward": [
        KnownMistake(
            "dweight_w",
            lambda s: np.einsum("nchw,nchj->cwhj", s.dy, s.arguments["z"]),
            "weight_w was applied to what the first step made, and not to z: compute the columns again, and multiply "
            "by these.",
        ),
    ],
    "ghost_module": [
        KnownMistake("y", _missing_relu, "Both steps end in a ReLU; here neither has one."),
        KnownMistake(
            "y", partial(_missing_relu, first=True), "The ghosts need a ReLU of their own: both steps end in one."
        ),
        KnownMistake(
            "y",
            partial(_missing_relu, second=True),
            "The intrinsic maps have no ReLU: it comes before the ghosts are made from them.",
        ),
    ],
    "ghost_module_backward": [
        KnownMistake(
            "dx",
            lambda s: _ghost(s, twice=False),
            "The intrinsic maps were used twice, in the output and by the cheap operation: their two gradients add.",
        ),
        KnownMistake(
            "dx",
            lambda s: _ghost(s, masked=False),
            "A ReLU lets dy pass only where it was open: both of them are missing on the way back.",
        ),
    ],
}
