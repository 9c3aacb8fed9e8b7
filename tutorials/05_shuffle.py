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
# # 5. Channel shuffle and the ShuffleNet units
#
# **Grouped convolutions are cheap, and their groups never meet. How does ShuffleNet let them meet, for nothing?**
#
# Tutorial 03 showed that in a light network most of the work is in 1x1 convolutions, and tutorial 04 that groups make
# a convolution $g$ times cheaper. So ShuffleNet groups its 1x1 convolutions, and between two of them it deals the channels
# out anew. That is the *channel shuffle* (通道混洗).

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.documents.unit_costs import resnet_unit, resnext_unit, shufflenet_unit
from ghostnp.course.study import check, claims, show, source
from ghostnp.modules import ShuffleUnit, initializer
from ghostnp.modules.combine import sum_backward
from ghostnp.modules.shuffle_unit import DOCUMENT_001, MEGVII, PAPER
from ghostnp.photo import load_photo
from ghostnp.testing import assert_adjoint

show(pictures.shuffle_wiring(12, 3))

# %% [markdown]
# ## By hand
#
# Twelve channels in three groups, as above: 0 1 2 3, 4 5 6 7, 8 9 10 11. Deal them out like cards, one of each group, then
# the next of each group: 0 4 8, 1 5 9, 2 6 10, 3 7 11. The next grouped convolution cuts this row into three groups again,
# and its first group reads 0, 4, 8 and 1: something of everyone.
#
# In one line: write the channels as a matrix of $g$ rows, and read it by columns. That is a transposition,
#
# $$y[p \cdot g + q] = x[q \cdot n + p], \qquad q < g \text{ the group}, \quad p < n = C / g \text{ the place in it}.$$

# %%
channels = np.arange(12)
print(channels.reshape(3, 4))
print(channels.reshape(3, 4).T.ravel())

# %%
source(ops.channel_shuffle)

# %% [markdown]
# **Is the shuffle random?** No. It is the same fixed permutation for every image, in training and afterwards. (The name is
# unlucky: a shuffled deck is in an unknown order.)
#
# **Reshape to (g, n) or to (n, g)?** To $(g, n)$, and transpose. The other way round gives the *inverse* permutation, which
# is the shuffle by $n$ groups. The two are the same only if $g = n$, and a test with 4 groups of 4 channels will not notice
# the difference.

# %%
x = np.arange(12.0).reshape(1, 12, 1, 1)
there = ops.channel_shuffle(x, 3)
print("by 3 groups:        ", there.ravel().astype(int))
print("by 4 groups:        ", ops.channel_shuffle(x, 4).ravel().astype(int))
print("by 3 and then by 4: ", ops.channel_shuffle(there, 4).ravel().astype(int))

# %% [markdown]
# So the way back, and with it the backward pass, is a shuffle by $C / g$ groups:

# %%
source(ops.channel_shuffle_backward)

# %% [markdown]
# A shuffle only moves numbers. It has no weights, no multiply-adds, and its gradient is exact. The inner product of
# tutorial 02 must hold to the last bit; the mistake to look for is the wrong permutation on the way back:

# %%
rng = np.random.default_rng(0)
maps, dy = (rng.integers(-9, 10, (2, 12, 3, 3)).astype(np.float32) for _ in range(2))
y = ops.channel_shuffle(maps, 3)
assert_adjoint(y, dy, (ops.channel_shuffle_backward(dy, maps, 3), maps))
try:
    assert_adjoint(y, dy, (ops.channel_shuffle(dy, 3), maps))
except AssertionError as error:
    print("forward instead of backward:", error)

# %% [markdown]
# ## Do the groups meet?
#
# Let one output number depend on whatever it depends on, go back from it, and look which input channels its gradient
# reaches. First two grouped convolutions in a row, then two with a shuffle between them:


# %%
def reached(shuffled):
    """How many of three groups one output channel of two grouped 1x1 convolutions has read."""
    weight = np.ones((12, 4, 1, 1))
    dy = np.zeros((1, 12, 1, 1))
    dy[0, 0] = 1
    dhidden = ops.grouped_conv2d_backward(dy, np.zeros_like(dy), weight, groups=3).x
    if shuffled:
        dhidden = ops.channel_shuffle_backward(dhidden, dhidden, 3)
    dx = ops.grouped_conv2d_backward(dhidden, np.zeros_like(dy), weight, groups=3).x
    return int((dx.reshape(3, 4) != 0).any(axis=1).sum())


print("without a shuffle:", reached(False), "group of 3")
print("with a shuffle:   ", reached(True), "groups of 3")
claims("C16")

# %% [markdown]
# ## The units
#
# A ShuffleNet unit is a bottleneck: a grouped 1x1 convolution makes the maps few, a depthwise 3x3 looks around, another
# grouped 1x1 makes them many again. At stride 1 the input is added, which is called a *shortcut* (捷径); at stride 2 it is
# *pooled*, that is, each pixel becomes the mean of a 3x3 window, and put *beside* the result. Batch norm (BN) and ReLU are
# the subject of tutorial 06. Here it is enough that they never mix channels.

# %%
show(pictures.shufflenet_units())

# %%
source(ShuffleUnit)

# %% [markdown]
# On a photo, channel by channel (the weights are random, as before any training). `ghostnp.trace` lists every step:

# %%
with initializer(0):
    unit = ShuffleUnit(24, 24, groups=3)
photo = load_photo(size=24)
views = photo, photo[:, :, ::-1], photo[:, :, :, ::-1], photo[:, :, ::-1, ::-1]
maps = np.concatenate([sign * view for sign in (1, -1) for view in views], axis=1)
steps = ghostnp.trace(unit, maps)
print(steps)

# %%
show(steps.picture(rows=6), dpi=60)

# %% [markdown]
# Backward, the unit is its forward mirrored: the gradient goes through the two branches and is added where the input was
# used twice. That is the same for every sum of two branches, so it is written once.

# %%
source(ShuffleUnit.backward)

# %%
source(sum_backward)

# %%
with initializer(0, dtype=np.float64):
    unit = ShuffleUnit(24, 24, groups=3)
small = rng.standard_normal((2, 24, 4, 4))
y, cache = unit.forward(small, training=True)
dy = rng.standard_normal(y.shape)
dx, grads = unit.backward(dy, cache)
direction = rng.standard_normal(small.shape)
ahead, behind = (unit.forward(small + side * direction, training=True)[0] for side in (1e-6, -1e-6))
slope = float((dy * (ahead - behind)).sum() / 2e-6)
assert abs(slope) > 0.1
print("slope and gradient agree:", np.isclose(slope, (dx * direction).sum(), rtol=1e-6))
shortcut = ops.relu_backward(dy, y)  # what comes through the last ReLU goes to both branches
without = dx - shortcut
print("and without the shortcut's share:", np.isclose(slope, (without * direction).sum(), rtol=1e-6))

# %% [markdown]
# **Shuffle before or after the depthwise convolution?** The paper and document 001 shuffle before it, the official
# (Megvii) code after it, by the inverse permutation. A depthwise convolution treats each channel alone, so it does not care
# in which order the channels come, as long as its kernels move with them. Both orders can therefore learn the same functions, with
# other weights; a *checkpoint*, a file of trained weights, of the one does not fit the other (claim C25).

# %%
kernels = rng.standard_normal((24, 1, 3, 3))
moved = ops.channel_shuffle(kernels.transpose(1, 0, 2, 3), 3).transpose(1, 0, 2, 3)
one = ops.depthwise_conv2d(ops.channel_shuffle(small, 3), moved, padding=1)
other = ops.channel_shuffle(ops.depthwise_conv2d(small, kernels, padding=1), 3)
print("shuffle, then depthwise = depthwise, then shuffle:", np.array_equal(one, other))
claims("C25")

# %% [markdown]
# ## What a unit costs, and an error in document 001
#
# With maps of $h \times w$ pixels, $c$ channels outside and $m$ in the middle, and counting multiply-adds of the three
# convolutions:
#
# | unit | cost |
# |---|---|
# | ResNet: 1x1, 3x3, 1x1 | $hw(2cm + 9m^2)$ |
# | ResNeXt: 1x1, 3x3 in $g$ groups, 1x1 | $hw(2cm + 9m^2/g)$ |
# | ShuffleNet: 1x1 in $g$ groups, depthwise 3x3, 1x1 in $g$ groups | $hw(2cm/g + 9m)$ |
#
# Work the last one out for $h = w = 28$, $c = 240$, $m = 60$, $g = 3$ before you read on:
# $28 \cdot 28 \cdot (2 \cdot 240 \cdot 60 / 3 + 9 \cdot 60) = 784 \cdot 10140 = 7{,}949{,}760$.

# %%
print("ResNet,     c = 256, m = 64:          ", resnet_unit(56, 56, 256, 64).working)
print("ResNeXt,    c = 256, m = 4 in 32 groups:", resnext_unit(56, 56, 256, 4, 32).working)
print("ShuffleNet, c = 240, m = 60 in 3 groups:", shufflenet_unit(28, 28, 240, 60, 3).working)

# %% [markdown]
# Document 001 writes the same three costs with one letter $m$, but it means the whole width in its first line and the width of one
# *group* in its second. Its third line is wrong with either meaning: the $g$ in front and the $g$ below cancel, and
# grouping would save nothing. Repaired, with $m$ per group, it has a $g$ in front of every term:
#
# $$g \cdot hwm \cdot \frac{c}{g} + g \cdot hwm \cdot 9 + g \cdot hwc \cdot \frac{m}{g}.$$

# %%
claims("N11", "N12", "N13", "C18", "C19")

# %% [markdown]
# ## Three ShuffleNets that are not the same
#
# Paper, official code and document 001 differ in more than the order of shuffle and depthwise. In ghostnp each difference
# is a named field of a `ShuffleStyle`:

# %%
styles = {"PAPER": PAPER, "MEGVII": MEGVII, "DOCUMENT_001": DOCUMENT_001}
print(f"{'':15}", *(f"{name:>13}" for name in styles))
for field in PAPER._fields:
    if field != "conv_norm":
        print(f"{field:15}", *(f"{getattr(style, field)!s:>13}" for style in styles.values()))

# %%
claims("C20", "C21", "C22", "C23", "C24", "C26", "N14", "C49")

# %% [markdown]
# The first of these changes the cost. The paper does not group the first 1x1 convolution of stage 2, where only 24
# channels come in; document 001 does:

# %%
for name in ("shufflenetv1_g3_1.0x", "shufflenetv1_keras"):
    table = ghostnp.count(ghostnp.create_model(name, seed=None), (1, 3, 224, 224))
    print(f"{name:21} {table.params:,} parameters, {table.macs:,} MACs")

# %% [markdown]
# Grouping saves multiply-adds and a few weights. That document 001's network has more parameters all the same is because
# of its biases.
#
# Claim C26 is about a trap of the framework and no error of the document's network: a Keras model that was not built yet
# reports zero parameters. Claim C49 is about ShuffleNetV2, which has no grouped 1x1 convolutions any more: it splits the
# channels in halves, leaves one half alone, and shuffles by two. Its two published codes differ in stride-2 units.
#
# Document 001 prints accuracy tables as well. They are about ImageNet, and out of scope here.
#
# ## Exercises
#
# **1.** By hand: after a shuffle of 240 channels in 3 groups, which channel stands at place 100? (Count from 0.)

# %%
answer = None
check("05.1", answer)

# %% [markdown]
# **2.** By hand: a ShuffleNet unit (b) on 14x14 pixels with $c = 480$, $m = 120$, $g = 3$. How many multiply-adds?

# %%
answer = None
check("05.2", answer)

# %% [markdown]
# **3.** How many times more expensive would this unit be without groups in its 1x1 convolutions? (Three digits.)

# %%
answer = None
check("05.3", answer)

# %% [markdown]
# **4.** How often do you have to shuffle 12 channels by 3 groups, one shuffle after the other, until all stand where they
# stood at first? `ghostnp.ops.channel_shuffle` may help.

# %%
answer = None
check("05.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/05_channel_shuffle.py` and `06_channel_shuffle_backward.py` until `ghostnp check` is
# content. Shuffle `np.arange(10.0).reshape(1, 10, 1, 1)` by 5 groups, take that as `dy` and go *back* through a shuffle by 2
# groups. What stands at place 3?

# %%
answer = None
check("05.5", answer)

# %% [markdown]
# ## References
#
# - X. Zhang, X. Zhou, M. Lin and J. Sun, "ShuffleNet: an extremely efficient convolutional neural network for mobile
#   devices", CVPR 2018, sections 3.1 and 3.2, figures 1 and 2. <https://arxiv.org/abs/1707.01083>
# - N. Ma, X. Zhang, H. Zheng and J. Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture design", ECCV
#   2018, figure 3. <https://arxiv.org/abs/1807.11164>
#
# Next: tutorial 06, what stands between two convolutions.
