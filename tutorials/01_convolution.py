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
# # 1. Convolution by hand
#
# **What does one layer of a convolutional network compute, number by number, and what does it cost?**
#
# You need to know Python and matrices. This page explains everything else. Tutorials 08 to 10 build the networks
# GhostNet and GhostNetV2.
#
# A network computes in steps, called *layers*. Each layer reads *maps* (特征图, feature maps) and computes new maps. A map
# is a matrix of numbers, such as one colour of a photo. A *kernel* (卷积核) is a small matrix of weights. To *convolve* a
# map with a kernel, lay the kernel on the map, multiply each weight by the number below it, and write down the sum of
# the products. Then move the kernel to the next position and repeat.
#
# This course also checks five Chinese blog posts about *light* (small and fast) networks, called documents 000 to 004.
# Document 000 builds a GhostNet in Keras, and document 001 a ShuffleNet. (Keras, TensorFlow and PyTorch are
# *frameworks*, the libraries in which most people write networks.) Document 002 explains the ghost module, document 003
# GhostNetV2, and document 004 cheap convolutions. You need not have read the documents. Each statement that we check is
# called a *claim* and has an identifier, such as C12. In the terminal, `ghostnp claims C12` shows what the document
# says and what ghostnp computes. The documents and the papers also print accuracies on ImageNet and other large data
# sets, and times on phones. This course does not check these numbers. A check would need days of training on GPUs, and
# the same phones.
#
# In the cells with code, lines with `style.`, `axes` or `figure` only draw pictures. You can skip these lines.

# %%
import numpy as np

from ghostnp import ops, pictures
from ghostnp.course.study import check, show, source
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style

x = np.array([[1, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]])
kernel = np.array([[1, 0], [2, -1]])
show(
    pictures.sliding_window(x, kernel, at=(0, 1)),
    "A 2x2 window lies on a map of 4x4 numbers, over 2, 0, 1 and 3. Its products with the kernel 1, 0, 2, −1 sum "
    "to 1, the marked number of the 3x3 output.",
)

# %% [markdown]
# ## By hand
#
# The blue window in the picture contains 2 and 0, and below them 1 and 3. We multiply each number by the weight at the
# same position in the kernel, and add up the products. The sum is the output number in row 0 and column 1, counted from
# 0:
#
# $$y[0, 1] = 2 \cdot 1 + 0 \cdot 0 + 1 \cdot 2 + 3 \cdot (-1) = 1.$$
#
# Compute one more output number before you read on. The window in the lower right corner contains 1 and 0, and below
# them 0 and 2. Its output number is $1 \cdot 1 + 0 \cdot 0 + 0 \cdot 2 + 2 \cdot (-1) = -1$.
#
# A window with 2 rows fits into a map with 4 rows at 3 heights, so the output has 3 rows. In the same way, the output
# has 3 columns. In general, for a kernel with $k$ rows and a map with $h$ rows, the number of output rows is
#
# $$h_\text{out} = h - k + 1.$$

# %%
y = np.empty((3, 3))
for i, j in np.ndindex(y.shape):
    y[i, j] = (kernel * x[i : i + 2, j : j + 2]).sum()
y

# %% [markdown]
# The kernel was *not* flipped before it was laid on the map. Mathematicians call this operation a *cross-correlation*,
# and speak of a convolution only if the kernel is flipped. Deep learning frameworks usually leave the kernel unflipped,
# and still call the operation a convolution. Since the weights are learnt, a network can use either operation.
#
# ## Padding and stride
#
# Two settings change the positions of the windows.
#
# - *Padding* (填充) adds a border of zeros to the map, $p$ pixels wide on each side, so that windows also fit at the
#   edge.
# - *Stride* (步长) is the distance $s$ in pixels from one window to the next.
#
# With padding and stride, the number of output rows is
#
# $$h_\text{out} = \left\lfloor \frac{h + 2p - k}{s} \right\rfloor + 1.$$
#
# The brackets mean: round down. If the last step would move the window over the edge, this step is left out.

# %%
show(
    pictures.sliding_window(x, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), padding=1, stride=2, at=(1, 0)),
    "The map has a border of zeros. A 3x3 window at its left edge, two rows below the top, gives −7, the marked number "
    "of the 2x2 output.",
)

# %% [markdown]
# In this picture, $h = 4$, $p = 1$, $k = 3$ and $s = 2$. The quotient $(4 + 2 - 3) / 2 = 1.5$ is rounded down to 1, so
# the output has 2 rows.
#
# **Why does the padding "same" differ between frameworks?** In PyTorch, the padding is a number $p$ for all four sides.
# In TensorFlow and Keras, "same" means the padding that makes $h_\text{out} = \lceil h / s \rceil$ (rounded up). If the
# number of added rows is odd, the extra row is at the bottom. An extra column is on the right.
#
# With stride 1 and a 3x3 kernel, "same" is equal to $p = 1$. With stride 2 and a map of even size, "same" needs only
# one row of zeros, at the bottom. But PyTorch networks usually have $p = 1$, which adds a row at the top as well. All
# their windows are therefore shifted by one pixel. Document 000 builds GhostNet in Keras with "same", but the official
# network is in PyTorch. The layers with stride 2 read different pixels in these two networks, so the weights of one
# network do not fit the other network (claim C12). (PyTorch accepts the word "same" too, but only with stride 1.)
#
# To see the difference, take a row of six pixels, 1 to 6, and a kernel of one row with the weights 1, 0 and 0. Then
# each output number is the first pixel of its window:

# %%
places = np.arange(1.0, 7).reshape(1, 1, 1, 6)
corner = np.array([1.0, 0, 0]).reshape(1, 1, 1, 3)
rows_only = {"stride": (1, 2)}
print("TensorFlow's 'same':", ops.standard_conv2d(places, corner, padding="same", **rows_only).ravel())
print("PyTorch's padding=1:", ops.standard_conv2d(places, corner, padding=(0, 1), **rows_only).ravel())

# %% [markdown]
# With TensorFlow's rule, the first window begins at pixel 1. With $p = 1$, it begins at the zero before pixel 1.
#
# ## Dilation
#
# *Dilation* (空洞) is the distance $d$, in pixels, between two neighbouring weights of the kernel when it lies on the
# map. Without dilation, $d = 1$. The first and the last row of the kernel are $d (k - 1)$ pixels apart, so the window
# covers $d (k - 1) + 1$ rows instead of $k$. This number replaces $k$ in the formula:
#
# $$h_\text{out} = \left\lfloor \frac{h + 2p - d (k - 1) - 1}{s} \right\rfloor + 1.$$
#
# A 3x3 kernel with dilation 2 covers 5x5 pixels, but it still has 9 weights and takes 9 multiplications for each output
# number:

# %%
show(
    pictures.sliding_window(x, np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]]), padding=1, dilation=2, at=(0, 1)),
    "With dilation 2, the nine pixels under the kernel are two rows and two columns apart and cover 5x5 pixels. "
    "They give 4, the marked number of the 2x2 output.",
)
nine = np.zeros((1, 1, 9, 9))
for d in (1, 2, 3, 4):
    rows = ops.standard_conv2d(nine, np.ones((1, 1, 3, 3)), dilation=d).shape[2]
    print(f"9 rows, k = 3, dilation {d}: the window covers {d * 2 + 1} rows, the output has {rows}")

# %% [markdown]
# ## Channels
#
# A photo has three maps, red, green and blue. Such maps are called *channels* (通道). A *filter* (滤波器) has one kernel for
# each input channel, and adds up the results of all its kernels. So each filter makes one output channel. A filter may
# also have a *bias*, one number that is added to every pixel of its output channel.
#
# With $N$ images, $C_\text{in}$ input channels of $H \times W$ pixels, and $C_\text{out}$ filters with kernels of $k_h
# \times k_w$ weights, the arrays have these shapes:
#
# | array | shape | example (padding 1) |
# |---|---|---|
# | `x` | $(N, C_\text{in}, H, W)$ | (1, 3, 4, 4) |
# | `weight` | $(C_\text{out}, C_\text{in}, k_h, k_w)$ | (2, 3, 3, 3) |
# | `bias` | $(C_\text{out},)$ | (2,) |
# | `y` | $(N, C_\text{out}, H_\text{out}, W_\text{out})$ | (1, 2, 4, 4) |
#
# A position $(u, v)$ in the kernel is called a *tap*. With the padded input $\bar x$, stride $s$ and dilation $d$, the
# output numbers of filter $o$ for image $n$ are
#
# $$y[n, o, i, j] = b[o] + \sum_c \sum_{u, v} w[o, c, u, v] \cdot \bar x[n, c, i s + u d, j s + v d].$$
#
# Here $b[o]$ is the bias, and the sums run over all input channels $c$ and all taps.

# %% [markdown]
# ## The definition
#
# This formula is the whole definition. The next cell prints the function itself:

# %%
source(ops.standard_conv2d)

# %% [markdown]
# The loop runs over the taps $(u, v)$ of the kernel, not over the pixels. The function `tap` returns the pixels that
# one tap reads, for all windows at once. Its result is a *view* of the array, so nothing is copied. Here the kernel is
# 3x3, the padding 1 and the stride 2:

# %%
xp = np.pad(x, 1)[None, None]
window = ops.geometry.sliding_window((4, 4), (3, 3), 2, 1)
print(xp[0, 0])
print("tap (0, 0) reads")
print(ops.geometry.tap(xp, 0, 0, window)[0, 0])
print("tap (1, 2) reads")
print(ops.geometry.tap(xp, 1, 2, window)[0, 0])

# %% [markdown]
# The call `einsum("oc,ncij->noij", ...)` mixes the channels: for each output channel `o`, it adds up the weighted input
# channels `c`. As a check, we compute the formula with one loop for each of its seven indices. These loops are slow,
# but so simple that we can trust them:

# %%
rng = np.random.default_rng(0)
x3, w3, b3 = rng.standard_normal((2, 3, 5, 6)), rng.standard_normal((4, 3, 3, 2)), rng.standard_normal(4)
fast = ops.standard_conv2d(x3, w3, b3, stride=2, padding=1)
slow = np.zeros_like(fast)
padded = np.pad(x3, ((0, 0), (0, 0), (1, 1), (1, 1)))
for n, o, i, j in np.ndindex(slow.shape):
    slow[n, o, i, j] = b3[o]
    for c, u, v in np.ndindex(w3.shape[1:]):
        slow[n, o, i, j] += w3[o, c, u, v] * padded[n, c, 2 * i + u, 2 * j + v]
assert np.abs(fast).max() > 1  # else a small difference would not prove anything
print(f"largest number: {np.abs(fast).max():.1f}, largest difference: {np.abs(fast - slow).max():.0e}")

# %% [markdown]
# ## On a photo
#
# A trained network has learnt its filters. To see what a filter can do, we choose three by hand. The first filter
# subtracts the pixels on the left from the pixels on the right, and the second subtracts the pixels above from the
# pixels below. Both average the three colours. The third filter subtracts green from red and blurs the result.

# %%
photo = load_photo(size=112)
edge = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
grey = np.full((3, 1, 1), 1 / 3)
filters = np.stack([grey * edge, grey * edge.T, np.array([1, -1, 0]).reshape(3, 1, 1) * blur]).astype(np.float32)
maps = ops.standard_conv2d(photo, filters, padding=1)

figure, grid = style.sheet(10, 2.9, nrows=1, ncols=4)
style.show(figure.add_subplot(grid[0]), denormalise(photo), "the photo")
for place, title in enumerate(("brighter to the right", "brighter below", "red, not green")):
    style.show(figure.add_subplot(grid[place + 1]), maps[0, place], title, style.OUTPUT)
show(
    figure,
    "A photo of a woman in a uniform in front of a flag, and three maps of it: edges to the right, edges below, "
    "and where it is redder than green.",
)

# %% [markdown]
# ## What it costs
#
# *Parameters* (参数量) are the numbers that a network learns. Each of the $C_\text{out}$ filters has $C_\text{in} \cdot
# k_h \cdot k_w$ weights, and it may have a bias. So the number of parameters is
#
# $$\text{params} = C_\text{out} \cdot (C_\text{in} k_h k_w + 1) \quad\text{or, without biases,}\quad C_\text{out}
# C_\text{in} k_h k_w.$$
#
# The size of the map does not change the number of parameters, but it changes the amount of computation. Every output
# number takes one multiplication and one addition for each weight of its filter. Such a pair is called a *multiply-add*
# or MAC (multiply-accumulate). The count for one image is
#
# $$\text{MACs} = C_\text{out} \cdot H_\text{out} \cdot W_\text{out} \cdot C_\text{in} k_h k_w.$$

# %%
for padding in (0, 2):
    cost = ops.standard_conv2d_cost((1, 256, 64, 64), (256, 256, 5, 5), bias=True, padding=padding)
    print(f"padding {padding}: parameters {cost.params.formula} = {cost.params:,}")
    print(f"           MACs       {cost.macs.formula} = {cost.macs:,}")

# %% [markdown]
# The padding of 2 changes the output from 60x60 to 64x64, so it changes only the number of multiply-adds. Document 000
# works out 256x(256x5x5+1) = 1,638,656 parameters for this layer, and 26,215,424 for a layer from 1024 to 1024
# channels. Both numbers are right (claims N01 and N04).
#
# **Does the bias count?** A bias is a parameter like any other: it is the "+1" in the formula of document 000.
# Documents 001 and 004 leave the biases out (claim C45). A 3x3 convolution from 3 channels to 4 has $4 \cdot 3 \cdot 3
# \cdot 3 = 108$ weights (claim N20), but with its 4 biases it has 112 parameters. Neither count is wrong, but two
# counts can be compared only if both say whether they include biases. In this course, a bias is never counted as a
# multiply-add, because adding it takes no multiplication.
#
# **FLOPs or MACs?** A FLOP is one floating-point operation. A multiply-add is two operations, so a count in FLOPs is
# twice a count in MACs. But nearly all papers on light networks, and documents 001 to 003, write "FLOPs" when they mean
# multiply-adds. If a number is twice or half of what you expected, check which of the two it counts. Tutorial 11 is
# about counting.
#
# **Is a convolution a fully connected layer?** In a fully connected layer (全连接层), each output number has a weight of
# its own for every input number. Document 000 compares a convolution with such a layer, because each output pixel
# combines the information of all channels. The comparison holds for the channels only (claim C15): an output pixel
# depends on all channels, but only on the pixels inside its window. A fully connected layer from the 4x4 map to the 3x3
# output of the first picture would have $16 \cdot 9 = 144$ weights. The convolution has only 4 weights, and uses them
# at 9 positions.

# %% [markdown]
# **To play with.** `ghostnp explore --open` shows a standard convolution in the browser, with numbers that you can
# change. Point at an output number to see its window, its products and their sum.
#
# ## Exercises
#
# Replace `None` by your answer and run the cell. Each exercise says how difficult it is. If your answer is wrong,
# `check` gives you a hint. There are two hints for each exercise. If your method was right and you only made a slip,
# such as a wrong sign or a missing zero, `check` says so. After three different wrong answers, you can ask for the
# solution. For exercise 1, write `from ghostnp.course.study import solution` and then `solution("01.1")`.
#
# **1.** *(easy)* By hand: a map has 7x7 pixels, and a kernel has 3x3 weights. The padding is 0 and the stride is 2. How
# many pixels does the output have in all?

# %%
answer = None
check("01.1", answer)

# %% [markdown]
# **2.** *(easy)* By hand: a layer has 3 input channels and 64 filters of 7x7 with biases. How many parameters does it
# have?

# %%
answer = None
check("01.2", answer)

# %% [markdown]
# **3.** *(medium)* The layer of exercise 2 reads a photo of 224x224 pixels, with padding 3 and stride 2. How many
# multiply-adds does it take?

# %%
answer = None
check("01.3", answer)

# %% [markdown]
# **4.** *(derivation)* The stride is 1 and the kernel size $k$ is odd. For which padding $p$ does the output have the
# same size as the map? Derive $p$ for any dilation $d$ from the formula for $h_\text{out}$. What is $p$ for $k = 5$ and
# $d = 3$?

# %%
answer = None
check("01.4", answer)

# %% [markdown]
# **5.** *(code)* Write `standard_conv2d` yourself. The file `tutorials/exercises/00_standard_conv2d.py` has its
# signature and its docstring. The following command tries your function on many small cases. If some cases fail, the
# command explains what is wrong in the smallest of them.
#
#     ghostnp check tutorials/exercises/00_standard_conv2d.py
#
# When the command reports no error, convolve `np.arange(48.0).reshape(1, 3, 4, 4)` with a filter of ones of shape (1,
# 3, 2, 2), with stride 2 and no padding. What is the sum of all numbers in the output?

# %%
answer = None
check("01.5", answer)

# %% [markdown]
# ## References
#
# - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, sections 2 and 5:
#   relationships 1 to 6 (sizes) and 15 (dilation). <https://arxiv.org/abs/1603.07285>
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", 1998,
#   section II.A.
#
# Next: tutorial 02 derives the backward pass.
