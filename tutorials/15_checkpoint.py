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
# # 15. An official checkpoint, and a photo
#
# **Somebody has trained a GhostNet for days and published its weights. How do they get into this network, and how do
# you know that they got there right?**
#
# A *checkpoint* (检查点, 预训练权重) is a file of arrays with names. Nothing is downloaded on this page: it makes a file of its
# own, under the official names, and everything that can go wrong with a real one goes wrong with it too.
#
# First what goes in. A network does not take a photo, it takes an array in which each colour was shifted and scaled:

# %%
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import ghostnp
from ghostnp import ops
from ghostnp.classify import answers
from ghostnp.course.study import check, claims, show, source
from ghostnp.models.ghostnet import OFFICIAL
from ghostnp.modules import Clip, GhostModule, Sigmoid, initializer
from ghostnp.modules.combine import chain_backward
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.photo import MEAN, STD, denormalise, load_photo
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient
from ghostnp.weights import official_names

x = load_photo()
figure, grid = style.sheet(9, 2.65, nrows=1, ncols=4)
style.show(figure.add_subplot(grid[0]), denormalise(x), "the photo")
for channel, name in enumerate(("red", "green", "blue")):
    title = f"{name}: {x[0, channel].min():.1f} to {x[0, channel].max():.1f}".replace("-", "−")
    style.show(figure.add_subplot(grid[channel + 1]), x[0, channel], title, style.INPUT)
show(figure, dpi=62)

# %% [markdown]
# ## Preprocessing, by hand
#
# Colours run from 0 to 255. Divide by 255, subtract the mean of that colour over ImageNet's training photos, divide by
# its standard deviation. Red has the mean 0.485 and the deviation 0.229, so
#
# | red in the file | divided by 255 | normalised |
# |---|---|---|
# | 0 | 0 | $(0 - 0.485) / 0.229 = -2.12$ |
# | 124 | 0.4863 | $(0.4863 - 0.485) / 0.229 = 0.006$ |
# | 255 | 1 | $(1 - 0.485) / 0.229 = 2.25$ |
#
# **Why just these numbers?** Any would do. But the weights were *trained* on photos prepared like this, so photos have
# to be prepared like this ever after. They belong to the checkpoint as much as its weights do, and they are not in the
# file.

# %%
print("mean", MEAN, "deviation", STD)
print(((np.array([0, 124, 255]) / 255 - MEAN[0]) / STD[0]).round(3))

# %% [markdown]
# ## Names
#
# `state_dict()` gives all arrays of a network by *dotted path*: attribute after attribute, as the modules are nested.
# PyTorch does the same. So if our attributes have the same names as those of the official code, our paths are the
# official names, and nothing has to be translated.

# %%
model = ghostnp.create_model("ghostnet_100", seed=0)
state = model.state_dict()
for name in (
    list(state)[:6] + [name for name in state if name.startswith("blocks.3.0.ghost1.cheap")][:1] + list(state)[-4:]
):
    print(f"{name:50} {state[name].shape!s:20} {state[name].dtype}")
print(f"... {len(state)} arrays in all")

# %% [markdown]
# Read `blocks.3.0.ghost1.cheap_operation.0.weight` from left to right: in the fourth stage the first bottleneck, in
# that the widening ghost module, in that the cheap operation, in that layer 0 (the convolution; 1 is its batch norm),
# and of that the weight.
#
# Not everything in there is learnt by descent. A batch norm (tutorial 06) has a `weight` and a `bias`, which are, and
# `running_mean`, `running_var` and `num_batches_tracked`, which are *counted* while training. **Batch norm's statistics
# are part of the checkpoint.** GhostNet 1.0x:

# %%
learnt = model.parameters()
counted = {name: array for name, array in state.items() if name not in learnt}
statistics = sum(array.size for name, array in counted.items() if "running" in name)
print(f"{sum(array.size for array in learnt.values()):,} learnt numbers, {statistics:,} of statistics, "
      f"{len(counted) // 3} counters")  # fmt: skip

# %% [markdown]
# ## What an untrained network answers

# %%
for name, probability in answers(x, model, 2):
    print(f"{name}: {probability:.0%}")
print("standard deviation of the logits is above 10,000:", model(x).std() > 10_000)

# %% [markdown]
# It is quite sure, and it knows nothing: its weights are random numbers. It is *that* sure because its statistics are
# wrong too. A fresh batch norm believes that every map has mean 0 and variance 1, so it changes nothing, and through
# dozens of layers the numbers grow. Let it look at some pieces of the photo in training mode, without learning
# anything, so that it counts its statistics:

# %%
wide, rng = load_photo(size=288), np.random.default_rng(0)
for _ in range(12):
    corners = rng.integers(0, 64, (4, 2))
    model.forward(np.concatenate([wide[:, :, i : i + 224, j : j + 224] for i, j in corners]), training=True)
logits = model(x)
for name, probability in answers(x, model, 5):
    print(f"{name:15} {probability:.1%}")
print(f"standard deviation of the logits: {logits.std():.1f}")

# %% [markdown]
# Now it is as unsure as it should be: its best guess has about 1%, of a thousand classes. All names come from the list
# of ImageNet's classes, in the order of the outputs. That order is one more thing that belongs to a checkpoint and is
# not in its file.
#
# ## The file
#
# ghostnp reads and writes *safetensors*, because it is as simple as a file of arrays can be: eight bytes that say how
# long the header is, the header (JSON: names, types, shapes, places), and then the numbers. Nothing in it can run. By
# hand: the numbers 1 and 2 in float32 are 8 bytes, the header is some text, so what comes first is the length of that
# text.

# %%
with TemporaryDirectory() as folder:
    path = Path(folder) / "small.safetensors"
    ghostnp.save_weights(path, {"bias": np.array([1, 2], np.float32)})
    contents = path.read_bytes()
length = int.from_bytes(contents[:8], "little")
print(length, "bytes of header:", json.loads(contents[8 : 8 + length]))
print("and then", np.frombuffer(contents[8 + length :], np.float32))

# %% [markdown]
# PyTorch's own `.pth` files are *pickles*: programs that build objects when they are loaded. A program from a stranger
# can do anything. So ghostnp does not open them, and says what to do instead:

# %%
try:
    ghostnp.load_weights("ghostnet_100.pth")
except ValueError as error:
    print(error)

# %% [markdown]
# **How do I load the official weights?** Take `state_dict_73.98.pth` from the official repository
# (`ghostnet_pytorch/models`; timm's `ghostnet_100` has the same names), and run those three lines where PyTorch is
# installed. Then:
#
#     model = ghostnp.create_model("ghostnet_100", seed=None)
#     model.load_state_dict(ghostnp.load_weights("ghostnet_100.safetensors"))
#
# or, on the command line, with the photo prepared as in the official evaluation (short side to 256 pixels, the middle
# 224 cut out):
#
#     ghostnp classify photo.jpg --model ghostnet_100 --weights ghostnet_100.safetensors
#
# We do the same with a file of our own. The logits have to be equal to the last bit:

# %%
with TemporaryDirectory() as folder:
    path = Path(folder) / "ghostnet_100.safetensors"
    ghostnp.save_weights(path, model.state_dict())
    loaded = ghostnp.load_weights(path)
fresh = ghostnp.create_model("ghostnet_100", seed=None)
assert not np.array_equal(fresh(x), logits)
fresh.load_state_dict(loaded)
print("equal logits:", np.array_equal(fresh(x), logits))

# %% [markdown]
# ## When it does not fit
#
# Loading is all or nothing, and the report lists everything that is wrong. Some things that happen: the parameters were
# saved without the statistics, another number of classes, a name of somebody else's.

# %%
broken = dict(loaded)
del broken["bn1.running_mean"]
broken["classifier.bias"] = np.zeros(10, np.float32)
broken["fc.weight"] = np.zeros((10, 1280), np.float32)
try:
    fresh.load_state_dict(broken)
except ValueError as error:
    print(error)
assert np.array_equal(fresh(x), logits)

# %% [markdown]
# PyTorch says *missing* and *unexpected* for the first two. It also has `strict=False`, which loads what fits and
# leaves the rest as it is. Then a network runs with random layers, and nobody is told. Here there is no such switch.
# Where only the names differ, they are translated beforehand; `official_names` knows what wrappers and timm's building
# blocks make of them:

# %%
wrapped = {f"module.{name}": array for name, array in loaded.items()}
print(*official_names({"module.conv_stem.weight": loaded["conv_stem.weight"]}))
assert official_names(wrapped).keys() == loaded.keys()

# %% [markdown]
# ## Why are my logits different?
#
# Every name fits, every shape fits, and yet the answers are not those of the original. The file says nothing about what
# is done with the arrays. We do each of the usual things wrong and look how far the logits move, in units of their own
# standard deviation:

# %%
colours = denormalise(x)


def rebuilt(**dialect):
    other = ghostnp.create_model("ghostnet_100", seed=None, dialect=OFFICIAL._replace(**dialect))
    other.load_state_dict(loaded)
    return other


def as_input(colours):
    return np.ascontiguousarray(colours.transpose(2, 0, 1)[None], np.float32)


without = rebuilt()
for name, array in without.state_dict().items():
    if "running" in name:
        array[...] = name.endswith("var")
mistakes = {
    "photo: 0 to 255, not normalised": model(as_input(255 * colours)),
    "photo: 0 to 1, not normalised": model(as_input(colours)),
    "photo: blue, green, red": model(np.ascontiguousarray(x[:, ::-1])),
    "photo: five pixels to the side": model(load_photo(size=234)[:, :, 5:229, 10:234]),
    "batch norm: statistics not loaded": without(x),
    "batch norm: in training mode": model.forward(np.concatenate([x, x[..., ::-1]]), training=True)[0][:1],
    "batch norm: eps of Keras, 1e-3": rebuilt(conv_norm=PYTORCH._replace(eps=1e-3))(x),
    "SE: sigmoid for hard sigmoid": rebuilt(gate=Sigmoid)(x),
    "SE: clip for hard sigmoid": rebuilt(gate=Clip)(x),
    "padding: TensorFlow's 'same'": rebuilt(conv_norm=PYTORCH._replace(same=True))(x),
    "ghosts before intrinsic maps": rebuilt(ghosts_first=True)(x),
    "nothing: the engine's rounding": ghostnp.compile(fresh)(x),
}
model.load_state_dict(loaded)  # training mode has changed the statistics
moved = {name: np.abs(other - logits).max() / logits.std() for name, other in mistakes.items()}

figure, grid = style.sheet(10, 4.4, nrows=1, ncols=1, left=0.31, right=0.95, bottom=0.13, top=0.91)
axes = style.plain_axes(
    figure.add_subplot(grid[0]), "how far the logits move", x_label="largest difference, in standard deviations"
)
colour = [style.GATE if name.startswith("nothing") else style.GRADIENT for name in moved]
axes.barh(range(len(moved)), list(moved.values()), color=colour, height=0.66, left=1e-7)
axes.set_yticks(range(len(moved)), list(moved), fontsize=10.5)
axes.set(xscale="log", xlim=(1e-7, 1e6), ylim=(len(moved) - 0.5, -0.5))
show(figure)
assert all(np.isfinite(far) and (far > 0.01) != name.startswith("nothing") for name, far in moved.items())

# %% [markdown]
# The axis is logarithmic: each labelled mark is a hundred times the one before. What is only rounding (the last bar)
# lies under a ten-thousandth. All the others are mistakes, though a network often still says something plausible. So do
# not compare answers, compare *logits*, on one array that both networks read from a file; and when they differ, compare
# layer by layer from the front (`ghostnp.trace`), until you find the first one that does.
#
# By hand, why eps can matter: a map with variance 0.001 is multiplied by $1 / \sqrt{0.001 + 0.00001} = 31.5$ in
# PyTorch, and by $1 / \sqrt{0.001 + 0.001} = 22.4$ in Keras.
#
# ## From Keras to PyTorch
#
# Document 000 builds its GhostNet in Keras. Could weights that were trained there be loaded here? Some of it is only a
# matter of order.
#
# **Kernels.** PyTorch writes $(C_\text{out}, C_\text{in}, k_h, k_w)$, OIHW; Keras writes
# $(k_h, k_w, C_\text{in}, C_\text{out})$, HWIO, and $(k_h, k_w, C, m)$ for depthwise ones. By hand: a Keras kernel of
# shape (3, 3, 16, 32) becomes (32, 16, 3, 3).

# %%
hwio, hwcm = rng.standard_normal((3, 3, 16, 32)), rng.standard_normal((3, 3, 16, 2))
oihw = hwio.transpose(3, 2, 0, 1)
depthwise = hwcm.transpose(2, 3, 0, 1).reshape(16 * 2, 1, 3, 3)
assert oihw[31, 4, 0, 2] == hwio[0, 2, 4, 31]
assert depthwise[5 * 2 + 1, 0, 0, 2] == hwcm[0, 2, 5, 1]
print("standard:", oihw.shape, "depthwise:", depthwise.shape)

# %% [markdown]
# **The order of the ghosts.** Document 000 concatenates [cheap, primary], the official codes [primary, cheap] (claim
# C04). By hand, with two ghosts $g$ and two intrinsic maps $i$: in the document's order a filter of the *next* layer
# with the weights (1, 2, 3, 4) gives $1 g_0 + 2 g_1 + 3 i_0 + 4 i_1$. In the official order the maps come as
# $i_0, i_1, g_0, g_1$, so to give the same, it needs the weights (3, 4, 1, 2). The ghost module's own weights stay as
# they are: nothing is permuted but what *reads* the result.

# %%
with initializer(185):
    keras, official = GhostModule(3, 8, ghosts_first=True), GhostModule(3, 8)
official.load_state_dict(keras.state_dict())
photo = load_photo(size=40)
ghosts_first, intrinsic_first = keras(photo), official(photo)
order = np.array([4, 5, 6, 7, 0, 1, 2, 3])  # official channel c is Keras's channel order[c]
assert np.array_equal(intrinsic_first, ghosts_first[:, order])

figure, grid = style.sheet(10, 3, nrows=2, ncols=8, top=0.9, hspace=0.32)
for row, (maps, whose) in enumerate([(ghosts_first, "Keras"), (intrinsic_first, "official")]):
    for channel in range(8):
        frame = style.GHOST if (channel < 4) == (row == 0) else style.INTRINSIC
        style.show(
            figure.add_subplot(grid[row, channel]),
            maps[0, channel],
            f"{whose} {channel}",
            frame,
            size=10,
            interpolation="nearest",
        )
show(figure)

next_weight = rng.standard_normal((5, 8, 1, 1)).astype(np.float32)
meant = ops.pointwise_conv2d(ghosts_first, next_weight)
permuted = ops.pointwise_conv2d(intrinsic_first, next_weight[:, order])
copied = ops.pointwise_conv2d(intrinsic_first, next_weight)
print(f"permuted: off by less than 0.00001: {np.abs(permuted - meant).max() < 1e-5}; "
      f"copied as it is: off by more than 0.1: {np.abs(copied - meant).max() > 0.1}")  # fmt: skip

# %% [markdown]
# What reads the result may be a depthwise convolution (permute its filters), squeeze-and-excitation (the inputs of its
# first layer and the outputs of its second), or the next ghost module. What comes out of the *narrowing* ghost module
# is added to the shortcut, so the order has to be carried through the whole network.
#
# **What no permutation can mend.** With 'same' at stride 2 the windows stand elsewhere (claim C12; tutorial 01 shows
# it). The head has a batch norm instead of a bias, and a softmax at its end, so it gives probabilities and not logits
# (claim C11). Shortcuts are missing, and the SE layers have other widths and another gate (tutorials 07 and 09). These
# are two networks, and weights trained for one are not weights of the other.

# %%
claims("C04", "C11", "C12")

# %% [markdown]
# ## The engine gives the same answer
#
# `ghostnp.compile` (tutorial 12) folds batch norms into weights, with the statistics that were loaded. It copies the
# model, so compile *after* loading.

# %%
engine = ghostnp.compile(model)
by_layers, by_engine = answers(x, model, 5), np.argsort(-engine(x)[0])[:5]
print("the same five classes:", np.array_equal(by_engine, np.argsort(-logits[0])[:5]))
print("logits equal, up to rounding:", np.allclose(engine(x), logits, atol=1e-4 * logits.std()))

# %% [markdown]
# ## Which pixels did it?
#
# Forward, a photo becomes the score $z_k$ of a class. Backward, we can ask how that score changes with each pixel: hand
# back a `dy` that is 1 for class $k$ and 0 for all others. What arrives at the photo is
#
# $$dx[c, i, j] = \frac{\partial z_k}{\partial x[c, i, j]},$$
#
# the *saliency* (显著图) of each pixel. No weight is needed for it, and none changes. This `dx` is with respect to the
# *normalised* photo. With $x = (\text{colour} - \text{mean}) / \text{std}$ the chain rule gives the gradient of the
# colours themselves:
#
# $$\frac{\partial z_k}{\partial\,\text{colour}} = \frac{dx}{\text{std}}.$$
#
# The dual of the whole network is a loop over its layers from the last to the first, since each has its own:

# %%
source(chain_backward)

# %% [markdown]
# Is it right? The slope tells, in float64, on a smaller network and a smaller photo. And as a planted mistake we forget
# the division by the standard deviation:

# %%
precise = ghostnp.create_model("ghostnet_050", seed=1, dtype=np.float64)
small = denormalise(load_photo(size=40)).astype(np.float64)
spread = STD.astype(np.float64)
chosen = np.zeros((1, 1000))
chosen[0, 7] = 1


def score(colours):
    return precise(((colours - MEAN) / spread).transpose(2, 0, 1)[None])


with ghostnp.use_backend(ops):
    for _ in range(3):
        precise.forward(
            ((rng.permutation(small, axis=1) - MEAN) / spread).transpose(2, 0, 1)[None].repeat(2, 0), training=True
        )
    _, cache = precise.forward(((small - MEAN) / spread).transpose(2, 0, 1)[None])
    dx, _ = precise.backward(chosen, cache)
    dcolours = dx[0].transpose(1, 2, 0) / spread
    assert_gradient(score, (small,), chosen, (dcolours,), step=1e-6)
    print("the gradient of the colours is the slope")
    try:
        assert_gradient(score, (small,), chosen, (dx[0].transpose(1, 2, 0),), step=1e-6)
    except AssertionError as error:
        print("without the division, caught:", str(error).partition(":")[0])
    else:
        raise AssertionError("the mistake went unnoticed")

# %% [markdown]
# And on the photo, for the class that our untrained network likes best:

# %%
_, cache = model.forward(x)
dy = np.zeros_like(logits)
dy[0, logits[0].argmax()] = 1
dx, _ = model.backward(dy, cache)
dcolours = dx / STD[:, None, None]
blocks = {"kernel_size": 4, "stride": 4}  # single pixels are hard to see: means over 4x4 of them
strength = ops.avg_pool2d(np.abs(dcolours).max(axis=1, keepdims=True), **blocks)[0, 0]
green = ops.avg_pool2d(dcolours[:, 1:2], **blocks)[0, 0]

figure, grid = style.sheet(9, 3.3, nrows=1, ncols=3)
nearest = {"interpolation": "nearest"}
style.show(figure.add_subplot(grid[0]), ops.avg_pool2d(x[:, 1:2], **blocks)[0, 0], "the photo", **nearest)
style.show(figure.add_subplot(grid[1]), strength, "how much a pixel counts", style.GRADIENT, cmap=style.HEAT, **nearest)
style.show_signed(figure.add_subplot(grid[2]), green, "more green: for or against", style.GRADIENT)
show(figure)

# %% [markdown]
# Do not read too much into such a picture. This network has learnt *nothing*, and its map is still not noise all over.
# A map that looks the same for a trained and for a random network explains the photo, not the network (Adebayo et al.
# have tested many kinds for that). So always draw the map of a random network beside it, like this one.
#
# (How many photos the published weights get right is a question of ImageNet, and out of scope here, like the accuracy
# tables of the documents.)
#
# ## Exercises
#
# **1.** By hand: a pointwise convolution from 16 to 24 channels without bias, and its batch norm. How many learnt
# numbers and how many numbers of running statistics (without the counter) are in its checkpoint? Answer as `(learnt,
# statistics)`.

# %%
answer = None
check("15.1", answer)

# %% [markdown]
# **2.** Blue has the mean 0.406 and the deviation 0.225. What does a network get for a pixel of full blue, 255? (Three
# digits.)

# %%
answer = None
check("15.2", answer)

# %% [markdown]
# **3.** A depthwise kernel of Keras has the shape (5, 5, 12, 2). Which shape does it have here? Answer as a tuple.

# %%
answer = None
check("15.3", answer)

# %% [markdown]
# **4.** A ghost module has 10 output channels and ratio 2. Channel 7 of the official order is which channel of document
# 000's?

# %%
answer = None
check("15.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/08_concat_backward.py` until `ghostnp check` is content: it is the step of the
# backward pass where the order matters. Let the parts be `xs = [a, b]` with `a` of shape (1, 2, 1, 1) and `b` of shape
# (1, 3, 1, 1), and `dy` be `np.arange(4.0).reshape(1, 4, 1, 1)` with `keep=4`. What is the gradient of `b`, as a tuple
# of three numbers?

# %%
answer = None
check("15.5", answer)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, table 1: the network whose weights these
#   are. <https://arxiv.org/abs/1911.11907>; code and weights: <https://github.com/huawei-noah/Efficient-AI-Backbones>
# - S. Ioffe and C. Szegedy, "Batch normalization", 2015, section 3.1: inference with statistics of training.
#   <https://arxiv.org/abs/1502.03167>
# - K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks: visualising image classification
#   models and saliency maps", 2013, section 3. <https://arxiv.org/abs/1312.6034>
# - J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. <https://arxiv.org/abs/1810.03292>
#
# This was the last of the fifteen tutorials. From here, read `ghostnp/ops`, and then write a layer of your own.
