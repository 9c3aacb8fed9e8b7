"""The same functions, fast: Numba twins of `ghostnp.ops`, under the same names and signatures.

What needs no hurry is the definition itself: it is imported from `ghostnp.ops` below, in plain sight.

Read them in this order: `layout`, `loops`, `matmul`, `linear`, `windows`, `taps`, `depthwise`, `convolution`,
`normalization`, `activation`, `elementwise`, `concat`, `pooling`, `resize`, `shuffle`. How they are compiled and run is
in `runtime`; to begin with, its own `__init__` says enough.
"""

from ghostnp.kernels.activation import (
    clip,
    clip_backward,
    crelu,
    crelu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    sigmoid,
    sigmoid_backward,
)
from ghostnp.kernels.concat import concat, concat_backward, split, split_backward
from ghostnp.kernels.convolution import (
    conv2d,
    conv2d_backward,
    grouped_conv2d,
    grouped_conv2d_backward,
    pointwise_conv2d,
    pointwise_conv2d_backward,
    separable_conv2d,
    separable_conv2d_backward,
    standard_conv2d,
    standard_conv2d_backward,
)
from ghostnp.kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ghostnp.kernels.elementwise import (
    add,
    add_backward,
    multiply,
    multiply_backward,
    scale,
    scale_backward,
)
from ghostnp.kernels.linear import linear, linear_backward
from ghostnp.kernels.normalization import (
    batch_norm_eval,
    batch_norm_eval_backward,
    batch_norm_relu_train,
    batch_norm_relu_train_backward,
    batch_norm_train,
    batch_norm_train_backward,
)
from ghostnp.kernels.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from ghostnp.kernels.resize import resize_bilinear, resize_bilinear_backward, resize_nearest, resize_nearest_backward
from ghostnp.kernels.runtime import apply_settings, memory
from ghostnp.kernels.shuffle import channel_shuffle, channel_shuffle_backward

# The definitions are fast enough: costs are arithmetic on shapes, the others meet small arrays or are one NumPy call.
from ghostnp.ops import (
    __all__,
    add_cost,
    avg_pool2d_cost,
    batch_norm_eval_cost,
    batch_norm_relu_train_cost,
    batch_norm_train_cost,
    channel_shuffle_cost,
    clip_cost,
    concat_cost,
    conv2d_cost,
    crelu_cost,
    decoupled_attention,
    decoupled_attention_backward,
    decoupled_attention_cost,
    depthwise_conv2d_cost,
    dropout,
    dropout_backward,
    dropout_cost,
    flatten,
    flatten_backward,
    flatten_cost,
    full_attention,
    full_attention_backward,
    full_attention_cost,
    global_avg_pool2d_cost,
    grouped_conv2d_cost,
    hard_sigmoid_cost,
    linear_cost,
    max_pool2d_cost,
    multiply_cost,
    pointwise_conv2d_cost,
    relu6_cost,
    relu_cost,
    resize_bilinear_cost,
    resize_nearest_cost,
    scale_cost,
    separable_conv2d_cost,
    sigmoid_cost,
    softmax,
    softmax_backward,
    softmax_cost,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_cost,
    split_cost,
    standard_conv2d_cost,
)

apply_settings()
