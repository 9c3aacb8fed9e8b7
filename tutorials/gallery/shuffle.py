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
# # Gallery: does channel shuffle help?
#
# **Groups make a 1x1 convolution cheap and cut the channels off from each other. Does a shuffle connect them again?**
#
# The ShuffleNet paper has a table of networks with and without shuffle, and one for several numbers of groups. Document
# 001 repeats both in its comparisons 1 and 2. It says that all networks are much better with shuffle, even the narrow
# ones. It also says that more groups are better, clearly so for narrow networks. (We did not compare with the paper's
# tables.)
#
# Here a network has three shuffle units of 24 channels. Both data sets are small. The 1,797 digits are divided again
# for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. *mixed-groups* was made to answer
# this question. It has 24 channels, and the label says whether the first and the last channel are alike. These two are
# never in one group. (p is from a paired t-test over the seeds: the probability of a difference at least as large if
# the two networks were equally good.)
#
# The table was made by the command below. It wrote every network and seed to `shuffle.json`, and this page only reads
# that file:
#
#     ghostnp ablate shuffle --json tutorials/gallery/shuffle.json

# %%
from ghostnp.course.study import show
from ghostnp.training.ablations import load_result

result = load_result("shuffle.json")
print(result)

# %%
show(result.picture(), result.in_words())

# %% [markdown]
# ## What was seen
#
# - **On mixed-groups the shuffle is needed.** Without it the networks guess (about 50%) for every number of groups
#   above 1, with all seeds. With shuffle all images are right. It can be proved that the shuffle is needed. Without
#   shuffle the logits are a sum with one term for each group, and each term depends on the channels of its group only.
#   Whether two channels of different groups are alike cannot be written as such a sum.
#
# - **On digits we did not see what the document concludes.** None of the four differences is larger than the
#   differences between seeds (p from 0.24 to 0.72). For 3 groups the network with shuffle is even a little worse. The
#   first convolution has no groups, so every later group gets information about the whole grey image. The classifier
#   adds up the groups. For digits that is enough. With 8 groups the difference is largest (+0.8), but with five seeds
#   this may be chance.
#
# - More groups at the same width are worse throughout (from 97.7% to 95.4% with shuffle): they have fewer weights. The
#   paper makes the network wider for more groups, at equal cost. We kept the width.
#
# - A shuffle has no multiply-adds, but it takes time: about 6 to 10% of the time of a network here.
#
# ## References
#
# - X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.
#   <https://arxiv.org/abs/1707.01083>
