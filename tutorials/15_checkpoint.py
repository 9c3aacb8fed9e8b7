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
# **Trained weights of GhostNet are published. How do you load them into a network of ghostnp, and how do you know that
# they are used correctly?**
#
# A *checkpoint* (检查点, 预训练权重) is a file of arrays with names. This page downloads nothing. It makes a file of
# its own with the official names, and uses this file to show what can go wrong with a published checkpoint.
#
# We begin with the input. A network takes an array in which each colour of the photo was shifted and scaled:

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
from ghostnp.training.dataset import DataSet, Part
from ghostnp.training.digits import load_digits
from ghostnp.training.loop import fit, tiny_ghostnet
from ghostnp.training.networks import begin_with
from ghostnp.weights import official_names

x = load_photo()
figure, grid = style.sheet(9, 2.65, nrows=1, ncols=4)
style.show(figure.add_subplot(grid[0]), denormalise(x), "the photo")
for channel, name in enumerate(("red", "green", "blue")):
    title = f"{name}: {x[0, channel].min():.1f} to {x[0, channel].max():.1f}".replace("-", "−")
    style.show(figure.add_subplot(grid[channel + 1]), x[0, channel], title, style.INPUT)
show(
    figure,
    "The photo, and its three normalised channels, red, green and blue.",
    dpi=70,
)

# %% [markdown]
# ## Preprocessing, by hand
#
# The colours of a pixel are three numbers from 0 to 255. Each number is divided by 255. Then the mean of its colour
# over ImageNet's training photos is subtracted, and the result is divided by the standard deviation of the colour. Red
# has the mean 0.485 and the standard deviation 0.229:
#
# | red in the file | divided by 255 | normalised |
# |---|---|---|
# | 0 | 0 | $(0 - 0.485) / 0.229 = -2.12$ |
# | 124 | 0.4863 | $(0.4863 - 0.485) / 0.229 = 0.006$ |
# | 255 | 1 | $(1 - 0.485) / 0.229 = 2.25$ |
#
# **Why these numbers?** Other numbers would work as well. But the weights were *trained* on photos that were prepared
# with these numbers, so every new photo has to be prepared with the same numbers. The numbers belong to the checkpoint,
# but are not in its file.

# %%
print("mean", MEAN, "deviation", STD)
print(((np.array([0, 124, 255]) / 255 - MEAN[0]) / STD[0]).round(3))

# %% [markdown]
# ## Names
#
# `state_dict()` is a dict of all arrays of a network. The name of an array is its *dotted path*: the attributes that
# lead from the network to the array. PyTorch names arrays in the same way. The modules of ghostnp have the attribute
# names of the official code, so our paths are the official names.

# %%
model = ghostnp.create_model("ghostnet_100", seed=0)
state = model.state_dict()
for name in (
    list(state)[:6] + [name for name in state if name.startswith("blocks.3.0.ghost1.cheap")][:1] + list(state)[-4:]
):
    print(f"{name:50} {state[name].shape!s:20} {state[name].dtype}")
print(f"... {len(state)} arrays in all")

# %% [markdown]
# Read `blocks.3.0.ghost1.cheap_operation.0.weight` from left to right. The name leads to the fourth stage, its first
# bottleneck, the widening ghost module, the cheap operation, and layer 0 of the cheap operation. (Layer 0 is the
# convolution, and layer 1 is its batch norm.) The array is the weight of this layer.
#
# Not every array is learnt by gradient descent. A batch norm (tutorial 06) learns `weight` and `bias`. Its
# `running_mean` and `running_var` are *averages* over the batches of training, and `num_batches_tracked` is the number
# of batches. **Batch norm's statistics are part of the checkpoint.** The next cell counts all these numbers in GhostNet
# 1.0x:

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
print(f"standard deviation of the logits: {model(x).std():,.0f}")

# %% [markdown]
# The network gives one class nearly all of the probability, though its weights are random numbers. The reason is the
# running statistics. In a new batch norm the running mean is 0 and the running variance is 1, so the batch norm changes
# nothing. Therefore the numbers grow from layer to layer. Now we run some pieces of the photo through the network in
# training mode. This updates the running statistics, but not the weights:

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
# Now the most probable of the thousand classes has only about 1%. The names of the classes come from the list of
# ImageNet's classes, in the order of the outputs. That order also belongs to the checkpoint, but is not in its file.
#
# ## The file
#
# ghostnp reads and writes *safetensors*, a simple format. The first eight bytes are the length of the header. The
# header follows, as JSON, with the names, types, shapes and positions of the arrays. Then come the numbers. The file
# contains no program. By hand: the numbers 1 and 2 in float32 are 8 bytes. So the file has 8 bytes for the length, then
# the header, and then 8 bytes of numbers.

# %%
with TemporaryDirectory() as folder:
    path = Path(folder) / "small.safetensors"
    ghostnp.save_weights(path, {"bias": np.array([1, 2], np.float32)})
    contents = path.read_bytes()
length = int.from_bytes(contents[:8], "little")
print(f"8 bytes, {length} bytes of header, {len(contents) - 8 - length} bytes of numbers")
print("header: ", json.loads(contents[8 : 8 + length]))
print("numbers:", *np.frombuffer(contents[8 + length :], np.float32))

# %% [markdown]
# PyTorch's own `.pth` files are *pickles*. Loading a pickle can run any program that was put into it. So ghostnp does
# not open `.pth` files, and says what to do instead:

# %%
try:
    ghostnp.load_weights("ghostnet_100.pth")
except ValueError as error:
    print(error)

# %% [markdown]
# **How do I load the official weights?** Download `state_dict_73.98.pth` from the official repository (folder
# `ghostnet_pytorch/models`), and rename it to `ghostnet_100.pth`. (The library timm also has a `ghostnet_100`, whose
# arrays have the same names.) Run the three lines of the message above on a machine with PyTorch. Then load the weights
# in Python:
#
#     model = ghostnp.create_model("ghostnet_100", seed=None)
#     model.load_state_dict(ghostnp.load_weights("ghostnet_100.safetensors"))
#
# Or use the command line. This command prepares the photo as in the official evaluation: it scales the short side to
# 256 pixels, and cuts out the middle 224x224 pixels.
#
#     ghostnp classify photo.jpg --model ghostnet_100 --weights ghostnet_100.safetensors
#
# We now save and load a file of our own. The logits before and after this must be equal in every bit:

# %%
with TemporaryDirectory() as folder:
    path = Path(folder) / "ghostnet_100.safetensors"
    ghostnp.save_weights(path, model.state_dict())
    loaded = ghostnp.load_weights(path)
fresh = ghostnp.create_model("ghostnet_100", seed=None)
assert not np.array_equal(fresh(x), logits)
fresh.load_state_dict(loaded)
print(f"{len(loaded)} arrays loaded; largest difference of the logits: {np.abs(fresh(x) - logits).max()}")
assert np.array_equal(fresh(x), logits)

# %% [markdown]
# ## When a file does not fit
#
# Either all arrays are loaded or none, and the error message lists everything that is wrong. The next cell has three
# common mistakes: a statistic is missing, the number of classes differs, and a name is not the official one.

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
# PyTorch calls missing arrays *missing keys* and additional ones *unexpected keys*. PyTorch also has `strict=False`,
# which loads the arrays that fit and leaves the others as they are. Then some layers of the network can have random
# weights, and there is no error message. ghostnp has no such option. If only the names differ, you can translate the
# names before you load the arrays. `official_names` removes the prefixes of PyTorch's wrappers, such as `module.`, and
# translates the names of some layers of timm:

# %%
wrapped = {f"module.{name}": array for name, array in loaded.items()}
print(*official_names({"module.conv_stem.weight": loaded["conv_stem.weight"]}))
assert official_names(wrapped).keys() == loaded.keys()

# %% [markdown]
# ## Why are my logits different?
#
# Sometimes all names and shapes fit, but the logits are not those of the original network. The reason is that the file
# does not say how the arrays are used. We make each of the usual mistakes, and measure how much the logits change. The
# unit is the standard deviation of the correct logits:

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
show(
    figure,
    "Bars on a logarithmic axis: how far each mistake moves the logits. Statistics that were not loaded and a "
    "photo from 0 to 255 move them most; the others move them by a tenth of a standard deviation to three; the engine's "
    "rounding by a few millionths.",
)
for name, far in moved.items():
    print(f"{name:42} {far:.2g} standard deviations")
assert all(np.isfinite(far) and (far > 0.01) != name.startswith("nothing") for name, far in moved.items())

# %% [markdown]
# The axis is logarithmic. The last bar is only rounding, a few millionths. All other bars are mistakes. But even with a
# mistake, the class with the largest logit is often plausible. So do not compare classes. Compare the *logits* of both
# networks, for an input that both networks read from the same file. If the logits differ, compare the results of the
# layers (`ghostnp.trace`), from the first layer on, until you find the first difference.
#
# The eps of a batch norm can matter, too. By hand: a map with variance 0.001 is multiplied by
# $1 / \sqrt{0.001 + 0.00001} = 31.5$ in PyTorch, and by $1 / \sqrt{0.001 + 0.001} = 22.4$ in Keras.
#
# ## From Keras to PyTorch
#
# Document 000 builds its GhostNet in Keras. Could the weights of this network be loaded into the GhostNet of ghostnp?
# Some differences between the two networks are only differences of order.
#
# **Kernels.** The axes of a kernel are $(C_\text{out}, C_\text{in}, k_h, k_w)$ in PyTorch, and
# $(k_h, k_w, C_\text{in}, C_\text{out})$ in Keras. These orders are called OIHW and HWIO. The axes of a depthwise
# kernel in Keras are $(k_h, k_w, C, D)$. Here $C$ is the number of input channels, and $D$ is the number of filters for
# each of them (1 in GhostNet). By hand: a Keras kernel of shape (3, 3, 16, 32) becomes (32, 16, 3, 3).

# %%
hwio, hwcm = rng.standard_normal((3, 3, 16, 32)), rng.standard_normal((3, 3, 16, 2))
oihw = hwio.transpose(3, 2, 0, 1)
depthwise = hwcm.transpose(2, 3, 0, 1).reshape(16 * 2, 1, 3, 3)
assert oihw[31, 4, 0, 2] == hwio[0, 2, 4, 31]
assert depthwise[5 * 2 + 1, 0, 0, 2] == hwcm[0, 2, 5, 1]
print("standard:", oihw.shape, "depthwise:", depthwise.shape)

# %% [markdown]
# **The order of the ghosts.** Document 000 concatenates [cheap, primary], but the official code concatenates [primary,
# cheap] (claim C04). By hand: there are two ghosts $g_0$ and $g_1$, and two intrinsic maps $i_0$ and $i_1$. A filter of
# the *next* layer has the weights (1, 2, 3, 4). In the document's order this filter gives
# $1 g_0 + 2 g_1 + 3 i_0 + 4 i_1$. The official order of the maps is $i_0, i_1, g_0, g_1$, so the same sum needs the
# weights (3, 4, 1, 2). The ghost module's own weights stay as they are. Only the weights of the layer that *reads* the
# result are permuted.

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
show(
    figure,
    "Eight maps in the order of Keras and in the official order. The first four of one row are the last four of "
    "the other.",
    dpi=72,
)

next_weight = rng.standard_normal((5, 8, 1, 1)).astype(np.float32)
meant = ops.pointwise_conv2d(ghosts_first, next_weight)
permuted = ops.pointwise_conv2d(intrinsic_first, next_weight[:, order])
copied = ops.pointwise_conv2d(intrinsic_first, next_weight)
for name, result in (("weights permuted", permuted), ("weights copied as they are", copied)):
    print(
        f"{name:27} largest difference {np.abs(result - meant).max():.1e}, where values are up to {np.abs(meant).max():.1f}"
    )
assert np.abs(permuted - meant).max() < 1e-5
assert np.abs(copied - meant).max() > 0.1

# %% [markdown]
# The layer that reads the result may also be a depthwise convolution or squeeze-and-excitation. For a depthwise
# convolution, we permute its filters. For squeeze-and-excitation, we permute the inputs of its first layer and the
# outputs of its second layer. The output of the *narrowing* ghost module is added to the shortcut. An addition needs
# the same order of channels in both terms, and the maps on the shortcut have the order of the previous bottleneck. So
# the order has to be changed in the whole network.
#
# **What no permutation can repair.** In Keras, padding "same" at stride 2 puts the windows at other places (claim C12;
# tutorial 01, "Padding and stride"). In document 000 the *head* (the layers after the last bottleneck) has a batch norm
# after the convolution to 1280 numbers. The head ends in a softmax, so it gives probabilities and not logits (claim
# C11). Some shortcuts are missing, and the squeeze-and-excitation layers have other widths and another gate (tutorial
# 09, "The other GhostNet"). So these are two different networks. Weights that were trained for one network cannot be
# used in the other.

# %%
claims("C04", "C11", "C12")

# %% [markdown]
# ## The engine gives the same answer
#
# `ghostnp.compile` (tutorial 12) folds batch norms into weights, with the statistics that were loaded. The engine has
# its own copy of the weights, so compile *after* you have loaded the weights.

# %%
engine = ghostnp.compile(model)
by_layers, by_engine = answers(x, model, 5), np.argsort(-engine(x)[0])[:5]
assert np.array_equal(by_engine, np.argsort(-logits[0])[:5])
print("the five best classes of both:", ", ".join(name for name, _ in by_layers))
print(f"largest difference of the logits: {np.abs(engine(x) - logits).max() / logits.std():.1e} standard deviations")

# %% [markdown]
# ## Fine-tuning
#
# Weights that were learnt for one task also help with a similar task. For example, edges and strokes are useful for all
# digits. *Fine-tuning* (微调) loads all weights except those of the classifier. The classifier gets new random weights
# for the right number of classes. Then training continues. Apart from the classifier, the names and shapes in the
# file must again be those of the network, or nothing is loaded.
#
# We train the tiny network of tutorial 13 on the digits 0 to 4. Then this network has to learn the digits 5 to 9 from
# only 40 images. A new network gets the same images and the same number of steps:

# %%
digits, to_test = load_digits()


def five_classes(first, most=None):
    parts = []
    for part, count in ((digits, most), (to_test, None)):
        chosen = np.flatnonzero((part.labels >= first) & (part.labels < first + 5))[:count]
        parts.append(Part(part.images[chosen], part.labels[chosen] - first))
    return DataSet("digits", *parts, tuple(str(first + number) for number in range(5)))


experienced = tiny_ghostnet(num_classes=5)
print(f"0 to 4: {fit(experienced, five_classes(0), epochs=8).accuracy:.0%} right")
few, results = five_classes(5, most=40), []
for seed in range(3):
    tuned = tiny_ghostnet(num_classes=5, seed=seed)
    begin_with(tuned, experienced.state_dict())  # all but the classifier
    pair = [
        fit(network, few, epochs=5, batch=20, rate=0.03, seed=seed).accuracy
        for network in (tuned, tiny_ghostnet(num_classes=5, seed=seed))
    ]
    results.append(pair)
    print(f"5 to 9 after 10 steps, seed {seed}: fine-tuned {pair[0]:.0%}, new {pair[1]:.0%}")
assert np.mean(results, axis=0)[0] > np.mean(results, axis=0)[1]

# %% [markdown]
# After these few steps the fine-tuned network is better. With more steps and a larger rate, the new network can become
# as good, because the network and the images are small. This command fine-tunes a GhostNet, with a folder `photos` that
# has a folder of photos for each class:
#
#     ghostnp train --model ghostnet_100 --data folder --folder photos --size 224 --rate 0.01 \
#         --init ghostnet_100.safetensors
#
# ## Which pixels does the answer depend on?
#
# Tutorial 14 asked this for digits. In the forward pass, the network computes the score $z_k$ (the logit) of each class
# $k$ from a photo. In the backward pass, it computes how the score of one class changes with each pixel. We start the
# backward pass with a `dy` that is 1 for class $k$ and 0 for all other classes. Then the gradient with respect to the
# photo is
#
# $$dx[c, i, j] = \frac{\partial z_k}{\partial x[c, i, j]},$$
#
# the *saliency* (显著图) of colour $c$ at pixel $(i, j)$. The weights do not change. This `dx` is the gradient with
# respect to the *normalised* photo. Because $x = (\text{colour} - \text{mean}) / \text{std}$, the chain rule gives the
# gradient with respect to the colours themselves:
#
# $$\frac{\partial z_k}{\partial\,\text{colour}} = \frac{dx}{\text{std}}.$$
#
# The backward pass of the whole network is a loop over the backward passes of its layers, from the last to the first:

# %%
source(chain_backward)

# %% [markdown]
# We compare the gradient with the slope of the score, in float64, for a smaller network and a smaller photo. As a
# planted mistake, we leave out the division by the standard deviation:

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
# Now we compute the saliency of the photo, for the class with the largest logit of our untrained network:

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
show(
    figure,
    "The photo; how much each pixel counts, strongest on the face and the uniform; and where more green raises the "
    "score of the class and where it lowers it, without a clear pattern.",
    dpi=72,
)

# %% [markdown]
# Such a picture proves little. This network has learnt *nothing*, but the picture is not pure noise. A saliency picture
# that looks the same for a trained network and for a random network shows the photo, not the network. (Adebayo et al.
# tested many kinds of such pictures in this way.) So always compare with the picture of a random network, like this
# one.
#
# ## Exercises
#
# **1.** *(easy)* By hand: a network has a pointwise convolution from 16 to 24 channels without biases, and its batch
# norm. How many learnt numbers and how many numbers of running statistics (without the counter) are in the checkpoint
# of this network? Answer as `(learnt, statistics)`.

# %%
answer = None
check("15.1", answer)

# %% [markdown]
# **2.** *(medium)* By mistake a photo is divided by 255 once, but then normalised *twice*. Blue has the mean 0.406 and
# the standard deviation 0.225. What does the network get for a pixel of full blue, 255? (Three digits.)

# %%
answer = None
check("15.2", answer)

# %% [markdown]
# **3.** *(easy)* A depthwise kernel of Keras has the shape (5, 5, 12, 2). Which shape does this kernel have in ghostnp?
# Answer as a tuple.

# %%
answer = None
check("15.3", answer)

# %% [markdown]
# **4.** *(medium)* A ghost module has 10 output channels and ratio 2. Which channel in the order of document 000 is
# channel 7 of the official order?

# %%
answer = None
check("15.4", answer)

# %% [markdown]
# **5.** *(derivation)* A batch norm divides by $\sqrt{\text{variance} + \epsilon}$. It should run with PyTorch's
# $\epsilon = 10^{-5}$, but it runs with Keras's $\epsilon = 10^{-3}$. Derive the factor by which the normalised numbers
# are too small. Show that this factor is never more than 10. For which variance is the factor exactly 2? (Three
# digits.)

# %%
answer = None
check("15.5", answer)

# %% [markdown]
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, table 1: the network of the official
#   weights. <https://arxiv.org/abs/1911.11907>; code and weights:
#   <https://github.com/huawei-noah/Efficient-AI-Backbones>
# - S. Ioffe and C. Szegedy, "Batch normalization", 2015, section 3.1: inference with statistics of training.
#   <https://arxiv.org/abs/1502.03167>
# - K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks: visualising image classification
#   models and saliency maps", 2013, section 3. <https://arxiv.org/abs/1312.6034>
# - J. Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. <https://arxiv.org/abs/1810.03292>
#
# This was the last of the fifteen tutorials. Next you can read the definitions in `ghostnp/ops`, or write a layer of
# your own.
