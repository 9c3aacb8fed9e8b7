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
# Two ghost modules in a row (tutorial 08, "The module") are a *ghost bottleneck* (Ghost 瓶颈). The first widens, from
# few maps to many. The second narrows again. Then the input is added to the result. The path of the input to this sum
# is the *shortcut*. A block with such a sum is called *residual*. GhostNet is sixteen of these bottlenecks between a
# first convolution (the *stem*) and a classifier. In the picture below, the third chart belongs to GhostNetV2 (tutorial
# 10, "The module").
#
# Document 000 is a blog post that builds GhostNet in Keras. (The section at the end of the page is for the curious.)

# %%
import numpy as np

import ghostnp
from ghostnp import ops, pictures
from ghostnp.course.study import check, claims, show, source
from ghostnp.models import create_model
from ghostnp.models.ghostnet import DOCUMENT_000, OFFICIAL, STAGES, Dialect, GhostNet
from ghostnp.modules import Conv2d, GhostBottleneck, Residual, initializer
from ghostnp.modules.combine import sum_backward, sum_forward
from ghostnp.modules.conv_norm import KERAS, PYTORCH
from ghostnp.photo import denormalise, load_photo
from ghostnp.pictures import style

show(
    pictures.ghost_bottlenecks(),
    "Three bottlenecks as flow charts. GhostNet at stride 1: a ghost module that widens, with ReLU; "
    "squeeze-and-excitation; a ghost module that narrows; an addition with the input. At stride 2 a depthwise "
    "convolution stands in the middle, and the shortcut has a depthwise and a 1x1 convolution. In GhostNetV2 the "
    "first ghost module is multiplied by DFC attention.",
)

# %% [markdown]
# ## By hand
#
# We count one bottleneck, the second of GhostNet. 16 maps come in. The bottleneck widens them to 48, has a stride of 2,
# and narrows to 24. No convolution has a bias. Each is followed by a batch norm, which has 2 numbers for each map.
#
# | step | weights | batch norm | together |
# |---|---|---|---|
# | ghost 1: 16 to 24 by 1x1, 24 ghosts | $16 \cdot 24 + 24 \cdot 9$ | $2 \cdot 48$ | 696 |
# | depthwise 3x3 at stride 2 | $48 \cdot 9$ | $2 \cdot 48$ | 528 |
# | ghost 2: 48 to 12 by 1x1, 12 ghosts | $48 \cdot 12 + 12 \cdot 9$ | $2 \cdot 24$ | 732 |
# | shortcut: depthwise 3x3 at stride 2 | $16 \cdot 9$ | $2 \cdot 16$ | 176 |
# | shortcut: 1x1, 16 to 24 | $16 \cdot 24$ | $2 \cdot 24$ | 432 |
#
# The sum is 2,564 parameters. The counter runs the real module and gives:

# %%
with initializer(None):
    second = GhostBottleneck(16, 48, 24, kernel_size=3, stride=2)
print(f"{ghostnp.count(second, (1, 16, 112, 112)).params:,}")

# %% [markdown]
# **Where are the ReLUs?** Ghost 1 has a ReLU after its primary convolution and after its cheap operation. Nothing else
# in the bottleneck has one: not the depthwise convolution that strides, not ghost 2, not the shortcut, and not the sum.
# (Squeeze-and-excitation has a ReLU inside, on its way to the gates.) So what is added to the shortcut can be negative.
# (Tutorial 08, "The module", says why there is no ReLU.)
#
# **Why does the shortcut need convolutions?** The sum $y = \text{main}(x) + \text{shortcut}(x)$ exists only if both
# terms have the same shape. Where a bottleneck strides or changes the number of maps, the shortcut is a depthwise and a
# 1x1 convolution. The depthwise one strides, and the 1x1 one changes the number. In all other bottlenecks the shortcut
# is $x$ itself.
#
# ## The definition
#
# The bottleneck lists its layers. `Residual` runs them, as a sum of two paths. A shortcut without layers is the
# identity.

# %%
source(GhostBottleneck.__init__)
source(Residual.forward)
source(sum_forward)

# %% [markdown]
# Now backward. A sum gives its gradient to both terms unchanged. The input went into both paths, so its gradient is the
# sum of what comes back on the two:
#
# $$dx = \text{main}^\top dy + \text{shortcut}^\top dy, \qquad \text{or } dx = \text{main}^\top dy + dy.$$
#
# The second form is for an identity shortcut. It shows why a shortcut helps deep networks: `dy` reaches `dx` on a path
# without any weights.

# %%
source(Residual.backward)
source(sum_backward)

# %% [markdown]
# ## The table
#
# The whole network is this table, `STAGES`: kernel, width inside, width out, squeeze-and-excitation, stride. `GhostNet`
# reads this table, and builds one bottleneck from each row. The sizes are for photos of 224x224.

# %%
print("block        kernel  inside  out   SE   stride  maps")
size = 112
for stage, rows in enumerate(STAGES):
    for place, row in enumerate(rows):
        size //= row.stride
        cells = f"{row.kernel}x{row.kernel} {row.expansion:8} {row.out:5} {row.squeeze or '-':>5} {row.stride:6}"
        print(f"blocks.{stage}.{place}   {cells}     {row.out}x{size}x{size}")

# %% [markdown]
# Before the table comes the stem, from 3 to 16 maps at stride 2. After it come `blocks.9` (a 1x1 convolution to 960
# maps), the mean of each map, a 1x1 convolution to 1280 numbers, and the classifier. `folded(2)` adds up all rows of
# one stage:

# %%
table = ghostnp.count(create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
for row in table.folded(2).rows:
    if row.params:
        print(f"{row.path:11} {row.params:>10,} parameters {row.macs:>12,} MACs")
print(f"{'all':11} {table.params:>10,} parameters {table.macs:>12,} MACs")

# %% [markdown]
# Nearly half of all parameters are in the last two layers, but only 2% of the work, because the maps there are single
# pixels. Most of the work is in `blocks.6` and `blocks.8`.
#
# The paper prints 5.2M parameters and 141M multiply-adds. These are the sums above, rounded. Tools that also count
# running means and variances, or batch norms, or that leave out the classifier, print other numbers (tutorial 11, "Why
# 151M and not 141M?").
#
# **What do 1.0x and 0.5x mean?** They are *width multipliers* (宽度系数). Every channel count of the table is
# multiplied by the width and rounded to a multiple of 4. The number of blocks and the 1280 numbers in front of the
# classifier stay the same. A 1x1 convolution has $C_\text{in} \cdot C_\text{out}$ weights, so at half the width it has
# a quarter of them. A depthwise convolution has half. The 1x1 convolution before the classifier has half of its
# weights, and the classifier keeps all:

# %%
for name in ("ghostnet_050", "ghostnet_100", "ghostnet_130"):
    sized = create_model(name, seed=None)
    counted = ghostnp.count(sized, (1, 3, 224, 224))
    widths = [block.ghost1.out_channels for block in sized.blocks.children()["3"].children().values()]
    print(
        f"{name[-3]}.{name[-2]}x: {widths[0]:3} maps inside blocks.3, {counted.params:9,} parameters, {counted.macs:11,} multiply-adds"
    )

# %% [markdown]
# **The names are those of the official checkpoint**, so that its weights can be loaded (tutorial 15, "Names").
# `state_dict()` is a dict of all arrays of a network, parameters and running statistics, by name:

# %%
official = create_model("ghostnet_100")
for name, array in list(official.state_dict().items())[:11]:
    print(f"{name:45} {array.shape}")
print("names in all:", len(official.state_dict()))

# %% [markdown]
# ## On a photo
#
# This is the untrained network. One map of each stage is shown, with a brightness scale of its own. The maps get
# smaller, and the position of things in the photo gets lost.

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
show(
    figure,
    "The photo, and one map of each of nine stages. The maps become coarser, from 96x96 to 6x6 pixels, and the "
    "person cannot be seen any more.",
    dpi=70,
)

# %% [markdown]
# ## The other GhostNet
#
# Document 000 says that its GhostNet has "5M parameters" (claim N07). Its network has 5,157,168 trained parameters and
# 23,152 running statistics. Together these are 5,180,320, which is close to the official 5,182,508. Yet the networks
# are different. In ghostnp one class makes both. A `Dialect` holds what differs, with one field for each difference:

# %%
for field in Dialect._fields[1:]:
    ours, theirs = getattr(OFFICIAL, field), getattr(DOCUMENT_000, field)
    named = [value.__name__ if isinstance(value, type) else value for value in (ours, theirs)]
    print(f"{field:18} official: {named[0]!s:12} document 000: {named[1]}")
print(f"{'conv_norm':18} official: {PYTORCH._asdict()}")
print(f"{'':18} document: {KERAS._asdict()}")

# %% [markdown]
# | field | in words |
# |---|---|
# | `ghosts_first` | the ghosts stand first in the concatenation |
# | `relu_after_stride` | a ReLU follows the depthwise convolution that strides |
# | `projection` | a shortcut has convolutions where the shape changes |
# | `gate` | the last step of squeeze-and-excitation |
# | `squeeze_divisor` | the hidden channels of squeeze-and-excitation are rounded to a multiple of this |
# | `head_norm` | a batch norm follows on the 1280 numbers |
# | `probabilities` | a softmax is the last step |
# | `bias` of `conv_norm` | convolutions have a bias |
# | `same` | convolutions pad by TensorFlow's rule |
# | `eps` | the $\epsilon$ that batch norm adds to the variance |
# | `momentum` | the share of the new batch in the running statistics |
# | `unbiased` | the running variance of $M$ numbers is the sum of squares divided by $M - 1$ (PyTorch), not by $M$ (Keras) |
#
# We change one field after the other, and print what each does to the counts:


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
# So the two totals, 5,182,508 and 5,180,320, are close only by chance. Biases (one for each of the official network's
# 10,984 maps before a batch norm) and one more batch norm add 13,544 parameters. Missing convolutions in shortcuts, and
# fewer hidden channels in squeeze-and-excitation, remove 38,884. These two also remove multiply-adds, and no difference
# adds any. So 141.2 million become 134.7 million.

# %%
claims("N07")

# %% [markdown]
# ### Five blocks without a residual (C07)
#
# Document 000 adds the input only where the shape fits. It has no convolutions in a shortcut, so five of its sixteen
# blocks are not residual at all:

# %%
rows = [(f"blocks.{i}.{j}", i, j) for i, stage in enumerate(STAGES) for j in range(len(stage))]
keras = create_model("ghostnet_keras")
for name, _, _ in rows:
    block = keras.tree()[name]
    if not block.added:
        shortcut = [layer.weight.shape for layer in official.tree()[name].shortcut.children().values()]
        print(f"{name}: no residual; officially weights of {shortcut[0]} and {shortcut[2]} in the shortcut")

# %% [markdown]
# In these five blocks the gradient, too, has only the main path.
#
# ### Parameters that learn nothing (C05)
#
# In document 000 each convolution has a bias. A batch norm follows each of them, except those of
# squeeze-and-excitation. The bias was added to a whole map, so it is part of the mean, and the batch norm subtracts
# this mean. So the loss does not depend on the bias: in training its gradient is exactly zero (tutorial 06, "Batch
# norm, backward"). We call such a parameter *idle*. We check the whole network, in float64, with a photo and its mirror
# image as a batch. With rounding, such a zero stays below $10^{-10}$. Every other array has a gradient above $10^{-7}$.
# So the two kinds cannot be confused:

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

# %%
for name in networks:
    convolutions = [path for path in idle[name] if isinstance(networks[name].tree()[path.rpartition(".")[0]], Conv2d)]
    inside = sum(path.startswith("blocks.") for path in convolutions)
    print(f"{name}: idle biases of convolutions: {inside} in the blocks, {len(convolutions) - inside} in other places")
    others = [path for path in idle[name] if path not in convolutions]
    print(f"  idle shifts of batch norms, {len(others)}:", *others, sep="\n    ")

# %% [markdown]
# So 71 bias arrays are idle in document 000: 69 in the blocks, one in the stem and one in the 1x1 convolution before
# the classifier. The official network has no bias before a batch norm.
#
# But both networks have idle *shifts of batch norms*: 13 in the official one, and 16 in document 000. The end of the
# page says which ones are idle, and why.
#
# ### The other differences (C06, C08, C11, C13)
#
# - Document 000 has a ReLU after the depthwise convolution that strides. The official network has only a batch norm
#   there.
# - The number of hidden channels in its squeeze-and-excitation is a quarter of the channels, rounded down. The official
#   code rounds to a multiple of 4. So 72 channels have 18 hidden channels in document 000, and 20 officially. The gate
#   of document 000 is a sigmoid, and the official gate is a hard sigmoid.
# - The 1280 numbers before its classifier have a batch norm. The 1x1 convolution that makes these numbers also has a
#   bias, which is idle because of this batch norm. The official PyTorch network has this bias, and no batch norm after
#   it. In training the official network also has *dropout* in front of the classifier: a fifth of the numbers, chosen
#   anew each time, is set to 0.
# - It ends in a *softmax*, which turns the classifier's numbers (the *logits*) into probabilities. The official network
#   ends in the logits, which are what the loss of training needs (tutorial 13, "The loss").
# - Its batch norms have Keras's constants: $\epsilon = 10^{-3}$ instead of $10^{-5}$, and running statistics that move
#   ten times more slowly.
#
# What happens if the official weights are put into a network with one of these differences? We copy every array whose
# name and shape fit. Then both networks get the photo, and we compare the logits.

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
# So a checkpoint of one network is useless for the other. (`head_norm` seems to change nothing, because a new batch
# norm with mean 0 and variance 1 is nearly the identity. A trained batch norm is not, and the official checkpoint has
# no numbers for this one.) `ghosts_first` changes so much because the weights were copied without permuting their input
# channels (tutorial 15, "From Keras to PyTorch").
#
# This does not say which network is better. For that both would have to be trained on ImageNet.

# %%
claims("C05", "C06", "C07", "C08", "C11", "C13")

# %% [markdown]
# ## Backward through the whole network
#
# GhostNet's backward pass needs no new formula. Each module calls the backward passes of its children in the opposite
# order. Where an array was used twice there is a sum: in a ghost module, in squeeze-and-excitation, in a residual
# block.
#
# To check it, we move *all* parameters at once in a random direction, by a step of $10^{-7}$, and compare the slope
# with the inner product of gradient and direction. (With a larger step some of the many ReLUs would change from closed
# to open.)


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
    found = sum((gradient * way[path]).sum() for path, gradient in gradients[name][1].items())
    assert abs(measured) > 1
    assert np.isclose(measured, found, rtol=1e-6)
    print(
        f"{name}: {sum(array.size for array in way.values()):,} parameters, slope {measured:.4f}, gradient {found:.4f}"
    )

# %% [markdown]
# Now a planted mistake: in one residual block the gradient leaves out the shortcut. We take the real backward pass of a
# block and subtract the shortcut's part.

# %%
block = networks["official"].tree()["blocks.4.0"]
rng = np.random.default_rng(2)
inputs = rng.standard_normal((2, 20, 6, 6))
y, cache = block.forward(inputs, training=True)
dy, way_in = rng.standard_normal(y.shape), rng.standard_normal(inputs.shape)
dx, _ = block.backward(dy, cache)
ahead, behind = (block.forward(inputs + step * way_in, training=True)[0] for step in (1e-7, -1e-7))
measured = (dy * (ahead - behind)).sum() / 2e-7
with_shortcut, without = (dx * way_in).sum(), ((dx - dy) * way_in).sum()
assert np.isclose(measured, with_shortcut, rtol=1e-5)
assert not np.isclose(measured, without, rtol=0.01)
print(f"slope {measured:.4f}; gradient {with_shortcut:.4f}; without the shortcut {without:.4f}")

# %% [markdown]
# ## Exercises
#
# **1.** *(medium)* By hand: how many parameters does `blocks.8.1` have? It goes from 160 maps to 960 and back to 160,
# at stride 1, with squeeze-and-excitation. (Its two 1x1 convolutions go from 960 to 240 maps and back, and have
# biases.)

# %%
answer = None
check("09.1", answer)

# %% [markdown]
# **2.** *(derivation)* Take $n$ residual blocks in a row, $y = x + f(x)$, whose main paths all multiply a gradient by
# the same number $a$. Derive the factor by which the gradient is multiplied on its way from the last output to the
# first input. GhostNet has 11 blocks whose shortcut is $x$ itself. How large is the factor for $n = 11$ and $a = -0.1$?
# (Three digits. Compare with $a^n$, the factor without the shortcuts.)

# %%
answer = None
check("09.2", answer)

# %% [markdown]
# **3.** *(medium)* By hand: how many parameters does document 000 save at `blocks.6.3`, from 80 maps to 112 at stride 1
# with kernel 3x3, by having no shortcut there? (Count as the official network does, without biases.)

# %%
answer = None
check("09.3", answer)

# %% [markdown]
# **4.** *(easy)* How many pixels does one map of `blocks.8.3` have, for a photo of 320x320?

# %%
answer = None
check("09.4", answer)

# %% [markdown]
# **5.** *(code)* Every ghost module of the network ends in a concatenation. Fill in
# `tutorials/exercises/08_concat_backward.py` until `ghostnp check` accepts it. Then let `xs` be two arrays of zeros of
# shape (1, 2, 2, 2), `keep` 3, and `dy` be `np.arange(12.0).reshape(1, 3, 2, 2)`. What is the sum of the second
# gradient?

# %%
answer = None
check("09.5", answer)

# %% [markdown]
# ## For the curious
#
# Nothing on the later pages needs this section.
#
# **Why is the kernel in the table not used at stride 1?** `blocks.4.0` has kernel 5x5 and stride 1 in the table. The
# table was taken from MobileNetV3, where each block has a depthwise convolution of the table's size. In GhostNet this
# convolution exists only where a block strides. At stride 1 there is no such convolution, so the kernel is not used.
# (The authors confirmed this in issue 25 of their first repository.) The ghost modules have kernels of their own, 1x1
# and 3x3. A shortcut with convolutions also has a depthwise one of the table's size. We make each kernel in turn 7x7
# and see whether the count changes:


# %%
def parameters(stages=STAGES, dialect=OFFICIAL):
    with initializer(None):
        return sum(array.size for array in GhostNet(stages=stages, dialect=dialect).parameters().values())


used = []
for name, i, j in rows:
    stage = tuple(row._replace(kernel=7) if place == j else row for place, row in enumerate(STAGES[i]))
    if parameters((*STAGES[:i], stage, *STAGES[i + 1 :])) != parameters():
        used.append(name)
print("the kernel is used in", *used)

# %% [markdown]
# These are the four blocks that stride, and `blocks.6.3`, which goes from 80 to 112 maps at stride 1. In the other
# eleven rows the kernel is not used.
#
# **Three gates.** Three published codes have three different gates (claims C08 and C48). Tutorial 07, "Clamp or
# sigmoid?", explains them. Use the gate that the checkpoint was trained with.

# %%
claims("C48")

# %% [markdown]
# **Padding "same"** (claim C12). At stride 2 and even sizes Keras pads below and on the right only, and PyTorch pads on
# every side (tutorial 01, "Padding and stride"). In GhostNet this matters in the stem, in the four striding blocks and,
# in the official network, in their shortcuts. The windows of the two stems are one pixel apart. So the Keras stem gives
# what the PyTorch stem gives for a photo that was moved by one pixel:

# %%
stem = official.conv_stem.weight
pytorch = ops.standard_conv2d(photo, stem, stride=2, padding=1)
tensorflow = ops.standard_conv2d(photo, stem, stride=2, padding="same")
moved = ops.standard_conv2d(photo[:, :, 1:, 1:], stem, stride=2, padding=1)[:, :, 1:-1, 1:-1]
size = pytorch.std()
print(
    f"'same' against padding 1: largest difference {np.abs(pytorch - tensorflow).max() / size:.2f} standard deviations"
)
print(
    f"'same' against the moved photo, without the border: {np.abs(moved - tensorflow[:, :, 1:-1, 1:-1]).max() / size:.2f}"
)
claims("C12")

# %% [markdown]
# **Which shifts of batch norms are idle?** A shift adds a constant to a whole map. It is idle if a later batch norm
# removes this constant. A sum keeps such a constant. A 1x1 convolution turns constants into other constants: shifts of
# 1 and 2, with the weights 3 and −1, become $3 \cdot 1 - 1 \cdot 2 = 1$. After three kinds of operator the effect of a
# shift is no longer a constant, so the shift matters: a ReLU, which cuts at 0; a gate that depends on the shift; and a
# convolution with zero padding, where the border of the map gets another value than the inside.
#
# The official network has 13 idle shifts:
#
# - 5 in shortcuts with convolutions. The layers there are depthwise, batch norm, 1x1, batch norm. The second batch norm
#   removes the shift of the first one.
# - 2 of `bn_dw`, the batch norm after the depthwise convolution that strides. In two striding blocks the 1x1
#   convolution of ghost 2 and its batch norm come next. In the other two, squeeze-and-excitation comes first, and its
#   gates depend on the shift.
# - 5 of batch norms of the ghosts in ghost 2, in `blocks.7` and `blocks.8`. Ghost 2 has no ReLU. Its maps go into a
#   sum, and then into the 1x1 convolution of the next block. Each identity shortcut carries the constant on to the next
#   sum. A constant from a block before `blocks.7` comes to a shortcut with a depthwise convolution, which pads with
#   zeros. So the shifts of these blocks matter. After `blocks.7` there is no such shortcut, so a shift remains a
#   constant.
# - 1 of `shortcut.3` in `blocks.7`, the last batch norm of its shortcut, for the same reason.
#
# The shift of an *intrinsic* map always matters, because the 3x3 cheap operation, which pads with zeros, reads this
# map.
#
# Document 000 has 16 idle shifts. It has no convolutions in its shortcuts, so the shifts of the ghosts in all sixteen
# ghost 2 modules are idle. Its `bn_dw` is followed by a ReLU, so that shift matters.

# %% [markdown]
# **What works by luck (C09, C10, N08).** Three things in document 000 work only because nothing else is changed.
#
# - Whether a layer is depthwise, and whether it has a ReLU, is read from its *name*, by searching for words in it. So a
#   new name changes the network. A name such as `prelude_conv_bn` contains the letters "relu".
# - A ghost module makes `out_channel // 2` maps twice. If 9 maps are wanted, it makes 8 (tutorial 08, "A ratio that
#   does not divide").
# - The last pool is 7x7. For a photo of 224x224 that is the whole map. For other photos the map has another size, and
#   the network fails or leaves out pixels. The official network takes the mean of all pixels, whatever the size.

# %%
claims("C09", "C10", "N08")

# %% [markdown]
# **The gradient of the photo.** This is $dx$ of both networks. Where the gradient is strong, a pixel matters for these
# (random) logits:

# %%
sharp = {"interpolation": "nearest"}
figure, grid = style.sheet(8.4, 3.1, nrows=1, ncols=3)
style.show(figure.add_subplot(grid[0]), denormalise(batch[:1]), "the photo", **sharp)
for place, (name, (dphoto, _)) in enumerate(gradients.items(), start=1):
    strength = np.abs(dphoto[0]).sum(axis=0)
    limits = (0, np.percentile(strength, 99))
    axes = figure.add_subplot(grid[place])
    style.show(axes, strength, f"|dx|, {name}", style.GRADIENT, cmap=style.HEAT, limits=limits, **sharp)
show(
    figure,
    "The photo, and where the gradient of the two networks is strong: irregular dots all over the person, with a "
    "grid pattern.",
    dpi=70,
)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 3.2, figure 3, table 1.
#   <https://arxiv.org/abs/1911.11907>
# - A. Howard et al., "Searching for MobileNetV3", ICCV 2019, table 1, the source of GhostNet's table, and section 5.2
#   on the hard sigmoid. <https://arxiv.org/abs/1905.02244>
# - K. He et al., "Deep residual learning for image recognition", CVPR 2016, equations (1) and (2).
#   <https://arxiv.org/abs/1512.03385>
# - The authors on the unused kernels: <https://github.com/iamhankai/ghostnet.pytorch/issues/25>
#
# Next: tutorial 10 adds attention, so that a ghost module can use pixels that are far away.
