"""Every peer is handed the same operators and the same networks, or the bench compares nothing."""

import gc
import inspect
import sys
import weakref
from functools import partial
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

import ghostnp
from ghostnp import ops
from ghostnp.bench import onnx_vocabulary, pytorch, torch_vocabulary
from ghostnp.bench.contenders import CONTENDERS, INFERENCE
from ghostnp.bench.same_results import disagreement, tolerance
from ghostnp.bench.sections import NETWORKS
from ghostnp.bench.tasks import CallTask, NetworkTask
from ghostnp.graph.recording import record
from ghostnp.ops.vocabulary import operator_named
from tests.ops.examples import examples, forward

torch.set_num_threads(1)
# All that run networks, but for torch.compile, which would compile each of them for a minute.
PEERS = [peer for peer in CONTENDERS.values() if INFERENCE in peer.tasks and not (peer.is_ours or peer.optional)]
FORWARD = [name for name in ops.__all__ if not name.endswith(("_backward", "_cost"))]


def tensors(value):
    if isinstance(value, list):
        return [tensors(part) for part in value]
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def first(result, call):
    """What is compared: PyTorch keeps extra outputs to itself."""
    return result[0] if operator_named(call.operator).extra else result


@pytest.mark.small
def test_pytorch_has_the_vocabulary_with_its_signatures():
    assert {call.operator for call in examples()} == set(FORWARD)
    for name in FORWARD:
        function = getattr(torch_vocabulary, name)
        row = operator_named(name)
        if row.family != "convolution" or "groups" in row.keywords:  # the others are one function of PyTorch's
            theirs = {key: p.default for key, p in inspect.signature(function).parameters.items()}
            assert theirs == {key: p.default for key, p in inspect.signature(getattr(ops, name)).parameters.items()}


@pytest.mark.small
@pytest.mark.parametrize("call", examples(), ids=str)
def test_pytorch_computes_the_definition(call):
    arguments = call.arguments(np.float64)
    expected, _ = forward(ops, call, arguments)
    found = first(getattr(torch_vocabulary, call.operator)(*map(tensors, arguments.values()), **call.keywords), call)
    expected, found = (part if isinstance(part, list) else [part] for part in (expected, found))
    for ours, theirs in zip(expected, found, strict=True):
        np.testing.assert_allclose(theirs.numpy(), ours, rtol=1e-9, atol=1e-12)


@pytest.mark.small
@pytest.mark.parametrize("call", [call for call in examples() if call.operator in onnx_vocabulary.VOCABULARY], ids=str)
def test_onnx_computes_the_definition(call, tmp_path):
    if call.keywords.get("count_include_pad") is False and call.keywords["padding"] == "same":
        call.keywords["padding"] = 1  # ONNX Runtime counts padded pixels where padding is uneven, whatever it is told
    arguments = call.arguments(np.float32)
    x = next(iter(arguments))
    state = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray) and name != x}

    def run(backend, value):
        given = [value if name == x else arguments[name] for name in arguments]
        y = getattr(backend, call.operator)(*([[value, value]] if x == "xs" else given), **call.keywords)
        return first(y, call)[-1] if isinstance(y, list) else first(y, call)

    value = arguments[x][0] if x == "xs" else arguments[x]
    with ghostnp.use_backend(ops):
        tape = record(run, value, state=state)
    onnx_vocabulary.write(tape, len(value), tmp_path / "call.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "call.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": value})
    np.testing.assert_allclose(found, run(ops, value), rtol=1e-4, atol=1e-5)


def task(name, training=False, batch=2):
    # AlexNet, VGG-16 and the Keras networks have linear layers or pools that want the size they were made for.
    return NetworkTask(name, 224 if name in ("alexnet", "vgg16") else 96, batch, training).equipped()


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_every_network_is_replayed_in_evaluation(name):
    given = task(name)
    y = given.model()(given.images())
    for peer in PEERS:
        ready = import_module(f"ghostnp.bench.{peer.module}").prepare(given, peer.name, 1)
        found = ready.arrays(ready.run())["logits"]
        assert found.shape == y.shape
        assert np.linalg.norm(found - y) < 1e-4 * np.linalg.norm(y)
        del ready, found  # one peer's copy of the weights at a time: VGG-16 has 553 MB of them


def test_a_replay_is_freed_with_its_weights():
    """At once: what waits for Python to look for cycles of references is beside the next one's."""
    network = pytorch.TorchNetwork(task("shufflenetv2_0.5x").tape)
    weights = [weakref.ref(tensor) for tensor in network.constants.values()]
    gc.disable()
    try:
        del network
        assert weights
        assert not any(weight() is not None for weight in weights)
    finally:
        gc.enable()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_replayed_training_step_has_every_gradient(name):
    """In float64, where rounding moves nothing that would be mistaken for an error."""
    given = NetworkTask(name, 64, 4, training=True).equipped()
    model = given.model().astype(np.float64)
    images, labels = given.images().astype(np.float64), given.labels()
    with ghostnp.use_backend(ops):
        tape = record(model, images, training=True)
        logits, cache = model.forward(images, training=True)
        loss, probabilities = ops.softmax_cross_entropy(logits, labels)
        _, grads = model.backward(ops.softmax_cross_entropy_backward(1.0, logits, labels, probabilities), cache)
    replay = pytorch.TorchNetwork(tape)
    for tensor in replay.constants.values():
        tensor.requires_grad_()
    theirs = torch.nn.functional.cross_entropy(replay(torch.from_numpy(images)), torch.from_numpy(labels))
    theirs.backward()
    assert theirs.item() == pytest.approx(loss)
    assert replay.constants.keys() == grads.keys()
    largest = max(np.abs(grad).max() for grad in grads.values())
    for path, tensor in replay.constants.items():
        # Batch norms over a few pixels enlarge rounding, one after the other; a wrong step is off by much more.
        allowed = 1e-5 * np.abs(grads[path]).max() + 1e-8 * largest
        np.testing.assert_allclose(tensor.grad.numpy(), grads[path], rtol=0, atol=allowed)


@pytest.fixture
def no_cpp(monkeypatch):
    """torch.compile traces, and leaves out the minute of C++ that comes after."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))


@pytest.mark.usefixtures("no_cpp")
def test_a_step_starts_from_no_gradient():
    given = task("shufflenetv2_0.5x", training=True)
    for variant in [name for name, found in CONTENDERS.items() if found.module == "pytorch"]:
        ready = pytorch.prepare(given, variant, 1)
        once, again = (ready.arrays(ready.run()) for _ in range(2))
        assert once.keys() == again.keys() > {"loss"}
        for name, array in once.items():
            np.testing.assert_allclose(again[name], array, rtol=1e-3, atol=1e-6)


@pytest.mark.usefixtures("no_cpp")
@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_torch_compile_sees_the_whole_network(training):
    """And has a break nowhere."""
    given = task("shufflenetv2_0.5x", training)
    eager, compiled = (pytorch.prepare(given, variant, 1) for variant in ("PyTorch", "torch.compile"))
    expected, found = (ready.arrays(ready.run()) for ready in (eager, compiled))
    assert disagreement(expected, found, tolerance(given)) is None
    assert found.keys() == expected.keys()


@pytest.mark.small
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_single_calls_of_pytorch(backward):
    given = CallTask(
        "depthwise_conv2d",
        (("x", (2, 3, 8, 9)), ("weight", (3, 1, 3, 3))),
        (("bias", None), ("stride", 2), ("padding", 1), ("dilation", 1)),
        backward,
    )
    ready = pytorch.prepare(given, "PyTorch", 1)
    found = ready.arrays(ready.run())
    arrays = given.arrays()
    y = ops.depthwise_conv2d(**arrays, **dict(given.options))
    if not backward:
        np.testing.assert_allclose(found["y"], y, rtol=1e-4, atol=1e-5)
        return
    expected = ops.depthwise_conv2d_backward(given.gradient(y.shape), **given.backward_arguments(arrays, y))
    np.testing.assert_allclose(found["x"], expected.x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["weight"], expected.weight, rtol=1e-4, atol=1e-4)


@pytest.mark.small
def test_openvino_has_the_threads_and_the_precision_of_the_others(monkeypatch):
    """Told to a stand-in, so that it is tested where OpenVINO is not installed as well."""
    told = {}

    class Core:
        def read_model(self, model):
            return model

        def compile_model(self, model, device, settings):
            told.update(settings, device=device)
            return self

        def create_infer_request(self):
            return None

    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(Core=Core))
    monkeypatch.delitem(sys.modules, "ghostnp.bench.openvino", raising=False)
    import_module("ghostnp.bench.openvino").prepare(task("shufflenetv2_0.5x"), "OpenVINO", 3)
    del sys.modules["ghostnp.bench.openvino"]  # it knows the stand-in
    assert told == {
        "device": "CPU",
        "INFERENCE_NUM_THREADS": 3,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
