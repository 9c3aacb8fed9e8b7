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
# # 11. Counting
#
# **Two people count the same network, and get 141 million and 151 million. Who is right?**
#
# Both are right. A count follows a *convention* (约定): a rule that says what is counted, and how often. Few people who
# print a number say which convention they used. We count a small network by hand, explain the difference of 10 million
# exactly, and write a counter of our own. At the end we count what training costs.
#
# The network is GhostNet 1.0x, on one photo of 224x224 pixels. The picture shows its counts by six conventions. Five of
# them have the names of tools that count for PyTorch:

# %%
import math
import textwrap
import time
from collections import Counter
from tempfile import TemporaryDirectory

import hypothesis
import numpy as np

import ghostnp
from ghostnp import ops
from ghostnp.course.study import check, claims, show, source
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.graph.counting.reconcile import reconcile
from ghostnp.graph.recording import Token, record
from ghostnp.modules import BatchNorm2d, Conv2d, ReLU, Sequential, initializer
from ghostnp.modules.bottleneck import GhostConv2d
from ghostnp.modules.layers import Plain
from ghostnp.ops.cost import each, free
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_adjoint, assert_laws

image = (1, 3, 224, 224)
network = ghostnp.create_model("ghostnet_100", seed=None)  # without weights: counting needs shapes alone
counted = ghostnp.count(network, image)

kinds = {
    "multiply-adds": style.OUTPUT,
    "batch norm": style.KINDS["batch norm"],
    "ReLU": style.GROUPS[0],
    "pooling": style.GROUPS[1],
    "others": style.GROUPS[2],
}
figure, grid = style.sheet(10, 3.6, nrows=1, ncols=1, left=0.12, right=0.97, bottom=0.16, top=0.84)
axes = style.plain_axes(figure.add_subplot(grid[0]), "", x_label="million operations (the axis begins at 130)")
names = ("macs", "torchinfo", "fvcore", "ptflops", "ptflops-0.7", "thop")
for place, name in enumerate(names):
    shares = dict.fromkeys(kinds, 0)
    for part in CONVENTIONS[name].parts(counted):
        kind = "batch norm" if part.op.startswith("batch_norm") else "ReLU" if part.op == "relu" else "others"
        kind = "multiply-adds" if part.measure == "macs" else "pooling" if "pool" in part.op else kind
        shares[kind] += part.factor * part.elements / 1e6
    left = 0
    for kind, share in shares.items():
        axes.barh(place, share, left=left, color=kinds[kind], height=0.66, label=kind if place == 0 else None)
        left += share
    axes.text(left + 0.2, place, f"{left:.2f}", va="center", **style.TEXT | {"fontsize": 10})
    print(
        f"{name:12}",
        ", ".join(f"{kind} {share:.2f}" for kind, share in shares.items() if share),
        f"= {left:.2f} million",
    )
axes.set_yticks(range(len(names)), names)
axes.set(xlim=(130, 164), ylim=(len(names) - 0.4, -0.6))
axes.legend(frameon=False, ncols=5, loc="lower left", bbox_to_anchor=(-0.1, 1.0), fontsize=10)
show(
    figure,
    "Bars of what six counters count for one network, from 141 to 156 million. All count the same multiply-adds. "
    "What they add differs: batch norm, ReLU, pooling.",
)

# %% [markdown]
# ## By hand
#
# The example is a small stack of layers on one image of 6x6 pixels. It has a 3x3 convolution from 2 maps to 4, with
# padding 1 and biases. A batch norm and a ReLU follow.
#
# | | calculation | |
# |---|---|---|
# | weights | $4 \cdot 2 \cdot 3 \cdot 3$ | 72 |
# | biases | one for each filter | 4 |
# | batch norm, trained | a scale and a shift for each map | 8 |
# | batch norm, not trained | a mean and a variance for each map | 8 |
# | multiply-adds | $4 \cdot 6 \cdot 6$ outputs, $2 \cdot 3 \cdot 3$ each | 2,592 |
# | biases added | one for each output | 144 |
# | batch norm, computed | a product with the scale and a sum with the shift: 2 for each number | 288 |
# | ReLU, computed | a comparison for each number | 144 |
# | activations | each of the three layers gives 144 numbers | 432 |
#
# Depending on the convention, this stack has 72, 76, 84 or 92 parameters, and takes 2,592, 2,736, 3,168 or 5,184
# operations. The code prints the counts of each layer with their calculations:

# %%
with initializer(0):
    stack = Sequential(Conv2d(2, 4, 3, padding=1), BatchNorm2d(4), ReLU())
small = ghostnp.count(stack, (1, 2, 6, 6))
for row in small.rows:
    print(f"{row.op:16} parameters: {row.params.working}")
    print(f"{'':16} MACs: {row.macs.working}; other operations: {row.other.working}; buffers: {row.buffers}")
print("activations:", small.activations, "numbers;", small.memory.activations, "bytes")

# %% [markdown]
# The command `ghostnp count` prints such counts in the terminal, for a network or for one operator. The next cell
# counts the convolution of claim N02 (tutorial 04, "By hand"). It has 5x5 kernels, 32 groups and padding 2, and goes
# from 256 to 256 channels of 64x64 pixels. Each count is *computed from* the formula that is printed with it, so the
# count and the formula cannot disagree.

# %%
source(ops.grouped_conv2d_cost)
layer = ops.grouped_conv2d_cost((1, 256, 64, 64), (256, 8, 5, 5), bias=True, padding=2, groups=32)
print(layer.params.working)
print(layer.macs.working)

# %% [markdown]
# ## What counters count
#
# **FLOPs or MACs?** As in tutorial 01, a multiply-add (乘加, MAC) is two FLOPs (floating point operations, 浮点运算). Papers
# on light networks count multiply-adds, and most of these papers call them FLOPs. The documents do the same (claim
# C19). Counters inside frameworks, such as `torch.utils.flop_counter`, count two FLOPs for each multiply-add. (FLOPS
# with a capital S is a speed: operations *per second*.)
#
# **Does a bias count?** It usually counts as a parameter. Document 000 adds 1 for the bias of each filter. Documents
# 001 and 004 leave biases out (claim C45; claims N21 and N22 are two counts of document 004). The work of a bias is one
# addition for each output. Only some tools count these additions.

# %%
claims("C19", "C45", "N21", "N22")

# %% [markdown]
# **Where is batch norm?** The scale and the shift of a batch norm are trained, so they are parameters. The running mean
# and variance (tutorial 06, "Batch norm") are *buffers* (缓冲区): numbers that are stored but not trained. Keras prints
# the sum of parameters and buffers as "Total params". PyTorch's `parameters()` gives only the numbers that are trained.
# Claims N07 and N14 give both kinds of numbers for the networks of documents 000 and 001:

# %%
claims("N07", "N14")

# %% [markdown]
# **What else do counters count?** Conventions differ in nearly all rows of this table:
#
# | | who counts it |
# |---|---|
# | products with the zeros of the padding | all tools, though these products change nothing |
# | batch norm, for each number | papers count 0, fvcore and ptflops count 2, thop counts 4; torchinfo counts the parameters of the batch norm, whatever the size of the maps |
# | ReLU: 1 for each number | ptflops; version 0.7 counts each ReLU twice, as a module and as a function call |
# | pooling: 1 for each number in, or out | ptflops (twice in version 0.7), thop, and fvcore (only global pooling) |
# | the classifier | the ShuffleNet paper leaves the classifier out |
# | resizing, sigmoids, shuffles, concatenation | almost no tool; shuffles and concatenation only move numbers |
# | *activations*, the numbers that come out of layers | papers that compare many networks of one family ("design spaces"), because activations predict the time better than multiply-adds |
# | *memory*, the bytes that are held | few tools, though memory decides whether a training run crashes |
#
# Some tools see only modules, and no function calls. So the "FLOPs" of a network can change if its code is rewritten,
# even if the result stays the same. We found these conventions by running the tools. Here are four conventions, each
# with its count for GhostNet:

# %%
for name in ("macs", "flops", "ptflops", "thop"):
    rule = CONVENTIONS[name]
    print(textwrap.fill(f"{name:8} {sum(rule.of_each(counted)):>12,}  {rule.text}", 110, subsequent_indent=" " * 23))

# %% [markdown]
# ## Why 151M and not 141M?
#
# The paper of GhostNet says 141M for the network of width 1.0. The counter ptflops says 0.1512 G. `reconcile` takes
# printed numbers, each with its own precision. It looks for the conventions that give these numbers, and lists the
# terms of the difference:

# %%
found = str(reconcile(network, "141M", "0.1512G"))
print("\n".join(textwrap.fill(line, 110, subsequent_indent="    ") for line in found.splitlines()))

# %% [markdown]
# The paper's convention is the first of the three: multiply-adds alone. ptflops adds 10,077,600 operations for biases,
# batch norms, ReLUs and average pooling. Batch norm is seven tenths of the difference. But after training, batch norm
# need not be computed, because it can be folded into the convolutions (tutorial 12, "Doing less: the engine").
#
#
# ## Numbers that nothing reproduces
#
# We count the networks in the tables of four papers. Is there a convention that gives all numbers of one table?

# %%
tables = {
    "GhostNet": {"ghostnet_050": 42, "ghostnet_100": 141, "ghostnet_130": 226},
    "GhostNetV2": {"ghostnetv2_100": 167, "ghostnetv2_130": 269, "ghostnetv2_160": 399},
    "ShuffleNetV1": {f"shufflenetv1_g{g}_1.0x": said for g, said in {1: 143, 2: 140, 3: 137, 4: 133, 8: 137}.items()},
    "ShuffleNetV2": {
        f"shufflenetv2_{width}": said for width, said in {"0.5x": 41, "1.0x": 146, "1.5x": 299, "2.0x": 591}.items()
    },
}
lines = [f"{'million multiply-adds':24} paper      all   without the classifier"]
for printed in tables.values():
    for name, said in printed.items():
        this = ghostnp.count(ghostnp.create_model(name, seed=None), image)
        sums = [sum(CONVENTIONS[rule].of_each(this)) / 1e6 for rule in ("macs", "without-classifier")]
        fits = (f"{value:9.2f} {'=' if round(value) == said else ' '}" for value in sums)
        lines.append(f"{name:24} {said:5}{''.join(fits)}")
print("\n".join(lines))

# %% [markdown]
# - **GhostNetV2**: the multiply-adds of convolutions and linear layers give all three numbers.
# - **GhostNet**: the same convention gives the numbers for 0.5x and 1.0x. For 1.3x the paper prints 226M, but the count
#   is 227.00. Without the classifier the count for 1.3x is 225.72, which fits. But the counts for 0.5x and 1.0x are
#   then 41.05 and 139.87, which do not fit 42 and 141. *No convention gives all three numbers.*
# - **ShuffleNetV1**: all five numbers leave the classifier out. With the classifier, three numbers would be wrong. (The
#   143M for one group and the 137M for three groups fit with and without it.)
# - **ShuffleNetV2**: the numbers for 1.0x, 1.5x and 2.0x include the classifier. No convention gives the 41M for 0.5x.
#
# A printed number can be wrong. If your count differs from a printed number, first look for a convention that gives
# this number. If there is none, say so. Do not change the network to make its count fit.

# %% [markdown]
# ## A counter is a backend
#
# How does a counter see what a network does? Tools for PyTorch attach a *hook* to every module: a function that is
# called whenever the module runs. ghostnp has a simpler way. Its modules compute nothing by themselves. They call a
# *backend* (后端): a namespace with the functions `standard_conv2d`, `relu` and so on. With another backend the same
# network does something else. A backend that computes and also writes down each call is a counter:


# %%
class Moved:
    """Computes as the definitions do, and adds up the bytes that go into and come out of each kind of operator."""

    def __init__(self):
        self.bytes = Counter()

    def __getattr__(self, name):
        function = getattr(ops, name)

        def counted(*args, **keywords):
            y = function(*args, **keywords)
            arrays = [value for value in (*args, *keywords.values(), y) if isinstance(value, np.ndarray)]
            self.bytes[name] += sum(array.nbytes for array in arrays)
            return y

        return counted


moved = Moved()
with ghostnp.use_backend(moved):
    y = stack(np.ones((1, 2, 6, 6), np.float32))
print(dict(moved.bytes))

# %% [markdown]
# We check the first number by hand. The convolution reads $2 \cdot 36 = 72$ numbers of the image, 72 weights and 4
# biases. It writes $4 \cdot 36 = 144$ numbers. Together these are 292 numbers of 4 bytes, which are 1,168 bytes.
#
# A counter need not compute the numbers in the arrays. The function `record` replaces arrays by *tokens*, which have a
# shape and a dtype but no numbers. For each call, `record` asks the cost function of the operator for the counts,
# writes the call down, and returns a token. The list of calls is called a *tape*. `ghostnp.count` only reads the tape,
# and a counter of your own can do the same. The next cell counts the *arithmetic intensity* (计算强度): the multiply-adds
# for each byte that has to be moved. The cell adds up all calls of GhostNet by the kind of operator:

# %%
tape = record(network, Token(image, np.dtype(np.float32)))
print("\n".join(textwrap.shorten(line, 110) for line in str(tape).splitlines()[:5]))

work, bytes_moved = Counter(), Counter()
for step, row in zip(tape.steps, counted.rows, strict=True):
    values = [tape.values[number].shape for number in (*step.inputs, *step.results)]
    bytes_moved[step.op] += 4 * (sum(map(math.prod, values)) + row.params + row.buffers)
    work[step.op] += row.macs
for op, number in bytes_moved.most_common(5):
    print(f"{op:18} {number / 1e6:5.1f} MB moved, {work[op] / number:4.1f} multiply-adds for each byte")

# %% [markdown]
# Batch norms move nearly as many bytes as the pointwise convolutions, but have no multiply-adds. The depthwise
# convolutions have less than one multiply-add for each byte. So **FLOPs are not time**: a layer can have fewer FLOPs
# and still be slower.
#
# **A measured case.** The first ghost module of GhostNet makes 16 maps from 16 maps of 112x112 pixels. An ordinary 1x1
# convolution can also make 16 maps, in one step. The ghost module has fewer multiply-adds, but it has three steps, and
# each step reads and writes maps. We run each layer 60 times, in turns, and print the lower quartile: a quarter of the
# 60 runs took less time than this. (The times are from the machine that made this page, while other programs were
# running. Run the cell on your machine.)

# %%
with initializer(0):
    layers = {"1x1 convolution": Conv2d(16, 16, 1), "ghost module": GhostConv2d(16, 16, 1)}
maps = np.random.default_rng(0).standard_normal((1, 16, 112, 112), dtype=np.float32)
times = {name: [] for name in layers}
for _ in range(60):
    for name, layer in layers.items():
        start = time.perf_counter()
        layer(maps)
        times[name].append(1e6 * (time.perf_counter() - start))
for name, layer in layers.items():
    macs = ghostnp.count(layer, maps.shape).macs
    print(f"{name:16} {macs:9,} multiply-adds, {np.quantile(times[name], 0.25):5.0f} microseconds")

# %% [markdown]
# The ghost module needs 2.5 million multiply-adds, and the convolution needs 3.2 million. Yet the ghost module took
# longer on that machine. Tutorial 12 explains why, and what fast code can do about it.
#
# %% [markdown]
# ## Counting the backward pass
#
# A training step has a forward pass and a backward pass. How much more work is this than a forward pass alone? Take a
# convolution, or any other layer that adds up products. Each multiply-add multiplies a weight $w$ by a pixel $x$, and
# adds the product to an output number. We call the gradient of this output number $dy$, and we call $(w, x, dy)$ a
# *triple*. If there are $P$ multiply-adds, there are $P$ triples. The inner product of the gradient and the output is a
# sum over all triples:
#
# $$\langle dy, y \rangle = \sum_\text{triples} w \cdot x \cdot dy.$$
#
# The forward pass, `dx` and `dw` use the same triples. Each of the three passes multiplies two numbers of a triple:
#
# | pass | multiplies | adds up for each | multiply-adds |
# |---|---|---|---|
# | forward | $w \cdot x$ | output number | $P$ |
# | `dx` | $w \cdot dy$ | input number | $P$ |
# | `dw` | $x \cdot dy$ | weight | $P$ |
#
# So the backward pass costs $2 P$, and a training step costs about three times a forward pass. (The step costs a little
# less, because the first layer need not compute the gradient of the photo.) Here are the forward line of a pointwise
# convolution and the two backward lines that belong to it:

# %%
source(ops.pointwise_conv2d)
source(ops.pointwise_conv2d_backward)

# %% [markdown]
# We can check that each pass costs $P$. Let all weights, pixels and gradients be 1, without padding. Then every triple
# adds exactly 1. So the sums of `y`, of `dx` and of `dw` say how many products each pass adds up. All three sums must
# be equal to the count of the cost function:

# %%
cases = {
    "standard_conv2d": ((2, 6, 9, 8), (4, 6, 3, 3), {"stride": 2}),
    "grouped_conv2d": ((2, 6, 9, 8), (4, 3, 3, 3), {"groups": 2}),
    "depthwise_conv2d": ((2, 6, 9, 8), (6, 1, 5, 3), {}),
    "pointwise_conv2d": ((2, 6, 9, 8), (4, 6, 1, 1), {}),
    "linear": ((2, 6), (4, 6), {}),
}
for op, (x_shape, w_shape, keywords) in cases.items():
    x, w = np.ones(x_shape), np.ones(w_shape)
    y = getattr(ops, op)(x, w, **keywords)
    grads = getattr(ops, f"{op}_backward")(np.ones_like(y), x, w, **keywords)
    triples = getattr(ops, f"{op}_cost")(x_shape, w_shape, **keywords).macs
    assert y.sum() == grads.x.sum() == grads.weight.sum() == triples > 0
    print(f"{op:17} {triples.working:28} products forward, for dx, and for dw")

# %% [markdown]
# ## Memory for training
#
# To *use* a network, memory must hold the weights, the maps on a shortcut, and the input and output of one operator at
# a time. To *train* it, the forward pass must also keep what the backward pass needs. For example, `dw` needs $x$. The
# arrays that a module keeps are its *cache* (缓存). We count the bytes in the caches of GhostNet after one forward
# pass, each array once:


# %%
def kept(cache):
    """The arrays in a cache, however nested, each under the identity of the memory that it looks into."""
    if isinstance(cache, np.ndarray):
        whole = cache if cache.base is None else cache.base
        return {id(whole): whole.nbytes}
    parts = cache.values() if isinstance(cache, dict) else cache if isinstance(cache, tuple | list) else ()
    return {key: size for part in parts for key, size in kept(part).items()}


photo = load_photo(size=64)
with ghostnp.use_backend(ops):
    _, cache = ghostnp.create_model("ghostnet_100").forward(photo, training=True, rng=np.random.default_rng(0))
memory = ghostnp.count(network, photo.shape).memory
print(
    f"weights and statistics:              {memory.state:11,} bytes\n"
    f"in and out of one operator, at most: {memory.step:11,} bytes\n"
    f"all that comes out of operators:     {memory.activations:11,} bytes\n"
    f"kept in the caches:                  {sum(kept(cache).values()):11,} bytes\n"
    f"all that comes out, for 224x224:     {counted.memory.activations:11,} bytes"
)

# %% [markdown]
# The caches hold about four fifths of all activations. An output that no backward pass reads is not kept, for example
# the output of a batch norm before a ReLU. On this photo of 64x64 the caches are smaller than the weights. But the
# caches grow with the number of pixels and with the number of images in a batch, and the weights do not. For a photo of
# 224x224 pixels the activations are 53.4 million bytes, as the last line says. A batch of 32 photos has 32 times as
# many bytes, 1.7 GB. The weights and statistics are still 20.8 million bytes. FLOPs say nothing about memory.
#
# ## Exercises
#
# **To practise.** `ghostnp quiz` asks for such counts in the terminal, with new numbers each time, and explains each
# mistake. `ghostnp worksheet` makes sheets of such questions for a class. The words of all tutorials are in the
# [glossary](GLOSSARY.md).
#
# **To play with.** `ghostnp explore --open` shows how the counts of a layer are calculated, while you change the
# settings of the layer.
#
# **1.** *(easy)* By hand: a network is a 5x5 convolution from 3 to 16 channels with biases, and then a batch norm.
# Which number does Keras print as "Total params"?

# %%
answer = None
check("11.1", answer)

# %% [markdown]
# **2.** *(medium)* A network has a pointwise convolution from 8 to 16 channels without biases, then a batch norm, then
# a ReLU. It runs on one image of 10x10 pixels. What does ptflops (in the version that counts ReLUs once) count for the
# three layers?

# %%
answer = None
check("11.2", answer)

# %% [markdown]
# **3.** *(derivation)* A $k \times k$ convolution with padding $(k - 1) / 2$ and stride 1 runs over maps of
# $H \times H$ pixels. Derive which share of the counted products has a zero of the padding as a factor. (First count
# the products with real pixels along one axis.) Which share is it for $k = 5$ and $H = 14$? (Three digits.)

# %%
answer = None
check("11.3", answer)

# %% [markdown]
# **4.** *(medium)* By hand: a depthwise 3x3 convolution with padding 1 and without biases runs over one image with 32
# channels of 14x14 pixels. All numbers are float32. How many multiply-adds does it have for each byte of input, weights
# and output? (Three digits.)

# %%
answer = None
check("11.4", answer)

# %% [markdown]
# **5.** *(medium)* A network has two layers without biases: a 3x3 convolution from 3 to 8 maps with padding 1, then a
# 1x1 convolution from 8 to 16 maps. It runs on one image of 10x10 pixels. How many multiply-adds does a training step
# take, if the gradient of the image is not computed?

# %%
answer = None
check("11.5", answer)

# %% [markdown]
# ## For the curious
#
# Nothing on the later pages needs this section.
#
# ### An operator of your own
#
# What if your network uses an operator that ghostnp does not have? MobileNetV3 uses *h-swish*,
# $y = x \cdot \mathrm{relu6}(x + 3) / 6$. The function relu6 limits numbers to the range from 0 to 6. You write three
# functions: forward, backward and cost. For the backward function, the slope of h-swish is 0 for $x \le -3$, 1 for
# $x \ge 3$, and $(2x + 3) / 6$ between. Then you `register` the operator:


# %%
def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


def hard_swish_backward(dy, x):
    return dy * np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6))


def hard_swish_cost(x_shape):
    return free(tuple(x_shape), other=each(x_shape))  # no parameters, no multiply-adds, one operation for each number


ghostnp.register(hard_swish, hard_swish_backward, hard_swish_cost, like="relu6")


class HardSwish(Plain):
    operator = "hard_swish"


# %% [markdown]
# `like="relu6"` says that the operator is elementwise, as `relu6` is. Now h-swish is an operator like any other. A
# network that uses h-swish can be run, counted, traced and compiled. `assert_laws` tests the operator with random
# arguments, which the library Hypothesis makes. (Hypothesis would write notes into the current folder, so the cell
# gives it a temporary folder.)

# %%
with initializer(0):
    block = Sequential(Conv2d(2, 4, 3), HardSwish())
x = np.random.default_rng(0).normal(size=(1, 2, 6, 6)).astype(np.float32)
print(ghostnp.count(block, x.shape).rows[1].other.working, "other operations")
print(ghostnp.trace(block, x))
assert np.allclose(ghostnp.compile(block)(x), block(x), atol=1e-6)
notes = TemporaryDirectory()  # for what Hypothesis writes down while it searches
hypothesis.configuration.set_hypothesis_home_dir(notes.name)
assert_laws(ops, "hard_swish", examples=50)

# %% [markdown]
# **Would the test with ones notice a mistake?** In the section "Counting the backward pass", all numbers were 1. That
# test notices both of the following mistakes. If a grouped convolution of two groups is counted as a standard
# convolution, the count is twice the number of triples. If a backward pass leaves out products, for example those of
# the last row of windows, the sums of its gradients are smaller:

# %%
x_shape, w_shape, keywords = cases["grouped_conv2d"]
x, w = np.ones(x_shape), np.ones(w_shape)
y = ops.grouped_conv2d(x, w, **keywords)
print(f"products: {y.sum():,.0f}; counted without groups: {ops.standard_conv2d_cost(x_shape, (4, 6, 3, 3)).macs:,}")

dy = np.ones_like(y)
dy[:, :, -1] = 0
lazy = ops.grouped_conv2d_backward(dy, x, w, **keywords)
try:
    assert_adjoint(y, np.ones_like(y), (lazy.x, x), (lazy.weight, w))
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# Every tool counts the products with the zeros of the padding. But such a product adds 0 to the output. So with padding
# 1, the sum of the output is smaller than the count:

# %%
ones = np.ones((1, 1, 6, 6))
y = ops.standard_conv2d(ones, np.ones((1, 1, 3, 3)), padding=1)
cost = ops.standard_conv2d_cost((1, 1, 6, 6), (1, 1, 3, 3), padding=1)
print(f"counted: {cost.macs.working}; with a pixel of the image: {int(y.sum())}")

# %% [markdown]
# **Which convention gives 0.30 G?** This number is also printed for GhostNet 1.0x. `reconcile` finds no convention that
# gives it. But 0.30 G is near 2 x 151M. The next cell prints the count of each convention, and the doubled count:

# %%
for name, rule in CONVENTIONS.items():
    total = sum(rule.of_each(counted)) / 1e9
    if total > 0.1:
        marks = ["  <-- 0.30" if f"{value:.2f}" == "0.30" else "" for value in (total, 2 * total)]
        print(f"{name:20} {total:.4f} G{marks[0]:10} doubled {2 * total:.4f} G{marks[1]}")

# %% [markdown]
# So 0.30 G is the number of fvcore or ptflops, doubled. The doubled number is not a count of operations. Only a
# multiply-add is two operations, but the operations of batch norms and ReLUs were doubled, too. If each multiply-add
# counts as two operations and nothing else counts, the result is 0.28 G (`flops`). (MobileNetV2 has 300M multiply-adds.
# So "0.30 G" for MobileNetV2 is the count of `macs`, not doubled.)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, and Y. Tang et al.,
#   "GhostNetV2", NeurIPS 2022: the counts printed with the results on ImageNet. <https://arxiv.org/abs/1911.11907>,
#   <https://arxiv.org/abs/2211.12905>
# - X. Zhang et al., "ShuffleNet", CVPR 2018, table 1, and N. Ma et al., "ShuffleNet V2: practical guidelines for
#   efficient CNN architecture design", ECCV 2018, section 2: why FLOPs are not time.
#   <https://arxiv.org/abs/1707.01083>, <https://arxiv.org/abs/1807.11164>
# - I. Radosavovic et al., "Designing network design spaces", CVPR 2020, section 4: activations.
#   <https://arxiv.org/abs/2003.13678>
#
# Next: tutorial 12, from the formula to a fast kernel.
