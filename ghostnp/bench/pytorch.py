"""PyTorch's side: recorded networks and single calls, eager, as plain NCHW or as channels_last.

A network is replayed from ghostnp's recording of it as calls of torch.nn.functional, with the same weights. That spares
PyTorch the Python of its modules, so if anything it is shown a little faster than its users see it.
"""

import numpy as np
import torch

from ghostnp.bench import torch_vocabulary
from ghostnp.bench.contenders import Prepared
from ghostnp.bench.tasks import CallTask
from ghostnp.graph.tape import Constant, Result


def prepare(task, variant, threads):
    """Get a task ready, with PyTorch's threads set."""
    torch.set_num_threads(threads)
    if isinstance(task, CallTask):
        return _call(task)
    network = Replay(task.tape)
    images, labels = torch.from_numpy(task.images()), torch.from_numpy(task.labels())
    if variant == "PyTorch channels_last":
        network.channels_last()
        images = images.to(memory_format=torch.channels_last)
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


class Replay:
    """A tape as calls of PyTorch.

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
        self.constants = {
            value.name: torch.tensor(value.array)
            for step in tape.steps
            for value in step.arguments.values()
            if isinstance(value, Constant)
        }
        self._output = tape.output.number
        # All that can be looked up beforehand is, so that little is left to do between two calls of PyTorch.
        self._calls = []
        last = tape.last_reads()
        for place, step in enumerate(tape.steps):
            varying = {
                name: numbers for name, value in step.arguments.items() if (numbers := _numbers(value)) is not None
            }
            fixed = {
                name: self.constants[value.name] if isinstance(value, Constant) else value
                for name, value in step.arguments.items()
                if name not in varying
            }
            dead = [number for number in {*step.inputs, *step.results} if last.get(number, place) <= place]
            self._calls.append((getattr(torch_vocabulary, step.op), fixed, varying, step.results, dead))

    def channels_last(self):
        """Lay convolution weights out as PyTorch's `to(memory_format=torch.channels_last)` does."""
        for tensor in self.constants.values():
            if tensor.ndim == 4:
                tensor.data = tensor.data.to(memory_format=torch.channels_last)

    def __call__(self, x):
        """Run the calls."""
        values = {0: x}
        for function, fixed, varying, results, dead in self._calls:
            given = {
                name: values[numbers] if isinstance(numbers, int) else [values[number] for number in numbers]
                for name, numbers in varying.items()
            }
            y = function(**fixed, **given)
            if len(results) == 1:
                values[results[0]] = y[0] if isinstance(y, list) else y
            else:
                values.update(zip(results, y, strict=True))
            for number in dead:
                del values[number]
        return values[self._output]


def _numbers(value):
    if isinstance(value, Result):
        return value.number
    if isinstance(value, tuple) and value and isinstance(value[0], Result):
        return tuple(part.number for part in value)
    return None


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
