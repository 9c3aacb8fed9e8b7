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
# **How do ghost modules become a network, and is the GhostNet of document 000 the same as the official GhostNet?**
#
# A *ghost bottleneck* (Ghost 瓶颈) has two ghost modules in a row (tutorial 08, "The module"). The first module widens:
# it makes many maps from few. The second module narrows: it makes few maps again. Then the input is added to the
# result. The path of the input to this sum is the *shortcut*. A block with such a sum is called *residual*. GhostNet
# has sixteen of these bottlenecks between a first convolution (the *stem*) and a classifier. In the picture below, the
# third chart belongs to GhostNetV2 (tutorial 10, "The module").
#
# Document 000 is a blog post that builds GhostNet in Keras.

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
# We count the parameters of the second bottleneck of GhostNet. Its input has 16 maps. The bottleneck widens to 48 maps,
# has a stride of 2, and narrows to 24 maps. The convolutions have no biases. After each of them comes a batch norm,
# which has 2 parameters for each map.
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
# **Where are the ReLUs?** Ghost 1 has a ReLU after its primary convolution and after its cheap operation. No ReLU
# follows the depthwise convolution that strides, ghost 2, the shortcut or the sum. So the maps that are added to the
# shortcut can be negative. (Tutorial 08, "The module", says why ghost 2 has no ReLU. Squeeze-and-excitation has a ReLU,
# but only for the gates.)
#
# **Why does the shortcut need convolutions?** The sum $y = \text{main}(x) + \text{shortcut}(x)$ exists only if both
# terms have the same shape. If a bottleneck strides or changes the number of maps, its shortcut has two convolutions. A
# depthwise convolution strides, and a 1x1 convolution changes the number of maps. In all other bottlenecks the shortcut
# is $x$ itself.
#
# ## The definition
#
# `GhostBottleneck` lists the layers. `Residual` runs them as a sum of two paths. A shortcut without layers gives $x$
# itself.

# %%
source(GhostBottleneck.__init__)
source(Residual.forward)
source(sum_forward)

# %% [markdown]
# In the backward pass, a sum gives its gradient to both terms unchanged. The input was used by both paths, so its
# gradient is the sum of the gradients from both paths:
#
# $$dx = \text{main}^\top dy + \text{shortcut}^\top dy, \qquad \text{or } dx = \text{main}^\top dy + dy.$$
#
# The second form is for a shortcut that is $x$ itself. This form shows why shortcuts help deep networks: `dy` reaches
# `dx` on a path without any weights.

# %%
source(Residual.backward)
source(sum_backward)

# %% [markdown]
# ## The table
#
# The table `STAGES` describes all bottlenecks. Each row has the kernel, the number of maps inside and at the end, the
# share of hidden channels of squeeze-and-excitation (SE), and the stride. `GhostNet` builds one bottleneck from each
# row. The sizes of the maps are for photos of 224x224 pixels.

# %%
print("block        kernel  inside  out   SE   stride  maps")
size = 112
for stage, rows in enumerate(STAGES):
    for place, row in enumerate(rows):
        size //= row.stride
        cells = f"{row.kernel}x{row.kernel} {row.expansion:8} {row.out:5} {row.squeeze or '-':>5} {row.stride:6}"
        print(f"blocks.{stage}.{place}   {cells}     {row.out}x{size}x{size}")

# %% [markdown]
# Before these bottlenecks comes the stem, from 3 to 16 maps at stride 2. After them come `blocks.9` (a 1x1 convolution
# to 960 maps), the mean of each map, a 1x1 convolution to 1280 numbers, and the classifier. `folded(2)` adds up all
# rows of one stage, such as `blocks.6`:

# %%
table = ghostnp.count(create_model("ghostnet_100", seed=None), (1, 3, 224, 224))
for row in table.folded(2).rows:
    if row.params:
        print(f"{row.path:11} {row.params:>10,} parameters {row.macs:>12,} MACs")
print(f"{'all':11} {table.params:>10,} parameters {table.macs:>12,} MACs")

# %% [markdown]
# The last two layers have nearly half of all parameters. But they take only 2% of the multiply-adds, because their maps
# are single pixels. `blocks.6` and `blocks.8` take nearly half of the multiply-adds.
#
# The paper prints 5.2M parameters and 141M multiply-adds. These are the sums above, rounded. Other tools also count
# running means and variances, or the operations of batch norms, or leave out the classifier (tutorial 11, "Why 151M and
# not 141M?").
#
# **What do 1.0x and 0.5x mean?** They are *width multipliers* (宽度系数). The 16 maps of the stem and every channel count
# of the table are multiplied by the width multiplier and rounded to a multiple of 4. The number of blocks and the 1280
# numbers before the classifier stay the same. A 1x1 convolution has $C_\text{in} \cdot C_\text{out}$ weights, so at
# 0.5x it has a quarter of its weights. A depthwise convolution has half of its weights. The 1x1 convolution before the
# classifier also has half, and the classifier keeps all of its weights:

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
# `state_dict()` gives all arrays of a network, parameters and running statistics, with their names:

# %%
official = create_model("ghostnet_100")
for name, array in list(official.state_dict().items())[:11]:
    print(f"{name:45} {array.shape}")
print("names in all:", len(official.state_dict()))

# %% [markdown]
# ## On a photo
#
# The picture shows one map of each stage of the untrained network, each with its own brightness scale. The maps get
# smaller, so they lose the positions of things in the photo.

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
# Document 000 says that its GhostNet has "5M parameters" (claim N07). This network has 5,157,168 trained parameters and
# 23,152 running statistics. Keras counts both. Their sum, 5,180,320, is close to the official 5,182,508. Yet the
# networks are different. In ghostnp one class makes both. A `Dialect` has one field for each difference:

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
# | `gate` | the activation of the gate in squeeze-and-excitation |
# | `squeeze_divisor` | the hidden channels of squeeze-and-excitation are rounded to a multiple of this |
# | `head_norm` | a batch norm follows the convolution to 1280 numbers |
# | `probabilities` | a softmax is the last step |
# | `bias` of `conv_norm` | convolutions have a bias |
# | `same` | convolutions pad by TensorFlow's rule |
# | `eps` | the $\epsilon$ that batch norm adds to the variance |
# | `momentum` | the share of the new batch in the running statistics |
# | `unbiased` | for the running variance of $M$ numbers, the sum of the squared differences from their mean is divided by $M - 1$ (PyTorch), not by $M$ (Keras) |
#
# We change one field after the other, and print how each change affects the counts:


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
# So the two totals, 5,182,508 and 5,180,320, are close by chance. A bias for each of the official network's 10,984
# maps before a batch norm, and one more batch norm, add 13,544 parameters. But document 000 lacks the convolutions in
# shortcuts with their biases and batch norms, and has fewer hidden channels in SE. This removes 38,884 parameters, and
# also multiply-adds: 141.2 million become 134.7 million.

# %%
claims("N07")

# %% [markdown]
# ### Five blocks without a residual (C07)
#
# Document 000 adds the input of a block only if the result has the same shape. It has no convolutions in shortcuts, so
# five of its sixteen blocks are not residual:

# %%
rows = [(f"blocks.{i}.{j}", i, j) for i, stage in enumerate(STAGES) for j in range(len(stage))]
keras = create_model("ghostnet_keras")
for name, _, _ in rows:
    block = keras.tree()[name]
    if not block.added:
        shortcut = [layer.weight.shape for layer in official.tree()[name].shortcut.children().values()]
        print(f"{name}: no residual; officially weights of {shortcut[0]} and {shortcut[2]} in the shortcut")

# %% [markdown]
# In these five blocks the gradient also has only the main path.
#
# ### Parameters that learn nothing (C05)
#
# In document 000 each convolution has a bias. A batch norm follows each convolution, except in SE. The bias is added to
# a whole map, so it is part of the mean that the batch norm subtracts. So in training the loss does not depend on the
# bias, and the gradient of the bias is exactly zero (tutorial 06, "Batch norm, backward"). We call such a parameter
# *idle*. We check the whole network in float64, with a photo and its mirror image as a batch. Because of rounding, an
# idle array has a gradient that is not exactly zero, but below $10^{-10}$. Every other array has a gradient above
# $10^{-7}$, so the two kinds cannot be confused:

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
# But both networks have idle *shifts of batch norms* (their biases): the official network has 13, and document 000 has
# 16. The section "For the curious" says which shifts are idle, and why.
#
# ### The other differences (C06, C08, C11, C13)
#
# - Document 000 has a ReLU after the depthwise convolution that strides. The official network has only a batch norm
#   after this convolution.
# - In document 000 the number of hidden channels of SE is a quarter of the channels, rounded down. The official code
#   rounds the quarter to a multiple of 4. So for 72 channels, document 000 has 18 hidden channels, and the official
#   network has 20. The activation of the gate is a sigmoid in document 000, and a hard sigmoid in the official network.
# - In document 000 a batch norm follows the 1x1 convolution to 1280 numbers, so the bias of this convolution is idle.
#   The official PyTorch network has this bias, but no batch norm after it. In training the official network also has
#   *dropout* before the classifier: about a fifth of the numbers, chosen anew each time, are set to 0.
# - Document 000 ends in a *softmax*, which turns the classifier's numbers (the *logits*) into probabilities. The
#   official network ends in the logits, because the loss is computed from them (tutorial 13, "The loss").
# - The batch norms of document 000 have Keras's constants: $\epsilon = 10^{-3}$ instead of $10^{-5}$, and running
#   statistics that move ten times more slowly.
#
# What happens if the untrained official network's weights are put into a network with one of these differences? We
# copy every array whose name and shape fit. Then we run both networks on the same batch and compare their logits.

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
# no numbers for this batch norm.) `ghosts_first` changes so much because the weights were copied without permuting
# their input channels (tutorial 15, "From Keras to PyTorch").
#
# To find out which network is better, we would have to train both on ImageNet.

# %%
claims("C05", "C06", "C07", "C08", "C11", "C13")

# %% [markdown]
# ## Backward through the whole network
#
# GhostNet's backward pass needs no new formula. Each module calls the backward passes of its children in the opposite
# order. Where an array was used twice, two gradients are added: in a ghost module, in SE and in a residual block.
#
# To check the backward pass, we move *all* parameters at once in a random direction, by a step of $10^{-7}$. Then we
# compare the slope of the loss with the inner product of gradient and direction. (With a larger step, the inputs of
# some ReLUs would change sign.)


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
# Now we plant a mistake: the gradient of one residual block leaves out the shortcut. We take the right gradient and
# subtract the part of the shortcut, which is `dy`.

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
# **1.** *(medium)* By hand: how many parameters does `blocks.8.1` have? This bottleneck goes from 160 maps to 960 and
# back to 160, at stride 1, with SE. (The two 1x1 convolutions of SE go from 960 to 240 numbers and back. They have
# biases.)

# %%
answer = None
check("09.1", answer)

# %% [markdown]
# **2.** *(derivation)* Take $n$ residual blocks $y = x + f(x)$ in a row. The main path of each block multiplies a
# gradient by the same number $a$. Derive the factor by which the gradient is multiplied on its way from the last output
# to the first input. GhostNet has 11 blocks whose shortcut is $x$ itself. How large is the factor for $n = 11$ and
# $a = -0.1$? (Three digits. Compare with $a^n$, the factor without the shortcuts.)

# %%
answer = None
check("09.2", answer)

# %% [markdown]
# **3.** *(medium)* By hand: `blocks.6.3` goes from 80 maps to 112, at stride 1 and with kernel 3x3. Document 000 has no
# shortcut in this block. How many parameters does this save? (Count the shortcut of the official network, whose
# convolutions have no biases.)

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
# shape (1, 2, 2, 2). Let `keep` be 3, and `dy` be `np.arange(12.0).reshape(1, 3, 2, 2)`. What is the sum of the second
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
# table was taken from MobileNetV3, where each block has a depthwise convolution of the table's size. In GhostNet only a
# block that strides has this convolution. So at stride 1 the kernel is not used. (The authors confirmed this in issue
# 25 of their first repository.) There is one exception: a shortcut with convolutions has a depthwise convolution of the
# table's size. The ghost modules have their own kernels, 1x1 and 3x3. We change one kernel of the table after the other
# to 7x7, and see whether the count changes:


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
# Four of these five blocks stride. `blocks.6.3` does not stride, but its shortcut has convolutions, because the block
# goes from 80 to 112 maps. In the other eleven rows the kernel is not used.
#
# **Three gates.** Three published codes have three different activations of the gate (claims C08 and C48). Tutorial 07,
# "Clamp or sigmoid?", explains them. Use the activation with which the checkpoint was trained.

# %%
claims("C48")

# %% [markdown]
# **Padding "same"** (claim C12). At stride 2 and even sizes, Keras pads one pixel more below and on the right than
# above and on the left, and PyTorch pads equally on every side (tutorial 01, "Padding and stride"). In GhostNet this
# difference matters in the stem and in the four striding blocks. (In the official network, it also matters in their
# shortcuts.) The windows of the two stems are one pixel apart. So the Keras stem gives the same result as the PyTorch
# stem on a photo that was moved by one pixel:

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
# **Which shifts of batch norms are idle?** A shift adds a constant to a whole map. The shift is idle if a later batch
# norm removes this constant. Two kinds of operators keep the effect of a shift constant over the map. A sum keeps it
# unchanged. A 1x1 convolution turns constants into other constants: shifts of 1 and 2, with the weights 3 and −1,
# become $3 \cdot 1 - 1 \cdot 2 = 1$. After three other kinds of operators the effect is not constant, so the shift
# matters. A ReLU cuts at 0. A gate depends on the shift. A convolution with zero padding gives the border of the map
# another value than the inside.
#
# The official network has 13 idle shifts:
#
# - 5 are in shortcuts with convolutions. Such a shortcut has a depthwise convolution, a batch norm, a 1x1 convolution
#   and a second batch norm. The second batch norm removes the shift of the first.
# - 2 belong to `bn_dw`, the batch norm after the depthwise convolution that strides. In two striding blocks the 1x1
#   convolution of ghost 2 follows, and then a batch norm that removes the shift. In the other two striding blocks SE
#   follows, and its gates depend on the shift.
# - 5 belong to the batch norm after the cheap operation of ghost 2, in `blocks.7` and `blocks.8`. Ghost 2 has no ReLU.
#   Its maps go into a sum, and then into the 1x1 convolution of the next block. A shortcut without layers carries the
#   constant on to the next sum. In blocks before `blocks.7` such a shift matters, because its constant reaches a later
#   shortcut with a depthwise convolution, which pads with zeros. After `blocks.7` there is no such shortcut, so the
#   effect of the shift remains constant.
# - 1 belongs to `shortcut.3` in `blocks.7`, the last batch norm of the shortcut. It is idle for the same reason.
#
# The shift of an *intrinsic* map always matters, because the 3x3 cheap operation reads this map and pads it with zeros.
#
# Document 000 has 16 idle shifts. It has no convolutions in shortcuts, so in all sixteen blocks the shift after the
# cheap operation of ghost 2 is idle. A ReLU follows `bn_dw`, so the shift of `bn_dw` matters.

# %% [markdown]
# **What works by luck (C09, C10, N08).** Three things in document 000 work only as long as nothing else is changed.
#
# - The code searches for words in the *name* of a layer, to find out whether the layer is depthwise and whether it has
#   a ReLU. So a new name can change the network. For example, the name `prelude_conv_bn` contains the letters "relu".
# - A ghost module makes `out_channel // 2` maps twice. So instead of 9 maps it makes only 8 (tutorial 08, "A ratio that
#   does not divide").
# - The last pooling has a window of 7x7. For photos of 224x224 pixels this window is the whole map. For photos of
#   another size the map can have another size too. Then the network fails or leaves out pixels. The official network
#   takes the mean of all pixels for every size.

# %%
claims("C09", "C10", "N08")

# %% [markdown]
# **The gradient of the photo.** The picture shows the gradient $dx$ of both networks. Where the gradient is large, the
# pixel has a large influence on the loss. (The loss here is a random sum of the logits.)

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
