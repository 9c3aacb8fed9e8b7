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
# # Gallery: which unit, at equal cost?
#
# **We compare a convolution, a separable convolution, a ghost module, a ghost bottleneck and a shuffle unit. Which of
# them is best for the same number of multiply-adds, and which is fastest?**
#
# The ShuffleNet paper compares its own unit with the units of other networks at the same cost. Document 001 repeats
# this in its third comparison, and says that ShuffleNet is much better than the other networks. The GhostNet paper puts
# ghost modules into VGG-16 and ResNet-56, for half of the cost and nearly the same accuracy. (We did not compare with
# the tables of the papers.)
#
# Here a network has a stem and three units. The second unit has a stride of 2. The networks have two sizes, large and
# small. At each size, the widths are chosen so that the multiply-adds are the same within 6%. The 1,797 digits are
# divided again for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. (p is from a paired
# t-test over the seeds: the probability of a difference at least as large if the two networks were equally good.)
#
# The table was made by the command below. It wrote every network and seed to `units.json`, and this page only reads
# that file:
#
#     ghostnp ablate units --json tutorials/gallery/units.json

# %%
from ghostnp.course.study import show
from ghostnp.training.ablations import load_result

result = load_result("units.json")
print(result)

# %%
show(result.picture(), result.in_words())

# %% [markdown]
# ## What was seen
#
# - **At equal cost no unit is better than a convolution here, and none is worse as far as five seeds can tell.** All p
#   are above 0.1. At the large size, the mean accuracies of the other units are 0.2 to 0.6 below that of the
#   convolution. At the small size, some means are above that of the convolution, and some are below.
#
# - **We did not see that ShuffleNet is better.** At the large size it is the second worst of the five units, and at the
#   small size it is the best (+0.2, p = 0.71). With such a large p, this order may be chance.
#
# - **Equal multiply-adds are not equal time.** At the large size the convolution takes 5.9 µs for an image, and the
#   ghost module takes 8.3 µs. A possible reason is that the depthwise convolution of the ghost module does little work
#   for each byte that it moves (tutorial 12). At the small size the order is different: the separable convolution is
#   the fastest (2.7 µs), and the convolution is the slowest (3.9 µs).
#
# - Digits are easy: a network of 3,000 parameters reads 96% of them correctly. The differences in the ShuffleNet paper
#   were measured on ImageNet. The small networks of this page have too few channels for ImageNet.
#
# ## References
#
# - X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.
#   <https://arxiv.org/abs/1707.01083>
# - K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020. <https://arxiv.org/abs/1911.11907>
