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
# # 14. Looking inside a trained network
#
# **The ghost module was built on an observation: the maps of a trained network resemble each other. Is this true of
# our networks?**
#
# Tutorial 13 trained a tiny GhostNet on handwritten digits. Here we train two such networks, one without and one with
# DFC attention. For comparison, we also train an ordinary network, which has no ghost modules. Then we look at their
# maps, ghosts, gates, attention and filters. The results are about networks of a few thousand weights on 8x8 pixels.
# The methods work for every network, but other networks may have other results.

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.pairing import pairing
from ghostnp.course.study import check, show
from ghostnp.modules import Conv2d, Flatten, GhostModule, GlobalAvgPool2d, Linear, ReLU, Sequential, initializer
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient
from ghostnp.training.digits import load_digits
from ghostnp.training.loop import accuracy, tiny_ghostnet, train

learnt, held_out = load_digits()


def trained(model, epochs=10):
    for _ in train(model, *learnt, epochs=epochs):
        pass
    return model


model = trained(tiny_ghostnet())
print(f"tiny GhostNet: {accuracy(model, *held_out):.1%} of the held-out digits are right")
seven = held_out.images[held_out.labels == 7][:1]
steps = ghostnp.trace(model, seven)
show(
    steps.picture(rows=4),
    "A seven as it goes through the first steps: the input, sixteen maps of the stem, of which eight are drawn, "
    "after batch norm, and after the ReLU, where negative numbers are gone.",
)

# %% [markdown]
# The picture shows the input, which is a seven, and the maps after the first three layers: the stem, its batch norm and
# its ReLU. `ghostnp.trace` keeps every intermediate result, so we can look inside the network without changing it.
#
# ## Maps that resemble each other
#
# How similar are two maps $a$ and $b$? Similar maps need not be equal. The question is whether $b$ can be *made* from
# $a$ by a cheap operation. So we fit the best 3x3 kernel $k$ and the best constant $c$. Then we compute the share of
# the variance of $b$ that they explain (tutorial 08, "How much alike are they?"). With the convolution $k * a$ and the
# mean $\bar b$ of $b$, this share is
#
# $$r^2 = 1 - \min_{k, c} \frac{\sum (b - k * a - c)^2}{\sum (b - \bar b)^2}.$$
#
# By hand, let the kernel have only one weight, and let $a = (1, 2, 3)$ and $b = (2, 4, 5)$:
#
# | step | numbers | sum of squares |
# |---|---|---|
# | $a$ minus its mean 2 | $(-1, 0, 1)$ | 2 |
# | $b$ minus its mean $11/3$ | $(-5, 1, 4) / 3$ | $14/3$ |
# | best weight: multiply the two rows above number by number, add up (3), divide by the sum of squares of the first row (2) | $3 / 2$ | |
# | what is left: the second row minus $3/2$ times the first | $(-1, 2, -1) / 6$ | $1/6$ |
#
# So $r^2 = 1 - (1/6) / (14/3) = 0.964$: $a$ explains nearly all of the variance of $b$.


# %%
def explained(a, b):
    """r² of the best 3x3 kernel, and a constant, that makes maps b from maps a, each (N, H, W)."""
    size = [side + 2 for side in a.shape[1:]]
    padded = np.zeros((len(a), *size))
    padded[:, 1:-1, 1:-1] = a
    seen = [padded[:, u : u + a.shape[1], v : v + a.shape[2]].ravel() for u in range(3) for v in range(3)]
    columns = np.stack([*seen, np.ones(a.size)], axis=1)
    kernel, *_ = np.linalg.lstsq(columns, b.ravel(), rcond=None)
    return 1 - ((b.ravel() - columns @ kernel) ** 2).sum() / ((b - b.mean()) ** 2).sum()


with initializer(0):
    plain = Sequential(
        conv1=Conv2d(1, 16, 3, padding=1), act1=ReLU(), conv2=Conv2d(16, 32, 3, padding=1, stride=2), act2=ReLU(),
        pool=GlobalAvgPool2d(), flatten=Flatten(), classifier=Linear(32, 10),
    )  # fmt: skip
plain = trained(plain, epochs=15)
print(f"ordinary network, without ghost modules: {accuracy(plain, *held_out):.1%} of the held-out digits are right")
digits = held_out.images[:100]
maps = plain.act1(plain.conv1(digits))
share = np.array(
    [[explained(maps[:, a], maps[:, b]) if maps[:, b].any() else np.nan for a in range(16)] for b in range(16)]
)
np.fill_diagonal(share, np.nan)
best = [(int(np.nanargmax(row)), b) for b, row in enumerate(share) if np.isfinite(row).any()]
pairs = sorted(best, key=lambda pair: -share[pair[1], pair[0]])[:3]
show(
    pictures.feature_maps(plain.act1(plain.conv1(seven)), pairs=pairs),
    "Sixteen maps of a seven by the ordinary network. Coloured frames mark pairs that fit each other.",
)

# %% [markdown]
# These are the three best pairs: each map in an orange frame can be made from a map in a blue frame. (A map can be in
# two pairs.) The next picture shows all pairs:

# %%
figure, grid = style.sheet(9, 3.4, nrows=1, ncols=2, left=0.08, bottom=0.16, top=0.9, wspace=0.3)
axes = figure.add_subplot(grid[0])
drawn = axes.imshow(share, cmap=style.HEAT, vmin=0, vmax=1)
axes.set(xlabel="made from map", ylabel="map", title="explained by one 3x3 kernel")
figure.colorbar(drawn, ax=axes, ticks=[0, 0.5, 1])
axes = style.plain_axes(figure.add_subplot(grid[1]), "best partner of each map", x_label="r²", y_label="maps")
axes.hist([share[b, a] for a, b in best], np.linspace(0, 1, 11), color=style.GHOST, rwidth=0.9)
show(
    figure,
    "Left, a matrix of how well one map explains another; most entries are between 0.3 and 0.8. Right, a "
    "histogram of each map's best partner: most are between 0.6 and 0.9.",
)
explained_well = sum(share[b, a] > 0.7 for a, b in best)
print(
    f"{len(best)} maps are not all zero; {explained_well} of these are explained to more than 70% by a single other one"
)

# %% [markdown]
# So there is redundancy in a network without ghost modules: many of its maps can be made approximately from other maps.
# A ghost module does not remove this redundancy. It *makes* similar maps by a cheap operation, instead of by an
# ordinary convolution. Only an experiment can show whether a network of ghost modules is as accurate as an ordinary
# network. Each page of the gallery compares small networks that differ in one thing, with several seeds:
#
# - the number of ghosts and the size of their kernel (`gallery/ghost.ipynb`),
# - ghost modules and other units at the same cost (`gallery/units.ipynb`),
# - groups with and without shuffle (`gallery/shuffle.ipynb`),
# - squeeze-and-excitation (`gallery/se.ipynb`), DFC attention (`gallery/dfc.ipynb`) and CReLU (`gallery/crelu.ipynb`).
#
# The command `ghostnp ablate ghost` repeats the first comparison.
#
# ## Are the ghosts copies of their intrinsic maps?
#
# In a ghost module, each map of the second half is computed from one map of the first half, by a 3x3 kernel and a batch
# norm. (In the widening ghost module of a bottleneck, a ReLU follows.) If a kernel only copied its map, its middle
# weight would be the only one that is not 0. A kernel that uses neighbouring pixels also has other weights. Did
# training change how much the kernels use the neighbours? The picture shows kernels of the first bottleneck:

# %%
kernels = model.blocks[0].ghost1.cheap_operation[0].weight
figure, grid = style.sheet(10, 2.6, nrows=2, ncols=8, top=0.98, bottom=0.02)
for c, kernel in enumerate(kernels[:, 0]):
    style.show_signed(figure.add_subplot(grid[c // 8, c % 8]), kernel, frame=style.GHOST)
show(
    figure,
    "The sixteen learnt cheap kernels, 3x3 each. Some are large in the middle, others at the border, with both signs.",
)


def on_the_middle(kernels):
    """For each kernel, the share of its absolute weights that is on the middle one."""
    return np.abs(kernels[:, 0, 1, 1]) / np.abs(kernels[:, 0]).sum(axis=(1, 2))


for name, shown in (("trained", model), ("untrained", tiny_ghostnet())):
    every = [
        on_the_middle(layer.cheap_operation[0].weight)
        for layer in shown.tree().values()
        if isinstance(layer, GhostModule) and layer.cheap_operation[0].weight.shape[2] == 3
    ]
    share_on_middle = np.concatenate(every)
    print(f"{name:9} {len(share_on_middle)} cheap kernels: mean share on the middle {share_on_middle.mean():.3f}, "
          f"largest {share_on_middle.max():.2f}")  # fmt: skip

# %% [markdown]
# The share on the middle is the absolute value of the middle weight, divided by the sum of all nine absolute values.
# For random weights the mean of this share is $1/9 = 0.111$. For a kernel that copies, the share is 1. Both printed
# means are near $1/9$. So training did not move the kernels towards copying. (It did not move them away from the middle
# either.) The ghosts are not copies of their intrinsic maps: each pixel of a ghost mixes neighbouring pixels.
#
# ## Gates
#
# The third bottleneck has squeeze-and-excitation (tutorial 07). The bottleneck computes 72 gates for each image. The
# picture shows the mean of each gate over all images of a class:


# %%
def gates_of(network, images):
    """The gate of each channel, (N, 72), found on the tape of a run."""
    steps = ghostnp.trace(network, images)
    return next(steps[row.number] for row in steps.rows if row.path.endswith("se.gate"))[:, :, 0, 0]


gates = gates_of(model, held_out.images)
by_class = np.stack([gates[held_out.labels == digit].mean(axis=0) for digit in range(10)])
figure, grid = style.sheet(10, 2.7, nrows=1, ncols=1, left=0.07, right=0.99, bottom=0.2)
axes = figure.add_subplot(grid[0])
drawn = axes.imshow(by_class[:, by_class.std(axis=0).argsort()[::-1]], cmap="Greens", vmin=0, vmax=1, aspect="auto")
axes.set(xlabel="channel, those that differ most first", ylabel="digit", yticks=range(10))
figure.colorbar(drawn, ax=axes, ticks=[0, 0.5, 1], label="mean gate", pad=0.01)
show(
    figure,
    "The mean gate of each channel for each digit. Most gates are near 0.5; a few channels differ between the digits.",
)
spread = by_class.std(axis=0)
print(f"standard deviation of a gate between the ten digits: from {spread.min():.3f} to {spread.max():.3f}")

# %% [markdown]
# If the colours of a column differ, the gate of this channel depends on the digit. A gate that is the same for all
# images is a constant factor, and could be folded into the weights of the next convolution. Here some gates depend on
# the digit, and others hardly depend on it.
#
# ## DFC attention
#
# The second network has DFC attention in its widening ghost modules (tutorial 10). The factors of this attention are
# maps. Each factor says how much of the ghost module's output is kept in one channel at one pixel.

# %%
attentive = trained(tiny_ghostnet(attention=True))
print(f"with DFC attention: {accuracy(attentive, *held_out):.1%} of the held-out digits are right")
examples = np.stack([held_out.images[held_out.labels == digit][0] for digit in (0, 1, 4, 7)])
traced = ghostnp.trace(attentive, examples)
factors = next(traced[row.number] for row in traced.rows if row.op == "resize_nearest")
strongest = factors.std(axis=(0, 2, 3)).argsort()[::-1][:4]
figure, grid = style.sheet(10, 5.6, nrows=4, ncols=6, top=0.95, width_ratios=[1, 0.2, 1, 1, 1, 1])
for row, image in enumerate(examples):
    style.show(
        figure.add_subplot(grid[row, 0]),
        image[0],
        "" if row else "a digit",
        style.INPUT,
        cmap="gray_r",
        interpolation="nearest",
    )
    for place, c in enumerate(strongest):
        axes = figure.add_subplot(grid[row, 2 + place])
        style.show(
            axes,
            factors[row, c],
            "" if row else f"factors, channel {c}",
            style.GATE,
            cmap=style.HEAT,
            limits=(0, 1),
            interpolation="nearest",
        )
show(
    figure,
    "Four digits, and next to each of them the 4x4 attention factors of four channels. The factors differ between "
    "the digits and between the channels.",
)

# %% [markdown]
# The attention is computed on 4x4 pixels. Then it is upsampled by nearest neighbour, which copies each factor to a
# square of 2x2 pixels. This is why the pictures have squares of equal pixels.
#
# ## Do filters come in pairs?
#
# CReLU is based on the observation that filters come in pairs of opposites (tutorial 06, "Do filters come in pairs?").
# The *pairing filter* of a filter is the other filter with the smallest cosine to it. We compare these cosines for
# three kinds of filters: those in the first layer of the ordinary network, those in the stem of the tiny GhostNet, and
# random ones.

# %%
layers = {"ordinary network": plain.conv1.weight, "tiny GhostNet": model.conv_stem.weight}
rng = np.random.default_rng(0)
random_means = [pairing(rng.standard_normal((16, 1, 3, 3)))[1].mean() for _ in range(200)]
figure, grid = style.sheet(8, 2.8, nrows=1, ncols=1, left=0.09, bottom=0.19)
axes = style.plain_axes(
    figure.add_subplot(grid[0]), "", x_label="mean cosine with the pairing filter", y_label="of 200 random layers"
)
axes.hist(random_means, 25, color="#BBBBBB")
for colour, (name, weight) in zip((style.OUTPUT, style.GHOST), layers.items(), strict=True):
    axes.axvline(pairing(weight)[1].mean(), color=colour, linewidth=2.5, label=name)
axes.legend(frameon=False)
show(
    figure,
    "A histogram of the mean cosines of 200 random layers, between −0.7 and −0.42. The lines of the two trained "
    "networks, at about −0.62 and −0.6, are inside it.",
)
for name, weight in layers.items():
    rank = np.mean(np.array(random_means) < pairing(weight)[1].mean())
    print(f"{name}: mean {pairing(weight)[1].mean():.2f}; {rank:.0%} of random layers are more opposed")

# %% [markdown]
# A filter of nine weights has only nine dimensions. With sixteen random filters in so few dimensions, each filter has a
# pairing filter with a clearly negative cosine. The means of both trained networks lie inside the grey histogram of
# random layers. So there is no sign that training made pairs. The paper on CReLU saw pairs in the first layer of
# AlexNet, with 96 filters of $11 \cdot 11 \cdot 3 = 363$ weights. In so many dimensions random filters are almost
# orthogonal:

# %%
for filters, shape in ((16, (1, 3, 3)), (96, (3, 11, 11))):
    means = [pairing(rng.standard_normal((filters, *shape)))[1].mean() for _ in range(20)]
    print(
        f"{filters} random filters of {np.prod(shape):3} weights: mean cosine with the pairing filter {np.mean(means):.2f}"
    )

# %% [markdown]
# So in AlexNet a mean far below that of random filters would be a result of training. (Trained AlexNet weights are not
# part of ghostnp.)
#
# ## Which pixels does the answer depend on?
#
# The backward pass also gives the gradient with respect to the *image*: `dx`. We start the backward pass at the logit
# of the correct class. First we check the gradient in float64. As a planted mistake, we flip the gradient, so that its
# last row becomes the first. The check must notice this. Then we look at the correct gradient.

# %%
precise = tiny_ghostnet(dtype=np.float64)
for name, array in precise.state_dict().items():
    array[...] = model.state_dict()[name]
image = seven.astype(np.float64) + 0.01 * rng.standard_normal(seven.shape)
with ghostnp.use_backend(ops):  # for one image the definitions are fast enough
    logits, cache = precise.forward(image)
    dlogits = np.zeros_like(logits)
    dlogits[0, 7] = 1
    dimage, _ = precise.backward(dlogits, cache)
    assert_gradient(precise, (image,), dlogits, (dimage,), step=1e-7, tolerance=1e-5)
    try:
        assert_gradient(precise, (image,), dlogits, (dimage[:, :, ::-1],), step=1e-7, tolerance=1e-5)
    except AssertionError as error:
        print("upside down it is caught:", error)

figure, grid = style.sheet(6, 2.3, nrows=1, ncols=2, top=0.85)
style.show(figure.add_subplot(grid[0]), seven[0, 0], "a seven", style.INPUT, cmap="gray_r", interpolation="nearest")
style.show_signed(figure.add_subplot(grid[1]), dimage[0, 0], "more ink here: more (orange) a seven", style.GRADIENT)
show(
    figure,
    "A seven, and the gradient of its score: more ink on the stroke raises the score, more ink around it lowers it.",
)

# %% [markdown]
# ## Exercises
#
# **1.** *(easy)* The first bottleneck's widening ghost module goes from 16 maps to 32. An ordinary 1x1 convolution
# could also make 32 maps from 16. By hand: how many more weights would this convolution have than the two convolutions
# of the ghost module? (Leave out batch norm. If the ordinary convolution has fewer weights, the answer is negative.)

# %%
answer = None
check("14.1", answer)

# %% [markdown]
# **2.** *(medium)* By hand: for $a = (1, 0, 2)$ and $b = (2, 1, 5)$, what is the $r^2$ of the best single weight and
# constant? (Three digits.)

# %%
answer = None
check("14.2", answer)

# %% [markdown]
# **3.** *(derivation)* Show that for a single weight and a constant, $r^2$ is the square of the correlation of $a$ and
# $b$. So making $a$ from $b$ has the same $r^2$. Then show that $r^2$ does not change if $b$ is replaced by $5 - 3 b$.
# What is the $r^2$ of making $a = (1, 0, 2)$ from $5 - 3b = (-1, 2, -4)$? (Three digits.)

# %%
answer = None
check("14.3", answer)

# %% [markdown]
# **4.** *(derivation)* Two random filters have $n$ independent standard normal weights each. Derive that the *square*
# of their cosine has the mean $1/n$. (The cosine depends only on directions, so one filter can be turned to $(1, 0,
# ..., 0)$. The squares of the numbers of a unit vector sum to 1, and all of these squares have the same mean.) What is
# the square root of this mean for the 363 weights of AlexNet's filters? (Three digits.)

# %%
answer = None
check("14.4", answer)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, figure 1 and section 4.1 (the toy
#   experiment: how well one map is made from another). <https://arxiv.org/abs/1911.11907>
# - W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear
#   units", ICML 2016, section 2.1 and figure 1. <https://arxiv.org/abs/1603.05201>
# - K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks", 2013, section 3.
#   <https://arxiv.org/abs/1312.6034>
#
# Next: tutorial 15, weights that others have trained.
