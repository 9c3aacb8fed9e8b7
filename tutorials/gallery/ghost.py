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
# # Gallery: how many ghosts, and which kernel?
#
# **A ghost module makes one of s maps by a convolution, and the other maps by cheap kernels of d x d. Which s and d are
# best?**
#
# The GhostNet paper answers this for VGG-16 on CIFAR-10. At s = 2 the kernel size 3 is better than 1, and also better
# than 5 and 7. With a larger s the cost falls to nearly 1/s of the cost without ghosts, and the accuracy falls
# gradually. (No document has these tables. We did not compare our numbers with those of the paper.)
#
# Here a network of three ghost bottlenecks is built for each s and d. The 1,797 digits are divided again for each seed:
# 500 images for training and 1,297 for testing, of 8x8 pixels each. (p is from a paired t-test over the seeds: the
# probability of a difference at least as large if the two networks were equally good.)
#
# The table was made by the command below. It wrote every network and seed to `ghost.json`, and this page only reads
# that file:
#
#     ghostnp ablate ghost --json tutorials/gallery/ghost.json

# %%
from ghostnp.course.study import show
from ghostnp.training.ablations import load_result

result = load_result("ghost.json")
print(result)

# %%
show(result.picture(), result.in_words())

# %% [markdown]
# ## What was seen
#
# - **A kernel of 1x1 is worst** (−1.5 against 3x3, p = 0.02). Such a kernel can only scale a map.
#
# - **We did not see that larger kernels than 3x3 are worse.** Kernels of 5x5 and 7x7 are better here, by 0.7 (p = 0.07)
#   and 0.8 (p = 0.02). A possible reason is that almost only the cheap kernels read neighbouring pixels, because nearly
#   all other convolutions in these bottlenecks are 1x1. In the VGG-16 of the paper, the primary convolutions are 3x3.
#   The better accuracy has a price: with 7x7 kernels a network has twice as many multiply-adds as with 3x3 kernels, and
#   takes twice the time.
#
# - **More ghosts do not lose accuracy here**: from s = 2 to s = 4 the accuracy rises by 0.4 (p = 0.36), which may be
#   chance. The network without ghosts (s = 1) is the second worst (95.4%). But its modules have no cheap operation, and
#   so no 3x3 kernel. Therefore the comparison with s = 1 is unfair, and does not show that ghosts are better than
#   convolutions.
#
# - **The cost does not fall to 1/s.** Compared with s = 1, the cost is 73% at s = 2 and 59% at s = 4. The reason is
#   that the modules have few channels. A pixel of an intrinsic map takes 16 to 72 products, one for each input channel.
#   A pixel of a ghost map takes 9 products, which is not much less.
#
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020. <https://arxiv.org/abs/1911.11907>
