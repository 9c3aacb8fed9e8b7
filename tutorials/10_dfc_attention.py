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
# # 10. DFC attention and GhostNetV2
#
# **A ghost module reads at most 3x3 pixels. How can each pixel get a factor that depends on far pixels, at a low
# cost?**
#
# In a ghost module (tutorial 08) half of the maps come from a 1x1 convolution, which reads one pixel. The other half
# come from a 3x3 depthwise convolution. Squeeze-and-excitation (tutorial 07) uses the whole map, but has only one
# factor for each map. GhostNetV2 computes a factor between 0 and 1 for each *pixel* of each map. The factor depends on
# the pixels along columns and rows. Such factors are called *attention* (注意力). The paper calls its own kind
# *decoupled fully connected attention*, DFC (解耦全连接注意力). Document 003, a blog post, explains the paper.

# %%
from functools import partial

import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.course.tour import filters
from ghostnp.models.ghostnet import BOTTLENECKS, STAGES_V2, GhostNet, with_attention
from ghostnp.models.mobilenet import MobileNetV2
from ghostnp.modules import DFCAttention, GhostModuleV2, SqueezeExcite, initializer
from ghostnp.modules.combine import gate_backward, gate_forward
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient

show(
    pictures.dfc_reach(9, 11, 5, at=(4, 3)),
    "What one factor of DFC attention reads: one pixel; the five pixels of its column; the 25 pixels that these five "
    "read in their rows; and, with kernels as long as the map, all 99 pixels.",
)

# %% [markdown]
# Two steps are enough to read a whole area. In the first step each pixel reads its row. In the second step each pixel
# reads its column, and every pixel of that column has already read its own row. (The official code has this order. The
# paper's equations, and the section "By hand: decoupled", begin with the columns.)
#
# ## By hand: full attention
#
# In full attention every output pixel reads every input pixel. Take a map of 2x2 pixels:
#
# $$z = \begin{pmatrix} 1 & 2 \cr 3 & 4 \end{pmatrix}.$$
#
# Each of the 4 output pixels has its own 4 weights, so there are 16 weights. If the first output pixel has the weights
# 1, −1, 2 and −2, its value is
#
# $$a[0, 0] = 1 \cdot 1 - 1 \cdot 2 + 2 \cdot 3 - 2 \cdot 4 = -3.$$
#
# This is a fully connected layer (全连接层) on the pixels of a channel (equation 3 of the paper). On maps of
# $H \times W$ pixels it has $HW \cdot HW$ weights for each channel, and takes as many multiply-adds.
#
# ## By hand: decoupled
#
# Decoupled attention has two steps (equations 4 and 5). The first step goes along the columns. It replaces each pixel
# of the upper row by a sum over its column, with the weights 1 (upper pixel) and 2 (lower pixel):
#
# $$a'[0, 0] = 1 \cdot 1 + 2 \cdot 3 = 7, \qquad a'[0, 1] = 1 \cdot 2 + 2 \cdot 4 = 10.$$
#
# The second step goes along the row, with the weights 1 and −1:
#
# $$a[0, 0] = 1 \cdot 7 - 1 \cdot 10 = -3.$$
#
# The result is −3 again, because the four weights 1, −1, 2, −2 of full attention are the products of (1, 2) and (1,
# −1). Let $h, w$ be the row and the column of the pixel that is written, and $h', w'$ those of the pixel that is read.
# In decoupled attention the full weights $F$ are products of column weights $F_H$ and row weights $F_W$:
#
# $$F[h, w, h', w'] = F_H[h, h', w'] \cdot F_W[w, h, w'].$$
#
# Not every $F$ is such a product, so decoupled attention can do less. But each pixel has only $H + W$ weights instead
# of $H \cdot W$. For maps larger than 2x2, $H + W$ is the smaller number.

# %% [markdown]
# ## The definitions

# %%
source(ops.full_attention)
source(ops.decoupled_attention)

# %% [markdown]
# The letters of `einsum` name the axes. `h` and `w` are the row and the column that are written, and `i` and `j` are
# those that are read. Channels (`c`) are never mixed. We compute the full weights as products of the decoupled weights,
# and compare the results:

# %%
rng = np.random.default_rng(0)
z = rng.standard_normal((2, 3, 4, 5))
weight_h, weight_w = rng.standard_normal((3, 4, 4, 5)), rng.standard_normal((3, 5, 4, 5))
products = np.einsum("chij,cwhj->chwij", weight_h, weight_w)
decoupled = ops.decoupled_attention(z, weight_h, weight_w)
print(f"decoupled against full: largest difference {np.abs(decoupled - ops.full_attention(z, products)).max():.0e}")
print(f"weights for each channel: {weight_h[0].size} + {weight_w[0].size} instead of {products[0].size}")

# %% [markdown]
# Document 003 says correctly how the cost of both attentions grows with the size of the map (claims N16 and N17). For
# one channel its formulas are even exact:

# %%
claims("N16", "N17")

# %% [markdown]
# ## Where are the FC layers in DFC?
#
# The official attention code contains no fully connected layer. It has a 1x1 convolution and two depthwise
# convolutions, with a 1x5 and a 5x1 kernel. Two steps lead from fully connected layers to these depthwise convolutions.
#
# **Share the weights.** Let each weight depend only on the distance from the pixel that is written to the pixel that is
# read. (One row below is +1, one row above is −1.) Then the sums along a column are a depthwise convolution with a
# $K \times 1$ kernel. The kernel has to reach from the first row to the last and back. So it needs all distances from
# $-(H - 1)$ to $H - 1$, and its length is
#
# $$K = 2H - 1.$$
#
# This convolution and the fully connected layer with shared weights give the same result. To check this, we copy the
# weights of the kernel into the layer:

# %%
height, width = z.shape[2:]
column, row = rng.standard_normal((3, 1, 2 * height - 1, 1)), rng.standard_normal((3, 1, 1, 2 * width - 1))
down = np.arange(height) - np.arange(height)[:, None] + height - 1  # [row written, row read]: which tap
along = np.arange(width) - np.arange(width)[:, None] + width - 1
shared_h = np.repeat(column[:, 0, down, 0][:, :, :, None], width, axis=3)
shared_w = np.repeat(row[:, 0, 0, along][:, :, None, :], height, axis=2)

by_layers = ops.decoupled_attention(z, shared_h, shared_w)
by_kernels = ops.depthwise_conv2d(z, column, padding=(height - 1, 0))
by_kernels = ops.depthwise_conv2d(by_kernels, row, padding=(0, width - 1))
assert np.abs(by_layers).max() > 1
print(f"layers against long kernels: largest difference {np.abs(by_layers - by_kernels).max():.0e}")

# %% [markdown]
# **Then cut the kernel off.** The official code has $K = 5$ everywhere. The last four bottlenecks have 7x7 maps, which
# the attention halves to 3x3. On 3x3 maps the kernel is long enough, because $5 = 2 \cdot 3 - 1$: the attention is
# fully connected along rows and columns. On larger maps the kernel is too short. There a factor depends on only 5x5
# pixels, as in the picture at the top. These are pixels of a *halved* map, so they cover 10x10 pixels of the map
# itself.
#
# Document 003 states the cost of the two depthwise convolutions correctly (claim N18). But it leaves out the cost of
# the 1x1 convolution before them:

# %%
claims("N18", "C39", "C40")

# %% [markdown]
# Claim C39: the document writes `1xK_H` and `K_Wx1`. But a kernel of one row runs along the *width*, so it should be
# `1xK_W` and `K_Hx1`. The code goes along the width first, and the equations go along the height first. Without the
# batch norm between the two convolutions, their order makes no difference. With it, the results differ, because its
# shift passes through the second kernel only. Claim C40 is about accuracies.
#
# ## The module
#
# The attention of GhostNetV2 computes the factors from the input $x$ of the ghost module, in five steps:
#
# 1. Averages over 2x2 pixels *halve* the maps (下采样).
# 2. A 1x1 convolution makes as many channels as the ghost module makes.
# 3. A depthwise 1x5 convolution goes along the rows, and then a depthwise 5x1 convolution goes along the columns. A
#    batch norm follows each of the three convolutions, but no ReLU.
# 4. A *sigmoid* makes factors between 0 and 1.
# 5. Nearest-neighbour interpolation *enlarges* the factors to the old size (上采样).

# %%
source(DFCAttention)

# %% [markdown]
# The layers have the numbers "0" to "5", as in the official checkpoint. `GhostModuleV2.forward` multiplies the maps of
# the ghost module (`super()`) by the factors, as in squeeze-and-excitation.

# %%
source(GhostModuleV2.forward)
source(gate_forward)

# %% [markdown]
# All factors are between 0 and 1. So attention can only weaken the maps: no absolute value becomes larger.

# %%
with initializer(1, dtype=np.float64):
    module = GhostModuleV2(3, 8)
x = rng.standard_normal((2, 3, 7, 7))
gated, cache = module.forward(x)
assert gated.any()
assert (np.abs(gated) <= np.abs(cache.maps)).all()
print(f"factors from {cache.factors.min():.2f} to {cache.factors.max():.2f}")

# %% [markdown]
# ## Half of seven
#
# On 7 rows, the 2x2 averages read rows 0 and 1, 2 and 3, 4 and 5. Row 6 is left over, and the attention never reads
# this row. When the factors are enlarged, 3 rows become 7 again. New row $i$ is a copy of old row
# $\lfloor i \cdot 3 / 7 \rfloor$:
#
# | $i$ | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|---|
# | $i \cdot 3 / 7$ | 0 | 0.43 | 0.86 | 1.29 | 1.71 | 2.14 | 2.57 |
# | copies | 0 | 0 | 0 | 1 | 1 | 2 | 2 |
#
# Row 0 is copied three times, and rows 1 and 2 twice. All other stages of GhostNetV2 have even sizes, so every row is
# copied twice. A test with even sizes would not notice a mistake. Claim C42 is about the halving, claim C34 about the
# averages, and claim C35 about the enlargement.

# %%
rows = np.arange(3.0).reshape(1, 1, 3, 1)
print("copies:", *ops.resize_nearest(rows, (7, 1)).ravel().astype(int))

attention = DFCAttention(2, 2)
maps = rng.standard_normal((1, 2, 7, 7)).astype(np.float32)
factors, attention_cache = attention.forward(maps)
dx, _ = attention.backward(np.ones_like(factors), attention_cache)
for i in (5, 6):
    print(f"row {i}: largest gradient {np.abs(dx[:, :, i]).max():.3f}")
claims("C42", "C34", "C35")

# %% [markdown]
# ## On a photo
#
# We set the weights by hand. The intrinsic map is the brightness of the photo, and the ghost is an edge map. The 1x1
# convolution of the attention measures how much redder than green a pixel is. The two long kernels take averages along
# the row and then along the column. (Here they have 31 taps, so that the effect is visible.) So the module keeps a
# pixel if its *surroundings* are red.

# %%
photo = load_photo(size=112)
wide = partial(DFCAttention, kernel_size=31)
with initializer(0):
    module = GhostModuleV2(3, 2, attention=wide)
state = module.state_dict()
state["primary_conv.0.weight"][...] = filters.GREY.reshape(1, 3, 1, 1)
state["primary_conv.1.bias"][...] = 2  # so that the ReLU leaves the dark half, too
state["cheap_operation.0.weight"][...] = filters.RIGHT_EDGE
state["short_conv.0.weight"][...] = 20 * filters.RED_GREEN.reshape(1, 3, 1, 1)
state["short_conv.2.weight"][...] = state["short_conv.4.weight"][...] = 1 / 31
state["short_conv.5.bias"][...] = -4
y, cache = module.forward(photo)

figure, grid = style.sheet(11, 2.6, nrows=1, ncols=5, top=0.86)
style.show(figure.add_subplot(grid[0]), denormalise(photo), "the photo", style.INPUT)
style.show(figure.add_subplot(grid[1]), cache.factors[0, 0], "the factors", style.GATE, limits=(0, 1))
for place, (values, title, colour) in enumerate(
    [
        (cache.maps[0, 0], "intrinsic map", style.INTRINSIC),
        (y[0, 0], "times the factors", style.OUTPUT),
        (y[0, 1], "ghost, times factors", style.GHOST),
    ]
):
    limits = (0, np.percentile(cache.maps[0, int(place == 2)], 99))
    style.show(figure.add_subplot(grid[place + 2]), values, title, colour, limits=limits)
show(
    figure,
    "The photo; the factors, near 1 in the middle and near 0 around it; an intrinsic map; this map and a ghost "
    "times the factors, dark except in the middle.",
)

# %% [markdown]
# ## Backward
#
# **Decoupled attention.** Each step is a sum of products of a weight and a pixel. The gradient of the weight is `dy`
# times the pixel, and the gradient of the pixel is `dy` times the weight. We go back in the opposite order: first
# through the row step with the input $a'$, and then through the column step with the input $z$.
#
# $$da'[h, j] = \sum_w F_W[w, h, j] \cdot dy[h, w], \qquad dF_W[w, h, j] = dy[h, w] \cdot a'[h, j],$$
#
# $$dz[i, w] = \sum_h F_H[h, i, w] \cdot da'[h, w], \qquad dF_H[h, i, w] = da'[h, w] \cdot z[i, w].$$
#
# (This is for one channel. The gradients of the weights are also summed over the images.) In the code, `dcolumns` is
# $da'$. The backward pass needs $a'$ again. This value is not kept in memory, but computed a second time, as `columns`.

# %%
source(ops.decoupled_attention_backward)

# %%
dy = rng.standard_normal(z.shape)
grads = ops.decoupled_attention_backward(dy, z, weight_h, weight_w)
assert_gradient(ops.decoupled_attention, (z, weight_h, weight_w), dy, grads)
print("slopes agree:", ", ".join(grads._fields))

mistaken = np.einsum("nchw,nciw->chiw", dy, z)  # dy went straight to the column step
try:
    assert_gradient(lambda weight_h: ops.decoupled_attention(z, weight_h, weight_w), (weight_h,), dy, (mistaken,))
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# **The gated module.** The module multiplies the maps by the factors $f$: $y = \text{maps} \cdot f$. The maps and the
# factors are both computed from the same `x`. So there are two backward paths, and their gradients are added:
#
# $$d\text{maps} = dy \cdot f, \qquad df = dy \cdot \text{maps}, \qquad dx = dx_\text{ghost}(d\text{maps}) + dx_\text{attention}(df).$$
#
# On the path of the attention, each factor of the small map gets the sum of the gradients of its copies: in
# `resize_nearest_backward`, `dx[⌊i · 3 / 7⌋] += dy[i]`. Then the gradient goes back through the sigmoid, the
# convolutions and the average. The average gives a quarter of its gradient to each of its four pixels.

# %%
source(GhostModuleV2.backward)
source(gate_backward)
source(ops.resize_nearest_backward)

# %%
with initializer(2, dtype=np.float64):
    module = GhostModuleV2(3, 8)
x = rng.standard_normal((2, 3, 7, 7))
y, cache = module.forward(x)
dy = rng.standard_normal(y.shape)
dx, grads = module.backward(dy, cache)
assert_gradient(module, (x,), dy, (dx,))
print("dx is the slope; parameters with a gradient:", len(grads))

dmaps, dfactors = ops.multiply_backward(dy, cache.maps, cache.factors)
only_attention, _ = module.short_conv.backward(dfactors, cache.gate)
try:
    assert_gradient(module, (x,), dy, (dx - only_attention,))
except AssertionError as error:
    print("without the attention's part:", error)

weight = module.short_conv.parameters()["0.weight"]  # the backward pass reaches it last
found = grads["short_conv.0.weight"]
direction = rng.standard_normal(weight.shape)
sides = []
for step in (1e-6, -1e-6):
    weight += step * direction
    sides.append((dy * module(x)).sum())
    weight -= step * direction
slope = (sides[0] - sides[1]) / 2e-6
assert abs(slope) > 1e-3
assert abs(slope - (found * direction).sum()) < 1e-6 * np.linalg.norm(found) * np.linalg.norm(direction)
print(f"short_conv.0.weight: slope {slope:.6f}, gradient {(found * direction).sum():.6f}")

# %% [markdown]
# ## What it costs
#
# For $C$ input channels and $D$ output channels, on maps halved to $h \times w$, the attention takes
#
# $$hw \cdot (C D + 5 D + 5 D)$$
#
# multiply-adds. For each pixel, the two long kernels take $10 D$, and the 1x1 convolution takes $C D$. With more than
# 10 input channels the 1x1 convolution costs more than the two long kernels. In GhostNetV2 1.0x the 1x1 convolutions
# take 87% of the attention's multiply-adds. If the size of the maps is even, halving saves three quarters (claim N19).
# Maps of 7x7 pixels keep only 9 of 49 pixels, so halving saves 81.6%:

# %%
claims("N19")

# %%
image = (1, 3, 224, 224)
first, second = (
    ghostnp.count(ghostnp.create_model(name, seed=None), image) for name in ("ghostnet_100", "ghostnetv2_100")
)
attention = [row for row in second.rows if ".short_conv." in row.path]
bars = {"GhostNet 1.0x": (first.params, first.macs, "standard")}
for kind, op in (
    ("pointwise", "pointwise_conv2d"),
    ("depthwise", "depthwise_conv2d"),
    ("batch norm", "batch_norm_eval"),
):
    rows = [row for row in attention if row.op == op]
    bars[f"DFC: {kind}"] = (sum(row.params for row in rows), sum(row.macs for row in rows), kind)
bars["GhostNetV2 1.0x"] = (second.params, second.macs, "standard")
show(
    pictures.cost_bars(bars),
    "Bars of parameters and multiply-adds: GhostNet, what the pointwise and depthwise convolutions and batch "
    "norms of DFC attention add, and GhostNetV2. Most of what is added is in the pointwise convolutions.",
)
in_attention = sum(row.macs for row in attention)
for name, (params, macs, _) in bars.items():
    share = f", {macs / in_attention:.0%} of the attention" if name.startswith("DFC") and macs else ""
    print(f"{name:16} {params:9,} parameters {macs:11,} multiply-adds{share}")

# %% [markdown]
# The last line is the sum of the first four lines. The paper prints 167M multiply-adds for GhostNetV2.
#
# **Why on the first ghost module?** GhostNetV2 has attention on the *first* ghost module of a bottleneck, which widens,
# and no attention on the second. The paper's reason is that the many maps in the middle decide what a block can
# express. (The paper calls this the *expressiveness* of the block.) Half of the many maps are ghosts, and a ghost
# depends on only 3x3 pixels. Document 003 reports what the paper found: attention on the first module helps more than
# on the second. Attention on both modules helps most, but costs more.
#
# Document 003 observes correctly that the code has no attention in the first two bottlenecks (claim C38), but calls the
# cheap operation depthwise separable (claim C41). `with_attention` sets the attention of each bottleneck, so we can
# count every variant:

# %%
claims("C38", "C41")

# %%
yes, no = [DFCAttention] * BOTTLENECKS, [None] * BOTTLENECKS
official = [row.widened for stage in STAGES_V2 for row in stage]
for name, widened, narrowed in (
    ("none: GhostNet", no, no),
    ("first module, but not in the first two: official", official, no),
    ("first module, in all 16", yes, no),
    ("second module, in all 16", no, yes),
    ("both, in all 16", yes, yes),
    ("both, but not in the first two", official, official),
):
    with initializer(None):
        counted = ghostnp.count(GhostNet(stages=with_attention(widened, narrowed)), image)
    added = counted.params - first.params, counted.macs - first.macs
    print(
        f"{name:50} {counted.params:10,} parameters (+{added[0]:9,}) {counted.macs:11,} multiply-adds (+{added[1]:10,})"
    )

# %% [markdown]
# So attention on the first module is not the cheapest choice. In all 16 bottlenecks, it adds 31.1 million multiply-adds
# on the first module, 21.9 million on the second, and 53.0 million on both (45.4 million without the first two
# bottlenecks). On both modules it also adds about twice as many parameters as on one. The second module is cheaper than
# the first for two reasons. In the striding bottlenecks, the second module works after the stride, on a quarter of the
# pixels. It also makes few maps, so the term $10 D$ is small. The first two bottlenecks have the largest maps.
# Attention in these two would add 5.2 million multiply-adds (third line minus second), but only 2,048 parameters.

# %% [markdown]
# **To play with.** `ghostnp explore dfc --open` shows DFC attention. `ghostnp explore resizing --open` shows nearest
# and bilinear resizing, forward and backward.
#
# ## Exercises
#
# **1.** *(easy)* By hand: take maps of 10x15 pixels. Divide the multiply-adds of full attention by those of decoupled
# attention. What is the result?

# %%
answer = None
check("10.1", answer)

# %% [markdown]
# **2.** *(medium)* By hand: how many parameters does `DFCAttention(40, 120)` have, batch norms included?

# %%
answer = None
check("10.2", answer)

# %% [markdown]
# **3.** *(derivation)* (Read "Bilinear, by hand" below first.) Show that $\sum dx = \sum dy$ for the bilinear
# enlargement of a row. Then derive the weights for enlarging 3 pixels to 7. What is the gradient of the *middle* old
# pixel if all numbers of $dy$ are 1? (Three digits.)

# %%
answer = None
check("10.3", answer)

# %% [markdown]
# **4.** *(code)* Fill in `tutorials/exercises/12_resize_nearest_backward.py` until `ghostnp check` accepts it. Then let
# `dy` be ones of shape (1, 1, 11, 11), for a map `x` of 5x5 pixels. What is the largest number of `dx`?

# %%
answer = None
check("10.4", answer)

# %% [markdown]
# **5.** *(code)* Fill in `15_decoupled_attention.py` and `16_decoupled_attention_backward.py`. Let `z` be
# `np.arange(6.0).reshape(1, 1, 2, 3)`, `weight_h` be `np.arange(12.0).reshape(1, 2, 2, 3)`, and `weight_w` be ones of
# shape (1, 3, 2, 3). What is the output pixel `a[0, 0, 1, 2]`? And what is the sum of all numbers of `dz` if `dy` is
# ones? Answer with both numbers, as `(a, sum)`.

# %%
answer = None
check("10.5", answer)

# %% [markdown]
# ## For the curious
#
# Nothing on the later pages needs this section. Only exercise 3 above needs "Bilinear, by hand".
#
# **Is DFC better than other attentions?** Document 003 reports the paper's comparison of DFC in MobileNetV2 with three
# other attentions:
#
# - squeeze-and-excitation (SE, tutorial 07);
# - CBAM, which has a factor for each channel, and then a factor for each pixel;
# - coordinate attention (CA), which takes means of rows and of columns, and has a factor for each row and each column.
#
# DFC had the highest accuracy on ImageNet. (We give no accuracies, because we could not look up the paper's numbers
# when we wrote this page.) Here we count the cost. The attention is on the widened maps of each block. (CBAM and CA are
# not in ghostnp.)

# %%
for name, keywords in (("plain", {}), ("SE", {"squeeze_excite": SqueezeExcite}), ("DFC", {"gate": DFCAttention})):
    with initializer(None):
        counted = ghostnp.count(MobileNetV2(**keywords), image)
    print(f"MobileNetV2, {name:5} {counted.params:9,} parameters {counted.macs:11,} multiply-adds")

# %% [markdown]
# SE takes few multiply-adds, because its convolutions work on the means of the maps, one number for each map. But SE
# has many parameters, because it has two large matrices. The first matrix leads from the means to a quarter as many
# numbers, and the second matrix leads back. (The authors of CA print 3.89M parameters for SE and for CBAM, and 3.95M
# for CA. So the first matrix of their SE leads to fewer numbers than a quarter.) DFC has fewer parameters than the SE
# that we counted, because DFC reads the *narrow* input of the block. But DFC takes more multiply-adds, because it works
# on maps.

# %% [markdown]
# ### Bilinear, by hand
#
# Document 003 speaks of *bilinear* enlargement (双线性插值) instead of the nearest neighbour. Bilinear enlargement
# blends the two nearest pixels along each axis. Take a row of 2 pixels, $(a, b)$, and enlarge it to 4. The old pixels
# have their middles at 0.5 and 1.5. In the same units, pixel $i$ of the new row has its middle at
# $(i + 0.5) \cdot 2 / 4$. So the distance of this pixel from the first old middle is
#
# $$t_i = (i + 0.5) \cdot \tfrac{2}{4} - 0.5 = -0.25, \; 0.25, \; 0.75, \; 1.25.$$
#
# The weights are $1 - t$ for $a$ and $t$ for $b$. A $t$ below 0 is set to 0, and a $t$ above 1 is set to 1. So the new
# row is
#
# $$(a, \; 0.75 a + 0.25 b, \; 0.25 a + 0.75 b, \; b).$$
#
# A map is enlarged along the rows and then along the columns. So the weight of each old pixel is a product of two such
# weights.
#
# **Backward.** Each new pixel gives its gradient to the old pixels, with the same weights as in the forward pass. For
# $dy = (dy_0, dy_1, dy_2, dy_3)$ we get
#
# $$da = dy_0 + 0.75\, dy_1 + 0.25\, dy_2, \qquad db = 0.25\, dy_1 + 0.75\, dy_2 + dy_3.$$
#
# The weights of each new pixel sum to 1. So $\sum dx = \sum dy$: the gradient is distributed, and nothing is lost.

# %%
row = np.array([[[[0.0, 8]]]])
print("enlarged:", *ops.resize_bilinear(row, (1, 4)).ravel())
dy = np.array([[[[1.0, 2, 3, 4]]]])
print(
    "dx:      ",
    *ops.resize_bilinear_backward(dy, row, (1, 4)).ravel(),
    " sums:",
    dy.sum(),
    "and",
    ops.resize_bilinear_backward(dy, row, (1, 4)).sum(),
)
source(ops.resize_bilinear_backward)

# %% [markdown]
# **Sigmoid before or after?** The code computes the sigmoid on the small map and enlarges afterwards (claim C37), so
# the sigmoid takes a quarter of the work. Document 003 says that the factors are then *no longer strictly between 0 and
# 1* (claim C36), and that this matters little. But the factors do stay between 0 and 1: the nearest neighbour copies
# factors, and a bilinear blend of two factors, $(1 - t) a + t b$, lies between $a$ and $b$.
#
# But the order can change the result. Let $\text{sig}$ be the sigmoid, and let $\text{up}$ be the enlargement. For the
# nearest neighbour the order makes no difference: $\text{up}(\text{sig}(x)) = \text{sig}(\text{up}(x))$. For the
# bilinear enlargement the order matters, because the sigmoid of a mean is not the mean of the sigmoids. By hand,
# halfway between $-4$ and $0$: $(\text{sig}(-4) + \text{sig}(0)) / 2 = (0.018 + 0.5) / 2 = 0.26$, but
# $\text{sig}(-2) = 0.12$.

# %%
logits = np.array([-4.0, 0, 6]).reshape(1, 1, 1, 3)
size = (1, 42)
figure, grid = style.sheet(10, 2.9, nrows=1, ncols=2, left=0.06, right=0.99, bottom=0.17, top=0.86, wspace=0.14)
for place, (enlarge, name) in enumerate([(ops.resize_nearest, "nearest"), (ops.resize_bilinear, "bilinear")]):
    axes = style.plain_axes(figure.add_subplot(grid[place]), name, x_label="pixel of the enlarged row")
    axes.plot(enlarge(ops.sigmoid(logits), size).ravel(), color=style.GATE, linewidth=3, label="sigmoid, then enlarged")
    axes.plot(ops.sigmoid(enlarge(logits, size)).ravel(), "--", color=style.OUTPUT, label="enlarged, then sigmoid")
    axes.set(ylim=(-0.05, 1.05))
axes.legend(frameon=False, loc="lower right")
show(
    figure,
    "A row of three numbers enlarged to 42. With nearest, the order of sigmoid and enlarging makes no difference. "
    "With bilinear, the two curves differ between the three numbers.",
)

# %% [markdown]
# GhostNetV2 also has squeeze-and-excitation, as document 003 says (claim C43). The gate of squeeze-and-excitation is a
# hard sigmoid, but the attention has a sigmoid:

# %%
claims("C36", "C37", "C43")

# %% [markdown]
# ## References
#
# - Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022: its sections on DFC
#   attention and on GhostNetV2, equations (3) to (5), and the ablations. <https://arxiv.org/abs/2211.12905>
# - X. Wang, R. Girshick, A. Gupta and K. He, "Non-local neural networks", CVPR 2018: attention between all pairs of
#   pixels. <https://arxiv.org/abs/1711.07971>
# - S. Woo et al., "CBAM: convolutional block attention module", ECCV 2018. <https://arxiv.org/abs/1807.06521>
# - Q. Hou, D. Zhou and J. Feng, "Coordinate attention for efficient mobile network design", CVPR 2021; the counts are
#   in <https://github.com/Andrew-Qibin/CoordAttention>
#
# Next: tutorial 11 is about counting, and about why two people who count the same network get different numbers.
