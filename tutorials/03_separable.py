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
# **A convolution looks around and mixes channels, both at once. What is saved if it does one after the other?**
#
# A standard convolution (tutorial 01) has a weight for each tap *and* each pair of channels. Take these two apart:
#
# - a *pointwise* convolution (逐点卷积) has a window of one pixel: it mixes channels and never looks around;
# - a *depthwise* convolution (逐通道卷积) has one kernel for each channel: it looks around and never mixes channels.
#
# One after the other they are a *depthwise separable* convolution (深度可分离卷积). Every light network since MobileNet is
# made of these two halves.

# %%
import numpy as np

from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_adjoint, assert_gradient

show(pictures.connectivity(6, 3))

# %% [markdown]
# Each square is a pair of channels, and each dot in it a weight. The standard convolution has nine for each pair; depthwise
# keeps the diagonal alone, pointwise keeps one dot for each pair. (Grouped convolution, the second picture, lies in
# between; it is the subject of tutorial 04.)
#
# ## By hand
#
# One pixel with two channels, 5 and 7, and a pointwise filter with the weights 2 and −1: the output pixel is
# $2 \cdot 5 - 1 \cdot 7 = 3$. A pointwise convolution is the same little matrix, applied at every pixel.
#
# Document 004 has this example: a photo of 64x64 with 3 channels, and 4 maps are wanted, by 3x3 kernels without biases.
#
# | | weights | worked |
# |---|---|---|
# | standard 3x3 | $4 \cdot 3 \cdot 3 \cdot 3$ | 108 |
# | depthwise 3x3 | $3 \cdot 3 \cdot 3$ | 27 |
# | pointwise | $1 \cdot 1 \cdot 3 \cdot 4$ | 12 |
# | both | $27 + 12$ | 39 |
#
# All four are right (claims N20 to N23). Document 004 then says that 39 is "about a third" of 108. It is 36%: in general
#
# $$\frac{C k^2 + C \cdot C_\text{out}}{C \cdot C_\text{out} \cdot k^2} = \frac{1}{C_\text{out}} + \frac{1}{k^2},$$
#
# here $1/4 + 1/9 = 13/36$ (claim N24). With many output channels only the $1/k^2$ is left: a 3x3 separable convolution
# costs about a ninth of a standard one. The number of *input* channels does not matter at all.

# %%
claims("N20", "N21", "N22", "N23", "N24", "N25")
for channels in (4, 16, 64, 256):
    print(f"{channels:4} maps: 1/{channels} + 1/9 = {1 / channels + 1 / 9:.3f}")

# %% [markdown]
# The same shrinking holds for the multiply-adds, since both halves make maps of the same size. The document does not say
# how many; with the map kept at 64x64 (claim N25):

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
show(pictures.cost_bars(bars))

# %% [markdown]
# **Which half is the expensive one?** The pointwise one, as soon as there are more than a few channels: it has $C_\text{out}$
# weights where the depthwise has $k^2$. In the networks of these tutorials 1x1 convolutions do between 83% (GhostNet) and 91%
# (ShuffleNetV2) of all multiply-adds. Remember this: ShuffleNet (tutorial 05) puts them into groups, and the ghost module
# (tutorial 08) needs only half of them.
#
# ## The definitions

# %%
source(ops.pointwise_conv2d)
source(ops.depthwise_conv2d)

# %% [markdown]
# In `pointwise_conv2d` no loop over taps is left. In `depthwise_conv2d` the sum over channels is gone: weights and pixels
# of one channel are multiplied, and nothing else.
#
# The `multiplier` lets a channel have several kernels, $m$ of them (*depth multiplier*): $C$ channels become $C \cdot m$.
# Document 004 says of depthwise convolution that its output has as many channels as the input "or n times" as many: that is
# the multiplier (claim C47). Output channel $c \cdot m + i$ is the $i$-th of input channel $c$, in TensorFlow and PyTorch
# alike.
#
# Both kinds are special cases of the standard convolution, and must agree with it where they meet: a depthwise convolution
# is a standard one whose other weights are zero.

# %%
rng = np.random.default_rng(0)
x, kernels = rng.standard_normal((2, 3, 6, 6)), rng.standard_normal((6, 1, 3, 3))
dense = np.zeros((6, 3, 3, 3))
for o in range(6):
    dense[o, o // 2] = kernels[o, 0]
difference = ops.depthwise_conv2d(x, kernels) - ops.standard_conv2d(x, dense)
print("depthwise with multiplier 2 against a standard one:", f"{np.abs(difference).max():.0e}")

# %% [markdown]
# **Is "depthwise" short for "depthwise separable"?** No, though four of the five documents write as if it were (claims C02,
# C41 and C44): they say depthwise separable (深度可分离卷积) and mean the depthwise half alone. A depthwise separable
# convolution is depthwise *and then* pointwise. It matters when one counts: in document 003 "3x3 depthwise separable
# convolution" is the cheap operation of a ghost module, and that has no pointwise half.
#
# ## On a photo
#
# Depthwise: each colour gets a kernel of its own, and keeps to itself. Then pointwise: the three maps are mixed.

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
show(figure, dpi=65)

# %% [markdown]
# ## Backward
#
# Each formula has fewer sums than the standard one, and so has its gradient. Pointwise:
#
# $$dx[n, c, i, j] = \sum_o w[o, c] \cdot dy[n, o, i, j] \qquad dw[o, c] = \sum_{n, i, j} dy[n, o, i, j] \cdot x[n, c, i, j]$$
#
# so backward is again a pointwise convolution, by the transposed matrix. Depthwise, with $m = 1$:
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= w[c, u, v] \cdot dy[n, c, i, j] \qquad
# dw[c, u, v] = \sum_{n, i, j} dy[n, c, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# Again the backward pass of a channel stays in its channel. The dual lines:

# %%
source(ops.depthwise_conv2d_backward)

# %% [markdown]
# The checks are those of tutorial 02: the slope in float64, and the inner product exactly.

# %%
weights = rng.standard_normal((3, 1, 3, 3)), rng.standard_normal((4, 3, 1, 1)), rng.standard_normal(4)


def separable(x, depthwise_weight, pointwise_weight, bias):
    return ops.separable_conv2d(x, depthwise_weight, pointwise_weight, bias, padding=1)


dy = rng.standard_normal((2, 4, 6, 6))
grads = ops.separable_conv2d_backward(dy, x, weights[0], weights[1], padding=1)
assert_gradient(separable, (x, *weights), dy, grads)
print("slopes agree:", ", ".join(grads._fields))

# %% [markdown]
# And it catches a mistake, here channels that were mixed up on the way back:

# %%
wrong = grads.x[:, ::-1]
try:
    assert_gradient(lambda x: separable(x, *weights), (x,), dy, (wrong,))
except AssertionError as error:
    print("caught:", error)
whole = rng.integers(-3, 4, (1, 3, 4, 4)).astype(np.float32)
taps = rng.integers(-3, 4, (3, 1, 3, 3)).astype(np.float32)
y = ops.depthwise_conv2d(whole, taps, padding=1)
back = ops.depthwise_conv2d_backward(y, whole, taps, padding=1)  # y itself is as good a dy as any other
assert y.any()
assert_adjoint(y, y, (back.x, whole), (back.weight, taps))
print("inner products agree exactly")

# %% [markdown]
# ## What is lost
#
# A standard 3x3 convolution from 3 to 4 channels can have a different kernel for each of its 12 pairs of channels. A
# separable one has 3 kernels, and each output map is a mixture of the 3 filtered maps. As a matrix of pairs and taps,
# 12 x 9, the first can be anything, the second is a product of small factors. That is the price of the 64% that are saved.
# Whether it is worth it can only be found by training; the documents' accuracy tables are about ImageNet, a million photos
# of a thousand kinds of things, and out of scope here.
#
# ## Exercises
#
# **1.** By hand: how many weights has a depthwise separable convolution from 32 channels to 64, with 5x5 kernels and no
# biases?

# %%
answer = None
check("03.1", answer)

# %% [markdown]
# **2.** What share of the multiply-adds of a standard 5x5 convolution to 64 channels is that? (Three digits are enough.)

# %%
answer = None
check("03.2", answer)

# %% [markdown]
# **3.** A depthwise convolution over 24 channels has a depth multiplier of 3. Which input channel does output channel 50
# read? (Both are counted from 0.)

# %%
answer = None
check("03.3", answer)

# %% [markdown]
# **4.** From how many output channels on is the pointwise half more expensive than a 3x3 depthwise half?

# %%
answer = None
check("03.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/01_pointwise_conv2d.py` and `02_depthwise_conv2d.py`, until `ghostnp check` is
# content. With your functions, filter `np.arange(18.0).reshape(1, 2, 3, 3)` by ones of shape (2, 1, 2, 2), and mix the
# result by the weights 1 and −1. Every pixel is the same number: which?

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
# Next: tutorial 04, grouped convolution, which is everything between standard and depthwise.
