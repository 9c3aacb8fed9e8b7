"""Document 000, GhostNet in Keras: its worked numbers. It counts biases."""

from fractions import Fraction

from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import IMAGE, network, statistics
from ghostnp.course.documents.verdict import Computed, elsewhere, statement
from ghostnp.graph.counting import count
from ghostnp.ops import depthwise_conv2d_cost, grouped_conv2d_cost, standard_conv2d_cost


def _grouped_example(bias):
    """Parameters of 5x5 convolutions from 256 to 256 maps of 64x64: standard, and in 32 groups."""
    shape, options = (1, 256, 64, 64), {"padding": 2, "bias": bias}
    return (
        standard_conv2d_cost(shape, (256, 256, 5, 5), **options).params,
        grouped_conv2d_cost(shape, (256, 8, 5, 5), groups=32, **options).params,
    )


def _depthwise_example(bias):
    """Parameters of 5x5 convolutions from 1024 to 1024 maps of 8x8: standard, and depthwise."""
    shape, options = (1, 1024, 8, 8), {"padding": 2, "bias": bias}
    return (
        standard_conv2d_cost(shape, (1024, 1024, 5, 5), **options).params,
        depthwise_conv2d_cost(shape, (1024, 1, 5, 5), **options).params,
    )


@claim("N01", "000", "256x(256x5x5+1)=1638656")
def standard_convolution():
    """A 5x5 convolution from 256 to 256 channels has 1,638,656 parameters.

    The + 1 is the bias of each filter. The size of the maps does not enter.
    """
    return statement(Computed("parameters", _grouped_example(bias=True)[0], 1_638_656))


@claim("N02", "000", "256x(8*5x5+1)=51456")
def grouped_convolution():
    """A 5x5 convolution from 256 to 256 channels in 32 groups has 51,456 parameters.

    Each filter sees the 256 / 32 = 8 channels of its group; it still has a bias of its own.
    """
    return statement(Computed("parameters", _grouped_example(bias=True)[1], 51_456))


@claim("N03", "000", "参数量缩小了约32倍")
def saving_by_groups():
    """Making 32 groups of it shrinks the parameters of a convolution about 32 times.

    Only the weights shrink as many times as there are groups: the biases stay, one for each filter.
    """
    return statement(
        Computed("with biases", Fraction(*_grouped_example(bias=True)), 32, unit=1),
        Computed("weights alone", Fraction(*_grouped_example(bias=False))),
    )


@claim("N04", "000", "1024x(1024x5x5+1)=26215424")
def wide_standard_convolution():
    """A 5x5 convolution from 1024 to 1024 channels has 26,215,424 parameters.

    The same formula as for 256 channels.
    """
    return statement(Computed("parameters", _depthwise_example(bias=True)[0], 26_215_424))


@claim("N05", "000", "1024x(1x5x5+1)=26624")
def depthwise_convolution():
    """A depthwise 5x5 convolution of 1024 channels has 26,624 parameters.

    Each filter sees one channel, and has a bias.
    """
    return statement(Computed("parameters", _depthwise_example(bias=True)[1], 26_624))


@claim("N06", "000", "参数量缩小了约1024倍")
def saving_by_depthwise():
    """Being depthwise shrinks the parameters of a convolution of 1024 channels about 1024 times.

    True of the weights alone. The document counts biases, and one bias beside 25 weights is no longer small.
    """
    return statement(
        Computed("with biases", Fraction(*_depthwise_example(bias=True)), 1024, unit=1),
        Computed("weights alone", Fraction(*_depthwise_example(bias=False))),
    )


@claim("N07", "000", "参数量为5M")
def parameters_of_ghostnet():
    """GhostNet has 5 million parameters.

    Both the document's network and the official one have about 5 million. That they are so close is chance. The
    document's network lacks five shortcuts. The official network has no biases in front of its batch norms.
    """
    keras, official = network("ghostnet_keras"), network("ghostnet_100")
    trainable = count(keras, IMAGE).params
    return statement(
        Computed(
            "the document's network, running statistics included", trainable + statistics(keras), 5_000_000, 1_000_000
        ),
        Computed("trainable", trainable),
        Computed("running statistics", statistics(keras)),
        Computed("official network, trainable", count(official, IMAGE).params),
    )


@claim("N08", "000", "AveragePooling2D((7, 7), (7, 7))")
def last_pool():
    """The last maps are 7x7, so a 7x7 pool makes one pixel of them.

    Five strides of 2, each rounded up, make 7 pixels of any size from 193 to 224. The last maps of a smaller image are
    too small for the pool. In those of a larger image the pool ignores some rows, or more than one pixel comes out. A
    global pool takes any size.
    """

    def side(size):
        rows = count(network("ghostnet_keras"), (1, 3, size, size)).rows
        return next(row.input[2] for row in rows if row.path == "global_pool")

    return elsewhere(
        *(Computed(f"side of the last maps, image of {size}x{size}", side(size), 7) for size in (224, 192, 256))
    )
