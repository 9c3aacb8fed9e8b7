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
# **Of s maps, one is made by a convolution, and the others by cheap kernels of d x d. Which s and d are best?**
#
# The GhostNet paper answers this for VGG-16 on CIFAR-10. At s = 2 the kernel size 3 is better than 1, and also better
# than 5 and 7. With a larger s the cost falls to nearly 1/s, and the accuracy falls gradually. (No document has these
# tables. We did not compare our numbers with those of the paper.)
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
# - **We did not see that larger kernels than 3x3 are worse.** 5x5 and 7x7 are better here, by 0.7 (p = 0.07) and 0.8 (p
#   = 0.02). In these bottlenecks the other convolutions are 1x1. So almost only the cheap kernels read neighbouring
#   pixels. A digit is 8 pixels wide. In the paper's VGG-16 the primary convolutions are 3x3 themselves. But a 7x7
#   kernel costs twice the multiply-adds and time.
#
# - **More ghosts do not lose accuracy here**: from s = 2 to 4 the accuracy rises by 0.4 (p = 0.36), which may be
#   chance. The network without ghosts (s = 1) is the second worst (95.4%). With s = 1 there is no cheap operation, and
#   so no 3x3 kernel in the modules. So the comparison with s = 1 is unfair, and does not show that ghosts are better
#   than convolutions.
#
# - **The cost does not fall to 1/s.** Compared with s = 1, the cost is 73% at s = 2 and 59% at s = 4. The modules are
#   narrow: a pixel of an intrinsic map takes 16 to 72 products, one for each channel. The 9 products for a pixel of a
#   ghost are not much fewer.
#
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020. <https://arxiv.org/abs/1911.11907>
