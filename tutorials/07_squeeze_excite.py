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
# # 7. Squeeze-and-excitation
#
# **A convolution sees a small window. How can a network decide, from the whole image, which of its maps count?**
#
# *Squeeze-and-excitation* (SE, 压缩与激励) gives each channel a factor between 0 and 1, the *gate* (门控). It looks at all maps
# as a whole, decides, and multiplies. GhostNet has it in 7 of its 16 bottlenecks; document 000 explains it.

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.course.tour import filters
from ghostnp.modules import Clip, HardSigmoid, Sigmoid, SqueezeExcite, initializer, make_divisible
from ghostnp.modules.combine import gate_backward, gate_forward
from ghostnp.photo import load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient

photo = load_photo(size=64)
maps = ops.relu(ops.standard_conv2d(photo, filters.outer(list(filters.STANDARD.values())), padding=1))
with initializer(3):
    module = SqueezeExcite(6, hidden=4)
module.conv_expand.weight *= 4  # fresh gates all lie near a half; like this they can be told apart
y, cache = module.forward(maps)

figure, grid = style.sheet(11, 4.1, nrows=2, ncols=6, top=0.9)
for c in range(6):
    limits = (0, np.percentile(maps[0, c], 99.5) or 1)
    style.show(figure.add_subplot(grid[0, c]), maps[0, c], "a map", style.INPUT, limits=limits)
    title = f"times {cache.factors[0, c, 0, 0]:.2f}"
    style.show(figure.add_subplot(grid[1, c]), y[0, c], title, style.GATE, limits=limits)
show(figure)

# %% [markdown]
# Above, six maps of a photo; below, each times its gate. (The weights are random here, so which map is kept means nothing.)
#
# ## By hand
#
# Three steps. Take two maps of 2x2 pixels, $(1, 3, 5, 7)$ and $(0, 0, 2, 2)$.
#
# **Squeeze.** Each map becomes its mean: $s = (4, 1)$. Note what is gone: *where* something is. What is left is how much
# of it there is.
#
# **Excitation.** Two small fully connected layers turn all means into one number for each channel. The first makes them few,
# here one: with weights $(1, -2)$ it gives $1 \cdot 4 - 2 \cdot 1 = 2$, and the ReLU leaves 2. The second makes them many
# again: with weights $(1, -1)$ it gives $(2, -2)$. A gate brings these between 0 and 1; the hard sigmoid
# $\min(\max(x + 3, 0), 6) / 6$ makes $(5/6, 1/6)$.
#
# **Recalibration.** Each map is multiplied by its factor. The first keeps five sixths, the second one sixth.
#
# Since means are maps of one pixel, the two layers are 1x1 convolutions: that is how the code writes them.

# %%
small = np.array([1.0, 3, 5, 7, 0, 0, 2, 2]).reshape(1, 2, 2, 2)
squeezed = ops.global_avg_pool2d(small)
hidden = ops.relu(ops.pointwise_conv2d(squeezed, np.array([1.0, -2]).reshape(1, 2, 1, 1)))
gate = ops.hard_sigmoid(ops.pointwise_conv2d(hidden, np.array([1.0, -1]).reshape(2, 1, 1, 1)))
print("squeezed:", squeezed.ravel(), "hidden:", hidden.ravel(), "gate:", gate.ravel().round(4))
print(ops.multiply(small, gate)[0, 0])

# %% [markdown]
# ## The module
#
# The children are named as in the official checkpoint, and run one after the other: `squeeze`, `conv_reduce`, `act1`,
# `conv_expand`, `gate`. What they make are the factors; the other path is the input as it is. `gate_forward` runs both
# paths on the same input and multiplies, map by map.

# %%
source(SqueezeExcite)
source(gate_forward)
source(ops.multiply)

# %% [markdown]
# ## Backward
#
# The input is used *twice*: once it is multiplied, and once it is squeezed to decide by how much. So its gradient has two
# parts, and they add up. With $y = g \cdot x$, channel by channel,
#
# $$dx_\text{direct} = g \cdot dy, \qquad dg[n, c] = \sum_{i, j} dy[n, c, i, j] \cdot x[n, c, i, j].$$
#
# `dg` then goes back through the gate and the two layers to the mean, and the mean hands each of its $HW$ pixels an equal
# share, $ds / HW$.
#
# `gate_backward` is `gate_forward` read backwards: the product comes first, then the two paths, and the sum comes last.

# %%
source(gate_backward)

# %% [markdown]
# Let us check it, with all its weights, and then forget one of the two parts on purpose.

# %%
with initializer(0, dtype=np.float64):
    module = SqueezeExcite(5, hidden=4, gate=Sigmoid)
rng = np.random.default_rng(0)
x = rng.standard_normal((2, 5, 3, 4))
y, cache = module.forward(x)
dy = rng.standard_normal(y.shape)
dx, grads = module.backward(dy, cache)
assert_gradient(module, (x,), dy, (dx,))
print("gradients of:", ", ".join(grads))

direct_only = ops.multiply_backward(dy, x, cache.factors).a
try:
    assert_gradient(module, (x,), dy, (direct_only,))
except AssertionError as error:
    print("with the direct part alone:", error)

# %% [markdown]
# And the weights:

# %%
for name, array in module.parameters().items():
    direction = rng.standard_normal(array.shape)
    sides = []
    for step in (1e-6, -1e-6):
        array[...] += step * direction
        sides.append(float((dy * module(x)).sum()))
        array[...] -= step * direction
    slope, found = (sides[0] - sides[1]) / 2e-6, float((grads[name] * direction).sum())
    assert abs(found) > 1e-3
    print(f"{name:20} slope {slope:9.5f}  gradient {found:9.5f}")

# %% [markdown]
# ## Clamp or sigmoid?
#
# **Which gate does GhostNet have?** The paper on squeeze-and-excitation, and document 000, take a sigmoid. The official
# PyTorch code of GhostNet takes a hard sigmoid, $\mathrm{relu6}(x + 3) / 6$; the official TensorFlow code cuts $x$ to the
# range from 0 to 1 and *calls* that a hard sigmoid. (The first release of the PyTorch code clamped too, hence the question.
# The authors answered that clamping is faster and does about as well: issue 2 of their first repository.)
# Three networks, three gates, and weights that were trained with one do not work with another. At $x = 1$:

# %%
for kind in (Sigmoid, HardSigmoid, Clip):
    print(f"{kind.__name__:12} {kind()(np.ones((1, 1, 1, 1)))[0, 0, 0, 0]:.3f}")
claims("C08")

# %% [markdown]
# The width of the hidden layer differs as well. All take a quarter of the channels; document 000 rounds down, the official
# PyTorch code rounds to a multiple of 4 but never below 90% of the value:

# %%
source(make_divisible)
print({channels: (channels // 4, make_divisible(channels / 4, 4)) for channels in (72, 120, 480, 672, 960)})

# %% [markdown]
# ## What it costs
#
# With $C$ channels and $r$ hidden ones: $C r + r$ and $r C + C$ parameters, and $2 C r$ multiply-adds, *whatever the size of
# the maps*, since the layers see means. For 672 channels and 168 hidden ones:
# $2 \cdot 672 \cdot 168 + 168 + 672 = 226{,}632$ parameters and $225{,}792$ multiply-adds. So SE is expensive in parameters and
# cheap in work. The mean and the scaling are no multiply-adds of a convolution, and are not in the count; see tutorial 11.

# %%
table = ghostnp.count(ghostnp.create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
inside = [row for row in table.rows if ".se." in row.path]
shares = {
    "squeeze-and-excitation": (sum(r.params for r in inside), sum(r.macs for r in inside)),
    "all of GhostNet 1.0x": (table.params, table.macs),
}
show(pictures.cost_bars(shares))
print(f"{shares['squeeze-and-excitation'][0] / table.params:.0%} of the parameters,",
      f"{shares['squeeze-and-excitation'][1] / table.macs:.1%} of the multiply-adds")  # fmt: skip

# %% [markdown]
# ## Exercises
#
# **1.** By hand: SE over 40 channels with 12 hidden ones. How many parameters, biases included?

# %%
answer = None
check("07.1", answer)

# %% [markdown]
# **2.** The same on maps of 28x28, in multiply-adds?

# %%
answer = None
check("07.2", answer)

# %% [markdown]
# **3.** How many hidden channels does the official PyTorch rule give for 184 channels, and how many document 000's? Answer
# as `(official, document)`.

# %%
answer = None
check("07.3", answer)

# %% [markdown]
# **4.** In the example by hand above, by how much does the output pixel $y[0, 0, 0, 0]$ (now $5/6$) grow for each unit that
# the *last* pixel of the first map grows by, as long as nothing is cut off? (Three digits. Which of the two parts of the gradient is it?)

# %%
answer = None
check("07.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/09_global_avg_pool2d_backward.py` and `10_multiply_backward.py` until `ghostnp check` is
# content. With `a` = `np.arange(8.0).reshape(1, 2, 2, 2)`, a factor for each map in `b` and `dy` of ones, what does the gradient
# of `b` sum up to?

# %%
answer = None
check("07.5", answer)

# %% [markdown]
# ## References
#
# - J. Hu, L. Shen and G. Sun, "Squeeze-and-excitation networks", CVPR 2018, equations (2) to (4).
#   <https://arxiv.org/abs/1709.01507>
# - A. Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2 and equation for h-swish: the hard sigmoid.
#   <https://arxiv.org/abs/1905.02244>
# - The authors on clamping: <https://github.com/iamhankai/ghostnet.pytorch/issues/2>
#
# Next: tutorial 08, the ghost module.
