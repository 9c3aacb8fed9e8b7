"""Document 001, ShuffleNet in Keras: its statements, and where its network departs from paper and official code."""

import numpy as np

from ghostnp import ops
from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import IMAGE, counted, dependence, layers, network, normal, seeded
from ghostnp.course.documents.verdict import Computed, comparison, elsewhere, judged, statement
from ghostnp.graph.counting import count
from ghostnp.models.shufflenet_v1 import WIDTHS
from ghostnp.modules import ChannelShuffle, Conv2d, Linear, Sequential, ShuffleUnit
from ghostnp.modules.shuffle_unit import DOCUMENT_001, MEGVII, PAPER


@claim("C16", "001", "所以导致信息之间没有失去联系")
def groups_stay_apart():
    """After grouped 1x1 convolutions the groups have not lost contact.

    A slip, with one negation too many: nothing crosses from group to group, however many such convolutions follow, and
    that is why the shuffle is needed.
    """

    def groups_read(*between):
        def grouped():
            return Conv2d(9, 9, 1, groups=3, bias=False)

        chain = seeded(lambda: Sequential(grouped(), *between, grouped()))
        read = dependence(chain, (9, 1, 1))[0].reshape(3, 3)
        return int(read.any(axis=1).sum())

    return statement(
        Computed("of 3 groups, one output reads after two convolutions", groups_read(), 3),
        Computed("with a shuffle between them", groups_read(ChannelShuffle(3))),
    )


@claim("C17", "001", "LeNet5和AlexNet是最早使用分组卷积")
def first_grouped_convolutions():
    """LeNet-5 and AlexNet were the first with grouped convolutions.

    AlexNet was. In the third layer of LeNet-5 a table says which three, four or six maps each map reads. These sets
    overlap, so they are not separate groups of equal size.
    """
    return judged("imprecise")


@claim("C20", "001", "ShuffleNetUnitC for stage 2 uses groups=3 on 24 input channels")
def first_convolution_grouped():
    """The first 1x1 convolution of stage 2 is grouped like all others.

    Paper and official code leave it whole, because it has few channels to read. Grouping it saves little.
    """

    def weights(name):
        return network(name).features[0].branch_main_1[0].weight.size

    def macs(name):
        return sum(row.macs for row in count(network(name), IMAGE).rows if not row.path.startswith("classifier"))

    document, official = "shufflenetv1_keras", "shufflenetv1_g3_1.0x"
    return comparison(
        Computed("its weights", weights(official), weights(document)),
        Computed("multiply-adds of the network without classifier", macs(official), macs(document)),
    )


def _striding_unit(style):
    return seeded(lambda: ShuffleUnit(4, 8, groups=2, stride=2, bottleneck_channels=4, style=style))


@claim("C21", "001", "tf.concat([x, x_avgpool3x3]) then relu")
def order_of_the_halves():
    """A striding unit puts the main path before the pooled shortcut, and a ReLU over both.

    The official code has the shortcut first and a ReLU over the main path alone. The second difference
    matters only if the input has negative numbers. After a ReLU it has none.
    """

    def pooled_first(style):
        unit, x = _striding_unit(style), abs(normal(1, 4, 6, 6))
        return bool(np.array_equal(unit(x)[:, :4], unit.pool(x)))

    def same_without(x):
        over_both = _striding_unit(MEGVII._replace(relu_pooled=True))
        return bool(np.array_equal(over_both(x), _striding_unit(MEGVII)(x)))

    return comparison(
        Computed("the pooled shortcut comes first", pooled_first(MEGVII), pooled_first(DOCUMENT_001)),
        Computed("ReLU over the shortcut", MEGVII.relu_pooled, DOCUMENT_001.relu_pooled),
        Computed("it changes nothing behind a ReLU", same_without(abs(normal(1, 4, 6, 6)))),
        Computed("it changes nothing elsewhere", same_without(normal(1, 4, 6, 6))),
    )


@claim("C22", "001", "AveragePooling2D(3, 2, 'same')")
def padding_in_the_mean():
    """The shortcut's pool pads by TensorFlow's rule.

    That rule leaves the padding out of the mean; the official pool pads every side and divides by 9 everywhere, so its
    maps are darker at the edge.
    """

    def corner(style):
        return float(_striding_unit(style).pool(np.ones((1, 4, 8, 8)))[0, 0, 0, 0])

    return comparison(Computed("corner of pooled maps of ones", corner(MEGVII), corner(DOCUMENT_001)))


@claim("C23", "001", "Conv2D(groups=...)")
def biases():
    """Convolutions and classifier have biases.

    The official code has none, not even in the classifier.
    """

    def biased(name):
        return sum(layer.bias is not None for layer in layers(network(name), (Conv2d, Linear)).values())

    return comparison(Computed("layers with a bias", biased("shufflenetv1_g3_1.0x"), biased("shufflenetv1_keras")))


@claim("C24", "001", "self.StageX(numlayers[1],stage3Filter,240,3)")
def widths_in_the_code():
    """Stage 3 is told that 240 channels come in, stage 4 that 480 do.

    These are the widths for 3 groups at 1.0x. With any other widths, the concatenation of main path and shortcut has
    the wrong number of channels.
    """

    def made(groups):
        _, entering, wanted, _ = WIDTHS[groups, 1.0]
        return ops.concat_cost([(1, wanted - 240, 14, 14), (1, entering, 14, 14)]).output[1]

    return elsewhere(
        *(
            Computed(f"channels of stage 3 with {groups} groups", WIDTHS[groups, 1.0][2], made(groups))
            for groups in (3, 2)
        )
    )


@claim("C25", "001", "Shuffle before depthwise in both units")
def place_of_the_shuffle():
    """Both units shuffle before their depthwise convolution.

    So does the paper. The official code shuffles after it and by the inverse permutation. A depthwise convolution
    commutes with any permutation of channels that its filters follow. So both learn the same functions where the two
    permutations take as many channels from each group to each other group. In the published networks they do for g = 2
    and 3, but for g = 4 and 8 not in all stages.
    """

    def shuffles_first(style, stride):
        table = counted(
            lambda: ShuffleUnit(
                6, 12 if stride == 2 else 6, groups=3, stride=stride, bottleneck_channels=6, style=style
            ),
            (1, 6, 8, 8),
        )
        order = [row.op for row in table.rows]
        return order.index("channel_shuffle") < order.index("depthwise_conv2d")

    x, filters = normal(1, 6, 4, 4), normal(6, 1, 3, 3, seed=1)
    shuffled = ops.channel_shuffle(x, 3)
    back = ops.channel_shuffle(shuffled, 2)  # rows of 2 instead of 3: the official code's
    followed = ops.channel_shuffle(ops.depthwise_conv2d(x, filters), 3)
    moved = ops.channel_shuffle(filters.swapaxes(0, 1), 3).swapaxes(0, 1)
    return comparison(
        *(
            Computed(
                f"before the depthwise at stride {stride}",
                shuffles_first(PAPER, stride),
                shuffles_first(DOCUMENT_001, stride),
            )
            for stride in (1, 2)
        ),
        Computed("official code: before the depthwise", shuffles_first(MEGVII, 1)),
        Computed("its permutation undoes the paper's", bool(np.array_equal(back, x))),
        Computed(
            "depthwise and shuffle commute", bool(np.array_equal(ops.depthwise_conv2d(shuffled, moved), followed))
        ),
        sides=("document", "paper"),
    )


@claim("C26", "001", "model.build(...); summary()")
def summary_before_a_call():
    """The model is built for an input shape, and its summary printed.

    Under Keras 3 a subclassed model without a build method of its own shows no parameters until it was called once.
    """
    return judged("note")
