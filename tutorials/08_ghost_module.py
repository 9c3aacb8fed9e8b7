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
# # 8. Redundancy of feature maps and the ghost module
#
# **Many maps of a layer look alike. Why compute each of them at full cost?**
#
# A layer of a network makes dozens of maps, and each map needs a filter over all input channels. Some of these maps
# look like blurred, sharpened or slightly shifted copies of other maps. GhostNet begins with this observation. A map
# that resembles another map need not be computed from the whole input. It can be computed cheaply from the other map.
#
# Here are the first 8 of 16 maps of a photo. The maps are made by random 3x3 filters, as in an untrained network,
# followed by batch norm and ReLU.

# %%
import itertools
import math

import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.models import create_model
from ghostnp.modules import Flatten, GhostModule, Linear, MaxPool2d, ReLU, Sequential, initializer
from ghostnp.modules.bottleneck import GhostConv2d
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient

photo = load_photo(size=56)
filters = np.random.default_rng(0).standard_normal((16, 3, 3, 3)).astype(np.float32)
made = ops.standard_conv2d(photo, filters, padding=1)
maps = np.maximum(made - made.mean(axis=(2, 3), keepdims=True), 0) / made.std(axis=(2, 3), keepdims=True)
show(
    pictures.feature_maps(maps, columns=4, limit=8),
    "Eight maps of the photo by random filters. Several of them look nearly alike, in other brightness.",
    dpi=72,
)

# %% [markdown]
# ## By hand
#
# We start with small numbers. The input has two maps, each with a single row:
#
# $$x_0 = (1, 2, 3), \qquad x_1 = (0, 1, 1).$$
#
# A 1x1 convolution with the weights 1 and −1, the *primary* convolution, makes one map from these two. This map is
# called *intrinsic* (本征特征图):
#
# $$y_0 = 1 \cdot x_0 - 1 \cdot x_1 = (1, 1, 2).$$
#
# A *cheap operation* (廉价操作) makes a second map *from the intrinsic map*. Here the cheap operation is a depthwise
# kernel $(1, 0, -1)$ with padding. The second map is called a *ghost* (幻影特征图):
#
# $$y_1 = (0 - 1, 1 - 2, 1 - 0) = (-1, -1, 1).$$
#
# The output is the concatenation of both maps. A plain convolution from 2 maps to 2 maps with the same 1x3 window has
# $2 \cdot 2 \cdot 3 = 12$ weights, but the primary convolution and the cheap operation have only $2 + 3 = 5$. (A plain
# 1x1 convolution has 4. The section "What it costs" compares it with a ghost module.)
#
# The ghost module of GhostNet has more maps, and batch norm and ReLU after both steps:

# %%
show(
    pictures.ghost_flow(3, 16),
    "A flow chart. The 3 maps of x go into a 1x1 primary convolution. Its 8 intrinsic maps go straight into a "
    "concatenation, and through a 3x3 depthwise cheap operation, which makes 8 ghosts of them.",
    dpi=72,
)

# %% [markdown]
# The cheap kernel of the module is 3x3. We put our kernel into its middle row. `GhostConv2d` is a ghost module without
# batch norm and ReLU, so its output is what we computed by hand. It has biases, which are 0 here. (`initializer(None)`
# makes all weights 0.)

# %%
x = np.array([[[[1.0, 2, 3]], [[0, 1, 1]]]])
with initializer(None, np.float64):
    tiny = GhostConv2d(2, 2, 1)
tiny.conv1.weight[0, :, 0, 0] = 1, -1
tiny.conv2.weight[0, 0, 1] = 1, 0, -1
print(tiny(x)[0, :, 0])

# %% [markdown]
# ## How much alike are they?
#
# We go back to the 16 maps. Can a 3x3 kernel make map $b$ from map $a$? If it can, each pixel of $b$ is a weighted sum
# of nine pixels of $a$, plus a constant. There are 3,136 pixels, but only ten unknown numbers. So an exact solution
# exists only by chance. *Least squares* finds the ten numbers whose result is nearest to $b$. The number $r^2$ says how
# near this result is:
#
# $$r^2 = 1 - \frac{\text{variance of } (b - \text{what the kernel makes of } a)}{\text{variance of } b}.$$
#
# If the kernel makes $b$ exactly, $r^2$ is 1. If the result is no better than a constant map, $r^2$ is 0.


# %%
def cheap_kernel(a, b, d=3):
    """The d x d kernel and the constant whose result, made from map a, is nearest to map b."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(a, d // 2), (d, d)).reshape(-1, d * d)
    found = np.linalg.lstsq(np.column_stack([windows, np.ones(len(windows))]), b.ravel(), rcond=None)[0]
    return found[:-1].reshape(d, d), found[-1]


def remade(a, b, d=3):
    """Map b as the best kernel makes it from map a, and r²."""
    kernel, constant = cheap_kernel(a, b, d)
    near = ops.depthwise_conv2d(a[None, None], kernel[None, None], padding=d // 2)[0, 0] + constant
    return near, 1 - (b - near).var() / b.var()


def likeness(stack, others, d=3):
    """r² of each map of `others` (columns) made from each map of `stack` (rows); 0 on the diagonal."""
    r2 = np.array([[remade(a, b, d)[1] for b in others] for a in stack])
    np.fill_diagonal(r2, 0)
    return r2


def best_pairs(r2, count=3):
    """The pairs (made of, made) with the largest r², no map in two of them."""
    pairs, free = [], r2.copy()
    for _ in range(count):
        a, b = (int(index) for index in np.unravel_index(free.argmax(), free.shape))
        pairs.append((a, b))
        free[[a, b]] = free[:, [a, b]] = 0
    return pairs


stack = maps[0].astype(np.float64)
r2 = likeness(stack, stack)
print("best r² for each map:", *(f"{best:.2f}" for best in r2.max(axis=0)))
print(f"maps with a partner that explains more than half: {(r2.max(axis=0) > 0.5).sum()} of {len(stack)}")
control = likeness(stack, stack[:, :, ::-1])
print(f"median of the best r²: {np.median(r2.max(axis=0)):.2f}")
print(f"median for maps that are mirrored left to right: {np.median(control.max(axis=0)):.2f}")

# %% [markdown]
# The last line is a control, for which we mirrored map $b$, but not map $a$. A mirrored map has the same edges and the
# same brightness, but at other places. If any two maps with edges fitted each other, the mirrored maps would fit just
# as well. They fit much worse. So two maps of one photo fit because they show the same content *at the same place*.
#
# Here are the two best pairs and their kernels:

# %%
sharp = {"interpolation": "nearest"}
figure, grid = style.sheet(8, 4.2, nrows=2, ncols=4, top=0.93)
for row, (a, b) in enumerate(best_pairs(r2, 2)):
    near, share = remade(stack[a], stack[b])
    style.show(figure.add_subplot(grid[row, 0]), stack[a], f"map {a}", style.INTRINSIC, **sharp)
    style.show_signed(figure.add_subplot(grid[row, 1]), cheap_kernel(stack[a], stack[b])[0], "kernel found")
    style.show(figure.add_subplot(grid[row, 2]), near, f"made of map {a}, r² = {share:.2f}", style.GHOST, **sharp)
    style.show(figure.add_subplot(grid[row, 3]), stack[b], f"map {b}", style.OUTPUT, **sharp)
show(
    figure,
    "Two rows: a map, the 3x3 kernel that was found, what the kernel makes of the map, and the map that it was to "
    "make. The last two look alike.",
    dpi=70,
)

# %% [markdown]
# Redundancy is not always waste. The paper says that a network may *need* maps that resemble each other. The paper only
# wants to make some of these maps cheaply. (Even random filters make similar maps, because photos are smooth and their
# colours vary together. Tutorial 14, "Maps that resemble each other", measures the redundancy of a trained network.)
#
# ## The module
#
# A *ghost module* does not search for maps that are alike. It makes some maps by a convolution, and *defines* the other
# maps as cheap transforms of these. The module makes $n$ maps, and one map in $s$ is intrinsic. We call $s$ the
# *ratio*. In the paper's letters:
#
# $$Y' = X * f' \quad (m = n / s \text{ intrinsic maps}), \qquad
# y_{ij} = \Phi_{i,j}(y'_i), \quad i \le m, j \le s - 1.$$
#
# Here $X$ is the input, $f'$ are the primary filters, and $*$ is the convolution. Map $y'_i$ is the intrinsic map
# number $i$, and $y_{ij}$ is its ghost number $j$. The output is the concatenation $[Y', Y]$ of intrinsic maps and
# ghosts. Each $\Phi$ is a depthwise 3x3 kernel. In the official code batch norm and ReLU follow both steps. So a ghost
# is made from an intrinsic map after its ReLU. (The section "A ratio that does not divide" is about an $n$ that is not
# a multiple of $s$.)
#
# **Which ghost modules have a ReLU?** In GhostNet each block has two ghost modules (tutorial 09, "By hand"). The first
# module makes many maps (it *widens*), and has both ReLUs. The second module makes few maps (it *narrows*), and has no
# ReLU (`relu=False`). A ReLU in the second module would set about half of the numbers to 0, and no later layer could
# restore these numbers. In the first module the ReLUs do less harm, because among many maps, other maps keep what one
# ReLU deletes. MobileNetV2 gives these reasons for its *linear bottleneck*, and GhostNet follows MobileNetV2. Both
# modules keep batch norm.

# %%
source(GhostModule.forward)

# %% [markdown]
# ## On a photo
#
# The module below makes eight intrinsic maps. We set its weights by hand, as in the tour (the command `ghostnp`). Each
# intrinsic map is a mixture of the colours, and has one cheap kernel. Each ghost (orange frame) is made only from the
# intrinsic map above it (blue frame).

# %%
from ghostnp.course.tour.filters import CHEAP, INTRINSIC

module = GhostModule(3, 16)
module.primary_conv[0].weight[:, :, 0, 0] = list(INTRINSIC.values())
module.cheap_operation[0].weight[:, 0] = list(CHEAP.values())
both = module(photo)[0]
figure, grid = style.sheet(13, 3.8, nrows=2, ncols=8, top=0.9, hspace=0.3)
for i, (mixture, kernel) in enumerate(zip(INTRINSIC, CHEAP, strict=True)):
    style.show(figure.add_subplot(grid[0, i]), both[i], mixture, style.INTRINSIC, size=9, **sharp)
    style.show(figure.add_subplot(grid[1, i]), both[8 + i], kernel, style.GHOST, size=9, **sharp)
show(
    figure,
    "Eight intrinsic maps, mixtures of the colours, and below each of them its ghost: the same map with its "
    "edges, blurred, or sharpened.",
    dpi=68,
)

# %% [markdown]
# ## Backward
#
# Again we start by hand. Let the loss be the sum of the first pixel of the intrinsic map and the last pixel of the
# ghost:
#
# $$dy_0 = (1, 0, 0), \qquad dy_1 = (0, 0, 1).$$
#
# The last pixel of the ghost is $1 \cdot 1 + 0 \cdot 2 - 1 \cdot 0$, because its window contains 1, 2 and a zero of the
# padding. So the gradient of the cheap kernel is $(1, 2, 0)$. In this window the tap with weight 1 lies on the middle
# pixel of the map. Therefore the cheap operation gives the gradient $(0, 1, 0)$ to the intrinsic map.
#
# **The intrinsic map is used twice**, once as output and once as the input of the cheap operation. So its gradient is a
# sum:
#
# $$d\text{intrinsic} = dy_0 + d_\text{from cheap} = (1, 0, 0) + (0, 1, 0) = (1, 1, 0).$$
#
# The rest is the backward pass of a pointwise convolution: $dx_0 = 1 \cdot (1, 1, 0)$ and $dx_1 = -1 \cdot (1, 1, 0)$.
# The gradients of the two primary weights are $1 \cdot 1 + 1 \cdot 2 = 3$ and $1 \cdot 0 + 1 \cdot 1 = 1$.

# %%
dy = np.array([[[[1.0, 0, 0]], [[0, 0, 1]]]])
y, cache = tiny.forward(x)
dx, grads = tiny.backward(dy, cache)
print("dx =", dx[0, :, 0].tolist())
print("primary:", grads["conv1.weight"].ravel().tolist())
print("cheap:  ", grads["conv2.weight"][0, 0, 1].tolist())

# %% [markdown]
# In general, let $\text{cheap}^\top$ and $\text{primary}^\top$ be the backward passes of the two steps. Then
#
# $$d\text{intrinsic} = dY' + \text{cheap}^\top dY, \qquad dX = \text{primary}^\top d\text{intrinsic}.$$
#
# Compare `backward` with `forward`. `concat` becomes `concat_backward`, and the two steps come in the opposite order.
# An `add` stands where an array was used twice.

# %%
source(GhostModule.backward)

# %% [markdown]
# `ghostnp.trace` lists each step. (The cheap operation is listed as `standard_conv2d`, because a depthwise convolution
# of a single map is a standard convolution. The module has 13 parameters: 2 primary weights, 9 weights of the 3x3
# kernel, and 2 biases.) The row `add` is the sum of the two gradients:

# %%
steps = ghostnp.trace(tiny, x, dy=dy)
print(steps)
added = next(row for row in steps.rows if row.op == "add")
print()
for number in added.made_from:
    print(f"#{number}:", steps[number].ravel().tolist())
print(f"#{added.number}:", steps[added.number].ravel().tolist(), "(their sum)")

# %% [markdown]
# ## Is it right?
#
# We compare the gradients with measured slopes, in float64 (tutorial 02, "Is it right?"). This time we take the full
# module with batch norm and ReLU, in training.

# %%
rng = np.random.default_rng(1)
with initializer(0, np.float64):
    real = GhostModule(3, 6, ratio=3)
images = rng.standard_normal((2, 3, 5, 5))
primary, cheap = real.primary_conv[0].weight, real.cheap_operation[0].weight


def forward(images, primary_weight, cheap_weight):
    kept = primary.copy(), cheap.copy()
    primary[...], cheap[...] = primary_weight, cheap_weight
    y, _ = real.forward(images, training=True)
    primary[...], cheap[...] = kept
    return y


y, cache = real.forward(images, training=True)
dy = rng.standard_normal(y.shape)
dx, grads = real.backward(dy, cache)
arguments = images, primary.copy(), cheap.copy()
assert_gradient(forward, arguments, dy, (dx, grads["primary_conv.0.weight"], grads["cheap_operation.0.weight"]))
print("the gradients of the input and of both weights agree with their slopes")

# %% [markdown]
# The usual mistake is to forget the sum, and to give the primary convolution only $dY'$, the part that comes from the
# output. The wrong gradient has the right shape and about the right size. Training with it would still run, but the
# network would learn worse. The measured slope shows the mistake.

# %%
own_share, _ = ops.concat_backward(dy, cache.maps, keep=6)
forgetful, _ = real.primary_conv.backward(own_share, cache.primary)
print(f"forgotten sum is {np.linalg.norm(forgetful) / np.linalg.norm(dx):.1f} times as long as the right gradient")
try:
    assert_gradient(lambda images: forward(images, *arguments[1:]), arguments[:1], dy, (forgetful,))
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# ## What it costs
#
# A ghost module makes $n$ maps from $C$ channels. Let the primary kernels be $k \times k$, and the cheap kernels
# $d \times d$. Without biases there are:
#
# | | weights |
# |---|---|
# | plain convolution | $n C k^2$ |
# | primary | $\frac{n}{s} C k^2$ |
# | cheap operation | $(s - 1) \frac{n}{s} d^2$ |
#
# The multiply-adds are these numbers times the number of output pixels. So a ghost module divides parameters and
# multiply-adds by the same factor,
#
# $$\frac{n C k^2}{\frac{n}{s} C k^2 + (s - 1) \frac{n}{s} d^2} = \frac{s C k^2}{C k^2 + (s - 1) d^2}.$$
#
# If $C k^2$ is much larger than $d^2$, the factor is about $s$. With $d = k$ the factor is $s C / (C + s - 1)$, as in
# the paper. But in GhostNet $k = 1$ and $d = 3$.
#
# **When is a ghost module more expensive than the convolution that it replaces?** When the factor is below 1:
#
# $$s C k^2 < C k^2 + (s - 1) d^2 \iff C k^2 < d^2.$$
#
# The condition contains neither $s$ nor $n$. With $k = 1$ and $d = 3$, a ghost module with fewer than **9 input
# channels** costs more than the convolution. Document 002 (a blog post) tries its module with only 3 channels (claim
# N15). This module has $3 \cdot 32 + 32 \cdot 9 = 384$ weights, but a plain 1x1 convolution has only
# $3 \cdot 64 = 192$. With the $64 \cdot 2$ numbers of batch norm the module has 512 parameters.

# %%
claims("N15")


# %%
def factor(channels, ratio, n=48):
    """How many times fewer weights than a plain 1x1 convolution, from the counters."""
    m = n // ratio
    plain = ops.pointwise_conv2d_cost((1, channels, 8, 8), (n, channels, 1, 1))
    primary = ops.pointwise_conv2d_cost((1, channels, 8, 8), (m, channels, 1, 1))
    cheap = ops.depthwise_conv2d_cost((1, m, 8, 8), ((ratio - 1) * m, 1, 3, 3), padding=1)
    assert plain.params * (primary.macs + cheap.macs) == plain.macs * (primary.params + cheap.params)
    return plain.params / (primary.params + cheap.params)


assert all(factor(9, ratio) == 1 for ratio in (2, 3, 4))
channels = np.unique(np.geomspace(1, 1000, 60).astype(int))
figure, grid = style.sheet(9, 3.6, nrows=1, ncols=1, left=0.08, right=0.88, bottom=0.17, top=0.88)
axes = style.plain_axes(figure.add_subplot(grid[0]), "times fewer weights than a plain 1x1", x_label="channels in")
for ratio, colour in zip((2, 3, 4), (style.INTRINSIC, style.GATE, style.GROUPS[0]), strict=True):
    line = [factor(int(c), ratio) for c in channels]
    axes.plot(channels, line, color=colour, linewidth=2)
    axes.text(1080, line[-1], f"s = {ratio}", color=colour, va="center", fontsize=11)
axes.axhspan(0, 1, color="#EEEEEE")
axes.text(300, 0.4, "more expensive", **style.TEXT)
axes.plot(3, factor(3, 2), "o", color=style.GHOST, markersize=9)
axes.annotate("document 002's example", (3, factor(3, 2)), xytext=(3.6, 0.22), **style.TEXT)
axes.set(xscale="log", xlim=(1, 1000), ylim=(0, 4), xticks=[1, 3, 9, 30, 100, 300, 1000])
axes.xaxis.set_major_formatter("{x:g}")
axes.xaxis.set_minor_formatter("")
show(
    figure,
    "Curves: how many times fewer weights a ghost module has than a 1x1 convolution, by channels in. All ratios "
    "cross 1 at 9 channels. With many channels the factor approaches s: 2, 3 or 4. Document 002's example has 3 "
    "channels, where the ghost module is more expensive.",
)

# %% [markdown]
# What do ghost modules save in GhostNet itself? All of its 32 ghost modules have at least 16 input channels, so none is
# more expensive than a plain 1x1 convolution. The first module saves little, and the last module saves nearly half of
# the weights. (`seed=None` makes all weights 0, because counting needs only shapes. `tree()` gives all modules of a
# network.)

# %%
ghosts = [module for module in create_model("ghostnet_100", seed=None).tree().values() if type(module) is GhostModule]
sizes = [(g.primary_conv[0].weight.shape[1], g.out_channels) for g in ghosts]
own = [g.primary_conv[0].weight.size + g.cheap_operation[0].weight.size for g in ghosts]
plain = [c * n for c, n in sizes]
for (c, n), ours, theirs in list(zip(sizes, own, plain, strict=True))[:: len(ghosts) - 1]:
    print(f"{c:3} to {n:3} maps: {theirs:,} / {ours:,} = {theirs / ours:.2f}")
print(f"all {len(ghosts)}: {sum(plain):,} / {sum(own):,} = {sum(plain) / sum(own):.2f}")

# %% [markdown]
# **Which size of cheap kernel, and which ratio?** A 1x1 cheap kernel can only scale a map. A larger kernel also reads
# the pixels around it. How much larger does $r^2$ become? We search for the best partner of each of the first eight
# maps, with kernels of four sizes:

# %%
for d in (1, 3, 5, 7):
    print(f"d = {d}: median of the best r² {np.median(likeness(stack[:8], stack[:8], d).max(axis=0)):.2f}")

# %% [markdown]
# Each larger kernel explains more, but the step from 5x5 to 7x7 adds the least. The paper replaced each convolution of
# VGG-16 by a ghost module, and tried $d$ = 1, 3, 5, 7 and $s$ = 2, 3, 4, 5 on CIFAR-10 (tables 3 and 4). At $s = 2$ the
# accuracy was higher for $d = 3$ than for 1, 5 and 7. With a larger $s$ it fell gradually. The paper chose $d = 3$ and
# $s = 2$. Here we count what each choice costs:

# %%
VGG = [64, 64, "pool", 128, 128, "pool", *[256] * 3, "pool", *[512] * 3, "pool", *[512] * 3, "pool"]


def ghost_vgg(ratio, kernel):
    layers, before = [], 3
    for width in VGG:
        if width == "pool":
            layers.append(MaxPool2d(2, stride=2))
        else:
            layers.append(GhostModule(before, width, kernel_size=3, ratio=ratio, cheap_kernel_size=kernel))
            before = width
    return Sequential(*layers, Flatten(), Linear(512, 512), ReLU(), Linear(512, 10))


for ratio, kernel in ((2, 1), (2, 3), (2, 5), (2, 7), (3, 3), (4, 3), (5, 3)):
    with initializer(None):
        counted = ghostnp.count(ghost_vgg(ratio, kernel), (1, 3, 32, 32))
    print(
        f"s = {ratio}, d = {kernel}: {counted.params / 1e6:.1f} M parameters, {counted.macs / 1e6:5.1f} M multiply-adds"
    )

# %% [markdown]
# In VGG-16 a larger $d$ costs little, because each intrinsic map has $9C$ weights, and each ghost has only $d^2$. (With
# few channels and 1x1 primary kernels a larger $d$ costs much. In the small network of `gallery/ghost.ipynb` 7x7 takes
# twice the multiply-adds of 3x3.) A larger $s$ saves much. For accuracies see "For the curious".

# %% [markdown]
# **To play with.** `ghostnp explore ghost --backward --open` shows the ghost module. Point at a number of the gradient
# of an intrinsic map to see both parts of the sum.
#
# ## Exercises
#
# **1.** *(easy)* By hand: a ghost module goes from 40 to 120 maps, with ratio 2, 1x1 primary kernels, 3x3 cheap kernels
# and a batch norm after each step. How many parameters does it have?

# %%
answer = None
check("08.1", answer)

# %% [markdown]
# **2.** *(medium)* By hand: a ghost module has 1x1 primary kernels and **5x5** cheap kernels. What is the smallest
# number of input channels for which this module has fewer weights than a plain 1x1 convolution?

# %%
answer = None
check("08.2", answer)

# %% [markdown]
# **3.** *(medium)* A ghost module with ratio 4 makes 30 maps. How many of its cheap filters never get a gradient? (Read
# "A ratio that does not divide" below first.)

# %%
answer = None
check("08.3", answer)

# %% [markdown]
# **4.** *(derivation)* Show that the number of weights of a ghost module, divided by $n$, is $d^2 + (C k^2 - d^2) / s$.
# Then show that the factor $C k^2 / (d^2 + (C k^2 - d^2) / s)$, by which the module saves weights, grows with $s$
# towards a limit. (Assume that $C k^2 > d^2$.) How large is this limit for 160 input channels, $k = 1$ and $d = 3$?
# (Three digits.)

# %%
answer = None
check("08.4", answer)

# %% [markdown]
# **5.** *(code)* Fill in `tutorials/exercises/17_ghost_module.py` and `18_ghost_module_backward.py` until
# `ghostnp check` accepts them. In both files each step of the module ends in a ReLU. Then let `x` be
# `np.arange(1.0, 5).reshape(1, 1, 2, 2)`, `primary_weight` a single 2, `cheap_weight` ones of shape (1, 1, 3, 3), and
# `dy` ones of shape (1, 2, 2, 2). What is the gradient of `primary_weight`?

# %%
answer = None
check("08.5", answer)

# %% [markdown]
# ## For the curious
#
# Nothing on the later pages needs this section. Only exercise 3 above needs "A ratio that does not divide".
#
# **Is the input split?** Document 002 says that the input is split into two parts, a small one for local and a large
# one for global information. We can check this. We take one pixel of an intrinsic map and one pixel of a ghost. From
# each of them we go backward, and see which inputs get a gradient.

# %%
with initializer(0, np.float64):
    asked = GhostModule(6, 8, relu=False)
maps_in = rng.standard_normal((1, 6, 7, 7))
y, cache = asked.forward(maps_in)
for name, channel in {"an intrinsic map": 0, "a ghost": 4}.items():
    dy = np.zeros_like(y)
    dy[0, channel, 3, 3] = 1
    reached = asked.backward(dy, cache)[0][0] != 0
    print(f"{name} reads {reached.any(axis=(1, 2)).sum()} of 6 channels, {reached.any(axis=0).sum()} of 49 pixels")

# %% [markdown]
# The input is not split: both maps depend on all six channels. (The ghost depends on them through its intrinsic map.) A
# pixel of the intrinsic map reads one pixel of each channel, and a pixel of the ghost reads nine. So neither map is
# global. In GhostNet only two things make a pixel depend on far pixels. One is squeeze-and-excitation, which has one
# factor for a whole map. The other is the large number of layers. GhostNetV2 improves this (see the beginning of
# tutorial 10).
#
# Document 002 also says that the ghosts are the smaller part of the maps (claim C29). But with ratio 2 there are as
# many ghosts as intrinsic maps, and with a larger ratio there are more ghosts. Claim C27 is about training (see the end
# of tutorial 13).

# %%
claims("C28", "C29", "C30", "C27")

# %% [markdown]
# ### A ratio that does not divide
#
# **What is the slice after the concatenation for?** The official code cuts the concatenation by `out[:, :oup]`, and
# ghostnp by the argument `keep` of `concat`. Take $n = 10$ and $s = 3$. Ten is not a multiple of three. The official
# code rounds the number of intrinsic maps up, $m = \lceil 10 / 3 \rceil = 4$. These have $4 \cdot 2 = 8$ ghosts, so
# there are 12 maps. The slice cuts off the last 2 maps. Rounding down would give $3 + 6 = 9$ maps, one too few.

# %%
show(
    pictures.ghost_flow(4, 10, ratio=3),
    "The flow chart of a ghost module with ratio 3: 4 intrinsic maps and 8 ghosts are concatenated, and 10 of the "
    "12 are kept.",
    dpi=72,
)

# %% [markdown]
# The maps that are cut off are computed too, but no output depends on them. So the gradient of their filters is exactly
# zero (claim C33). These filters do not learn: only weight decay (tutorial 13, "Descent") still shrinks them. Each
# intrinsic map has two ghosts, and the ghosts stand in the order of the intrinsic maps. Both ghosts of the last
# intrinsic map are cut off, so this map has no ghost left.

# %%
with initializer(0, np.float64):
    uneven = GhostModule(4, 10, ratio=3)
y, cache = uneven.forward(rng.standard_normal((2, 4, 6, 6)), training=True)
_, grads = uneven.backward(rng.standard_normal(y.shape), cache)
assert not grads["cheap_operation.0.weight"][6:].any()  # exactly
print("maps:", y.shape[1])
for ghost, gradient in enumerate(grads["cheap_operation.0.weight"]):
    print(f"ghost {ghost} of intrinsic map {ghost // 2}: largest gradient {np.abs(gradient).max():.2f}")

# %% [markdown]
# In GhostNet the slice never cuts anything off, because the ratio is always 2, and all channel counts are multiples
# of 4. For other ratios and counts, three codes do three different things:
#
# | code | 9 maps, ratio 2 | ratio 1 |
# |---|---|---|
# | official PyTorch, document 002 | 5 + 5, cut to 9 | raises an error: a convolution without filters (claim C32) |
# | official TensorFlow | 5 + 4: cuts the ghosts before the concatenation | gives the primary maps |
# | Keras, document 000 | 4 + 4: *one map is lost without a message* (claim C10) | has no ratio |
#
# For a ratio of 1, ghostnp does what the official TensorFlow code does. For every other ratio, ghostnp does what the
# official PyTorch code does.

# %%
claims("C10", "C32", "C33")

# %% [markdown]
# **Which accuracy do other kernels and ratios give?** The paper chose $s = 2$ and $d = 3$, and reports an accuracy of
# 93.7% for VGG-16 with such ghost modules. For the other choices we give only the order ("What it costs"), because we
# could not look up the paper's tables when we wrote this page. The gallery has a small experiment on digits of 8x8
# pixels (`gallery/ghost.ipynb`). In this experiment 1x1 cheap kernels were worst (95.0%, against 96.5% with 3x3).
# Kernels of 5x5 and 7x7 were a little *better* than 3x3 (97.2% and 97.3%), but took more multiply-adds. The repository
# `TingsongYu/ghostnet_cifar10` has a VGG-16 with such ghost modules, trained on CIFAR-10. Its accuracy is 92.0%, and
# the paper reports 93.7%. For VGG-16 without ghost modules the repository reports 93.5%, and the paper 93.6%.

# %% [markdown]
# **Which comes first?** In document 000 (a GhostNet in Keras) the ghosts come first in the concatenation, and the
# intrinsic maps follow. In the official codes the intrinsic maps come first (claim C04). Both codes have the same maps,
# but in another order, and the weights of the next layer expect one of the two orders. So the weights of one code are
# useless in the other code until their input channels are permuted. Tutorial 15, "From Keras to PyTorch", permutes
# them.

# %%
claims("C04")

# %% [markdown]
# **Cheap operation or depthwise separable convolution?** Document 004 calls the ghost module a convolution plus a
# depthwise separable convolution (claim C44). Document 000 speaks of grouped convolution in the ghost module (claim
# C01). In fact the cheap operation is only a depthwise convolution. (Tutorial 03, "The definitions", explains the
# difference.) A depthwise separable convolution and a ghost module both consist of a 1x1 convolution and a 3x3
# depthwise convolution. But they differ in four points:
#
# | | depthwise separable | ghost module |
# |---|---|---|
# | order | depthwise 3x3, then 1x1 | 1x1, then depthwise 3x3 |
# | the first step's result | is only the input of the second | is part of the output |
# | maps by the 1x1 | all $n$ | $n / s$ |
# | weights for $C$ to $n$ maps | $9 C + C n$ | $C n / s + 9 (s - 1) n / s$ |

# %%
claims("C44", "C01")

# %% [markdown]
# **How do I plot the feature maps of the paper's first figure?** The figure shows maps of the first group of residual
# blocks (tutorial 09) of a trained ResNet-50. Frames mark three similar pairs. `best_pairs` from above finds such
# pairs, and `pictures.feature_maps` draws the frames. The network below is untrained, and we run only its first block.
# With a loaded checkpoint (tutorial 15, "The file") and all blocks of the group, you get a figure like the paper's.

# %%
network = create_model("resnet50", num_classes=10)
stem = network.conv1(load_photo(size=128))
stem = network.maxpool(network.bn1.forward(stem, training=True)[0])
group, _ = network.layer1[0].forward(stem, training=True)
candidates = group[0, :16].astype(np.float64)
alike = likeness(candidates, candidates)
found = best_pairs(alike)
print(*(f"map {b} of map {a}: r² = {alike[a, b]:.2f}" for a, b in found), sep="\n")
show(
    pictures.feature_maps(group, limit=16, pairs=found),
    "Sixteen maps of the first group of an untrained ResNet-50. Coloured frames mark three pairs that look alike.",
    dpi=70,
)

# %% [markdown]
# **Can ghost modules be used in a ResNet?** Yes, the authors did this. Each convolution of every bottleneck becomes a
# ghost module, and so does each convolution in a shortcut. Only the 7x7 convolution at the beginning stays. So some
# primary kernels are 1x1, and others are 3x3.
#
# **Where do stride and dilation go?** They go into the primary convolution, together with the padding of the layer, and
# never into the cheap operation. (The authors say so in issue 34 of their repository.) Each pixel of a ghost has to
# belong to the pixel at the same place of its intrinsic map. If the cheap operation had the stride, the maps could not
# be concatenated:

# %%
features = rng.standard_normal((1, 4, 8, 8))
weight, kernel = rng.standard_normal((3, 4, 3, 3)), rng.standard_normal((3, 1, 3, 3))
for where, one, other in (("primary", {"stride": 2}, {}), ("cheap", {}, {"stride": 2})):
    intrinsic = ops.standard_conv2d(features, weight, padding=1, **one)
    ghost = ops.depthwise_conv2d(intrinsic, kernel, padding=1, **other)
    try:
        print(f"stride in {where}:", ops.concat((intrinsic, ghost)).shape)
    except ValueError as error:
        print(f"stride in {where}:", str(error).split(":")[0])
dilated = ops.standard_conv2d(features, weight, padding=2, dilation=2)
print("dilation in primary:", ops.concat((dilated, ops.depthwise_conv2d(dilated, kernel, padding=1))).shape)

# %% [markdown]
# (A dilated cheap operation would make ghosts of the right shape. But a ghost is meant to be a *small* change of its
# intrinsic map.)
#
# Here are the counts for photos of 224x224 pixels:

# %%
for name, keywords in (("resnet50", {}), ("ghost_resnet50", {"ratio": 2}), ("ghost_resnet50", {"ratio": 4})):
    table = ghostnp.count(create_model(name, seed=None, **keywords), (1, 3, 224, 224))
    print(f"{name:15}{keywords!s:13} {table.params:>10,} parameters, {table.macs:>13,} MACs")

# %% [markdown]
# The multiply-adds agree with the 4.1, 2.2 and 1.2 billion of the paper's table 6. For the two Ghost-ResNets the paper
# prints 13.0 and 6.5 million parameters. We could *not* reproduce these two numbers: the official code uses the 13.9
# and 8.1 million parameters that are counted here.
#
# Perhaps the paper's networks differ from the code in what is replaced and in what is counted. So we count every
# combination of three kinds of choices. The 7x7 convolution, the shortcuts and the classifier are ghost modules or not.
# The cheap kernels are 1x1, 3x3, 5x5 or 7x7. For each map we add nothing, a bias, a batch norm, or a batch norm with
# its statistics:

# %%
filters = [
    (name, array.shape) for name, array in create_model("resnet50", seed=None).parameters().items() if array.ndim > 1
]


def ghost_resnet_parameters(s, stem, shortcut, classifier, d, per_map):
    total = 0
    for name, (n, *seen) in filters:
        ghost = {"conv1.weight": stem, "fc.weight": classifier}.get(name, shortcut if "downsample" in name else True)
        m = -(-n // s)
        total += m * math.prod(seen) + (s - 1) * m * d**2 if ghost else n * math.prod(seen)
        total += n * (1 if name == "fc.weight" else per_map)
    return total / 1e6


choices = list(itertools.product((False, True), (False, True), (False, True), (1, 3, 5, 7), (0, 1, 2, 4)))
both = [(ghost_resnet_parameters(2, *choice), ghost_resnet_parameters(4, *choice)) for choice in choices]
fits = np.abs(np.array(both) - (13.0, 6.5)) <= 0.05
nearest = np.abs(np.array(both) - (13.0, 6.5)).sum(axis=1).argmin()
print(
    f"{len(choices)} combinations: 13.0 M is given by {fits[:, 0].sum()}, 6.5 M by {fits[:, 1].sum()}, both by {fits.all(axis=1).sum()}"
)
print(f"nearest to both: {both[nearest][0]:.2f} M and {both[nearest][1]:.2f} M, with")
said = "7x7 a ghost module", "shortcuts too", "classifier too", "side of the cheap kernels", "added for each map"
print(*(f"  {what}: {value}" for what, value in zip(said, choices[nearest], strict=True)), sep="\n")

# %% [markdown]
# No combination gives both numbers. In the nearest combination, all convolutions and the classifier are ghost modules
# with 1x1 cheap kernels, and each map has a batch norm with its statistics. Besides the 13.9 and 8.1 million, the
# official code creates 11.9 and 6.1 million weights that no forward pass uses. Neither these unused weights alone nor
# all weights together give the paper's numbers. So we cannot explain the difference. Issue 146 of the official
# repository asks the authors about it.
#
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 3.1, figures 1 and 2, equations
#   (2) to (5); section 4.1, tables 3 and 4 on VGG-16, table 6 on ResNet. <https://arxiv.org/abs/1911.11907>
# - M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018, section 3.2, on the missing
#   ReLU. <https://arxiv.org/abs/1801.04381>
# - Ghost modules trained on CIFAR-10: <https://github.com/TingsongYu/ghostnet_cifar10>
# - The authors on stride and dilation in ResNet: <https://github.com/huawei-noah/Efficient-AI-Backbones/issues/34>; on
#   the parameters of Ghost-ResNet-50: <https://github.com/huawei-noah/Efficient-AI-Backbones/issues/146>
#
# Next: tutorial 09 builds GhostNet from these modules.
