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
# **One number, the loss, says how wrong a network is. How does the loss change with each weight and each pixel?**
#
# Tutorial 01 went forward, from a map `x` and a kernel `w` to a map `y`. Later layers turn `y` into one number $L$, the
# *loss* (损失). To train a network, we need to know how $L$ changes when a weight changes a little. The computation of
# this change is called the *backward pass*, or *backpropagation* (反向传播).
#
# A $d$ in front of the name of an array means the derivative of $L$: `dy[i, j]` $= \partial L / \partial y[i, j]$. The
# array `dy` has the same shape as `y`, and is called the *gradient* (梯度) of `y`. The later layers give us `dy`, and we
# have to find `dw` and `dx`. We need nothing else from them.

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
show(
    figure,
    "Three small matrices: x with 1 2 0, 0 1 3, 2 0 1; w with 1 0, 2 −1; and dy with 1 0, 0 10.",
)

# %% [markdown]
# ## By hand
#
# In this example, only two numbers of `dy` are not zero. These numbers mean that $L$ depends on `y[0, 0]` with slope 1,
# and on `y[1, 1]` with slope 10. These two output pixels are
#
# $$y[0, 0] = w_{00} \cdot 1 + w_{01} \cdot 2 + w_{10} \cdot 0 + w_{11} \cdot 1$$
#
# $$y[1, 1] = w_{00} \cdot 1 + w_{01} \cdot 3 + w_{10} \cdot 0 + w_{11} \cdot 1$$
#
# If $w_{01}$ grows by a small $h$, then `y[0, 0]` grows by $2 h$ and `y[1, 1]` grows by $3 h$. Therefore $L$ grows by
# $1 \cdot 2 h + 10 \cdot 3 h$. We divide by $h$ and get
#
# $$dw_{01} = 1 \cdot 2 + 10 \cdot 3 = 32.$$
#
# The pixel in the middle, `x[1, 1]`, was multiplied by $w_{11} = -1$ in the window of `y[0, 0]`, and by $w_{00} = 1$ in
# the window of `y[1, 1]`. So
#
# $$dx[1, 1] = (-1) \cdot 1 + 1 \cdot 10 = 9.$$
#
# That is the whole idea. **For every product $w \cdot x$ of the forward pass, the weight receives $x \cdot dy$ and the
# pixel receives $w \cdot dy$.** A weight or a pixel that was used several times receives the sum.

# %%
grads = ops.standard_conv2d_backward(dy[None, None], x[None, None], w[None, None])
print("dw =", grads.weight[0, 0].tolist())
print("dx =", grads.x[0, 0].tolist())

# %% [markdown]
# The function `ghostnp.trace` splits a gradient into these products. In the list, result 4 is the gradient of the
# weights. The lines after the list show the products whose sum is `dw[0, 1]`:

# %%
steps = ghostnp.trace(ops.standard_conv2d, x[None, None], w[None, None], dy=dy[None, None])
print(steps)
print()
print(steps.weight(4, (0, 0, 0, 1)))

# %% [markdown]
# ## The derivation
#
# In the forward formula, each output number is a sum of products. For stride $s$, padded input $\bar x$ and no
# dilation,
#
# $$y[n, o, i, j] = b[o] + \sum_{c, u, v} w[o, c, u, v] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# In the example, we asked how fast each output number grows with a weight. We multiplied this slope by the value of
# `dy` for the same output number, and added up the products. This is the *chain rule* (链式法则), $dw = \sum dy \cdot
# \partial y / \partial w$.
#
# A weight of filter $o$ is used for every pixel $(n, i, j)$ of output channel $o$, and for no other output number. The
# slope $\partial y / \partial w$ is the input pixel by which the weight is multiplied:
#
# $$dw[o, c, u, v] = \sum_{n, i, j} dy[n, o, i, j] \cdot \bar x[n, c, i s + u, j s + v].$$
#
# An input pixel may lie in several windows. So each window *adds* to the gradients of the pixels that it reads:
#
# $$d\bar x[n, c, i s + u, j s + v] \mathrel{+}= \sum_o w[o, c, u, v] \cdot dy[n, o, i, j].$$
#
# The bias was added to every pixel of its output channel, so $db[o] = \sum_{n, i, j} dy[n, o, i, j]$. At the end, the
# border of $d\bar x$ is cut off, because the zeros of the padding are constants.
#
# Compare both passes in ghostnp line by line: the forward pass *reads* the pixels of a tap, and the backward pass
# *adds* to the gradients of the same pixels.

# %%
source(ops.standard_conv2d)
source(ops.standard_conv2d_backward)

# %% [markdown]
# In short, with `@` for the call of `einsum`:
#
# | forward | backward |
# |---|---|
# | `xp = pad(x, window)` | `crop(dxp, window)` |
# | `y += w @ tap(xp, u, v)` | `tap(dxp, u, v) += wᵀ @ dy` |
# | | `dw[u, v] = dy @ tap(xp, u, v)ᵀ` |
# | `y + bias` | `dy.sum(...)` |
#
# The line for `dx` spreads each number of `dy` over a window. Other texts call this operation a *transposed
# convolution* (转置卷积). With stride 1, the line for `dw` is a convolution of `x`, with `dy` as the kernel.
#
# ## Is it right?
#
# A network with a wrong backward pass often still learns something, so a mistake is easily overlooked. Therefore every
# backward pass in ghostnp is checked in two ways.
#
# **The slope.** Take the loss $L = \langle dy, y \rangle$. The brackets mean the *inner product* of two arrays:
# multiply number by number, and add up the products. Let $r$ be an array of random numbers with the shape of the
# weights, and $h$ a small step. Compute the loss twice, once with the weights $w + h r$ and once with $w - h r$. The
# slope of the loss must be close to the inner product of the gradient and the direction $r$:
#
# $$\frac{L(w + h r) - L(w - h r)}{2 h} \approx \langle dw, r \rangle.$$
#
# The numbers must be float64. In float32, the difference of two nearly equal losses consists mostly of rounding errors.

# %%
rng = np.random.default_rng(0)
images, filters, bias = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
keywords = {"stride": 2, "padding": 1}


def forward(images, filters, bias):
    return ops.standard_conv2d(images, filters, bias, **keywords)


gradient = rng.standard_normal(forward(images, filters, bias).shape)
found = ops.standard_conv2d_backward(gradient, images, filters, **keywords)
direction, h = rng.standard_normal(filters.shape), 1e-5
ahead, behind = ((gradient * forward(images, filters + side * direction, bias)).sum() for side in (h, -h))
print(f"slope of the loss: {(ahead - behind) / (2 * h):.6f}")
print(f"<dw, r>:           {(found.weight * direction).sum():.6f}")
assert_gradient(forward, (images, filters, bias), gradient, found)

# %% [markdown]
# The last line, `assert_gradient`, makes this comparison for `x`, the weights and the bias. It fails if a slope and its
# inner product differ by more than rounding errors can explain. It also fails if a gradient consists of zeros only,
# because then nothing would be checked.
#
# A check that has never failed proves little. So we plant a typical mistake in the backward pass: it spreads the
# gradient over the windows with a flipped kernel.

# %%
planted = ops.standard_conv2d_backward(gradient, images, filters[:, :, ::-1, ::-1], **keywords)
try:
    assert_gradient(lambda images: forward(images, filters, bias), (images,), gradient, (planted.x,))
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# The message has four parts. "Gradient 0" is the first gradient that was checked, here `dx`. "Off by" is the difference
# between the slope and $\langle dx, r \rangle$. The "scale" is the length of the gradient times the length of the
# direction, $|dx| \cdot |r|$. No inner product can be larger than this scale. The last number is the largest difference
# that the check allows. In float64, rounding errors are more than a billion times smaller than the scale. So even a
# difference of a thousandth of the scale is a real mistake. All tutorials print this message when the check finds a
# planted mistake.
#
# **The inner product.** A convolution without bias is *linear* in `x`. The backward pass of a linear function $f$ is
# the transposed function, also called the *adjoint* of $f$. It satisfies
#
# $$\langle dy, f(x) \rangle = \langle dx, x \rangle$$
#
# for *every* `x` and `dy`. With small whole numbers, the two sides are exactly equal, because no rounding happens. A
# convolution is linear in its weights too, so the same equation holds with `dw` and `w` in place of `dx` and `x`.

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
# Let the loss depend on a single output pixel, with slope 1. Then `dx` is a copy of the filter at the position of this
# pixel's window, and `dw` is a copy of the pixels in the window. If the loss depends on all output pixels, `dx` and
# `dw` are sums of such copies. Each copy is multiplied by the value of `dy` at its output pixel. In the pictures of 7x7
# pixels, the window is in the middle:

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
    (photo[0, 0][around], "x: in the window", style.INPUT),
    (grads.weight[0, 0], "dw: the window", style.GRADIENT),
]
for place, (values, title, colour) in enumerate(panels):
    style.show_signed(figure.add_subplot(grid[place]), values, title, colour)
show(
    figure,
    "Around one pixel: the map y; dx, which is zero except for a copy of the filter; the part of the photo under "
    "the window; and dw, which is a copy of that part.",
)

# %% [markdown]
# ## What it costs
#
# In the forward pass, each output number takes $C_\text{in} k_h k_w$ multiply-adds. For each of these products, the
# backward pass computes two, one for `dw` and one for `dx`. So both passes together take about three times as many
# multiply-adds as the forward pass alone. Papers usually state only those of the forward pass.
#
# The forward pass has to keep `x`, because the formula for `dw` contains `x`. In ghostnp, the `forward` method of a
# module (a layer with its weights) returns `y, cache`. This *cache* holds what the backward pass needs. Then
# `backward(dy, cache)` returns `dx` and the gradients of the weights.
#
# **What do the documents say about the backward pass?** All five documents show the forward pass only, and leave the
# gradients to the framework. But a gradient can show what a layer really does. For example, document 000 gives a bias
# to every convolution, although a batch norm, which subtracts the mean of each channel, follows most of these
# convolutions. Tutorial 06, "Batch norm, backward", shows that the gradient of such a bias is zero during training, so
# the bias is never learnt (claim C05).
#
# **To play with.** `ghostnp explore standard --backward --open` shows the backward pass in the browser. Point at a
# number of `dx` or at a weight to see the products that it receives.
#
# ## Exercises
#
# **1.** *(easy)* By hand, with the `x`, `w` and `dy` from the beginning of this page: what is `dw[1, 0]`?

# %%
answer = None
check("02.1", answer)

# %% [markdown]
# **2.** *(easy)* By hand, with the same three arrays: what is `dx[2, 2]`?

# %%
answer = None
check("02.2", answer)

# %% [markdown]
# **3.** *(medium)* A convolution without biases has 8 input channels and 16 filters of 3x3, and its output has 10x10
# pixels. How many multiply-adds do the forward pass, `dx` and `dw` take together, for one image?

# %%
answer = None
check("02.3", answer)

# %% [markdown]
# **4.** *(medium)* A 3x3 kernel moves over a map of 5x5 pixels, with stride 1 and no padding. How many windows contain
# the pixel in the middle, and how many windows contain a pixel in a corner? Answer as `(middle, corner)`.

# %%
answer = None
check("02.4", answer)

# %% [markdown]
# **5.** *(derivation)* A convolution has one channel, one filter and no padding. Derive from the formula for $d\bar x$
# that the sum of all numbers of `dx` is the sum of all weights times the sum of all numbers of `dy`. As an example, a
# filter has the weights 1, 2, 3 in its first row, 0, 0, 0 in its second row and −2, 0, 1 in its third row. The input
# has 8x8 pixels, the stride is 1, and `dy` consists of ones. What is the sum of `dx`?

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
