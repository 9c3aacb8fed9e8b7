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
# # 4. Grouped convolution
#
# **A standard convolution connects every channel with every other one. What if it is cut into groups that do not know of
# each other?**
#
# Deal the input channels to $g$ *groups* (分组), the output channels as well, and let each group be a standard convolution
# of its own. That is a *grouped convolution* (分组卷积). With one group it is the standard convolution of tutorial 01, with
# as many groups as channels the depthwise convolution of tutorial 03, and in between it is something new.

# %%
import numpy as np

from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_adjoint, assert_gradient

show(pictures.connectivity(8, 2))

# %% [markdown]
# ## By hand
#
# Take four input channels that are single pixels, 1, 2, 3 and 4, two groups, and 1x1 filters of ones. The first group
# reads 1 and 2, the second 3 and 4. With two output channels:
#
# $$y_0 = 1 + 2 = 3, \qquad y_1 = 3 + 4 = 7.$$
#
# A standard convolution with filters of ones would give 10 and 10. Each filter now has 2 weights instead of 4. In general a
# filter sees $C_\text{in} / g$ channels, so
#
# $$\text{params} = C_\text{out} \cdot \left( \frac{C_\text{in}}{g} k_h k_w + 1 \right)$$
#
# with biases. Weights and multiply-adds shrink $g$ times. **The biases do not**: there is still one for each output
# channel. Documents 000 and 001 work four examples:

# %%
claims("N01", "N02", "N03", "N09", "N10")

# %% [markdown]
# All four counts are right. "About 32 times" is exactly 32 for the weights, and 31.85 with the biases that the document
# itself counts. The same with 1024 channels and 1024 groups, a depthwise convolution: there the biases are a bigger part of
# what is left, and the "about 1024 times" of document 000 is really 985 times (claim N06).

# %%
claims("N04", "N05", "N06")

# %%
pixels = np.arange(1.0, 5).reshape(1, 4, 1, 1)
print(ops.grouped_conv2d(pixels, np.ones((2, 2, 1, 1)), groups=2).ravel())

# %% [markdown]
# ## The definition
#
# With $P = C_\text{in} / g$ and $Q = C_\text{out} / g$, output channel $o$ belongs to group $\lfloor o / Q \rfloor$, whose
# first input channel is $\lfloor o / Q \rfloor \cdot P$:
#
# $$y[n, o, i, j] = b[o] + \sum_{p < P} \sum_{u, v} w[o, p, u, v] \cdot \bar x[n, \lfloor o / Q \rfloor P + p, i s + u, j s + v].$$

# %%
source(ops.grouped_conv2d)

# %% [markdown]
# `members` gives, for each group, the slice of channels that it reads and the slice that it writes. Compare the inner line
# with that of `standard_conv2d` in tutorial 01: it is the same line, on slices.
#
# Note the shape of the weights, $(C_\text{out}, C_\text{in}/g, k_h, k_w)$: the second axis is what a filter sees. As a
# matrix over channels, a grouped convolution is *block-diagonal*: fill a standard convolution's weights with these blocks
# and with zeros everywhere else, and nothing changes.

# %%
rng = np.random.default_rng(0)
x, w = rng.standard_normal((2, 6, 5, 5)), rng.standard_normal((9, 2, 3, 3))
dense = np.zeros((9, 6, 3, 3))
for ins, outs in ops.grouped.members(3, 6, 9):
    dense[outs, ins] = w[outs]
difference = ops.grouped_conv2d(x, w, groups=3) - ops.standard_conv2d(x, dense)
print("grouped against block-diagonal:", f"{np.abs(difference).max():.0e}")

# %% [markdown]
# **What is the difference between `groups` and `depth_multiplier`?** A depthwise convolution can be asked for in two ways.
# PyTorch has one convolution with `groups`; `groups=C` makes it depthwise, and $C_\text{out} = m C$ filters give each channel
# $m$ kernels. Keras has a layer of its own for it, `DepthwiseConv2D`, whose `depth_multiplier` is that $m$; the output
# channels are not asked for, they follow. `depth_multiplier=2` with 8 channels is `groups=8` with 16 filters. It is *not*
# `groups=2`. Weights lie in another order too: $(C_\text{out}, 1, k_h, k_w)$ in PyTorch, $(k_h, k_w, C, m)$ in Keras.
#
# ## On a photo
#
# Six maps of a photo, three groups of two, and two outputs each. A change in one group's input is seen by that group alone:

# %%
photo = load_photo(size=64)
right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 4
kernels = np.stack([right, right.T])[:, None]
maps = ops.depthwise_conv2d(photo, np.concatenate([kernels] * 3), padding=1)  # two edges for each colour
mixes = np.array([[1, 1], [1, -1]] * 3, np.float32)[:, :, None, None]
before = ops.grouped_conv2d(maps, mixes, groups=3)
changed = maps.copy()
changed[:, 2] = 0  # wipe out one map of the second group
after = ops.grouped_conv2d(changed, mixes, groups=3)

figure, grid = style.sheet(10, 3.9, nrows=2, ncols=6, top=0.9)
for o in range(6):
    colour = style.GROUPS[o // 2]
    style.show(figure.add_subplot(grid[0, o]), before[0, o], f"group {o // 2 + 1}", colour)
    style.show(
        figure.add_subplot(grid[1, o]), after[0, o], "changed" if (before - after)[0, o].any() else "the same", colour
    )
show(figure)

# %% [markdown]
# That is the price. However many grouped convolutions with the same groups follow each other, channels of different groups
# never meet. Tutorial 05 is about the remedy, the channel shuffle.
#
# ## Backward
#
# The gradient stays in its group as well. With $c = \lfloor o / Q \rfloor P + p$:
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= w[o, p, u, v] \cdot dy[n, o, i, j], \qquad
# dw[o, p, u, v] = \sum_{n, i, j} dy[n, o, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$

# %%
source(ops.grouped_conv2d_backward)

# %%
keywords = {"stride": 2, "padding": 1, "groups": 3}
dy = rng.standard_normal(ops.grouped_conv2d(x, w, **keywords).shape)
grads = ops.grouped_conv2d_backward(dy, x, w, **keywords)
assert_gradient(lambda x, w: ops.grouped_conv2d(x, w, **keywords), (x, w), dy, grads[:2])
print("slopes agree")

# %% [markdown]
# A planted mistake: the filters were taken in the opposite order, and so are in other groups. Both checks of tutorial 02 notice.

# %%
mistaken = ops.grouped_conv2d_backward(dy, x, w[::-1], **keywords)
for name, law in {
    "slope": lambda: assert_gradient(lambda x: ops.grouped_conv2d(x, w, **keywords), (x,), dy, mistaken[:1]),
    "inner product": lambda: assert_adjoint(ops.grouped_conv2d(x, w, **keywords), dy, (mistaken.x, x), tolerance=1e-12),
}.items():
    try:
        law()
    except AssertionError as error:
        print(f"{name}: {error}")

# %% [markdown]
# ## Where it comes from, and where it does not
#
# AlexNet (2012) had two groups, because one GPU could not hold the network. ResNeXt (2017) made it a design choice, and
# ShuffleNet (2018) grouped the 1x1 convolutions. Here the documents are loose:

# %%
claims("C17", "C14", "C01", "C31", "C03")

# %% [markdown]
# The point to remember: **there is no grouped convolution with $1 < g < C$ in GhostNet.** Its cheap operation is depthwise,
# its other convolutions are not grouped. You can ask the network:

# %%
import ghostnp

rows = ghostnp.count(ghostnp.create_model("ghostnet_100", seed=None), (1, 3, 224, 224)).rows
groups = {(row.groups, row.op) for row in rows if row.groups is not None and 1 < row.groups < row.input[1]}
print("convolutions with 1 < groups < channels:", len(groups))

# %% [markdown]
# ## Exercises
#
# **1.** By hand: a 3x3 convolution from 240 channels to 240, in 3 groups, with biases. How many parameters?

# %%
answer = None
check("04.1", answer)

# %% [markdown]
# **2.** By hand: 1x1, from 240 channels to 60, in 3 groups, on maps of 28x28. How many multiply-adds?

# %%
answer = None
check("04.2", answer)

# %% [markdown]
# **3.** 12 channels in, 18 out, in 3 groups. Which input channels does output channel 13 read? Answer with the first and
# the last of them, counted from 0, as `(first, last)`.

# %%
answer = None
check("04.3", answer)

# %% [markdown]
# **4.** By which factor do the *parameters* of a 1x1 convolution from 64 to 64 channels with biases shrink, if it is put
# into 8 groups? (Three digits.)

# %%
answer = None
check("04.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/03_grouped_conv2d.py` until `ghostnp check` is content. Let it convolve
# `np.arange(6.0).reshape(1, 6, 1, 1)` with `np.arange(1.0, 13).reshape(6, 2, 1, 1)` in 3 groups. What is the largest
# number of the output?

# %%
answer = None
check("04.5", answer)

# %% [markdown]
# ## References
#
# - A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural networks", NIPS
#   2012, section 3.5 and figure 2.
# - S. Xie et al., "Aggregated residual transformations for deep neural networks", CVPR 2017, section 3.3.
#   <https://arxiv.org/abs/1611.05431>
#
# Next: tutorial 05 lets the groups meet.
