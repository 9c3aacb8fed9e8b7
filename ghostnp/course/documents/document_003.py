"""Document 003, GhostNetV2 and its attention: orders of growth, and where its words depart from the code it quotes."""

from fractions import Fraction
from functools import partial

import numpy as np

from ghostnp import ops
from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.document_000 import depthwise_is_separable
from ghostnp.course.documents.probes import IMAGE, counted, has_operator, layers, network
from ghostnp.course.documents.verdict import Computed, comparison, statement
from ghostnp.graph.counting import count
from ghostnp.models.ghostnet import BOTTLENECKS, STAGES_V2, GhostNet, with_attention
from ghostnp.modules import Conv2d, DFCAttention, Sequential, SqueezeExcite

SIZES = ((7, 7), (14, 14), (14, 28))
# Attention on maps that were not halved: what it would cost without that.
FULL_SIZE = partial(DFCAttention, pool=lambda kernel_size: Sequential())


@claim("N16", "003", "O(H^2W^2)")
def full_attention():
    """Full attention costs on the order of H²W².

    For each channel exactly that: H·W pixels, each a sum over H·W pixels.
    """

    def macs(h, w):
        return ops.full_attention_cost((1, 1, h, w), (1, h, w, h, w)).macs

    return statement(*(Computed(f"{h}x{w}", macs(h, w), (h * w) ** 2) for h, w in SIZES))


@claim("N17", "003", "O(H^2W+HW^2)")
def decoupled_attention():
    """Decoupled attention costs on the order of H²W + HW².

    For each channel exactly that: every pixel sums over its column, then over its row.
    """

    def macs(h, w):
        return ops.decoupled_attention_cost((1, 1, h, w), (1, h, h, w), (1, w, h, w)).macs

    return statement(*(Computed(f"{h}x{w}", macs(h, w), h * h * w + h * w * w) for h, w in SIZES))


@claim("N18", "003", "O(K_H HW + K_W HW)")
def attention_by_convolutions():
    """Attention by two depthwise convolutions costs on the order of K_H·HW + K_W·HW.

    For each channel exactly that. Left out is the 1x1 convolution in front of them, which is most of the work.
    """

    def macs(h, w, k_h, k_w):
        kernels = ((k_h, 1), (k_h // 2, 0)), ((1, k_w), (0, k_w // 2))
        return sum(ops.depthwise_conv2d_cost((1, 1, h, w), (1, 1, *k), padding=p).macs for k, p in kernels)

    rows = [row for row in count(network("ghostnetv2_100"), IMAGE).rows if ".short_conv" in row.path]
    mixing = sum(row.macs for row in rows if row.op == "pointwise_conv2d")
    return statement(
        *(Computed(f"{h}x{w}, K_H = 5, K_W = 7", macs(h, w, 5, 7), 5 * h * w + 7 * h * w) for h, w in SIZES),
        Computed("attention of GhostNetV2 1.0x", sum(row.macs for row in rows)),
        Computed("of that, its 1x1 convolutions", mixing),
        Computed("their share", Fraction(mixing, sum(row.macs for row in rows))),
    )


@claim("N19", "003", "总FLOPs就减小了75%")
def saving_by_halving():
    """Halving height and width takes 75% off the attention's FLOPs.

    For convolutions on maps of even size this is exact. With an odd size, a row and a column are left out as well, so
    more is saved. The last maps of the network are 7x7, so the whole network saves more too. Fully connected layers
    would save seven eighths.
    """

    def saved(small, large):
        return 1 - Fraction(small, large)

    def by_convolutions(size):
        shape = (1, 8, size, size)
        return saved(*(counted(lambda kind=kind: kind(8, 8), shape).macs for kind in (DFCAttention, FULL_SIZE)))

    def fully_connected(n):
        return ops.decoupled_attention_cost((1, 1, n, n), (1, n, n, n), (1, n, n, n)).macs

    def whole_network(attention):
        stages = with_attention([row.widened and attention for stage in STAGES_V2 for row in stage])
        rows = counted(lambda: GhostNet(stages=stages), IMAGE).rows
        return sum(row.macs for row in rows if ".short_conv" in row.path)

    claimed = Fraction(75, 100)
    small, large = map(whole_network, (DFCAttention, FULL_SIZE))
    return statement(
        Computed("maps of 14x14", by_convolutions(14), claimed),
        Computed("maps of 7x7", by_convolutions(7), claimed),
        Computed("fully connected, maps of 14x14", saved(fully_connected(7), fully_connected(14)), claimed),
        Computed("GhostNetV2 1.0x", saved(small, large), claimed),
        Computed("its attention's multiply-adds", small),
        Computed("and without halving", large),
    )


def _attentions():
    return list(layers(network("ghostnetv2_100"), DFCAttention).values())


_POOLS = {"avg_pool2d": "average", "max_pool2d": "max"}


def _pooling():
    table = counted(lambda: DFCAttention(2, 4), (1, 2, 8, 8))
    return next(word for op, word in _POOLS.items() if has_operator(table, op))


def _enlargement():
    table = counted(lambda: DFCAttention(2, 4), (1, 2, 8, 8))
    return next(row.op.removeprefix("resize_") for row in table.rows if row.op.startswith("resize"))


@claim("C34", "003", "下采样和上采样分别采用平均池化和双线性插值 / 默认…max pooling和bilinear")
def pooling_and_enlargement():
    """Maps are halved by average pooling, later by max pooling, and enlarged bilinearly.

    The document says both of the pooling. The official code, which it quotes, takes averages, and nearest neighbours to
    enlarge.
    """
    return statement(
        Computed("halved by, in one place", _pooling(), "average"),
        Computed("halved by, in another", _pooling(), "max"),
        Computed("enlarged by", _enlargement(), "bilinear"),
    )


@claim("C35", "003", "DFC分支的输出经过bilinear插值上采样 (code walk-through)")
def enlargement_in_the_code():
    """The quoted code enlarges the attention bilinearly.

    It asks for nearest neighbours.
    """
    return statement(Computed("enlarged by", _enlargement(), "bilinear"))


_LOGITS = np.linspace(-8, 8, 9).reshape(1, 1, 3, 3)


def _sigmoid_first_or_last(enlarge):
    """By how much it matters at most whether the sigmoid comes before or after the enlargement."""
    return float(abs(enlarge(ops.sigmoid(_LOGITS), 7) - ops.sigmoid(enlarge(_LOGITS, 7))).max())


@claim("C36", "003", "上采样后其值不是严格的在(0,1)区间内")
def range_after_enlargement():
    """After the enlargement, values are no longer strictly between 0 and 1.

    They are: every enlarged value is a mean of values between 0 and 1, with weights that are not negative. What is lost
    is that a sigmoid before and after a bilinear enlargement are no longer the same.
    """

    def leaves(enlarge):
        y = enlarge(ops.sigmoid(_LOGITS), 7)
        return bool(y.min() <= 0 or y.max() >= 1)

    enlargements = {
        "nearest": ops.resize_nearest,
        "bilinear": ops.resize_bilinear,
        "bilinear with aligned corners": partial(ops.resize_bilinear, align_corners=True),
    }
    return statement(
        *(Computed(f"{name}: leaves (0, 1)", leaves(enlarge), True) for name, enlarge in enlargements.items()),
        *(
            Computed(f"{name}: sigmoid first or last differ by", _sigmoid_first_or_last(enlarge))
            for name, enlarge in enlargements.items()
        ),
    )


@claim("C37", "003", "sigmoid placed before up-sampling")
def place_of_the_sigmoid():
    """The sigmoid comes before the enlargement.

    As in the official code. With nearest neighbours it makes no difference to the result, and a quarter of the pixels
    is less work.
    """
    order = [row.op for row in counted(lambda: DFCAttention(2, 4), (1, 2, 8, 8)).rows]
    return comparison(
        Computed("sigmoid before the enlargement", order.index("sigmoid") < order.index("resize_nearest"), True),
        Computed("the other order differs by", _sigmoid_first_or_last(ops.resize_nearest)),
    )


@claim("C38", "003", "layer_id <= 1时没加入DFC")
def bottlenecks_without_attention():
    """In the code, the first two bottlenecks have no attention.

    True, and all others have it; the number counts bottlenecks, not stages.
    """
    rows = [row for stage in STAGES_V2 for row in stage]
    return statement(
        Computed(
            "bottlenecks without attention", tuple(i for i, row in enumerate(rows) if row.widened is None), (0, 1)
        ),
        Computed(f"with attention, of {BOTTLENECKS}", sum(row.widened is not None for row in rows)),
    )


def _kernels(attention):
    return [
        layer.weight.shape[2:] for layer in layers(attention, Conv2d).values() if layer.operator == "depthwise_conv2d"
    ]


@claim("C39", "003", "依次执行 1×K_H 和 K_W×1")
def order_of_the_kernels():
    """First a 1xK_H, then a K_Wx1 depthwise convolution runs.

    The shapes are those of the code, but a kernel of one row runs along the width: the letters H and W are swapped. The
    paper's equations go along the height first.
    """
    (rows, columns), second = _kernels(_attentions()[0])
    return statement(
        Computed("the first kernel has one row, the second one column", (rows, second[1]), (1, 1)),
        Computed("the first kernel runs along", "width" if columns > rows else "height", "height"),
        Computed("the second kernel runs along", "width" if second[1] > second[0] else "height", "width"),
    )


@claim("C40", "003", "对比 kernel size 每阶段")
def kernel_sizes():
    """The attention's kernel size is chosen for each stage.

    The paper varies it in an ablation; the official code has one size in every layer.
    """
    sizes = {max(kernel) for attention in _attentions() for kernel in _kernels(attention)}
    return comparison(
        Computed("one size for all stages", len(sizes) == 1, False),
        Computed("kernel sizes", tuple(sorted(sizes))),
    )


@claim("C41", "003", "通常为3x3深度可分离卷积")
def name_of_the_cheap_operation():
    """The cheap operation is a 3x3 depthwise separable convolution.

    It is a depthwise convolution: no pointwise one follows.
    """
    return depthwise_is_separable()


@claim("C42", "003", "降采样一半")
def halving_odd_sizes():
    """Maps are halved in height and width.

    A 2x2 pool rounds down, so the last of 7 rows is dropped. On the way back the first of the 3 new rows is repeated
    three times, and the other two are repeated twice. A map of one pixel cannot be halved.
    """

    def halved(size):
        return counted(lambda: DFCAttention(2, 2), (1, 2, size, size)).rows[0].output[2]

    def refused(size):
        try:
            halved(size)
        except ValueError:
            return True
        return False

    rows = ops.resize_nearest(np.arange(3.0).reshape(1, 1, 3, 1), (7, 1)).ravel()
    return statement(
        *(Computed(f"rows of {size}", halved(size), Fraction(size, 2)) for size in (14, 7)),
        Computed("of 3 rows, those that 7 rows copy", tuple(map(int, rows))),
        Computed("a map of 1 pixel is refused", refused(1)),
    )


@claim("C43", "003", "Ghost module中SE")
def two_gates():
    """The network also has squeeze-and-excitation.

    Its gate is a hard sigmoid there, while the attention beside it has a true one.
    """
    squeeze = next(iter(layers(network("ghostnetv2_100"), SqueezeExcite).values()))
    return statement(
        Computed("gate of the attention", type(_attentions()[0].gate).__name__),
        Computed("gate of squeeze-and-excitation", type(squeeze.gate).__name__),
    )
