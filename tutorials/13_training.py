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
# **The earlier tutorials have built all the layers, forward and backward. Can we train a GhostNet with them, on real
# images, in about half a minute?**
#
# The images are 1797 handwritten digits of 8x8 pixels, from forms that people filled in (E. Alpaydin and C. Kaynak,
# 1998). The images are part of ghostnp. The network learns from 1437 of them. The other 360 images are *held out*: the
# network never sees them before it is tested.

# %%
import numpy as np

import ghostnp
from ghostnp import ops
from ghostnp.course.study import check, show, source
from ghostnp.ops import updates
from ghostnp.pictures import style
from ghostnp.testing import assert_gradient
from ghostnp.training.digits import load_digits
from ghostnp.training.loop import StepByLayers, accuracy, tiny_ghostnet, train
from ghostnp.training.recipe import SCHEDULES, Recipe

learnt, held_out = load_digits()
figure, grid = style.sheet(10, 2.5, nrows=2, ncols=10, top=0.88)
for place in range(20):
    axes = figure.add_subplot(grid[place // 10, place % 10])
    style.show(
        axes, learnt.images[place, 0], str(learnt.labels[place]), cmap="gray_r", limits=(0, 1), interpolation="nearest"
    )
show(
    figure,
    "Twenty handwritten digits of 8x8 pixels. Each has its class, 0 to 9, above it.",
)

# %% [markdown]
# ## The network
#
# The network has a stem, three ghost bottlenecks (tutorials 08 and 09) and a classifier. One bottleneck has stride 2,
# and one has squeeze-and-excitation. The network is built like GhostNet, but it is small enough for images of 8x8
# pixels.

# %%
source(tiny_ghostnet)

# %%
model = tiny_ghostnet()
table = ghostnp.count(model, (1, 1, 8, 8))
print(f"{table.params:,} parameters, {table.macs:,} multiply-adds for one digit")

# %% [markdown]
# ## The loss
#
# For each image the network gives ten numbers, the *logits* $z$, one for each class. The softmax turns the logits into
# probabilities, $p_k = e^{z_k} / \sum_j e^{z_j}$. The *cross entropy* (交叉熵) is large if the true class $t$ has a
# small probability:
#
# $$L = -\log p_t.$$
#
# By hand, with two classes: $z = (0, \log 3)$ gives $p = (1/4, 3/4)$. If class 1 is true, $L = -\log 0.75 = 0.288$.
# If class 0 is true, $L = -\log 0.25 = 1.386$. A network that gives all ten digits the same probability has
# $L = \log 10 = 2.303$. An untrained network has about this loss.
#
# To derive the gradient, we write the logarithm of the fraction as a difference:
#
# $$L = \log \sum_j e^{z_j} - z_t.$$
#
# The derivative of the first term with respect to $z_k$ is $e^{z_k} / \sum_j e^{z_j} = p_k$. The derivative of $z_t$ is
# 1 if $k = t$, and 0 otherwise. So
#
# $$\frac{\partial L}{\partial z_k} = p_k - [k = t],$$
#
# where $[k = t]$ is 1 if $k = t$ and 0 otherwise. The gradient is the probability that the network gives, minus the
# *target*. The target is 1 for the true class and 0 for the other classes. If class 1 is true in the example, the
# gradient is $(1/4, -1/4)$. (For a batch of $N$ images $L$ is the mean of the losses, so the gradient is divided by
# $N$.)

# %%
source(ops.softmax_cross_entropy)
source(ops.softmax_cross_entropy_backward)

# %%
rng = np.random.default_rng(0)
logits, labels = rng.standard_normal((4, 10)), np.array([3, 0, 9, 3])
loss, probabilities = ops.softmax_cross_entropy(logits, labels)
dlogits = ops.softmax_cross_entropy_backward(1.0, logits, labels, probabilities)
assert_gradient(lambda z: np.asarray(ops.softmax_cross_entropy(z, labels)[0]), (logits,), np.asarray(1.0), (dlogits,))
print(f"the gradient is the slope; the largest sum of a row is {np.abs(dlogits.sum(axis=1)).max():.0e}")
try:
    assert_gradient(
        lambda z: np.asarray(ops.softmax_cross_entropy(z, labels)[0]), (logits,), np.asarray(1.0), (probabilities / 4,)
    )
except AssertionError as error:
    print("without subtracting the truth:", error)

# %% [markdown]
# **Label smoothing.** The loss is 0 only if $p_t = 1$, but this needs an infinite logit. So training makes logits
# larger and larger. *Label smoothing* (标签平滑) asks for a probability a little below 1. With $K$ classes and a small
# number $\epsilon$, the target is no longer 1 or 0. The new target $q$ and the loss are
#
# $$q_k = (1 - \epsilon) \, [k = t] + \frac{\epsilon}{K}, \qquad L = -\sum_k q_k \log p_k.$$
#
# We derive the gradient in the same two steps. Because $\sum_k q_k = 1$, the loss is
# $\log \sum_j e^{z_j} - \sum_k q_k z_k$, and
#
# $$\frac{\partial L}{\partial z_k} = p_k - q_k.$$
#
# The gradient is 0 when $p = q$, and finite logits can give these probabilities. By hand, we take the two classes of
# the example and $\epsilon = 0.1$. With $q = (0.05, 0.95)$ and $p = (0.25, 0.75)$, the loss is
# $L = -0.05 \log 0.25 - 0.95 \log 0.75 = 0.343$, and the gradient is $(0.2, -0.2)$. For ImageNet $\epsilon = 0.1$ is
# usual (Szegedy et al., see the references). The tiny network of this page is trained without label smoothing.

# %%
z, truth = np.array([[0, np.log(3)]]), np.array([1])
loss, probabilities = ops.softmax_cross_entropy(z, truth, label_smoothing=0.1)
dz = ops.softmax_cross_entropy_backward(1.0, z, truth, probabilities, label_smoothing=0.1)
print(f"loss {loss:.3f}, gradient {dz.round(3)[0].tolist()}")

# %% [markdown]
# ## Is the whole network's gradient right?
#
# Before training, we check the backward pass of all layers together, in float64 and in training mode. We move *all*
# parameters at once in one random direction. The slope of the loss in this direction must be the inner product of the
# gradient and the direction. If the gradient of one array is wrong, the inner product is wrong, too. So this check
# finds most mistakes. (The check cannot find a mistake that is smaller than the allowed difference, or two mistakes
# that cancel each other. Therefore the tests of ghostnp also check each operator by itself.)

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
# The loss falls fastest in the direction opposite to the gradient. *Stochastic gradient descent* (随机梯度下降) takes a
# few images at a time, a *batch*, and makes a small step in this direction. Three additions are usual:
#
# - *Momentum* (动量) keeps a velocity $v$, a sum of all gradients so far in which older gradients count less. (The
#   momentum of a batch norm's running statistics is another number.)
# - *Weight decay* (权重衰减) adds a small share of each weight to its gradient. This pulls weights towards zero.
# - The step size starts at a number that is called `rate`, and falls to zero along half a cosine.
#
# With momentum $\mu$, decay $\lambda$ and step size $\eta$, one step is
#
# $$v \leftarrow \mu v + dw + \lambda w, \qquad w \leftarrow w - \eta v.$$
#
# By hand, let $\mu = 0.9$, $\lambda = 0.1$ and $\eta = 0.5$, and let the gradient always be 1. We start with $w = 2$
# and $v = 0$. Step 1 gives $v = 0 + 1 + 0.2 = 1.2$ and $w = 2 - 0.6 = 1.4$. Step 2 gives $v = 1.08 + 1 + 0.14 = 2.22$
# and $w = 1.4 - 1.11 = 0.29$. The second step is longer than the first, because the velocity still contains the first
# gradient.
#
# Here are the definition of one step, and the loop that calls it. The dicts `grads` and `parameters()` have the same
# names, so the loop can go through both dicts together.

# %%
source(updates.sgd)
source(StepByLayers.__call__)

# %% [markdown]
# One pass through all images, in an order drawn at random, is an *epoch* (轮). A batch has 64 images. The last batch of
# an epoch is smaller, because 1437 is not a multiple of 64. `train` runs fifteen epochs, and gives the mean loss of
# each epoch. (For speed, `train` runs this step as a compiled program. This is explained in tutorial 12, "For the
# curious".)

# %%
losses, accuracies = [], []
for loss in train(model, *learnt):
    losses.append(loss)
    accuracies.append(accuracy(model, *held_out))
print(f"mean loss of the first epoch {losses[0]:.2f}, of the last {losses[-1]:.4f}")
print(f"right, of the {len(held_out.labels)} digits that were held out: {accuracies[-1]:.1%}")
assert accuracies[-1] > 0.97

# %%
figure, grid = style.sheet(10, 2.9, nrows=1, ncols=2, left=0.07, bottom=0.2, top=0.88, wspace=0.2)
axes = style.plain_axes(figure.add_subplot(grid[0]), "mean loss while learning", x_label="epoch")
axes.semilogy(range(1, 16), losses, "o-", color=style.GRADIENT)
axes = style.plain_axes(figure.add_subplot(grid[1]), "share of held-out digits that are right", x_label="epoch")
axes.plot(range(1, 16), accuracies, "o-", color=style.GATE)
axes.axhline(0.97, color="#999999", linewidth=1, linestyle=":")
show(
    figure,
    "Left, the mean loss falls from above 1 to below 0.01 in 15 epochs. Right, the share of held-out digits that "
    "are right rises from about three quarters to more than 97%, above the dotted line, after four epochs.",
)

# %% [markdown]
# The command `ghostnp train` trains in the same way, and writes a log, a picture and checkpoints to a folder. The
# command can also use other data, any network of ghostnp, and the optimisers of the section "Other steps".
#
# (The first point of the left curve is the *mean* loss of the first epoch. The loss falls so fast that this mean is
# already far below the 2.303 at the start.)
#
# After training, batch norm uses its running statistics instead of the statistics of a batch (tutorial 06, "Batch
# norm"). So training also had to collect the running statistics. They are in `state_dict()`, together with the
# parameters.
#
# ## Other steps
#
# **Adam.** The gradients of one weight may be a thousand times larger than the gradients of another weight. Adam
# divides each gradient by its usual size, so all weights move by steps of about $\eta$. For each weight Adam keeps two
# averages: $m$ is the average of the gradient, and $s$ is the average of its square. Both averages begin at 0. The
# share of the old average is $\beta_1$ for $m$ and $\beta_2$ for $s$. Step $t = 1, 2, \dots$ is
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, dw, \quad s \leftarrow \beta_2 s + (1 - \beta_2)\, dw^2, \quad
# w \leftarrow w - \eta \, \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}.$$
#
# The divisors $1 - \beta_1^t$ and $1 - \beta_2^t$ are needed because an average that starts at 0 is too small at first.
# The small constant $\epsilon$ prevents a division by 0.
#
# By hand, let $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\eta = 0.1$ and $w = 1$. (With $\epsilon = 10^{-8}$ the digits below
# do not change.) In step 1 the gradient is 2. Then $m = 0.2$ and $s = 0.004$. The corrected values are $0.2 / 0.1 = 2$
# and $0.004 / 0.001 = 4$, so $w = 1 - 0.1 \cdot 2 / \sqrt 4 = 0.9$. With a gradient of 2000, $w$ would be 0.9, too. In
# step 2 the gradient is $-1$. Then $m = 0.18 - 0.1 = 0.08$ and $s = 0.003996 + 0.001 = 0.004996$. The corrected values
# are $0.08 / 0.19 = 0.421$ and $0.004996 / 0.001999 = 2.499$, so $w = 0.9 - 0.1 \cdot 0.421 / 1.581 = 0.873$.
#
# AdamW and RMSProp are similar to Adam. The dict `UPDATES` has these three optimisers and gradient descent, with their
# settings:

# %%
w, mean, square = np.array([1.0]), np.zeros(1), np.zeros(1)
for step, gradient in enumerate((2.0, -1.0), start=1):
    w, mean, square = updates.adam(w, np.array([gradient]), mean, square, rate=0.1, step=step)
    print(f"step {step}: m = {mean[0]:.6f}, s = {square[0]:.6f}, w = {w[0]:.6f}")
assert np.isclose(w[0], 0.873, atol=5e-4)
for name, update in updates.UPDATES.items():
    print(f"{name:8} remembers {', '.join(update.states)}; settings {update.defaults}")

# %% [markdown]
# **Schedules.** A *schedule* says how the step size changes. A new network has large gradients, so it may help to begin
# with small steps. In the *warm-up* (预热) the step size rises along a straight line. After the warm-up, the step size
# falls along a cosine (schedule *cosine*), falls by a factor after every few epochs (*step*), or stays the same
# (*constant*).
#
# By hand, let `rate` be 0.1. There are four epochs of five steps each, and the first epoch is the warm-up. So the first
# five step sizes are 0.02, 0.04, 0.06, 0.08 and 0.1. Fifteen steps are left for the cosine. Their step sizes are
# $\eta = 0.05 \cdot (1 + \cos(\pi r))$ with $r = 0, 1/15, 2/15, \dots$, where $r$ is the share of these fifteen steps
# that are done. After five of them $r = 1/3$, the cosine is $1/2$, and $\eta = 0.075$.

# %%
figure, grid = style.sheet(8, 2.6, nrows=1, ncols=1, left=0.09, bottom=0.2, top=0.88)
axes = style.plain_axes(figure.add_subplot(grid[0]), "step size", x_label="step")
for colour, schedule in zip((style.GRADIENT, style.GATE, style.GHOST), SCHEDULES, strict=True):
    recipe = Recipe(epochs=4, rate=0.1, warm_up=1, schedule=schedule, every=2, fall=0.5)
    rates = [recipe.rate_of(number, per_epoch=5) for number in range(20)]
    axes.plot(rates, ".-", color=colour, label=schedule)
    for name, half in ((schedule, rates[:10]), ("", rates[10:])):
        print(f"{name:8}", *(f"{rate:.3f}" for rate in half))
    assert np.allclose(rates[:5], [0.02, 0.04, 0.06, 0.08, 0.1])
axes.legend(frameon=False)
show(
    figure,
    "Step sizes of 20 steps with three schedules. All rise to 0.1 in five steps. Then one stays, one falls along half a "
    "cosine nearly to zero, and one is halved ten steps later.",
)

# %% [markdown]
# **Averaged weights.** The last steps move each weight $w$ up and down. Its *moving average* $a$ changes less:
# $a \leftarrow d\,a + (1 - d)\,w$, where $d$ is a little below 1. By hand, let $d = 0.9$. The average $a$ starts at 1,
# and the weight is 2 in the next three steps. Then $a$ becomes 1.1, 1.19 and 1.271. With the argument `average=0.99` of
# `train` (or `ghostnp train --average 0.99`), the model has the averaged weights after training.
#
# **Clipping.** A single step that is much too long can ruin a network. So the gradients of all weights are taken as one
# vector. If the length of this vector is above $c$, all gradients are multiplied by $c$ / length. `ghostnp train` clips
# at 1.

# %%
a = np.array([1.0])
for _ in range(3):
    a = updates.average(a, np.array([2.0]), keep=0.9)
    print(f"average {a[0]:.3f}")
print(f"gradients (3, 4) have length 5, and are multiplied by {updates.clipping([np.array([3.0, 4.0])], 1.0):.3f}")

# %% [markdown]
# ## What the network gets wrong
#
# It is useful to look at the mistakes of the network:

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
show(
    figure,
    "The digits that the network gets wrong, each with the answer of the network and the truth. Most of them are "
    "hard to read for a person, too.",
)

# %% [markdown]
# **How were the digits held out?** They were chosen at random. So the same person may have written digits that the
# network learns from and digits that are held out. A harder question is how well the network reads the handwriting of
# other people. To answer this question, we hold out the last digits of the file. They were written by other people than
# the first digits:

# %%
learnt_in_order, others = load_digits(seed=None)
other_hands = tiny_ghostnet()
for _ in train(other_hands, *learnt_in_order):
    pass
print(f"right, of digits by writers that were also learnt from: {accuracies[-1]:.1%}")
print(f"right, of digits by other writers:                      {accuracy(other_hands, *others):.1%}")
assert 0.9 < accuracy(other_hands, *others) < accuracies[-1]

# %% [markdown]
# So the choice of the test images decides what is measured. If the network will have to read the handwriting of new
# people, hold out all digits of some people.
#
# **Do the documents say how to train?** Document 002 says that GhostNet has a new method of training, "low-rank
# decomposition" (claim C27). GhostNet has no such method: its paper trains by ordinary gradient descent, as here.
#
# ## Exercises
#
# **1.** *(easy)* A network gives the logits $(0, 0, \log 2)$ and class 2 is true. What is the loss? (Three digits.)

# %%
answer = None
check("13.1", answer)

# %% [markdown]
# **2.** *(easy)* What is the gradient of the loss of exercise 1 with respect to the logit of class 0?

# %%
answer = None
check("13.2", answer)

# %% [markdown]
# **3.** *(medium)* Take the same logits and the same true class, now with label smoothing $\epsilon = 0.3$. What is the
# gradient with respect to the logit of class 2?

# %%
answer = None
check("13.3", answer)

# %% [markdown]
# **4.** *(medium)* With momentum 0.9, no decay and a constant gradient of 1, how large is $v$ after many steps?

# %%
answer = None
check("13.4", answer)

# %% [markdown]
# **5.** *(derivation)* Show that with label smoothing the loss is smallest where $p = q$, and that it is not 0 there.
# What is the smallest possible loss for 10 classes and $\epsilon = 0.1$? (Three digits. To check your answer, give
# `ops.softmax_cross_entropy` the logits $\log q$.)

# %%
answer = None
check("13.5", answer)

# %% [markdown]
# ## References
#
# - E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998.
#   <https://doi.org/10.24432/C50P49>
# - C. Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR 2016, section 7: label
#   smoothing. <https://arxiv.org/abs/1512.00567>
# - I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and momentum in deep
#   learning", ICML 2013, equations (1) and (2).
# - D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
#   <https://arxiv.org/abs/1412.6980>
# - I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation (5).
#   <https://arxiv.org/abs/1608.03983>
#
# Next: tutorial 14 looks inside this network.
