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
# **A gate for each channel, from the mean of the whole image: does it help, and does its form matter?**
#
# The GhostNetV2 paper compares squeeze-and-excitation (SE) with other attentions in MobileNetV2. Document 003 repeats
# the comparison. In it DFC gives the highest accuracy. (We did not compare with the papers' tables.) The gate is a
# sigmoid in the SE paper and in document 000, a hard sigmoid in the official PyTorch code of GhostNet, and a clip in
# the official TensorFlow code. None of these sources compares the three gates.
#
# Here a network has three ghost bottlenecks, with or without SE between their ghost modules. The 1,797 digits are
# divided again for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. *global-statistic* was
# made to answer this question. An image has 12x12 pixels of noise. It has somewhat more bright than dark pixels, or
# somewhat more dark than bright ones. A spot is added, which is bright or dark. The label says whether the spot and
# most of the noise are alike: both bright, or both dark. (p is from a paired t-test over the seeds: the probability of
# a difference at least as large if the two networks were equally good.)
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
# - **On global-statistic SE helps.** The accuracy is 99.7% with SE and 96.7% without it (p = 0.04). The spread over
#   seeds falls from 2.3 to 0.1. A network without SE does learn most of the task, since its last layers see nearly the
#   whole small image.
#
# - **On digits we did not see that SE helps**: +0.4, p = 0.29. The digits fill the image, and a pixel of the last block
#   depends on most of a digit.
#
# - **The form of the gate does not matter here.** No difference is larger than chance (p from 0.23 to 0.44). The three
#   codes have different gates, but this is no reason to expect different accuracies after training. For weights that
#   were already trained with one gate, the form does matter (tutorial 07, "Clamp or sigmoid?").
#
# - SE takes only 3% more multiply-adds. But this small network gets 77% more parameters, and takes 15% more time,
#   because the gate has to wait for the mean over all pixels.
#
# ## References
#
# - J. Hu, L. Shen, G. Sun, "Squeeze-and-excitation networks", CVPR 2018. <https://arxiv.org/abs/1709.01507>
# - X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.
#   <https://arxiv.org/abs/1707.01083>
# - Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022.
#   <https://arxiv.org/abs/2211.12905>
