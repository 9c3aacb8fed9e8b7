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
# **Many maps of a layer look alike. Why pay the full price for each of them?**
#
# A layer of a network makes dozens of maps, and each costs a filter over all channels that come in. Look at the maps, and
# some look like others that were blurred, sharpened or shifted a little. GhostNet begins with this observation: such a map
# need not be computed from the whole input. It can be made from the map that it resembles, and that is cheap.
#
# Here are the first 8 of 16 maps of a photo. The filters are random 3x3 filters, as before any training; batch norm and
# ReLU follow.

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.models import create_model
from ghostnp.modules import GhostModule, initializer
from ghostnp.modules.bottleneck import GhostConv2d
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient

photo = load_photo(size=56)
filters = np.random.default_rng(0).standard_normal((16, 3, 3, 3)).astype(np.float32)
made = ops.standard_conv2d(photo, filters, padding=1)
maps = np.maximum(made - made.mean(axis=(2, 3), keepdims=True), 0) / made.std(axis=(2, 3), keepdims=True)
show(pictures.feature_maps(maps, columns=4, limit=8), dpi=65)

# %% [markdown]
# ## By hand
#
# Before we measure how much they resemble each other, here is what is done with it. Two maps come in. To save ink they
# have a single row:
#
# $$x_0 = (1, 2, 3), \qquad x_1 = (0, 1, 1).$$
#
# A *primary* convolution, 1x1 with the weights 1 and −1, makes one map of them. It is called *intrinsic* (本征特征图):
#
# $$y_0 = 1 \cdot x_0 - 1 \cdot x_1 = (1, 1, 2).$$
#
# A *cheap operation* (廉价操作), here a depthwise kernel $(1, 0, -1)$ with padding, makes a second map *of the first one*.
# It is called its *ghost* (幻影特征图):
#
# $$y_1 = (0 - 1, 1 - 2, 1 - 0) = (-1, -1, 1).$$
#
# The output is both, side by side: two maps of two. A plain 1x3 convolution from 2 maps to 2 has
# $2 \cdot 2 \cdot 3 = 12$ weights; here there are $2 + 3 = 5$. The same with more maps, and with batch norm and ReLU behind both
# steps, is the module of GhostNet:

# %%
show(pictures.ghost_flow(3, 16), dpi=65)

# %% [markdown]
# There the cheap kernel is 3x3. We put our row into the middle of it. `GhostConv2d` is a ghost module without batch norm and
# ReLU (but with biases, which are zero here), so the numbers stay those that we worked out:

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
# Back to the 16 maps. Can map $b$ be made of map $a$ by a 3x3 kernel? Each pixel of $b$ would have to be a weighted sum of
# the nine pixels around it in $a$, plus a constant. There are 3,136 pixels and only ten unknown numbers, so in general it
# cannot. *Least squares* finds the ten numbers that come nearest, and $r^2$ says how near:
#
# $$r^2 = 1 - \frac{\text{variance of what is left over}}{\text{variance of } b}.$$
#
# It is 1 if $b$ is made exactly, and 0 if the kernel does no better than a constant.


# %%
def cheap_kernel(a, b):
    """The 3x3 kernel and the constant that make of map a what is nearest to map b."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(a, 1), (3, 3)).reshape(-1, 9)
    found = np.linalg.lstsq(np.column_stack([windows, np.ones(len(windows))]), b.ravel(), rcond=None)[0]
    return found[:9].reshape(3, 3), found[9]


def remade(a, b):
    """What the kernel makes of a, and r²."""
    kernel, constant = cheap_kernel(a, b)
    near = ops.depthwise_conv2d(a[None, None], kernel[None, None], padding=1)[0, 0] + constant
    return near, 1 - (b - near).var() / b.var()


def likeness(stack, others):
    """r² of each map of `others` (columns) made of each map of `stack` (rows); a map is no partner of its own."""
    r2 = np.array([[remade(a, b)[1] for b in others] for a in stack])
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
control = likeness(stack, stack[:, :, ::-1])
print(f"median of these {np.median(r2.max(axis=0)):.2f}, and for maps of the mirrored photo", end=" ")
print(f"{np.median(control.max(axis=0)):.2f}")

# %% [markdown]
# Three maps in four have a partner that explains more than half of them. The last line is a check on the method: maps of
# the *mirrored* photo have the same kind of edges at other places, and there the kernel finds much less. So it is the
# content that the maps share.
#
# This is `depthwise_conv2d` with one channel, as in tutorial 03. The two best pairs, with the kernel that was
# found:

# %%
sharp = {"interpolation": "nearest"}
figure, grid = style.sheet(8, 4.2, nrows=2, ncols=4, top=0.93)
for row, (a, b) in enumerate(best_pairs(r2, 2)):
    near, share = remade(stack[a], stack[b])
    style.show(figure.add_subplot(grid[row, 0]), stack[a], f"map {a}", style.INTRINSIC, **sharp)
    style.show_signed(figure.add_subplot(grid[row, 1]), cheap_kernel(stack[a], stack[b])[0], "kernel found")
    style.show(figure.add_subplot(grid[row, 2]), near, f"made of map {a}, r² = {share:.2f}", style.GHOST, **sharp)
    style.show(figure.add_subplot(grid[row, 3]), stack[b], f"map {b}", style.OUTPUT, **sharp)
show(figure, dpi=65)

# %% [markdown]
# Redundancy is no waste by itself: the paper says that a network may well *need* maps that resemble each other. It only
# asks that the second one be made cheaply. (Random filters show it because photos are smooth and their colours go together.
# Tutorial 14 measures it in a trained network.)
#
# ## The module
#
# A *ghost module* does not wait until two maps happen to be alike. It makes some maps in the usual way and *defines* the
# others as cheap transforms of them. With $n$ maps wanted and a *ratio* $s$, in the paper's letters:
#
# $$Y' = X * f' \quad (m = n / s \text{ intrinsic maps}), \qquad
# y_{ij} = \Phi_{i,j}(y'_i), \quad i \le m, j \le s - 1,$$
#
# and the output is $[Y', Y]$. Each $\Phi$ is a depthwise 3x3 kernel. The official code does a little more than the formula:
# batch norm and ReLU follow the primary convolution *and* the cheap operation, so a ghost is made of an intrinsic map that
# has been through its ReLU.

# %%
source(GhostModule.forward)

# %% [markdown]
# ## On a photo
#
# Eight intrinsic maps by hand-set mixtures of the colours (the same as in `ghostnp tour`), and a hand-set cheap kernel over
# each. Every orange map is made of the blue map above it, and of nothing else.

# %%
from ghostnp.course.tour.filters import CHEAP, INTRINSIC

module = GhostModule(3, 16)
module.primary_conv[0].weight[:, :, 0, 0] = list(INTRINSIC.values())
module.cheap_operation[0].weight[:, 0] = list(CHEAP.values())
both = module(photo)[0]
figure, grid = style.sheet(11.5, 3.4, nrows=2, ncols=8, top=0.9, hspace=0.3)
for i, (mixture, kernel) in enumerate(zip(INTRINSIC, CHEAP, strict=True)):
    style.show(figure.add_subplot(grid[0, i]), both[i], mixture, style.INTRINSIC, size=8, **sharp)
    style.show(figure.add_subplot(grid[1, i]), both[8 + i], kernel, style.GHOST, size=8, **sharp)
show(figure, dpi=66)

# %% [markdown]
# ## Backward
#
# Now the other way, first by hand. Say the loss depends on the first pixel of the intrinsic map and on the last pixel of
# the ghost:
#
# $$dy_0 = (1, 0, 0), \qquad dy_1 = (0, 0, 1).$$
#
# The last pixel of the ghost was $1 \cdot 1 + 0 \cdot 2 - 1 \cdot 0$: its window saw the pixels 1, 2 and a zero of the
# padding. So the cheap kernel's gradient is $(1, 2, 0)$, and to the intrinsic map the cheap operation hands back
# $(0, 1, 0)$: the tap with weight 1 lay on the middle pixel.
#
# **The intrinsic map was used twice**, once as output and once as the cheap operation's input. So what it gets is a sum:
#
# $$d\text{intrinsic} = dy_0 + d_\text{from cheap} = (1, 0, 0) + (0, 1, 0) = (1, 1, 0).$$
#
# From there on it is the pointwise convolution of tutorial 03: $dx_0 = 1 \cdot (1, 1, 0)$ and $dx_1 = -1 \cdot (1, 1, 0)$,
# and the weights get $1 \cdot 1 + 1 \cdot 2 = 3$ and $1 \cdot 0 + 1 \cdot 1 = 1$.

# %%
dy = np.array([[[[1.0, 0, 0]], [[0, 0, 1]]]])
y, cache = tiny.forward(x)
dx, grads = tiny.backward(dy, cache)
print("dx =", dx[0, :, 0].tolist())
print("primary:", grads["conv1.weight"].ravel().tolist())
print("cheap:  ", grads["conv2.weight"][0, 0, 1].tolist())

# %% [markdown]
# In general, with $\text{cheap}^\top$ and $\text{primary}^\top$ for what their backward passes do,
#
# $$d\text{intrinsic} = dY' + \text{cheap}^\top dY, \qquad dX = \text{primary}^\top d\text{intrinsic}.$$
#
# Read `backward` beside `forward`. It is the mirror image: `concat` becomes `concat_backward`, the two steps come in the
# opposite order, and where an array went two ways there is an `add`.

# %%
source(GhostModule.backward)

# %% [markdown]
# `ghostnp.trace` shows it step by step. The row `add` is the sum:

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
# The slope, in float64, as in tutorial 02; this time of the full module with batch norm and ReLU, in training, and for the
# input and both weights at once.

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
print("three slopes agree")

# %% [markdown]
# The mistake that is made here is to forget the sum: to send only the output's own share on to the primary convolution. The
# result has the right shape, is not zero, and is about the right size; training with it would go on, just worse. The slope
# notices:

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
# Let $C$ channels come in and $n$ be wanted; let the primary kernel be $k \times k$ and the cheap one $d \times d$. Without biases:
#
# | | weights |
# |---|---|
# | plain convolution | $n C k^2$ |
# | primary | $\frac{n}{s} C k^2$ |
# | cheap operation | $(s - 1) \frac{n}{s} d^2$ |
#
# The multiply-adds are these, times the number of pixels. So parameters and multiply-adds shrink alike, by the factor
#
# $$\frac{n C k^2}{\frac{n}{s} C k^2 + (s - 1) \frac{n}{s} d^2} = \frac{s C k^2}{C k^2 + (s - 1) d^2}.$$
#
# If $C k^2$ is much larger than $d^2$, this is about $s$. With $d = k$ it is $s C / (C + s - 1)$, the form in which the
# paper has it. In GhostNet, however, $k = 1$ and $d = 3$.
#
# **When is a ghost module more expensive than what it replaces?** Where the factor is below 1:
#
# $$s C k^2 < C k^2 + (s - 1) d^2 \iff C k^2 < d^2.$$
#
# Neither $s$ nor $n$ is left. With $k = 1$ and $d = 3$ the limit is **9 input channels**: below it the ghost module costs
# more. Document 002 tries its module with 3 channels, of all numbers (claim N15): $3 \cdot 32 + 32 \cdot 9 = 384$ weights,
# where a plain 1x1 convolution has $3 \cdot 64 = 192$. With $64 \cdot 2$ numbers of batch norm it has 512 parameters.

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
show(figure, dpi=70)

# %% [markdown]
# What does it save in GhostNet itself? Its 32 ghost modules have 16 channels and more coming in, so none is more expensive. The
# first saves little, the wide ones nearly a half:

# %%
ghosts = [module for module in create_model("ghostnet_100", seed=None).tree().values() if type(module) is GhostModule]
sizes = [(g.primary_conv[0].weight.shape[1], g.out_channels) for g in ghosts]
own = [g.primary_conv[0].weight.size + g.cheap_operation[0].weight.size for g in ghosts]
plain = [c * n for c, n in sizes]
for (c, n), ours, theirs in list(zip(sizes, own, plain, strict=True))[:: len(ghosts) - 1]:
    print(f"{c:3} to {n:3} maps: {theirs:,} / {ours:,} = {theirs / ours:.2f}")
print(f"all {len(ghosts)}: {sum(plain):,} / {sum(own):,} = {sum(plain) / sum(own):.2f}")

# %% [markdown]
# ## A ratio that does not divide
#
# **What is the slice after the concatenation for?** Take $n = 10$ and $s = 3$. Ten is no multiple of three. The official
# code rounds the intrinsic maps up, $m = \lceil 10 / 3 \rceil = 4$, makes $4 \cdot 2 = 8$ ghosts, has 12 maps and cuts the
# last 2 off: `out[:, :oup]` there, `keep=` in ghostnp's `concat`. Rounding down would give $3 + 6 = 9$, one too few.

# %%
show(pictures.ghost_flow(4, 10, ratio=3), dpi=65)

# %% [markdown]
# What is cut off was computed all the same, and its filters reach no output. So their gradient is exactly zero, and they
# stay for ever what they were at the beginning (claim C33). Ghosts are ordered by their intrinsic map, two for each: the
# two that are cut are both ghosts of the last intrinsic map, which keeps none.

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
# In GhostNet the slice never cuts: the ratio is 2 everywhere, and all channel counts are multiples of 4. Three codes treat
# what is left over in three ways:
#
# | code | 9 maps, ratio 2 | ratio 1 |
# |---|---|---|
# | official PyTorch, document 002 | 5 + 5, cut to 9 | raises an error: a convolution without filters (claim C32) |
# | official TensorFlow | 5 + 4: cuts the ghosts before the concatenation | gives the primary maps |
# | Keras, document 000 | 4 + 4: *one map is lost without a word* (claim C10) | has no ratio |
#
# ghostnp does as PyTorch does, and for a ratio of 1 as TensorFlow does.

# %%
claims("C10", "C32", "C33")

# %%
alone = GhostModule(3, 8, ratio=1)
print("ratio 1 gives the primary maps:", np.array_equal(alone(photo), alone.primary_conv(photo)))

# %% [markdown]
# ## Which comes first?
#
# Document 000 concatenates the ghosts first and the intrinsic maps second, the official codes the other way round (claim
# C04). Does it matter? The maps are the same, in another order. But the next layer's weights are laid out in that order, so
# weights of the one code give nonsense in the other, unless their input channels change places too:

# %%
with initializer(0):
    first, second = GhostModule(3, 8), GhostModule(3, 8, ghosts_first=True)
second.load_state_dict(first.state_dict())
following = rng.standard_normal((5, 8, 1, 1)).astype(np.float32)
swap = [4, 5, 6, 7, 0, 1, 2, 3]
a, b = first(photo), second(photo)
print("same order:            ", np.array_equal(a, b))
print("after changing places: ", np.array_equal(a, b[:, swap]))
right = ops.pointwise_conv2d(a, following)
naive, moved = ops.pointwise_conv2d(b, following), ops.pointwise_conv2d(b, following[:, swap])
print("next layer, weights as they are:", np.allclose(right, naive, atol=1e-4))
print("next layer, weights moved too:  ", np.allclose(right, moved, atol=1e-4))
claims("C04")

# %% [markdown]
# ## What the documents say
#
# **Is anything split?** Document 002 says that the input is split in two parts, a small one for local and a large one for
# global information. Ask the module itself: take one pixel of an intrinsic map and one of a ghost, go backward, and see
# which inputs get a gradient.

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
# Nothing is split: both depend on all six channels, the ghost by way of its intrinsic map. An intrinsic map sees one pixel
# and a ghost nine, so neither is global; that GhostNet nowhere sees far is where GhostNetV2 sets out from (tutorial 10).

# %%
claims("C28", "C29", "C30", "C27")

# %% [markdown]
# **Cheap operation or depthwise separable convolution?** Document 004 calls the ghost module a convolution plus a depthwise
# separable one (claim C44), document 000 speaks of grouped convolution in it (claim C01), document 002 too (claim C31, in
# tutorial 04). The cheap operation is depthwise and nothing else. Both have a 1x1 and a 3x3 depthwise convolution, but
#
# | | depthwise separable | ghost module |
# |---|---|---|
# | order | depthwise 3x3, then 1x1 | 1x1, then depthwise 3x3 |
# | the first step's result | is only the second one's input | is part of the output |
# | maps by the 1x1 | all $n$ | $n / s$ |
# | weights for $C$ to $n$ maps | $9 C + C n$ | $C n / s + 9 (s - 1) n / s$ |

# %%
claims("C44", "C01")

# %% [markdown]
# Documents 000 and 002 show accuracy and latency of GhostNet on ImageNet as well; those are out of scope here.
#
# **How do I plot the feature maps of the paper's first figure?** That figure shows maps of the first residual group of a
# trained ResNet-50, three similar pairs framed. `pictures.feature_maps` draws the frames, `best_pairs` from above
# finds the pairs, and the maps are what a part of the network gives. Here the network is untrained and only its first block is run;
# load a checkpoint (tutorial 15) and the same lines make the real figure.

# %%
network = create_model("resnet50", num_classes=10)
stem = network.conv1(load_photo(size=128))
stem = network.maxpool(network.bn1.forward(stem, training=True)[0])
group, _ = network.layer1[0].forward(stem, training=True)
candidates = group[0, :16].astype(np.float64)
alike = likeness(candidates, candidates)
found = best_pairs(alike)
print(*(f"map {b} of map {a}: r² = {alike[a, b]:.2f}" for a, b in found), sep="\n")
show(pictures.feature_maps(group, limit=16, pairs=found), dpi=65)

# %% [markdown]
# **Can ghost modules go into a ResNet?** Yes; the authors did so. Each convolution of every bottleneck becomes a ghost
# module, that of the shortcut included, and only the first 7x7 convolution stays. Primary kernels are then 1x1 *and* 3x3.
#
# **Where do stride and dilation go?** Into the primary convolution, with its padding; never into the cheap operation. (The
# authors say so when asked: issue 34 of their repository.) Ghosts have to lie pixel by pixel beside their intrinsic maps.
# If the cheap operation had the stride, the maps could not be concatenated:

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
# (A dilated cheap operation would fit, but it would be another module: a ghost is meant to be a small change of its map.)
# The counts, for photos of 224x224:

# %%
for name, keywords in (("resnet50", {}), ("ghost_resnet50", {"ratio": 2}), ("ghost_resnet50", {"ratio": 4})):
    table = ghostnp.count(create_model(name, seed=None, **keywords), (1, 3, 224, 224))
    print(f"{name:15}{keywords!s:13} {table.params:>10,} parameters, {table.macs:>13,} MACs")

# %% [markdown]
# The multiply-adds are the 4.1, 2.2 and 1.2 billion of the paper's table 6. Its parameters, 13.0 and 6.5 million for the two
# Ghost-ResNets, are *not* reproduced: the network of the official code runs with 13.9 and 8.1 million, which is what is
# counted here. (The code also holds 11.9 and 6.1 million weights that never run. Neither they alone nor all together make
# the paper's numbers, and we have no explanation; the question was put to the authors in issue 146.)
#
# ## Exercises
#
# **1.** By hand: a ghost module of GhostNet makes 120 maps of 40, with ratio 2, 3x3 cheap kernels and a batch norm behind
# each step. How many parameters?

# %%
answer = None
check("08.1", answer)

# %% [markdown]
# **2.** By hand: 1x1 primary and **5x5** cheap kernels. What is the smallest number of input channels with which the ghost
# module has fewer weights than a plain 1x1 convolution?

# %%
answer = None
check("08.2", answer)

# %% [markdown]
# **3.** 30 maps are wanted, with ratio 4. How many cheap filters never get a gradient?

# %%
answer = None
check("08.3", answer)

# %% [markdown]
# **4.** By hand: 24 to 72 maps of 56x56 pixels, ratio 2, 3x3 cheap kernels. How many multiply-adds?

# %%
answer = None
check("08.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/17_ghost_module.py` and `18_ghost_module_backward.py` until `ghostnp check` is content.
# Then let `x` be `np.arange(1.0, 5).reshape(1, 1, 2, 2)`, `primary_weight` a single 2, `cheap_weight` ones of shape
# (1, 1, 3, 3), and `dy` ones of shape (1, 2, 2, 2). What is the gradient of `primary_weight`?

# %%
answer = None
check("08.5", answer)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 3.1, figures 1 and 2, equations (2)
#   to (5); section 4.1 and table 6 on ResNet. <https://arxiv.org/abs/1911.11907>
# - The authors on stride and dilation in ResNet: <https://github.com/huawei-noah/Efficient-AI-Backbones/issues/34>; on the
#   parameters of Ghost-ResNet-50: <https://github.com/huawei-noah/Efficient-AI-Backbones/issues/146>
#
# Next: tutorial 09 builds GhostNet of these modules.
