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
# # 6. Batch norm, activations, CReLU
#
# **Which operations come between two convolutions, and why are they needed?**
#
# Two convolutions in sequence can do no more than one larger convolution, because both are linear. So a nonlinear
# function, the *activation* (激活函数), has to come between them. The numbers may also grow or shrink with each layer.
# *Batch norm* (批归一化) prevents this.

# %%
from itertools import pairwise

import numpy as np

import ghostnp
from ghostnp import ops
from ghostnp.course.pairing import pairing
from ghostnp.course.study import check, claims, show, slopes, source
from ghostnp.course.tour import filters
from ghostnp.modules import BatchNorm2d, Conv2d, Sequential, initializer
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient

figure, grid = style.sheet(11, 2.9, nrows=1, ncols=4, left=0.05, bottom=0.2, top=0.87, wspace=0.28)
z = np.linspace(-5, 8, 500)
curves = {
    "ReLU and ReLU6": {"relu": (ops.relu, style.OUTPUT, "-"), "relu6": (ops.relu6, style.GHOST, "--")},
    "three gates": {
        "sigmoid": (ops.sigmoid, style.GATE, "-"),
        "hard_sigmoid": (ops.hard_sigmoid, style.GRADIENT, "--"),
        "clip": (ops.clip, style.INTRINSIC, ":"),
    },
}
for place, (title, lines) in enumerate(curves.items()):
    for row, suffix in enumerate(("", "_backward")):
        axes = style.plain_axes(
            figure.add_subplot(grid[2 * place + row]), title if not row else "their slopes", x_label="x"
        )
        for name, (function, colour, dashes) in lines.items():
            values = getattr(ops, name + "_backward")(np.ones_like(z), z) if suffix else function(z)
            axes.plot(z, values, dashes, color=colour, label=name, linewidth=2)
        if not row:
            axes.legend(frameon=False, fontsize=9)
show(
    figure,
    "Curves. ReLU is 0 up to 0 and then rises without end; ReLU6 stops at 6. Their slopes are 0 or 1. Sigmoid, "
    "hard sigmoid and clip rise from 0 to 1; clip is the steepest, between 0 and 1, and hard sigmoid rises "
    "between −3 and 3.",
)

# %% [markdown]
# ## Activations
#
# An activation is applied to each number separately.
#
# | name | formula | where |
# |---|---|---|
# | ReLU | $\max(x, 0)$ | ShuffleNet, ResNet, GhostNet |
# | ReLU6 | $\min(\max(x, 0), 6)$ | MobileNet |
# | sigmoid | $1 / (1 + e^{-x})$ | DFC attention (tutorial 10); squeeze-and-excitation (tutorial 07) in document 000 |
# | hard sigmoid | $\min(\max(x + 3, 0), 6) / 6$ | squeeze-and-excitation in the official GhostNet (PyTorch) |
# | clip | $\min(\max(x, 0), 1)$ | squeeze-and-excitation in the official TensorFlow code (there it is called hard sigmoid) |
#
# By hand: at $x = 1$ the last three functions give 0.731, $4/6 = 0.667$ and 1. Tutorial 07, "Clamp or sigmoid?", shows
# why the difference matters.
#
# Let $f$ be the activation. In the backward pass $dx = dy \cdot f'(x)$. The slope of a ReLU is 1 where $x > 0$ and 0
# where $x < 0$. So the gradient either passes unchanged or becomes 0. (At $x = 0$ the slope does not exist. All
# frameworks use 0 there.)

# %%
source(ops.relu)
source(ops.relu_backward)

# %%
numbers = np.array([-2.0, -0.5, 0.0, 3.0])
print("relu:        ", ops.relu(numbers))
print("dx for dy = 1:", ops.relu_backward(np.ones(4), numbers))

# %% [markdown]
# ## Batch norm
#
# Networks are trained on a *batch* (批) of $N$ images at a time. With maps of $H \times W$ pixels, a channel of this
# batch has $M = N H W$ numbers. Batch norm computes the mean $\mu$ and the variance $v$ of these numbers. Then it
# normalises each number:
#
# $$\mu = \frac{1}{M} \sum x, \qquad v = \frac{1}{M} \sum (x - \mu)^2, \qquad \sigma = \sqrt{v + \epsilon}, \qquad
# \hat x = \frac{x - \mu}{\sigma}, \qquad y = w \hat x + b.$$
#
# Each channel has a weight $w$ and a bias $b$, which are learnt. A channel may be constant over the whole batch, for
# example if a ReLU has made all its numbers 0. Then $v = 0$, and without the small constant $\epsilon$ we would divide
# by zero. PyTorch and ghostnp use $\epsilon = 10^{-5}$, Keras uses $10^{-3}$.
#
# By hand: a channel consists of 1, 3, 5, 7. The mean is 4. The squared distances from the mean are 9, 1, 1, 9, so
# $v = 20/4 = 5$, and $\hat x = (-3, -1, 1, 3) / \sqrt 5 = (-1.342, -0.447, 0.447, 1.342)$. For every channel, $\hat x$
# has mean 0 and variance $v / (v + \epsilon)$. This variance is almost 1 if $v$ is much larger than $\epsilon$.

# %%
channel = np.array([1.0, 3, 5, 7]).reshape(1, 1, 2, 2)
y, mean, var = ops.batch_norm_train(channel, np.ones(1), np.zeros(1))
print("normalised:", y.ravel().round(3), "mean:", mean, "variance:", var)

# %%
source(ops.batch_norm_train)

# %% [markdown]
# When a trained network is used (in *evaluation*), the result for one image must not depend on the other images of its
# batch. So in evaluation the mean and the variance are constants, the *running averages*. Training updates them after
# each batch, with a small factor $a$:
#
# $$\mu_\text{run} \leftarrow (1 - a) \cdot \mu_\text{run} + a \cdot \mu, \qquad v_\text{run} \leftarrow (1 - a) \cdot
# v_\text{run} + a \cdot v.$$
#
# The frameworks use different constants. PyTorch calls $a$ the *momentum*, and Keras calls $1 - a$ the momentum. Before
# this update PyTorch also multiplies the variance of the batch by $M / (M - 1)$, which gives the *unbiased* variance.
# Document 000 uses the constants of Keras (claim C13):

# %%
claims("C13")

# %% [markdown]
# ## Batch norm, backward
#
# We begin with the two parameters. From $y = w \hat x + b$ we get
#
# $$db = \sum dy, \qquad dw = \sum dy \cdot \hat x, \qquad d\hat x = w \cdot dy.$$
#
# A number $x$ influences the loss in three ways: through its own $\hat x$, through the mean, and through the variance.
# (Every $\hat x$ of the channel depends on the mean and the variance.) We work backward.
#
# **The variance.** From $\hat x = (x - \mu)(v + \epsilon)^{-1/2}$ we get
# $\partial \hat x / \partial v = -\frac{1}{2} (x - \mu)(v + \epsilon)^{-3/2} = -\hat x / (2 \sigma^2)$. We sum over all
# numbers of the channel:
#
# $$dv = -\frac{1}{2 \sigma^2} \sum d\hat x \cdot \hat x = -\frac{w}{2 \sigma^2} \, dw.$$
#
# **The mean.** With $v$ fixed, $\partial \hat x / \partial \mu = -1/\sigma$. The variance depends on the mean too, but
# $\partial v / \partial \mu = -\frac{2}{M} \sum (x - \mu) = 0$. So the variance adds nothing:
#
# $$d\mu = -\frac{1}{\sigma} \sum d\hat x = -\frac{w}{\sigma} \, db.$$
#
# **The input.** With $\mu$ and $v$ fixed, $\partial \hat x / \partial x = 1/\sigma$. The other two slopes are
# $\partial \mu / \partial x = 1/M$ and $\partial v / \partial x = 2 (x - \mu) / M = 2 \sigma \hat x / M$. The gradient
# of $x$ is the sum over the three ways:
#
# $$dx = \frac{d\hat x}{\sigma} + \frac{d\mu}{M} + dv \cdot \frac{2 \sigma \hat x}{M}
# = \frac{w}{\sigma} \left( dy - \frac{db}{M} - \hat x \cdot \frac{dw}{M} \right).$$
#
# **Two checks.** If we add the same number to all $x$, no $\hat x$ changes, so the loss does not change. Therefore
# $\sum dx$ must be 0. The formula agrees: because $\sum \hat x = 0$, the sum of the bracket is
# $db - M \cdot db/M - 0 = 0$. If all $x$ move in proportion to $\hat x$, their distances from the mean grow by the same
# factor, and $\hat x$ changes only because of $\epsilon$. So $\sum dx \cdot \hat x$ must be almost 0. Exercise 4 asks
# for its exact value.
#
# By hand, for the channel 1, 3, 5, 7 from above, with $w = 1$, $\epsilon \approx 0$ and $dy = (0, 1, 0, 0)$:
#
# | step | result |
# |---|---|
# | $db = \sum dy$ | 1 |
# | $dw = \sum dy \cdot \hat x$ | $-1/\sqrt 5 = -0.447$ |
# | $dv = -w \, dw / (2 \sigma^2)$ | $0.447 / 10 = 0.0447$ |
# | $d\mu = -w \, db / \sigma$ | $-1/\sqrt 5 = -0.447$ |
# | $db / M$ | 0.25 |
# | $\hat x \cdot dw / M$ | $(3, 1, -1, -3) / 20 = (0.15, 0.05, -0.05, -0.15)$ |
# | $dy - db/M - \hat x \cdot dw/M$ | $(-0.4, 0.7, -0.2, -0.1)$, with the sum 0 |
# | $dx$: the row above, divided by $\sqrt 5$ | $(-0.179, 0.313, -0.089, -0.045)$ |
#
# With this $dy$ the loss is the second $\hat x$. If the mean and the variance were constants, the slope for the second
# number, 3, would be $1/\sqrt 5 = 0.447$. But a change of this number also changes the mean and the variance, so the
# slope is only 0.313.

# %%
by_hand = np.array([0.0, 1, 0, 0]).reshape(1, 1, 2, 2)
grads = ops.batch_norm_train_backward(by_hand, channel, np.ones(1), mean, var)
print("db =", grads.bias, "dw =", grads.weight.round(3), "dx =", grads.x.ravel().round(3))

# %%
source(ops.batch_norm_train_backward)

# %%
rng = np.random.default_rng(0)
x, w, b = rng.standard_normal((3, 2, 4, 4)), rng.standard_normal(2), rng.standard_normal(2)
dy = rng.standard_normal(x.shape)
y, mean, var = ops.batch_norm_train(x, w, b)
grads = ops.batch_norm_train_backward(dy, x, w, mean, var)
slopes(lambda x, w, b: ops.batch_norm_train(x, w, b)[0], {"x": x, "weight": w, "bias": b}, dy, grads)
print("sum of dx in each channel:", ", ".join(f"{total:.0e}" for total in grads.x.sum(axis=(0, 2, 3))))

# %% [markdown]
# A common mistake is to treat the mean and the variance as constants in the backward pass of training. In evaluation
# they are constants, so `batch_norm_eval_backward` does this. In training its result is wrong, and the check notices
# this:

# %%
constants = ops.batch_norm_eval_backward(dy, x, w, mean, var)
try:
    assert_gradient(lambda x: ops.batch_norm_train(x, w, b)[0], (x,), dy, constants[:1])
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# **Why does a convolution before a batch norm have no bias?** A bias adds the same number to a whole channel. The batch
# norm then subtracts the mean of the channel, and the mean contains the bias. So in training the bias has no effect,
# and its gradient is $\sum dx = 0$, except for rounding errors. The official code of GhostNet has no such biases.
# Document 000 has them:

# %%
with initializer(0, dtype=np.float64):
    layers = Sequential(Conv2d(2, 3, 3, padding=1, bias=True), BatchNorm2d(3))
y, cache = layers.forward(x, training=True)
_, gradients = layers.backward(rng.standard_normal(y.shape), cache)
print("largest gradient of a weight:", f"{np.abs(gradients['0.weight']).max():.3f}")
print("largest gradient of a bias:  ", f"{np.abs(gradients['0.bias']).max():.0e}")
rows = ghostnp.count(ghostnp.create_model("ghostnet_keras", seed=None), (1, 3, 224, 224)).rows
normed = [row.path for row, behind in pairwise(rows) if row.kernel and row.bias and behind.op == "batch_norm_eval"]
blocks = sum(path.startswith("blocks") for path in normed)
print(f"document 000: {len(normed)} convolutions with a bias before a batch norm, {blocks} of them in its blocks")

# %% [markdown]
# Claim C05 is about the 69 convolutions in the blocks. The other two are the first and the last convolution of the
# network. The convolutions of squeeze-and-excitation (tutorial 07) have biases too. No batch norm follows them, so
# these biases are learnt.
#
# **How is batch norm counted?** Batch norm of $C$ channels has $2C$ parameters. The running mean and variance of each
# channel are *state*, not parameters, because no gradient changes them. In evaluation, batch norm takes one
# multiplication and one addition for each number. These operations are not counted among the multiply-adds of the
# convolutions, because batch norm can be *folded* into the weights and the bias of the convolution before it (by
# `ghostnp compile`). Tutorial 11 compares counters that treat batch norm differently.
#
# ## CReLU: both signs
#
# A ReLU sets all negative numbers to 0. Document 004 explains CReLU. In the first layers of trained networks, many
# filters form pairs. In such a pair one filter is nearly the negative of the other. For example, one filter finds
# "brighter to the right", and the other "brighter to the left". Then one filter is enough, because the other makes
# nearly the negative of the same map. CReLU keeps the positive and the negative part of this one map:
#
# $$\text{CReLU}(x) = [\max(x, 0), \max(-x, 0)].$$
#
# CReLU doubles the number of channels (claim C46), and it needs no multiplications.

# %%
source(ops.crelu)

# %%
photo = load_photo(size=64)
edges = ops.standard_conv2d(photo, filters.outer(list(filters.STANDARD.values())[:2]), padding=1)
both = ops.crelu(edges)
figure, grid = style.sheet(11, 2.3, nrows=1, ncols=6)
names = ["right − left", "below − above"]
for place, (maps, c, title) in enumerate(
    [
        (edges, 0, names[0]),
        (edges, 1, names[1]),
        (both, 0, "relu(x)"),
        (both, 1, "relu(x)"),
        (both, 2, "relu(−x)"),
        (both, 3, "relu(−x)"),
    ]
):
    frame = style.OUTPUT if place < 2 else style.INTRINSIC if place < 4 else style.GHOST
    style.show_signed(figure.add_subplot(grid[place]), maps[0, c], title, frame)
show(
    figure,
    "Two maps of edges of the photo, with positive and negative numbers; then their positive parts, and then "
    "their negative parts with the sign changed.",
)

# %% [markdown]
# In the backward pass, a positive $x$ receives `dy` of the first half of the channels. A negative $x$ receives minus
# `dy` of the second half:

# %%
source(ops.crelu_backward)

# %%
points = rng.choice([-1, 1], (2, 3, 4, 4)) * (0.1 + rng.random((2, 3, 4, 4)))  # away from 0, where a ReLU has no slope
dy = rng.standard_normal((2, 6, 4, 4))
dx = ops.crelu_backward(dy, points)
slopes(ops.crelu, {"x": points}, dy, [dx])
try:
    slopes(ops.crelu, {"x": points}, dy, [np.where(points < 0, -dx, dx)])
except AssertionError as error:
    print("without the minus sign:", error)

# %% [markdown]
# ## Do filters come in pairs?
#
# We can measure this. The *pairing filter* of filter $i$ is the filter that points most nearly in the opposite
# direction. Let $w_i$ be the weights of filter $i$ as a vector. The pairing filter has the smallest cosine with filter
# $i$:
#
# $$\bar\jmath = \mathrm{argmin}_{j \ne i} \cos(w_i, w_j), \qquad \cos(a, b) = \frac{a \cdot b}{|a| |b|}.$$
#
# By hand: take the filters $a = (1, 0)$, $b = (-1, 1)$ and $c = (0, 2)$. Then $\cos(a, b) = -1/\sqrt 2 = -0.707$,
# $\cos(a, c) = 0$ and $\cos(b, c) = 1/\sqrt 2 = 0.707$. So the pairing filter of $a$ is $b$, with the cosine $-0.707$.
#
# Among many filters, some cosines are clearly negative by chance. So we compare with *random* filters, whose weights
# are normally distributed. The picture shows the cosines of 32 random filters of 3x3x3, and of 32 filters with planted
# pairs: 16 are nearly the negatives of the other 16. Tutorial 14 measures the filters of a trained network.

# %%
random_filters = rng.standard_normal((32, 3, 3, 3))
planted = np.concatenate([random_filters[:16], -random_filters[:16] + 0.3 * rng.standard_normal((16, 3, 3, 3))])
figure, grid = style.sheet(8, 2.8, nrows=1, ncols=1, left=0.09, bottom=0.19)
axes = style.plain_axes(figure.add_subplot(grid[0]), "", x_label="cosine with the pairing filter", y_label="filters")
bins = np.linspace(-1, 0, 21)
axes.hist(
    [pairing(random_filters)[1], pairing(planted)[1]],
    bins,
    color=[style.OUTPUT, style.GHOST],
    label=["random", "planted pairs"],
)
axes.set_yticks([0, 5, 10, 15])
axes.legend(frameon=False)
show(
    figure,
    "A histogram of the smallest cosines. Those of random filters lie between −0.55 and −0.2, those of the "
    "planted pairs near −0.9.",
)

# %% [markdown]
# **To play with.** `ghostnp explore batch-norm --open` shows batch norm step by step. `ghostnp explore crelu --open`
# shows CReLU, forward and backward.
#
# ## Exercises
#
# **1.** *(easy)* A channel consists of 2, 4, 4, 6. It goes through batch norm with $w = 1$, $b = 0$ and $\epsilon = 0$.
# What does the 6 become? (Three digits.)

# %%
answer = None
check("06.1", answer)

# %% [markdown]
# **2.** *(medium)* A 3x3 convolution makes 32 maps from 16 maps, with biases and without batch norm. A CReLU follows,
# and then a 1x1 convolution to 16 maps, also with biases. How many parameters do the two convolutions have together?

# %%
answer = None
check("06.2", answer)

# %% [markdown]
# **3.** *(easy)* Take the filters $(3, 4)$, $(-4, -3)$ and $(0, 5)$. What is the cosine of the first filter with its
# pairing filter?

# %%
answer = None
check("06.3", answer)

# %% [markdown]
# **4.** *(derivation)* Derive $\sum \hat x^2 = M v / (v + \epsilon)$ for one channel. Then derive from the formula for
# $dx$ that $\sum dx \cdot \hat x = \frac{w}{\sigma} \cdot dw \cdot \frac{\epsilon}{v + \epsilon}$. What is
# $\sum dx \cdot \hat x$ for $w = 1$, $dw = 2$, $v = 3$ and an unusually large $\epsilon = 1$?

# %%
answer = None
check("06.4", answer)

# %% [markdown]
# **5.** *(code)* Complete `tutorials/exercises/14_batch_norm_train_backward.py` until `ghostnp check` reports no error.
# Then take the channel 1, 3, 5, 7 from above, with $w = 1$, $\epsilon = 10^{-5}$ and `dy` = 1, 0, 0, 0. What is `dx` of
# the first number? (Three digits.)

# %%
answer = None
check("06.5", answer)

# %% [markdown]
# ## References
#
# - S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
#   shift", ICML 2015, algorithms 1 and 2, section 3. <https://arxiv.org/abs/1502.03167>
# - V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
# - W. Shang, K. Sohn, D. Almeida and H. Lee, "Understanding and improving convolutional neural networks via
#   concatenated rectified linear units", ICML 2016, section 2. <https://arxiv.org/abs/1603.05201>
#
# Next: tutorial 07, a gate for each channel.
