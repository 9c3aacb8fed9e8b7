"""AlexNet and VGG-16: convolutions and pools in a row, then three linear layers.

Before them nearly all multiply-adds are in the convolutions and nearly all parameters in the first linear layer: it has
a weight for every pixel of the last maps, and so it fixes the size of the image.
"""

from typing import NamedTuple

from ghostnp.modules import Conv2d, Dropout, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential
from ghostnp.modules.layers import dropped
from ghostnp.modules.rules import table
from ghostnp.ops.checks import integer, pair
from ghostnp.ops.geometry import sliding_window


class Conv(NamedTuple):
    """A convolution with biases, and a ReLU."""

    out: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    groups: int = 1


class Pool(NamedTuple):
    """A max pool."""

    kernel: int
    stride: int
    padding: int = 0


# A. Krizhevsky et al., 2012, section 3.5. The two groups are the two GPUs; 224 pixels give 55x55 only if padded by 2.
# Its local response normalisation (section 3.3) is left out, as in nearly all that came later.
ALEXNET = (
    Conv(96, 11, 4, 2),
    Pool(3, 2),
    Conv(256, 5, 1, 2, groups=2),
    Pool(3, 2),
    Conv(384),
    Conv(384, groups=2),
    Conv(256, groups=2),
    Pool(3, 2),
)
# K. Simonyan and A. Zisserman, 2014, table 1, column D.
VGG16 = (
    *(Conv(64),) * 2,
    Pool(2, 2),
    *(Conv(128),) * 2,
    Pool(2, 2),
    *(Conv(256),) * 3,
    Pool(2, 2),
    *(Conv(512),) * 3,
    Pool(2, 2),
    *(Conv(512),) * 3,
    Pool(2, 2),
)


class PlainNet(Sequential):
    """A network without branches, under torchvision's names for VGG: ``features.I`` and ``classifier.{0,3,6}``.

    Parameters
    ----------
    rows : tuple of (Conv or Pool)
        The table: `ALEXNET` or `VGG16`.
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    hidden : int, default 4096
        Length of the two layers before it.
    dropout : float, default 0.5
        Probability behind each of those two; it takes effect in training with an `rng`.
    image_size : int or (int, int), default 224
        Height and width of the images: the first linear layer is built for them.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or the images are smaller than the table needs.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
       NeurIPS 2012, section 3.5 and figure 2.
    .. [2] K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
       2015, table 1. https://arxiv.org/abs/1409.1556
    """

    def __init__(self, rows, *, num_classes=1000, in_channels=3, hidden=4096, dropout=0.5, image_size=224):
        dropout, hidden = dropped("dropout", dropout), integer("hidden", hidden, 1)
        self.image_size = size = pair("image_size", image_size, 1)
        layers: list[Module] = []
        channels = self.in_channels = integer("in_channels", in_channels, 1)
        for row in table("rows", rows, Conv | Pool, f"{VGG16[0]}"):
            try:
                size = sliding_window(size, row.kernel, row.stride, row.padding).output
            except ValueError as error:
                raise ValueError(f"image_size={self.image_size} does not pass {row}: {error}") from None
            if isinstance(row, Pool):
                layers.append(MaxPool2d(row.kernel, stride=row.stride, padding=row.padding))
                continue
            geometry = {"stride": row.stride, "padding": row.padding, "groups": row.groups}
            layers += [Conv2d(channels, row.out, row.kernel, **geometry), ReLU()]
            channels = row.out
        features = integer(f"image_size={self.image_size} makes in_features", channels * size[0] * size[1], 1)
        super().__init__(
            features=Sequential(*layers),
            flatten=Flatten(),
            classifier=Sequential(
                Linear(features, hidden),
                ReLU(),
                Dropout(dropout),
                Linear(hidden, hidden),
                ReLU(),
                Dropout(dropout),
                Linear(hidden, integer("num_classes", num_classes, 1)),
            ),
        )

    def forward(self, x, *, training=False, rng=None):
        """Run forward, as in `Module`, on images of the size that the network was built for."""
        if tuple(x.shape[2:]) != self.image_size:
            height, width = self.image_size
            raise ValueError(
                f"x has shape {tuple(x.shape)}: the first linear layer has a weight for every pixel, so the rule is "
                f"images of {height}x{width}, such as {(1, self.in_channels, height, width)}; image_size builds one "
                f"for another size"
            )
        return super().forward(x, training=training, rng=rng)
