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
# **A ghost module sees 3x3 pixels at most. How can the weight of a pixel depend on pixels far away, at a low cost?**
#
# In a ghost module (tutorial 08) half of the maps come from a 1x1 convolution, which sees one pixel, and the other half
# from a 3x3 depthwise one. Squeeze-and-excitation (tutorial 07) uses the whole map, but has only one factor for each
# map. GhostNetV2 computes a factor between 0 and 1 for each *pixel* of each map. The factor depends on the pixels along
# columns and rows. The paper calls this *decoupled fully connected attention*, DFC (解耦全连接注意力). *Attention*
# (注意力) is a word for such factors. Document 003, a blog post, explains the paper.

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
# Two steps are enough to see a whole area. In the first step each pixel reads its row. In the second step each pixel
# reads its column, and every pixel of that column has already read its own row. (The official code has this order. The
# section "By hand: decoupled" follows the paper's equations: columns first.)
#
# ## By hand: full attention
#
# We start with the expensive way. One map has 2x2 pixels,
#
# $$z = \begin{pmatrix} 1 & 2 \cr 3 & 4 \end{pmatrix},$$
#
# and every output pixel reads every input pixel. Then each of the 4 output pixels has 4 weights of its own, 16 in all.
# If the first output pixel has the weights 1, −1, 2 and −2, its value is
#
# $$a[0, 0] = 1 \cdot 1 - 1 \cdot 2 + 2 \cdot 3 - 2 \cdot 4 = -3.$$
#
# That is a fully connected layer (全连接层) on the pixels of a channel, the paper's equation (3). On maps of
# $H \times W$ it has $HW \cdot HW$ weights for each channel, and takes as many multiply-adds.
#
# ## By hand: decoupled
#
# Now in two steps (equations 4 and 5). First along the columns. Each pixel of the upper row is replaced by a sum over
# its column, with the weights 1 (upper pixel) and 2 (lower pixel):
#
# $$a'[0, 0] = 1 \cdot 1 + 2 \cdot 3 = 7, \qquad a'[0, 1] = 1 \cdot 2 + 2 \cdot 4 = 10.$$
#
# Then along the row, with the weights 1 and −1:
#
# $$a[0, 0] = 1 \cdot 7 - 1 \cdot 10 = -3.$$
#
# This is −3 again, because the four weights 1, −1, 2, −2 above are the products of (1, 2) and (1, −1). Let $h, w$ be
# the row and the column of the pixel that is written, and $h', w'$ those of the pixel that is read. Decoupled attention
# is full attention whose weights are such products,
#
# $$F[h, w, h', w'] = F_H[h, h', w'] \cdot F_W[w, h, w'].$$
#
# Not every $F$ is such a product, so decoupled attention can do less. But each pixel has $H + W$ weights instead of
# $H \cdot W$. These are fewer when maps are larger than 2x2.

# %% [markdown]
# ## The definitions

# %%
source(ops.full_attention)
source(ops.decoupled_attention)

# %% [markdown]
# The letters of `einsum` name the axes: `h, w` is the pixel that is written, `i, j` the row and column that are
# read. Channels `c` are never mixed. We compute the full weights as products of the decoupled ones, and compare.

# %%
rng = np.random.default_rng(0)
z = rng.standard_normal((2, 3, 4, 5))
weight_h, weight_w = rng.standard_normal((3, 4, 4, 5)), rng.standard_normal((3, 5, 4, 5))
products = np.einsum("chij,cwhj->chwij", weight_h, weight_w)
decoupled = ops.decoupled_attention(z, weight_h, weight_w)
print(f"decoupled against full: largest difference {np.abs(decoupled - ops.full_attention(z, products)).max():.0e}")
print(f"weights for each channel: {weight_h[0].size} + {weight_w[0].size} instead of {products[0].size}")

# %% [markdown]
# Document 003 says how the cost of both attentions grows with the size of the map. This is right (claims N16 and N17).
# For one channel the formulas are even exact:

# %%
claims("N16", "N17")

# %% [markdown]
# ## Where are the FC layers in DFC?
#
# The official code contains no fully connected layer. It has a 1x1 convolution, a depthwise one with a 1x5
# kernel, and a depthwise one with a 5x1 kernel. The explanation has two steps.
#
# **Share the weights.** Let a weight depend only on the signed distance from the pixel written to the pixel read, for
# example +1 for one row below and −1 for one row above. Then the sums along a column are a depthwise convolution with a
# $K \times 1$ kernel. To reach from the first row to the last and from the last to the first, the kernel needs all
# distances from $-(H - 1)$ to $H - 1$, so
#
# $$K = 2H - 1.$$
#
# Such a convolution computes what the fully connected layer with shared weights computes. Below, the weights of this
# layer are filled in from the kernel:

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
# fully connected along rows and columns. On larger maps it is not. There a factor depends on 5x5 pixels, as in the
# picture at the top. These are pixels of a *halved* map, so they cover 10x10 pixels of the map itself.
#
# Document 003 states the costs of this form correctly (claim N18). It leaves out the cost of the 1x1 convolution in
# front:

# %%
claims("N18", "C39", "C40")

# %% [markdown]
# About claim C39: a kernel of one row runs along the *width*, so the document's letters are swapped. The code goes
# along the width first, the equations along the height. Without the batch norm between the two convolutions, their
# order makes no difference. With the batch norm, the results differ a little at the border. About claim C40: accuracies
# for other kernel sizes need training on ImageNet, which this course does not repeat.
#
# ## The module
#
# GhostNetV2's attention, from a map $x$ to the factors:
#
# 1. *halve* the maps (下采样), by averages over 2x2 pixels;
# 2. a 1x1 convolution, so that there are as many channels as the ghost module makes;
# 3. along the rows, 1x5 depthwise; along the columns, 5x1 depthwise; batch norm after each of the three convolutions
#    (1x1, 1x5, 5x1), no ReLU;
# 4. *sigmoid*: factors between 0 and 1;
# 5. *enlarge* to the old size (上采样), by the nearest neighbour.

# %%
source(DFCAttention)

# %% [markdown]
# The layers "0" to "5" have the numbers that they have in the official checkpoint. In `forward`, the maps of the ghost
# module (`super()`) are multiplied by the factors, as in squeeze-and-excitation.

# %%
source(GhostModuleV2.forward)
source(gate_forward)

# %% [markdown]
# All factors are between 0 and 1, so attention can only weaken: no number grows beyond what the ghost module made.

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
# A 2x2 average over 7 rows reads rows 0 and 1, 2 and 3, 4 and 5. Row 6 is left over, and the attention never sees it.
# To enlarge, 3 rows have to become 7 again. Row $i$ is a copy of its nearest neighbour, row
# $\lfloor i \cdot 3 / 7 \rfloor$:
#
# | $i$ | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|---|
# | $i \cdot 3 / 7$ | 0 | 0.43 | 0.86 | 1.29 | 1.71 | 2.14 | 2.57 |
# | copies | 0 | 0 | 0 | 1 | 1 | 2 | 2 |
#
# Row 0 is copied three times, and rows 1 and 2 twice. All other stages of GhostNetV2 have even sizes. There every row
# is copied twice, and a test would not notice a mistake in this rule. Claim C42 is about this halving. Claims C34 and
# C35 are what document 003 says about the averages and about the enlargement.

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
# A new attention has random weights, so we set the weights by hand. The ghost module makes the brightness of the photo,
# and from it an edge map. The attention measures how much redder than green a pixel is. Its long kernels take averages
# along the row and then along the column. They have 31 taps here instead of 5, so that the effect is visible. So a
# pixel is kept where its *surroundings* are red.

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
# **Decoupled attention.** Each step is a sum of products. In such a sum the gradient of one factor is `dy` times the
# other factor. Go back in the opposite order: first the row step, whose input was $a'$, then the column step, whose
# input was $z$.
#
# $$da'[h, j] = \sum_w F_W[w, h, j] \cdot dy[h, w], \qquad dF_W[w, h, j] = dy[h, w] \cdot a'[h, j],$$
#
# $$dz[i, w] = \sum_h F_H[h, i, w] \cdot da'[h, w], \qquad dF_H[h, i, w] = da'[h, w] \cdot z[i, w].$$
#
# (This is for one channel. The gradients of the weights are also summed over the images.) In the code, `dcolumns` is
# $da'$. The value $a'$ is needed again. It is not kept in memory, but computed a second time, as `columns`.

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
# **The gated module.** The module multiplies its maps by factors $f$, $y = \text{maps} \cdot f$. Both the maps and $f$
# were made from the same `x`. So there are two paths back, and their results are added:
#
# $$d\text{maps} = dy \cdot f, \qquad df = dy \cdot \text{maps}, \qquad dx = dx_\text{ghost}(d\text{maps}) + dx_\text{attention}(df).$$
#
# On the path of the attention, each factor of the small map gets the sum of the gradients of all pixels that copied it,
# `dx[⌊i · 3 / 7⌋] += dy[i]`. Then the gradient goes back through the sigmoid, the convolutions and the average. The
# average gives a quarter to each of its four pixels.

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
# With $C$ channels in and $D$ out, on maps halved to $h \times w$, the attention takes
#
# $$hw \cdot (C D + 5 D + 5 D)$$
#
# multiply-adds. Of these, $10 D$ belong to the two long kernels, and $C D$ to the 1x1 convolution in front. With more
# than 10 input channels the 1x1 convolution costs more than the two kernels. In GhostNetV2 1.0x it takes 87% of the
# attention's multiply-adds (computed below). Halving the maps saves three quarters (claim N19), if their size is even.
# Of 7x7 = 49 pixels 3x3 = 9 are left, which saves 81.6%:

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
# The first four lines sum to the last one. The paper prints 167M multiply-adds for GhostNetV2.
#
# **Why on the first ghost module?** GhostNetV2 has attention on the *first* ghost module of a bottleneck, the one that
# widens, and none on the second. The paper gives a reason: the many maps in the middle decide what a block can express.
# (The paper calls this *expressiveness*. It uses the word *capacity* for the number of the few maps at the end of the
# block, which pass the result on.) Half of the many maps are ghosts, and a ghost depends on 3x3 pixels only. The paper
# tried attention on each module and on both, and chose the first. What each choice costs is counted below.
#
# Document 003 observes correctly that the code has no attention in the first two bottlenecks (claims C38 and C41).
# `with_attention` sets the attention of each row of the table, so every variant can be counted:

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
):
    with initializer(None):
        counted = ghostnp.count(GhostNet(stages=with_attention(widened, narrowed)), image)
    added = counted.params - first.params, counted.macs - first.macs
    print(
        f"{name:50} {counted.params:10,} parameters (+{added[0]:9,}) {counted.macs:11,} multiply-adds (+{added[1]:10,})"
    )

# %% [markdown]
# So attention on the first module is not the cheaper choice. Attention on the second module takes 21.9 million
# multiply-adds, and attention on the first 31.1 million. The second module is cheaper for two reasons. In the striding
# bottlenecks it works after the stride, on a quarter of the pixels. And it makes few maps, so $D$ is small. The first
# two bottlenecks have the largest maps. Attention there would cost the difference of the second and third line: 5.2
# million multiply-adds for only 2,048 parameters.

# %% [markdown]
# **To play with.** `ghostnp explore dfc --open` shows DFC attention. `ghostnp explore resizing --open` shows nearest
# and bilinear resizing, forward and backward.
#
# ## Exercises
#
# **1.** *(easy)* By hand: on maps of 10x15, how many times fewer multiply-adds does decoupled attention take than full
# attention?

# %%
answer = None
check("10.1", answer)

# %% [markdown]
# **2.** *(medium)* By hand: how many parameters does `DFCAttention(40, 120)` have, batch norms included?

# %%
answer = None
check("10.2", answer)

# %% [markdown]
# **3.** *(derivation)* (Read "Bilinear, by hand" below first.) Show that bilinear enlargement of a row keeps
# $\sum dx = \sum dy$. Then derive the weights for enlarging 3 pixels to 7, and with $dy$ of ones the gradient of the
# *middle* pixel. (Three digits.)

# %%
answer = None
check("10.3", answer)

# %% [markdown]
# **4.** *(code)* Fill in `tutorials/exercises/12_resize_nearest_backward.py` until `ghostnp check` accepts it. Give
# ones of shape (1, 1, 11, 11) back to a map of 5x5. What is the largest number there?

# %%
answer = None
check("10.4", answer)

# %% [markdown]
# **5.** *(code)* Fill in `15_decoupled_attention.py` and `16_decoupled_attention_backward.py`. Let `z` be
# `np.arange(6.0).reshape(1, 1, 2, 3)`, `weight_h` be `np.arange(12.0).reshape(1, 2, 2, 3)`, and `weight_w` be ones of
# shape (1, 3, 2, 3). First: what is the output pixel `a[0, 0, 1, 2]`? Second: with `dy` of ones, what is the sum of all
# numbers of `dz`? Answer with both, as `(a, sum)`.

# %%
answer = None
check("10.5", answer)

# %% [markdown]
# ## For the curious
#
# Nothing on the later pages needs this section.
#
# **Is DFC better than other attentions?** Document 003 reports, from the paper, a comparison in MobileNetV2 with three
# others: squeeze-and-excitation (SE), CBAM (a factor for each channel, then a factor for each pixel) and coordinate
# attention (CA: the means of rows and of columns, with a factor for each row and each column of a map). DFC had the
# highest accuracy on ImageNet. We do not repeat the training, but the cost can be counted. The widened maps of each
# block get the attention. (CBAM and CA are not in ghostnp.)

# %%
for name, keywords in (("plain", {}), ("SE", {"squeeze_excite": SqueezeExcite}), ("DFC", {"gate": DFCAttention})):
    with initializer(None):
        counted = ghostnp.count(MobileNetV2(**keywords), image)
    print(f"MobileNetV2, {name:5} {counted.params:9,} parameters {counted.macs:11,} multiply-adds")

# %% [markdown]
# SE costs few multiply-adds, because its convolutions work on single pixels. It costs many parameters, because it has
# two matrices: one from the wide maps to a quarter as many numbers, and one back. (The authors of CA print 3.89M
# parameters for SE and CBAM, and 3.95M for CA. So their SE has fewer hidden channels than a quarter.) DFC has fewer
# parameters than this SE, because it reads the *narrow* input of the block. It has more multiply-adds, because it works
# on maps.
#
# Document 003 also has tables of latency, and of accuracy on ImageNet, COCO and ADE20K. They are not checked here,
# because that would need training on these data sets.

# %% [markdown]
# ### Bilinear, by hand
#
# Document 003 speaks of *bilinear* enlargement (双线性插值) instead of the nearest neighbour. Bilinear blends the two
# nearest pixels along each axis. Take a row of 2 pixels, $(a, b)$, and enlarge it to 4. The old pixels have their
# middles at 0.5 and 1.5. In the same units, pixel $i$ of the new row has its middle at $(i + 0.5) \cdot 2 / 4$. So its
# distance from the first old middle is
#
# $$t_i = (i + 0.5) \cdot \tfrac{2}{4} - 0.5 = -0.25, \; 0.25, \; 0.75, \; 1.25.$$
#
# The weights are $1 - t$ for $a$ and $t$ for $b$. A $t$ below 0 is set to 0, and a $t$ above 1 is set to 1. So the new
# row is
#
# $$(a, \; 0.75 a + 0.25 b, \; 0.25 a + 0.75 b, \; b).$$
#
# For a map this is done along the rows and then along the columns, so the weights of a pixel are products of two such
# weights.
#
# **Backward,** each new pixel gives its gradient to the old pixels with the same weights. With
# $dy = (dy_0, dy_1, dy_2, dy_3)$,
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
# **Sigmoid before or after?** The code takes the sigmoid on the small map, which is a quarter of the work, and enlarges
# afterwards. Document 003 says that the factors are then *no longer strictly between 0 and 1* (claim C36), and that
# this matters little. But the factors do stay between 0 and 1: the nearest neighbour copies factors, and a bilinear
# blend of two factors, $(1 - t) a + t b$, lies between $a$ and $b$.
#
# What does change is the result. Write $\text{sig}$ for the sigmoid and "up" for enlarging. For the nearest neighbour
# the order makes no difference, $\text{up}(\text{sig}(x)) = \text{sig}(\text{up}(x))$: the two *commute*. For a blend
# the order matters, since the sigmoid of a mean is not the mean of the sigmoids. By hand, halfway between $-4$ and $0$:
# $(\text{sig}(-4) + \text{sig}(0)) / 2 = (0.018 + 0.5) / 2 = 0.26$, but $\text{sig}(-2) = 0.12$.

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
# Next: tutorial 11, on counting, and on why two people who count one network do not agree.
