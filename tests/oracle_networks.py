"""The layers and GhostNet built with torch.nn, under the official names. Nothing here comes from ghostnp.

Each is written from its paper's figures and tables. A layer without parameters leaves no trace in a state dict, so only
convolutions, norms and linear layers need the name that they have in the official checkpoint.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)


def chain(*layers, **named):
    """nn.Sequential with names of one's own behind the numbered ones."""
    sequence = nn.Sequential(*layers)
    for name, layer in named.items():
        sequence.add_module(name, layer)
    return sequence


def conv_bn(c_in, c_out, kernel, stride=1, groups=1, relu=False):
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(c_out)] + relu * [nn.ReLU()]


def hard_sigmoid(z):
    return F.relu6(z + 3) / 6


def clip(z):
    return z.clamp(0, 1)


class Apply(nn.Module):
    """A function of one tensor as a module."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


class SqueezeExcite(nn.Module):
    def __init__(self, channels, hidden, gate=hard_sigmoid):
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, hidden, 1)
        self.conv_expand = nn.Conv2d(hidden, channels, 1)
        self.gate = gate

    def forward(self, x):
        squeezed = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.conv_expand(F.relu(self.conv_reduce(squeezed))))


class GhostModule(nn.Module):
    def __init__(self, c_in, c_out, kernel_size=1, ratio=2, cheap_kernel_size=3, stride=1, relu=True):
        super().__init__()
        self.keep = c_out
        intrinsic = math.ceil(c_out / ratio)
        self.primary_conv = nn.Sequential(*conv_bn(c_in, intrinsic, kernel_size, stride, relu=relu))
        self.cheap_operation = None
        if ratio > 1:
            cheap = conv_bn(intrinsic, intrinsic * (ratio - 1), cheap_kernel_size, groups=intrinsic, relu=relu)
            self.cheap_operation = nn.Sequential(*cheap)

    def forward(self, x):
        intrinsic = self.primary_conv(x)
        if self.cheap_operation is None:
            return intrinsic
        return torch.cat([intrinsic, self.cheap_operation(intrinsic)], 1)[:, : self.keep]


class DFCAttention(nn.Sequential):
    def __init__(self, c_in, c_out, kernel_size=5, pool=F.avg_pool2d, upsample="nearest", gate_last=False):
        half = kernel_size // 2
        super().__init__(
            *conv_bn(c_in, c_out, 1),
            nn.Conv2d(c_out, c_out, (1, kernel_size), padding=(0, half), groups=c_out, bias=False),
            nn.BatchNorm2d(c_out),
            nn.Conv2d(c_out, c_out, (kernel_size, 1), padding=(half, 0), groups=c_out, bias=False),
            nn.BatchNorm2d(c_out),
        )
        self.pool, self.upsample, self.gate_last = pool, upsample, gate_last

    def forward(self, x):
        scores = super().forward(self.pool(x, 2, 2))
        factors = scores if self.gate_last else torch.sigmoid(scores)
        large = F.interpolate(factors, size=x.shape[2:], mode=self.upsample)
        return torch.sigmoid(large) if self.gate_last else large


class GhostModuleV2(GhostModule):
    def __init__(self, c_in, c_out, attention=DFCAttention, **ghost):
        super().__init__(c_in, c_out, **ghost)
        self.short_conv = attention(c_in, c_out)

    def forward(self, x):
        return super().forward(x) * self.short_conv(x)


def ghost(attention, c_in, c_out, **keywords):
    return GhostModuleV2(c_in, c_out, attention, **keywords) if attention else GhostModule(c_in, c_out, **keywords)


class GhostBottleneck(nn.Module):
    """`widened` and `narrowed` make the attention of the first and of the second ghost module."""

    def __init__(self, c_in, hidden, c_out, kernel_size=3, stride=1, se_hidden=None, widened=None, narrowed=None):
        super().__init__()
        self.ghost1 = ghost(widened, c_in, hidden)
        self.stride = stride
        if stride > 1:
            self.conv_dw, self.bn_dw = conv_bn(hidden, hidden, kernel_size, stride, groups=hidden)
        self.se = SqueezeExcite(hidden, se_hidden) if se_hidden else nn.Identity()
        self.ghost2 = ghost(narrowed, hidden, c_out, relu=False)
        self.shortcut = nn.Sequential()
        if c_in != c_out or stride > 1:
            depthwise = conv_bn(c_in, c_in, kernel_size, stride, groups=c_in)
            self.shortcut = nn.Sequential(*depthwise, *conv_bn(c_in, c_out, 1))

    def forward(self, x):
        y = self.ghost1(x)
        if self.stride > 1:
            y = self.bn_dw(self.conv_dw(y))
        return self.ghost2(self.se(y)) + self.shortcut(x)


def crelu(x):
    return F.relu(torch.cat([x, -x], 1))


def separable_conv2d(c_in, c_out, kernel, multiplier=1, bias=True, **geometry):
    depthwise = nn.Conv2d(c_in, c_in * multiplier, kernel, groups=c_in, bias=False, **geometry)
    return chain(depthwise=depthwise, pointwise=nn.Conv2d(c_in * multiplier, c_out, 1, bias=bias))


# Kernel, channels inside, channels out, share of SE, stride; a line is a stage.
TABLE = [
    [(3, 16, 16, 0, 1)],
    [(3, 48, 24, 0, 2)],
    [(3, 72, 24, 0, 1)],
    [(5, 72, 40, 0.25, 2)],
    [(5, 120, 40, 0.25, 1)],
    [(3, 240, 80, 0, 2)],
    [(3, 200, 80, 0, 1), (3, 184, 80, 0, 1), (3, 184, 80, 0, 1), (3, 480, 112, 0.25, 1), (3, 672, 112, 0.25, 1)],
    [(5, 672, 160, 0.25, 2)],
    [(5, 960, 160, 0, 1), (5, 960, 160, 0.25, 1), (5, 960, 160, 0, 1), (5, 960, 160, 0.25, 1)],
]


def multiple_of_4(channels):
    """The nearest multiple of 4 (a tie goes up), or the one above it where that loses more than a tenth."""
    below, above = 4 * math.floor(channels / 4), 4 * math.ceil(channels / 4)
    nearest = below if channels - below < above - channels else above
    return max(4, above if nearest < 0.9 * channels else nearest)


class GhostNet(nn.Module):
    """The whole network at any width; dropout is left out, since ghostnp's needs an rng to do anything.

    `widened` and `narrowed` make the attention of each of the 16 bottlenecks, or hold None where there is none.
    """

    def __init__(self, width=1.0, num_classes=1000, widened=(None,) * 16, narrowed=(None,) * 16):
        super().__init__()
        channels = multiple_of_4(16 * width)
        self.conv_stem = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.blocks = nn.Sequential()
        attentions = zip(widened, narrowed, strict=True)
        for number, rows in enumerate(TABLE):
            self.blocks.add_module(str(number), stage := nn.Sequential())
            for place, (kernel, full_hidden, full_out, squeeze, stride) in enumerate(rows):
                hidden, out = multiple_of_4(full_hidden * width), multiple_of_4(full_out * width)
                se_hidden = multiple_of_4(hidden * squeeze) if squeeze else None
                block = GhostBottleneck(channels, hidden, out, kernel, stride, se_hidden, *next(attentions))
                stage.add_module(str(place), block)
                channels = out
        last = multiple_of_4(960 * width)
        conv, bn1 = conv_bn(channels, last, 1)
        self.blocks.add_module("9", nn.Sequential(chain(conv=conv, bn1=bn1, act1=nn.ReLU())))
        self.conv_head = nn.Conv2d(last, 1280, 1)
        self.classifier = nn.Linear(1280, num_classes)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn1(self.conv_stem(x))))
        x = F.relu(self.conv_head(x.mean((2, 3), keepdim=True)))
        return self.classifier(x.flatten(1))


def randomise(network, seed):
    """Values that hide nothing: no weight, bias or running statistic is 0 or 1, and signals neither die nor explode."""
    generator = torch.Generator().manual_seed(seed)

    def normal(tensor, mean, deviation):
        tensor.copy_(mean + deviation * torch.randn(tensor.shape, generator=generator, dtype=torch.float64))

    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                normal(layer.weight, 1, 0.3)
                normal(layer.bias, 0, 0.5)
                normal(layer.running_mean, 0, 0.5)
                layer.running_var.uniform_(0.5, 1.5, generator=generator)
                layer.num_batches_tracked.fill_(7)
            elif isinstance(layer, nn.Conv2d | nn.Linear):
                normal(layer.weight, 0, math.sqrt(2 / layer.weight[0].numel()))
                if layer.bias is not None:
                    normal(layer.bias, 0, 0.5)
    return network


def calibrate(network, x):
    """Running statistics of `x` itself: with random ones a deep network explodes in eval mode."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momentum = norms[0].momentum
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(x)
    for norm in norms:
        norm.momentum = momentum
    return network
