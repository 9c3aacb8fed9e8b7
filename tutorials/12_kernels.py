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
# **The same formula can take a millisecond or ten seconds. Why? And why can a layer with fewer multiply-adds be
# slower?**
#
# The earlier tutorials explain the definitions in `ops`, which are written to be read. Here we make them fast. A
# function that is compiled for speed is also called a *kernel* (算子). On this page, "kernel" means such a function, and
# we say "filter" for the weights of a convolution. ghostnp has a fast version of each definition in `kernels`.
#
# The measured times on this page are from one machine with two cores. The times that the cells print are computed from
# shapes.

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
show(
    figure,
    "A line rises with the multiply-adds for each byte, as far as 5, and is level from there. The classifier, at 0.25, "
    "and the depthwise convolution, at 1.1, lie on the rising part, where memory is the limit. The pointwise and the "
    "standard convolution lie on the level part, where arithmetic is the limit.",
)

# %% [markdown]
# This picture is called a *roofline* (屋顶线). A machine has two limits. Its *peak* is the largest number of
# multiply-adds that it computes in a second. Its *bandwidth* (带宽) is the largest number of bytes that it moves
# between memory and processor in a second. A layer needs some time for arithmetic and some for moving bytes. The longer
# of these two times decides how fast the layer can be. The horizontal axis shows how many multiply-adds a layer does
# for each byte that it moves: its *arithmetic intensity* (计算强度). The points show the speed of a perfect kernel.
#
# ## By hand
#
# One map has 4x4 pixels. A depthwise 3x3 convolution with padding 1 runs over it. Each number (float32) has 4 bytes.
#
# - Multiply-adds: 16 outputs times 9 taps are 144.
# - Numbers moved: 16 inputs, 9 weights and 16 outputs are 41 numbers, which are 164 bytes.
# - Intensity: $144 / 164 = 0.88$.
#
# On large maps the weights are few compared with the pixels. If we leave the weights out, a depthwise convolution does
# $k^2$ multiply-adds for two numbers, one input and one output:
#
# $$I_\text{depthwise} \approx \frac{k^2 \cdot CHW}{4 \cdot 2\,CHW} = \frac{k^2}{8}.$$
#
# For a 3x3 filter this intensity is 1.1, *whatever the number of channels*. A pointwise convolution from $C$ to $C$
# channels uses each input number $C$ times, and a standard convolution uses it $C k^2$ times:
#
# $$I_\text{pointwise} \approx \frac{C}{8}, \qquad I_\text{standard} \approx \frac{C k^2}{8}.$$
#
# The machine in the picture has a peak of 150 billion multiply-adds and a bandwidth of 30 billion bytes a second. So it
# can do $150 / 30 = 5$ multiply-adds in the time in which it moves one byte. A depthwise 3x3 convolution has only 1.1
# multiply-adds for each byte. So it can use only about a fifth of the peak, however it is programmed.

# %%
print(f"{'':14}{'multiply-adds':>14}{'bytes':>12}{'for each byte':>15}   limit")
for name, (macs, moved, _) in layers.items():
    limit = "arithmetic" if macs / moved > PEAK / BANDWIDTH else "memory"
    print(f"{name:14}{macs:14,}{moved:12,}{macs / moved:15.2f}   {limit}")

# %% [markdown]
# The bytes in this table include the weights. So the intensities of the pointwise and the standard convolution are
# below $128 / 8 = 16$ and $128 \cdot 9 / 8 = 144$. The classifier has the smallest intensity. For one image, each
# weight is read and used once. For a batch of 32 images, each weight is used 32 times. This is one reason why a batch
# takes less time for each image.
#
# ## Why can fewer FLOPs be slower?
#
# Compare two ways to make 128 maps from 128 maps of 32x32 pixels. The first is a pointwise convolution. The second is a
# ghost module (tutorial 08): a pointwise convolution to 64 channels, a depthwise convolution over these channels, and a
# concatenation. The ghost module has about half the multiply-adds. For both, we add up the least time of each call: the
# time of the arithmetic or of the bytes, whichever is longer.

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
print(f"ghost module: {sum(macs for macs, _ in ghost) / pointwise[0][0]:.0%} of the pointwise one's multiply-adds,",
      f"{sum(moved for _, moved in ghost) / pointwise[0][1]:.0%} of its bytes")  # fmt: skip
for name, machine in machines.items():
    print(f"{name + ', at best:':22} pointwise {at_best(pointwise, *machine):6.2f} µs,",
          f"ghost module {at_best(ghost, *machine):6.2f} µs,",
          f"without the concatenation {at_best(ghost[:2], *machine):6.2f} µs")  # fmt: skip

# %% [markdown]
# So **fewer FLOPs can be slower**, for four reasons.
#
# 1. A layer may wait for *bytes*, and FLOPs do not count bytes. The ghost module has half the multiply-adds, but moves
#    twice as many bytes. On the two cores the ghost module is hardly faster. On a large GPU (10 trillion multiply-adds
#    and a trillion bytes a second) it is slower.
# 2. A ghost module makes three calls instead of one. Each call takes some extra time, because it has to be started, and
#    because threads wait for each other. On small maps this extra time is most of the time.
# 3. Concatenation, shuffle, addition, batch norm and activations have no multiply-adds, but they move bytes.
# 4. A layer is fast only if somebody has written a fast kernel for it. An unusual convolution, such as a depthwise 1x5,
#    often runs on slow code.
#
# The measured case in tutorial 11, "A counter is a backend", shows the first two reasons. Even the pointwise
# convolution waits for bytes ($16/8 = 2$ is below 5), and the ghost module moves 2.2 times as many bytes. About half of
# the measured difference is the time of two more calls (23 microseconds, measured on maps of 2x2 pixels).
#
# **Why is depthwise convolution slow on GPUs and CPUs?** It does not have enough work for the bytes that it moves. Its
# intensity is $k^2 / 8$, which is 1.1 for a 3x3 filter and 6.1 for a 7x7 filter. To reach their peak, the two cores
# need 5 multiply-adds for each byte, and the GPU needs 10. So a 7x7 filter has enough work for the two cores, but not
# for the GPU. Compared with a pointwise convolution on the same maps, a depthwise convolution has $C / k^2$ times fewer
# multiply-adds, but moves about as many bytes. In a measurement with 480 channels of 14x14 pixels, it had 53 times
# fewer multiply-adds, but was only about 5 times as fast.
#
# What limits a whole network? We add up the calls of GhostNet 1.0x by their kind.

# %%
table = ghostnp.count(ghostnp.create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
kinds = {"standard_conv2d": "standard", "pointwise_conv2d": "pointwise", "depthwise_conv2d": "depthwise"}
sums = {kind: [0, 0, 0] for kind in (*kinds.values(), "all others")}
for row in table.rows:
    macs, moved = int(row.macs), 4 * (row.alive + int(row.params))
    for place, value in enumerate((macs, moved, at_best([(macs, moved)], PEAK, BANDWIDTH))):
        sums[kinds.get(row.op, "all others")][place] += value

figure, grid = style.sheet(10, 2.6, nrows=1, ncols=3, left=0.11, right=0.97, bottom=0.05, top=0.85, wspace=0.12)
shares = {}
for place, title in enumerate(("multiply-adds", "bytes moved", "time on the two cores, at best")):
    axes = style.plain_axes(figure.add_subplot(grid[place]), title)
    whole = sum(values[place] for values in sums.values())
    shares[title] = [values[place] / whole for values in sums.values()]
    colours = [style.KINDS.get(kind, "#BBBBBB") for kind in sums]
    axes.barh(range(len(sums)), shares[title], color=colours, height=0.66)
    for number, share in enumerate(shares[title]):
        axes.text(share + 0.015, number, f"{share:.0%}", va="center", **style.TEXT | {"fontsize": 10})
    axes.set_yticks(range(len(sums)), list(sums) if place == 0 else [""] * len(sums), fontsize=10.5)
    axes.set(xlim=(0, 1.1), ylim=(len(sums) - 0.5, -0.5), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
said = "; ".join(
    f"{title}: {', '.join(f'{kind} {share:.0%}' for kind, share in zip(sums, parts, strict=True))}"
    for title, parts in shares.items()
)
show(figure, f"Bars of shares. {said}.")

# %% [markdown]
# "All others" are batch norm, activations, concatenations, additions, the means of squeeze-and-excitation, and the
# classifier. These calls have almost no multiply-adds, but move most of the bytes.
#
# ## The formula, four times
#
# **1. Loops.** We write the formula in Python as it stands. Python takes dozens of steps for each multiply-add.
# Depending on the layer, these loops were 4,000 to 10,000 times slower than the kernel.

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
largest = np.abs(expected).max()
print(f"loops: largest number {largest:.1f}, largest difference {np.abs(loops(x, weight) - expected).max():.0e}")

# %% [markdown]
# **2. Taps.** The definition in `ops` has the loops in another order: the loop over the 9 taps is on the outside
# (tutorial 03, "The definitions"). Only this loop is in Python. NumPy goes over all pixels 9 times. The *cache* (缓存)
# of a processor is its small fast memory. (This is not the cache of a module.) If the maps do not fit into the fast
# memory, they are read from the slow memory 9 times. The kernel was 7 to 26 times faster than the definition.
#
# **3. im2col and BLAS.** Each output pixel needs some numbers of the input. We write these numbers into a column of a
# matrix. This is called *im2col*. With one column for each output pixel, *any* convolution is a product of two
# matrices. There are excellent libraries for such products, called *BLAS*. NumPy's `@` calls one of them.
#
# For a depthwise convolution im2col is slow, because writing the columns takes longer than the product. A pointwise
# convolution needs no columns, because the maps themselves are the matrix. It multiplies a
# $C_\text{out} \times C_\text{in}$ matrix by a $C_\text{in} \times HW$ matrix.
#
# **4. Numba.** Numba compiles a Python function with loops to machine code. So we can write loops again, in the order
# in which the numbers lie in memory.
#
# ## Memory order: C, H, W, N
#
# Memory is one long row of numbers. The *strides* of an array say how many bytes lie between two neighbours along each
# axis. NumPy and PyTorch store an array `(N, C, H, W)` in the order of its axes: all of image 0, then all of image 1.
# The kernels store it in the order C, H, W, N: channel 0 of *all* images, then channel 1. Within a channel, the numbers
# of one pixel in all images lie side by side.

# %%
plain = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
ours = layout.images(np.ascontiguousarray(layout.planes(plain)))
print("axis:               n   c   h   w")
for name, array in (("as NumPy lays it", plain), ("as kernels lay it", ours)):
    print(f"{name:18}", *(f"{stride:3}" for stride in array.strides), "bytes to the neighbour")
print("largest difference between the two arrays:", np.abs(plain - ours).max())

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
show(
    figure,
    "The 24 numbers of two images with three channels, as they lie in memory. In the order N, C, H, W channel 1 lies in "
    "two pieces, one in each image. In the order C, H, W, N it is one piece.",
)

# %% [markdown]
# This order has three advantages.
#
# - Neighbouring channels, such as a group or half of a concatenation, are *one piece* of memory, or *contiguous*, for
#   any size of the batch. Ghost modules and ShuffleNet slice and concatenate channels in every unit.
# - A pointwise convolution is one matrix product $(C_\text{out} \times C_\text{in})(C_\text{in} \times HWN)$ for the
#   whole batch.
# - The next pixel to the right is $N$ numbers further on. So for a tap in column $v$ of the filter, a kernel reads a
#   whole row of inputs, shifted by $vN$ numbers. It multiplies this row by the weight, and adds the products to a whole
#   row of outputs. A processor computes 8 or 16 numbers at once if they lie side by side.
#
# (With stride 2 the kernels first sort the pixels into *phases*. The end of the page explains phases.)
#
# The arrays still have the shape `(N, C, H, W)`. Two functions convert between this shape and the order in memory:

# %%
source(layout.planes)
source(layout.images)

# %% [markdown]
# ## A kernel of our own
#
# Let us write a depthwise convolution with stride 1. Its innermost loop adds a multiple of one row to another row of
# the same length:


# %%
@numba.njit
def add_row(target, row, factor):
    """target += factor · row."""
    for p in range(target.size):
        target[p] += factor * row[p]


@numba.njit
def filter_rows(xp, weight, pixel, y):
    """Each row of y (C_out, H_out, W_out·N) from rows of padded x (C_in, H, W·N); a pixel has `pixel` numbers."""
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


def own(x, weight, bias=None, *, padding=0, pixel=None):
    """Depthwise convolution, stride 1; `pixel` is for a planted mistake."""
    window = check_conv2d(x, weight, bias, groups=EACH_CHANNEL, stride=1, padding=padding, dilation=1)
    y = np.zeros((len(weight), *window.output, len(x)), x.dtype)
    filter_rows(lines(pad(x, window)), layout.contiguous(weight[:, 0]), pixel or len(x), lines(layout.images(y)))
    return layout.images(y) if bias is None else layout.images(y) + bias[:, None, None]


print(f"largest difference from the definition: {np.abs(own(x, weight, padding=1) - expected).max():.0e}")

# %% [markdown]
# One case proves little. `assert_matches` tries many calls, which the library Hypothesis draws at random. Some of these
# calls are unusual, for example with empty batches. With `exact=True` all numbers are small integers. Then no sum is
# rounded, and the two functions must agree to the last bit. Would this test notice a mistake? A typical mistake is to
# shift a row by 1 number instead of by $N$ numbers. For a single image the result is right, because then $N = 1$.

# %%
hypothesis.settings.register_profile("tutorial", derandomize=True)  # the same cases each time this page is run
hypothesis.settings.load_profile("tutorial")
notes = TemporaryDirectory()  # for what the library Hypothesis writes down while it searches
hypothesis.configuration.set_hypothesis_home_dir(notes.name)


def careless(x, weight, bias=None, *, padding=0):
    return own(x, weight, bias, padding=padding, pixel=1)


assert_matches(own, "depthwise_conv2d", exact=True, stride=1, dilation=1, examples=200)
print("200 calls of own(...) gave what depthwise_conv2d gives")
print(f"careless, one image: largest difference {np.abs(careless(x[:1], weight, padding=1) - expected[:1]).max():.0e}")
try:
    assert_matches(careless, "depthwise_conv2d", exact=True, stride=1, dilation=1, examples=200)
except AssertionError as error:
    print("caught:", str(error).partition("\n")[0])
else:
    raise AssertionError("the mistake went unnoticed")

# %% [markdown]
# All kernels of ghostnp are compared with their definitions in this way. The next cell compares three versions on the
# photo:

# %%
photo = load_photo(size=96)
edge = np.tile(np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 4, (3, 1, 1, 1))
functions = {"ops": ops.depthwise_conv2d, "kernels": kernels.depthwise_conv2d, "our own": own}
made = {name: depthwise_conv2d(photo, edge, padding=1) for name, depthwise_conv2d in functions.items()}
figure, grid = style.sheet(10, 2.9, nrows=1, ncols=4)
style.show(figure.add_subplot(grid[0]), photo[0, 0], "red", style.INPUT)
for place, (title, values) in enumerate(made.items(), start=1):
    style.show(figure.add_subplot(grid[place]), values[0, 0], title, style.OUTPUT)
    print(f"{title:8} largest difference from ops: {np.abs(values - made['ops']).max():.0e}")
show(figure, "The red channel of the photo, and three maps of its vertical edges, which look the same.")

# %% [markdown]
# ## Doing less: the engine
#
# Finally, we remove most of the calls that the picture of GhostNet called "all others". After training, batch norm is a
# fixed function of each channel. So it can be put into the weight $w$ and the bias $b$ of the convolution before it.
# This is called *folding* (融合). With the scale $\gamma$, the shift $\beta$, the mean $\mu$ and the variance $v$ of the
# batch norm, folding is
#
# $$\gamma \cdot \frac{w \cdot x + b - \mu}{\sqrt{v + \epsilon}} + \beta
# = (a w) \cdot x + \big(a (b - \mu) + \beta\big), \qquad a = \frac{\gamma}{\sqrt{v + \epsilon}}.$$
#
# By hand, let $w = 2$, $b = 0$, $\gamma = 3$, $\beta = 1$, $\mu = 4$ and $v + \epsilon = 4$. Then $a = 3/2$, the new
# weight is 3, and the new bias is $\tfrac32 (0 - 4) + 1 = -5$. For $x = 3$ the convolution gives $2 \cdot 3 = 6$, and
# the batch norm makes $3 (6 - 4) / 2 + 1 = 4$ from this. The folded convolution gives $3 \cdot 3 - 5 = 4$, too.

# %%
source(fold._folded)

# %% [markdown]
# `ghostnp.compile` makes an *engine* from a network, in four steps.
#
# 1. It *records* the calls of the network on a tape, with tokens instead of arrays (tutorial 11, "A counter is a
#    backend").
# 2. It *folds* batch norms into weights, and applies each ReLU in the same loop that writes the input of the ReLU.
# 3. It *plans the memory*. Each result gets a place in one block of memory. The two halves of a concatenation get their
#    places inside the result of the concatenation, so nothing has to be copied. This works because channels are
#    contiguous. The memory of a result is reused after the last call that reads this result.
# 4. It turns each call into a *launch* of compiled code. The work of a launch is cut into equal *shares*, which threads
#    take. One call of compiled code runs all launches, without Python in between.
#
# Here is the plan of a ghost module whose batch norms have random statistics:

# %%
with initializer(0):
    module = GhostModule(16, 24)
for batch_norm in (module.primary_conv.tree()["1"], module.cheap_operation.tree()["1"]):
    batch_norm.running_mean[...] = rng.standard_normal(12)
    batch_norm.running_var[...] = rng.uniform(0.5, 2, 12)
engine = ghostnp.compile(module)
every_thread = runtime.threads()
runtime.set_threads(2)  # so that this page says the same on every machine
print(engine.plan((1, 16, 28, 28)))
runtime.set_threads(every_thread)

maps_in = rng.standard_normal((2, 16, 28, 28)).astype(np.float32)
plainly = module(maps_in)
print(f"numbers up to {np.abs(plainly).max():.1f}; largest difference of the engine: "
      f"{np.abs(engine(maps_in) - plainly).max():.0e}")  # fmt: skip

# %% [markdown]
# Seven calls have become two launches. Step 3 of the plan, the concatenation, has nothing to do. The results of the
# engine and of the layers differ only by rounding.
#
# For a whole GhostNet the engine took about a fifth of the time of PyTorch (see the README).

# %% [markdown]
# ## Exercises
#
# **To play with.** These commands measure the speed of networks and of operators on your machine:
#
#     ghostnp bench networks --network ghostnet_100 --batch 1
#     ghostnp bench ops
#
# **1.** *(easy)* By hand: a pointwise convolution from 64 to 128 channels without biases runs on one image of 14x14
# pixels. All numbers are float32. How many bytes of input maps, weights and output maps does the convolution move at
# least?

# %%
answer = None
check("12.1", answer)

# %% [markdown]
# **2.** *(derivation)* A pointwise convolution goes from $C$ to $D$ channels, on maps so large that the weights need
# not be counted. Derive its arithmetic intensity from $C$ and $D$. Show that with $C = 20$ or fewer input channels the
# intensity can never reach 5 multiply-adds for each byte, however large $D$ is. For which $D$ is the intensity exactly
# 5 if $C = 24$?

# %%
answer = None
check("12.2", answer)

# %% [markdown]
# **3.** *(medium)* A convolution has $w = 0.5$ and $b = 2$. The batch norm after it has $\gamma = 6$, $\beta = -1$,
# $\mu = 1$ and $v + \epsilon = 16$. What are the weight and the bias after folding? Answer as `(weight, bias)`.

# %%
answer = None
check("12.3", answer)

# %% [markdown]
# **4.** *(medium)* Eight images have 32 maps of 14x14 pixels in float32, in the order C, H, W, N. What is the distance
# in bytes between a pixel and the pixel below it?

# %%
answer = None
check("12.4", answer)

# %% [markdown]
# **5.** *(code)* A max pool has no multiply-adds, but it moves bytes (tutorial 05, "The network", explains max
# pooling). Complete `tutorials/exercises/11_max_pool2d_backward.py` until `ghostnp check` reports no error. Then call
# `ops.max_pool2d` for `np.arange(16.0).reshape(1, 1, 4, 4)`, with windows of 3x3 and stride 1. The results are `y` and
# `argmax`. Use `y` itself as `dy`. What is the gradient of the last pixel of the *third* row, `dx[0, 0, 2, 3]`?

# %%
answer = None
check("12.5", answer)

# %% [markdown]
# ## For the curious
#
# Nothing on the later pages needs this section.
#
# **The backward pass of our own kernel.** The forward pass only adds rows, $y \mathrel{+}= w \cdot x_\text{row}$. For
# each of these additions, the derivation of tutorial 02, "The derivation", gives two lines:
#
# $$dx_\text{row} \mathrel{+}= w \cdot dy, \qquad dw \mathrel{+}= \langle dy, x_\text{row} \rangle.$$
#
# So `dx` uses the same `add_row`, with source and target exchanged, and `dw` is an inner product of two rows. The loops
# around these two lines are the same as before:


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


def own_backward(dy, x, weight, *, padding=0):
    window = check_conv2d(x, weight, dy=dy, groups=EACH_CHANNEL, stride=1, padding=padding, dilation=1)
    xp = pad(x, window)
    dxp = np.zeros((*xp.shape[1:], len(x)), x.dtype)
    dweight = np.zeros((len(weight), *window.kernel), x.dtype)
    spread_rows(lines(dy), lines(xp), layout.contiguous(weight[:, 0]), len(x), lines(layout.images(dxp)), dweight)
    return crop(layout.images(dxp), window), dweight[:, None], dy.sum(axis=(0, 2, 3))


dy, bias = rng.standard_normal(expected.shape), rng.standard_normal(3)
assert_gradient(lambda *given: own(*given, padding=1), (x, weight, bias), dy, own_backward(dy, x, weight, padding=1))
assert_matches(own, "depthwise_conv2d", backward=own_backward, exact=True, stride=1, dilation=1, examples=200)
notes.cleanup()
print("200 calls forward and backward gave what the definitions give")
dweight = own_backward(dy, x, weight, padding=1)[1]
try:
    assert_gradient(lambda w: own(x, w, padding=1), (weight,), dy, (dweight[:, :, ::-1, ::-1],))
except AssertionError as error:
    print("taps in the wrong order:", error)

# %% [markdown]
# **The gradients of a pointwise convolution** are matrix products, too. The forward pass is $Y = WX$, where $X$ has
# $P = HWN$ columns. Then $dX = W^\top dY$ and $dW = dY\,X^\top$. The matrix $dW$ is small, and each of its numbers is a
# sum over all pixels of all images. So the product for $dW$ has a kernel of its own, which computes many inner products
# at once. In `kernels.matmul`, `gemm` is the kernel for $Y$, and `gemm_nt` is the kernel for $dW$.
#
# **Does the number of threads change the result?** The result of a sum depends on the order of the additions, because
# every addition rounds:

# %%
many = rng.standard_normal(100_000).astype(np.float32)
onward, backward = (np.cumsum(row, dtype=np.float32)[-1] for row in (many, many[::-1]))
print(f"the same numbers, added from the left: {onward:.4f}, from the right: {backward:.4f}")

# %% [markdown]
# If each thread added its numbers whenever it was ready, the results of two runs could differ. So ghostnp cuts the work
# into a fixed number of shares, whatever the number of threads. It adds the sums of the shares in a fixed order:

# %%
images = rng.standard_normal((4, 24, 28, 28)).astype(np.float32)
pointwise_weight = rng.standard_normal((24, 24, 1, 1)).astype(np.float32)
gradient = rng.standard_normal(images.shape).astype(np.float32)
runs = []
for threads in (1, every_thread):
    runtime.set_threads(threads)
    runs.append(kernels.pointwise_conv2d_backward(gradient, images, pointwise_weight))
print("largest difference between one thread and all threads:",
      max(float(np.abs(a - b).max()) for a, b in zip(*runs, strict=True)))  # fmt: skip

# %% [markdown]
# **When is im2col worth its cost?** The columns of im2col have $k^2$ times as many numbers as the maps. For a standard
# convolution this is worth the cost, because each number is used $C_\text{out}$ times. For a depthwise convolution it
# is not, because each number is used only *once*.
#
# By hand: a 2x2 filter has four windows on a map of 3x3 pixels. So there are four columns, and each column has the four
# numbers of its window:

# %%
small, two = np.arange(1.0, 10).reshape(1, 1, 3, 3), np.array([[1.0, 0], [2, -1]])
columns = np.lib.stride_tricks.sliding_window_view(small[0, 0], (2, 2)).reshape(4, 4).T
print(small[0, 0].astype(int), "columns:", columns.astype(int), sep="\n")
print("weights @ columns =", (two.ravel() @ columns).astype(int))
print("the definition    =", ops.standard_conv2d(small, two[None, None]).astype(int).ravel())

# %% [markdown]
# **What are phases?** With stride 2, the pixels that a tap reads for neighbouring outputs do not lie side by side. So
# the kernels first sort the pixels of a few rows into four sets: even or odd row, even or odd column. Each set is
# called a *phase* (相位). Within a phase, the numbers that a tap reads lie side by side again. By hand: the row 0 1 2 3
# 4 has the phases 0 2 4 and 1 3. A filter of 3 taps has two outputs on this row. The outputs read 0 and 2 for the first
# tap, 1 and 3 for the second tap, and 2 and 4 for the third tap. At stride 1 there is a single phase, the padded rows
# themselves. With phases ghostnp need not write the columns of im2col, because the matrix product reads its numbers
# from the phases. The phases hold each pixel once, and the columns would hold each pixel up to $k^2$ times.

# %% [markdown]
# **What do the kernels of ghostnp do better than ours?** Here are the two loops that correspond to our `add_row`:

# %%
source(taps.add_scaled)
source(taps.add_taps)

# %% [markdown]
# `add_scaled` does the same as our `add_row`. `add_taps` adds the products of nine taps, or of three taps, in one pass.
# So each number of `target` is loaded and stored once for nine products, not nine times. This follows the main rule of
# fast code: *use a number as often as you can while it is in a register or in the cache*. (The registers of a processor
# hold the few numbers with which it is computing.) The matrix product follows this rule, too. It computes several rows
# of results at a time, so it uses each number of `x` that it loads several times.
#
# **How do the threads share the work?** The shares of a launch are divided into regions, one for each thread. A thread
# works through its own region first, and then helps the other threads. In the next launch it begins in the same region.
# So it mostly reads numbers that it wrote itself, and these numbers are still in the cache of its core. (To fetch a
# number that another core has just written takes about 50 ns. If the two cores share no cache, it takes several hundred
# nanoseconds.) The calling thread waits only for shares that another thread has already begun. A launch with little
# work is done by one thread, because waking the others would take longer.
#
# **What does "in bands" mean in a plan?** A block of MobileNetV2 widens few channels to many, filters each of the many
# channels, and narrows them to few again. With 112x112 pixels, the wide array is several times as large as the cache.
# So the engine runs the convolutions together, on a band of a few rows at a time. Then the wide array never goes to the
# slow memory. Each thread works on bands of its own.
#
# **Training as a program.** A training step is also a list of calls: forward, loss, backward and update.
# `ghostnp.compile(model, training=True)` records and plans all these calls. Nothing is folded, because in training a
# batch norm depends on its batch. But the whole list makes some savings possible that a single layer cannot make:
#
# - **A result that no call reads is not computed** (*dead code*, 死代码). The backward pass of a layer makes a gradient
#   for the layer before it. The first layer has no layer before it, so this gradient is left out.
# - **The memory of an activation is free after the last backward call that reads the activation.** Some gradients need
#   no activation at all: the backward pass of a sum or a concatenation needs only shapes.
# - **Cheap results are recomputed** (*recompute*, 重计算). The output of a batch norm can be made again from its input,
#   with one pass and almost no arithmetic. So the largest of these outputs are thrown away, and made again when the
#   backward pass needs them. In the plan below, step 16 has the note "again".
# - **Parameters change at the very end.** If a step fails before its end, the model is unchanged.

# %%
with initializer(0):
    classifier = Sequential(GhostModule(3, 8), GlobalAvgPool2d(), Flatten(), Linear(8, 2))
step = ghostnp.compile(classifier, training=True, momentum=0.0, decay=0.0)
runtime.set_threads(2)
print(step.program((8, 3, 16, 16)))
runtime.set_threads(every_thread)

# %% [markdown]
# In the plan, the backward pass of the first convolution has the note "no dx". The notes "in #10" say that both halves
# are written directly into the result of the concatenation. The column *until* says after which step a value is not
# needed any more. With a learning rate of 0 the parameters stay as they are. So we can compare the gradients of the
# step with those of the layers:

# %%
pictures_in, labels = rng.standard_normal((8, 3, 16, 16)).astype(np.float32), np.arange(8) % 2
loss = step(pictures_in, labels, rate=0.0)
logits, cache = classifier.forward(pictures_in, training=True)
expected_loss, probabilities = kernels.softmax_cross_entropy(logits, labels)
dlogits = kernels.softmax_cross_entropy_backward(np.float32(1), logits, labels, probabilities)
_, gradients = classifier.backward(dlogits, cache)
differences = [np.abs(step.velocity[name] - gradient).max() for name, gradient in gradients.items()]
print(f"loss of the step {loss:.6f}, of the layers {expected_loss:.6f}")
print(f"largest gradient {max(np.abs(gradient).max() for gradient in gradients.values()):.3f},",
      f"largest difference {max(differences)}")  # fmt: skip

# %% [markdown]
# **Where is the code of the kernels?** It is in `ghostnp/kernels`, one file for each subject. A *leaf* is a loop over
# the numbers of a row, such as `add_row`. A *driver* does one share of the work, and calls leaves. Read `layout.py`
# first, then `loops.py` and `matmul.py`, and then any other file. The code that compiles and runs the kernels is in
# `runtime/`. `bands.py` runs convolutions in bands. The passes of the engine are in `ghostnp/graph/engine`.
#
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
