"""PyTorch's side: recorded networks and single calls, eager, as plain NCHW or as channels_last, or by torch.compile.

A network is replayed from ghostnp's recording of it as calls of torch.nn.functional, with the same weights. That spares
PyTorch the Python of its modules, so if anything it is shown a little faster than its users see it.
"""

import warnings

import numpy as np
import torch

from ghostnp.bench import torch_vocabulary
from ghostnp.bench.contenders import Prepared
from ghostnp.bench.tasks import CallTask


def prepare(task, variant, threads):
    """Get a task ready, with PyTorch's threads set."""
    torch.set_num_threads(threads)
    if isinstance(task, CallTask):
        return _call(task)
    network = TorchNetwork(task.tape)
    images, labels = torch.from_numpy(task.images()), torch.from_numpy(task.labels())
    if variant == "PyTorch channels_last":
        network.channels_last()
        images = images.to(memory_format=torch.channels_last)
    elif variant == "torch.compile":
        network.compile()
    if not task.training:

        def infer():
            with torch.inference_mode():
                return network(images)

        return Prepared(infer, lambda y: {"logits": y.numpy()})

    parameters = {name: tensor.requires_grad_() for name, tensor in network.constants.items()}

    def step():
        for tensor in parameters.values():
            tensor.grad = None
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        return loss

    def arrays(loss):
        return {"loss": loss.detach().numpy()} | {name: np.asarray(tensor.grad) for name, tensor in parameters.items()}

    return Prepared(step, arrays)


class TorchNetwork:
    """A tape as calls of PyTorch: `Tape.prepare` leaves little to do between two of them.

    Parameters
    ----------
    tape : Tape
        Of a model with one input.

    Attributes
    ----------
    constants : dict of str to Tensor
        Its parameters and buffers, by name.
    """

    def __init__(self, tape):
        tensors: dict[str, torch.Tensor] = {}

        def tensor(constant):  # without self, so that the weights are freed with it
            return tensors.setdefault(constant.name, torch.tensor(constant.array))

        self.constants = tensors
        self._run = tape.prepare(torch_vocabulary, constant=tensor)

    def channels_last(self):
        """Lay convolution weights out as PyTorch's `to(memory_format=torch.channels_last)` does."""
        for tensor in self.constants.values():
            if tensor.ndim == 4:
                tensor.data = tensor.data.to(memory_format=torch.channels_last)

    def compile(self):
        """Have the calls made into C++ when they first run: by inductor, for these shapes."""
        # Dynamo looks through the cache of `_sides`, which is right: it is a function of its arguments.
        warnings.filterwarnings("ignore", message="Dynamo detected a call to a `functools.lru_cache`")
        # All tapes run the same code, and Dynamo compiles a piece of code eight times at most: it forgets the last one.
        torch._dynamo.reset()
        # What is compiled here keeps no process waiting for more to compile, which would be beside the others.
        torch._inductor.config.compile_threads = 1
        self._run = torch.compile(self._run, fullgraph=True, dynamic=False)

    def __call__(self, x):
        """Run the calls."""
        return self._run(x)


def _call(task):
    def tensors(value):
        return [tensors(part) for part in value] if isinstance(value, list) else torch.from_numpy(value)

    arguments = {name: tensors(value) for name, value in task.arrays().items()}
    function, options = getattr(torch_vocabulary, task.op), dict(task.options)

    def forward():
        result = function(**arguments, **options)
        return result[0] if isinstance(result, tuple) else result

    if not task.backward:

        def infer():
            with torch.inference_mode():
                return forward()

        return Prepared(infer, lambda y: {"y": y.numpy()})
    wanted: dict[str, torch.Tensor] = {}
    for name, value in arguments.items():
        wanted |= {f"{name}[{i}]": part for i, part in enumerate(value)} if isinstance(value, list) else {name: value}
    for tensor in wanted.values():
        tensor.requires_grad_()
    y = forward()
    dy, inputs = torch.from_numpy(task.gradient(tuple(y.shape))), list(wanted.values())
    return Prepared(
        lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True),
        lambda grads: {name: grad.numpy() for name, grad in zip(wanted, grads, strict=True)},
    )
