"""Laws of sameness: what must come out when the input is put in another order, moved, or made constant."""

import numpy as np

from ghostnp.ops.geometry import sliding_window, tap
from ghostnp.testing.bounds import allowed_difference, forward_bound
from ghostnp.testing.calls import leaves, run

_ROUNDOFF = np.finfo(np.float64).eps / 2


def dtype_of(call):
    """In which dtype a law of that operator is held: exact integers in float32, or else float64."""
    return np.float32 if call.row.exact else np.float64


def rounding_of(call, arguments):
    """How far two results for these arguments may lie apart, for each array in y: nothing where integers are exact."""
    if call.row.exact:
        return None
    return allowed_difference(*forward_bound(call, arguments, np.float64))


def assert_same(actual, expected, what, allowed=None):
    """Require equal arrays: bit for bit, or as closely as rounding allows.

    Parameters
    ----------
    actual, expected : ndarray or list of ndarray
        To compare.
    what : str
        Names them in the message.
    allowed : list of float, optional
        How far the numbers of each array may lie apart; by default every bit counts.
    """
    results = leaves(actual), leaves(expected)
    for got, wanted, most in zip(*results, [0.0] * len(results[1]) if allowed is None else allowed, strict=True):
        if got.shape != wanted.shape:
            raise AssertionError(f"{what} has shape {got.shape} where {wanted.shape} is the rule")
        with np.errstate(invalid="ignore"):
            off = ~((got == wanted) | (np.abs(got - wanted) <= most))
        if off.any():
            place = tuple(int(index) for index in np.argwhere(off)[0])
            raise AssertionError(f"{what} is {got[place]:.6g} at {list(place)}, and {wanted[place]:.6g} is the rule")


def images_independent(namespace, call):
    """Each image by itself gives what it gives in the batch."""
    arguments = call.arguments(dtype_of(call))
    y, _ = run(namespace, call, arguments)
    allowed = rounding_of(call, arguments)
    for image in range(len(leaves(arguments)[0])):
        alone = {name: _image(value, image) if name in call.row.activations else value
                 for name, value in arguments.items()}  # fmt: skip
        assert_same(run(namespace, call, alone)[0], _image(y, image), f"y of image {image} alone", allowed)


def channels_alike(namespace, call):
    """Channels, and what belongs to them, in another order; in a convolution groups, and members within groups."""
    arguments = call.arguments(dtype_of(call))
    rng = np.random.default_rng([call.seed, 8])
    if "channels" not in call.row.alike:
        moved, out_order = _convolution_in_another_order(call, arguments, rng)
    else:
        out_order = rng.permutation(leaves(arguments)[0].shape[1])
        axis = {name: int(name in call.row.activations) for name in arguments}
        moved = {
            name: np.take(value, out_order, axis[name]) if isinstance(value, np.ndarray) else value
            for name, value in arguments.items()
        }
    y, y_moved = (run(namespace, call, given)[0] for given in (arguments, moved))
    assert_same(y_moved, y[:, out_order], "y of channels in another order", rounding_of(call, arguments))


def _convolution_in_another_order(call, arguments, rng):
    ins, (outs, members_in) = arguments["x"].shape[1], arguments["weight"].shape[:2]
    groups = ins // members_in
    blocks, inside, outside = (rng.permutation(n)[..., None] for n in (groups, members_in, outs // groups))
    in_order = (blocks * members_in + inside.T).ravel()
    out_order = (blocks * (outs // groups) + outside.T).ravel()
    moved = {"x": arguments["x"][:, in_order], "weight": arguments["weight"][out_order][:, inside.ravel()]}
    return moved | {name: arguments[name][out_order] for name in arguments if name == "bias"}, out_order


def pixels_alike(namespace, call):
    """Pixels in another order, the same in all maps."""
    arguments = call.arguments(dtype_of(call))
    height, width = leaves(arguments)[0].shape[2:]
    order = np.random.default_rng([call.seed, 9]).permutation(height * width)

    def move(value):
        if isinstance(value, list):
            return [move(part) for part in value]
        if np.ndim(value) != 4 or value.shape[2:] != (height, width):
            return value
        return value.reshape(*value.shape[:2], height * width)[:, :, order].reshape(value.shape)

    y = run(namespace, call, arguments)[0]
    y_moved = run(namespace, call, {name: move(value) for name, value in arguments.items()})[0]
    assert_same(y_moved, move(y), "y of pixels in another order", rounding_of(call, arguments))


def bordered(call):
    """The same call on a map that brings its border along, with no padding to be added."""
    window = _window(call)
    size = tuple(n + sum(sides) for n, sides in zip(window.input, window.padding, strict=True))
    return call.replace(x=(*call.given["x"][:2], *size), padding=None)


def shifts(namespace, call):
    """Padding is a border of zeros (a maximum's is never larger than a pixel), and a stride is one pixel of y."""
    dtype = dtype_of(call)
    arguments, window = call.arguments(dtype), _window(call)
    border = 0 if call.row.linear else -np.inf
    whole = np.pad(arguments["x"], ((0, 0), (0, 0), *window.padding), constant_values=border)
    rows, columns = window.stride
    fresh = call.arguments(dtype, stream=1)["x"].ravel()
    moved = np.pad(whole, ((0, 0), (0, 0), (rows, 0), (columns, 0)), constant_values=fresh[0] if fresh.size else 0)
    unpadded = call.replace(padding=None, x=whole.shape)
    y_whole = run(namespace, unpadded, arguments | {"x": whole})[0]
    allowed = rounding_of(unpadded, arguments | {"x": moved})
    y_moved = run(namespace, unpadded, arguments | {"x": moved})[0]
    if call.keywords.get("count_include_pad") is not False:  # where padding does not count, a border is another thing
        y = run(namespace, call, arguments)[0]
        assert_same(y, y_whole, "y with padding instead of a border", allowed)
    assert_same(y_moved[:, :, 1:, 1:], y_whole, f"y of an image moved by {rows} rows and {columns} columns", allowed)


def _window(call):
    """The window that slides, whose kernel is the size given or that of the first weight."""
    keywords = {name: call[name] for name in ("padding", "dilation") if name in call.row.keywords}
    kernel = call[call.row.trained[0]][2:] if call.row.trained else call["kernel_size"]
    stride = call["stride"]
    return sliding_window(call.given["x"][2:], kernel, kernel if stride is None else stride, **keywords)


def keeps_constants(namespace, call):
    """A constant map gives a constant one; its value is below zero, so that a border of zeros would show."""
    if "count_include_pad" in call.row.keywords:
        call = call.replace(count_include_pad=False)
    level = -1 - call.seed % 5
    arguments = call.arguments(np.float64, draw=lambda rng, shape, dtype: np.full(shape, level, dtype))
    y = run(namespace, call, arguments)[0]
    allowed = allowed_difference(*forward_bound(call, arguments, np.float64))
    assert_same(y, np.full(y.shape, float(level)), f"y of a map of {level}", allowed)


def keeps_its_limits(namespace, call):
    """Numbers at the limits, around them and far beyond them; NaN is beyond none."""
    low, high = call.row.limits
    special = [low - 1, low, high, high + 1, -np.inf, np.inf, np.nan]

    def draw(rng, shape, dtype):
        return np.where(rng.random(shape) < 0.5, rng.choice(special, shape), 3 * rng.normal(size=shape)).astype(dtype)

    x = call.arguments(np.float64, draw=draw)["x"]
    y = run(namespace, call, {"x": x})[0]
    expected = np.where(x < low, low, np.where(x > high, high, x))
    assert_same(np.nan_to_num(y), np.nan_to_num(expected), "y")
    if not np.array_equal(np.isnan(y), np.isnan(x)):
        raise AssertionError("y is a number where x is NaN, or NaN where x is a number")


def deals_channels_out(namespace, call):
    """Each run of as many channels as there are groups has one of each group, in order."""
    channels, groups = call.given["x"][1], call.given["groups"]
    origin = np.broadcast_to(np.arange(float(channels))[:, None, None], call.given["x"]).copy()
    y = run(namespace, call, {"x": origin, "groups": groups})[0]
    for start in range(0, channels, groups) if y.size else ():
        dealt = y[0, start : start + groups, 0, 0].astype(int)
        hands = (dealt // (channels // groups)).tolist()
        said = f"channels {dealt.tolist()} of y come from groups {hands}"
        if hands != list(range(groups)):
            raise AssertionError(f"{said}: one of each is the rule")
        if set(dealt % (channels // groups)) != {start // groups}:
            raise AssertionError(f"{said}, not from place {start // groups} in each")


def normalizes(namespace, call):
    """Without eps, mean and standard deviation of y are bias and |weight|; mean and var are those of x.

    A mean of n numbers is off by γ times the largest at most. A variance is off as `bounds` says of Welford's method
    and of that of two passes, however far the mean is from zero: by γ·(var + |x|·√var), and the square of the mean's
    error. The reference is off by as much. Mean and standard deviation of y move no farther than y.
    """
    call = call.replace(eps=1e-300)
    arguments = call.arguments(np.float64)
    x = arguments["x"]
    y, (mean, var) = run(namespace, call, arguments)
    axes, gamma = (0, 2, 3), 4 * (x.size // x.shape[1] + 4) * _ROUNDOFF
    largest_x, largest_y = np.abs(x).max(), np.abs(y).max()
    (of_y,) = allowed_difference(*forward_bound(call, arguments, np.float64))
    allowed = [of_y + 3 * gamma * largest_y]
    assert_same(y.mean(axis=axes), arguments["bias"], "the mean of y", allowed)
    assert_same(y.std(axis=axes), np.abs(arguments["weight"]), "the standard deviation of y", allowed)
    assert_same(mean, x.mean(axis=axes), "mean", [gamma * largest_x])
    spread = x.var(axis=axes)
    of_var = 2 * (gamma * (spread + largest_x * np.sqrt(spread)) + (gamma * largest_x) ** 2)
    assert_same(var, spread, "var (the biased one)", [float(of_var.max())])


def takes_the_largest(namespace, call):
    """y is at least every pixel of its window, and the pixel that argmax names."""
    x, window = call.arguments(np.float32)["x"], _window(call)
    y, (argmax,) = run(namespace, call, call.arguments(np.float32))
    xp = np.pad(x, ((0, 0), (0, 0), *window.padding), constant_values=-np.inf)
    taken = np.full(y.shape, np.nan)
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        pixel = tap(xp, u, v, window)
        if not (y >= pixel).all():
            raise AssertionError(f"y is smaller than the pixel that tap {(u, v)} reads")
        taken[argmax == number] = pixel[argmax == number]
    assert_same(taken, y, "the pixel that argmax names")


def repeats(namespace, call):
    """Where the new size is a multiple of the old, every pixel is repeated."""
    x, size = call.arguments(np.float32)["x"], call.given["size"]
    factors = [new // old for new, old in zip(size, x.shape[2:], strict=True)]
    if [old * factor for old, factor in zip(x.shape[2:], factors, strict=True)] == list(size):
        y = run(namespace, call, {"x": x, "size": size})[0]
        assert_same(y, x.repeat(factors[0], axis=2).repeat(factors[1], axis=3), "y")


def _image(value, image):
    if isinstance(value, list):
        return [_image(part, image) for part in value]
    return value[image : image + 1]
