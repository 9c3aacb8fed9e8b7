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
# **One map in s is made by a convolution, the others by a cheap kernel of d x d. Which s and which d?**
#
# GhostNet answers it for VGG-16 on CIFAR-10. At s = 2 the kernel size 3 is better than 1, and also better than 5 and
# 7. With a larger s the cost falls to nearly 1/s, and the accuracy falls gradually. (No document has these tables, and
# we did not compare with the paper's.)
#
# Here a network of three ghost bottlenecks is built for each s and d. The 1,797 digits are divided again for each seed:
# 500 images for training and 1,297 for testing, of 8x8 pixels each. (p is from a paired t-test over the seeds: the
# probability of a difference at least as large if the two networks were equally good.)
#
# The table was made by this command, and this page only reads what it wrote (`ghost.json`, every network and seed):
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
# - **A kernel of 1x1 is worst** (−1.5, p = 0.02): it can only scale a map.
#
# - **We did not see that larger kernels than 3x3 are worse.** 5x5 and 7x7 are better here, by 0.7 (p = 0.07) and 0.8 (p
#   = 0.02). In these bottlenecks the other convolutions are 1x1, so almost only the cheap kernels read neighbouring
#   pixels, and a digit is 8 pixels wide. In the paper's VGG-16 the primary convolutions are 3x3 themselves. But 7x7
#   costs twice the multiply-adds and time.
#
# - **More ghosts do not lose accuracy here**: from s = 2 to 4 it rises by 0.4 (p = 0.36), which may be chance. The
#   network without ghosts is the second worst (95.4%). With s = 1 there is no cheap operation, and so no 3x3 kernel in
#   the modules. So s = 1 is an unfair comparison here, and no sign that ghosts are better than convolutions.
#
# - **The cost does not fall to 1/s.** At s = 4 it is 59% of s = 1, and at s = 2 73%. The modules are narrow (16 to 72
#   channels), so the 9 products for a pixel of a ghost are not much fewer than the 16 to 72 for a pixel of an intrinsic
#   map.
#
# ## References
#
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020. <https://arxiv.org/abs/1911.11907>
