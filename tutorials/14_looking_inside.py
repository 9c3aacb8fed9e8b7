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
# **The ghost module was built on an observation: that the maps of a trained network resemble each other. Is it true of
# ours?**
#
# Tutorial 13 trained a tiny GhostNet on handwritten digits. Here we train two of them again, one with DFC attention, and
# an ordinary network beside them, and open them: maps, ghosts, gates, attention, filters. What we see are facts about
# networks of a few thousand weights on 8x8 pixels. They show *how* to look; a network for photographs has to be looked at
# by itself.

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.pairing import pairing
from ghostnp.course.study import check, show
from ghostnp.modules import Conv2d, Flatten, GlobalAvgPool2d, Linear, ReLU, Sequential, initializer
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
print("more than 97% right:", accuracy(model, *held_out) > 0.97)
seven = held_out.images[held_out.labels == 7][:1]
steps = ghostnp.trace(model, seven)
show(steps.picture(rows=4), dpi=60)

# %% [markdown]
# That is a seven on its way through the first layers: input, stem, batch norm, ReLU. `ghostnp.trace` keeps every intermediate
# result, so nothing has to be built into the network in order to look.
#
# ## Maps that resemble each other
#
# **How does one plot the feature maps of the paper's first figure?** That figure shows the maps of a ResNet's first block, and
# frames three pairs of similar ones. Take any layer's result, and draw its maps; to find the pairs, compare.
#
# How similar are two maps $a$ and $b$? Similar does not mean equal: the claim is that $b$ can be *made* from $a$ by a
# cheap operation. So fit the best 3x3 kernel, and ask which share of $b$'s variance it explains:
#
# $$r^2 = 1 - \min_k \frac{\sum (b - k * a)^2}{\sum (b - \bar b)^2}.$$
#
# By hand, with a kernel of one weight: if $a = (1, 2, 3)$ and $b = (2, 4, 5)$, the best weight is
# $a \cdot b / a \cdot a = 25/14$, what is left is $(0.21, 0.43, -0.36)$ with a sum of squares of $0.357$; $b$'s own is $4.667$,
# so $r^2 = 0.923$. Nearly all of $b$ is in $a$.


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
print("an ordinary network, without any ghost module; more than 85% right:", accuracy(plain, *held_out) > 0.85)
digits = held_out.images[:100]
maps = plain.act1(plain.conv1(digits))
share = np.array(
    [[explained(maps[:, a], maps[:, b]) if maps[:, b].any() else np.nan for a in range(16)] for b in range(16)]
)
np.fill_diagonal(share, np.nan)
best = [(int(np.nanargmax(row)), b) for b, row in enumerate(share) if np.isfinite(row).any()]
pairs = sorted(best, key=lambda pair: -share[pair[1], pair[0]])[:3]
show(pictures.feature_maps(plain.act1(plain.conv1(seven)), pairs=pairs))

# %% [markdown]
# Blue frames: maps from which the maps in orange frames can be made best. (A map can be in two pairs.) The same for all pairs:

# %%
figure, grid = style.sheet(9, 3.4, nrows=1, ncols=2, left=0.08, bottom=0.16, top=0.9, wspace=0.3)
axes = figure.add_subplot(grid[0])
drawn = axes.imshow(share, cmap=style.HEAT, vmin=0, vmax=1)
axes.set(xlabel="made from map", ylabel="map", title="explained by one 3x3 kernel")
figure.colorbar(drawn, ax=axes, ticks=[0, 0.5, 1])
axes = style.plain_axes(figure.add_subplot(grid[1]), "best partner of each map", x_label="r²", y_label="maps")
axes.hist([share[b, a] for a, b in best], np.linspace(0, 1, 11), color=style.GHOST, rwidth=0.9)
show(figure)
print("at least half of the maps are explained to 70% by a single other one:",
      np.mean([share[b, a] > 0.7 for a, b in best]) >= 0.5)  # fmt: skip

# %% [markdown]
# So redundancy is there, in a network that was not asked for it. The ghost module does not remove it. It *makes* such maps, by
# a cheap operation, instead of paying a full convolution for them.
#
# ## Are the ghosts ghosts?
#
# In a trained ghost module the second half is computed from the first by one 3x3 kernel each, then batch norm and ReLU. Did the
# network use that freedom, or did the kernels stay near "copy"? Look at the kernels of the first bottleneck:

# %%
kernels = model.blocks[0].ghost1.cheap_operation[0].weight
figure, grid = style.sheet(10, 2.6, nrows=2, ncols=8, top=0.98, bottom=0.02)
for c, kernel in enumerate(kernels[:, 0]):
    style.show_signed(figure.add_subplot(grid[c // 8, c % 8]), kernel, frame=style.GHOST)
show(figure)
middle = np.abs(kernels[:, 0, 1, 1]) / np.abs(kernels[:, 0]).sum(axis=(1, 2))
print("share of a kernel's weight that lies on its middle, between", f"{middle.min():.1f} and {middle.max():.1f}")

# %% [markdown]
# A kernel that only copied would be a single square in the middle. These look around: edges and differences.
#
# ## Gates
#
# The third bottleneck has squeeze-and-excitation (tutorial 07). Its 72 gates for each digit, averaged over all images of a class:


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
show(figure)
print("the gates depend on the digit:", by_class.std(axis=0).max() > 0.02)

# %% [markdown]
# Rows that differ mean that the gates know something about the digit. A gate that is the same for all digits could be folded into
# the next convolution; here some channels are switched by what is seen, and others are not.
#
# ## DFC attention
#
# The second network has DFC attention in its widening ghost modules (tutorial 10). Its factors are maps: for each channel, where
# to look.

# %%
attentive = trained(tiny_ghostnet(attention=True))
print("more than 97% right:", accuracy(attentive, *held_out) > 0.97)
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
show(figure)

# %% [markdown]
# The squares of 2x2 equal pixels are the nearest-neighbour enlargement: attention was computed on 4x4 pixels.
#
# ## Do filters come in pairs?
#
# Tutorial 06 asked whether filters come in pairs of opposites, and compared with random filters. Put the question to the first
# layer of both trained networks, and to their random beginnings.

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
show(figure)
for name, weight in layers.items():
    rank = np.mean(np.array(random_means) < pairing(weight)[1].mean())
    print(f"{name}: mean {pairing(weight)[1].mean():.2f}; {rank:.0%} of random layers are more opposed")

# %% [markdown]
# Read this honestly. Sixteen filters of nine weights fill their space well: random ones have rather opposite partners too,
# and a mean that lies inside the grey heap says that training did *not* make pairs. The paper on CReLU saw its pairs in the first layers of
# AlexNet, with 96 filters of 11x11x3; there random filters are far from opposite, and the trained ones were not.
#
# ## The gradient as a looking glass
#
# Which pixels does the answer depend on? Go back from the logit of the right class to the *image* instead of to the weights.
# The backward pass does that anyway: it is `dx`. Check it first, in float64, then look.

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
show(figure)

# %% [markdown]
# ## Exercises
#
# **1.** By hand: the first bottleneck's widening ghost module goes from 16 maps to 32, at 8x8 pixels. How many multiply-adds has its
# *cheap operation*?

# %%
answer = None
check("14.1", answer)

# %% [markdown]
# **2.** And how many weights would an ordinary 1x1 convolution for the same 32 maps have *more* than the two convolutions of this ghost
# module together? (Batch norm left out; negative if fewer.)

# %%
answer = None
check("14.2", answer)

# %% [markdown]
# **3.** For $a = (1, 0, 2)$ and $b = (2, 1, 3)$, what is the $r^2$ of the best single weight? (Three digits.)

# %%
answer = None
check("14.3", answer)

# %% [markdown]
# **4.** Fill in `tutorials/exercises/17_ghost_module.py` until `ghostnp check` is content. If a ghost module with ratio 4 makes 30
# maps, how many intrinsic ones does it compute, and how many ghosts are cut off? Answer as `(intrinsic, cut off)`.

# %%
answer = None
check("14.4", answer)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, figure 1 and section 4.1 (the toy experiment: how
#   well one map is made from another). <https://arxiv.org/abs/1911.11907>
# - W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear units", ICML
#   2016, section 2.1 and figure 1. <https://arxiv.org/abs/1603.05201>
# - K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks", 2013, section 3.
#   <https://arxiv.org/abs/1312.6034>
#
# Next: tutorial 15, weights that others have trained.
