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
# You need to know Python, and what a matrix is. Everything else is made here, from one small window that slides over a
# picture. This is the first of fifteen tutorials; at the end of them stands GhostNetV2, forward and backward.
#
# A *map* (特征图, feature map) is a matrix of numbers: one colour of a photo, or what a layer made of it. A *kernel*
# (卷积核) is a small matrix of weights. To *convolve* is to lay the kernel on the map, multiply what lies on top of each
# other, add everything up, write the sum down, and move the kernel on.
#
# On the way we check what others say. Five Chinese blog posts teach these networks, and are called by number here:
# document 000 builds a GhostNet in Keras, 001 a ShuffleNet in Keras, 002 explains the ghost module, 003 GhostNetV2, and 004
# the cheap convolutions. Each of their numbers and statements has an identifier, such as claim C12;
# `ghostnp claims C12` in the terminal shows what is said and what is so. (PyTorch, TensorFlow and Keras are *frameworks*,
# the libraries in which most people write their networks.)

# %%
import numpy as np

from ghostnp import ops, pictures
from ghostnp.course.study import check, show, source
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style

x = np.array([[1, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]])
kernel = np.array([[1, 0], [2, -1]])
show(pictures.sliding_window(x, kernel, at=(0, 1)))

# %% [markdown]
# ## By hand
#
# Look at the blue window above. Its four numbers are 2, 0 in the first row and 1, 3 in the second. So
#
# $$y[0, 1] = 2 \cdot 1 + 0 \cdot 0 + 1 \cdot 2 + 3 \cdot (-1) = 1.$$
#
# Do one more before you read on: the window in the lower right corner sees 1, 0 and 0, 2. Its sum is
# $1 \cdot 1 + 0 \cdot 0 + 0 \cdot 2 + 2 \cdot (-1) = -1$.
#
# The window of 2x2 fits into 4 rows at 3 heights, so the output has 3 rows, and likewise 3 columns. In general, with
# kernel size $k$ and size $h$,
#
# $$h_\text{out} = h - k + 1.$$

# %%
y = np.empty((3, 3))
for i, j in np.ndindex(y.shape):
    y[i, j] = (kernel * x[i : i + 2, j : j + 2]).sum()
y

# %% [markdown]
# Note what was *not* done: the kernel was not turned over before it was laid down. Mathematicians call this a
# *cross-correlation* and keep the word convolution for the flipped version. All deep learning frameworks mean the
# unflipped one. Since the weights are learnt, it makes no difference which of the two a network uses.
#
# ## Padding and stride
#
# Two things can be chosen.
#
# *Padding* (填充) puts $p$ zeros around the map, so that the window also fits at the border, and *stride* (步长) moves the
# window by $s$ pixels at a time. Then
#
# $$h_\text{out} = \left\lfloor \frac{h + 2p - k}{s} \right\rfloor + 1.$$
#
# The brackets round down: where a last step would take the window off the map, it is not made.

# %%
show(pictures.sliding_window(x, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), padding=1, stride=2, at=(1, 0)))

# %% [markdown]
# Here $h = 4$, $p = 1$, $k = 3$, $s = 2$: $(4 + 2 - 3) / 2 = 1.5$, rounded down to 1, plus 1 makes 2 rows.
#
# **Why does padding "same" differ between frameworks?** PyTorch wants a number and pads that much on every side. (It
# knows the word "same" as well, but refuses it at a stride above 1.)
# TensorFlow and Keras offer the word "same": as much padding as makes $h_\text{out} = \lceil h / s \rceil$, and if that is
# an odd number of zeros, the extra one goes below and to the right. With stride 1 and a 3x3 kernel both put one zero on
# each side. With stride 2 and an even size they do not: "same" needs a single row of zeros, and it lies below, while
# PyTorch networks put one above as well. The windows then stand one pixel apart. Document 000 builds GhostNet in Keras
# with "same"; the official network is in PyTorch. Their stride-2 layers see other pixels, so weights of one do not fit the
# other (claim C12). Below, each output pixel is the place it reads in its upper left corner:

# %%
places = np.arange(1.0, 7).reshape(1, 1, 1, 6)
corner = np.array([1.0, 0, 0]).reshape(1, 1, 1, 3)
rows_only = {"stride": (1, 2)}
print("TensorFlow's 'same':", ops.standard_conv2d(places, corner, padding="same", **rows_only).ravel())
print("PyTorch's padding=1:", ops.standard_conv2d(places, corner, padding=(0, 1), **rows_only).ravel())

# %% [markdown]
# The first begins with pixel 1, the second with the zero before it.
#
# ## Channels
#
# A photo has three maps, red, green and blue. They are called *channels* (通道). A *filter* (滤波器) has a kernel for each
# channel that comes in, and adds up all their sums: one filter, one output map. A layer has many filters.
#
# With $N$ images, $C_\text{in}$ channels in and $C_\text{out}$ filters, arrays have these shapes:
#
# | array | shape | here |
# |---|---|---|
# | `x` | $(N, C_\text{in}, H, W)$ | (1, 3, 4, 4) |
# | `weight` | $(C_\text{out}, C_\text{in}, k_h, k_w)$ | (2, 3, 3, 3) |
# | `bias` | $(C_\text{out},)$ | (2,) |
# | `y` | $(N, C_\text{out}, H_\text{out}, W_\text{out})$ | (1, 2, 4, 4) |
#
# A place $(u, v)$ of the kernel is called a *tap*. Every output number is, with padded input $\bar x$, stride $s$ and
# dilation $d$ (the taps stand $d$ pixels apart; usually $d = 1$),
#
# $$y[n, o, i, j] = b[o] + \sum_c \sum_{u, v} w[o, c, u, v] \cdot \bar x[n, c, i s + u d, j s + v d].$$
#
# The *bias* $b[o]$ is one number for each filter that is added everywhere.

# %% [markdown]
# ## The definition
#
# That formula is all there is to it. Here it is as ghostnp has it. This is not a copy for this page: the lines below are
# read from the file that runs.

# %%
source(ops.standard_conv2d)

# %% [markdown]
# The loop runs over the taps $(u, v)$ of the kernel, 9 of them for a 3x3 kernel, and not over the pixels. `tap` gives all
# the pixels that tap $(u, v)$ is multiplied with, for all windows at once, as a strided *view*: nothing is copied.

# %%
xp = np.pad(x, 1)[None, None]
window = ops.geometry.sliding_window((4, 4), (3, 3), 2, 1)
print(xp[0, 0])
print("tap (0, 0) is multiplied with")
print(ops.geometry.tap(xp, 0, 0, window)[0, 0])
print("tap (1, 2) is multiplied with")
print(ops.geometry.tap(xp, 1, 2, window)[0, 0])

# %% [markdown]
# `einsum("oc,ncij->noij", ...)` mixes the channels: for each output channel `o` it adds up the input channels `c`. The
# seven nested loops of the formula must give the same. They are slow and plain, which is what one wants of a check:

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
assert np.abs(fast).max() > 1  # or the next line would say little
print("largest difference:", f"{np.abs(fast - slow).max():.0e}")

# %% [markdown]
# ## On a photo
#
# The filters of a trained network are learnt. To see what a filter does it is easier to set a few by hand. The first
# subtracts what is to the left of a pixel from what is to its right, the second what is above from what is below; both
# average the three colours. The third looks for red that is not green.

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
show(figure)

# %% [markdown]
# ## What it costs
#
# *Parameters* (参数量) are the numbers that are learnt. A filter has $C_\text{in} \cdot k_h \cdot k_w$ weights and perhaps a
# bias; there are $C_\text{out}$ filters:
#
# $$\text{params} = C_\text{out} \cdot (C_\text{in} k_h k_w + 1) \quad\text{or, without biases,}\quad C_\text{out} C_\text{in} k_h k_w.$$
#
# The size of the map does not matter. It does for the work: every output number takes one multiplication and one addition
# for each weight of its filter. Such a pair is one *multiply-add*, or MAC.
#
# $$\text{MACs} = C_\text{out} \cdot H_\text{out} \cdot W_\text{out} \cdot C_\text{in} k_h k_w.$$

# %%
cost = ops.standard_conv2d_cost((1, 256, 64, 64), (256, 256, 5, 5), bias=True)
print(f"parameters: {cost.params.formula} = {cost.params:,}")
print(f"MACs:       {cost.macs.formula} = {cost.macs:,}")

# %% [markdown]
# Document 000 works the first of these out as 256x(256x5x5+1) = 1,638,656, and for 1024 channels 26,215,424; both are right
# (claims N01 and N04).
#
# **Does bias count?** It is a parameter like any other: the "+1" in document 000. Documents 001 and 004 leave it out
# (claim C45): a 3x3 convolution from 3 channels to 4 has $4 \cdot 3 \cdot 3 \cdot 3 = 108$ weights (claim N20), and 112
# parameters with its 4 biases. Neither is wrong, but two counts can be compared only if both say which they mean. As
# multiply-adds, biases are never counted here: adding one is no multiplication.
#
# **FLOP or MACs, and why twice?** A FLOP is one floating point operation. A multiply-add is two of them, a multiplication
# and an addition, so a count in FLOPs is twice a count in MACs. But nearly all papers on light networks, the documents
# included, write "FLOPs" and mean multiply-adds. When a number seems to be twice (or half) what you expected, ask this
# first. Tutorial 11, on counting, is about such differences.
#
# **Is a convolution a fully connected layer?** Document 000 says of a convolution that each pixel has combined the
# information of all channels, as in a fully connected layer (全连接层: each output number has a weight of its own for every
# input number). That holds along the channels alone (claim C15): all channels
# are seen, but only of the pixels below the window. A fully connected layer from the 4x4 map to the 3x3 output above would
# have $16 \cdot 9 = 144$ weights; the convolution has 4, and uses them at 9 places.

# %% [markdown]
# ## Exercises
#
# Put your answer where `None` stands and run the cell.
#
# **1.** By hand: a map of 7x7, a kernel of 3x3, padding 0, stride 2. How many output pixels are there in all?

# %%
answer = None
check("01.1", answer)

# %% [markdown]
# **2.** By hand: 3 channels in, 64 filters of 7x7 with biases. How many parameters?

# %%
answer = None
check("01.2", answer)

# %% [markdown]
# **3.** The same layer runs on a photo of 224x224, with padding 3 and stride 2. How many multiply-adds is that?

# %%
answer = None
check("01.3", answer)

# %% [markdown]
# **4.** Write `standard_conv2d` yourself. `tutorials/exercises/00_standard_conv2d.py` has the signature and the docstring;
#
#     ghostnp check tutorials/exercises/00_standard_conv2d.py
#
# tries it on the corner cases and says what is wrong with the smallest one that fails. Then let it convolve
# `np.arange(48.0).reshape(1, 3, 4, 4)` with a filter of ones of shape (1, 3, 2, 2), stride 2 and no padding, and add up
# the output.

# %%
answer = None
check("01.4", answer)

# %% [markdown]
# ## References
#
# - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, sections 2 and 5:
#   relationships 1 to 6 (sizes) and 15 (dilation). <https://arxiv.org/abs/1603.07285>
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", 1998,
#   section II.A.
#
# Next: tutorial 02 runs this backward.
