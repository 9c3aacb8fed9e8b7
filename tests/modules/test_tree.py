"""One tree of dotted paths for parameters, buffers and gradients; and a call that keeps nothing."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
import torch

import ghostnp
from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    GhostModule,
    Linear,
    Module,
    ReLU,
    Sequential,
    ShuffleUnit,
    current_path,
    initializer,
    under,
)
from tests.modules.cases import FIXED, ONE_OPERATOR, one_operator

pytestmark = pytest.mark.small
CASES = FIXED | {name: one_operator(name) for name in ONE_OPERATOR}


def build(name):
    case = CASES[name]
    return case.ours().astype(np.float64), np.random.default_rng(0).normal(size=case.shape)


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_have_the_keys_and_shapes_of_the_parameters(backend, name, training):
    module, x = build(name)
    with ghostnp.use_backend(backend):
        y, cache = module.forward(x, training=training)
        dx, grads = module.backward(np.ones_like(y), cache)
    assert dx.shape == x.shape
    assert list(grads) == list(module.parameters())
    assert [g.shape for g in grads.values()] == [p.shape for p in module.parameters().values()]


@pytest.mark.parametrize("name", CASES)
def test_calling_gives_the_output_of_forward_alone(backend, name):
    module, x = build(name)
    with ghostnp.use_backend(backend):
        y, _ = module.forward(x)
        again = module(x)
    np.testing.assert_array_equal(again, y)


@pytest.mark.parametrize("name", CASES)
def test_forward_leaves_its_input_and_in_eval_the_module_alone(backend, name):
    module, x = build(name)
    kept, state = x.copy(), {key: array.copy() for key, array in module.state_dict().items()}
    x.flags.writeable = False
    with ghostnp.use_backend(backend):
        y, cache = module.forward(x)
        dy = np.ones_like(y)
        dy.flags.writeable = False
        module.backward(dy, cache)
    np.testing.assert_array_equal(x, kept)
    for key, array in module.state_dict().items():
        np.testing.assert_array_equal(array, state[key])


@pytest.mark.parametrize("name", CASES)
def test_training_moves_running_statistics_and_nothing_else(backend, name):
    module, x = build(name)
    state = {key: array.copy() for key, array in module.state_dict().items()}
    with ghostnp.use_backend(backend):
        module.forward(x, training=True)
    moved = {key for key, array in module.state_dict().items() if not np.array_equal(array, state[key])}
    assert moved == state.keys() - module.parameters().keys()


def test_forward_keeps_maps_for_backward_and_a_call_does_not():
    deep = Sequential(*(ReLU() for _ in range(20)))
    x = np.ones((4, 16, 32, 32), np.float32)
    peaks = {}
    with ghostnp.use_backend(ghostnp.ops):
        for run in (deep.forward, deep):
            tracemalloc.start()
            run(x)
            peaks[run] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    # 20 maps against the two or three that one layer has in hand.
    assert peaks[deep] < peaks[deep.forward] / 5


def test_a_call_lets_go_of_every_map_but_the_output():
    seen = []

    class Spy(Module):
        def forward(self, x, *, training=False, rng=None):
            seen.append(weakref.ref(x))
            return x, x

    with ghostnp.use_backend(ghostnp.ops):
        y = Sequential(ReLU(), Spy(), ReLU(), Spy(), ReLU())(np.ones((1, 1, 2, 2), np.float32))
    gc.collect()
    assert [ref() for ref in seen] == [None, None]
    assert y.all()


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("name", CASES)
def test_a_module_keeps_nothing_of_a_cache_that_was_used(backend, name, training):
    """Whoever lets go of the cache after backward has its memory back at once: nothing else holds the maps."""
    module, x = build(name)
    held = {id(array) for array in (x, *module.state_dict().values())}
    gc.disable()
    try:
        with ghostnp.use_backend(backend):
            y, cache = module.forward(x, training=training)
            maps = [weakref.ref(array) for array in _arrays(cache) if id(array) not in held]
            held = module.backward(np.ones_like(y), cache)
        del y, cache, held
        assert [ref() for ref in maps] == [None] * len(maps)
    finally:
        gc.enable()


def _arrays(cache):
    if isinstance(cache, np.ndarray):
        yield cache
    elif isinstance(cache, dict | tuple | list):
        for part in cache.values() if isinstance(cache, dict) else cache:
            yield from _arrays(part)


@pytest.mark.parametrize("module", [Sequential(ReLU()), GhostModule(2, 4), ShuffleUnit(4, 4, groups=1)], ids=repr)
def test_a_call_leaves_no_cache_to_go_backward_with(module):
    with pytest.raises(
        TypeError, match=r"cache=None: the rule is the second thing that forward returned; .*keeps none"
    ):
        module.backward(np.ones((1, 4, 2, 2)), None)


def test_a_call_that_fails_does_not_switch_caches_off():
    layer = ReLU()
    with ghostnp.use_backend(ghostnp.ops):
        with pytest.raises(TypeError):
            layer("no array")
        assert layer.forward(np.ones((1, 1, 1, 1)))[1] is not None
    assert current_path() == ""


def test_state_dict_holds_the_arrays_themselves():
    module = Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))
    state, x = module.state_dict(), np.ones((1, 2, 2, 2), np.float32)
    for array in module.parameters().values():
        array[...] = 0
    state["1.bias"][...] = 5
    with ghostnp.use_backend(ghostnp.ops):
        np.testing.assert_array_equal(module(x), np.full((1, 3, 2, 2), 5, np.float32))
        module.forward(x, training=True)
    assert state["1.num_batches_tracked"] == 1  # the arrays of before, not new ones


def test_state_dict_is_in_order_of_construction():
    module = Sequential(Conv2d(2, 3, 1), named=BatchNorm2d(3))
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(module.state_dict()) == ["0.weight", "0.bias", *(f"named.{name}" for name in norm)]
    assert list(module.parameters()) == ["0.weight", "0.bias", "named.weight", "named.bias"]


def test_loading_copies_and_casts():
    module = Linear(2, 1)
    state = {"weight": [[1, 2]], "bias": np.array([3.0])}
    module.load_state_dict(state)
    assert module.weight.dtype == np.float32
    state["bias"][0] = 100
    with ghostnp.use_backend(ghostnp.ops):
        np.testing.assert_array_equal(module(np.ones((1, 2), np.float32)), [[6]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"1.bias": None}, ["missing: 1.bias (3,)"]),
        ({"2.weight": np.ones(4)}, ["surplus: 2.weight (4,)"]),
        ({"0.weight": np.ones((3, 2))}, ["shape: 0.weight is (3, 2) and should be (3, 2, 1, 1)"]),
        ({"1.running_var": np.ones(1)}, ["shape: 1.running_var is (1,) and should be (3,)"]),
        ({"1.bias": np.array(["a", "b", "c"])}, ["dtype: 1.bias is <U1 and should be float32"]),
        ({"1.bias": np.ones(3, complex)}, ["dtype: 1.bias is complex128 and should be float32"]),
        *(
            ({"1.num_batches_tracked": wrong}, ["dtype: 1.num_batches_tracked is float64 and should be int64"])
            for wrong in (1.5, np.nan, -np.inf, 1e300)
        ),
        ({"1.num_batches_tracked": np.ones(2)}, ["shape: 1.num_batches_tracked is (2,) and should be ()"]),
        ({3: np.ones(2)}, ["surplus: 3 (2,)"]),
        (
            {"0.bias": None, "extra": np.ones(()), "1.weight": np.ones(2)},
            ["missing: 0.bias (3,)", "surplus: extra ()", "shape: 1.weight is (2,) and should be (3,)"],
        ),
    ],
)
def test_loading_is_all_or_nothing_with_one_report(change, words):
    module = Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))
    before = {key: array.copy() for key, array in module.state_dict().items()}
    state = {key: array + 1 for key, array in before.items()} | change
    state = {key: array for key, array in state.items() if array is not None}
    with pytest.raises(ValueError, match="state does not fit Sequential; nothing was loaded") as caught:
        module.load_state_dict(state)
    assert str(caught.value).splitlines()[1:] == [f"  {line}" for line in words]
    for key, array in module.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_what_pytorch_loads_strictly_is_loaded():
    """PyTorch's own strict loading says which counters of batch norm are good: none, floats, and vectors of one."""
    theirs = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    full = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    for counter in (
        None,
        torch.tensor(7.0),
        torch.tensor([7]),
        torch.tensor([7.0]),
        torch.tensor(7, dtype=torch.int32),
    ):
        state = {name: tensor for name, tensor in full.items() if name != "1.num_batches_tracked"}
        state |= {} if counter is None else {"1.num_batches_tracked": counter}
        theirs.load_state_dict(state, strict=True)
        ours = Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))
        ours.load_state_dict({name: tensor.numpy() for name, tensor in state.items()})
        assert ours.state_dict()["1.num_batches_tracked"] == (0 if counter is None else 7)
        for name, tensor in theirs.state_dict().items():
            np.testing.assert_array_equal(ours.state_dict()[name], tensor.numpy(), err_msg=name)


@pytest.mark.parametrize("prefix", ["model.", "state_dict.", "a.b.c."])
def test_a_wrapper_s_prefix_is_named(prefix):
    module = Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))
    state = {f"{prefix}{name}": array for name, array in module.state_dict().items()}
    with pytest.raises(ValueError, match="nothing was loaded") as caught:
        module.load_state_dict(state)
    problems = str(caught.value).splitlines()[1:]
    assert problems == [
        f"  prefix: all keys begin with {prefix!r}, such as {prefix + '0.weight'!r}: the rule is names without it, "
        f"such as '0.weight', which {{key.removeprefix({prefix!r}): array for key, array in state.items()}} gives"
    ]
    module.load_state_dict({key.removeprefix(prefix): array for key, array in state.items()})
    del state[f"{prefix}0.bias"]
    with pytest.raises(ValueError, match=r"prefix: .*\n  missing: 0.bias \(3,\)$"):
        module.load_state_dict(state)


def test_a_prefix_that_only_we_have_is_named():
    inner = Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))
    with pytest.raises(ValueError, match=r"prefix: all keys lack 'net\.', such as '0.weight'"):
        Sequential(net=inner).load_state_dict(inner.state_dict())


@pytest.mark.parametrize("state", [None, ["weight"], "weights.npz"])
def test_loading_takes_a_dict(state):
    with pytest.raises(TypeError, match=r"state is of type \w+: the rule is a dict of arrays"):
        ReLU().load_state_dict(state)


def test_astype_casts_floats_and_counts_stay_integers():
    module = Sequential(Conv2d(2, 3, 1), BatchNorm2d(3))
    assert module.astype(np.float64) is module
    dtypes = {key: array.dtype for key, array in module.state_dict().items()}
    assert dtypes.pop("1.num_batches_tracked") == np.int64
    assert set(dtypes.values()) == {np.dtype(np.float64)}


def test_layers_outside_an_initializer_draw_as_if_alone():
    with initializer():
        first = Conv2d(2, 3, 3)
    np.testing.assert_array_equal(Conv2d(2, 3, 3).weight, first.weight)
    with initializer(1):
        other = Conv2d(2, 3, 3)
    assert not np.array_equal(other.weight, first.weight)


def test_initializer_without_a_seed_gives_zeros_and_ends_with_its_block():
    with initializer(None, np.float64):
        layer, norm = Conv2d(2, 3, 3), BatchNorm2d(2)
    assert layer.weight.dtype == norm.running_var.dtype == np.float64
    assert not layer.weight.any()
    assert norm.weight.all()
    assert Conv2d(2, 3, 3).weight.any()
    assert Conv2d(2, 3, 3).weight.dtype == np.float32


def test_first_weights_keep_the_variance_of_a_signal():
    with initializer(0, np.float64):
        convolution, linear = Conv2d(32, 200, 3), Linear(400, 300)
    # A variance from n samples is right to within sqrt(2 / n): 0.6% and 0.4% here, so 3% is five standard errors.
    assert convolution.weight.var() * 32 * 9 == pytest.approx(2, rel=0.03)
    assert linear.weight.var() * 400 == pytest.approx(1, rel=0.03)


def test_current_path_is_that_of_the_innermost_module_in_the_tree():
    class Spy(Module):
        def forward(self, x, *, training=False, rng=None):
            paths.append(current_path())
            return x, None

        def backward(self, dy, cache):
            paths.append(current_path())
            return dy, {}

    paths = []
    # A unit runs its grandchildren itself, so their paths are found further down than among its children.
    unit = ShuffleUnit(4, 4, groups=2, bottleneck_channels=2)
    unit.branch_main_1.spy = Spy()
    model = Sequential(Sequential(deep=unit), Spy())
    with ghostnp.use_backend(ghostnp.ops):
        Spy()(np.ones(1))
        y, cache = model.forward(np.ones((1, 4, 4, 4), np.float32))
        model.backward(y, cache)
    assert paths == ["", "0.deep.branch_main_1.spy", "1", "1", "0.deep.branch_main_1.spy"]
    assert current_path() == ""


def test_a_module_in_two_places_has_the_path_of_the_place_that_runs():
    class Spy(Module):
        def forward(self, x, *, training=False, rng=None):
            paths.append(current_path())
            return x, None

    paths, spy = [], Spy()
    Sequential(Sequential(spy), deep=Sequential(ReLU(), Sequential(spy)))(np.ones((1, 1, 1, 1), np.float32))
    assert paths == ["0.0", "deep.1.0"]


def test_a_subclass_has_the_cache_of_its_base_class_in_a_call_too():
    class Doubled(ReLU):
        def forward(self, x, *, training=False, rng=None):
            y, (remembered,) = super().forward(x, training=training, rng=rng)
            return y + np.maximum(remembered, 0), None

    with ghostnp.use_backend(ghostnp.ops):
        np.testing.assert_array_equal(Sequential(Doubled())(np.array([[-1.0, 3.0]])), [[0, 6]])


def test_under_moves_keys_below_a_name():
    assert under("a", {"b": 1, "c.d": 2}) == {"a.b": 1, "a.c.d": 2}


def test_a_tree_prints_a_line_for_each_layer():
    assert repr(Sequential(ReLU(), block=GhostModule(2, 4))).splitlines() == [
        "Sequential()",
        "  0: ReLU()",
        "  block: GhostModule()",
        "    primary_conv: Sequential()",
        "      0: Conv2d(pointwise_conv2d, weight (2, 2, 1, 1), stride=1, padding=0, dilation=1, bias=False)",
        "      1: BatchNorm2d(2, eps=1e-05, momentum=0.1, relu=True)",
        "    cheap_operation: Sequential()",
        "      0: Conv2d(depthwise_conv2d, weight (2, 1, 3, 3), stride=1, padding=1, dilation=1, bias=False)",
        "      1: BatchNorm2d(2, eps=1e-05, momentum=0.1, relu=True)",
    ]
