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
# **If filters come in pairs of opposites, half of them should be enough when both signs are kept. Is
# that true?**
#
# The paper on CReLU compares ReLU, CReLU with as many filters (twice the maps), and CReLU with half of them (the same
# number of maps), on CIFAR-10 and CIFAR-100. Its abstract says that CReLU is better, with fewer parameters. (We did not
# compare with its tables.) Document 004 recommends CReLU in the first layers only, since pairs of opposites become rare
# with depth.
#
# Here a network has four 3x3 convolutions of 16 maps. CReLU is after the first, the first two, or all four. The last
# row of the table is a control: half the filters and no CReLU (CReLU: tutorial 06). The 1,797 digits are divided again
# for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. (p is from a paired t-test over the
# seeds: the probability of a difference at least as large if the two networks were equally good.)
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
#   97.4% with it and 97.5% without, p = 0.56. That agrees with the document.
#
# - **But the control is not clearly worse either.** With half the filters and an ordinary ReLU the accuracy is 96.9%
#   (−0.6, p = 0.14), with even fewer multiply-adds. So this network had more filters than it needs, and a part of what
#   CReLU "saves" could have been left out.
#
# - In all four layers CReLU with half the filters loses 0.6 (p = 0.05, at half the parameters). That fits the advice
#   to use it in the first layers only. But the reason may simply be that there are fewer weights.
#
# - **We did not see that CReLU with all filters is better.** The differences are −0.1 and +0.0, with more parameters.
#
# - One of the six tests gives p = 0.049: half the filters in one layer, with a difference of −0.4. Among six tests,
#   chance gives at least one such p with a probability of a quarter. So this difference may be chance. In an earlier
#   run, with the images in another order, the difference was +0.1.
#
# ## References
#
# - W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear
#   units", ICML 2016. <https://arxiv.org/abs/1603.05201>
