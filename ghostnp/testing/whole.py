"""Whole modules: a ``torch.nn.Module`` held against one of ghostnp, layer by layer.

Both get the same numbers in float64, and so they differ by what another order of summation leaves. What is compared is
what a layer shows: its output, dx, the gradient of every parameter, and the running statistics afterwards.
"""

import copy

import numpy as np

# Another order of sums leaves 1e-15 of the largest term in float64. Each batch norm may multiply it by 1/√eps = 316.
_TOLERANCE = 1e-9


def assert_same_module(theirs, ours, *, x, names=None, training=(False, True), seed=0, tolerance=_TOLERANCE):
    """Hold a network of PyTorch against a module of ghostnp that has the same parameters.

    Both are copied, and the copy of ours is loaded with the state of theirs. Dropout lets everything pass.

    Parameters
    ----------
    theirs : torch.nn.Module
        Gives one tensor.
    ours : Module
        Any object with `forward`, `backward`, `tree`, `state_dict`, `load_state_dict` and `astype` as ghostnp's have.
    x : ndarray or tuple of int
        An input, or its shape.
    names : dict or callable, optional
        From their names to ours: a dict of the first parts of paths, such as ``{"stem.conv": "conv_stem"}``, or a
        function of a path. By default they are equal.
    training : sequence of bool, default (False, True)
        In evaluation, in training, or in both.
    seed : int, default 0
        Of x, where it is a shape, and of the gradient that comes in.
    tolerance : float, default 1e-9
        How far a number may be off, for an array whose largest is 1 or less, and of the largest where that is more.

    Raises
    ------
    AssertionError
        Where they part: the first layer whose output is not the same, and else the gradient or the statistic.
    ValueError
        If the names or shapes of the parameters do not fit: all that do not are listed.
    """
    import torch

    renamed = _renaming(names)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=x) if isinstance(x, tuple) else np.asarray(x, np.float64)
    for trains in (training,) if isinstance(training, bool) else training:
        them = copy.deepcopy(theirs).cpu().double().train(trains)
        us = copy.deepcopy(ours).astype(np.float64)
        us.load_state_dict({renamed(name): _array(tensor) for name, tensor in them.state_dict().items()})
        for layer in them.modules():
            if isinstance(layer, torch.nn.modules.dropout._DropoutNd):
                layer.p = 0.0
        mode = "training" if trains else "evaluation"
        given = torch.tensor(x, requires_grad=True)
        wanted, output = _outputs_of_theirs(them, given, renamed)
        got, y, cache = _outputs_of_ours(us, x, trains)
        for path in [path for path in wanted if path in got and path]:
            _assert_close(f"the output of {path}", got[path], wanted[path], mode, tolerance)
        _assert_close("the output", y, _array(output), mode, tolerance)
        dy = rng.normal(size=y.shape)
        output.backward(torch.tensor(dy))
        dx, gradients = us.backward(dy, cache)
        for name, parameter in reversed(list(them.named_parameters())):  # as they are computed, from the last layer on
            right = np.zeros(parameter.shape) if parameter.grad is None else _array(parameter.grad)
            _assert_close(f"the gradient of {renamed(name)}", gradients[renamed(name)], right, mode, tolerance)
        _assert_close("dx", dx, _array(given.grad), mode, tolerance)
        state = us.state_dict()
        for name, tensor in them.state_dict().items():
            _assert_close(f"{renamed(name)} afterwards", state[renamed(name)], _array(tensor), mode, tolerance)


def _renaming(names):
    if names is None:
        return lambda path: path
    if callable(names):
        return names

    def renamed(path):
        # The longest that fits, so that a part of a block can be named otherwise than the block.
        fitting = [first for first in names if path == first or path.startswith(f"{first}.")]
        first = max(fitting, key=len, default="")
        return names[first] + path.removeprefix(first) if fitting else path

    return renamed


def _outputs_of_theirs(network, x, renamed):
    """The output of every layer, by our names, in the order in which they are ready; and that of the network."""
    seen: dict[str, np.ndarray] = {}
    hooks = []
    for path, layer in network.named_modules():

        def keep(layer, inputs, output, path=path):
            if hasattr(output, "detach"):
                seen.setdefault(renamed(path), _array(output).copy())  # what follows may overwrite it

        hooks.append(layer.register_forward_hook(keep))
    try:
        return seen, network(x)
    finally:
        for hook in hooks:
            hook.remove()


def _outputs_of_ours(module, x, training):
    """The output of every layer, by its path; that of the module, and its cache."""
    seen: dict[str, np.ndarray] = {}
    for path, layer in module.tree().items():

        def keep(*arguments, layer=layer, forward=layer.forward, path=path, **keywords):
            y, cache = forward(*arguments, **keywords)
            if not getattr(layer, "relu", False):  # a norm that is one pass with its ReLU is two layers in PyTorch
                seen.setdefault(path, np.array(y))
            return y, cache

        layer.forward = keep
    try:
        y, cache = module.forward(x, training=training)
    finally:
        for layer in module.tree().values():
            del layer.forward
    return seen, y, cache


def _array(tensor):
    return tensor.detach().numpy()


def _assert_close(what, got, wanted, mode, tolerance):
    if np.shape(got) != wanted.shape:
        raise AssertionError(f"{what} has shape {np.shape(got)} in {mode}, and {wanted.shape} is right")
    allowed = tolerance * max(1.0, float(np.abs(wanted).max(initial=0)))
    wrong = ~(np.abs(got - wanted) <= allowed)
    if np.any(wrong):
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise AssertionError(
            f"they part at {what}, in {mode}: {list(place)} is {np.asarray(got)[place]:.8g} in ours and "
            f"{wanted[place]:.8g} in theirs; {np.sum(wrong)} of {np.size(wrong)} numbers are off"
        )
