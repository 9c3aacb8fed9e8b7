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
# # 2. Convolution's backward pass
#
# **A network is wrong by some amount, the loss. How much does each weight, and each pixel, have to do with it?**
#
# Tutorial 01 went forward: from a map `x` and a kernel `w` to a map `y`. Later layers turn `y` into one number $L$, the
# *loss* (损失). Training needs to know how $L$ changes when a weight changes a little, and in the end that is all that
# going backward (反向传播, backpropagation) is about.
#
# For every array we write $d$ in front for the derivative of $L$: `dy[i, j]` $= \partial L / \partial y[i, j]$. It has the
# shape of `y`. Somebody hands us `dy`, and we have to find `dw` and `dx`. We need not know what the later layers are.

# %%
import numpy as np

import ghostnp
from ghostnp import ops
from ghostnp.course.study import check, show, source
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_adjoint, assert_gradient

x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])
w = np.array([[1.0, 0], [2, -1]])
dy = np.array([[1.0, 0], [0, 10]])

figure, grid = style.sheet(8, 2.5, nrows=1, ncols=3, top=0.88)
for place, (values, title, colour) in enumerate([(x, "x", style.INPUT), (w, "w", None), (dy, "dy", style.GRADIENT)]):
    axes = style.show_signed(figure.add_subplot(grid[place]), values, title, colour)
    for (i, j), value in np.ndenumerate(values):
        ink = "white" if abs(value) > 0.6 * np.abs(values).max() else "black"
        axes.text(j, i, f"{value:.0f}".replace("-", "−"), ha="center", va="center", color=ink)
show(figure)

# %% [markdown]
# ## By hand
#
# The loss depends on two output pixels: on `y[0, 0]` with weight 1, and on `y[1, 1]` with weight 10. Which numbers made
# them?
#
# $$y[0, 0] = w_{00} \cdot 1 + w_{01} \cdot 2 + w_{10} \cdot 0 + w_{11} \cdot 1$$
#
# $$y[1, 1] = w_{00} \cdot 1 + w_{01} \cdot 3 + w_{10} \cdot 0 + w_{11} \cdot 1$$
#
# If $w_{01}$ grows by a little $\epsilon$, then `y[0, 0]` grows by $2 \epsilon$ and `y[1, 1]` by $3 \epsilon$, so $L$ grows
# by $1 \cdot 2 \epsilon + 10 \cdot 3 \epsilon$:
#
# $$dw_{01} = 1 \cdot 2 + 10 \cdot 3 = 32.$$
#
# The pixel in the middle, `x[1, 1]` $= 1$, was below tap $w_{11} = -1$ of the first window and below tap $w_{00} = 1$ of
# the last one. So
#
# $$dx[1, 1] = (-1) \cdot 1 + 1 \cdot 10 = 9.$$
#
# That is the whole idea: **every product $w \cdot x$ of the forward pass hands its share of `dy` to both of its factors,
# and each factor gets it times the other one.** What was used several times adds up what it gets.

# %%
grads = ops.standard_conv2d_backward(dy[None, None], x[None, None], w[None, None])
print("dw =", grads.weight[0, 0].tolist())
print("dx =", grads.x[0, 0].tolist())

# %% [markdown]
# `ghostnp.trace` takes a gradient apart into such shares. Result 4 of this run is the gradient of the weight:

# %%
steps = ghostnp.trace(ops.standard_conv2d, x[None, None], w[None, None], dy=dy[None, None])
print(steps)
print()
print(steps.weight(4, (0, 0, 0, 1)))

# %% [markdown]
# ## The derivation
#
# In the forward formula, each output number is a sum of products (stride $s$, padded input $\bar x$):
#
# $$y[n, o, i, j] = b[o] + \sum_{c, u, v} w[o, c, u, v] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# By hand we asked of each output number how fast it grows with a weight, multiplied that by its `dy`, and added up. That is
# the *chain rule* (链式法则), $dw = \sum dy \cdot \partial y / \partial w$, where $\partial y / \partial w$ is how fast. For one
# weight we collect all output numbers that it had a part in. Those are all pixels $(n, i, j)$ of its own output channel $o$:
#
# $$dw[o, c, u, v] = \sum_{n, i, j} dy[n, o, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# For one input pixel we collect all windows that it was in. It is easier to say from the other side: each window *adds*
# to the pixels that it saw,
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= \sum_o w[o, c, u, v] \cdot dy[n, o, i, j],$$
#
# and the bias was added to every pixel of its channel: $db[o] = \sum_{n, i, j} dy[n, o, i, j]$. What fell on the padding
# is thrown away, since zeros cannot be changed.
#
# Here are both passes as ghostnp has them. Read them side by side: where the forward pass *reads* the pixels of a tap, the
# backward pass *writes* to the very same view.

# %%
source(ops.standard_conv2d)
source(ops.standard_conv2d_backward)

# %% [markdown]
# | forward | backward |
# |---|---|
# | `xp = pad(x, window)` | `crop(dxp, window)` |
# | `y += w @ tap(xp, u, v)` | `tap(dxp, u, v) += wᵀ @ dy` |
# | | `dw[u, v] = dy @ tap(xp, u, v)ᵀ` |
# | `y + bias` | `dy.sum(...)` |
#
# The line for `dx` spreads each number of `dy` over a window: that is what other texts call a *transposed convolution*
# (转置卷积). The line for `dw` is a convolution of `x` by `dy`.
#
# ## Is it right?
#
# A backward pass can be wrong and still look plausible; training just gets a little worse. So it has to be checked, and
# the check must not be able to pass by accident. Two are good.
#
# **The slope.** Move the weights a step $\epsilon$ in a random direction $r$, forward and back; then the loss
# $L = \langle dy, y \rangle$ (multiply number by number, and add up) has to change by $\langle dw, r \rangle$ for each unit of the step:
#
# $$\frac{L(w + \epsilon r) - L(w - \epsilon r)}{2 \epsilon} = \langle dw, r \rangle.$$
#
# It needs float64: in float32 the difference of two nearly equal numbers is mostly rounding. And a gradient that is zero
# all over would pass wherever the slope is zero too, so `assert_gradient` refuses zeros.

# %%
rng = np.random.default_rng(0)
images, filters, bias = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
keywords = {"stride": 2, "padding": 1}


def forward(images, filters, bias):
    return ops.standard_conv2d(images, filters, bias, **keywords)


gradient = rng.standard_normal(forward(images, filters, bias).shape)
found = ops.standard_conv2d_backward(gradient, images, filters, **keywords)
assert_gradient(forward, (images, filters, bias), gradient, found)
print("all three gradients are the slopes")

# %% [markdown]
# Would it notice a mistake? A check that has never failed proves little. Here is a typical one: the spread over the
# windows is done with the kernel turned over.

# %%
planted = ops.standard_conv2d_backward(gradient, images, filters[:, :, ::-1, ::-1], **keywords)
try:
    assert_gradient(lambda images: forward(images, filters, bias), (images,), gradient, (planted.x,))
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# **The inner product.** Convolution without bias is *linear* in `x`, and for a linear function the backward pass is its
# transpose, or *adjoint*: what is handed out must equal what came in,
#
# $$\langle dy, f(x) \rangle = \langle dx, x \rangle,$$
#
# for *every* `x` and `dy`. With small whole numbers this holds to the last bit, without any $\epsilon$. It holds for the
# weights as well: convolution is linear in them too.

# %%
whole_x = rng.integers(-3, 4, (2, 3, 6, 5)).astype(np.float32)
whole_w = rng.integers(-3, 4, (4, 3, 3, 3)).astype(np.float32)
y = ops.standard_conv2d(whole_x, whole_w, **keywords)
whole_dy = rng.integers(-3, 4, y.shape).astype(np.float32)
back = ops.standard_conv2d_backward(whole_dy, whole_x, whole_w, **keywords)
assert_adjoint(y, whole_dy, (back.x, whole_x), (back.weight, whole_w))
print("exactly:", (whole_dy * y).sum(), "=", (back.x * whole_x).sum(), "=", (back.weight * whole_w).sum())

# %% [markdown]
# ## On a photo
#
# Let the loss depend on a single output pixel. Then `dx` is the filter, laid where its window was, and `dw` is what the
# window saw. With a gradient everywhere, all these add up: `dw` says how much the photo resembles `dy`, shifted by each
# tap.

# %%
photo = load_photo(size=64)
edge = (np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4)[None, None].repeat(3, axis=1).astype(np.float32)
maps = ops.standard_conv2d(photo, edge, padding=1)
one_pixel = np.zeros_like(maps)
i, j = np.unravel_index(np.abs(maps[0, 0, 8:-8, 8:-8]).argmax(), (48, 48))
one_pixel[0, 0, i + 8, j + 8] = 1
grads = ops.standard_conv2d_backward(one_pixel, photo, edge, padding=1)
around = np.s_[i + 5 : i + 12, j + 5 : j + 12]

figure, grid = style.sheet(10, 2.9, nrows=1, ncols=4)
panels = [
    (maps[0, 0][around], "y, around the pixel", style.OUTPUT),
    (grads.x[0, 0][around], "dx: the filter", style.GRADIENT),
    (photo[0, 0][around], "x: what was seen", style.INPUT),
    (grads.weight[0, 0], "dw: the same", style.GRADIENT),
]
for place, (values, title, colour) in enumerate(panels):
    style.show_signed(figure.add_subplot(grid[place]), values, title, colour)
show(figure)

# %% [markdown]
# ## What it costs
#
# Forward, each output number takes $C_\text{in} k_h k_w$ multiply-adds. Backward, the same products are met twice, once for
# `dw` and once for `dx`. So a training step, forward and backward, is about three times the work of the forward pass. That
# is why papers count only the forward pass: the rest follows.
#
# The forward pass has to remember `x`, because `dw` needs it. In ghostnp this is what a *cache* holds: `forward` gives
# `y, cache`, and `backward(dy, cache)` gives `dx` and the gradients.
#
# **What do the documents say about this?** Nothing: all five show forward passes only, and leave the rest to the
# framework. What goes wrong in a gradient, however, shows what a layer really does. One example: document 000 gives every
# convolution a bias although batch norm follows. Tutorial 06 shows that in training the gradient of such a bias is exactly
# zero, so it is never learnt (claim C05).
#
# ## Exercises
#
# **1.** By hand, with the `x`, `w` and `dy` from the beginning: what is `dw[1, 0]`?

# %%
answer = None
check("02.1", answer)

# %% [markdown]
# **2.** By hand: what is `dx[0, 0]` there?

# %%
answer = None
check("02.2", answer)

# %% [markdown]
# **3.** A convolution has 16 filters of 3x3 over 8 channels, without biases; the output is 10x10. How many multiply-adds do
# the forward pass and both halves of the backward pass take together, for one image?

# %%
answer = None
check("02.3", answer)

# %% [markdown]
# **4.** Kernel 3x3, stride 1, no padding, on a map of 5x5: in how many windows is the pixel in the middle, and in how many
# the one in a corner? Answer with both, as `(middle, corner)`.

# %%
answer = None
check("02.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/04_depthwise_conv2d_backward.py`, where every channel has one kernel of its own, until
# `ghostnp check` is content with it. Then let `x` be `np.arange(9.0).reshape(1, 1, 3, 3)`, `weight` ones of shape
# (1, 1, 2, 2), `dy` ones of shape (1, 1, 2, 2): what is the sum of all numbers of the weight's gradient?

# %%
answer = None
check("02.5", answer)

# %% [markdown]
# ## References
#
# - D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by back-propagating errors", Nature 323,
#   1986.
# - V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, section 4, on transposed
#   convolution. <https://arxiv.org/abs/1603.07285>
#
# Next: tutorial 03 takes the convolution apart into a depthwise and a pointwise one.
