"""What is in a photo? A network's answer over the thousand classes of ImageNet.

The photo is prepared as in the evaluation of the official weights, for they were chosen by what they score on it: short
side resized to 256 pixels, the middle 224 × 224 cut out, colours normalised. The guided tour shows more of the photo
(`ghostnp.photo.load_photo`), and a network gives other answers there.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from ghostnp.backend import backend
from ghostnp.ops.checks import integer
from ghostnp.photo import normalise, read_colours

# https://github.com/huawei-noah/Efficient-AI-Backbones/blob/master/ghostnet_pytorch/validate.py: Resize(256), which is
# bilinear, then CenterCrop(224).
SHORT_SIDE, CROP = 256, 224


@cache
def class_names():
    """ImageNet's class names in the order of a network's outputs.

    Returns
    -------
    tuple of str
        One thousand different names.
    """
    return tuple(files("ghostnp").joinpath("imagenet_classes.txt").read_text(encoding="utf-8").splitlines())


def evaluation_photo(path):
    """Read a photo as the official evaluation does.

    Parameters
    ----------
    path : str or Path
        Any image that Pillow reads.

    Returns
    -------
    ndarray
        Shape (1, 3, 224, 224), float32, normalised.

    Raises
    ------
    PhotoError
        If there is no such file, or it is no image that can be read; one line says which.
    """
    return normalise(read_colours(Path(path), _middle))


def _middle(image):
    """Resize and cut in one go: only the pixels that stay are computed, however long and narrow the image is."""
    short = min(image.size)
    sizes = [SHORT_SIDE * length // short for length in image.size]
    # torchvision's CenterCrop starts at a whole pixel of the resized image.
    starts = [round((size - CROP) / 2) for size in sizes]
    scales = [length / size for length, size in zip(image.size, sizes, strict=True)]
    left, top = (start * scale for start, scale in zip(starts, scales, strict=True))
    right, bottom = ((start + CROP) * scale for start, scale in zip(starts, scales, strict=True))
    return image.resize((CROP, CROP), Image.Resampling.BILINEAR, box=(left, top, right, bottom))


def classify(photo, model, *, top=5):
    """Name what is in a photo.

    Parameters
    ----------
    photo : str or Path
        Any image that Pillow reads.
    model : Module
        A network with one output for each class of ImageNet, such as ``create_model("ghostnet_100")``.
    top : int, default 5
        How many answers, 1 to 1000.

    Returns
    -------
    list of (str, float)
        Class names and their probabilities, the likeliest first.

    Raises
    ------
    PhotoError
        If the photo cannot be read.
    TypeError, ValueError
        If `top` is not legal, or if the network has other outputs or gives no finite numbers.
    """
    if integer("top", top, 1) > len(class_names()):
        raise ValueError(f"top={top}: the rule is 1 to {len(class_names())}, the number of classes, such as 5")
    return answers(evaluation_photo(photo), model, top)


def answers(x, model, top):
    """Class names and probabilities for a prepared photo, as `classify` gives them."""
    dtype = next(iter(model.parameters().values())).dtype
    y = model(x.astype(dtype))
    if y.shape != (1, len(class_names())):
        raise ValueError(
            f"model gives an output of shape {y.shape}: the rule is (1, {len(class_names())}), a number for each class "
            "of ImageNet, such as create_model('ghostnet_100') gives"
        )
    if not np.isfinite(y).all():
        raise ValueError("model gives NaN or infinity: the rule is weights that are finite, such as trained ones")
    # Logits do not happen to be probabilities: a network that gives these ends in a softmax of its own.
    has_softmax = y.min() >= 0 and abs(y.sum() - 1) < 1e-3
    probabilities = (y if has_softmax else backend().softmax(y))[0]
    return [
        (class_names()[index], float(probabilities[index])) for index in np.argsort(-probabilities, stable=True)[:top]
    ]
