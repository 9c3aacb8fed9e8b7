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
# You need to know Python, and what a matrix is. This page explains everything else, starting from one small window that
# slides over a picture. It is the first of fifteen tutorials. Tutorials 08 to 10 build GhostNet and GhostNetV2 and run
# them forward and backward.
#
# A *map* (特征图, feature map) is a matrix of numbers: one colour of a photo, or the output of a layer. A *kernel*
# (卷积核) is a small matrix of weights. To *convolve* means: lay the kernel on the map, multiply each weight by the
# number below it, add up the products, and write down the sum. Then move the kernel to the next position and repeat.
#
# On the way we check what others have written. Five Chinese blog posts teach these networks, and we call them by
# number. Document 000 builds a GhostNet in Keras, and document 001 a ShuffleNet in Keras. Document 002 explains the
# ghost module, document 003 GhostNetV2, and document 004 the cheap convolutions. You need not have read them. Each
# number or statement that we check has an identifier, such as claim C12. In the terminal, `ghostnp claims C12` shows
# what the document says and what ghostnp computes. (PyTorch, TensorFlow and Keras are *frameworks*, the libraries in
# which most people write their networks.)

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
# Look at the blue window above. Its four numbers are 2, 0 in the first row and 1, 3 in the second. We multiply each of
# them by the weight at the same position in the kernel:
#
# $$y[0, 1] = 2 \cdot 1 + 0 \cdot 0 + 1 \cdot 2 + 3 \cdot (-1) = 1.$$
#
# Compute one more before you read on. The window in the lower right corner sees 1, 0 and 0, 2, and its sum is
# $1 \cdot 1 + 0 \cdot 0 + 0 \cdot 2 + 2 \cdot (-1) = -1$.
#
# A window with 2 rows fits into a map with 4 rows at 3 heights, so the output has 3 rows. In the same way it has 3
# columns. In general, with kernel size $k$ and map size $h$,
#
# $$h_\text{out} = h - k + 1.$$

# %%
y = np.empty((3, 3))
for i, j in np.ndindex(y.shape):
    y[i, j] = (kernel * x[i : i + 2, j : j + 2]).sum()
y

# %% [markdown]
# Note that the kernel was *not* flipped before it was laid on the map. Mathematicians call this operation a
# *cross-correlation*, and use the word convolution for the flipped version. All deep learning frameworks compute the
# unflipped one and call it convolution. Since the weights are learnt, a network can use either.
#
# ## Padding and stride
#
# Two settings change where the windows are.
#
# - *Padding* (填充) puts $p$ zeros on each side of the map, so that windows also fit at the border.
# - *Stride* (步长) is the distance $s$ in pixels from one window to the next.
#
# With padding and stride, the size of the output is
#
# $$h_\text{out} = \left\lfloor \frac{h + 2p - k}{s} \right\rfloor + 1.$$
#
# The brackets mean: round down. If the last step would move the window over the edge, that step is left out.

# %%
show(
    pictures.sliding_window(x, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), padding=1, stride=2, at=(1, 0)),
    "The map has a border of zeros. A 3x3 window at its left edge, two rows below the top, gives −7, the marked number "
    "of the 2x2 output.",
)

# %% [markdown]
# Here $h = 4$, $p = 1$, $k = 3$, $s = 2$: $(4 + 2 - 3) / 2 = 1.5$ is rounded down to 1, and plus 1 this makes 2 rows.
#
# **Why does padding "same" differ between frameworks?** In PyTorch the padding is a number, and that many zeros are put
# on every side. In TensorFlow and Keras, "same" means as much padding as makes $h_\text{out} = \lceil h / s \rceil$. If
# this takes an odd number of zeros, the extra zero goes to the bottom and to the right. With stride 1 and a 3x3 kernel,
# both put one zero on each side. With stride 2 and an even size they differ: "same" needs only one row of zeros, at the
# bottom, while PyTorch networks usually have a row at the top as well. All windows are then shifted by one pixel.
# Document 000 builds GhostNet in Keras with "same", and the official network is in PyTorch. The stride-2 layers of the
# two networks read different pixels, so the weights of one do not fit the other (claim C12). (PyTorch knows the word
# "same" too, but refuses it with a stride above 1.)
#
# To see it, take one row of pixels, 1 to 6, and a kernel of one row whose first weight is 1 and whose other weights
# are 0. Each output number is then the first pixel of its window:

# %%
places = np.arange(1.0, 7).reshape(1, 1, 1, 6)
corner = np.array([1.0, 0, 0]).reshape(1, 1, 1, 3)
rows_only = {"stride": (1, 2)}
print("TensorFlow's 'same':", ops.standard_conv2d(places, corner, padding="same", **rows_only).ravel())
print("PyTorch's padding=1:", ops.standard_conv2d(places, corner, padding=(0, 1), **rows_only).ravel())

# %% [markdown]
# With TensorFlow's rule the first window begins at pixel 1. With PyTorch's rule it begins at the zero before pixel 1.
#
# ## Dilation
#
# *Dilation* (空洞) is the distance $d$ in pixels between two neighbouring positions of the kernel. Without dilation,
# $d = 1$. The first and the last row of the kernel are $d (k - 1)$ pixels apart. The window therefore covers
# $d (k - 1) + 1$ rows instead of $k$, and this number takes the place of $k$:
#
# $$h_\text{out} = \left\lfloor \frac{h + 2p - d (k - 1) - 1}{s} \right\rfloor + 1.$$
#
# A 3x3 kernel with dilation 2 covers 5x5 pixels, but it still has 9 weights and still costs 9 multiplications:

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
# A photo has three maps, red, green and blue. They are called *channels* (通道). A *filter* (滤波器) has one kernel for
# each input channel, and adds up the results of all its kernels. So one filter makes one output map. A layer has many
# filters.
#
# With $N$ images, $C_\text{in}$ input channels and $C_\text{out}$ filters, the arrays have these shapes:
#
# | array | shape | here |
# |---|---|---|
# | `x` | $(N, C_\text{in}, H, W)$ | (1, 3, 4, 4) |
# | `weight` | $(C_\text{out}, C_\text{in}, k_h, k_w)$ | (2, 3, 3, 3) |
# | `bias` | $(C_\text{out},)$ | (2,) |
# | `y` | $(N, C_\text{out}, H_\text{out}, W_\text{out})$ | (1, 2, 4, 4) |
#
# A position $(u, v)$ in the kernel is called a *tap*. With the padded input $\bar x$, stride $s$ and dilation $d$,
# every output number is
#
# $$y[n, o, i, j] = b[o] + \sum_c \sum_{u, v} w[o, c, u, v] \cdot \bar x[n, c, i s + u d, j s + v d].$$
#
# The *bias* $b[o]$ is one number for each filter. It is added to every pixel of the filter's map.

# %% [markdown]
# ## The definition
#
# That formula is the whole definition. Here is the code that computes it. It is not a copy: this page reads the lines
# from the file that runs.

# %%
source(ops.standard_conv2d)

# %% [markdown]
# The loop runs over the taps $(u, v)$ of the kernel, not over the pixels. A 3x3 kernel has 9 taps. For one tap, `tap`
# gives the pixels that this tap reads in all windows at once. It is a strided *view* of the array, so nothing is
# copied.

# %%
xp = np.pad(x, 1)[None, None]
window = ops.geometry.sliding_window((4, 4), (3, 3), 2, 1)
print(xp[0, 0])
print("tap (0, 0) reads")
print(ops.geometry.tap(xp, 0, 0, window)[0, 0])
print("tap (1, 2) reads")
print(ops.geometry.tap(xp, 1, 2, window)[0, 0])

# %% [markdown]
# `einsum("oc,ncij->noij", ...)` mixes the channels: for each output channel `o` it adds up the input channels `c`. The
# seven nested loops of the formula must give the same numbers. They are slow, but so simple that we can trust them as a
# check:

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
# The filters of a trained network are learnt. To see what a filter can do, we set three of them by hand. The first
# subtracts the pixels on the left from those on the right. The second subtracts the pixels above from those below. Both
# average the three colours. The third subtracts green from red.

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
# *Parameters* (参数量) are the numbers that are learnt. Each of the $C_\text{out}$ filters has
# $C_\text{in} \cdot k_h \cdot k_w$ weights, and it may have a bias:
#
# $$\text{params} = C_\text{out} \cdot (C_\text{in} k_h k_w + 1) \quad\text{or, without biases,}\quad C_\text{out}
# C_\text{in} k_h k_w.$$
#
# The size of the map plays no role here. It does for the amount of computation: every output number takes one
# multiplication and one addition for each weight of its filter. Such a pair is one *multiply-add*, or MAC.
#
# $$\text{MACs} = C_\text{out} \cdot H_\text{out} \cdot W_\text{out} \cdot C_\text{in} k_h k_w.$$

# %%
for padding in (0, 2):
    cost = ops.standard_conv2d_cost((1, 256, 64, 64), (256, 256, 5, 5), bias=True, padding=padding)
    print(f"padding {padding}: parameters {cost.params.formula} = {cost.params:,}")
    print(f"           MACs       {cost.macs.formula} = {cost.macs:,}")

# %% [markdown]
# The padding changes the size of the output, here from 60x60 to 64x64. So it changes the multiply-adds, but not the
# parameters. Document 000 works out the parameters as 256x(256x5x5+1) = 1,638,656, and for 1024 channels as 26,215,424.
# Both are right (claims N01 and N04).
#
# **Does the bias count?** A bias is a parameter like any other: it is the "+1" in document 000. Documents 001 and 004
# leave it out (claim C45). A 3x3 convolution from 3 channels to 4 has $4 \cdot 3 \cdot 3 \cdot 3 = 108$ weights (claim
# N20), and 112 parameters with its 4 biases. Neither count is wrong, but two counts can be compared only if both say
# what they include. In this course a bias is never counted as a multiply-add, because adding it takes no
# multiplication.
#
# **FLOPs or MACs?** A FLOP is one floating-point operation. A multiply-add consists of two, a multiplication and an
# addition, so a count in FLOPs is twice a count in MACs. But nearly all papers on light networks, and the five
# documents, write "FLOPs" and mean multiply-adds. If a number is twice or half of what you expected, check this first.
# Tutorial 11 is about counting.
#
# **Is a convolution a fully connected layer?** In a fully connected layer (全连接层), each output number has a weight
# of its own for every input number. Document 000 compares a convolution with it, because each output pixel combines the
# information of all channels. The comparison holds for the channels only (claim C15): an output pixel depends on all
# channels, but only on the pixels inside its window. A fully connected layer from the 4x4 map to the 3x3 output above
# would have $16 \cdot 9 = 144$ weights. The convolution has 4 weights, and uses them at 9 positions.

# %% [markdown]
# **To play with.** `ghostnp explore --open` shows a standard convolution in the browser, with numbers that you can
# change. Point at a number of the output, and see its window, its products and their sum.
#
# ## Exercises
#
# Replace `None` by your answer and run the cell. Each exercise says how difficult it is. A wrong answer gives you a
# hint; there are two for each exercise. If the method was right and there is only a slip (a sign, a digit, a zero),
# `check` says so. After three different wrong answers, `solution("01.1")` shows how it is done, with `from
# ghostnp.course.study import solution`.
#
# **1.** *(easy)* By hand: a map has 7x7 pixels, a kernel 3x3, padding is 0 and stride is 2. How many pixels does the
# output have in all?

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
# **3.** *(medium)* The same layer runs on a photo of 224x224 pixels, with padding 3 and stride 2. How many
# multiply-adds does it take?

# %%
answer = None
check("01.3", answer)

# %% [markdown]
# **4.** *(derivation)* The stride is 1 and the kernel size $k$ is odd. Derive from the formula for $h_\text{out}$ which
# padding $p$ keeps the size of the map, for any dilation $d$. Which $p$ is it for $k = 5$ and $d = 3$?

# %%
answer = None
check("01.4", answer)

# %% [markdown]
# **5.** *(code)* Write `standard_conv2d` yourself. The file `tutorials/exercises/00_standard_conv2d.py` has the
# signature and the docstring. The command
#
#     ghostnp check tutorials/exercises/00_standard_conv2d.py
#
# tries your function on many small cases, and explains what is wrong with the smallest one that fails. Then convolve
# `np.arange(48.0).reshape(1, 3, 4, 4)` with a filter of ones of shape (1, 3, 2, 2), with stride 2 and no padding. What
# is the sum of the output?

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
