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
# # Gallery: does CReLU save filters?
#
# **If filters come in pairs of opposites, half of the filters should be enough when CReLU keeps both signs. Is that
# true?**
#
# CReLU (tutorial 06) makes two maps from each filter, one for each sign. The paper on CReLU compares three kinds of
# networks on CIFAR-10 and CIFAR-100: with ReLU, with CReLU and the same number of filters (twice the maps), and with
# CReLU and half the filters (the same number of maps). The abstract of the paper says that CReLU is better, with fewer
# parameters. (We did not compare with the tables of the paper.) Document 004 recommends CReLU in the first layers only,
# since pairs of opposites become rare with depth.
#
# Here a network has four 3x3 convolutions of 16 maps. CReLU follows the first convolution, the first two, or all four.
# The last row of the table is a control: it has half the filters in the first two convolutions, and no CReLU. The 1,797
# digits are divided again for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. (p is from
# a paired t-test over the seeds: the probability of a difference at least as large if the two networks were equally
# good.)
#
# The table was made by the command below. It wrote every network and seed to `crelu.json`, and this page only reads
# that file:
#
#     ghostnp ablate crelu --json tutorials/gallery/crelu.json

# %%
from ghostnp.course.study import show
from ghostnp.training.ablations import load_result

result = load_result("crelu.json")
print(result)

# %%
show(result.picture(), result.in_words())

# %% [markdown]
# ## What was seen
#
# - **CReLU in the first two layers saves a third of the multiply-adds, and we did not see a loss**: the accuracy is
#   97.4% with CReLU and 97.5% without it (p = 0.56). This agrees with the document.
#
# - **But the control is not clearly worse either.** With half the filters and an ordinary ReLU the accuracy is 96.9%
#   (−0.6, p = 0.14), with even fewer multiply-adds. So the network with ReLU has more filters than it needs. A part of
#   the saving is possible without CReLU.
#
# - CReLU with half the filters in all four layers loses 0.6 (p = 0.05), with half the parameters. This agrees with the
#   advice to use CReLU in the first layers only. But the reason may simply be that there are fewer weights.
#
# - **We did not see that CReLU with all filters is better.** The differences are −0.1 and +0.0, with more parameters.
#
# - Two of the six tests give a p just below 0.05. One is CReLU in all four layers (p = 0.047). The other is CReLU with
#   half the filters in one layer (p = 0.049, with a difference of −0.4). If all networks were equally good, six tests
#   would give at least one such p with a probability of about a quarter. So a single p of 0.049 is weak evidence. In an
#   earlier run, with the images in another order, the difference for one layer was +0.1.
#
# ## References
#
# - W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear
#   units", ICML 2016. <https://arxiv.org/abs/1603.05201>
