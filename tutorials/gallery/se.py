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
# # Gallery: does squeeze-and-excitation help?
#
# **Squeeze-and-excitation computes a gate for each channel, from the means of the whole image. Does this help, and does
# the form of the gate matter?**
#
# The GhostNetV2 paper compares squeeze-and-excitation (SE) with other attentions in MobileNetV2. Document 003 repeats
# this comparison, in which DFC attention gives the highest accuracy. (We did not compare with the tables of the
# papers.) The gate is a sigmoid in the SE paper and in document 000, a hard sigmoid in the official PyTorch code of
# GhostNet, and a clip in the official TensorFlow code. None of these sources compares the three gates.
#
# Here a network has three ghost bottlenecks, with or without SE between their ghost modules. There are two data sets.
# The first is the 1,797 digits. They are divided again for each seed: 500 images for training and 1,297 for testing, of
# 8x8 pixels each. The second data set, *global-statistic*, was made to answer the question of this page. An image has
# 12x12 pixels of noise, with somewhat more bright pixels than dark ones, or somewhat more dark pixels than bright ones.
# A spot is added, which is bright or dark. The label says whether the spot is like most of the noise: both are bright,
# or both are dark. (p is from a paired t-test over the seeds: the probability of a difference at least as large if the
# two networks were equally good.)
#
# The table was made by the command below. It wrote every network and seed to `se.json`, and this page only reads that
# file:
#
#     ghostnp ablate se --json tutorials/gallery/se.json

# %%
from ghostnp.course.study import show
from ghostnp.training.ablations import load_result

result = load_result("se.json")
print(result)

# %%
show(result.picture(), result.in_words())

# %% [markdown]
# ## What was seen
#
# - **On global-statistic SE helps.** The accuracy is 99.7% with SE and 96.7% without it (p = 0.04). The standard
#   deviation over the seeds falls from 2.3 to 0.1. A network without SE also learns most of the task, because its last
#   layers see nearly the whole small image.
#
# - **On digits we did not see that SE helps**: the difference is +0.4 (p = 0.29). A pixel of the last block depends on
#   most of the image, so a gate from the whole image may add little.
#
# - **The form of the gate does not matter here.** No difference is larger than chance (p from 0.23 to 0.44). So the
#   different gates of the three codes are no reason to expect different accuracies after training. But for weights that
#   were already trained with one gate, the form of the gate does matter (tutorial 07, "Clamp or sigmoid?").
#
# - On digits, the network with SE has only 3% more multiply-adds than the network without SE. But it has 77% more
#   parameters, and takes 15% more time, because a gate has to wait for the mean over all pixels.
#
# ## References
#
# - J. Hu, L. Shen, G. Sun, "Squeeze-and-excitation networks", CVPR 2018. <https://arxiv.org/abs/1709.01507>
# - X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.
#   <https://arxiv.org/abs/1707.01083>
# - Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022.
#   <https://arxiv.org/abs/2211.12905>
