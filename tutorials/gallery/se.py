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
# GhostNetV2 compares SE with other attentions in MobileNetV2, and document 003 repeats it. DFC gives the highest
# accuracy there. (We did not compare with the papers' tables.) The gate is a sigmoid in the paper and in document 000,
# a hard sigmoid in the official PyTorch code of GhostNet, and a clip in the official TensorFlow code. None of these
# sources compares the three gates.
#
# Here three ghost bottlenecks have SE between their ghost modules, or not. The 1,797 digits are divided again for each
# seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. *global-statistic* was made to answer this
# question. An image has 12x12 pixels of noise, with somewhat more bright than dark pixels, or somewhat more dark than
# bright ones. A bright or a dark spot is added. The label says whether the spot and most of the noise are alike: both
# bright, or both dark. (p is from a paired t-test over the seeds: the probability of a difference at least as large if
# the two networks were equally good.)
#
# The table was made by this command, and this page only reads what it wrote (`se.json`, every network and seed):
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
# - **On global-statistic SE helps.** 99.7% instead of 96.7%, and the spread over seeds falls from 2.3 to 0.1 (p =
#   0.04). A network without SE does learn most of it: its last layers see nearly the whole small image.
#
# - **On digits we did not see that it helps**: +0.4, p = 0.29. The digits fill the image, and a pixel of the last
#   block depends on most of a digit.
#
# - **Which gate it is does not matter here.** No difference is larger than chance (p from 0.23 to 0.44). That the
#   three codes differ in this is no reason to expect another accuracy after training. For weights that were trained
#   with one gate it does matter (tutorial 07, "Clamp or sigmoid?").
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
