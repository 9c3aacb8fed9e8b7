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
# **A standard convolution combines neighbouring pixels and channels in one step. How much do we save if we use two
# steps instead?**
#
# A standard convolution (tutorial 01) has a weight for each tap *and* each pair of channels. The work can be divided
# between two convolutions.
#
# - A *pointwise* convolution (逐点卷积) has a window of one pixel. It mixes channels, but not neighbouring pixels.
# - A *depthwise* convolution (逐通道卷积) has one kernel for each channel. It combines neighbouring pixels, but does not mix
#   channels.
#
# A depthwise convolution followed by a pointwise convolution is called a *depthwise separable* convolution (深度可分离卷积).
# MobileNet and the later networks of this course, such as GhostNet, are built from these two kinds of convolution.

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
# In the picture, each cell is a pair of an input and an output channel, and each coloured square in it is a weight. The
# standard convolution has nine weights for every pair. The depthwise convolution keeps only the pairs on the diagonal,
# and the pointwise convolution keeps only one weight for every pair. (The second part shows the grouped convolution of
# tutorial 04.)
#
# ## By hand
#
# A pixel has two channels with the values 5 and 7, and a pointwise filter has the weights 2 and −1. The output pixel is
# $2 \cdot 5 - 1 \cdot 7 = 3$. A layer has several such filters, and their weights form a matrix. A pointwise
# convolution multiplies the channels of every pixel by this matrix.
#
# Document 004 has this example: a photo has 64x64 pixels and 3 channels. A layer with 3x3 kernels and without biases
# makes 4 maps from this photo.
#
# | | weights | result |
# |---|---|---|
# | standard 3x3 | $4 \cdot 3 \cdot 3 \cdot 3$ | 108 |
# | depthwise 3x3 | $3 \cdot 3 \cdot 3$ | 27 |
# | pointwise | $1 \cdot 1 \cdot 3 \cdot 4$ | 12 |
# | depthwise + pointwise | $27 + 12$ | 39 |
#
# All four numbers are right (claims N20, N21, N22 and N23). Document 004 then says that 39 is "about a third" of 108
# (claim N24). More precisely, the share is 36%. In general, with $C$ input channels, $C_\text{out}$ output channels and
# kernels of size $k$, a separable convolution has this share of the weights of a standard convolution:
#
# $$\frac{C k^2 + C \cdot C_\text{out}}{C \cdot C_\text{out} \cdot k^2} = \frac{1}{C_\text{out}} + \frac{1}{k^2}.$$
#
# In the example, this share is $1/4 + 1/9 = 13/36$. The number of *input* channels cancels. With many output channels,
# $1/C_\text{out}$ becomes small, and a 3x3 separable convolution has about a ninth of the weights of a standard
# convolution:

# %%
for channels in (4, 16, 64, 256):
    print(f"{channels:4} maps: 1/{channels} + 1/9 = {1 / channels + 1 / 9:.3f}")

# %% [markdown]
# The share of the multiply-adds is the same, because all three convolutions make maps of the same size. Document 004
# does not say how many multiply-adds there are. With a padding of 1, the maps keep their 64x64 pixels, and we get these
# numbers (claim N25):

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
# **Which half is more expensive?** For each input channel, the pointwise half has $C_\text{out}$ weights, and the
# depthwise half has $k^2$ weights. So the pointwise half is more expensive if $C_\text{out} > k^2$. For four networks,
# we count the share of the multiply-adds that is in convolutions with a 1x1 kernel. (`seed=None` leaves out the random
# weights, which a count does not need.)

# %%
for name in ("ghostnet_100", "mobilenetv1_100", "shufflenetv1_g3_1.0x", "shufflenetv2_1.0x"):
    table = ghostnp.count(ghostnp.create_model(name, seed=None), (1, 3, 224, 224))
    inside = sum(row.macs for row in table.rows if row.kernel == (1, 1))
    print(f"{name:21} {inside:11,} of {table.macs:11,} multiply-adds: {inside / table.macs:.0%}")

# %% [markdown]
# Most of the work is in 1x1 convolutions, so ShuffleNet divides these convolutions into groups (tutorial 05). The ghost
# module makes only half of its maps with a 1x1 convolution (tutorial 08).
#
# ## The definitions

# %%
source(ops.pointwise_conv2d)
source(ops.depthwise_conv2d)

# %% [markdown]
# `pointwise_conv2d` has no loop over taps. `depthwise_conv2d` has no sum over channels, because it multiplies the
# weights of a channel only by pixels of the same channel.
#
# A channel may have several kernels. Their number is called the *depth multiplier* $D$. Then $C$ input channels become
# $C \cdot D$ output channels. Document 004 says that a depthwise convolution has as many output channels as input
# channels, "or n times" as many. The n in this sentence is the depth multiplier (claim C47). Both in TensorFlow and in
# PyTorch, output channel $c \cdot D + i$ is made by kernel $i$ of input channel $c$.
#
# A depthwise convolution is equal to a standard convolution in which each filter has zeros for all input channels
# except one. We check this for $D = 2$:

# %%
rng = np.random.default_rng(0)
x, kernels = rng.standard_normal((2, 3, 6, 6)), rng.standard_normal((6, 1, 3, 3))
dense = np.zeros((6, 3, 3, 3))
for o in range(6):
    dense[o, o // 2] = kernels[o, 0]
difference = ops.depthwise_conv2d(x, kernels) - ops.standard_conv2d(x, dense)
print(f"largest difference between depthwise with D = 2 and the standard one: {np.abs(difference).max():.0e}")

# %% [markdown]
# **Is "depthwise" short for "depthwise separable"?** No. A depthwise separable convolution is a depthwise convolution
# *followed by* a pointwise convolution. Four of the five documents write depthwise separable (深度可分离卷积) when they mean
# the depthwise half alone (claims C02, C41 and C44). The difference matters when we count. For example, document 003
# calls the cheap operation of a ghost module (tutorial 08) a "3x3 depthwise separable convolution", but this operation
# has no pointwise half.
#
# ## On a photo
#
# First we apply a depthwise convolution, in which each colour has its own kernel. Then we apply a pointwise
# convolution, which mixes the three resulting maps.

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
# Both convolutions have fewer sums in their formulas than the standard convolution, and so do their gradients. The
# gradients of the pointwise convolution are
#
# $$dx[n, c, i, j] = \sum_o w[o, c] \cdot dy[n, o, i, j] \qquad dw[o, c] = \sum_{n, i, j} dy[n, o, i, j] \cdot x[n, c,
# i, j].$$
#
# So `dx` is again a pointwise convolution, but with the transposed matrix. For the depthwise convolution with $D = 1$,
# the gradients are
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= w[c, u, v] \cdot dy[n, c, i, j] \qquad
# dw[c, u, v] = \sum_{n, i, j} dy[n, c, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# The gradient of each channel depends only on `dy` of the same channel. In ghostnp, each line of the forward pass has a
# counterpart in the backward pass:

# %%
source(ops.depthwise_conv2d_backward)

# %% [markdown]
# We check this backward pass as in tutorial 02, "Is it right?". First we check the slope. The function `slopes` moves
# the input and each array of weights in a random direction. It prints the slope of the loss next to the inner product
# of gradient and direction.

# %%
weights = rng.standard_normal((3, 1, 3, 3)), rng.standard_normal((4, 3, 1, 1)), rng.standard_normal(4)


def separable(x, depthwise_weight, pointwise_weight, bias):
    return ops.separable_conv2d(x, depthwise_weight, pointwise_weight, bias, padding=1)


dy = rng.standard_normal((2, 4, 6, 6))
grads = ops.separable_conv2d_backward(dy, x, weights[0], weights[1], padding=1)
slopes(separable, dict(zip(grads._fields, (x, *weights), strict=True)), dy, grads)

# %% [markdown]
# Then we plant a mistake, to see whether the check notices it: the channels of `dx` are in the opposite order. Finally
# we check the inner products. All numbers are whole numbers, so the inner products must be exactly equal.

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
# separable convolution has only 3 kernels. For input channel $c$ and output channel $o$, it uses kernel $c$, multiplied
# by one number, $w_\text{pointwise}[o, c]$:
#
# $$w_\text{standard}[o, c, u, v] = w_\text{pointwise}[o, c] \cdot w_\text{depthwise}[c, u, v].$$
#
# So all 4 output maps read a given input map through the same kernel. A standard convolution does not have this
# restriction. Only training can show whether a network becomes worse because of this restriction.
#
# **To play with.** `ghostnp explore depthwise --open` shows the depthwise and the pointwise convolution in the browser,
# with numbers that you can change.
#
# ## Exercises
#
# **1.** *(easy)* By hand: a depthwise separable convolution from 32 channels to 64 has 5x5 kernels and no biases. How
# many weights does it have?

# %%
answer = None
check("03.1", answer)

# %% [markdown]
# **2.** *(derivation)* A separable convolution with stride 1 has a depthwise half with the depth multiplier $D$. So its
# pointwise half reads $C \cdot D$ channels. Compare the multiply-adds of both halves together with those of a standard
# convolution with the same output, and derive the share. What is the share for 5x5 kernels, 64 output channels and $D =
# 2$? (Three digits are enough.)

# %%
answer = None
check("03.2", answer)

# %% [markdown]
# **3.** *(easy)* A depthwise convolution has 24 input channels and a depth multiplier of 3. Which input channel does
# output channel 50 read? (Both are counted from 0.)

# %%
answer = None
check("03.3", answer)

# %% [markdown]
# **4.** *(code)* Complete `tutorials/exercises/01_pointwise_conv2d.py` and `02_depthwise_conv2d.py` until `ghostnp
# check` reports no error. Then use your functions. First filter `np.arange(18.0).reshape(1, 2, 3, 3)` with ones of
# shape (2, 1, 2, 2), and then mix the two maps with the weights 1 and −1. All pixels of the result are the same number.
# Which number is it?

# %%
answer = None
check("03.4", answer)

# %% [markdown]
# **5.** *(code)* Complete `tutorials/exercises/04_depthwise_conv2d_backward.py` in the same way. Then compute the
# gradients of one channel with two kernels: let `x` be `np.arange(9.0).reshape(1, 1, 3, 3)`, let `weight` be ones of
# shape (2, 1, 2, 2), and let `dy` be ones of shape (1, 2, 2, 2). What is the sum of all numbers in the gradient of the
# weights?

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
# Next: tutorial 04, grouped convolution, which lies between standard and depthwise convolution.
