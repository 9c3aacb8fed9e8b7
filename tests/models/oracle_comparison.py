"""The networks to compare with, built with torch.nn from their papers' tables. Nothing here comes from ghostnp.

Names are those of torchvision, of Megvii's ShuffleNetV2, of timm's MobileNet and of Huawei's Ghost-ResNet. Dropout is
left out, since ghostnp's needs an rng to do anything.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.oracle_networks import DFCAttention, SqueezeExcite, chain, conv_bn


class ShuffleV2Block(nn.Module):
    """Megvii's block: `c_in` are the channels of its main branch at stride 1 (half of all), and all at stride 2."""

    def __init__(self, c_in, c_out, stride, projected):
        super().__init__()
        self.stride, middle = stride, c_out // 2
        depthwise = conv_bn(middle, middle, 3, stride, groups=middle)
        self.branch_main = nn.Sequential(
            *conv_bn(c_in, middle, 1, relu=True), *depthwise, *conv_bn(middle, c_out - projected, 1, relu=True)
        )
        if stride == 2:
            depthwise = conv_bn(c_in, c_in, 3, 2, groups=c_in)
            self.branch_proj = nn.Sequential(*depthwise, *conv_bn(c_in, projected, 1, relu=True))

    def forward(self, x):
        if self.stride == 1:
            return torch.cat([x[:, 0::2], self.branch_main(x[:, 1::2])], 1)
        return torch.cat([self.branch_proj(x), self.branch_main(x)], 1)


class ShuffleNetV2(nn.Module):
    def __init__(self, stem, stages, last, num_classes=1000, even_projection=False, bias=False):
        super().__init__()
        self.first_conv = nn.Sequential(*conv_bn(3, stem, 3, 2, relu=True))
        blocks, channels = [], stem
        for out, repeats in zip(stages, (4, 8, 4), strict=True):
            blocks.append(ShuffleV2Block(channels, out, 2, out // 2 if even_projection else channels))
            blocks += [ShuffleV2Block(out // 2, out, 1, out // 2) for _ in range(repeats - 1)]
            channels = out
        self.features = nn.Sequential(*blocks)
        self.conv_last = nn.Sequential(*conv_bn(channels, last, 1, relu=True))
        self.classifier = nn.Sequential(nn.Linear(last, num_classes, bias=bias))

    def forward(self, x):
        x = self.features(F.max_pool2d(self.first_conv(x), 3, 2, 1))
        return self.classifier(self.conv_last(x).mean((2, 3)))


class MobileNetV1(nn.Module):
    def __init__(self, num_classes=1000, width=1.0, activation=nn.ReLU):
        super().__init__()
        channels = round(32 * width)
        self.conv_stem, self.bn1 = conv_bn(3, channels, 3, 2)
        self.act = activation()
        self.blocks = nn.Sequential()
        # Resolution halves at each line; channels of the pointwise convolutions.
        for number, outs in enumerate([[64], [128] * 2, [256] * 2, [512] * 6, [1024] * 2]):
            self.blocks.add_module(str(number), stage := nn.Sequential())
            for place, full in enumerate(outs):
                out, stride = round(full * width), 2 if number > 0 and place == 0 else 1
                conv_dw, bn1 = conv_bn(channels, channels, 3, stride, groups=channels)
                conv_pw, bn2 = conv_bn(channels, out, 1)
                act = {"act1": activation(), "act2": activation()}
                block = chain(conv_dw=conv_dw, bn1=bn1, act1=act["act1"], conv_pw=conv_pw, bn2=bn2, act2=act["act2"])
                stage.add_module(str(place), block)
                channels = out
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x):
        return self.classifier(self.blocks(self.act(self.bn1(self.conv_stem(x)))).mean((2, 3)))


class WeighedBy(nn.Sequential):
    """A row of layers, multiplied by a gate over the same input."""

    def __init__(self, layers, gate):
        super().__init__(*layers)
        self.gate = gate

    def forward(self, x):
        *layers, gate = self
        y = x
        for layer in layers:
            y = layer(y)
        return y * gate(x)


class InvertedResidual(nn.Module):
    def __init__(self, c_in, c_out, stride, expansion, se, dfc):
        super().__init__()
        hidden = c_in * expansion
        self.adds = stride == 1 and c_in == c_out
        depthwise = nn.Sequential(*conv_bn(hidden, hidden, 3, stride, groups=hidden), nn.ReLU6())
        layers = []
        if expansion > 1:
            widen = [*conv_bn(c_in, hidden, 1), nn.ReLU6()]
            layers.append(WeighedBy(widen, DFCAttention(c_in, hidden)) if dfc else nn.Sequential(*widen))
            if se:
                depthwise.add_module("se", SqueezeExcite(hidden, hidden // 4))
        self.conv = nn.Sequential(*layers, depthwise, *conv_bn(hidden, c_out, 1))

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    TABLE = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self, num_classes=1000, se=False, dfc=False):
        super().__init__()
        features, channels = [nn.Sequential(*conv_bn(3, 32, 3, 2), nn.ReLU6())], 32
        for expansion, out, repeats, stride in self.TABLE:
            for place in range(repeats):
                features.append(InvertedResidual(channels, out, 1 if place else stride, expansion, se, dfc))
                channels = out
        features.append(nn.Sequential(*conv_bn(320, 1280, 1), nn.ReLU6()))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(1280, num_classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class Bottleneck(nn.Module):
    def __init__(self, c_in, middle, c_out, stride, groups, stride_first):
        super().__init__()
        first, second = (stride, 1) if stride_first else (1, stride)
        self.conv1, self.bn1 = conv_bn(c_in, middle, 1, first)
        self.conv2, self.bn2 = conv_bn(middle, middle, 3, second, groups)
        self.conv3, self.bn3 = conv_bn(middle, c_out, 1)
        self.downsample = nn.Sequential()
        if stride > 1 or c_in != c_out:
            self.downsample = nn.Sequential(*conv_bn(c_in, c_out, 1, stride))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self, num_classes=1000, depths=(3, 4, 6, 3), groups=1, width_per_group=64, stride_first=False):
        super().__init__()
        self.conv1, self.bn1 = conv_bn(3, 64, 7, 2)
        channels = 64
        for stage, depth in enumerate(depths):
            planes, blocks = 64 * 2**stage, []
            middle = int(planes * (width_per_group / 64)) * groups
            for place in range(depth):
                stride = 2 if stage and not place else 1
                blocks.append(self.block(channels, middle, 4 * planes, stride, groups, stride_first))
                channels = 4 * planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.stages = len(depths)
        self.fc = nn.Linear(channels, num_classes)

    def block(self, *geometry):
        return Bottleneck(*geometry)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


class GhostConv(nn.Module):
    """`released` adds the parameters that the official code registers and never runs."""

    def __init__(self, c_in, c_out, kernel, stride, ratio, released, cheap_kernel=3):
        super().__init__()
        intrinsic = -(-c_out // ratio)
        self.ghosts = c_out - intrinsic
        self.conv1 = nn.Conv2d(c_in, intrinsic, kernel, stride, kernel // 2)
        if ratio > 1:
            half = cheap_kernel // 2
            self.conv2 = nn.Conv2d(intrinsic, intrinsic * (ratio - 1), cheap_kernel, padding=half, groups=intrinsic)
        if released:
            self.weight1 = nn.Parameter(torch.zeros(intrinsic, c_in, kernel, kernel))
            self.weight2 = nn.Parameter(torch.zeros(intrinsic * (ratio - 1), 1, cheap_kernel, cheap_kernel))
            self.bn1, self.bn2 = nn.BatchNorm2d(intrinsic), nn.BatchNorm2d(self.ghosts)

    def forward(self, x):
        intrinsic = self.conv1(x)
        return torch.cat([intrinsic, self.conv2(intrinsic)[:, : self.ghosts]], 1) if self.ghosts else intrinsic


class GhostBottleneck(nn.Module):
    def __init__(self, c_in, middle, c_out, stride, *ghost):
        super().__init__()
        self.conv1 = GhostConv(c_in, middle, 1, 1, *ghost)
        self.conv2 = GhostConv(middle, middle, 3, stride, *ghost)
        self.conv3 = GhostConv(middle, c_out, 1, 1, *ghost)
        self.downsample = nn.Sequential()
        if stride > 1 or c_in != c_out:
            self.downsample = nn.Sequential(GhostConv(c_in, c_out, 1, stride, *ghost))

    def forward(self, x):
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        return F.relu(y + self.downsample(x))


class GhostResNet(ResNet):
    def __init__(self, ratio=4, released=False, **resnet):
        self.ghost = ratio, released
        super().__init__(**resnet)

    def block(self, c_in, middle, c_out, stride, groups, stride_first):
        return GhostBottleneck(c_in, middle, c_out, stride, *self.ghost)


class PlainNet(nn.Module):
    """Convolutions (out, kernel, stride, padding, groups) and max pools (kernel, stride), then three linear layers."""

    def __init__(self, rows, pixels, hidden=4096, num_classes=1000):
        super().__init__()
        layers, channels = [], 3
        for row in rows:
            if len(row) == 2:
                layers.append(nn.MaxPool2d(*row))
            else:
                out, kernel, stride, padding, groups = row
                layers += [nn.Conv2d(channels, out, kernel, stride, padding, groups=groups), nn.ReLU()]
                channels = out
        self.features = nn.Sequential(*layers)
        first, second = nn.Linear(channels * pixels, hidden), nn.Linear(hidden, hidden)
        nothing = nn.Identity
        self.classifier = nn.Sequential(
            first, nn.ReLU(), nothing(), second, nn.ReLU(), nothing(), nn.Linear(hidden, num_classes)
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def alexnet(pixels=6 * 6, **head):
    rows = [(96, 11, 4, 2, 1), (3, 2), (256, 5, 1, 2, 2), (3, 2)]
    return PlainNet([*rows, (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2), (3, 2)], pixels, **head)


def vgg16(pixels=7 * 7, **head):
    rows = []
    for out, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        rows += [(out, 3, 1, 1, 1)] * repeats + [(2, 2)]
    return PlainNet(rows, pixels, **head)


class Fire(nn.Module):
    def __init__(self, c_in, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(c_in, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


def squeezenet(num_classes=1000):
    def pool():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    features = nn.Sequential(
        nn.Conv2d(3, 96, 7, 2),
        nn.ReLU(),
        pool(),
        Fire(96, 16, 64),
        Fire(128, 16, 64),
        Fire(128, 32, 128),
        pool(),
        Fire(256, 32, 128),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        pool(),
        Fire(512, 64, 256),
    )
    classifier = nn.Sequential(nn.Identity(), nn.Conv2d(512, num_classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return chain(features=features, classifier=classifier, flatten=nn.Flatten())


class Inception(nn.Module):
    def __init__(self, c_in, one, reduce3, three, reduce5, five, pool):
        super().__init__()

        def conv(before, after, kernel):
            return nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU()

        self.branch1 = nn.Sequential(*conv(c_in, one, 1))
        self.branch2 = nn.Sequential(*conv(c_in, reduce3, 1), *conv(reduce3, three, 3))
        self.branch3 = nn.Sequential(*conv(c_in, reduce5, 1), *conv(reduce5, five, 5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), *conv(c_in, pool, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


def googlenet(num_classes=1000):
    def pool():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return chain(
        conv1=nn.Conv2d(3, 64, 7, 2, 3),
        relu1=nn.ReLU(),
        pool1=pool(),
        conv2=nn.Conv2d(64, 64, 1),
        relu2=nn.ReLU(),
        conv3=nn.Conv2d(64, 192, 3, padding=1),
        relu3=nn.ReLU(),
        pool3=pool(),
        inception3a=Inception(192, 64, 96, 128, 16, 32, 32),
        inception3b=Inception(256, 128, 128, 192, 32, 96, 64),
        pool4=pool(),
        inception4a=Inception(480, 192, 96, 208, 16, 48, 64),
        inception4b=Inception(512, 160, 112, 224, 24, 64, 64),
        inception4c=Inception(512, 128, 128, 256, 24, 64, 64),
        inception4d=Inception(512, 112, 144, 288, 32, 64, 64),
        inception4e=Inception(528, 256, 160, 320, 32, 128, 128),
        pool5=pool(),
        inception5a=Inception(832, 256, 160, 320, 32, 128, 128),
        inception5b=Inception(832, 384, 192, 384, 48, 128, 128),
        global_pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        classifier=nn.Linear(1024, num_classes),
    )
