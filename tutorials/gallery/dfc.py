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
# # Gallery: where does DFC attention help?
#
# **An attention that sees rows and columns: does it help, in which place, and which of its details matter?**
#
# The GhostNetV2 paper tests this in its ablations, and document 003 repeats the results in words. Attention helps in
# every stage. Larger kernels are better. Attention in the widening module helps more than in the narrowing one.
# Attention in both helps most, at a higher cost. Where the sigmoid stands, and how maps are pooled and enlarged, hardly
# matters. (We did not compare with the paper's tables.)
#
# Here attention is in none, some or all of three ghost bottlenecks. *DFC as usual* follows the official code. It is in
# the widening modules, with kernels of 5, average pooling, enlargement by nearest neighbour, and the sigmoid before the
# enlargement. The 1,797 digits are divided again for each seed: 500 images for training and 1,297 for testing, of 8x8
# pixels each. *far-pixels* was made to answer this question. Two pixels at opposite ends of a row of 16 are bright or
# dark. The label says whether they are alike. There are five seeds. (p is from a paired t-test over the seeds: the
# probability of a difference at least as large if the two networks were equally good.)
#
# The table was made by the command below. It wrote every network and seed to `dfc.json`, and this page only reads that
# file:
#
#     ghostnp ablate dfc --json tutorials/gallery/dfc.json

# %%
from ghostnp.course.study import show
from ghostnp.training.ablations import load_result

result = load_result("dfc.json")
print(result)

# %%
show(result.picture(), result.in_words())

# %% [markdown]
# ## What was seen
#
# - **On far-pixels the network needs attention that reaches far enough.** Without attention it guesses (50.1%), and
#   with a kernel of 3 as well (50.2%). With 5 it is right (99.7%), and with 7 too (100.0%). So larger kernels are
#   better, as the document says, and here the reason is visible: some output pixel must depend on both pixels.
#
# - **The position of the attention matters.** In block 1 alone it does not help (49.8%). It works on halved maps, where
#   its kernels of 5 reach 4 pixels to each side. The blocks behind it do not add enough reach. In block 3 alone it is
#   enough (100.0%), since that block works on maps of half the size, and the same kernels reach twice as far. There it
#   also costs least. The document says that attention helps in every stage. Here attention in all blocks is not better
#   than in block 3 alone.
#
# - **We saw no difference between the widening and the narrowing module** (0.0, p = 0.90). Attention in both is not
#   better either (−4.0, p = 0.27). With attention in both, one of the five networks was right for only 84% of the
#   images, and the others for at least 97%.
#
# - **For pooling, enlargement and the place of the sigmoid we saw no difference** (p from 0.13 to 0.93), as the
#   document says. With the sigmoid last, the network takes more time.
#
# - **On digits we saw no effect.** The difference is +0.6 with p = 0.08, and all differences between the details may be
#   chance. A digit of 8x8 pixels has no long range: the network sees all of it without attention.
#
# - With DFC as usual the network takes 28% more multiply-adds, but 77% more time for an image of far-pixels. The maps
#   are small, and there are many small steps.
#
# - On images of 12x12 pixels four of five networks without attention learnt far-pixels, and all with DFC as usual did.
#   On images of 24x24 pixels none of the four networks that were tried learnt it, not even with a kernel of 5. Which
#   distance is too far depends on the network.
#
# ## References
#
# - Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022.
#   <https://arxiv.org/abs/2211.12905>
