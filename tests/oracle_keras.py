"""Keras's convolution, batch norm and pools, and GhostNet in every dialect, built with torch.nn.

Nothing here comes from ghostnp. The bricks are written from TensorFlow's description of 'same' padding and from Keras's
of BatchNormalization; the network from document 000's code and from Huawei's, under Huawei's names.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.oracle_networks import TABLE, SqueezeExcite, chain, conv_bn, hard_sigmoid, multiple_of_4


def same_pad(x, kernel, stride, value=0.0):
    """TensorFlow's guide: kernel - stride pixels where the stride divides the size, else kernel - (size % stride)."""
    total = [max(kernel - (size % stride or stride), 0) for size in x.shape[2:]]
    (top, left), (bottom, right) = (t // 2 for t in total), (t - t // 2 for t in total)
    return F.pad(x, (left, right, top, bottom), value=value)


def same_max_pool(x, kernel, stride):
    return F.max_pool2d(same_pad(x, kernel, stride, value=-torch.inf), kernel, stride)


def same_avg_pool(x, kernel, stride):
    """The sum over a window, divided by how many pixels of the image are in it."""
    total, count = (F.avg_pool2d(same_pad(t, kernel, stride), kernel, stride) for t in (x, torch.ones_like(x)))
    return total / count


class SameConv2d(nn.Conv2d):
    def forward(self, x):
        return super().forward(same_pad(x, self.kernel_size[0], self.stride[0]))


class KerasNorm(nn.BatchNorm2d):
    """Momentum .99 of Keras is .01 here; the moving variance gathers the biased variance of the batch."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-3, momentum=0.01)

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                var, mean = torch.var_mean(x, (0, 2, 3), correction=0)
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
                self.num_batches_tracked += 1
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
        return super().forward(x)


def keras_conv_bn(c_in, c_out, kernel, stride=1, groups=1, relu=False):
    conv = SameConv2d(c_in, c_out, kernel, stride, groups=groups)
    return [conv, KerasNorm(c_out)] + relu * [nn.ReLU()]


class GhostFirst(nn.Module):
    """A ghost module as document 000 concatenates it; channel counts are even."""

    def __init__(self, brick, c_in, c_out, relu):
        super().__init__()
        half = c_out // 2
        self.primary_conv = nn.Sequential(*brick(c_in, half, 1, relu=relu))
        self.cheap_operation = nn.Sequential(*brick(half, half, 3, groups=half, relu=relu))

    def forward(self, x):
        intrinsic = self.primary_conv(x)
        return torch.cat([self.cheap_operation(intrinsic), intrinsic], 1)


class GhostLast(GhostFirst):
    """The same in Huawei's order."""

    def forward(self, x):
        intrinsic = self.primary_conv(x)
        return torch.cat([intrinsic, self.cheap_operation(intrinsic)], 1)


class Bottleneck(nn.Module):
    def __init__(self, brick, ghost, c_in, hidden, c_out, kernel, stride, se, relu_after_stride, projection):
        super().__init__()
        self.ghost1 = ghost(brick, c_in, hidden, relu=True)
        self.between = None
        if stride > 1:
            self.conv_dw, self.bn_dw = brick(hidden, hidden, kernel, stride, groups=hidden)
            self.between = F.relu if relu_after_stride else lambda y: y
        self.se = se
        self.ghost2 = ghost(brick, hidden, c_out, relu=False)
        self.adds = projection or (c_in == c_out and stride == 1)
        self.shortcut = nn.Sequential()
        if projection and (c_in != c_out or stride > 1):
            self.shortcut = nn.Sequential(*brick(c_in, c_in, kernel, stride, groups=c_in), *brick(c_in, c_out, 1))

    def forward(self, x):
        y = self.ghost1(x)
        if self.between:
            y = self.between(self.bn_dw(self.conv_dw(y)))
        y = self.ghost2(self.se(y))
        return y + self.shortcut(x) if self.adds else y


class GhostNet(nn.Module):
    """Huawei's network by default; each keyword takes over one thing from document 000."""

    def __init__(
        self,
        width=1.0,
        num_classes=1000,
        *,
        brick=conv_bn,
        ghost=GhostLast,
        relu_after_stride=False,
        projection=True,
        gate=hard_sigmoid,
        hidden_of=lambda channels: multiple_of_4(channels / 4),
        head_norm=False,
        softmax=False,
    ):
        super().__init__()
        channels, last = multiple_of_4(16 * width), multiple_of_4(960 * width)
        self.conv_stem, self.bn1 = brick(3, channels, 3, 2)
        self.blocks = nn.Sequential()
        for number, rows in enumerate(TABLE):
            self.blocks.add_module(str(number), stage := nn.Sequential())
            for place, (kernel, full_hidden, full_out, squeeze, stride) in enumerate(rows):
                hidden, out = multiple_of_4(full_hidden * width), multiple_of_4(full_out * width)
                se = SqueezeExcite(hidden, hidden_of(hidden), gate) if squeeze else nn.Identity()
                geometry = channels, hidden, out, kernel, stride
                stage.add_module(str(place), Bottleneck(brick, ghost, *geometry, se, relu_after_stride, projection))
                channels = out
        conv, bn1 = brick(channels, last, 1)
        self.blocks.add_module("9", nn.Sequential(chain(conv=conv, bn1=bn1, act1=nn.ReLU())))
        if head_norm:
            self.conv_head, self.bn2 = brick(last, 1280, 1)
        else:
            self.conv_head, self.bn2 = nn.Conv2d(last, 1280, 1), nn.Identity()
        self.classifier = nn.Linear(1280, num_classes)
        self.softmax = softmax

    def forward(self, x):
        x = self.blocks(F.relu(self.bn1(self.conv_stem(x))))
        x = F.relu(self.bn2(self.conv_head(x.mean((2, 3), keepdim=True))))
        logits = self.classifier(x.flatten(1))
        return logits.softmax(1) if self.softmax else logits


# What document 000 does otherwise, one thing at a time, under the names that ghostnp gives to them.
DOCUMENT_000 = {
    "conv_norm": {"brick": keras_conv_bn},
    "ghosts_first": {"ghost": GhostFirst},
    "relu_after_stride": {"relu_after_stride": True},
    "projection": {"projection": False},
    "gate": {"gate": torch.sigmoid},
    "squeeze_divisor": {"hidden_of": lambda channels: channels // 4},
    "head_norm": {"head_norm": True},
    "probabilities": {"softmax": True},
}


def ghostnet_keras(num_classes=1000, width=1.0):
    differences = {name: value for change in DOCUMENT_000.values() for name, value in change.items()}
    return GhostNet(width, num_classes, **differences)
