"""The same operators by PyTorch: what the tests compare with. Nothing here comes from ghostnp."""

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def differentiate(f, *arrays):
    """f(*arrays) and the function that takes dy back to a gradient for each array, both in NumPy."""
    tensors = [torch.tensor(np.array(array, order="C"), requires_grad=True) for array in arrays]
    y = f(*tensors)

    def pull(dy):
        gradients = torch.autograd.grad(y, tensors, torch.tensor(np.array(dy, order="C")))
        return [gradient.numpy() for gradient in gradients]

    return y.detach().numpy(), pull


def both(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def sides(padding, size, reach, stride):
    """((top, bottom), (left, right)) for every way to write a padding."""
    if padding == "same":
        # TensorFlow's own words: the last window starts where the last stride does, and what hangs over is padded.
        overhangs = [
            max(r - (s if n % s == 0 else n % s), 0) for n, r, s in zip(size, reach, both(stride), strict=True)
        ]
        return tuple((o // 2, (o + 1) // 2) for o in overhangs)
    return tuple(both(side) for side in both(padding))


def conv_sides(x, weight, stride, padding, dilation):
    """`sides` for a convolution, from its shapes and keywords."""
    reach = [(k - 1) * d + 1 for k, d in zip(weight[2:], both(dilation), strict=True)]
    return sides(padding, x[2:], reach, stride)


def surround(x, around, value=0.0):
    (top, bottom), (left, right) = around
    return F.pad(x, (left, right, top, bottom), value=value)


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Every convolution: the shapes of x and weight tell the number of groups."""
    around = conv_sides(x.shape, weight.shape, stride, padding, dilation)
    groups = x.shape[1] // weight.shape[1]
    return F.conv2d(surround(x, around), weight, bias, both(stride), 0, both(dilation), groups)


def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    stride = kernel_size if stride is None else stride
    around = sides(padding, x.shape[2:], both(kernel_size), stride)
    return F.max_pool2d(surround(x, around, -torch.inf), both(kernel_size), both(stride))


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    stride = kernel_size if stride is None else stride
    around = sides(padding, x.shape[2:], both(kernel_size), stride)
    mean = F.avg_pool2d(surround(x, around), both(kernel_size), both(stride))
    if count_include_pad:
        return mean
    # The share of each window that lies on the map; a mean over that share alone is larger by as much.
    inside = F.avg_pool2d(surround(torch.ones_like(x), around), both(kernel_size), both(stride))
    return mean / inside


def full_attention(z, weight):
    n, c, h, w = z.shape
    return (weight.reshape(c, h * w, h * w) @ z.reshape(n, c, h * w, 1)).reshape(n, c, h, w)


def decoupled_attention(z, weight_h, weight_w):
    columns = weight_h.permute(0, 3, 1, 2) @ z.permute(0, 1, 3, 2)[..., None]  # c w (h, h') @ n c w (h', 1)
    columns = columns[..., 0].permute(0, 1, 3, 2)
    return (weight_w.permute(0, 2, 1, 3) @ columns[..., None])[..., 0]  # c h (w, w') @ n c h (w', 1)
