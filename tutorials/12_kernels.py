# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 12. From formula to fast kernel
#
# **The same formula can take a millisecond or ten seconds. What makes the difference, and why is a layer with fewer
# multiply-adds sometimes the slower one?**
#
# So far every tutorial showed definitions: NumPy, written to be read. A *kernel* in this tutorial is something else
# than a matrix of weights: it is the compiled function that does the work (算子, the word is used for both). ghostnp has
# each function twice, in `ops` to be read and in `kernels` to be fast.
#
# Nothing on this page prints a time, since times differ from run to run. What is said about speed in words was measured
# on one machine, with two cores. `ghostnp bench` measures on yours.

# %%
from math import prod
from tempfile import TemporaryDirectory

import hypothesis
import numba
import numpy as np

import ghostnp
from ghostnp import kernels, ops, pictures
from ghostnp.course.study import check, show, source
from ghostnp.graph.engine import fold
from ghostnp.kernels import layout, runtime, taps
from ghostnp.modules import Flatten, GhostModule, GlobalAvgPool2d, Linear, Sequential, initializer
from ghostnp.ops.geometry import EACH_CHANNEL, check_conv2d, crop, pad
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient, assert_matches

hypothesis.settings.register_profile("tutorial", derandomize=True)  # the same cases in each run of this page
hypothesis.settings.load_profile("tutorial")
notes = TemporaryDirectory()  # for what it writes down while it searches
hypothesis.configuration.set_hypothesis_home_dir(notes.name)

PEAK, BANDWIDTH = 150e9, 30e9  # multiply-adds a second, bytes a second: round figures like those of that machine


def work(cost, *read):
    """Multiply-adds, and bytes if each number is read or written once: what goes in, the weights, what comes out."""
    return int(cost.macs), 4 * (sum(map(prod, read)) + int(cost.params) + prod(cost.output))


maps = (1, 128, 32, 32)
layers = {
    "standard 3x3": (*work(ops.standard_conv2d_cost(maps, (128, 128, 3, 3), padding=1), maps), "standard"),
    "pointwise": (*work(ops.pointwise_conv2d_cost(maps, (128, 128, 1, 1)), maps), "pointwise"),
    "depthwise 3x3": (*work(ops.depthwise_conv2d_cost(maps, (128, 1, 3, 3), padding=1), maps), "depthwise"),
    "classifier": (*work(ops.linear_cost((1, 1280), (1000, 1280), bias=True), (1, 1280)), "linear"),
}
points = {}
for name, (macs, moved, kind) in layers.items():
    intensity = macs / moved
    points[name] = (intensity, min(PEAK, intensity * BANDWIDTH), kind)
figure = pictures.roofline(points, peak=PEAK, bandwidth=BANDWIDTH)
for label in figure.axes[0].texts[: len(points)]:
    label.xyann = (7, -15)  # below the roof
show(figure)

# %% [markdown]
# This is a *roofline* (屋顶线). A machine can do two things: compute, at most at its *peak*, and move numbers between
# memory and processor, at most at its *bandwidth* (带宽). A layer can be no faster than the slower of the two lets it be.
# That is the roof. To the right stands how many multiply-adds a layer does for each byte that it moves: its *arithmetic
# intensity* (计算强度). The points are computed from shapes; they stand on the roof, where a perfect kernel would be.
#
# Peak and bandwidth here are round figures, fixed on this page: 150 billion multiply-adds and 30 billion bytes a
# second.
#
# ## By hand
#
# One map of 4x4 pixels, a depthwise 3x3 convolution with padding 1. Each number is a float32, 4 bytes.
#
# - Multiply-adds: 16 outputs times 9 taps is 144.
# - Numbers moved: 16 in, 9 weights, 16 out, in all 41. That is 164 bytes.
# - Intensity: $144 / 164 = 0.88$.
#
# On large maps the weights do not count, and a depthwise convolution does $k^2$ multiply-adds for two numbers, one in
# and one out:
#
# $$I_\text{depthwise} = \frac{k^2 \cdot CHW}{4 \cdot 2\,CHW} = \frac{k^2}{8}.$$
#
# For a 3x3 kernel that is 1.1, *whatever the number of channels*. In a pointwise convolution from $C$ to $C$ channels
# each number that is read is used $C$ times, and in a standard one $C k^2$ times:
#
# $$I_\text{pointwise} = \frac{C}{8}, \qquad I_\text{standard} = \frac{C k^2}{8}.$$
#
# This machine can do $150 / 30 = 5$ multiply-adds in the time of one byte. So 1.1 is far too few: four fifths of its
# arithmetic stand idle in a depthwise layer, however it is programmed.

# %%
print(f"{'':14}{'multiply-adds':>14}{'bytes':>12}{'for each byte':>15}   limit")
for name, (macs, moved, _) in layers.items():
    limit = "arithmetic" if macs / moved > PEAK / BANDWIDTH else "memory"
    print(f"{name:14}{macs:14,}{moved:12,}{macs / moved:15.2f}   {limit}")

# %% [markdown]
# The classifier is the worst: for one image each of its 1,281,000 weights is read and used once. With 32 images at a
# time each weight is used 32 times. That is one reason why batches are faster for each image.
#
# ## Why can fewer FLOPs be slower?
#
# Take a layer from 128 to 128 channels on 32x32 pixels, once as a pointwise convolution, and once as a ghost module
# (tutorial 08): a pointwise one to 64 channels, a depthwise one over these, and a concatenation. The ghost module does
# about half the multiply-adds. Let us add up what a machine needs at least: each call takes the time of its arithmetic
# or of its memory, whichever is longer.

# %%
half = (1, 64, 32, 32)
pointwise = [layers["pointwise"][:2]]
ghost = [
    work(ops.pointwise_conv2d_cost(maps, (64, 128, 1, 1)), maps),
    work(ops.depthwise_conv2d_cost(half, (64, 1, 3, 3), padding=1), half),
    work(ops.concat_cost((half, half)), half, half),
]


def at_best(calls, peak, bandwidth):
    """Microseconds."""
    return 1e6 * sum(max(macs / peak, moved / bandwidth) for macs, moved in calls)


machines = {"two cores": (PEAK, BANDWIDTH), "a large GPU": (10e12, 1e12)}
print(
    f"multiply-adds: the ghost module has {sum(macs for macs, _ in ghost) / pointwise[0][0]:.0%} of the pointwise one's"
)
print(f"bytes:         the ghost module has {sum(moved for _, moved in ghost) / pointwise[0][1]:.0%}")
for name, machine in machines.items():
    print(f"{name + ', at best:':22} pointwise {at_best(pointwise, *machine):6.2f} µs,",
          f"ghost module {at_best(ghost, *machine):6.2f} µs,",
          f"without the concatenation {at_best(ghost[:2], *machine):6.2f} µs")  # fmt: skip

# %% [markdown]
# So there is the answer, from shapes alone. **Fewer FLOPs can be slower** because
#
# 1. what is saved are multiply-adds, and what is waited for may be *bytes*: the ghost module has half of the ones and
#    twice the others. On two cores it gains next to nothing, and on the GPU (10 trillion multiply-adds and a trillion
#    bytes a second, round figures again) it *loses*;
# 2. one call became three, and each call costs something by itself: microseconds to start it, and threads that wait for
#    each other. On small maps that is all one sees;
# 3. concatenation, shuffling, adding, batch norm and activations have no multiply-adds worth counting, and move as many
#    bytes as anybody. No count of FLOPs shows them;
# 4. a kernel has to exist. Standard convolutions have been tuned for decades, an unusual one (a 1x5 depthwise, 3
#    groups) often falls back on slow code.
#
# **Why is depthwise convolution slow on GPUs and CPUs?** It is not slow: it is *short of work*. $k^2/8$ multiply-adds
# for each byte is below what any machine wants, and more so on a GPU, whose peak has grown faster than its bandwidth.
# Against the pointwise layer on the same maps it has $C / k^2$ times fewer multiply-adds and takes about as many bytes.
# On the machine above, with 480 channels on 14x14 pixels, depthwise has 53 times fewer multiply-adds than pointwise and
# was about 5 times as fast; with 72 channels on 56x56, 8 times fewer and less than twice as fast.
#
# And a whole network? We add up the calls of GhostNet 1.0x by their kind.

# %%
table = ghostnp.count(ghostnp.create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
kinds = {"standard_conv2d": "standard", "pointwise_conv2d": "pointwise", "depthwise_conv2d": "depthwise"}
sums = {kind: [0, 0, 0] for kind in (*kinds.values(), "all others")}
for row in table.rows:
    macs, moved = int(row.macs), 4 * (row.alive + int(row.params))
    for place, value in enumerate((macs, moved, at_best([(macs, moved)], PEAK, BANDWIDTH))):
        sums[kinds.get(row.op, "all others")][place] += value

figure, grid = style.sheet(10, 2.6, nrows=1, ncols=3, left=0.11, right=0.97, bottom=0.05, top=0.85, wspace=0.12)
for place, title in enumerate(("multiply-adds", "bytes moved", "time on the two cores, at best")):
    axes = style.plain_axes(figure.add_subplot(grid[place]), title)
    whole = sum(values[place] for values in sums.values())
    shares = [values[place] / whole for values in sums.values()]
    colours = [style.KINDS.get(kind, "#BBBBBB") for kind in sums]
    axes.barh(range(len(sums)), shares, color=colours, height=0.66)
    for number, share in enumerate(shares):
        axes.text(share + 0.015, number, f"{share:.0%}", va="center", **style.TEXT | {"fontsize": 10})
    axes.set_yticks(range(len(sums)), list(sums) if place == 0 else [""] * len(sums), fontsize=10.5)
    axes.set(xlim=(0, 1.1), ylim=(len(sums) - 0.5, -0.5), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
show(figure)

# %% [markdown]
# "All others" are batch norm, activations, concatenations, additions, squeeze-and-excitation's means and the
# classifier: next to none of the multiply-adds, and most of the bytes. Keep them in mind; the last part of this
# tutorial is about getting rid of them.
#
# (Document 002 plots accuracy against latency. Such figures are out of scope here: they are measurements, on hardware
# that we do not have.)
#
# ## The formula, four times
#
# **Loops.** The formula as it stands, in Python. Each multiply-add takes Python some dozens of steps, and it was
# thousands of times slower than the kernel, 4,000 to 10,000, depending on the layer.

# %%
rng = np.random.default_rng(0)
x, weight = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((3, 1, 3, 3))


def loops(x, weight):
    """Depthwise 3x3, padding 1."""
    y = np.zeros_like(x)
    for n, c, i, j in np.ndindex(y.shape):
        for u, v in np.ndindex(3, 3):
            if 0 <= i + u - 1 < x.shape[2] and 0 <= j + v - 1 < x.shape[3]:
                y[n, c, i, j] += weight[c, 0, u, v] * x[n, c, i + u - 1, j + v - 1]
    return y


expected = ops.depthwise_conv2d(x, weight, padding=1)
assert np.abs(expected).max() > 1
print(f"loops: off by {np.abs(loops(x, weight) - expected).max():.0e}")

# %% [markdown]
# **Taps.** The definition turns the loops inside out: the loop over pixels goes into NumPy, and the one over the 9 taps
# remains.

# %%
source(ops.depthwise_conv2d)

# %% [markdown]
# This is 9 passes over all pixels, and each of them reads `y`, reads a shifted `x`, writes a product, and writes `y`.
# When the maps do not fit into the *cache* (缓存, the processor's own small memory), all that goes through the slow
# memory 9 times over. The kernel was 7 to 26 times faster, depending on layer and machine load.
#
# **im2col and BLAS.** Write what each output pixel sees into a column, and *any* convolution becomes a matrix product.
# Matrix products have the best libraries there are (*BLAS*; NumPy's `@` calls one). By hand, for a map of 3x3 and a
# kernel of 2x2: four windows, four columns, and in each the four numbers of the window:

# %%
small, kernel = np.arange(1.0, 10).reshape(1, 1, 3, 3), np.array([[1.0, 0], [2, -1]])
windows = np.lib.stride_tricks.sliding_window_view(small[0, 0], (2, 2))
columns = windows.reshape(4, 4).T
print(small[0, 0].astype(int))
print("columns:")
print(columns.astype(int))
print("weights @ columns =", (kernel.ravel() @ columns).astype(int))
print("the definition    =", ops.standard_conv2d(small, kernel[None, None]).astype(int).ravel())

# %% [markdown]
# For a standard convolution that is a good bargain: the columns are $k^2$ times as large as the map, but each of their
# numbers is used $C_\text{out}$ times. For a depthwise one it is a bad bargain: each number in the columns is used
# *once*. The matrix product has a single row, and BLAS cannot help with that. The work was in writing the columns.
#
# A pointwise convolution needs no columns: the map is its own. It *is* a matrix product,
# $C_\text{out} \times C_\text{in}$ by $C_\text{in} \times HW$.
#
# **Numba.** It compiles a Python function with loops to machine code. So the loops come back, now in the order that
# suits the memory. Which order is that?
#
# ## Memory order: C, H, W, N
#
# Memory is one long row of numbers. An array's *strides* say how many bytes lie between neighbours along each axis.
# NumPy (and PyTorch) lay out `(N, C, H, W)` as it is written: all of image 0, then all of image 1. ghostnp's kernels
# lay the same array out as C, H, W, N: all of channel 0, of *all* images, then channel 1; and innermost the same pixel
# of all images.

# %%
plain = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
ours = layout.images(np.ascontiguousarray(layout.planes(plain)))
assert np.array_equal(plain, ours)
print("axis:               n   c   h   w")
for name, array in (("as NumPy lays it", plain), ("as kernels lay it", ours)):
    print(f"{name:18}", *(f"{stride:3}" for stride in array.strides), "bytes to the neighbour")

figure, grid = style.sheet(10, 2.3, nrows=2, ncols=1, hspace=0.9, top=0.86)
for place, (array, title) in enumerate(
    [(plain, "N, C, H, W: channel 1 lies in two pieces"), (ours, "C, H, W, N: channel 1 is one piece")]
):
    order = np.argsort([int(a) for a in (np.indices(array.shape).reshape(4, -1).T @ array.strides)])
    channel = np.indices(array.shape)[1].ravel()[order]
    axes = style.show(
        figure.add_subplot(grid[place]), channel[None] == 1, title, cmap="Blues", limits=(0, 2.6), aspect="auto"
    )
    for address, at in enumerate(order):
        n, c, _, _ = np.unravel_index(at, array.shape)
        axes.text(address, 0, f"n{n}\nc{c}", ha="center", va="center", fontsize=8.5, color="#222222")
show(figure)

# %% [markdown]
# Why that order? Because then
#
# - some channels, a group, or half of a concatenation are *one piece* of memory, for any batch. Slicing and
#   concatenating channels is what ghost modules and ShuffleNet do all day;
# - a pointwise convolution is one product $(C_\text{out} \times C_\text{in})(C_\text{in} \times HWN)$ for the whole
#   batch;
# - one pixel to the right is $N$ numbers further on, so a *tap is a shift*: a whole row of outputs adds a whole row of
#   inputs that begins $vN$ numbers later. Long rows without gaps are what a processor's *vector registers* (which take
#   8 or 16 numbers at once) want.
#
# Nobody else has to know. The arrays still look like `(N, C, H, W)`, and NumPy keeps their order through additions and
# slices. It is told in one file:

# %%
source(layout.planes)
source(layout.images)
print("one piece, in any batch:", layout.planes(ours)[1:2].flags.c_contiguous, "; as NumPy lays it:",
      plain[:, 1:2].flags.c_contiguous)  # fmt: skip

# %% [markdown]
# ## A kernel of our own
#
# Let us write one, a depthwise convolution with stride 1. The inner loop gets two rows of the same length, and nothing
# else happens in it:


# %%
@numba.njit
def add_row(target, row, factor):
    """target += factor · row."""
    for p in range(target.size):
        target[p] += factor * row[p]


@numba.njit
def filter_rows(xp, weight, pixel, y):
    """Each row of y (C_out, H_out, W_out·N) from rows of padded x (C_in, H, W·N); a pixel is so many numbers."""
    multiplier = y.shape[0] // xp.shape[0]
    for c in range(y.shape[0]):
        for i in range(y.shape[1]):
            for u in range(weight.shape[1]):
                for v in range(weight.shape[2]):
                    first = v * pixel
                    row = xp[c // multiplier, i + u, first : first + y.shape[2]]
                    add_row(y[c, i], row, weight[c, u, v])


def lines(images):
    """(N, C, H, W) as rows in a kernel's order: (C, H, W·N)."""
    planes = layout.planes(images)
    return planes.reshape(*planes.shape[:2], planes.shape[2] * planes.shape[3])


def toy(x, weight, bias=None, *, padding=0):
    """Depthwise convolution, stride 1."""
    window = check_conv2d(x, weight, bias, groups=EACH_CHANNEL, stride=1, padding=padding, dilation=1)
    y = np.zeros((len(weight), *window.output, len(x)), x.dtype)
    filter_rows(lines(pad(x, window)), layout.contiguous(weight[:, 0]), len(x), lines(layout.images(y)))
    return layout.images(y) if bias is None else layout.images(y) + bias[:, None, None]


print(f"off by {np.abs(toy(x, weight, padding=1) - expected).max():.0e}")

# %% [markdown]
# One case that fits is no proof. `assert_matches` of `ghostnp.testing` draws calls that have broken real frameworks:
# several images and one, empty batches, padding wider than the kernel, one channel, several filters for a channel,
# arrays in any memory order. With `exact=True` all numbers are small integers, so every sum is exact whatever its
# order, and the two must agree to the last bit. Our kernel knows neither stride nor dilation, so both are 1 in every
# call:

# %%
assert_matches(toy, "depthwise_conv2d", exact=True, stride=1, dilation=1, examples=200)
print("toy is depthwise_conv2d")

# %% [markdown]
# Does it catch a mistake? Here is one that is easily made: to forget that a pixel is $N$ numbers, and to shift by 1.
# For a single image it is right.


# %%
def careless(x, weight, bias=None, *, padding=0):
    window = check_conv2d(x, weight, bias, groups=EACH_CHANNEL, stride=1, padding=padding, dilation=1)
    y = np.zeros((len(weight), *window.output, len(x)), x.dtype)
    filter_rows(lines(pad(x, window)), layout.contiguous(weight[:, 0]), 1, lines(layout.images(y)))
    return layout.images(y) if bias is None else layout.images(y) + bias[:, None, None]


print(f"one image: off by {np.abs(careless(x[:1], weight, padding=1) - expected[:1]).max():.0e}")
try:
    assert_matches(careless, "depthwise_conv2d", exact=True, stride=1, dilation=1, examples=200)
except AssertionError as error:
    print("caught:", str(error).partition("\n")[0])
else:
    raise AssertionError("the mistake went unnoticed")

# %% [markdown]
# ghostnp's own kernels are held against their definitions in the same way, all of them, in every layout.
#
# ## On a photo
#
# Three times the same, from the three colours of the photo.

# %%
photo = load_photo(size=96)
edge = np.tile(np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 4, (3, 1, 1, 1))
defined, fast, mine = (
    depthwise_conv2d(photo, edge, padding=1)
    for depthwise_conv2d in (ops.depthwise_conv2d, kernels.depthwise_conv2d, toy)
)
figure, grid = style.sheet(10, 2.9, nrows=1, ncols=4)
style.show(figure.add_subplot(grid[0]), photo[0, 0], "red", style.INPUT)
for place, (values, title) in enumerate([(defined, "ops"), (fast, "kernels"), (mine, "our own")]):
    style.show(figure.add_subplot(grid[place + 1]), values[0, 0], title, style.OUTPUT)
show(figure)
print("all equal, up to rounding:", np.allclose(defined, fast, atol=1e-5) and np.allclose(defined, mine, atol=1e-5))

# %% [markdown]
# ## Backward
#
# The forward pass does nothing but additions of rows, $y \mathrel{+}= w \cdot x_\text{row}$. For each of them the
# derivation of tutorial 02 gives two lines:
#
# $$dx_\text{row} \mathrel{+}= w \cdot dy, \qquad dw \mathrel{+}= \langle dy, x_\text{row} \rangle.$$
#
# So `dx` is made by the very same `add_row`, with the roles of source and target exchanged, and `dw` by a scalar
# product along the row. The loop around them stays as it is:


# %%
@numba.njit
def spread_rows(dy, xp, weight, pixel, dxp, dweight):
    multiplier = dy.shape[0] // xp.shape[0]
    for c in range(dy.shape[0]):
        for i in range(dy.shape[1]):
            for u in range(weight.shape[1]):
                for v in range(weight.shape[2]):
                    first, last = v * pixel, v * pixel + dy.shape[2]
                    add_row(dxp[c // multiplier, i + u, first:last], dy[c, i], weight[c, u, v])
                    dweight[c, u, v] += (dy[c, i] * xp[c // multiplier, i + u, first:last]).sum()


def toy_backward(dy, x, weight, *, padding=0):
    window = check_conv2d(x, weight, dy=dy, groups=EACH_CHANNEL, stride=1, padding=padding, dilation=1)
    xp = pad(x, window)
    dxp = np.zeros((*xp.shape[1:], len(x)), x.dtype)
    dweight = np.zeros((len(weight), *window.kernel), x.dtype)
    spread_rows(lines(dy), lines(xp), layout.contiguous(weight[:, 0]), len(x), lines(layout.images(dxp)), dweight)
    return crop(layout.images(dxp), window), dweight[:, None], dy.sum(axis=(0, 2, 3))


dy = rng.standard_normal(expected.shape)
bias = rng.standard_normal(3)
assert_gradient(lambda *given: toy(*given, padding=1), (x, weight, bias), dy, toy_backward(dy, x, weight, padding=1))
assert_matches(toy, "depthwise_conv2d", backward=toy_backward, exact=True, stride=1, dilation=1, examples=200)
notes.cleanup()
print("all three gradients are the slopes, and equal the definition's")

dx, dweight, _ = toy_backward(dy, x, weight, padding=1)
try:
    assert_gradient(lambda w: toy(x, w, padding=1), (weight,), dy, (dweight[:, :, ::-1, ::-1],))
except AssertionError as error:
    print("taps in the wrong order:", error)

# %% [markdown]
# A pointwise convolution is a product $Y = WX$, with $X$ of shape $C_\text{in} \times P$ and $P = HWN$ pixels. Its
# gradients are products too:
#
# $$dX = W^\top dY, \qquad dW = dY\,X^\top.$$
#
# Look at the shapes: $dW$ is small, $C_\text{out} \times C_\text{in}$, and the sum runs along the *long* axis, over all
# pixels of all images. A product like that wants another kernel than the first: many scalar products at once, instead
# of a wide row of results. `kernels.matmul` has both, `gemm` and `gemm_nt`.
#
# **Determinism.** A sum along a million pixels depends on its order, since every addition rounds:

# %%
many = rng.standard_normal(100_000).astype(np.float32)
onward, backward = (np.cumsum(row, dtype=np.float32)[-1] for row in (many, many[::-1]))
print("the same numbers added from the left and from the right are equal:", onward == backward)

# %% [markdown]
# If each thread added what it happens to get, two runs of one training would differ. So ghostnp cuts the work into a
# fixed number of shares, whatever the number of threads, and adds their sums in a fixed order. Then results are equal
# bit for bit:

# %%
images, filters = (
    rng.standard_normal((4, 24, 28, 28)).astype(np.float32),
    rng.standard_normal((24, 24, 1, 1)).astype(np.float32),
)
gradient = rng.standard_normal(images.shape).astype(np.float32)
runs = []
all_threads = runtime.threads()
for threads in (1, all_threads):
    runtime.set_threads(threads)
    runs.append(kernels.pointwise_conv2d_backward(gradient, images, filters))
print("one thread or all of them, equal bits:", all(np.array_equal(a, b) for a, b in zip(*runs, strict=True)))

# %% [markdown]
# ## Where the kernels are, and how to read them
#
# In `ghostnp/kernels`, one file for each subject. A *leaf* is a loop over rows, like `add_row`; a *driver* does one share
# of the work, and calls leaves; a team of threads has all shares done. Read `layout.py` first (memory order), then
# `loops.py`, `matmul.py`, and then any other; how all this is compiled and run is in `runtime/`. Two leaves:

# %%
source(taps.add_scaled)
source(taps.add_taps)

# %% [markdown]
# The first is our `add_row`, with its arguments in another order. The second, in `taps.py`, goes over all taps of a
# kernel, nine or three at a time where it can: then each number of `target` is loaded and stored once for nine
# products. That is the whole art: *do more with a number while you have it*. So the depthwise kernel copies a few
# padded rows to a scratch that stays in the cache, and adds all taps there. And the matrix product works on 8 rows of
# results at a time, so that each number of `x` that it loads is used 8 times.
#
# What did it bring, on the one machine? Depthwise: 7 to 26 times faster than taps in NumPy. Standard convolution: about
# as fast as im2col and BLAS, since that was already good.
#
# ## Doing less: the engine
#
# The last step is to get rid of "all others". When a network only answers, batch norm is a fixed map of each channel,
# and can be put into the weights before it (*folding*, 融合):
#
# $$\gamma \cdot \frac{w \cdot x + b - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta
# = (a w) \cdot x + \big(a (b - \mu) + \beta\big), \qquad a = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}.$$
#
# By hand: $w = 2$, $b = 0$; $\gamma = 3$, $\beta = 1$, $\mu = 4$, $\sigma^2 + \epsilon = 4$. Then $a = 3/2$, the new
# weight is 3, and the new bias $\tfrac32 (0 - 4) + 1 = -5$. Try $x = 3$. The long way: $2 \cdot 3 = 6$, then
# $3 (6 - 4) / 2 + 1 = 4$. The short way: $3 \cdot 3 - 5 = 4$.

# %%
source(fold._folded)

# %% [markdown]
# `ghostnp.compile` records the calls of a network, folds batch norms, does a ReLU while a result is written, and plans
# the memory: the two halves of a concatenation are *born inside it*, so that nothing is left to copy. It is possible
# because channels are one piece of memory. Its plan can be printed. A ghost module, with batch norms that are not
# trivial:

# %%
with initializer(0):
    module = GhostModule(16, 24)
for batch_norm in (module.primary_conv.tree()["1"], module.cheap_operation.tree()["1"]):
    batch_norm.running_mean[...] = rng.standard_normal(12)
    batch_norm.running_var[...] = rng.uniform(0.5, 2, 12)
engine = ghostnp.compile(module)
print(engine.plan((1, 16, 28, 28)))

# %% [markdown]
# Seven calls have become two (the third has nothing to do), and the memory that they need is less than if each result
# had an array of its own. Folding changes the rounding, and nothing else:

# %%
maps_in = rng.standard_normal((2, 16, 28, 28)).astype(np.float32)
plainly = module(maps_in)
assert plainly.std() > 0.1
print("engine and module agree:", np.allclose(engine(maps_in), plainly, atol=1e-5), "up to rounding")

# %% [markdown]
# For a whole GhostNet the engine took about three fifths of the time of the layers one by one, on that machine. To see
# it on yours:
#
#     ghostnp bench networks --network ghostnet_100 --batch 1
#     ghostnp bench ops
#
# The first compares whole networks with PyTorch and ONNX Runtime, the second single layers, with the roofline of *your*
# machine, measured in the same run. Measure before you believe anything on this page.
#
# ## Training as a program
#
# A training step is a list of calls as well: forward, the loss, backward. `ghostnp.compile(model, training=True)`
# records it on shapes alone and plans it in the same way. Nothing is folded, since a batch norm now depends on its
# batch. But the whole list shows what no layer can see by itself:
#
# - **What nothing reads is not computed** (*dead code*, 死代码). A layer's backward pass makes the gradient of its input,
#   in case the layer before wants it. In front of the first layer there is none, so that gradient is left out.
# - **An activation lives until its gradient is made.** Some gradients do not depend on it at all: those of a sum or of a
#   concatenation are the same whatever was added. Such a backward pass asks for shapes, and keeps nothing alive.
# - **Gradients are moved without copies.** Those of a concatenation's halves are views of its own gradient, and a ReLU's
#   overwrites the `dy` that it came from.
# - **Parameters change at the very end.** If a step fails half way, for want of memory say, the model is as it was.

# %%
with initializer(0):
    classifier = Sequential(GhostModule(3, 8), GlobalAvgPool2d(), Flatten(), Linear(8, 2))
step = ghostnp.compile(classifier, training=True, momentum=0.0, decay=0.0)
program = step.program((8, 3, 16, 16))
print(program)

# %% [markdown]
# Look for `no dx` at the first convolution, for `in #...` where a half is born inside the concatenation, and for
# `of #...` where a gradient is a view. The column *until* tells how long each value lives. The last part of a step is not
# in the table: running statistics move, and then the parameters. With a rate of 0 they stay, and the step only writes
# the gradients down. They are those of the layers:

# %%
pictures_in, labels = rng.standard_normal((8, 3, 16, 16)).astype(np.float32), np.arange(8) % 2
loss = step(pictures_in, labels, rate=0.0)
logits, cache = classifier.forward(pictures_in, training=True)
expected, probabilities = kernels.softmax_cross_entropy(logits, labels)
dlogits = kernels.softmax_cross_entropy_backward(np.float32(1), logits, labels, probabilities)
_, gradients = classifier.backward(dlogits, cache)
assert np.abs(gradients["0.primary_conv.0.weight"]).max() > 0
print("the same loss:", loss == expected)
print(
    "the same gradients, bit for bit:", all(np.array_equal(step.velocity[name], gradients[name]) for name in gradients)
)

# %% [markdown]
# ## Exercises
#
# **1.** By hand: a pointwise convolution from 64 to 128 channels on one map of 14x14, without bias. How many
# multiply-adds?

# %%
answer = None
check("12.1", answer)

# %% [markdown]
# **2.** How many bytes does it move at least, in float32: maps in, weights, maps out?

# %%
answer = None
check("12.2", answer)

# %% [markdown]
# **3.** Fold: $w = 0.5$, $b = 2$; $\gamma = 6$, $\beta = -1$, $\mu = 1$, $\sigma^2 + \epsilon = 16$. What are the new
# weight and the new bias, as `(weight, bias)`?

# %%
answer = None
check("12.3", answer)

# %% [markdown]
# **4.** Eight images with 32 maps of 14x14, float32, in a kernel's order C, H, W, N. How many bytes are there from a
# pixel to the one below it?

# %%
answer = None
check("12.4", answer)

# %% [markdown]
# **5.** Max pooling has no multiply-adds at all, and moves bytes like any other. Fill in
# `tutorials/exercises/11_max_pool2d_backward.py` until `ghostnp check` is content. Pool `np.arange(16.0).reshape(1, 1,
# 4, 4)` with windows of 3x3 and stride 1 (`ops.max_pool2d` gives `y` and `argmax`), and hand back `y` itself as `dy`.
# What is the gradient of the last pixel of the *third* row, `dx[0, 0, 2, 3]`?

# %%
answer = None
check("12.5", answer)

# %% [markdown]
# ## References
#
# - S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful visual performance model for multicore
#   architectures", Communications of the ACM 52(4), 2009, sections 3 and 4.
# - N. Ma, X. Zhang, H.-T. Zheng and J. Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture
#   design", ECCV 2018, section 2, guidelines G1 to G4: memory access, fragmentation and elementwise operators.
#   <https://arxiv.org/abs/1807.11164>
# - K. Chellapilla, S. Puri and P. Simard, "High performance convolutional neural networks for document processing",
#   2006, section on unrolling convolution: im2col.
# - S. K. Lam, A. Pitrou and S. Seibert, "Numba: a LLVM-based Python JIT compiler", LLVM-HPC 2015.
#
# Next: tutorial 13 trains a network with these kernels.
