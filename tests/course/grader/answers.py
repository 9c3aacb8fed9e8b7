"""What students hand in: right answers, and wrong ones with what has to be said to them."""

import inspect
import sys
from pathlib import Path

from ghostnp import ops
from ghostnp.testing import ghost

EXERCISES = Path(__file__).parents[3] / "tutorials" / "exercises"
STUBS = {path.stem.partition("_")[2]: path for path in sorted(EXERCISES.glob("*.py"))}


def definition(name):
    return getattr(ops, name, None) or getattr(ghost, name)


def right_answer(name):
    """The definition's own text, among what else is in its module."""
    function = definition(name)
    home = sys.modules[function.__module__]
    helpers = (
        "import sys\n"
        "from ghostnp import ops\n"
        f"import {home.__name__}\n"
        f"_home = sys.modules[{home.__name__!r}]\n"  # as an attribute, `ops.concat` is the function of that name
        "globals().update({key: value for key, value in vars(_home).items() if not key.startswith('__')})\n"
    )
    return helpers + inspect.getsource(function)


PREAMBLE = "import numpy as np\nfrom ghostnp import ops\nfrom ghostnp.ops.geometry import *\n"
# name, answer, what has to be said about it
WRONG = {
    "transposed shuffle": (
        """
def channel_shuffle(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, c // groups, groups, h, w).swapaxes(1, 2).reshape(x.shape)
""",
        ["(g, n) and (n, g) are swapped", "Call('channel_shuffle', x=(1, 6, 1, 1), groups=", "breaks      deals"],
    ),
    "shuffle once more": (
        """
def channel_shuffle_backward(dy, x, groups):
    return ops.channel_shuffle(dy, groups)
""",
        ["the way back is the shuffle by C / groups", "breaks      adjoint"],
    ),
    "no division": (
        """
def global_avg_pool2d_backward(dy, x):
    return np.zeros_like(x) + dy
""",
        ["a division by H·W is missing", "x=(1, 1, 1, 2)", "expected 1, got 2"],
    ),
    "overlapping windows": (
        """
def depthwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    m = len(weight) // x.shape[1]
    xp = pad(x, window).repeat(m, axis=1)
    dxp, dweight = np.zeros_like(xp), np.zeros_like(weight)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] = weight[:, 0, u, v, None, None] * dy
        dweight[:, 0, u, v] = (dy * tap(xp, u, v, window)).sum(axis=(0, 2, 3))
    dx = crop(dxp, window).reshape(len(x), x.shape[1], m, *x.shape[2:]).sum(axis=2)
    return dx, dweight, dy.sum(axis=(0, 2, 3))
""",
        ["Windows overlap", "+= where there is =", "dx has wrong numbers"],
    ),
    "no bias": (
        """
def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    xp = pad(x, window).repeat(len(weight) // x.shape[1], axis=1)
    return sum(weight[:, 0, u, v, None, None] * tap(xp, u, v, window) for u, v in np.ndindex(window.kernel))
""",
        ["The bias is left out", "bias=(1,)"],
    ),
    "tiled multiplier": (
        """
def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    xp = np.tile(pad(x, window), (1, len(weight) // x.shape[1], 1, 1))
    y = sum(weight[:, 0, u, v, None, None] * tap(xp, u, v, window) for u, v in np.ndindex(window.kernel))
    return y if bias is None else y + bias[:, None, None]
""",
        ["x is repeated (np.repeat along axis 1) and not tiled"],
    ),
    "groups forgotten": (
        """
def grouped_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    window = conv2d_window(x.shape, weight.shape, groups=groups, stride=stride, padding=padding, dilation=dilation)
    xp = pad(x, window)[:, : weight.shape[1]]
    y = sum(np.einsum("oc,ncij->noij", weight[:, :, u, v], tap(xp, u, v, window)) for u, v in np.ndindex(window.kernel))
    return y if bias is None else y + bias[:, None, None]
""",
        ["It is wrong wherever there are several groups"],
    ),
    "flipped kernel": (
        """
def pointwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(x.shape, weight.shape, stride=stride, padding=padding, dilation=dilation)
    return np.einsum("oc,ncij->noij", weight[:, :, 0, 0], tap(pad(x, window), 0, 0, window))
""",
        ["The bias is left out"],
    ),
    "sum over pixels missing": (
        """
def multiply_backward(dy, a, b):
    return dy * b, dy * a
""",
        ["The sum over axis 2, 3 is missing", "keepdims=True", "db has shape (1, 1, 1, 2), and (1, 1, 1, 1) is right"],
    ),
    "other factor": (
        """
def multiply_backward(dy, a, b):
    return dy * b, dy * b if b.shape == a.shape else (dy * b).sum(axis=(2, 3), keepdims=True)
""",
        ["In db, dy is multiplied by the other factor, a"],
    ),
    "cut channels": (
        """
def concat_backward(dy, xs, *, keep=None):
    return np.split(dy, np.cumsum([x.shape[1] for x in xs])[:-1], axis=1)
""",
        ["`keep` cut channels off"],
    ),
    "sign of the second half": (
        """
def crelu_backward(dy, x):
    one, two = np.split(dy, 2, axis=1)
    return np.where(x > 0, one, two)
""",
        ["dx = -dy₂ where x < 0"],
    ),
    "last copy wins": (
        """
def resize_nearest_backward(dy, x, size):
    dx = np.zeros_like(x)
    size = size if isinstance(size, tuple) else (size, size)
    rows, columns = (np.arange(new) * old // new for old, new in zip(x.shape[2:], size))
    dx[:, :, rows[:, None], columns] += dy
    return dx
""",
        ["np.add.at adds all"],
    ),
    "statistics as constants": (
        """
def batch_norm_train_backward(dy, x, weight, mean, var, *, eps=1e-5):
    sigma = np.sqrt(var + eps)[:, None, None]
    hat = (x - mean[:, None, None]) / sigma
    return weight[:, None, None] / sigma * dy, (dy * hat).sum((0, 2, 3)), dy.sum((0, 2, 3))
""",
        ["Mean and variance depend on x too", "breaks      gradient matches"],
    ),
    "windows of a maximum": (
        """
def max_pool2d_backward(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    dxp = pad(np.zeros_like(x), window)
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        view = tap(dxp, u, v, window)
        view[argmax == number] = dy[argmax == number]
    return crop(dxp, window)
""",
        ["A pixel may be the largest of several windows"],
    ),
    "rows before columns": (
        """
def decoupled_attention(z, weight_h, weight_w):
    return np.einsum("chiw,nciw->nchw", weight_h, np.einsum("cwhj,nchj->nchw", weight_w, z))
""",
        ["first down the columns with weight_h"],
    ),
    "a ghost module without its first ReLU": (
        """
def ghost_module(x, primary_weight, cheap_weight, *, keep=None):
    intrinsic = ops.pointwise_conv2d(x, primary_weight)
    ghosts = ops.relu(ops.depthwise_conv2d(intrinsic, cheap_weight, padding="same"))
    return ops.concat((intrinsic, ghosts), keep=keep)
""",
        ["The intrinsic maps have no ReLU"],
    ),
    "a ghost module without its second ReLU": (
        """
def ghost_module(x, primary_weight, cheap_weight, *, keep=None):
    intrinsic = ops.relu(ops.pointwise_conv2d(x, primary_weight))
    return ops.concat((intrinsic, ops.depthwise_conv2d(intrinsic, cheap_weight, padding="same")), keep=keep)
""",
        ["The ghosts need a ReLU of their own"],
    ),
    "intrinsic maps once": (
        """
def ghost_module_backward(dy, x, primary_weight, cheap_weight, *, keep=None):
    before = ops.pointwise_conv2d(x, primary_weight)
    intrinsic = ops.relu(before)
    ghosts = ops.depthwise_conv2d(intrinsic, cheap_weight, padding="same")
    dintrinsic, dghosts = ops.concat_backward(dy, (intrinsic, ghosts), keep=keep)
    cheap = ops.depthwise_conv2d_backward(ops.relu_backward(dghosts, ghosts), intrinsic, cheap_weight, padding="same")
    primary = ops.pointwise_conv2d_backward(ops.relu_backward(dintrinsic, before), x, primary_weight)
    return primary.x, primary.weight, cheap.weight
""",
        ["The intrinsic maps were used twice", "breaks      adjoint"],
    ),
    "dtype": (
        "def relu(x):\n    y = np.zeros(x.shape)\n    y[...] = np.maximum(x, 0)\n    return y\n",
        ["y is float64 where x is float32", "np.zeros(shape, x.dtype)"],
    ),
    "writes into its argument": (
        "def relu(x):\n    x = x if x.flags.writeable else x.copy()\n    x[x < 0] = 0\n    return x\n",
        ["x was written into", "the caller still needs what it gave"],
    ),
    "nothing returned": (
        "def relu(x):\n    np.maximum(x, 0)\n",
        ["relu returns None", "Is there a return at the end?"],
    ),
    "too few results": (
        "def multiply_backward(dy, a, b):\n    return dy * b\n",
        ["multiply_backward returns da, db, in this order, and one ndarray came"],
    ),
    "no array": ("def relu(x):\n    return x.tolist()\n", ["y is of type list", "the rule is an array of shape"]),
    "zeros": ("def relu(x):\n    return np.zeros_like(x)\n", ["zero all over"]),
    "sign": ("def sigmoid(x):\n    return -1 / (1 + np.exp(-x))\n", ["The sign is the wrong way round"]),
    "nan": ("def sigmoid(x):\n    return np.log(-1 / (1 + np.exp(-x)))\n", ["There is NaN in it"]),
    "exception": (
        "def relu(x):\n    return x + np.zeros(7)[x.size + 90]\n",
        ["it raises IndexError", "line 5: return x + np.zeros(7)[x.size + 90]", "Call('relu', x=(1, 1, 1, 1))"],
    ),
    "signature": (
        "def channel_shuffle(x, g):\n    return x\n",
        ["it is defined with other arguments", "channel_shuffle(x, groups)", "channel_shuffle(x, g)"],
    ),
    "sys.exit": ("import sys\ndef relu(x):\n    sys.exit(3)\n", ["it ends the whole process (SystemExit: 3)"]),
    "os._exit": (
        "import os\ndef relu(x):\n    os._exit(0)\n",
        ["it ended the whole process", "Call('relu', x=(1, 1, 1, 1))"],
    ),
    "keyboard": ("def relu(x):\n    return input()\n", ["it reads from the keyboard"]),
    "handed over": (
        "def relu(x):\n    return ops.relu(x)\n",
        ["it handed over to the definition: it calls ghostnp's own relu"],
    ),
    "handed over by another name": (
        "from ghostnp.kernels import conv2d as fast\n"
        "def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):\n"
        "    try:\n        return fast(x, weight, bias, stride=stride, padding=padding, groups=x.shape[1])\n"
        "    except Exception:\n        return x\n",
        ["it calls ghostnp's own conv2d"],
    ),
    "imported": ("from ghostnp.ops import relu\n", ["it handed over to the definition"]),
    "a program": ("import os\ndef relu(x):\n    os.system('true')\n", ["it starts a program", "os.system"]),
    "an endless loop": (
        "def relu(x):\n    while True:\n        pass\n",
        ["it does not come to an end", "Call('relu', x=(1, 1, 1, 1))", "while loop"],
    ),
    "syntax": ("def relu(x)\n    return x\n", ["Python cannot read it: expected ':'", "line 4: def relu(x)"]),
    "import": ("import nowhere\ndef relu(x):\n    return x\n", ["it cannot be imported: No module named 'nowhere'"]),
    "endless import": ("while True:\n    pass\n", ["it was stopped while importing the file"]),
    "nothing there": ("x = 3\n", ["no function of the vocabulary is defined here"]),
    "a slip in the name": (
        "def chanel_shuffle(x, groups):\n    return x\n",
        ["chanel_shuffle is not in the vocabulary", "channel_shuffle is"],
    ),
}
_DEPTHWISE = """
def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    xp = pad({x}, window).repeat(len(weight) // x.shape[1], axis=1)
    y = sum({w}[:, 0, u, v, None, None] * tap(xp, u, v, window) for u, v in np.ndindex(window.kernel))
    return {y}
"""
_SUM = "y if bias is None else y + bias[:, None, None]"
_BATCH_NORM = """
def batch_norm_train(x, weight, bias, *, eps=1e-5):
    mean = x.mean(axis=(0, 2, 3))
    var = {var}
    hat = (x - mean[:, None, None]) / np.sqrt(var + x.dtype.type(eps))[:, None, None]
    return weight[:, None, None] * hat + bias[:, None, None], mean, var
"""
# Of small whole numbers all of these are right.
WRONG_IN_USE = {
    "depthwise to int": _DEPTHWISE.format(x="x.astype(int).astype(x.dtype)", w="weight", y=_SUM),
    "depthwise rounded": _DEPTHWISE.format(x="x", w="weight", y=f"np.round({_SUM})"),
    "depthwise in float16": _DEPTHWISE.format(
        x="x.astype(np.float16)", w="weight.astype(np.float16)", y=f"({_SUM}).astype(x.dtype)"
    ),
    "shuffle to int": "def channel_shuffle(x, groups):\n    n, c, h, w = x.shape\n"
    "    x, dtype = x.astype(int), x.dtype\n"
    "    return x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape).astype(dtype)\n",
    "crelu at zero": "def crelu(x):\n    return np.concatenate([np.where(x > 0, x, 0 * x - (x == 0)), "
    "np.where(x < 0, -x, 0)], 1).astype(x.dtype)\n",
    "relu by a product": "def relu(x):\n    return x * (x > 0)\n",
    "variance by squares": _BATCH_NORM.format(var="(x * x).mean(axis=(0, 2, 3)) - mean * mean"),
    "softmax without the maximum": "def softmax(x):\n    e = np.exp(x)\n    return e / e.sum(axis=1, keepdims=True)\n",
    "cross-entropy without the maximum": """
def softmax_cross_entropy(logits, labels, *, label_smoothing=0.0):
    n, k = logits.shape
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    right = (1 - label_smoothing) * logs[np.arange(n), labels] + label_smoothing * logs.mean(axis=1)
    return -right.mean()
""",
    "max pooling blind to NaN": """
def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    xp = pad(x, window, -np.inf)
    y = argmax = None
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        view = tap(xp, u, v, window)
        if y is None:
            y, argmax = np.full(view.shape, -np.inf, x.dtype), np.zeros(view.shape, np.intp)
        argmax, y = np.where(view > y, number, argmax), np.where(view > y, view, y)
    return y, argmax
""",
}
RIGHT = {
    "FFT in float32": """
def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    (kh, kw), (sh, sw), (dh, dw) = window.kernel, window.stride, window.dilation
    xp = pad(x, window).repeat(len(weight) // x.shape[1], axis=1)
    spread = np.zeros((len(weight), (kh - 1) * dh + 1, (kw - 1) * dw + 1), x.dtype)
    spread[:, ::dh, ::dw] = weight[:, 0]
    size = [a + b for a, b in zip(xp.shape[2:], spread.shape[1:])]
    product = np.fft.rfft2(xp, size) * np.conj(np.fft.rfft2(spread, size))
    oh, ow = window.output
    y = np.fft.irfft2(product, size)[:, :, : (oh - 1) * sh + 1 : sh, : (ow - 1) * sw + 1 : sw].astype(x.dtype)
    return y if bias is None else y + bias[:, None, None]
""",
    "batch norm in two passes": _BATCH_NORM.format(var="((x - mean[:, None, None]) ** 2).mean(axis=(0, 2, 3))"),
    "sums in float64": _DEPTHWISE.format(x="x.astype(np.float64)", w="weight", y=f"({_SUM}).astype(x.dtype)"),
    "softmax": "def softmax(x):\n    e = np.exp(x - x.max(axis=1, keepdims=True, initial=-np.inf))\n"
    "    return e / e.sum(axis=1, keepdims=True)\n",
}
_BACKWARD = """
def batch_norm_train_backward(dy, x, weight, mean, var, *, eps=1e-5):
    m = {m}
    sigma = np.sqrt(var + x.dtype.type(eps))[:, None, None]
    hat = (x - mean[:, None, None]) / sigma
    dw, db = (dy * hat).sum((0, 2, 3)), dy.sum((0, 2, 3))
    dx = weight[:, None, None] / sigma * (dy - db[:, None, None] / m - hat * dw[:, None, None] / m)
    return {results}
"""
_TWO_PASSES = "((x - mean[:, None, None]) ** 2).mean(axis=(0, 2, 3))"
_GRADIENTS = """
def depthwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    m = len(weight) // x.shape[1]
    xp = pad(x, window).repeat(m, axis=1)
    dxp, dweight = np.zeros_like(xp), np.zeros_like(weight)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] += weight[:, 0, u, v, None, None] * dy
        dweight[:, 0, u, v] = (dy * tap(xp, u, v, window)).sum(axis=(0, 2, 3))
    dx = crop(dxp, window).reshape(len(x), x.shape[1], m, *x.shape[2:]).sum(axis=2)
    return {results}
"""
# name, answer, what has to be said, and what must not be
HINTED = {
    "M without the batch": (_BACKWARD.format(m="x.shape[2] * x.shape[3]", results="dx, dw, db"), ["dx has wrong"], []),
    "a generator": (
        _BACKWARD.format(m="dw", results="(g for g in (dx, dw, db))").replace("m = dw", "m = 1"),
        ["and one generator came"],
        [],
    ),
    "a generator of parts": (
        "def concat_backward(dy, xs, *, keep=None):\n    return (np.zeros_like(x) for x in xs)\n",
        ["generator"],
        [],
    ),
    "a weight of the wrong shape": (
        _BACKWARD.format(m="x.size // x.shape[1]", results="dx, dw[:, None], db"),
        ["dweight has shape"],
        [],
    ),
    "the order of the returns": (
        _BACKWARD.format(m="x.size // x.shape[1]", results="dx, db, dw"),
        ["in the wrong order: return dx, dweight, dbias"],
        ["sign"],
    ),
    "eps outside the root": (
        _BATCH_NORM.format(var=_TWO_PASSES).replace(
            "np.sqrt(var + x.dtype.type(eps))", "(np.sqrt(var) + x.dtype.type(eps))"
        ),
        ["under the root"],
        [],
    ),
    "no bias in a batch norm": (
        _BATCH_NORM.format(var=_TWO_PASSES).replace(" + bias[:, None, None]", ""),
        ["The bias is left out"],
        [],
    ),
    "no weight in a batch norm": (
        _BATCH_NORM.format(var=_TWO_PASSES).replace("weight[:, None, None] * ", ""),
        ["The weight is left out"],
        [],
    ),
    "float64 comes out": (
        _DEPTHWISE.format(x="x", w="weight", y=f"({_SUM}).astype(np.float64)"),
        ["np.zeros(shape, x.dtype)"],
        ["flipped"],
    ),
    "a wrong gradient of the bias": (
        _GRADIENTS.format(results="dx, dweight, 2 * dy.sum(axis=(0, 2, 3))"),
        ["dbias has wrong numbers"],
        ["flipped", "in reverse"],
    ),
    "a bias without sum over images": (
        _GRADIENTS.format(results="dx, dweight, dy.sum(axis=(2, 3))"),
        ["dbias has shape"],
        ["flipped"],
    ),
    "kept from call to call": (
        "_seen = []\ndef relu(x):\n    _seen.append(1)\n"
        "    return np.maximum(x, 0) + np.asarray(len(_seen) % 2, x.dtype)\n",
        ["kept from one call to the next"],
        ["raises"],
    ),
    "a view that cannot be written into": (
        "def global_avg_pool2d_backward(dy, x):\n"
        "    return np.broadcast_to(dy / x.dtype.type(x.shape[2] * x.shape[3]), x.shape)\n",
        ["cannot be written into", "add .copy()"],
        [],
    ),
    "linear": ("def linear(x, weight, bias=None):\n    return x @ weight.T\n", ["there is a bias"], []),
    "attention": (
        "def full_attention(z, weight):\n    return np.zeros_like(z) + z.sum()\n",
        ["✗ full_attention"],
        ["hint"],
    ),
}
for _, _, _unsaid in HINTED.values():
    _unsaid += ["the grader", "process"]
