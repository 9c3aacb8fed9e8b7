"""Document 000, GhostNet in Keras: its statements, and where its network departs from the official one."""

import numpy as np

from ghostnp import ops
from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import IMAGE, dependence, has_operator, layers, network, normal, seeded
from ghostnp.course.documents.verdict import Computed, comparison, elsewhere, judged, statement
from ghostnp.graph.counting import count
from ghostnp.models.ghostnet import DOCUMENT_000, OFFICIAL
from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    GhostBottleneck,
    GhostModule,
    SeparableConv2d,
    Softmax,
    SqueezeExcite,
)
from ghostnp.modules.conv_norm import KERAS, PYTORCH
from ghostnp.ops.geometry import sliding_window


def _both():
    return network("ghostnet_keras"), network("ghostnet_100")


@claim("C01", "000", "在Ghost Module中引入瓶颈结构GroupConv分组卷积")
def grouped_convolution_in_ghost_modules():
    """Ghost modules contain grouped convolutions.

    Only in the extreme case in which every channel is a group: the cheap operation is depthwise and the primary
    convolution is not grouped at all.
    """
    table = count(network("ghostnet_100"), IMAGE)
    return statement(
        Computed(
            "GhostNet has depthwise convolutions, a group for each channel",
            has_operator(table, "depthwise_conv2d"),
            True,
        ),
        Computed("it has convolutions in fewer groups than channels", has_operator(table, "grouped_conv2d"), True),
    )


def depthwise_is_separable():
    """Compare what a depthwise convolution reads with what a depthwise-separable one reads."""
    depthwise = seeded(lambda: Conv2d(3, 3, 3, padding=1, groups=3, bias=False))
    separable = seeded(lambda: SeparableConv2d(3, 3, 3, padding=1, bias=False))

    def channels(layer):
        return int(dependence(layer, (3, 3, 3))[0].any(axis=(0, 1, 3, 4)).sum())

    return statement(
        Computed("of 3 channels, one output of a depthwise convolution reads", channels(depthwise), channels(separable))
    )


@claim("C02", "000", "DepthwiseConv深度可分离卷积 (also 001, 003, 004)")
def name_of_depthwise():
    """A depthwise convolution is called depthwise separable.

    It is the first half of one: a pointwise convolution has to follow, or the channels never mix.
    """
    return depthwise_is_separable()


@claim("C03", "000", "借鉴…AlexNet的分组卷积思想")
def origin_of_the_idea():
    """GhostNet borrows grouped convolution from AlexNet.

    The paper does not say this. It starts from feature maps that resemble each other, and from cheap linear maps
    between them. It does not start from AlexNet's two halves on two GPUs.
    """
    return judged("imprecise")


@claim("C04", "000", "Concatenate([x, shortcut])")
def order_of_ghosts():
    """The ghosts come first and the intrinsic maps second.

    The official codes put them the other way round. Either order can learn the same functions, but the channels of all
    later weights are permuted, so they do not carry over as they are.
    """

    def place(dialect):
        module = seeded(lambda: GhostModule(3, 4, ghosts_first=dialect.ghosts_first, conv_norm=dialect.conv_norm))
        x = normal(1, 3, 5, 5)
        y, intrinsic = module(x), module.primary_conv(x)
        return next(first for first in (0, 2) if np.array_equal(y[:, first : first + 2], intrinsic))

    return comparison(Computed("of 4 channels, the intrinsic maps begin at", place(OFFICIAL), place(DOCUMENT_000)))


@claim("C05", "000", "Conv2D(..., padding=padding) under BatchNormalization")
def bias_under_batch_norm():
    """Every convolution has a bias, with a batch norm behind it.

    The batch norm subtracts the mean and the bias with it: in training the bias does nothing and its gradient is zero.
    """

    def biases(model):
        convolutions = layers(model.blocks, Conv2d)
        return sum(layer.bias is not None for path, layer in convolutions.items() if ".se." not in path)

    document, official = _both()
    brick = seeded(lambda: KERAS(2, 3, 3))
    y, cache = brick.forward(normal(2, 2, 5, 5), training=True)
    _, grads = brick.backward(normal(*y.shape, seed=1), cache)
    return comparison(
        Computed("convolutions with a bias under a batch norm, in the blocks", biases(official), biases(document)),
        Computed("largest gradient of such a bias, to 12 decimals", round(float(np.abs(grads["0.bias"]).max()), 12)),
    )


@claim("C06", "000", "Conv_Bn_Relu(..., name=..._depthwiseconv_bn_relu) for stride 2")
def relu_after_stride():
    """A ReLU follows the depthwise convolution that strides.

    The official bottleneck has only a batch norm there.
    """

    def relus(model):
        return sum(hasattr(block, "bn_dw") and block.bn_dw.relu for block in layers(model, GhostBottleneck).values())

    document, official = _both()
    return comparison(Computed("striding bottlenecks with that ReLU", relus(official), relus(document)))


@claim("C07", "000", "if shortcut.shape[-1]==out_channel and strides==(1,1): Add")
def missing_shortcuts():
    """Only a bottleneck that keeps the shape of its maps adds its input.

    The official one projects the input where the shape changes, by a depthwise and a 1x1 convolution, so that each
    bottleneck has a shortcut.
    """

    def without(model):
        return sum(not block.added for block in layers(model, GhostBottleneck).values())

    document, official = _both()
    return comparison(
        Computed("bottlenecks without a shortcut", without(official), without(document)),
        Computed("bottlenecks in all", len(layers(official, GhostBottleneck))),
    )


@claim("C08", "000", "Activation('sigmoid') and filters // 4 in se_block")
def squeeze_and_excitation():
    """Squeeze-and-excitation ends in a sigmoid and narrows to a quarter, rounded down.

    The official PyTorch code takes a hard sigmoid, relu6(x + 3) / 6, and rounds to a multiple of 4; the official
    TensorFlow code cuts x to 0 and 1, calls that a hard sigmoid, and rounds down: the two official codes differ too.
    """

    def hidden(model):
        widths = {layer.conv_reduce.weight.shape[1]: len(layer.conv_reduce.weight) for layer in _squeezes(model)}
        return tuple(widths[channels] for channels in (72, 120))

    def gate_at_one(model):
        return float(_squeezes(model)[0].gate(np.ones((1, 1, 1, 1)))[0, 0, 0, 0])

    document, official = _both()
    return comparison(
        Computed("hidden channels of 72 and 120", hidden(official), hidden(document)),
        Computed("the gate at 1", gate_at_one(official), gate_at_one(document)),
        Computed("official TensorFlow gate at 1", float(ops.clip(np.ones((1, 1, 1, 1)))[0, 0, 0, 0])),
    )


def _squeezes(model):
    return list(layers(model, SqueezeExcite).values())


@claim("C09", "000", "relu = 'relu' in name; depthwise = 'depthwise' in name")
def behaviour_by_name():
    """Whether a layer is depthwise and has a ReLU is read from its name.

    Renaming a layer changes the network. The class whose name contains "relu" has no ReLU in half of its uses. Keras 3
    ignores the private attribute for the name, so the summary shows other names than the code.
    """
    return judged("fragile")


@claim("C10", "000", "out_channel // 2 twice")
def odd_channels():
    """A ghost module makes half of its channels, twice.

    With an odd count one channel is lost, without a message. The official code rounds the half up and cuts off what is
    too much.
    """

    def made(channels):
        return 2 * (channels // 2)

    def official(channels):
        return seeded(lambda: GhostModule(3, channels))(normal(1, 3, 2, 2)).shape[1]

    return elsewhere(
        *(Computed(f"of {channels} channels asked for", official(channels), made(channels)) for channels in (10, 9))
    )


@claim("C11", "000", "Conv_Bn_Relu(1280) then Conv2D(1000, softmax)")
def head():
    """The last wide convolution has a batch norm, and the network ends in a softmax.

    The official PyTorch code has a bias and no norm there, drops out before the classifier in training and gives
    logits; the norm is as in the official TensorFlow code.
    """

    def has(model, kind):
        return any(isinstance(layer, kind) for layer in model.children().values())

    def normalised(model):
        return isinstance(model.children().get("bn2"), BatchNorm2d)

    def dropped(model):
        return next(layer.p for layer in layers(model, Dropout).values())

    document, official = _both()
    return comparison(
        Computed("batch norm behind the 1280 channels", normalised(official), normalised(document)),
        Computed("ends in a softmax", has(official, Softmax), has(document, Softmax)),
        Computed("dropout", dropped(official), dropped(document)),
    )


@claim("C12", "000", "padding='same' with stride 2")
def same_padding():
    """Convolutions of stride 2 pad by TensorFlow's rule.

    On maps of even size, for 3x3 kernels, this rule pads at the bottom and on the right only. PyTorch networks pad by
    half of the kernel size on every side. So the windows are one pixel apart, and trained weights give other results.
    """

    def rows(padding):
        return sliding_window((224, 224), 3, 2, padding).padding[0]

    return comparison(Computed("rows of zeros above and below 224, kernel 3", rows(1), rows("same")))


@claim("C13", "000", "BatchNormalization()")
def batch_norm_constants():
    """Batch norms have Keras's constants.

    Keras's epsilon is larger. Its running statistics move more slowly (momentum in Keras is 1 minus momentum in
    PyTorch). Its running variance is the biased one: the sum of squares is divided by M and not by M - 1.
    """
    return comparison(
        Computed("epsilon", f"{PYTORCH.eps:g}", f"{KERAS.eps:g}"),
        Computed("share of the newest batch", PYTORCH.momentum, KERAS.momentum),
        Computed("unbiased running variance", PYTORCH.unbiased, KERAS.unbiased),
    )


@claim("C14", "000", "ShuffleNet_V2 used as caption for the group-convolution figure")
def caption():
    """ShuffleNetV2 is the example of grouped convolution.

    AlexNet, ResNeXt and the first ShuffleNet have grouped convolutions; the second one gave them up.
    """

    def grouped(name):
        return has_operator(count(network(name), IMAGE), "grouped_conv2d")

    return statement(
        Computed("ShuffleNetV2 has grouped convolutions", grouped("shufflenetv2_1.0x"), True),
        Computed("ShuffleNetV1 has", grouped("shufflenetv1_g3_1.0x")),
    )


@claim("C15", "000", "…每一个像素点都结合了图像中所有通道的信息 = 全连接")
def fully_connected():
    """A standard convolution is fully connected: each pixel combines all channels.

    It is dense over the channels, but over the pixels it sees one window.
    """
    layer = seeded(lambda: Conv2d(4, 2, 3, padding=1, bias=False))
    read = dependence(layer, (4, 7, 7))[0, 3, 3]
    return statement(
        Computed("of 4 channels, one output number reads", int(read.any(axis=(1, 2)).sum()), 4),
        Computed("of 7x7 pixels, a 3x3 kernel lets it read", int(read.any(axis=0).sum()), 49),
    )
