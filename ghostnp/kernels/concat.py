"""Concatenation and split, forward and backward, fast.

In C, H, W, N memory a part of the channels is one contiguous block: concat and split's backward copy blocks, and split
and concat's backward only point at them (their results are views, as NumPy's are).
"""

from ghostnp.kernels.layout import check_apart, copy_blocks, home, images, planes
from ghostnp.kernels.runtime import zeros
from ghostnp.ops.checks import check_maps, check_sizes
from ghostnp.ops.concat import check_concat, check_split_gradients


def concat(xs, *, keep=None, out=None):
    """Twin of `ghostnp.ops.concat`."""
    return _stack(xs, check_concat(xs, keep), out)


def concat_backward(dy, xs, *, keep=None):
    """Twin of `ghostnp.ops.concat_backward`."""
    check_concat(xs, keep, dy)
    gradient, gradients = planes(dy), []
    for x in xs:
        part, gradient = gradient[: x.shape[1]], gradient[x.shape[1] :]
        if len(part) < x.shape[1]:
            kept, part = part, zeros((x.shape[1], *part.shape[1:]), part.dtype)
            copy_blocks((kept, part[: len(kept)]))
        gradients.append(images(part))
    return tuple(gradients)


def split(x, sizes):
    """Twin of `ghostnp.ops.split`."""
    check_maps(x=x)
    sizes = check_sizes(sizes, x.shape[1])
    pixels, parts = planes(x), []
    for size in sizes:
        part, pixels = pixels[:size], pixels[size:]
        parts.append(images(part))
    return parts


def split_backward(dy, x, sizes):
    """Twin of `ghostnp.ops.split_backward`."""
    check_split_gradients(dy, x, sizes)
    return _stack(dy, x.shape[1])


def _stack(parts, channels, out=None):
    batch, _, height, width = parts[0].shape
    y, begin, moves = home((batch, channels, height, width), parts[0].dtype, out), 0, []
    for part in parts:
        kept = planes(part)[: channels - begin]
        moves.append((kept, y[begin : begin + len(kept)]))
        begin += len(kept)
    copy_blocks(*(moves if out is None else _moves_into_out(moves)))
    return images(y)


def _moves_into_out(moves):
    """Those of the moves that are left where the engine has put some parts in their place; they have to be apart."""
    left = [(f"xs[{number}]", *move) for number, move in enumerate(moves) if move[0].ctypes.data != move[1].ctypes.data]
    for name, kept, _ in left:
        for _, _, place in left:  # nothing is written before it was read
            check_apart(place, **{name: kept})
    return [move for _, *move in left]
