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
# # 13. Training a tiny GhostNet
#
# **All the pieces are there, forward and backward. Can a GhostNet be trained with them, on real images, in half a minute?**
#
# The images are 1797 handwritten digits of 8x8 pixels, from forms that people filled in (E. Alpaydin and C. Kaynak, 1998).
# They come with ghostnp. 1437 of them are to learn from, 360 are *held out*: the network never sees them before it is
# tested.

# %%
import numpy as np

import ghostnp
from ghostnp import ops
from ghostnp.course.study import check, show, source
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient
from ghostnp.training.digits import load_digits
from ghostnp.training.loop import accuracy, tiny_ghostnet, train

learnt, held_out = load_digits()
figure, grid = style.sheet(10, 2.5, nrows=2, ncols=10, top=0.88)
for place in range(20):
    axes = figure.add_subplot(grid[place // 10, place % 10])
    style.show(
        axes, learnt.images[place, 0], str(learnt.labels[place]), cmap="gray_r", limits=(0, 1), interpolation="nearest"
    )
show(figure)

# %% [markdown]
# ## The network
#
# A stem, three ghost bottlenecks (tutorials 08 and 09), one of them with stride 2 and one with squeeze-and-excitation, and a
# classifier. It is GhostNet's plan, small enough for 8x8 pixels.

# %%
source(tiny_ghostnet)

# %%
model = tiny_ghostnet()
table = ghostnp.count(model, (1, 1, 8, 8))
print(f"{table.params:,} parameters, {table.macs:,} multiply-adds for one digit")

# %% [markdown]
# ## The loss
#
# The network gives ten numbers, the *logits* $z$, one for each digit. The softmax makes probabilities of them,
# $p_k = e^{z_k} / \sum_j e^{z_j}$, and the *cross entropy* (交叉熵) is how surprised one is by the truth $t$:
#
# $$L = -\log p_t.$$
#
# By hand, with two classes: $z = (0, \log 3)$ gives $p = (1/4, 3/4)$. If the truth is class 1, $L = -\log 0.75 = 0.288$;
# if it is class 0, $L = -\log 0.25 = 1.386$. An untrained network that finds all ten digits equally likely has
# $L = \log 10 = 2.303$. Remember that number: it is where training should start.
#
# For the gradient write the logarithm of the fraction as a difference,
#
# $$L = \log \sum_j e^{z_j} - z_t.$$
#
# When $z_k$ grows, the first term grows at the rate $e^{z_k} / \sum_j e^{z_j} = p_k$, and the second is lost at the rate 1 if
# $k$ is the truth, and else not at all. So
#
# $$\frac{\partial L}{\partial z_k} = p_k - [k = t],$$
#
# what the network said minus what it should have said; in the example, with the truth 1, $(1/4, -1/4)$. (For a batch, $L$
# is the mean, so divide by $N$.)

# %%
source(ops.softmax_cross_entropy)
source(ops.softmax_cross_entropy_backward)

# %%
rng = np.random.default_rng(0)
logits, labels = rng.standard_normal((4, 10)), np.array([3, 0, 9, 3])
loss, probabilities = ops.softmax_cross_entropy(logits, labels)
dlogits = ops.softmax_cross_entropy_backward(1.0, logits, labels, probabilities)
assert_gradient(lambda z: np.asarray(ops.softmax_cross_entropy(z, labels)[0]), (logits,), np.asarray(1.0), (dlogits,))
print("each row sums to zero:", np.abs(dlogits.sum(axis=1)).max().round(12))
try:
    assert_gradient(
        lambda z: np.asarray(ops.softmax_cross_entropy(z, labels)[0]), (logits,), np.asarray(1.0), (probabilities / 4,)
    )
except AssertionError as error:
    print("forgetting to subtract the truth:", error)

# %% [markdown]
# ## Is the whole network's gradient right?
#
# Before training, check the backward pass of all layers together, in float64 and in training mode. One random direction
# through *all* parameters at once is enough: if any gradient were wrong, the slope would be another one.

# %%
precise = tiny_ghostnet(dtype=np.float64)
few, truth = learnt.images[:16].astype(np.float64), learnt.labels[:16]


def loss_of(network):
    logits, cache = network.forward(few, training=True)
    loss, probabilities = ops.softmax_cross_entropy(logits, truth)
    return loss, logits, probabilities, cache


loss, logits, probabilities, cache = loss_of(precise)
_, grads = precise.backward(ops.softmax_cross_entropy_backward(1.0, logits, truth, probabilities), cache)
directions = {name: rng.standard_normal(array.shape) for name, array in precise.parameters().items()}
losses = []
for step in (1e-6, -1e-6):
    for name, array in precise.parameters().items():
        array[...] += step * directions[name]
    losses.append(loss_of(precise)[0])
    for name, array in precise.parameters().items():
        array[...] -= step * directions[name]
slope = (losses[0] - losses[1]) / 2e-6
found = sum((grads[name] * directions[name]).sum() for name in grads)
print(f"slope {slope:.5f}, gradient {found:.5f}, from {len(grads)} arrays")
assert abs(found) > 0.01
assert np.isclose(slope, found, rtol=1e-5)

# %% [markdown]
# ## Descent
#
# $L$ falls fastest against the gradient. *Stochastic gradient descent* (随机梯度下降) takes a few images at a time, a
# *batch*, and goes a small step. *Momentum* keeps going in the direction of earlier steps, *weight decay* pulls weights
# towards zero, and the step size falls to zero along half a cosine. With momentum $\mu$, decay $\lambda$ and step size
# $\eta$ (`rate`):
#
# $$v \leftarrow \mu v + dw + \lambda w, \qquad w \leftarrow w - \eta v.$$
#
# Once through all images is an *epoch* (轮). That is all: `grads` and `parameters()` have the same names, so an optimiser
# is a loop over two dicts.

# %%
source(train)

# %%
losses, accuracies = [], []
for loss in train(model, *learnt):
    losses.append(loss)
    accuracies.append(accuracy(model, *held_out))
print(f"loss {losses[0]:.1f} in the first epoch; below 0.01 in the last:", losses[-1] < 0.01)
print(f"of the {len(held_out.labels)} digits that were held out, more than 97% are right:", accuracies[-1] > 0.97)
assert accuracies[-1] > 0.97

# %%
figure, grid = style.sheet(10, 2.9, nrows=1, ncols=2, left=0.07, bottom=0.2, top=0.88, wspace=0.2)
axes = style.plain_axes(figure.add_subplot(grid[0]), "mean loss while learning", x_label="epoch")
axes.semilogy(range(1, 16), losses, "o-", color=style.GRADIENT)
axes = style.plain_axes(figure.add_subplot(grid[1]), "share of held-out digits that are right", x_label="epoch")
axes.plot(range(1, 16), accuracies, "o-", color=style.GATE)
axes.axhline(0.97, color="#999999", linewidth=1, linestyle=":")
show(figure)

# %% [markdown]
# Batch norm behaves differently in training and afterwards (tutorial 06), so its running statistics had to be learnt too:
# they are in `state_dict()`, beside the parameters.
#
# ## What it gets wrong
#
# Look at the mistakes before you believe a number.

# %%
answers = model(held_out.images).argmax(axis=1)
wrong = np.flatnonzero(answers != held_out.labels)
figure, grid = style.sheet(10, 1.7, nrows=1, ncols=10, top=0.75)
for place, index in enumerate(wrong[:10]):
    title = f"{held_out.labels[index]}, not {answers[index]}"
    style.show(
        figure.add_subplot(grid[place]),
        held_out.images[index, 0],
        title,
        cmap="gray_r",
        limits=(0, 1),
        interpolation="nearest",
    )
show(figure)

# %% [markdown]
# **Is that number honest?** Digits of one person are in both parts here, since they were dealt out at random. A harder
# question is how well the network reads the hand of somebody whom it has never seen. In the file's own order, the last digits
# are by other people than the first:

# %%
learnt_in_order, others = load_digits(seed=None)
other_hands = tiny_ghostnet()
for _ in train(other_hands, *learnt_in_order):
    pass
print("the digits of other writers are read worse:", accuracy(other_hands, *others) < accuracies[-1])
print("but mostly right:", accuracy(other_hands, *others) > 0.9)

# %% [markdown]
# How one holds out decides what one measures. Nothing in the code can tell you which of the two you want.
#
# **Do the documents say how to train?** Document 002 says that GhostNet has a new method of training, "low-rank
# decomposition". It has none (claim C27): the paper trains by ordinary gradient descent, as here. The documents' tables of
# accuracy on ImageNet need days on GPUs, and are out of scope.
#
# ## Exercises
#
# **1.** By hand: the stem is a 3x3 convolution from 1 map to 16 without bias, on 8x8 pixels with padding 1. How many
# multiply-adds is that for one digit?

# %%
answer = None
check("13.1", answer)

# %% [markdown]
# **2.** A network gives the logits $(0, 0, \log 2)$ and the truth is class 2. What is the loss? (Three digits.)

# %%
answer = None
check("13.2", answer)

# %% [markdown]
# **3.** And what is the gradient of that loss with respect to the logit of class 0?

# %%
answer = None
check("13.3", answer)

# %% [markdown]
# **4.** With momentum 0.9, no decay and a constant gradient of 1, how large is $v$ after many steps?

# %%
answer = None
check("13.4", answer)

# %% [markdown]
# **5.** Fill in `tutorials/exercises/18_ghost_module_backward.py` until `ghostnp check` is content: that is the part of the
# backward pass that is special here. Then: in the first bottleneck above, how many of the 32 maps that its widening ghost
# module makes have their gradient reach the *primary* convolution, directly or through the cheap operation?

# %%
answer = None
check("13.5", answer)

# %% [markdown]
# ## References
#
# - E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998.
#   <https://doi.org/10.24432/C50P49>
# - I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in deep learning", ICML
#   2013, equations (1) and (2).
# - I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation (5).
#   <https://arxiv.org/abs/1608.03983>
#
# Next: tutorial 14 looks inside this network.
