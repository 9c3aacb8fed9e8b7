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
# **Groups make a 1x1 convolution cheap, but separate the channels of different groups. Does a shuffle connect these
# channels again?**
#
# The ShuffleNet paper has a table of networks with and without shuffle, and a table of networks with several numbers of
# groups. Document 001 repeats both tables in its comparisons 1 and 2. It says that all networks are much better with
# shuffle, even the narrow networks. It also says that more groups are better, and that the difference is clearest for
# narrow networks. (We did not compare with the tables of the paper.)
#
# Here a network has three shuffle units of 24 channels. There are two small data sets. The first is the 1,797 digits.
# They are divided again for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. The second
# data set, *mixed-groups*, was made to answer the question of this page. Its images have 24 channels, and the label
# says whether the first and the last channel are alike. With more than one group, these two channels are never in the
# same group. (p is from a paired t-test over the seeds: the probability of a difference at least as large if the two
# networks were equally good.)
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
# - **On mixed-groups the shuffle is needed.** Without shuffle, the networks with more than one group only guess (about
#   50% are right), with all seeds. With shuffle, all test images are classified correctly. It can be proved that
#   networks with groups need the shuffle here. Without shuffle the logits are a sum with one term for each group, and
#   each term depends only on the channels of its group. No such sum can say whether two channels of different groups
#   are alike.
#
# - **On digits we did not see that shuffle helps.** None of the four differences is larger than the differences between
#   seeds (p from 0.24 to 0.72). For 3 groups the network with shuffle is even a little worse. The first convolution has
#   no groups, so every later group gets information about the whole grey image. The classifier then adds up the groups.
#   This seems to be enough for digits. The difference is largest with 8 groups (+0.8), but with five seeds this may be
#   chance.
#
# - All networks with groups are worse than the network with one group (from 97.7% with one group to 95.4% with 8 groups
#   and shuffle). All networks here have the same width, so those with more groups have fewer weights. The paper makes
#   networks with more groups wider, so that the cost is equal.
#
# - A shuffle has no multiply-adds, but it takes time: the networks with shuffle take about 6 to 10% longer.
#
# ## References
#
# - X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.
#   <https://arxiv.org/abs/1707.01083>
