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
# # 9. GhostNet, official and Keras side by side
#
# **How do ghost modules become a network, and is the GhostNet of document 000 the GhostNet of its authors?**
#
# Tutorial 08 made the ghost module. Two of them in a row are a *ghost bottleneck* (Ghost 瓶颈): the first widens, from few
# maps to many, the second narrows again, and what came in is added. GhostNet is sixteen of these between a first
# convolution (the *stem*) and a classifier. The third picture belongs to GhostNetV2 (tutorial 10).

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.models import create_model
from ghostnp.models.ghostnet import DOCUMENT_000, OFFICIAL, STAGES, Dialect, GhostNet
from ghostnp.modules import Clip, Conv2d, GhostBottleneck, HardSigmoid, Residual, Sigmoid, initializer
from ghostnp.modules.combine import sum_backward, sum_forward
from ghostnp.modules.conv_norm import KERAS, PYTORCH
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style

show(pictures.ghost_bottlenecks())

# %% [markdown]
# ## By hand
#
# One bottleneck, the second of GhostNet: 16 maps come in, it widens to 48, strides by 2, narrows to 24. No convolution has a
# bias, and each is followed by a batch norm, which has 2 numbers a map.
#
# | step | weights | batch norm | |
# |---|---|---|---|
# | ghost 1: 16 to 24 by 1x1, 24 ghosts | $16 \cdot 24 + 24 \cdot 9$ | $2 \cdot 48$ | 696 |
# | depthwise 3x3 at stride 2 | $48 \cdot 9$ | $2 \cdot 48$ | 528 |
# | ghost 2: 48 to 12 by 1x1, 12 ghosts | $48 \cdot 12 + 12 \cdot 9$ | $2 \cdot 24$ | 732 |
# | shortcut: depthwise 3x3 at stride 2 | $16 \cdot 9$ | $2 \cdot 16$ | 176 |
# | and 1x1, 16 to 24 | $16 \cdot 24$ | $2 \cdot 24$ | 432 |
#
# Together 2,564 parameters. The same from the counter, which runs the real module:

# %%
with initializer(None):
    second = GhostBottleneck(16, 48, 24, kernel_size=3, stride=2)
print(f"{ghostnp.count(second, (1, 16, 112, 112)).params:,}")

# %% [markdown]
# Why does the shortcut need a convolution of its own? Because $y = \text{main}(x) + \text{shortcut}(x)$ can only be added
# if both have the same shape. Where a bottleneck strides, or changes the number of maps, the shortcut is a depthwise
# convolution (it strides) and a 1x1 (it changes the number). Where it does neither, the shortcut is $x$ itself.
#
# ## The definition
#
# The bottleneck lists its layers; what runs them is `Residual`, as a sum of two paths. A shortcut without layers is the
# identity.

# %%
source(GhostBottleneck.__init__)
source(Residual.forward)
source(sum_forward)

# %% [markdown]
# And backward. A sum hands its gradient to both terms, whole; the input went into both, so what comes back adds up:
#
# $$dx = \text{main}^\top dy + \text{shortcut}^\top dy, \qquad \text{or } \text{main}^\top dy + dy.$$
#
# The second form is why residuals help deep networks: `dy` reaches `dx` on a path without any weights.

# %%
source(Residual.backward)
source(sum_backward)

# %% [markdown]
# ## The table
#
# The whole network is this table, `STAGES`: kernel, width inside, width out, squeeze-and-excitation, stride. It is data:
# `GhostNet` goes over it row by row. The sizes are for photos of 224x224.

# %%
print("block        kernel  inside  out   SE   stride  maps")
size = 112
for stage, rows in enumerate(STAGES):
    for place, row in enumerate(rows):
        size //= row.stride
        cells = f"{row.kernel}x{row.kernel} {row.expansion:8} {row.out:5} {row.squeeze or '-':>5} {row.stride:6}"
        print(f"blocks.{stage}.{place}   {cells}     {row.out}x{size}x{size}")

# %% [markdown]
# Before it comes the stem, 3 to 16 maps at stride 2. After it `blocks.9`, a 1x1 to 960 maps, the mean of each map, a 1x1 to
# 1280, and the classifier. `folded` puts what belongs to one block into one line:

# %%
table = ghostnp.count(create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
for row in table.folded(2).rows:
    if row.params:
        print(f"{row.path:11} {row.params:>10,} parameters {row.macs:>12,} MACs")
print(f"{'all':11} {table.params:>10,} parameters {table.macs:>12,} MACs")

# %% [markdown]
# Nearly half of all parameters are in the last two layers, and 2% of the work: there the maps are single pixels. Most of the
# work is in `blocks.6` and `blocks.8`.
#
# **Why 5.18M here and 5.2M in the paper?** It is the same number. 5,182,508 parameters are trained; the paper rounds.
# Tools that add the 21,968 running means and variances of the batch norms report 5,204,476, which rounds to 5.2M too. For
# the work the paper has 141M: that is 141,150,512, multiply-adds of convolutions and the classifier. Other counts (139.9M,
# 149M, 151M) leave out or add something; tutorial 11 takes them apart.
#
# **The names are those of the official checkpoint**, all of them, so that its weights can be loaded (tutorial 15):

# %%
official = create_model("ghostnet_100")
for name, array in list(official.state_dict().items())[:11]:
    print(f"{name:45} {array.shape}")
print("names in all:", len(official.state_dict()))

# %% [markdown]
# **Why is the kernel in the table not used at stride 1?** Look at `blocks.4.0`: it says 5x5, and strides by 1. The table was
# taken from MobileNetV3, where each block has a depthwise convolution of that size. In GhostNet that convolution is only
# there to stride. At stride 1 it is missing, and with it the kernel; the ghost modules have kernels of their own, 1 and 3.
# (Asked about it, the authors agreed: issue 25 of their first repository.) The shortcut has a depthwise convolution of that
# size as well, if the number of maps changes. Let every kernel in turn be 7x7 and see whether the count changes:


# %%
def parameters(stages=STAGES, dialect=OFFICIAL):
    with initializer(None):
        return sum(array.size for array in GhostNet(stages=stages, dialect=dialect).parameters().values())


rows = [(f"blocks.{i}.{j}", i, j) for i, stage in enumerate(STAGES) for j in range(len(stage))]
used = []
for name, i, j in rows:
    stage = tuple(row._replace(kernel=7) if place == j else row for place, row in enumerate(STAGES[i]))
    if parameters((*STAGES[:i], stage, *STAGES[i + 1 :])) != parameters():
        used.append(name)
print("the kernel is used in", *used)

# %% [markdown]
# These are the four that stride, and `blocks.6.3`, which goes from 80 to 112 maps at stride 1. In the other eleven the
# entry does nothing.
#
# ## On a photo
#
# The untrained network, and one map of each block, on its own scale: the maps get smaller and know less of where. (With
# weights of a checkpoint, tutorial 15 does this in earnest.)

# %%
photo = load_photo(size=192)
x, drawn = official.bn1.forward(official.conv_stem(photo), training=True)[0], {}
for i, stage in enumerate(list(official.blocks.children().values())[:9]):
    x, _ = stage.forward(x, training=True)
    drawn[f"blocks.{i}: {x.shape[1]} of {x.shape[2]}x{x.shape[2]}"] = x[0, np.abs(x[0]).std(axis=(1, 2)).argmax()]
figure, grid = style.sheet(11, 4.9, nrows=2, ncols=5, top=0.93, hspace=0.2)
style.show(figure.add_subplot(grid[0, 0]), denormalise(photo), "the photo")
for place, (title, values) in enumerate(drawn.items(), start=1):
    style.show(
        figure.add_subplot(grid[place // 5, place % 5]), values, title, style.OUTPUT, size=10.5, interpolation="nearest"
    )
show(figure, dpi=60)

# %% [markdown]
# ## The other GhostNet
#
# Document 000 builds GhostNet in Keras, "with 5M parameters" (claim N07). Its network has 5,157,168 that are trained and
# 23,152 running statistics, together 5,180,320: close to the official 5,182,508, and yet a different network. In ghostnp
# both are the same class. What differs is a `Dialect`, one field for each difference:

# %%
for field in Dialect._fields[1:]:
    ours, theirs = getattr(OFFICIAL, field), getattr(DOCUMENT_000, field)
    named = [value.__name__ if isinstance(value, type) else value for value in (ours, theirs)]
    print(f"{field:18} official: {named[0]!s:12} document 000: {named[1]}")
print(f"{'conv_norm':18} official: {PYTORCH._asdict()}")
print(f"{'':18} document: {KERAS._asdict()}")

# %% [markdown]
# Change one field after the other, and write down what that does to the counts:


# %%
def counted(dialect):
    with initializer(None):
        return ghostnp.count(GhostNet(dialect=dialect), (1, 3, 224, 224))


dialect, before = OFFICIAL, counted(OFFICIAL)
print(f"{'official':18} {before.params:>10,} {'':9} {before.macs:>12,}")
for field in Dialect._fields:
    dialect = dialect._replace(**{field: getattr(DOCUMENT_000, field)})
    after = counted(dialect)
    change = after.params - before.params, after.macs - before.macs
    print(f"{field:18} {after.params:>10,} {change[0]:>+9,} {after.macs:>12,} {change[1]:>+12,}")
    before = after
assert dialect == DOCUMENT_000

# %% [markdown]
# So the two totals are close by chance. Biases, one for each of the 10,984 maps that a batch norm normalises, and one more
# batch norm bring 13,544 parameters; missing shortcuts and narrower squeezes take 38,884 away. For the multiply-adds
# nothing comes in, and 141.2 million become 134.7.

# %%
claims("N07")

# %% [markdown]
# Now one difference after the other.
#
# ### Five blocks without a residual (C07)
#
# Document 000 adds the input only where its shape fits. There is no convolution in the shortcut, so five of sixteen blocks
# are not residual at all:

# %%
keras = create_model("ghostnet_keras")
for name, _, _ in rows:
    block = keras.tree()[name]
    if not block.added:
        shortcut = [layer.weight.shape for layer in official.tree()[name].shortcut.children().values()]
        print(f"{name}: no residual; officially weights of {shortcut[0]} and {shortcut[2]} in the shortcut")

# %% [markdown]
# At these five places the gradient, too, has only the main path.
#
# ### Biases that learn nothing (C05)
#
# In document 000 each convolution has a bias, and a batch norm behind it. The batch norm subtracts the mean of every map,
# and with it whatever was added to all of the map. So the loss does not depend on the bias, and in training its gradient is
# exactly zero (the derivation is in tutorial 06). On the whole network, in float64, with a photo and its mirror image as a
# batch:

# %%
batch = load_photo(size=96).astype(np.float64)
batch = np.concatenate([batch, batch[..., ::-1]])


def small(dialect):
    with initializer(0, np.float64):
        return GhostNet(num_classes=10, width=0.5, dropout=0.0, dialect=dialect)


networks = {"official": small(OFFICIAL), "document 000": small(DOCUMENT_000._replace(probabilities=False))}
gradients, idle = {}, {}
for name, network in networks.items():
    logits, cache = network.forward(batch, training=True)
    dlogits = np.random.default_rng(0).standard_normal(logits.shape)
    gradients[name] = network.backward(dlogits, cache)
    largest = {path: np.abs(gradient).max() for path, gradient in gradients[name][1].items()}
    idle[name] = [path for path, value in largest.items() if value < 1e-10]
    assert min(value for path, value in largest.items() if path not in idle[name]) > 1e-7
    owners = [network.tree()[path.rpartition(".")[0]] for path in idle[name]]
    biases = sum(isinstance(owner, Conv2d) for owner in owners)
    print(f"{name}: {len(largest)} arrays of parameters; without a gradient {biases} biases of convolutions", end=" ")
    print(f"and {len(owners) - biases} other arrays")

# %% [markdown]
# Rounding leaves less than $10^{-10}$ of these zeros, and every other array has a gradient above $10^{-7}$: nothing lies in
# between.
#
# The official network has no bias under a batch norm. But look, it has some arrays without a gradient as well:

# %%
print(*idle["official"], sep="\n")

# %% [markdown]
# They are *shifts of batch norms*, and the reason is the same. In a shortcut stand depthwise, batch norm, 1x1, batch norm.
# What the first batch norm adds to a map, the 1x1 turns into a constant for each of its maps, and the second batch norm
# takes that away. `bn_dw` stands in such a row as well, where no squeeze-and-excitation follows. The ghosts of the last
# blocks meet nothing but sums and 1x1 convolutions, and then a batch norm. A ReLU in between would save the shift. So would
# a 3x3 kernel with zero padding, which makes a border of it: that is why only the ghosts lose theirs, and not the intrinsic
# maps, which go through the cheap operation.
#
# ### ReLU after the stride (C06), squeeze-and-excitation (C08), the head (C11), constants (C13)
#
# - Document 000 has a ReLU after the depthwise convolution that strides; the official network has a batch norm only.
# - Its squeeze-and-excitation narrows to a quarter, rounded down; the official one rounds to a multiple of 4: 72 maps go to
#   18 or to 20. The gate is a sigmoid in one, a hard sigmoid in the other.
# - Its 1280 maps have a batch norm; the official PyTorch network has a bias instead, and in training *dropout* in front of
#   the classifier: a fifth of the numbers, another fifth each time, is set to 0. It ends in a *softmax*, which turns the
#   classifier's numbers (the *logits*) into probabilities; the official one ends in the logits, which the loss of training
#   wants (tutorial 13).
# - Its batch norms have Keras's constants: $\epsilon = 10^{-3}$ and not $10^{-5}$, and running statistics that move ten
#   times more slowly.
#
# What happens if the official weights are put into a network with one of these differences? Where names and shapes still
# fit, we copy; then both see the photo, and we compare the logits.

# %%
weights = networks["official"].state_dict()
right = networks["official"].forward(batch)[0]
print("difference          arrays that fit   change of the logits")
for field in ("conv_norm", *Dialect._fields[1:-1]):
    other = small(OFFICIAL._replace(**{field: getattr(DOCUMENT_000, field)}))
    fits = [path for path, array in other.state_dict().items() if array.shape == getattr(weights.get(path), "shape", 0)]
    for path in fits:
        other.state_dict()[path][...] = weights[path]
    changed = other.forward(batch)[0]
    share = np.linalg.norm(changed - right) / np.linalg.norm(right)
    print(f"{field:18} {len(fits):>6} of {len(weights)} {share:>18.0%}")

# %% [markdown]
# A checkpoint of the one network is of no use to the other. (Only `head_norm` seems to do nothing: a new batch norm, mean 0
# and variance 1, is nearly the identity. A trained one is not, and the official checkpoint has no numbers for it.) That is
# all this shows. Which network is better could only be found by training; accuracies on ImageNet are out of scope here.
#
# **Why does `ghosts_first` change so much, if it is the same function class?** Because the weights were copied as they are.
# Tutorial 08 shows that they fit once their channels have changed places (claim C04).

# %%
claims("C05", "C06", "C07", "C08", "C11", "C13")

# %% [markdown]
# **Clamp or sigmoid in squeeze-and-excitation?** Three published codes have three gates (claims C08 and C48): a sigmoid in
# document 000, `relu6(x + 3) / 6` in the official PyTorch code, and in the official TensorFlow code `clip(x, 0, 1)`, which
# it calls a hard sigmoid. The last one is 0 at 0, so it shuts a map at which the other two leave a half. Use what the
# checkpoint was trained with. Tutorial 07 has the curves and their slopes.

# %%
points = np.array([-3.0, -1, 0, 1, 3]).reshape(1, 5, 1, 1)
print("x           ", *(f"{point:6.2f}" for point in points.ravel()))
for gate in (HardSigmoid, Clip, Sigmoid):
    print(f"{gate.__name__:12}", *(f"{value:6.2f}" for value in gate()(points).ravel()))
claims("C48")

# %% [markdown]
# **Why does padding "same" differ?** (claim C12) At stride 2 and even sizes Keras pads below and to the right only, PyTorch
# on every side. Tutorial 01 shows it on six pixels. In GhostNet it concerns the stem, the four striding blocks, and in the
# official network their shortcuts. The windows of the stem stand one pixel apart, so its output is that of a photo which
# was moved by one pixel:

# %%
stem = official.conv_stem.weight
pytorch = ops.standard_conv2d(photo, stem, stride=2, padding=1)
tensorflow = ops.standard_conv2d(photo, stem, stride=2, padding="same")
moved = ops.standard_conv2d(photo[:, :, 1:, 1:], stem, stride=2, padding=1)[:, :, 1:-1, 1:-1]
print("stem, 'same' against padding 1: equal?", np.allclose(pytorch, tensorflow, atol=1e-5))
print("'same' against the moved photo: equal?", np.allclose(moved, tensorflow[:, :, 1:-1, 1:-1], atol=1e-5))
claims("C12")

# %% [markdown]
# ### What works by luck (C09, C10, N08)
#
# Three things in document 000 are right as they stand, and break when somebody changes something else.
#
# - Whether a layer is depthwise, and whether it has a ReLU, is read from its *name*, by searching for the words in it. A
#   new name makes another network. A small example of the kind of accident:

# %%
for name in ("bneck1_conv_bn_relu", "bneck1_conv_bn", "prelude_conv_bn"):
    print(f"{name:20} has a ReLU: {'relu' in name}")

# %% [markdown]
# - A ghost module makes `out_channel // 2` maps twice: 9 wanted, 8 made (tutorial 08).
# - The last pool is 7x7. At 224x224 that is the whole map. At another size it is not, and the network fails or leaves pixels
#   out. The official network takes the mean of whatever is there.

# %%
claims("C09", "C10", "N08")

# %% [markdown]
# ## Backward through the whole network
#
# The backward pass of GhostNet is no new formula. Each module calls the backward passes of its children in the opposite
# order, and where an array was used twice there is a sum: in a ghost module, in squeeze-and-excitation, in a residual. Is
# it right, all in all? We move *all* parameters at once in a random direction, by a step of $10^{-7}$, and compare the
# slope with the inner product of gradient and direction. (With a larger step some of the many ReLUs would change sides.)


# %%
def slope(network, dlogits, step=1e-7):
    """Slope of the loss in a random direction of all parameters, measured; and the direction."""
    rng, parameters = np.random.default_rng(1), network.parameters()
    at = {path: array.copy() for path, array in parameters.items()}
    way = {path: rng.standard_normal(array.shape) * (np.abs(array).mean() + 0.03) for path, array in at.items()}
    losses = []
    for side in (step, -step):
        for path, array in parameters.items():
            array[...] = at[path] + side * way[path]
        losses.append((dlogits * network.forward(batch, training=True)[0]).sum())
    for path, array in parameters.items():
        array[...] = at[path]
    return (losses[0] - losses[1]) / (2 * step), way


for name, network in networks.items():
    measured, way = slope(network, dlogits)
    found = {path: (gradient * way[path]).sum() for path, gradient in gradients[name][1].items()}
    assert abs(measured) > 1
    assert np.isclose(measured, sum(found.values()), rtol=1e-6)
    print(f"{name}: {sum(array.size for array in way.values()):,} parameters, slope and gradient agree")

# %% [markdown]
# And a planted mistake: in one residual block the gradient forgets the way around it. We take the real backward pass of one
# block and leave the shortcut's share out.

# %%
block = networks["official"].tree()["blocks.4.0"]
rng = np.random.default_rng(2)
inputs = rng.standard_normal((2, 20, 6, 6))
y, cache = block.forward(inputs, training=True)
dy, way_in = rng.standard_normal(y.shape), rng.standard_normal(inputs.shape)
dx, _ = block.backward(dy, cache)
ahead, behind = (block.forward(inputs + step * way_in, training=True)[0] for step in (1e-7, -1e-7))
measured = (dy * (ahead - behind)).sum() / 2e-7
assert abs(measured) > 0.1
print("with the shortcut:   ", np.isclose(measured, (dx * way_in).sum(), rtol=1e-5))
print("without the shortcut:", np.isclose(measured, ((dx - dy) * way_in).sum(), rtol=1e-5))

# %% [markdown]
# The gradient of the photo itself, $dx$, of both networks. Where it is strong, a pixel matters for these (random) logits:

# %%
sharp = {"interpolation": "nearest"}
figure, grid = style.sheet(8.4, 3.1, nrows=1, ncols=3)
style.show(figure.add_subplot(grid[0]), denormalise(batch[:1]), "the photo", **sharp)
for place, (name, (dphoto, _)) in enumerate(gradients.items(), start=1):
    strength = np.abs(dphoto[0]).sum(axis=0)
    limits = (0, np.percentile(strength, 99))
    axes = figure.add_subplot(grid[place])
    style.show(axes, strength, f"|dx|, {name}", style.GRADIENT, cmap=style.HEAT, limits=limits, **sharp)
show(figure, dpi=65)

# %% [markdown]
# ## Exercises
#
# **1.** By hand: how many parameters has `blocks.8.1`, from 160 maps to 960 and back to 160, at stride 1, with
# squeeze-and-excitation? (Its two 1x1 convolutions go from 960 to 240 maps and back, and have biases.)

# %%
answer = None
check("09.1", answer)

# %% [markdown]
# **2.** By hand: `blocks.3.0` gets 24 maps of 56x56 and gives 40 of 28x28; its kernel is 5x5. How many multiply-adds does its
# *shortcut* take?

# %%
answer = None
check("09.2", answer)

# %% [markdown]
# **3.** By hand: how many parameters does document 000 save at `blocks.6.3`, from 80 maps to 112 at stride 1 with kernel
# 3x3, by having no shortcut there? (Count as the official network does, without biases.)

# %%
answer = None
check("09.3", answer)

# %% [markdown]
# **4.** How many pixels do the maps of `blocks.8.3` have, for a photo of 320x320? (In all, of one map.)

# %%
answer = None
check("09.4", answer)

# %% [markdown]
# **5.** Every ghost module of the network ends in a concatenation. Fill in `tutorials/exercises/08_concat_backward.py` until
# `ghostnp check` is content. Then let `xs` be two arrays of zeros of shape (1, 2, 2, 2), `keep` 3, and `dy` be
# `np.arange(12.0).reshape(1, 3, 2, 2)`. What is the sum of the second gradient?

# %%
answer = None
check("09.5", answer)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 3.2, figure 3, table 1.
#   <https://arxiv.org/abs/1911.11907>
# - A. Howard et al., "Searching for MobileNetV3", ICCV 2019, table 1, from which the table comes, and section 5.2 on the hard
#   sigmoid. <https://arxiv.org/abs/1905.02244>
# - K. He et al., "Deep residual learning for image recognition", CVPR 2016, equations (1) and (2).
#   <https://arxiv.org/abs/1512.03385>
# - The authors on the unused kernels: <https://github.com/iamhankai/ghostnet.pytorch/issues/25>
#
# Next: tutorial 10 lets GhostNet see far.
