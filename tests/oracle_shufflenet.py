"""ShuffleNet's units and its first version, built with torch.nn. Nothing here comes from ghostnp.

Written from the paper's figures 1 and 2 and table 1, under the names of Megvii's checkpoint; Megvii's own unit and that
of document 001 are settings of the same class.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.oracle_keras import keras_conv_bn, same_avg_pool, same_max_pool
from tests.oracle_networks import conv_bn


def paper_shuffle(x, groups):
    """ShuffleNet's figure 1: write the channels as `groups` rows and read them column by column."""
    return torch.stack(x.chunk(groups, 1), 2).flatten(1, 2)


def megvii_shuffle(x, groups):
    """Megvii's code: write them as rows of `groups`, and read them column by column."""
    return torch.cat([x[:, first::groups] for first in range(groups)], 1)


def no_shuffle(x, groups):
    return x


class ShuffleUnit(nn.Module):
    """Units (a), (b) and (c); by default in the paper's order: 1x1, shuffle, depthwise, 1x1; [pool, main], ReLU."""

    def __init__(
        self,
        c_in,
        c_out,
        groups,
        first_groups=None,
        stride=1,
        bottleneck=None,
        *,
        shuffle=paper_shuffle,
        after_depthwise=False,
        main_first=False,
        relu_pooled=True,
        pool_same=False,
        brick=conv_bn,
    ):
        super().__init__()
        middle = bottleneck or c_out // 4
        self.groups, self.stride, self.shuffle = groups, stride, shuffle
        self.after_depthwise, self.main_first = after_depthwise, main_first
        self.relu_pooled, self.pool_same = relu_pooled, pool_same
        main = c_out if stride == 1 else c_out - c_in
        first = brick(c_in, middle, 1, groups=first_groups or groups, relu=True)
        self.branch_main_1 = nn.Sequential(*first, *brick(middle, middle, 3, stride, groups=middle))
        self.branch_main_2 = nn.Sequential(*brick(middle, main, 1, groups=groups))

    def forward(self, x):
        y = self.branch_main_1[:3](x)
        if self.after_depthwise:
            y = self.shuffle(self.branch_main_1[3:](y), self.groups)
        else:
            y = self.branch_main_1[3:](self.shuffle(y, self.groups))
        y = self.branch_main_2(y)
        if self.stride == 1:
            return F.relu(x + y)
        pooled = same_avg_pool(x, 3, self.stride) if self.pool_same else F.avg_pool2d(x, 3, self.stride, 1)
        if not self.relu_pooled:
            y = F.relu(y)
        y = torch.cat([y, pooled] if self.main_first else [pooled, y], 1)
        return F.relu(y) if self.relu_pooled else y


MEGVII = {"shuffle": megvii_shuffle, "after_depthwise": True, "relu_pooled": False}
DOCUMENT_001 = {"main_first": True, "pool_same": True, "brick": keras_conv_bn}


class ShuffleNetV1(nn.Module):
    """Megvii's network: `widths` are the channels of the stem and of the three stages."""

    def __init__(self, widths, groups, num_classes=1000, group_first=False, bias=False, unit=MEGVII):
        super().__init__()
        brick = unit.get("brick", conv_bn)
        channels, *stages = widths
        self.first_conv = nn.Sequential(*brick(3, channels, 3, 2, relu=True))
        units = []
        for out, repeats in zip(stages, (4, 8, 4), strict=True):
            units.append(ShuffleUnit(channels, out, groups, None if units or group_first else 1, 2, **unit))
            units += [ShuffleUnit(out, out, groups, **unit) for _ in range(repeats - 1)]
            channels = out
        self.features = nn.Sequential(*units)
        self.classifier = nn.Sequential(nn.Linear(channels, num_classes, bias=bias))

    def pool(self, x):
        return F.max_pool2d(x, 3, 2, 1)

    def forward(self, x):
        return self.classifier(self.features(self.pool(self.first_conv(x))).mean((2, 3)))


class ShuffleNetV1Keras(ShuffleNetV1):
    """Document 001's: grouped from the first unit on, biases everywhere, 'same' padding, and a softmax at the end."""

    def __init__(self, num_classes=1000):
        super().__init__((24, 240, 480, 960), 3, num_classes, group_first=True, bias=True, unit=DOCUMENT_001)

    def pool(self, x):
        return same_max_pool(x, 3, 2)

    def forward(self, x):
        return super().forward(x).softmax(1)
