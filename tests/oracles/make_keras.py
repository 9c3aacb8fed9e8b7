"""What Keras computes: the networks of documents 000 and 001, and single layers, stored for the tests.

Remade in an environment of its own, from the folder above ``tests``:

    python -m venv /tmp/keras
    /tmp/keras/bin/pip install tensorflow-cpu
    KERAS_BACKEND=tensorflow /tmp/keras/bin/python -m tests.oracles.make_keras

It takes half a minute. Nothing here comes from ghostnp. The networks are written anew to do what the documents' code
does: a bias in every layer, 'same' padding, batch norms as Keras sets them, softmax at the end. Their layers bear the
official names, so that `tests.oracles.seeded` fills them with the same numbers as ours. All is float64, on the
TensorFlow backend (on the torch backend, AveragePooling2D('same') is wrong and BatchNormalization loses digits).

A network is stored as its probabilities for one whole image and for a batch of odd-sized ones in inference and in
training; the loss; of each gradient and of each moving statistic a length and an inner product (`seeded.summary`), and
some small ones in full; parameter counts and the shapes of maps. Kernels are turned to PyTorch's layout, (out, in, kh,
kw), and maps to (N, C, H, W).
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.oracles import seeded

HERE = Path(__file__).parent
VERSIONS = {"tensorflow": tf.__version__, "keras": keras.__version__}
WHOLE, BATCH = (1, 3, 224, 224), (4, 3, 97, 75)
LABELS = np.array([3, 141, 592, 653])
OFFICIAL = {"kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias"}
OFFICIAL |= {"moving_mean": "running_mean", "moving_variance": "running_var"}


def to_maps(array):
    return np.moveaxis(np.asarray(array), -1, 1)


def to_keras(array):
    return np.moveaxis(array, 1, -1)


def to_official(layer, kernel):
    """A kernel, or its gradient, in PyTorch's layout."""
    if isinstance(layer, layers.Dense):
        return kernel.T
    if isinstance(layer, layers.DepthwiseConv2D):  # (kh, kw, C, m): the m filters of a channel are neighbours
        kh, kw, channels, multiplier = kernel.shape
        return kernel.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, kh, kw)
    return kernel.transpose(3, 2, 0, 1)


def from_official(layer, weight, shape):
    """The inverse of `to_official`, for a kernel of Keras's `shape`."""
    if isinstance(layer, layers.Dense):
        return weight.T
    if isinstance(layer, layers.DepthwiseConv2D):
        return weight.reshape(shape[2], shape[3], *shape[:2]).transpose(2, 3, 0, 1)
    return weight.transpose(2, 3, 1, 0)


def conv_norm(x, conv, norm, out, kernel=1, *, strides=1, groups=1, relu=True):
    """Convolution, batch norm and perhaps ReLU, the first two under their official names; no `out`: depthwise."""
    if out is None:
        x = layers.DepthwiseConv2D(kernel, strides, "same", name=conv)(x)
    else:
        x = layers.Conv2D(out, kernel, strides, "same", groups=groups, name=conv)(x)
    x = layers.BatchNormalization(name=norm)(x)
    return layers.ReLU()(x) if relu else x


def ghost_module(x, out, name, *, relu):
    primary = conv_norm(x, f"{name}.primary_conv.0", f"{name}.primary_conv.1", out // 2, relu=relu)
    cheap = conv_norm(primary, f"{name}.cheap_operation.0", f"{name}.cheap_operation.1", None, 3, relu=relu)
    return layers.Concatenate()([cheap, primary])


def squeeze_excite(x, name):
    channels = x.shape[-1]
    gate = layers.GlobalAveragePooling2D()(x)
    gate = layers.Dense(channels // 4, activation="relu", name=f"{name}.conv_reduce")(gate)
    gate = layers.Dense(channels, activation="sigmoid", name=f"{name}.conv_expand")(gate)
    return layers.Multiply()([layers.Reshape((1, 1, channels))(gate), x])


def ghost_bottleneck(x, name, kernel, hidden, out, squeeze, strides):
    y = ghost_module(x, hidden, f"{name}.ghost1", relu=True)
    if strides == 2:
        y = conv_norm(y, f"{name}.conv_dw", f"{name}.bn_dw", None, kernel, strides=2)
    if squeeze:
        y = squeeze_excite(y, f"{name}.se")
    y = ghost_module(y, out, f"{name}.ghost2", relu=False)
    return layers.Add()([y, x]) if strides == 1 and x.shape[-1] == out else y


# Document 000: official name, kernel, expansion, channels out, squeeze-and-excitation, stride.
BOTTLENECKS = [
    ("0.0", 3, 16, 16, False, 1),
    ("1.0", 3, 48, 24, False, 2),
    ("2.0", 3, 72, 24, False, 1),
    ("3.0", 5, 72, 40, True, 2),
    ("4.0", 5, 120, 40, True, 1),
    ("5.0", 3, 240, 80, False, 2),
    ("6.0", 3, 200, 80, False, 1),
    ("6.1", 3, 184, 80, False, 1),
    ("6.2", 3, 184, 80, False, 1),
    ("6.3", 3, 480, 112, True, 1),
    ("6.4", 3, 672, 112, True, 1),
    ("7.0", 5, 672, 160, True, 2),
    ("8.0", 5, 960, 160, False, 1),
    ("8.1", 5, 960, 160, True, 1),
    ("8.2", 5, 960, 160, False, 1),
    ("8.3", 5, 960, 160, True, 1),
]


def ghostnet(size):
    """Document 000. Its average pooling over 7x7 fits 224x224 alone; elsewhere the mean of all pixels stands for it."""
    inputs = layers.Input((*size, 3))
    x = conv_norm(inputs, "conv_stem", "bn1", 16, 3, strides=2)
    for name, *row in BOTTLENECKS:
        x = ghost_bottleneck(x, f"blocks.{name}", *row)
    x = conv_norm(x, "blocks.9.0.conv", "blocks.9.0.bn1", 960)
    pool = (
        layers.AveragePooling2D((7, 7), (7, 7)) if size == (224, 224) else layers.GlobalAveragePooling2D(keepdims=True)
    )
    x = conv_norm(pool(x), "conv_head", "bn2", 1280)
    x = layers.Conv2D(1000, 1, 1, "same", activation="softmax", name="classifier")(x)
    return keras.Model(inputs, layers.Reshape((1000,))(x))


def shuffle(x, groups):
    _, h, w, c = x.shape
    x = keras.ops.reshape(x, (-1, h, w, groups, c // groups))
    return keras.ops.reshape(keras.ops.transpose(x, (0, 1, 2, 4, 3)), (-1, h, w, c))


def shuffle_unit(x, name, out, groups, strides):
    main, last = f"{name}.branch_main_1", f"{name}.branch_main_2"
    y = conv_norm(x, f"{main}.0", f"{main}.1", out // 4, groups=groups)
    y = shuffle(y, groups)
    y = conv_norm(y, f"{main}.3", f"{main}.4", None, 3, strides=strides, relu=False)
    width = out if strides == 1 else out - x.shape[-1]
    y = conv_norm(y, f"{last}.0", f"{last}.1", width, groups=groups, relu=False)
    if strides == 1:
        return layers.ReLU()(layers.Add()([x, y]))
    return layers.ReLU()(layers.Concatenate()([y, layers.AveragePooling2D(3, 2, "same")(x)]))


def shufflenet(size, widths=(240, 480, 960), groups=3, repeats=(3, 7, 3)):
    """Document 001."""
    inputs = layers.Input((*size, 3))
    x = conv_norm(inputs, "first_conv.0", "first_conv.1", 24, 3, strides=2)
    x = layers.MaxPool2D(3, 2, "same")(x)
    strides = [2 if place == 0 else 1 for count in repeats for place in range(count + 1)]
    outs = [width for width, count in zip(widths, repeats, strict=True) for _ in range(count + 1)]
    for number, (out, stride) in enumerate(zip(outs, strides, strict=True)):
        x = shuffle_unit(x, f"features.{number}", out, groups, stride)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Activation("softmax")(layers.Dense(1000, name="classifier.0")(x)))


def variables(model):
    """For each variable its official name, its layer, and itself, in the order in which layers were made."""
    for layer in model.layers:
        for variable in layer.weights:
            assert variable.dtype == "float64"
            yield f"{layer.name}.{OFFICIAL[variable.name]}", layer, variable


def fill(model, gain):
    """The seeded weights."""
    for name, layer, variable in variables(model):
        if variable.name == "kernel":
            official = to_official(layer, np.empty(variable.shape)).shape
            variable.assign(from_official(layer, seeded.parameter(name, official, gain), variable.shape))
        else:
            variable.assign(seeded.parameter(name, tuple(variable.shape), gain))
    return model


def run(model, x, *, training):
    """Probabilities, loss, and the gradients of x and of each trainable variable, in official layout and by name."""
    trained = [(name, layer, v) for name, layer, v in variables(model) if v.trainable]
    x = tf.constant(to_keras(x))
    with tf.GradientTape() as tape:
        tape.watch(x)
        probabilities = model(x, training=training)
        loss = keras.losses.SparseCategoricalCrossentropy()(LABELS, probabilities)
    dx, *gradients = tape.gradient(loss, [x, *(v.value for *_, v in trained)])
    grads = {"x": to_maps(dx)}
    for (name, layer, variable), gradient in zip(trained, gradients, strict=True):
        grads[name] = to_official(layer, gradient.numpy()) if variable.name == "kernel" else gradient.numpy()
    return probabilities.numpy(), loss.numpy(), grads


def network(build, gain, totals, in_full):
    """All that is stored of one network."""
    model = fill(build(WHOLE[2:]), gain)
    trainable = sum(v.numpy().size for v in model.trainable_variables)
    assert (trainable, model.count_params() - trainable) == totals
    shaped = [layer for layer in model.layers if layer.weights and len(layer.output.shape) == 4]
    result = VERSIONS | {
        "gain": gain,
        "trainable": trainable,
        "non_trainable": model.count_params() - trainable,
        "maps": [layer.name for layer in shaped],
        "shapes": [(1, layer.output.shape[3], *layer.output.shape[1:3]) for layer in shaped],
        "whole_shape": WHOLE,
        "batch_shape": BATCH,
        "labels": LABELS,
        "whole_probabilities": model(to_keras(seeded.images("whole", WHOLE)), training=False).numpy(),
    }
    model = fill(build(BATCH[2:]), gain)
    x = seeded.images("batch", BATCH)
    for mode in ("inference", "training"):  # in this order, since training moves the statistics
        result[f"{mode}_probabilities"], result[f"{mode}_loss"], grads = run(model, x, training=mode == "training")
        assert result[f"{mode}_probabilities"].min() > 1e-6  # Keras's loss clips at 1e-7
        result[f"{mode}_gradients"] = [seeded.summary(name, gradient) for name, gradient in grads.items()]
        result |= {f"{mode}_gradient/{name}": grads[name] for name in in_full}
    result["gradients"] = list(grads)
    moved = {name: v.numpy() for name, _, v in variables(model) if not v.trainable}
    result["statistics"] = list(moved)
    result["moved_statistics"] = [seeded.summary(name, array) for name, array in moved.items()]
    return result


def small_integers(rng, shape):
    """So that every sum of products is exact, in whatever order."""
    return rng.integers(-4, 5, shape).astype(np.float64)


def one_layer(layer, x, rng):
    """A layer's answer to small integers and its gradients, with everything that went in."""
    x_keras = tf.constant(to_keras(x))
    layer.build(x_keras.shape)
    values = [small_integers(rng, tuple(variable.shape)) for variable in layer.weights]
    layer.set_weights(values)
    with tf.GradientTape() as tape:
        tape.watch(x_keras)
        y = layer(x_keras)
        dy = small_integers(rng, y.shape)
        product = tf.reduce_sum(y * dy)
    dx, *gradients = tape.gradient(product, [x_keras, *(v.value for v in layer.weights)])
    result = {"x": x, "y": to_maps(y), "dy": to_maps(dy), "dx": to_maps(dx)}
    for variable, value, gradient in zip(layer.weights, values, gradients, strict=True):
        name = OFFICIAL[variable.name]
        for key, array in ((name, value), (f"d{name}", np.asarray(gradient))):
            result[key] = to_official(layer, array) if variable.name == "kernel" else array
    return result


def convolutions():
    """Convolutions with 'same' padding: what each answers, and which ghostnp function and keywords that is."""
    rng = np.random.default_rng(0)
    sizes = [(6, 8), (7, 5)]
    geometries = [(3, {"stride": 2}), (5, {"stride": 2}), (2, {"stride": 1}), (3, {"dilation": 2})]
    for size in sizes:
        for kernel, keywords in geometries:
            options = {"strides": keywords.get("stride", 1), "dilation_rate": keywords.get("dilation", 1)}
            options |= {"padding": "same"}
            for operator, extra, layer in (
                ("standard_conv2d", {}, layers.Conv2D(4, kernel, **options)),
                ("grouped_conv2d", {"groups": 3}, layers.Conv2D(9, kernel, groups=3, **options)),
                ("depthwise_conv2d", {}, layers.DepthwiseConv2D(kernel, depth_multiplier=3, **options)),
            ):
                yield operator, keywords | extra, one_layer(layer, small_integers(rng, (2, 6, *size)), rng)


def pools():
    """Pooling with 'same' padding; no two numbers of x are equal, so that it is plain which one is the largest."""
    rng = np.random.default_rng(1)
    for size in [(6, 8), (7, 5)]:
        for kernel, stride in [(3, 2), (2, 2), (3, 1)]:
            x = rng.permutation(2 * 3 * size[0] * size[1]).reshape(2, 3, *size).astype(np.float64)
            keywords = {"kernel_size": kernel, "stride": stride}
            yield "max_pool2d", keywords, one_layer(layers.MaxPool2D(kernel, stride, "same"), x, rng)
            yield "avg_pool2d", keywords, one_layer(layers.AveragePooling2D(kernel, stride, "same"), x, rng)


def batch_norm():
    """One training step of BatchNormalization as it is by default, and the answer afterwards."""
    rng = np.random.default_rng(2)
    layer = layers.BatchNormalization()
    x = rng.normal(1, 2, (3, 5, 4, 6))
    x_keras = tf.constant(to_keras(x))
    layer.build(x_keras.shape)
    weight, bias = rng.normal(size=(2, 5))
    start = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    layer.set_weights([weight, bias, *start])
    with tf.GradientTape() as tape:
        tape.watch(x_keras)
        y = layer(x_keras, training=True)
        dy = rng.normal(size=y.shape)
        product = tf.reduce_sum(y * dy)
    dx, dweight, dbias = tape.gradient(product, [x_keras, layer.gamma.value, layer.beta.value])
    return {
        "eps": layer.epsilon,
        "momentum": layer.momentum,
        "x": x,
        "weight": weight,
        "bias": bias,
        "start_mean": start[0],
        "start_var": start[1],
        "y": to_maps(y),
        "dy": to_maps(dy),
        "dx": to_maps(dx),
        "dweight": dweight.numpy(),
        "dbias": dbias.numpy(),
        "moving_mean": layer.moving_mean.numpy(),
        "moving_var": layer.moving_variance.numpy(),
        "y_inference": to_maps(layer(x_keras, training=False)),
    }


def counted():
    """`count_params` of the layers of document 000's arithmetic, numbers N01 to N05 of the claims."""
    for claim, layer, channels in (
        ("N01", layers.Conv2D(256, 5), 256),
        ("N02", layers.Conv2D(256, 5, groups=32), 256),
        ("N04", layers.Conv2D(1024, 5), 1024),
        ("N05", layers.DepthwiseConv2D(5), 1024),
    ):
        layer.build((None, 8, 8, channels))
        yield claim, layer.count_params()


def single_layers():
    result = dict(VERSIONS)
    for number, (operator, keywords, arrays) in enumerate([*convolutions(), *pools()]):
        case = f"{number:02}/{operator}"
        result |= {f"{case}/keywords/{name}": value for name, value in keywords.items()}
        result |= {f"{case}/{name}": array for name, array in arrays.items()}
    result |= {f"batch_norm/{name}": value for name, value in batch_norm().items()}
    return result | {f"count_params/{claim}": count for claim, count in counted()}


def store(name, arrays):
    path = HERE / name
    np.savez_compressed(path, allow_pickle=False, **{key: np.asarray(value) for key, value in arrays.items()})
    size = path.stat().st_size
    assert size < 400_000, f"{name}: {size} bytes"
    print(f"{name}: {size} bytes")


def main():
    assert keras.backend.backend() == "tensorflow"
    keras.config.set_floatx("float64")
    store("keras_layers.npz", single_layers())
    ghost_gradients = [
        "conv_stem.weight",
        "bn1.weight",
        "bn1.bias",
        "blocks.1.0.conv_dw.weight",
        "blocks.3.0.se.conv_reduce.weight",
        "blocks.3.0.se.conv_expand.bias",
        "blocks.6.1.ghost2.cheap_operation.0.weight",
        "classifier.bias",
    ]
    store("keras_ghostnet.npz", network(ghostnet, 1.25, (5_157_168, 23_152), ghost_gradients))
    shuffle_gradients = [
        "first_conv.0.weight",
        "first_conv.1.bias",
        "features.0.branch_main_1.0.weight",
        "features.4.branch_main_1.3.weight",
        "features.15.branch_main_2.1.weight",
        "classifier.0.bias",
    ]
    store("keras_shufflenet.npz", network(shufflenet, 0.5, (1_877_008, 24_480), shuffle_gradients))


if __name__ == "__main__":
    main()
