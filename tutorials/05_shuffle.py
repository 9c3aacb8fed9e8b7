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
# **Grouped convolutions are cheap, but they keep the groups apart. How does ShuffleNet connect the groups at no cost?**
#
# Tutorial 03 showed that most of the work of a light network is in 1x1 convolutions. Tutorial 04 showed that $g$ groups
# make a convolution $g$ times cheaper. So ShuffleNet divides its 1x1 convolutions into groups. Between two such
# convolutions, the channels are reordered, so that each group of the second convolution reads channels from all groups
# of the first convolution. This reordering is called the *channel shuffle* (通道混洗).

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.documents.unit_costs import (
    document_shufflenet_line,
    resnet_unit,
    resnext_unit,
    shufflenet_unit,
)
from ghostnp.course.study import check, claims, show, slopes, source
from ghostnp.models.shufflenet_v1 import REPEATS, WIDTHS
from ghostnp.modules import ShuffleUnit, initializer
from ghostnp.modules.combine import sum_backward
from ghostnp.modules.shuffle_unit import DOCUMENT_001, MEGVII, PAPER
from ghostnp.photo import load_photo
from ghostnp.testing import assert_adjoint

show(
    pictures.shuffle_wiring(12, 3),
    "Twelve channels in three groups of four, above, and their order after the shuffle, below. Lines lead from "
    "each channel to its new place. Each new group has channels of all three old groups.",
)

# %% [markdown]
# ## By hand
#
# We count channels and groups from 0, so the picture has the groups 0 1 2 3, 4 5 6 7 and 8 9 10 11. Take the first
# channel of each group, then the second one, and so on: 0 4 8, 1 5 9, 2 6 10, 3 7 11. The next grouped convolution
# divides this row into three groups again. Its first group reads channels 0, 4, 8 and 1, which come from all three old
# groups.
#
# Write the channels as a matrix with one row for each group, and read the matrix by columns. With $C$ channels, each
# group has $n = C / g$ channels. Channel $p$ of group $q$ moves from position $q n + p$ to position $p g + q$:
#
# $$y[p \cdot g + q] = x[q \cdot n + p].$$

# %%
channels = np.arange(12)
print(channels.reshape(3, 4))
print(channels.reshape(3, 4).T.ravel())

# %%
source(ops.channel_shuffle)

# %% [markdown]
# **Is the shuffle random?** No. It is the same permutation for every image.
#
# **Reshape to (g, n) or to (n, g)?** The code reshapes to $(g, n)$ and then transposes. Reshaping to $(n, g)$ would
# give the *inverse* permutation, which is the shuffle by $n$ groups. If $g$ and $n$ are greater than 1, these two
# permutations are equal only for $g = n$. So a test with 4 groups of 4 channels cannot tell the two reshapes apart.

# %%
x = np.arange(12.0).reshape(1, 12, 1, 1)
there = ops.channel_shuffle(x, 3)
print("by 3 groups:        ", there.ravel().astype(int))
print("by 4 groups:        ", ops.channel_shuffle(x, 4).ravel().astype(int))
print("by 3 and then by 4: ", ops.channel_shuffle(there, 4).ravel().astype(int))

# %% [markdown]
# The gradient of each channel has to go back to the position from which the channel came. So the backward pass is the
# inverse permutation, a shuffle by $n = C / g$ groups:

# %%
source(ops.channel_shuffle_backward)

# %% [markdown]
# A shuffle has no weights and takes no multiply-adds. It is linear, so we can check the inner products as in tutorial
# 02, "Is it right?": $\langle dy, y \rangle = \langle dx, x \rangle$. The planted mistake uses the forward permutation
# in the backward pass:

# %%
rng = np.random.default_rng(0)
maps, dy = (rng.integers(-9, 10, (2, 12, 3, 3)).astype(np.float32) for _ in range(2))
y = ops.channel_shuffle(maps, 3)
dx = ops.channel_shuffle_backward(dy, maps, 3)
print("<dy, y> =", (dy * y).sum(), "and <dx, x> =", (dx * maps).sum())
assert_adjoint(y, dy, (dx, maps))
try:
    assert_adjoint(y, dy, (ops.channel_shuffle(dy, 3), maps))
except AssertionError as error:
    print("forward instead of backward:", error)

# %% [markdown]
# ## Are the groups connected?
#
# On which input channels does one output channel depend? We set `dy` to 1 for this output channel and to 0 for all
# other channels. The output channel depends on the input channels for which `dx` is not zero. We do this for two
# grouped convolutions, without and with a shuffle between them:


# %%
def reached(shuffled):
    """Count on how many of three groups one output channel of two grouped 1x1 convolutions depends."""
    weight = np.ones((12, 4, 1, 1))
    dy = np.zeros((1, 12, 1, 1))
    dy[0, 0] = 1
    dhidden = ops.grouped_conv2d_backward(dy, np.zeros_like(dy), weight, groups=3).x
    if shuffled:
        dhidden = ops.channel_shuffle_backward(dhidden, dhidden, 3)
    dx = ops.grouped_conv2d_backward(dhidden, np.zeros_like(dy), weight, groups=3).x
    return int((dx.reshape(3, 4) != 0).any(axis=1).sum())


print("without a shuffle: the output depends on", reached(False), "of 3 groups")
print("with a shuffle:    the output depends on", reached(True), "of 3 groups")

# %% [markdown]
# Document 001 writes that the groups have *not* lost contact after grouped 1x1 convolutions. But they *have* (claim
# C16). The page `gallery/shuffle.ipynb` compares trained networks with and without a shuffle.
#
# ## The units
#
# A ShuffleNet unit is a *bottleneck*: it has fewer channels in the middle than at its ends. In the middle there are $m$
# channels, a quarter of the output channels. The ShuffleNet paper has three units, (a), (b) and (c):

# %%
show(
    pictures.shufflenet_units(),
    "The three units as flow charts. (a): 1x1, depthwise 3x3, 1x1, and an addition with the input. (b): both 1x1 "
    "in g groups, and a channel shuffle after the first. (c): as (b), the depthwise 3x3 with stride 2, a 3x3 "
    "average pool with stride 2 in the shortcut, and a concatenation in the place of the addition. Each unit ends "
    "in a ReLU.",
)

# %% [markdown]
# - **Unit (a)** has no groups. A 1x1 convolution reduces the number of channels to $m$, a 3x3 depthwise convolution
#   combines neighbouring pixels, and a second 1x1 convolution increases the number of channels again. These
#   convolutions form the *main path*. The second path, called the *shortcut* (捷径), adds the input to the result of the
#   main path.
# - **Unit (b)** is unit (a), but both 1x1 convolutions have $g$ groups, and a channel shuffle follows the first of
#   them.
# - **Unit (c)** is unit (b) with stride 2 in the depthwise convolution, which halves the height and the width of the
#   maps. The shortcut has an *average pool*, which takes the mean of each 3x3 window. Its stride is 2 too, so both
#   paths have maps of the same size. These maps are not added but *concatenated*: the pooled input channels come first,
#   and the channels of the main path follow.
#
# **Why does unit (c) concatenate?** Two of the three units (c) in the network below increase the number of channels
# from $c$ to $2c$. For an addition, both paths would need $2c$ channels. So the shortcut would need a 1x1 convolution
# from $c$ to $2c$ channels, as in ResNet. A concatenation needs no such convolution. The main path makes only the
# missing $2c - c = c$ channels, so its second 1x1 convolution becomes cheaper too. (In stage 2, unit (c) has 24 input
# channels, so its main path makes $240 - 24 = 216$ channels.) For 240 channels and 28x28 pixels, we get:

# %%
unit_c = ghostnp.count(ShuffleUnit(240, 480, groups=3, stride=2), (1, 240, 28, 28))
shortcut = ops.pointwise_conv2d_cost((1, 240, 14, 14), (480, 240, 1, 1)).macs
missing = ops.grouped_conv2d_cost((1, 120, 14, 14), (240, 40, 1, 1), groups=3).macs
print(f"unit (c), with concatenation:        {unit_c.macs:>10,} MACs")
print(f"an addition would take for the shortcut {shortcut:,} more, and for the main path {missing:,} more:")
print(f"the same unit with an addition:      {unit_c.macs + shortcut + missing:>10,} MACs")

# %% [markdown]
# **Where is there no ReLU?** A batch norm (BN; tutorial 06) follows each of the three convolutions. There are only two
# ReLUs (a ReLU sets negative numbers to 0). One follows the first batch norm, and the other is the last step of the
# unit.
#
# - No ReLU follows the depthwise convolution. Here the paper follows the author of Xception, who found that networks
#   trained better without this ReLU. A common explanation is that each depthwise map comes from one channel, so no
#   other map keeps what a ReLU would delete.
# - No ReLU comes between the second 1x1 convolution and the addition. With such a ReLU, the main path could only
#   increase the numbers of the shortcut, never decrease them.

# %%
source(ShuffleUnit)

# %% [markdown]
# The next cell applies unit (b) with random weights to a photo. `initializer(0)` draws the weights with seed 0, so they
# are the same in every run. The input has 24 channels: the three colours of the photo, and mirrored and negated copies.
# `ghostnp.trace` lists every step:

# %%
with initializer(0):
    unit = ShuffleUnit(24, 24, groups=3)
photo = load_photo(size=24)
views = photo, photo[:, :, ::-1], photo[:, :, :, ::-1], photo[:, :, ::-1, ::-1]
maps = np.concatenate([sign * view for sign in (1, -1) for view in views], axis=1)
steps = ghostnp.trace(unit, maps)
print(steps)

# %%
show(
    steps.picture(rows=6, maps=6),
    "The maps after each of the first six steps of unit (b): the input, the grouped 1x1, batch norm, ReLU, the "
    "shuffle, in which maps change places, and the depthwise convolution.",
)

# %% [markdown]
# Both paths read the input, so in the backward pass the gradient of the input is the sum of two parts, which
# `sum_backward` adds.

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
slopes(lambda x: unit.forward(x, training=True)[0], {"x": small}, dy, [dx])
through_shortcut = ops.relu_backward(dy, y)  # what passes the last ReLU goes to both paths
try:
    slopes(lambda x: unit.forward(x, training=True)[0], {"x": small}, dy, [dx - through_shortcut])
except AssertionError as error:
    print("without the shortcut's part:", error)

# %% [markdown]
# **Shuffle before or after the depthwise convolution?** The paper and document 001 shuffle before this convolution. The
# official code, by Megvii, shuffles after it, and uses the inverse permutation (by $n$ groups instead of $g$). A
# depthwise convolution treats each channel separately. Therefore the order of the channels makes no difference if the
# kernels are reordered in the same way. With 3 groups, as in document 001, both versions can learn the same functions,
# but with their weights in different orders. So a *checkpoint* (a file of trained weights) of one version does not fit
# the other (claim C25).

# %%
kernels = rng.standard_normal((24, 1, 3, 3))
moved = ops.channel_shuffle(kernels.transpose(1, 0, 2, 3), 3).transpose(1, 0, 2, 3)
one = ops.depthwise_conv2d(ops.channel_shuffle(small, 3), moved, padding=1)
other = ops.channel_shuffle(ops.depthwise_conv2d(small, kernels, padding=1), 3)
difference = np.abs(one - other).max()
print(f"largest difference between shuffle, then depthwise and depthwise, then shuffle: {difference:.0e}")

# %% [markdown]
# ## The network
#
# ShuffleNet begins with a 3x3 convolution, called the *stem*, and a 3x3 *max pool*. Both have stride 2. Then come three
# *stages* of units, which the paper numbers 2, 3 and 4. The first unit of each stage is a unit (c), and all others are
# units (b). Unit (a) occurs only for $g = 1$. The network ends in a global average pool, which replaces each map by its
# mean, and a fully connected layer. For $g = 3$, the stem has 24 output channels. The next cell counts the units,
# channels, multiply-adds and middle width $m$ (in channels) of each stage for images of 224x224 pixels:

# %%
network = ghostnp.create_model("shufflenetv1_g3_1.0x", seed=None)
rows = ghostnp.count(network, (1, 3, 224, 224)).rows
print("stage    units       output  middle width        MACs")
first = 0
for stage, repeats in enumerate(REPEATS, start=2):
    prefixes = tuple(f"features.{number}." for number in range(first, first + repeats))
    inside = [row for row in rows if row.path.startswith(prefixes)]
    middle = next(row.input[1] for row in inside if row.op == "depthwise_conv2d")
    channels = WIDTHS[3, 1.0][stage - 1]
    size = next(row.output for row in inside if row.op == "depthwise_conv2d")[2:]
    macs = sum(row.macs for row in inside)
    print(f"stage {stage}  {repeats:5}  {f'{channels}x{size[0]}x{size[1]}':>11}  {middle:12}  {macs:10,}")
    first += repeats
for g in (1, 3, 8):
    macs = ghostnp.count(ghostnp.create_model(f"shufflenetv1_g{g}_1.0x", seed=None), (1, 3, 224, 224)).macs
    print(f"g = {g}: {WIDTHS[g, 1.0][1:]} channels in the three stages, {macs:,} MACs in all")

# %% [markdown]
# With more groups, a unit is cheaper, and the paper uses the saved multiply-adds for more channels. The suffix 1.0x of
# a network's name is the *width multiplier*: with 0.5x, every layer has about half as many channels.
#
# **What is max pooling?** A *max pool* (最大池化) keeps the largest number of each window. Three details matter:
#
# - *Padding*: a max pool ignores the padding, as if its numbers were $-\infty$. An average pool may count the zeros of
#   the padding or leave them out. PyTorch counts these zeros by default, and Keras does not.
# - *Ties*: if several pixels of a window have the largest value, the first of these pixels is chosen, row by row.
# - *Backward*: only the chosen pixel influences the output. So this pixel receives the whole `dy` of the window, and
#   the others receive 0. Therefore the forward pass must keep the chosen positions. A pixel that was chosen in several
#   windows receives the sum.
#
# By hand: the map in the next cell has four windows of 2x2 pixels. Their largest numbers are 2, 1, 0 and −1. In the
# first window, three pixels are 2, and the first of them is chosen. The positions in a window are counted from 0, row
# by row. The numbers of `dy` are 1, 2, 3 and 4:

# %%
tied = np.array([[2.0, 2, 1, 0], [1, 2, 0, -1], [0, -3, -2, -1], [-4, -5, -2, -2]])[None, None]
largest, chosen = ops.max_pool2d(tied, 2)
print("y: ", largest[0, 0].tolist())
print("chosen positions in the windows:", chosen[0, 0].tolist())
print("dx:", ops.max_pool2d_backward(np.array([[[[1.0, 2], [3, 4]]]]), tied, 2, chosen)[0, 0].tolist())
print("max pool of negative numbers, with padding:", ops.max_pool2d(-np.ones((1, 1, 1, 2)), 3, padding=1)[0].item())
for counted in (True, False):
    pooled = ops.avg_pool2d(np.ones((1, 1, 4, 4)), 3, stride=2, padding=1, count_include_pad=counted)
    print(f"average pool of ones, padding {'counted' if counted else 'left out'}:", pooled[0, 0].round(3).tolist())

# %% [markdown]
# ## What a unit costs, and an error in document 001
#
# The maps have $h \times w$ pixels. There are $c$ channels at the ends of a unit and $m$ in the middle. We count the
# multiply-adds of the three convolutions:
#
# | unit | cost |
# |---|---|
# | ResNet: 1x1, 3x3, 1x1 | $hw(2cm + 9m^2)$ |
# | ResNeXt: 1x1, 3x3 in $g$ groups, 1x1 | $hw(2cm + 9m^2/g)$ |
# | ShuffleNet: 1x1 in $g$ groups, depthwise 3x3, 1x1 in $g$ groups | $hw(2cm/g + 9m)$ |
#
# In this table, $m$ counts the channels of all groups in the middle together. Before you read on, work out the last
# line for $h = w = 28$, $c = 240$, $m = 60$ and $g = 3$. The result is $28 \cdot 28 \cdot (2 \cdot 240 \cdot 60 / 3 + 9
# \cdot 60) = 784 \cdot 10140 = 7{,}949{,}760$.

# %%
print("ResNet,     c = 256, m = 64:                    ", resnet_unit(56, 56, 256, 64).working)
# resnext_unit takes the width of one group, 4, as document 001 does.
print("ResNeXt,    c = 256, m = 128 in 32 groups of 4: ", resnext_unit(56, 56, 256, 4, 32).working)
print("ShuffleNet, c = 240, m = 60 in 3 groups of 20:  ", shufflenet_unit(28, 28, 240, 60, 3).working)

# %% [markdown]
# Document 001 writes one line for each of these units (claims N11, N12 and N13). But its letter $m$ does not always
# have the same meaning. In the line for ResNet, $m$ is the width of the whole middle. In the line for ResNeXt, $m$ is
# the width of one *group* (claim C18). Each of these two lines is right with its own meaning of $m$. The line for
# ShuffleNet is
#
# $$ghwm \cdot \frac{c}{g} + hwm \cdot 9 + ghwc \cdot \frac{m}{g}.$$
#
# If $m$ is the width of the whole middle, the correct terms are $hwmc/g$, $9hwm$ and $hwcm/g$. The table compares both
# meanings:
#
# | term | if $m$ is the whole middle | if $m$ is one group's width, so the middle has $gm$ channels |
# |---|---|---|
# | first 1x1: $ghwm \cdot c/g$ | $hwmc$ is $g$ times too large | $hw(gm)c/g$ is right |
# | depthwise: $hwm \cdot 9$ | $9hwm$ is right | $9hwm$ is **$g$ times too small**: $9hw(gm)$ is right |
# | second 1x1: $ghwc \cdot m/g$ | $hwcm$ is $g$ times too large | $hwc(gm)/g$ is right |
#
# So in the first meaning both 1x1 terms are wrong, and in the second only the depthwise term. With $m$ as the width of
# one group, one factor $g$ corrects the line:
#
# $$ghwm \cdot \frac{c}{g} + \mathbf{g} \cdot hwm \cdot 9 + ghwc \cdot \frac{m}{g}.$$
#
# The example with 240 channels and $g = 3$ gives:

# %%
readings = {
    "document, m = 60 in all:   ": "total",
    "document, m = 20 per group:": "per_group",
    "repaired, m = 20 per group:": "repaired",
    "paper,    m = 60 in all:   ": "paper",
}
line = document_shufflenet_line(28, 28, 240, 60, 3)
for reading, field in readings.items():
    print(reading, getattr(line, field).working)

# %% [markdown]
# ## Three ShuffleNets that are not the same
#
# The paper, the official code and document 001 differ in several details of a unit. In ghostnp, these details are the
# fields of a `ShuffleStyle`:

# %%
meanings = {
    "after_depthwise": "the shuffle comes after the depthwise convolution",
    "inverse": "the shuffle is the inverse permutation",
    "main_first": "unit (c) has the main path first in its output",
    "relu_pooled": "the last ReLU of unit (c) covers the pooled channels too",
    "pool_same": "the pool of unit (c) has TensorFlow's padding, and leaves it out of the mean",
}
print("paper  Megvii  document 001")
for field, meaning in meanings.items():
    values = ["yes" if getattr(style, field) else "no" for style in (PAPER, MEGVII, DOCUMENT_001)]
    print(f"{values[0]:6} {values[1]:7} {values[2]:13} {meaning}")

# %% [markdown]
# Claim C21 is about the last ReLU and the order of the two paths, and claim C22 is about the pool. Claim C24 is about
# fixed widths in the code of document 001, which fit only 3 groups at 1.0x.

# %%
claims("C20", "C21", "C22", "C23", "C24")

# %% [markdown]
# Claims C20 and C23 explain the counts below. The first 1x1 convolution of stage 2 reads only 24 channels. The paper
# and the official code do not divide this convolution into groups, but document 001 does (C20). In document 001, the
# convolutions and the fully connected layer have biases, but in the official code they have none (C23):

# %%
for name in ("shufflenetv1_g3_1.0x", "shufflenetv1_keras"):
    network = ghostnp.create_model(name, seed=None)
    table = ghostnp.count(network, (1, 3, 224, 224))
    first = network.features[0].branch_main_1[0].weight.size
    biases = sum(row.bias for row in table.rows if row.kernel or row.op == "linear")
    print(
        f"{name:21} {table.params:,} parameters, {first:5,} in the first 1x1, {biases:6,} biases; {table.macs:,} MACs"
    )

# %% [markdown]
# So document 001's network has fewer weights than the official network, but more parameters, because of its biases.
#
# <details><summary><b>For the curious: three more claims</b></summary>
#
# - Claim N14 is about the number of parameters in document 001's network. The document's code prints a summary of the
#   network, but the document does not show this summary. ghostnp counts 1,877,008 trained parameters, as printed above.
# - Claim C26 is about Keras, and not about the network: in Keras 3, a model that was never called reports zero
#   parameters.
# - Claim C49 is about ShuffleNetV2, which has no grouped 1x1 convolutions. Each unit with stride 1 splits its channels
#   into two halves, and leaves one half unchanged. A channel shuffle mixes the two halves. The code by Megvii and the
#   code in torchvision differ in the units with stride 2.
#
# In the terminal, `ghostnp claims C49` shows what was computed for this claim.
#
# </details>
#
# **To play with.** `ghostnp explore shuffle --open` shows the channel shuffle in the browser. `ghostnp explore pooling
# --open` shows max and average pooling, forward and backward.
#
# ## Exercises
#
# **1.** *(easy)* By hand: 240 channels are shuffled by 3 groups. Which channel is then at position 100? (Channels and
# positions are counted from 0.)

# %%
answer = None
check("05.1", answer)

# %% [markdown]
# **2.** *(medium)* By hand: a unit (c) has 480 input channels, 960 output channels, $m = 240$ and $g = 3$. The input
# has 14x14 pixels. How many multiply-adds do the three convolutions of the unit take? (First find out which
# convolutions have an output of 14x14 pixels, and which have an output of 7x7 pixels.)

# %%
answer = None
check("05.2", answer)

# %% [markdown]
# **3.** *(derivation)* A unit (a) takes more multiply-adds than a unit (b) with $g$ groups. Derive the factor between
# the two numbers, and show that the factor does not depend on $h$, $w$ or $m$. Which value does the factor approach for
# large $c$? Answer with the factor for $c = 480$ and $g = 3$. (Three digits are enough.)

# %%
answer = None
check("05.3", answer)

# %% [markdown]
# **4.** *(hard)* Shuffle 12 channels by 3 groups. Then shuffle the result by 3 groups, and repeat this. After how many
# shuffles in all is every channel back at its original position? You may use `ghostnp.ops.channel_shuffle`.

# %%
answer = None
check("05.4", answer)

# %% [markdown]
# **5.** *(code)* Complete `tutorials/exercises/05_channel_shuffle.py` and `06_channel_shuffle_backward.py` until
# `ghostnp check` reports no error. Then shuffle `np.arange(10.0).reshape(1, 10, 1, 1)` by 5 groups. Use the result as
# the `dy` of a shuffle by 2 groups, and compute the `dx` of this second shuffle. Which number is at position 4 of `dx`?

# %%
answer = None
check("05.5", answer)

# %% [markdown]
# ## References
#
# - X. Zhang, X. Zhou, M. Lin and J. Sun, "ShuffleNet: an extremely efficient convolutional neural network for mobile
#   devices", CVPR 2018, sections 3.1 to 3.3, figures 1 and 2, table 1. <https://arxiv.org/abs/1707.01083>
# - F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017, section 4.7: no ReLU between
#   depthwise and pointwise. <https://arxiv.org/abs/1610.02357>
# - N. Ma, X. Zhang, H. Zheng and J. Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture design",
#   ECCV 2018, figure 3. <https://arxiv.org/abs/1807.11164>
#
# Next: tutorial 06, batch norm and activations.
