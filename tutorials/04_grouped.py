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
# **In a standard convolution, every output channel reads every input channel. What changes if it reads only some input
# channels?**
#
# We divide the input channels into $g$ *groups* (分组), and the output channels into $g$ groups as well. Each group is
# then a standard convolution of its own. Together, these convolutions are a *grouped convolution* (分组卷积). With one
# group, this is a standard convolution (tutorial 01). With as many groups as channels, it is a depthwise convolution
# (tutorial 03).

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, slopes, source
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_adjoint, assert_gradient

show(
    pictures.connectivity(8, 2),
    "Which output channel reads which input channel, for eight channels. Standard: all squares. In 2 groups: two "
    "blocks of 4x4 squares on the diagonal. Depthwise: the diagonal. Pointwise: one weight in all squares.",
)

# %% [markdown]
# ## By hand
#
# Four input channels have one pixel each, with the values 1, 2, 3 and 4. There are two groups and two output channels,
# and all weights of the 1x1 filters are 1. The first filter reads the pixels 1 and 2, and the second filter reads the
# pixels 3 and 4:
#
# $$y_0 = 1 + 2 = 3, \qquad y_1 = 3 + 4 = 7.$$

# %%
pixels = np.arange(1.0, 5).reshape(1, 4, 1, 1)
print("2 groups:", ops.grouped_conv2d(pixels, np.ones((2, 2, 1, 1)), groups=2).ravel())
print("1 group: ", ops.grouped_conv2d(pixels, np.ones((2, 4, 1, 1)), groups=1).ravel())

# %% [markdown]
# With two groups, each filter has 2 weights instead of 4. In general, a filter reads $C_\text{in} / g$ channels, so
# with biases
#
# $$\text{params} = C_\text{out} \cdot \left( \frac{C_\text{in}}{g} k_h k_w + 1 \right).$$
#
# The numbers of weights and multiply-adds become $g$ times smaller. **The number of biases does not**: there is still
# one bias for each output channel. Document 000 works out two examples, 5x5 convolutions from 256 to 256 and from 1024
# to 1024 channels. The example of document 001 is a 3x3 convolution from 12 to 6 channels without biases:

# %%
claims("N01", "N02", "N03", "N09", "N10")
claims("N04", "N05", "N06")

# %% [markdown]
# In both examples of document 000, the number of *weights* becomes exactly $g$ times smaller. The number of
# *parameters* does not, because document 000 also counts the biases. The document's "about 32 times" is 31.85 times
# (claim N03), and its "about 1024 times" is 985 times (claim N06). The second difference is larger, because each filter
# now has only 25 weights instead of 25,600, but still has one bias.

# %% [markdown]
# ## The definition
#
# Let $P = C_\text{in} / g$ be the number of input channels in a group, and $Q = C_\text{out} / g$ the number of output
# channels. Counted from 0, output channel $o$ belongs to group $\lfloor o / Q \rfloor$. The first input channel of this
# group is $\lfloor o / Q \rfloor \cdot P$, so
#
# $$y[n, o, i, j] = b[o] + \sum_{p < P} \sum_{u, v} w[o, p, u, v] \cdot \bar x[n, \lfloor o / Q \rfloor P + p, i s + u,
# j s + v].$$

# %%
source(ops.grouped_conv2d)

# %% [markdown]
# For each group, `members` returns two slices: the input channels that the group reads and the output channels that it
# writes. The line in the inner loop is the same as in `standard_conv2d` (tutorial 01), but applied to these slices.
#
# The weights have the shape $(C_\text{out}, C_\text{in}/g, k_h, k_w)$. The length of the second axis is the number of
# channels that a filter reads. A grouped convolution is equal to a standard convolution whose weights are
# *block-diagonal*: there is one block of weights for each group, and zeros for every pair of channels from different
# groups. As a check:

# %%
rng = np.random.default_rng(0)
x, w = rng.standard_normal((2, 6, 5, 5)), rng.standard_normal((9, 2, 3, 3))
dense = np.zeros((9, 6, 3, 3))
for ins, outs in ops.grouped.members(3, 6, 9):
    dense[outs, ins] = w[outs]
difference = ops.grouped_conv2d(x, w, groups=3) - ops.standard_conv2d(x, dense)
print(f"largest difference between grouped and block-diagonal: {np.abs(difference).max():.0e}")

# %% [markdown]
# **What is the difference between `groups` and `depth_multiplier`?** PyTorch has one layer for all convolutions, with
# an argument `groups`. With $C$ input channels and `groups=C`, the convolution is depthwise, and $C_\text{out} = D
# \cdot C$ filters give each channel $D$ kernels. Keras has a separate layer for depthwise convolutions,
# `DepthwiseConv2D`. Its argument `depth_multiplier` is $D$, and the layer computes the number of output channels from
# $D$. So with 8 channels, `depth_multiplier=2` means `groups=8` with 16 filters. It does *not* mean `groups=2`. The
# axes of the weights are also in a different order: $(C_\text{out}, 1, k_h, k_w)$ in PyTorch, and $(k_h, k_w, C, D)$ in
# Keras.
#
# ## On a photo
#
# Here six maps of a photo form three groups of two, and each group has two output maps. For the second row of pictures,
# one input map of the second group was set to zero. Only the output maps of this group change:

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
show(
    figure,
    "Six maps in three groups, before and after one input map of group 2 is set to zero. The two maps of group 2 "
    "have changed, the four others are the same.",
)

# %% [markdown]
# This separation is the disadvantage of groups. If several grouped convolutions with the same groups follow each other,
# an output of one group never depends on an input of another group. Tutorial 05 shows the remedy, the channel shuffle.
#
# ## Backward
#
# The gradient stays in its group too. The kernel $w[o, p]$ reads the input channel $c = \lfloor o / Q \rfloor P + p$,
# so the gradients are
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= w[o, p, u, v] \cdot dy[n, o, i, j], \qquad
# dw[o, p, u, v] = \sum_{n, i, j} dy[n, o, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$

# %%
source(ops.grouped_conv2d_backward)

# %%
keywords = {"stride": 2, "padding": 1, "groups": 3}
dy = rng.standard_normal(ops.grouped_conv2d(x, w, **keywords).shape)
grads = ops.grouped_conv2d_backward(dy, x, w, **keywords)
slopes(lambda x, w: ops.grouped_conv2d(x, w, **keywords), {"x": x, "weight": w}, dy, grads[:2])

# %% [markdown]
# Now we plant a mistake: we take the filters in the opposite order, so most of them are in the wrong group. Both checks
# of tutorial 02 notice this mistake. In the second message, the number before "came in" is $\langle dy, y \rangle$, and
# the number after "hands out" is $\langle dx, x \rangle$. These two numbers should be equal.

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
# ## Who used groups first, and does GhostNet use them?
#
# AlexNet (2012) had two groups, because the network did not fit into the memory of one GPU. ResNeXt (2017) used groups
# for another reason: at equal cost, a network with groups can have more channels. ShuffleNet (2018) divided its 1x1
# convolutions into groups.
#
# Some statements of the documents about groups are wrong or imprecise. Claim C17 is about the first networks with
# groups, and C14 about ShuffleNetV2. The other three claims say that GhostNet has grouped convolutions:

# %%
claims("C17", "C14", "C01", "C31", "C03")

# %% [markdown]
# Remember: **GhostNet has no grouped convolution with $1 < g < C$.** Its cheap operation is depthwise, and its other
# convolutions have one group. For two networks, we count the convolutions of each kind:

# %%
for name in ("ghostnet_100", "shufflenetv1_g3_1.0x"):
    rows = ghostnp.count(ghostnp.create_model(name, seed=None), (1, 3, 224, 224)).rows
    pairs = [(row.groups, row.input[1]) for row in rows if row.kernel and row.groups]  # of each convolution
    whole, depthwise = sum(g == 1 for g, _ in pairs), sum(1 < g == c for g, c in pairs)
    print(f"{name:21} g = 1: {whole}, g = C: {depthwise}, in between: {len(pairs) - whole - depthwise}")

# %% [markdown]
# **To play with.** `ghostnp explore grouped --open` shows the grouped convolution in the browser. If you choose another
# number of groups, the matrix of connections changes.
#
# ## Exercises
#
# **1.** *(easy)* By hand: a 3x3 convolution from 240 channels to 240 has 3 groups and biases. How many parameters does
# it have?

# %%
answer = None
check("04.1", answer)

# %% [markdown]
# **2.** *(medium)* A 1x1 convolution has 240 input channels, and its maps have 28x28 pixels. With 3 groups and 60
# output channels, it takes as many multiply-adds as a standard 1x1 convolution from 240 to $n$ channels. What is $n$?

# %%
answer = None
check("04.2", answer)

# %% [markdown]
# **3.** *(medium)* A convolution has 12 input channels, 18 output channels and 3 groups. Which input channels does
# output channel 13 read? Give the first and the last of these channels, counted from 0, as `(first, last)`.

# %%
answer = None
check("04.3", answer)

# %% [markdown]
# **4.** *(derivation)* A $k \times k$ convolution with biases is divided into $g$ groups. Derive the factor by which
# the number of its *parameters* becomes smaller. Show that this factor does not depend on the number of output
# channels. Why is the factor always smaller than $g$? What is the factor for a 1x1 convolution from 64 to 64 channels
# and $g = 8$? (Three digits are enough.)

# %%
answer = None
check("04.4", answer)

# %% [markdown]
# **5.** *(code)* Complete `tutorials/exercises/03_grouped_conv2d.py` until `ghostnp check` reports no error. Then
# convolve `np.arange(6.0).reshape(1, 6, 1, 1)` with `np.arange(1.0, 13).reshape(6, 2, 1, 1)` in 3 groups. What is the
# largest number in the output?

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
# Next: tutorial 05 connects the groups with a channel shuffle.
