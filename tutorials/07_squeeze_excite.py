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
# **A convolution sees only a small window. How can a network use the whole image to decide which of its maps are
# important?**
#
# *Squeeze-and-excitation* (SE, 压缩与激励) multiplies each map by a factor between 0 and 1, the *gate* (门控). SE
# computes the gates from the means of all maps. GhostNet has SE in 7 of its 16 bottlenecks (tutorial 09). Document 000
# explains SE.

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, show, slopes, source
from ghostnp.course.tour import filters
from ghostnp.modules import Clip, HardSigmoid, Sigmoid, SqueezeExcite, initializer, make_divisible
from ghostnp.modules.combine import gate_backward, gate_forward
from ghostnp.photo import load_photo
from ghostnp.pictures import style

photo = load_photo(size=64)
maps = ops.relu(ops.standard_conv2d(photo, filters.outer(list(filters.STANDARD.values())), padding=1))
with initializer(3):
    module = SqueezeExcite(6, hidden=4)
module.conv_expand.weight *= 4  # untrained gates are all near 0.5: larger weights spread them
y, cache = module.forward(maps)

figure, grid = style.sheet(11, 4.1, nrows=2, ncols=6, top=0.9)
for c in range(6):
    limits = (0, np.percentile(maps[0, c], 99.5) or 1)
    style.show(figure.add_subplot(grid[0, c]), maps[0, c], "a map", style.INPUT, limits=limits)
    title = f"times {cache.factors[0, c, 0, 0]:.2f}"
    style.show(figure.add_subplot(grid[1, c]), y[0, c], title, style.GATE, limits=limits)
show(
    figure,
    "Six maps of the photo, and below each of them the same map times its gate. Maps with a gate near 0.35 become "
    "darker, those with a gate near 1 do not.",
)

# %% [markdown]
# The first row shows six maps of a photo. The second row shows each map times its gate. (The weights are random here,
# so the sizes of the gates have no meaning.)
#
# ## By hand
#
# SE has three steps. Take two maps of 2x2 pixels, $x_0 = (1, 3, 5, 7)$ and $x_1 = (0, 0, 2, 2)$.
#
# **Squeeze.** Each map is replaced by its mean: $z = (4, 1)$. The mean says how strong a map is, but not at which
# pixels it is strong.
#
# **Excitation.** Two small fully connected layers compute one number for each map from the means of all maps. The first
# layer has few outputs, here one. With the weights $W_1 = (1, -2)$ it gives $a = 1 \cdot 4 - 2 \cdot 1 = 2$. A ReLU
# follows, so $h = \max(2, 0) = 2$. The second layer has one output for each map. With the weights $W_2 = (1, -1)$ it
# gives $t = (2, -2)$. The last step is the activation of the gate, here the hard sigmoid $\min(\max(t + 3, 0), 6) / 6$.
# It gives the gates $g = (5/6, 1/6)$.
#
# **Recalibration.** Each map is multiplied by its gate: $y_c = g_c \cdot x_c$.
#
# The means are maps of one pixel, so the two fully connected layers can be written as 1x1 convolutions:

# %%
small = np.array([1.0, 3, 5, 7, 0, 0, 2, 2]).reshape(1, 2, 2, 2)
reduce, expand = np.array([1.0, -2]).reshape(1, 2, 1, 1), np.array([1.0, -1]).reshape(2, 1, 1, 1)  # W1 and W2
z = ops.global_avg_pool2d(small)
a = ops.pointwise_conv2d(z, reduce)
h = ops.relu(a)
t = ops.pointwise_conv2d(h, expand)
g = ops.hard_sigmoid(t)
print("z =", z.ravel(), "a =", a.ravel(), "h =", h.ravel(), "t =", t.ravel(), "g =", g.ravel().round(4))
print("first map times its gate: ", ops.multiply(small, g)[0, 0].ravel().round(3))
print("second map times its gate:", ops.multiply(small, g)[0, 1].ravel().round(3))

# %% [markdown]
# ## The module
#
# The module has five layers with the names of the official checkpoint: `squeeze`, `conv_reduce`, `act1`, `conv_expand`
# and `gate`. In this order the layers compute the gates. `gate_forward` multiplies the results of two paths that start
# from the same input. In SE the first path is the input itself, and the second path computes the gates.

# %%
source(SqueezeExcite)
source(gate_forward)
source(ops.multiply)

# %% [markdown]
# ## Backward
#
# The input is used *twice*: the gates are computed from the input, and the input is multiplied by the gates. So the
# gradient of the input is the sum of two parts. We go backward through the steps. Here $\varphi$ is the activation of
# the gate, $b_1$ and $b_2$ are the biases of the two layers, and $i, j$ are the row and the column of a pixel in maps
# of $H \times W$ pixels:
#
# | forward | backward |
# |---|---|
# | $y_c = g_c \cdot x_c$ | $dg_c = \sum_{i, j} dy_c \cdot x_c$, and the direct part of $dx_c$ is $g_c \cdot dy_c$ |
# | $g = \varphi(t)$, the gates | $dt = dg \cdot \varphi'(t)$ |
# | $t = W_2 h + b_2$ | $dW_2 = dt \cdot h^T$, $\; db_2 = dt$, $\; dh = W_2^T \, dt$ |
# | $h = \max(a, 0)$ | $da = dh$ where $a > 0$, and 0 elsewhere |
# | $a = W_1 z + b_1$ | $dW_1 = da \cdot z^T$, $\; db_1 = da$, $\; dz = W_1^T \, da$ |
# | $z_c = \frac{1}{HW} \sum_{i, j} x_c$ | every pixel of $x_c$ receives $dz_c / HW$ |
# | | $dx_c = g_c \cdot dy_c + dz_c / HW$ |
#
# These are the gradients for one image. For a batch, the gradients of $W_1, b_1, W_2, b_2$ are summed over the images.
#
# By hand, for the example above (without biases), with $dy_0 = (6, 0, 0, 0)$ and $dy_1 = (0, 0, 0, 6)$:
#
# | step | result |
# |---|---|
# | $dg$ | $(6 \cdot 1, \; 6 \cdot 2) = (6, 12)$ |
# | $dt$, since $\varphi' = 1/6$ between −3 and 3 | $(1, 2)$ |
# | $dW_2 = dt \cdot h$ | $(1 \cdot 2, \; 2 \cdot 2) = (2, 4)$ |
# | $dh = W_2^T \, dt$ | $1 \cdot 1 - 1 \cdot 2 = -1$ |
# | $da$, since $a = 2 > 0$ | $-1$ |
# | $dW_1 = da \cdot z$ | $(-1 \cdot 4, \; -1 \cdot 1) = (-4, -1)$ |
# | $dz = W_1^T \, da$ | $(1 \cdot (-1), \; -2 \cdot (-1)) = (-1, 2)$ |
# | $dz / HW$ | $(-0.25, 0.5)$ |
# | $dx_0 = \frac{5}{6} dy_0 - 0.25$ | $(4.75, -0.25, -0.25, -0.25)$ |
# | $dx_1 = \frac{1}{6} dy_1 + 0.5$ | $(0.5, 0.5, 0.5, 1.5)$ |
#
# The same steps with the operators of ghostnp:

# %%
dy = np.array([6.0, 0, 0, 0, 0, 0, 0, 6]).reshape(1, 2, 2, 2)
direct, dg = ops.multiply_backward(dy, small, g)
dt = ops.hard_sigmoid_backward(dg, t)
through_expand = ops.pointwise_conv2d_backward(dt, h, expand)
da = ops.relu_backward(through_expand.x, a)
through_reduce = ops.pointwise_conv2d_backward(da, z, reduce)
dx = direct + ops.global_avg_pool2d_backward(through_reduce.x, small)
print("dg =", dg.ravel(), "dt =", dt.ravel(), "da =", da.ravel(), "dz =", through_reduce.x.ravel())
print("dW2 =", through_expand.weight.ravel(), "dW1 =", through_reduce.weight.ravel())
print("dx of the first map: ", dx[0, 0].ravel().round(3))
print("dx of the second map:", dx[0, 1].ravel().round(3))

# %% [markdown]
# The first pixel of the second map has `dy` = 0, but its `dx` is 0.5. The reason is that this pixel influences the loss
# through the gates of both maps.
#
# `gate_backward` goes backward through the product first, and then through each of the two paths. At the end it adds
# the gradients of the two paths:

# %%
source(gate_backward)

# %% [markdown]
# Now we compare the gradient with measured slopes. The planted mistake leaves out the part of the gradient that comes
# through the gates.

# %%
with initializer(0, dtype=np.float64):
    module = SqueezeExcite(5, hidden=4, gate=Sigmoid)
rng = np.random.default_rng(0)
x = rng.standard_normal((2, 5, 3, 4))
y, cache = module.forward(x)
dy = rng.standard_normal(y.shape)
dx, grads = module.backward(dy, cache)
slopes(module, {"x": x}, dy, [dx])
direct_only = ops.multiply_backward(dy, x, cache.factors).a
try:
    slopes(module, {"x": x}, dy, [direct_only])
except AssertionError as error:
    print("with the direct part only:", error)

# %% [markdown]
# The weights of the module are checked in the same way:

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
# **Which activation does the gate of GhostNet have?** There are three versions (claim C08). The paper on
# squeeze-and-excitation and document 000 use a sigmoid. The official PyTorch code of GhostNet uses a hard sigmoid,
# $\mathrm{relu6}(x + 3) / 6$. The official TensorFlow code clamps $x$ to the range from 0 to 1 (`Clip` in ghostnp), but
# *calls* this function a hard sigmoid. (The first release of the PyTorch code clamped $x$ too. The authors explain in
# issue 2 of their first repository that clamping is faster and gives similar results.)
#
# Weights that were trained with one of these activations do not work with another one. Tutorial 06, "Activations",
# shows the three curves. At $x = 1$ the three gates are:

# %%
for kind in (Sigmoid, HardSigmoid, Clip):
    print(f"{kind.__name__:12} {kind()(np.ones((1, 1, 1, 1)))[0, 0, 0, 0]:.3f}")

# %% [markdown]
# The number of hidden channels differs too. The codes of GhostNet all start from a quarter of the channels. Document
# 000 rounds this quarter down to a whole number. The official PyTorch code rounds the quarter to the nearest multiple
# of 4. A quarter halfway between two multiples is rounded up, so 18 becomes 20. There is one exception: if the rounded
# number is below 90% of the quarter, the code takes the next larger multiple. So 5 becomes 8, not 4.

# %%
source(make_divisible)
print("channels  a quarter  document 000  official")
for channels in (20, 72, 120, 480, 672, 960):
    print(f"{channels:8}  {channels / 4:9.1f}  {channels // 4:12}  {make_divisible(channels / 4, 4):8}")

# %% [markdown]
# ## What it costs
#
# With $C$ channels and $C_h$ hidden channels, the first layer has $C \cdot C_h + C_h$ parameters, and the second layer
# has $C_h \cdot C + C$. Together the two layers take $2 C C_h$ multiply-adds. The size of the maps does not matter,
# because the layers work on the means. For $C = 672$ and $C_h = 168$ there are
# $2 \cdot 672 \cdot 168 + 168 + 672 = 226{,}632$ parameters and $225{,}792$ multiply-adds. So SE has many parameters,
# but takes few multiply-adds. The means and the multiplication by the gates are not counted here (see tutorial 11).

# %%
table = ghostnp.count(ghostnp.create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
inside = [row for row in table.rows if ".se." in row.path]
shares = {
    "squeeze-and-excitation": (sum(r.params for r in inside), sum(r.macs for r in inside)),
    "all of GhostNet 1.0x": (table.params, table.macs),
}
show(
    pictures.cost_bars(shares),
    "Bars: squeeze-and-excitation has more than a quarter of all parameters of GhostNet, and one percent of the "
    "multiply-adds.",
)
print(f"{shares['squeeze-and-excitation'][0] / table.params:.0%} of the parameters,",
      f"{shares['squeeze-and-excitation'][1] / table.macs:.1%} of the multiply-adds")  # fmt: skip

# %% [markdown]
# **To play with.** `ghostnp explore squeeze-excite --open` shows squeeze-and-excitation, forward and backward.
#
# ## Exercises
#
# **1.** *(easy)* By hand: how many parameters does SE have with 40 channels and 12 hidden channels, biases included?

# %%
answer = None
check("07.1", answer)

# %% [markdown]
# **2.** *(medium)* The SE module of exercise 1 and a depthwise 5x5 convolution both get 40 maps of 28x28 pixels. The
# output of the convolution has 28x28 pixels too. Divide the multiply-adds of the convolution by those of SE. What is
# the result? (Three digits.)

# %%
answer = None
check("07.2", answer)

# %% [markdown]
# **3.** *(easy)* By hand: how many hidden channels does the official PyTorch code use for 184 channels, and how many
# does document 000 use? Answer as `(official, document)`.

# %%
answer = None
check("07.3", answer)

# %% [markdown]
# **4.** *(derivation)* Take SE with one hidden channel and $a > 0$. In this exercise $i$ and $j$ are two pixels. Derive
# the slope of pixel $i$ of the output map $y_c$ with respect to a different pixel $j$ of the input map $x_c$. Start
# from the table in "Backward", with $dy = 1$ at pixel $i$ of map $c$ and 0 everywhere else. Then take the numbers of
# the example by hand. What is the slope of the *first* pixel of $y_0$ with respect to the *last* pixel of $x_0$? (Three
# digits.)

# %%
answer = None
check("07.4", answer)

# %% [markdown]
# **5.** *(code)* Complete `tutorials/exercises/09_global_avg_pool2d_backward.py` and `10_multiply_backward.py` until
# `ghostnp check` reports no error. Then let `a` be `np.arange(8.0).reshape(1, 2, 2, 2)`. Let `b` be ones of shape (1,
# 2, 1, 1), and `dy` be ones of the shape of `a`. What is the sum of the gradient of `b`?

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
