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
# **What stands between two convolutions, and why can it not be left out?**
#
# Two convolutions in a row are one convolution: both are linear, and a linear map of a linear map is linear. Something in
# between must not be linear. And the numbers must stay of a size that training can handle. The first is the job of the
# *activation* (激活函数), the second that of *batch norm* (批归一化).

# %%
import numpy as np

from ghostnp import ops
from ghostnp.course.pairing import pairing
from ghostnp.course.study import check, claims, show, source
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
show(figure)

# %% [markdown]
# ## Activations
#
# They meet each number alone.
#
# | name | formula | where |
# |---|---|---|
# | ReLU | $\max(x, 0)$ | everywhere |
# | ReLU6 | $\min(\max(x, 0), 6)$ | MobileNet |
# | sigmoid | $1 / (1 + e^{-x})$ | DFC attention; squeeze-and-excitation in document 000 |
# | hard sigmoid | $\min(\max(x + 3, 0), 6) / 6$ | squeeze-and-excitation in the official GhostNet (PyTorch) |
# | clip | $\min(\max(x, 0), 1)$ | the same in the official TensorFlow code, which calls it hard sigmoid |
#
# By hand: at $x = 1$ the last three give 0.731, $4/6 = 0.667$ and 1. Tutorial 07 is about what that does in a network.
#
# Backward, $dx = dy \cdot f'(x)$. For a ReLU the slope is 1 where $x > 0$ and 0 elsewhere: the gradient goes through or is
# stopped. (At exactly 0 the slope does not exist; all frameworks take 0.)

# %%
source(ops.relu)
source(ops.relu_backward)

# %%
print(ops.relu(np.array([-2.0, -0.5, 0.0, 3.0])))
print(ops.relu_backward(np.array([1.0, 1.0, 1.0, 1.0]), np.array([-2.0, -0.5, 0.0, 3.0])))

# %% [markdown]
# ## Batch norm
#
# Networks are trained on a *batch* (批) of $N$ images at a time. For each channel, over all images of the batch and all
# pixels, $M = N H W$ numbers in all:
#
# $$\hat x = \frac{x - \mu}{\sigma}, \qquad \mu = \frac{1}{M} \sum x, \qquad \sigma^2 = \frac{1}{M} \sum (x - \mu)^2 + \epsilon,
# \qquad y = w \hat x + b.$$
#
# By hand: a channel holds 1, 3, 5, 7. The mean is 4, the squared distances are 9, 1, 1, 9, so the variance is $20/4 = 5$
# and $\hat x = (-3, -1, 1, 3) / \sqrt 5 = (-1.342, -0.447, 0.447, 1.342)$. Whatever scale and shift the channel had before,
# it has now mean 0 and variance 1; $w$ and $b$, two numbers for each channel, are learnt.

# %%
channel = np.array([1.0, 3, 5, 7]).reshape(1, 1, 2, 2)
y, mean, var = ops.batch_norm_train(channel, np.ones(1), np.zeros(1))
print(y.ravel().round(3), mean, var)

# %%
source(ops.batch_norm_train)

# %% [markdown]
# Once the network is used, one image must not depend on the others of its batch. Then the mean and variance are constants:
# *running* averages that were gathered in training,
#
# $$\mu_\text{run} \leftarrow (1 - m) \cdot \mu_\text{run} + m \cdot \mu.$$
#
# Frameworks differ in the details, and document 000, in Keras, is no exception (claim C13):

# %%
claims("C13")

# %% [markdown]
# **Backward.** A number $x$ has three ways to the loss: its own $\hat x$, the mean, and the variance. With
# $db = \sum dy$ and $dw = \sum dy \cdot \hat x$,
#
# $$dx = \frac{w}{\sigma} \left( dy - \frac{db}{M} - \hat x \cdot \frac{dw}{M} \right).$$
#
# The first term is what an affine map would give. The second is what comes back through the mean: adding the same to all
# numbers changes nothing, so $\sum dx$ has to be 0. The third comes back through the variance: stretching them all changes
# nothing either, so $\sum dx \cdot \hat x = 0$ but for $\epsilon$.

# %%
source(ops.batch_norm_train_backward)

# %%
rng = np.random.default_rng(0)
x, w, b = rng.standard_normal((3, 2, 4, 4)), rng.standard_normal(2), rng.standard_normal(2)
dy = rng.standard_normal(x.shape)
y, mean, var = ops.batch_norm_train(x, w, b)
grads = ops.batch_norm_train_backward(dy, x, w, mean, var)
assert_gradient(lambda x, w, b: ops.batch_norm_train(x, w, b)[0], (x, w, b), dy, grads)
print("slopes agree; sum of dx:", np.abs(grads.x.sum(axis=(0, 2, 3))).round(12))

# %% [markdown]
# A popular mistake is to forget that mean and variance move, and to go back as if they were constants. That is what
# `batch_norm_eval_backward` does, rightly, in evaluation. Here it is caught:

# %%
constants = ops.batch_norm_eval_backward(dy, x, w, mean, var)
try:
    assert_gradient(lambda x: ops.batch_norm_train(x, w, b)[0], (x,), dy, constants[:1])
except AssertionError as error:
    print("caught:", error)

# %% [markdown]
# **Why have convolutions under batch norm no bias?** A bias adds the same number to a whole channel, and the very next
# thing that happens is that the channel's mean is subtracted. It does nothing in training, and its gradient is exactly zero
# in mathematics, in a computer zero but for rounding. The official code leaves such biases out. Document 000 has one in every
# convolution: 69 of them in its blocks (claim C05).

# %%
with initializer(0, dtype=np.float64):
    layers = Sequential(Conv2d(2, 3, 3, padding=1, bias=True), BatchNorm2d(3))
y, cache = layers.forward(x, training=True)
_, gradients = layers.backward(rng.standard_normal(y.shape), cache)
print("largest gradient of a weight:", np.abs(gradients["0.weight"]).max().round(3))
print("largest gradient of a bias:  ", np.abs(gradients["0.bias"]).max().round(12))
claims("C05")

# %% [markdown]
# **Where is batch norm in a count?** It has $2C$ parameters, which count as such, and two statistics for each channel that are
# *state* and no parameters: nothing learns them by gradient. Its work, two operations for each number in evaluation, is no
# multiply-add of a convolution, and can be folded into one: `ghostnp compile` shows how. Tutorial 11 compares counters that
# disagree on this.
#
# ## CReLU: both signs
#
# A ReLU throws half of the numbers away. Document 004 tells the story of CReLU: in the first layers of trained networks,
# many filters come in pairs that are nearly each other's negative, one for "brighter to the right", one for "brighter to
# the left". If so, one filter is enough, and the pair is got from its sign:
#
# $$\text{CReLU}(x) = [\max(x, 0), \max(-x, 0)].$$
#
# The number of channels doubles (claim C46), without a single multiplication.

# %%
source(ops.crelu)
claims("C46")

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
show(figure)

# %% [markdown]
# Backward, a number gets what came to its positive half, and minus what came to its negative half; only one of the two was
# open. The dual line:

# %%
source(ops.crelu_backward)

# %%
points = rng.choice([-1, 1], (2, 3, 4, 4)) * (0.1 + rng.random((2, 3, 4, 4)))  # away from the kink at 0
dy = rng.standard_normal((2, 6, 4, 4))
dx = ops.crelu_backward(dy, points)
assert_gradient(ops.crelu, (points,), dy, (dx,))
try:
    assert_gradient(ops.crelu, (points,), dy, (np.abs(dx),))
except AssertionError as error:
    print("without the minus sign it is caught:", error)

# %% [markdown]
# ## Do filters come in pairs?
#
# That can be measured. The *pairing filter* of filter $i$ is the one that points most nearly the opposite way,
#
# $$\bar\jmath = \mathrm{argmin}_{j \ne i} \cos(w_i, w_j), \qquad \cos(a, b) = \frac{a \cdot b}{|a| |b|}.$$
#
# By hand: $(1, 0)$, $(-1, 1)$ and $(0, 2)$ have the cosines $-1/\sqrt 2$, $0$ and $1/\sqrt 2$ with each other, so the
# pairing filter of the first is the second, with $-0.707$.
#
# A number by itself says little: among many filters one will be rather opposite by chance. So one compares with *random*
# filters of the same shape, with normally distributed weights. The picture shows 32 random filters of 3x3x3 against the same with 16
# negatives planted among them. In tutorial 14 we put the question to a trained network.

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
show(figure)

# %% [markdown]
# ## Exercises
#
# **1.** By hand: a layer has 64 channels of 28x28 and a batch norm behind it. How many *parameters* has the batch norm?

# %%
answer = None
check("06.1", answer)

# %% [markdown]
# **2.** A channel holds 2, 4, 4, 6. What does batch norm (with $w = 1$, $b = 0$, $\epsilon = 0$) make of the 6? (Three digits.)

# %%
answer = None
check("06.2", answer)

# %% [markdown]
# **3.** A 3x3 convolution makes 32 maps from 16 with biases and without batch norm, and a CReLU follows. The next
# convolution is 1x1, to 16 maps, also with biases. How many parameters have both together?

# %%
answer = None
check("06.3", answer)

# %% [markdown]
# **4.** Filters $(3, 4)$, $(-4, -3)$ and $(0, 5)$: what is the cosine of the first with its pairing filter?

# %%
answer = None
check("06.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/14_batch_norm_train_backward.py` until `ghostnp check` is content. With the channel
# 1, 3, 5, 7 from above, $w = 1$ and `dy` = 1, 0, 0, 0 (and the usual $\epsilon$): what is `dx` of the first number? (Three digits.)

# %%
answer = None
check("06.5", answer)

# %% [markdown]
# ## References
#
# - S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
#   ICML 2015, algorithms 1 and 2, section 3. <https://arxiv.org/abs/1502.03167>
# - V. Nair and G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
# - W. Shang, K. Sohn, D. Almeida and H. Lee, "Understanding and improving convolutional neural networks via concatenated
#   rectified linear units", ICML 2016, section 2. <https://arxiv.org/abs/1603.05201>
#
# Next: tutorial 07, a gate for each channel.
