"""Networks to be trained: any by name, made for a data set, and with the weights of another one to begin with."""

from ghostnp.models import create_model, list_models
from ghostnp.ops.checks import nearest, shown
from ghostnp.ops.updates import update_named
from ghostnp.training.dataset import DataSet
from ghostnp.training.loop import tiny_ghostnet

TINY = "ghostnet_tiny"
# The first linear layer of these has a weight for every pixel.
_ONE_SIZE = ("alexnet", "vgg16")
# No batch norm, or only that behind the stem.
_WITHOUT_NORM = ("alexnet", "vgg16", "squeezenet1_0", "googlenet", "ghost_resnet50")
_RATES = {"sgd": 0.1, "adam": 0.003, "adamw": 0.003, "rmsprop": 0.001}


def list_networks():
    """Names that `network` knows: that of the tiny one, and `ghostnp.list_models()`.

    Returns
    -------
    list of str
    """
    return [TINY, *list_models()]


def check_network(name):
    """Require a name that `network` knows."""
    if not isinstance(name, str) or name not in list_networks():
        raise ValueError(
            f"name={shown(name)}: the rule is one of list_networks(), nearest first: {nearest(name, list_networks())}"
        )


def network(name, data, *, seed=0):
    """A network by name, of as many channels and classes as the data has.

    Parameters
    ----------
    name : str
        One of `list_networks`.
    data : DataSet
        What it is for.
    seed : int, default 0
        Of the first weights.

    Returns
    -------
    Module
        From images to logits: a softmax at its end, as two of the networks have, belongs to the loss here and is left
        out. Where no batch norm ends a residual branch, as in ghost_resnet50, the branch begins at zero [1]_:
        otherwise the activations double from block to block, and the first loss is above 300.

    Raises
    ------
    TypeError, ValueError
        If there is no such network, or images are too small or not square for it.

    References
    ----------
    .. [1] H. Zhang, Y. Dauphin and T. Ma, "Fixup initialization: residual learning without normalization", ICLR 2019,
       section 3: the last layer of each branch begins at 0. https://arxiv.org/abs/1901.09321
    """
    check_network(name)
    if not isinstance(data, DataSet):
        raise TypeError(f"data={shown(data)}: the rule is a DataSet, such as load_data('digits')")
    channels, height, width = data.shape
    keywords = {"num_classes": len(data.classes), "in_channels": channels, "seed": seed}
    if name == TINY:
        return tiny_ghostnet(**keywords)
    if name in _ONE_SIZE:
        if height != width:
            raise ValueError(f"data has images of {height}x{width}: the rule for {name} is as many rows as columns")
        keywords["image_size"] = height
    model = create_model(name, **keywords)
    vars(model).pop("softmax", None)
    if name == "ghost_resnet50":
        for path, array in model.parameters().items():
            if path.endswith(".conv3.conv1.weight"):  # conv2 makes ghosts of it, and keeps its weights to learn from
                array[...] = 0
    return model


def usual_rate(name, optimiser):
    """The learning rate that `ghostnp train` begins with where none is asked for.

    Parameters
    ----------
    name : str
        One of `list_networks`.
    optimiser : str
        One of `ghostnp.ops.updates.UPDATES`.

    Returns
    -------
    float
        For networks without batch norm a tenth of that of the others: with sgd 0.01, as AlexNet [1]_ and VGG [2]_
        were trained. With 0.1 their loss stays at that of guessing.

    Raises
    ------
    ValueError
        If there is no such network or optimiser.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural
       networks", NeurIPS 2012, section 5.
    .. [2] K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
       2015, section 3.1. https://arxiv.org/abs/1409.1556
    """
    check_network(name)
    return _RATES[update_named(optimiser).name] / (10 if name in _WITHOUT_NORM else 1)


def classifier_of(model):
    """The path of the layer that makes the logits: the last one that has parameters."""
    return list(model.parameters())[-1].rpartition(".")[0]


def begin_with(model, weights):
    """Load the weights of a network of the same kind, all but those of its classifier, which stays new.

    Parameters
    ----------
    model : Module
        To be trained; it is changed in place.
    weights : dict of str to ndarray
        As `ghostnp.load_weights` gives them; of any number of classes.

    Raises
    ------
    TypeError, ValueError
        If they do not fit. The model is as it was.
    """
    own = f"{classifier_of(model)}."
    state = model.state_dict()
    rest = {name: array for name, array in weights.items() if not name.startswith(own)}
    model.load_state_dict(rest | {name: array.copy() for name, array in state.items() if name.startswith(own)})
