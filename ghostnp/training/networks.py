"""Networks to be trained: any by name, made for a data set, and with the weights of another one to begin with."""

from ghostnp.models import create_model, list_models
from ghostnp.ops.checks import nearest, shown
from ghostnp.training.dataset import DataSet
from ghostnp.training.loop import tiny_ghostnet

TINY = "ghostnet_tiny"
# The first linear layer of these has a weight for every pixel.
_ONE_SIZE = ("alexnet", "vgg16")


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
        out.

    Raises
    ------
    TypeError, ValueError
        If there is no such network, or images are too small or not square for it.
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
    return model


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
