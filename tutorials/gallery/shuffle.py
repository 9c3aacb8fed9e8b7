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
# ShuffleNet asks this with and without shuffle, and for several numbers of groups. Document 001 repeats both tables in
# its comparisons 1 and 2. It says that the networks are much better with shuffle, also the narrow ones, and that more
# groups are better, clearly so for narrow networks. (We did not compare with the paper's tables.)
#
# Here a network has three shuffle units of 24 channels. Both data sets are small. The 1,797 digits are divided again
# for each seed: 500 images for training and 1,297 for testing, of 8x8 pixels each. *mixed-groups* was made to answer
# this question. It has 24 channels, and the label says whether the first and the last channel are alike. These two are
# never in one group. (p is from a paired t-test over the seeds: the probability of a difference at least as large if
# the two networks were equally good.)
#
# The table was made by this command, and this page only reads what it wrote (`shuffle.json`, every network and seed):
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
#   above 1, with all seeds. With it all are right. This can be proved. Without shuffle the logits are a sum with one
#   term for each group, and each term depends on the channels of its group only. Whether two channels of different
#   groups are alike cannot be written as such a sum.
#
# - **On digits we did not see what the document concludes.** None of the four differences is larger than the
#   differences between seeds (p from 0.24 to 0.72). For 3 groups shuffle is even a little worse. The stem is a full
#   convolution of a grey image, so every group sees the whole digit, and the classifier adds the groups up. That is
#   enough for digits. With 8 groups the difference is largest (+0.8), but with five seeds this may be chance.
#
# - More groups at the same width are worse throughout (from 97.7% to 95.4% with shuffle): they have fewer weights.
#   The paper makes the network wider for more groups, at equal cost. We did not.
#
# - A shuffle has no multiply-adds, but it takes time: about 6 to 10% of the time of a network here.
#
# ## References
#
# - X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR 2018.
#   <https://arxiv.org/abs/1707.01083>
