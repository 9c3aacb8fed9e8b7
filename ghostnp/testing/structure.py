"""What the laws need to know of each operator: in what it is linear, and which of its axes are alike."""

from types import MappingProxyType

from ghostnp.testing.calls import OPERATORS
from ghostnp.testing.cases import CONVOLUTIONS

# For each operator the groups of arguments in which it is linear, or linear and a constant, all others held.
LINEAR = MappingProxyType(
    dict.fromkeys((*CONVOLUTIONS, "linear", "batch_norm_eval"), (("x",), ("weight", "bias")))
    | {
        "separable_conv2d": (("x",), ("depthwise_weight",), ("pointwise_weight", "bias")),
        "batch_norm_train": (("weight", "bias"),),
        "concat": (("xs",),),
        "add": (("a", "b"),),
        "multiply": (("a",), ("b",)),
        "scale": (("x",), ("s",)),
        "full_attention": (("z",), ("weight",)),
        "decoupled_attention": (("z",), ("weight_h",), ("weight_w",)),
    }
    | dict.fromkeys(
        (
            "channel_shuffle", "flatten", "split", "dropout", "avg_pool2d", "global_avg_pool2d", "resize_nearest",
            "resize_bilinear",
        ),
        (("x",),),
    )
)  # fmt: skip
# Twice the argument gives twice the result; beside it the result may be bent where numbers change their sign.
HOMOGENEOUS = MappingProxyType(
    dict.fromkeys(("relu", "crelu", "max_pool2d"), (("x",),))
    | {"ghost_module": (("x",), ("primary_weight",), ("cheap_weight",))}
)
# Sums of products of integers, without a division: exact in float32.
EXACT = (frozenset(LINEAR) | frozenset(HOMOGENEOUS)) - {
    "batch_norm_eval", "batch_norm_train", "avg_pool2d", "global_avg_pool2d", "resize_bilinear"
}  # fmt: skip
# Arguments whose first axis is the batch.
BATCHED = frozenset({"x", "z", "a", "b", "s", "xs", "mask"})
# Operators whose result for an image depends on the other images of the batch.
ACROSS_IMAGES = frozenset({"batch_norm_train", "batch_norm_relu_train", "softmax_cross_entropy"})
_BENDS = frozenset({"relu", "relu6", "sigmoid", "hard_sigmoid", "clip"})
_NORMS = frozenset({"batch_norm_train", "batch_norm_relu_train", "batch_norm_eval"})
_PAIRS = frozenset({"add", "multiply", "scale", "dropout"})
_ATTENTION = frozenset({"full_attention", "decoupled_attention"})
_POOLS = frozenset({"max_pool2d", "avg_pool2d", "global_avg_pool2d", "resize_nearest", "resize_bilinear"})
# No sums of products and no maxima: of whole numbers they are no easier to follow, and some have a kink there.
BENT = frozenset(OPERATORS) - set(LINEAR) - set(HOMOGENEOUS) | {"batch_norm_train"}
# Channels may be put in another order, with what belongs to them.
ALIKE_CHANNELS = _BENDS | _NORMS | _PAIRS | _ATTENTION | _POOLS | {"softmax"}
# Pixels too.
ALIKE_PIXELS = _BENDS | _NORMS | _PAIRS | {"softmax", "crelu", "concat", "split", "channel_shuffle"}
# A map of one value all over stays what it is.
KEEPS_CONSTANTS = _POOLS
# All that has windows which slide.
WINDOWS = frozenset({*CONVOLUTIONS, "max_pool2d", "avg_pool2d"})

assert not (set(LINEAR) | ALIKE_CHANNELS | ALIKE_PIXELS | set(HOMOGENEOUS)) - set(OPERATORS)
