"""Document 002, the ghost module in PyTorch: its statements, and how the code it quotes behaves."""

import numpy as np

from ghostnp import ops
from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import IMAGE, counted, dependence, has_operator, network, normal, seeded
from ghostnp.course.documents.verdict import Computed, elsewhere, judged, statement
from ghostnp.graph.counting import count
from ghostnp.modules import Conv2d, GhostModule
from ghostnp.modules.ghost import shares


@claim("N15", "002", "x=torch.zeros(1,3,640,640); GhostModule(inp=3,oup=64)")
def first_example():
    """The document runs this module and prints the shape of its output.

    This example saves nothing: with 3 input channels, a plain 1x1 convolution to 64 maps has fewer weights than the
    ghost module. The ghost module has fewer weights only than a 3x3 convolution.
    """
    shape = (1, 3, 640, 640)
    table = counted(lambda: GhostModule(3, 64), shape)
    primary, cheap = (row for row in table.rows if row.op.endswith("conv2d"))
    return statement(
        Computed("output", "x".join(map(str, table.rows[-1].output))),
        Computed("parameters", table.params),
        Computed("multiply-adds", table.macs),
        Computed("weights of the primary convolution", primary.params),
        Computed("weights of the cheap operation", cheap.params),
        *(
            Computed(f"weights of a plain {k}x{k} convolution", plain.rows[0].params)
            for k in (1, 3)
            for plain in [counted(lambda k=k: Conv2d(3, 64, k, bias=False), shape)]
        ),
    )


@claim("C27", "002", "GhostNet采用了一种新型的训练方法,称为low-rank decomposition…减少过拟合")
def training_method():
    """GhostNet is trained by a new method, low-rank decomposition, which reduces overfitting.

    Neither paper nor code has any such thing: training is ordinary, and the module is a change of architecture.
    """
    return judged("wrong")


@claim("C28", "002", "将输入特征图拆分成两个子特征图,分别进行不同的卷积")
def splitting_the_input():
    """The input maps are split in two, and each part is convolved in its own way.

    Nothing is split: the primary convolution reads every input channel, and the cheap operation reads what the primary
    convolution made.
    """
    primary = seeded(lambda: GhostModule(6, 8, relu=False)).primary_conv
    read = dependence(primary, (6, 1, 1))[0].any(axis=(0, 1, 3, 4))
    return statement(Computed("of 6 input channels, an intrinsic map reads", int(read.sum()), 6 // 2))


@claim("C29", "002", "较小的称为ghost feature map,较大的称为primary")
def sizes_of_the_parts():
    """The ghost maps are the smaller part and the primary ones the larger.

    With a ratio of s, one map in s is intrinsic and all others are ghosts: as many at s = 2, and more from then on.
    """

    def case(ratio):
        intrinsic, ghosts = shares(12, ratio)
        return Computed(
            f"ratio {ratio}, {intrinsic} intrinsic and {ghosts} ghosts: fewer ghosts", ghosts < intrinsic, True
        )

    return statement(*map(case, (2, 3, 4)))


@claim("C30", "002", "ghost负责局部信息, primary负责全局信息")
def local_and_global():
    """Ghost maps take care of local information and primary maps of global information.

    The primary convolution is 1x1 and sees one pixel; the ghosts see 3x3. Neither is global, which is what GhostNetV2
    sets out from.
    """
    module = seeded(lambda: GhostModule(2, 4, relu=False))
    read = dependence(module, (2, 7, 7))[:, 3, 3].any(axis=1)
    return statement(
        Computed("of 7x7 pixels, an intrinsic map reads", int(read[0].sum()), 49),
        Computed("of 7x7 pixels, a ghost reads", int(read[2].sum())),
    )


@claim("C31", "002", "采用了“组卷积”和“通道分组”")
def groups_in_ghost_modules():
    """The ghost module rests on group convolution and on dividing channels into groups.

    Its primary convolution is not grouped, and its cheap operation is depthwise: no convolution of the network has
    groups of several channels.
    """
    grouped = has_operator(count(network("ghostnet_100"), IMAGE), "grouped_conv2d")
    return statement(Computed("a convolution with groups of several channels", grouped, True))


@claim("C32", "002", "GhostModule(ratio=1)")
def ratio_of_one():
    """The module has a ratio, 2 by default.

    A ratio of 1 asks the quoted code for a depthwise convolution without filters, which raises. The official TensorFlow
    code returns the primary output then, and so does ghostnp.
    """

    def runs(ratio):
        intrinsic, ghosts = shares(8, ratio)
        try:
            ops.depthwise_conv2d_cost((1, intrinsic, 6, 6), (ghosts, 1, 3, 3), padding=1)
        except ValueError:
            return False
        return True

    module, x = seeded(lambda: GhostModule(3, 8, ratio=1)), normal(1, 3, 6, 6)
    return elsewhere(
        *(Computed(f"the quoted code runs with ratio {ratio}", runs(ratio), True) for ratio in (2, 1)),
        Computed("ghostnp gives the primary output", bool(np.array_equal(module(x), module.primary_conv(x)))),
    )


@claim("C33", "002", "ratio that does not divide")
def surplus_ghosts():
    """Nothing is said of a ratio that does not divide the output channels.

    The quoted code rounds the intrinsic maps up and cuts off the last ghosts. Their filters are computed and reach no
    output, so they get no gradient and never learn.
    """
    intrinsic, ghosts = shares(10, 3)
    module = seeded(lambda: GhostModule(4, 10, ratio=3, relu=False))
    y, cache = module.forward(normal(2, 4, 5, 5), training=True)
    _, grads = module.backward(normal(*y.shape, seed=1), cache)
    idle = ~grads["cheap_operation.0.weight"].any(axis=(1, 2, 3))
    return statement(
        Computed("intrinsic maps for 10 channels and ratio 3", intrinsic),
        Computed("ghosts", ghosts),
        Computed("channels that are left", y.shape[1]),
        Computed("filters with zero gradient", int(idle.sum())),
    )
