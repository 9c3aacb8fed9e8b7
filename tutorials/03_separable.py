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
# # 3. Pointwise, depthwise, separable
#
# **A standard convolution combines neighbouring pixels and channels in one step. How much is saved by doing it in two
# steps?**
#
# A standard convolution (tutorial 01) has a weight for each tap *and* each pair of channels. The work can be divided:
#
# - a *pointwise* convolution (逐点卷积) has a window of one pixel: it mixes channels, but not neighbouring pixels;
# - a *depthwise* convolution (逐通道卷积) has one kernel for each channel: it combines neighbouring pixels, but does
#   not mix channels.
#
# The two in sequence are a *depthwise separable* convolution (深度可分离卷积). All networks of this course since
# MobileNet are built from these two kinds.

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, show, slopes, source
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_adjoint, assert_gradient

show(
    pictures.connectivity(6, 3),
    "Which output channel reads which input channel, for six channels. Standard: nine weights in all 36 squares. "
    "In 3 groups: three blocks of four squares on the diagonal. Depthwise: the six squares of the diagonal. "
    "Pointwise: one weight in all 36 squares.",
)

# %% [markdown]
# Each square is a pair of an input and an output channel, and each dot in it is a weight. The standard convolution has
# nine weights for every pair. The depthwise convolution keeps only the pairs on the diagonal, and the pointwise
# convolution keeps one weight for every pair. (The second picture shows the grouped convolution, the subject of
# tutorial 04.)
#
# ## By hand
#
# A pixel has two channels, 5 and 7, and a pointwise filter has the weights 2 and −1. The output pixel is
# $2 \cdot 5 - 1 \cdot 7 = 3$. A pointwise convolution multiplies the channels of every pixel by the same small matrix.
#
# Document 004 has this example: a photo has 64x64 pixels and 3 channels, and a layer with 3x3 kernels and without
# biases makes 4 maps of it.
#
# | | weights | result |
# |---|---|---|
# | standard 3x3 | $4 \cdot 3 \cdot 3 \cdot 3$ | 108 |
# | depthwise 3x3 | $3 \cdot 3 \cdot 3$ | 27 |
# | pointwise | $1 \cdot 1 \cdot 3 \cdot 4$ | 12 |
# | both | $27 + 12$ | 39 |
#
# All four numbers are right (claims N20, N21, N22 and N23). Document 004 then says that 39 is "about a third" of 108
# (claim N24). More precisely it is 36%. In general, with $C$ input channels, the share is
#
# $$\frac{C k^2 + C \cdot C_\text{out}}{C \cdot C_\text{out} \cdot k^2} = \frac{1}{C_\text{out}} + \frac{1}{k^2},$$
#
# and here it is $1/4 + 1/9 = 13/36$. The number of *input* channels cancels. With many output channels,
# $1/C_\text{out}$ becomes small, and a 3x3 separable convolution costs about a ninth of a standard one:

# %%
for channels in (4, 16, 64, 256):
    print(f"{channels:4} maps: 1/{channels} + 1/9 = {1 / channels + 1 / 9:.3f}")

# %% [markdown]
# The share is the same for the multiply-adds, since all three convolutions make maps of the same size. Document 004
# does not say how many multiply-adds there are. With padding, so that the maps stay at 64x64 (claim N25):

# %%
photo_shape, padding = (1, 3, 64, 64), {"padding": 1}
standard = ops.standard_conv2d_cost(photo_shape, (4, 3, 3, 3), **padding)
depthwise = ops.depthwise_conv2d_cost(photo_shape, (3, 1, 3, 3), **padding)
pointwise = ops.pointwise_conv2d_cost(photo_shape, (4, 3, 1, 1))
print(f"standard:  {standard.macs.formula} = {standard.macs:,}")
print(f"depthwise: {depthwise.macs.formula} = {depthwise.macs:,}")
print(f"pointwise: {pointwise.macs.formula} = {pointwise.macs:,}")
bars = {
    "standard 3x3": (standard.params, standard.macs, "standard"),
    "depthwise 3x3": (depthwise.params, depthwise.macs, "depthwise"),
    "pointwise": (pointwise.params, pointwise.macs, "pointwise"),
    "depthwise + pointwise": (depthwise.params + pointwise.params, depthwise.macs + pointwise.macs, "separable"),
}
show(
    pictures.cost_bars(bars),
    "Bars of parameters and multiply-adds. Depthwise and pointwise together have about a third of those of the "
    "standard 3x3 convolution.",
)

# %% [markdown]
# **Which half is more expensive?** For each input channel, the pointwise half has $C_\text{out}$ weights and the
# depthwise half $k^2$. So the pointwise half is more expensive as soon as $C_\text{out} > k^2$. ghostnp can count what
# share of a network's multiply-adds is in convolutions with a 1x1 kernel. (`seed=None` leaves out the random weights,
# which a count does not need.)

# %%
for name in ("ghostnet_100", "mobilenetv1_100", "shufflenetv1_g3_1.0x", "shufflenetv2_1.0x"):
    table = ghostnp.count(ghostnp.create_model(name, seed=None), (1, 3, 224, 224))
    inside = sum(row.macs for row in table.rows if row.kernel == (1, 1))
    print(f"{name:21} {inside:11,} of {table.macs:11,} multiply-adds: {inside / table.macs:.0%}")

# %% [markdown]
# Most of the work is in 1x1 convolutions. So ShuffleNet puts them into groups (tutorial 05), and the ghost module makes
# only half of its maps with them (tutorial 08).
#
# ## The definitions

# %%
source(ops.pointwise_conv2d)
source(ops.depthwise_conv2d)

# %% [markdown]
# `pointwise_conv2d` has no loop over taps. `depthwise_conv2d` has no sum over channels: the weights of a channel are
# multiplied by pixels of the same channel only.
#
# A channel may have several kernels. Their number is the *depth multiplier*, here $D$, and $C$ input channels become
# $C \cdot D$ output channels. Document 004 says that a depthwise convolution has as many output channels as input
# channels "or n times" as many. Its n is the depth multiplier (claim C47). Output channel $c \cdot D + i$ is made by
# kernel $i$ of input channel $c$, both in TensorFlow and in PyTorch.
#
# A depthwise convolution is a standard convolution in which all weights between different channels are zero. We can
# check this:

# %%
rng = np.random.default_rng(0)
x, kernels = rng.standard_normal((2, 3, 6, 6)), rng.standard_normal((6, 1, 3, 3))
dense = np.zeros((6, 3, 3, 3))
for o in range(6):
    dense[o, o // 2] = kernels[o, 0]
difference = ops.depthwise_conv2d(x, kernels) - ops.standard_conv2d(x, dense)
print(f"largest difference between depthwise with D = 2 and the standard one: {np.abs(difference).max():.0e}")

# %% [markdown]
# **Is "depthwise" short for "depthwise separable"?** No. A depthwise separable convolution is depthwise *and then*
# pointwise. Four of the five documents say depthwise separable (深度可分离卷积) where they mean the depthwise half
# alone (claims C02, C41 and C44). The difference matters for counting: document 003 calls the cheap operation of a
# ghost module a "3x3 depthwise separable convolution", but this operation has no pointwise half.
#
# ## On a photo
#
# First a depthwise convolution, in which each colour has its own kernel. Then a pointwise convolution, which mixes the
# three maps.

# %%
photo = load_photo(size=64)
blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
looked = ops.depthwise_conv2d(photo, np.stack([blur, right, right.T])[:, None].astype(np.float32), padding=1)
mixed = ops.pointwise_conv2d(looked, np.array([[1, 0, 0], [0, 1, 1], [1, -1, 0]], np.float32)[:, :, None, None])

figure, grid = style.sheet(10, 5, nrows=2, ncols=4, width_ratios=[1, 1, 1, 1])
style.show(figure.add_subplot(grid[0, 0]), denormalise(photo), "the photo")
for c, title in enumerate(("red: blur", "green: edges to the right", "blue: edges below")):
    style.show(figure.add_subplot(grid[0, c + 1]), looked[0, c], title, style.GHOST)
for o, title in enumerate(("red alone", "green + blue", "red − green")):
    style.show(figure.add_subplot(grid[1, o + 1]), mixed[0, o], title, style.INTRINSIC)
show(
    figure,
    "The photo. Beside it the depthwise result: red blurred, the edges of green to the right, and the edges of blue "
    "below. Under it the pointwise result, three mixtures of these maps: red alone, green + blue, red − green.",
)

# %% [markdown]
# ## Backward
#
# Each formula has fewer sums than that of the standard convolution. The same holds for its gradients. Pointwise:
#
# $$dx[n, c, i, j] = \sum_o w[o, c] \cdot dy[n, o, i, j] \qquad dw[o, c] = \sum_{n, i, j} dy[n, o, i, j] \cdot x[n, c,
# i, j]$$
#
# So `dx` is again a pointwise convolution, with the transposed matrix. Depthwise, with $D = 1$:
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= w[c, u, v] \cdot dy[n, c, i, j] \qquad
# dw[c, u, v] = \sum_{n, i, j} dy[n, c, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# The gradient of a channel stays in its channel. In ghostnp, each line of the forward pass has a counterpart in the
# backward pass:

# %%
source(ops.depthwise_conv2d_backward)

# %% [markdown]
# The checks are those of tutorial 02, "Is it right?". First the slope: `slopes` moves the input and each weight in a
# random direction, and prints the slope of the loss beside the inner product of gradient and direction.

# %%
weights = rng.standard_normal((3, 1, 3, 3)), rng.standard_normal((4, 3, 1, 1)), rng.standard_normal(4)


def separable(x, depthwise_weight, pointwise_weight, bias):
    return ops.separable_conv2d(x, depthwise_weight, pointwise_weight, bias, padding=1)


dy = rng.standard_normal((2, 4, 6, 6))
grads = ops.separable_conv2d_backward(dy, x, weights[0], weights[1], padding=1)
slopes(separable, dict(zip(grads._fields, (x, *weights), strict=True)), dy, grads)

# %% [markdown]
# Then a planted mistake, to see that the check would notice it: `dx` has its channels in the opposite order. Finally
# the inner products, with whole numbers, so that they must agree exactly.

# %%
wrong = grads.x[:, ::-1]
try:
    assert_gradient(lambda x: separable(x, *weights), (x,), dy, (wrong,))
except AssertionError as error:
    print("caught:", error)
whole = rng.integers(-3, 4, (1, 3, 4, 4)).astype(np.float32)
taps = rng.integers(-3, 4, (3, 1, 3, 3)).astype(np.float32)
y = ops.depthwise_conv2d(whole, taps, padding=1)
whole_dy = rng.integers(-3, 4, y.shape).astype(np.float32)
back = ops.depthwise_conv2d_backward(whole_dy, whole, taps, padding=1)
assert_adjoint(y, whole_dy, (back.x, whole), (back.weight, taps))
print("exactly:", (whole_dy * y).sum(), "=", (back.x * whole).sum(), "=", (back.weight * taps).sum())

# %% [markdown]
# ## What is lost
#
# A standard 3x3 convolution from 3 to 4 channels can have a different kernel for each of its 12 pairs of channels. A
# separable convolution has only 3 kernels. For the pair of input channel $c$ and output channel $o$ it uses kernel $c$,
# multiplied by one number, $w[o, c]$:
#
# $$w_\text{standard}[o, c, u, v] = w_\text{pointwise}[o, c] \cdot w_\text{depthwise}[c, u, v].$$
#
# So all 4 output maps see a given input map through the same kernel. A standard convolution has no such restriction.
# Whether a network becomes worse by it can only be found by training.
#
# **To play with.** `ghostnp explore depthwise --open` has the depthwise convolution, and the pointwise one beside it,
# with numbers that you can change.
#
# ## Exercises
#
# **1.** *(easy)* By hand: how many weights does a depthwise separable convolution from 32 channels to 64 have, with 5x5
# kernels and no biases?

# %%
answer = None
check("03.1", answer)

# %% [markdown]
# **2.** *(derivation)* The depthwise half now has the depth multiplier $D$, so the pointwise half reads $C \cdot D$
# channels. Derive which share of the multiply-adds of a standard convolution this separable convolution takes, with
# stride 1. What is the share for 5x5 kernels, 64 output channels and $D = 2$? (Three digits are enough.)

# %%
answer = None
check("03.2", answer)

# %% [markdown]
# **3.** *(easy)* A depthwise convolution over 24 channels has a depth multiplier of 3. Which input channel does output
# channel 50 read? (Both are counted from 0.)

# %%
answer = None
check("03.3", answer)

# %% [markdown]
# **4.** *(code)* Complete `tutorials/exercises/01_pointwise_conv2d.py` and `02_depthwise_conv2d.py` until
# `ghostnp check` reports no error. With your functions, filter `np.arange(18.0).reshape(1, 2, 3, 3)` with ones of shape
# (2, 1, 2, 2), and then mix the two maps with the weights 1 and −1. All pixels of the result are the same number. Which
# number is it?

# %%
answer = None
check("03.4", answer)

# %% [markdown]
# **5.** *(code)* Complete `tutorials/exercises/04_depthwise_conv2d_backward.py` in the same way. Then let `x` be
# `np.arange(9.0).reshape(1, 1, 3, 3)`, `weight` ones of shape (2, 1, 2, 2) and `dy` ones of shape (1, 2, 2, 2): one
# channel with two kernels. What is the sum of all numbers of the weight's gradient?

# %%
answer = None
check("03.5", answer)

# %% [markdown]
# ## References
#
# - A. G. Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017,
#   section 3.1, equations (2) to (5). <https://arxiv.org/abs/1704.04861>
# - F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.
#   <https://arxiv.org/abs/1610.02357>
#
# Next: tutorial 04, grouped convolution, which lies between the standard and the depthwise one.
