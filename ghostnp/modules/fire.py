"""SqueezeNet's fire module: a 1x1 convolution makes few maps, and 1x1 and 3x3 filters read those side by side."""

from ghostnp.backend import backend
from ghostnp.modules.base import Module
from ghostnp.modules.combine import chain_backward, chain_forward, fork_backward, fork_forward
from ghostnp.modules.layers import Conv2d, ReLU


class Fire(Module):
    """SqueezeNet's module: few maps are made by 1x1 filters, and many of those by 1x1 and 3x3 filters side by side.

    ``squeeze``, ``expand1x1`` and ``expand3x3`` are torchvision's names.

    Parameters
    ----------
    in_channels : int
        C_in.
    squeeze, expand1x1, expand3x3 : int
        Filters of each kind; together the last two make the output.

    Raises
    ------
    TypeError, ValueError
        If a count is not a positive int.

    References
    ----------
    .. [1] F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
       2016, section 3.2 and figure 1. https://arxiv.org/abs/1602.07360
    """

    def __init__(self, in_channels, squeeze, expand1x1, expand3x3):
        self.squeeze = Conv2d(in_channels, squeeze, 1)
        self.squeeze_activation = ReLU()
        self.expand1x1 = Conv2d(squeeze, expand1x1, 1)
        self.expand3x3 = Conv2d(squeeze, expand3x3, 3, padding=1)

    def forward(self, x, *, training=False, rng=None):
        squeezed, before = chain_forward(self._squeeze(), x, training=training, rng=rng)
        expand = {"expand1x1": self.expand1x1.forward, "expand3x3": self.expand3x3.forward}
        expanded, after = fork_forward(expand, squeezed, training=training, rng=rng)
        return backend().relu(expanded), (before, after, expanded)

    def backward(self, dy, cache):
        before, after, expanded = cache
        expand = {"expand1x1": self.expand1x1.backward, "expand3x3": self.expand3x3.backward}
        dsqueezed, expand_grads = fork_backward(expand, backend().relu_backward(dy, expanded), after)
        dx, squeeze_grads = chain_backward(self._squeeze(), dsqueezed, before)
        return dx, squeeze_grads | expand_grads

    def _squeeze(self):
        return {"squeeze": self.squeeze, "squeeze_activation": self.squeeze_activation}
