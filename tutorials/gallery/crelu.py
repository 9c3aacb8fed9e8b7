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
# **If filters come in pairs of opposites, half of them and both signs should do. Do they?**
#
# CReLU's tables for CIFAR-10 and CIFAR-100 compare ReLU, CReLU with as many filters (twice the maps), and CReLU with
# half of them (the same number of maps). Half the filters are as good as ReLU or better there, with fewer parameters.
# Document 004 wants CReLU in the first layers only, since pairs of opposites become rare with depth.
#
# Here a network has four 3x3 convolutions of 16 maps. CReLU is after the first, the first two, or all four. The last
# row is a control: half the filters and no CReLU. Digits: 500 images to train on and 1,297 to test with, 8x8 pixels,
# dealt out anew for each seed.
#
# The table was made by this command, and this page only reads what it wrote (`crelu.json`, every network and seed):
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
# - **CReLU in the first two layers saves a third of the multiply-adds and loses nothing that can be seen**: 97.4% and
#   97.5%, p = 0.56. That is what the document says.
#
# - **But the control is not clearly worse either.** With half the filters and an ordinary ReLU it is 96.9% (−0.6, p =
#   0.14), with even fewer multiply-adds. So this network had more filters than it needs, and a part of what CReLU
#   "saves" could have been left out.
#
# - In all four layers CReLU with half the filters loses 0.6 (p = 0.05, at half the parameters). That fits the advice
#   to use it in the first layers only. It cannot be told from having fewer weights.
#
# - **That CReLU with all filters is better does not show.** −0.1 and +0.0, with more parameters.
#
# - Half the filters in one layer are worse by 0.4 with p = 0.049, and in two layers they are not. Of six tests one
#   has such a p by chance with a probability of a quarter; it is no result. An earlier run, whose images came in
#   another order, had +0.1 there.
#
# ## References
#
# - W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear
#   units", ICML 2016. <https://arxiv.org/abs/1603.05201>
