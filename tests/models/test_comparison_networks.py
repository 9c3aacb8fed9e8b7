"""The networks to compare with are those of their papers and of the usual code: names, logits, gradients, counts."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import ghostnp
from ghostnp.models import ghostnet, googlenet, mobilenet, plain_net, resnet, shufflenet_v2, squeezenet
from ghostnp.modules import DFCAttention, Dropout, Module, ReLU6, SqueezeExcite, initializer
from ghostnp.modules.bottleneck import Bottleneck, GhostConv2d
from ghostnp.modules.ceil_pool import CeilMaxPool2d
from ghostnp.modules.inverted_residual import inverted_residual
from ghostnp.modules.shuffle_unit_v2 import ShuffleUnitV2
from tests.models import oracle_comparison as oracle
from tests.modules.comparison import arrays, run_ours, run_theirs
from tests.oracle_networks import calibrate, randomise

# Relative to the largest entry of each array; see test_ghostnet.py.
TOLERANCE = 1e-10
SHAPE = (2, 3, 97, 75)

WIDTHS = {"0.5x": (24, (48, 96, 192), 1024), "1.0x": (24, (116, 232, 464), 1024)}
WIDTHS |= {"1.5x": (24, (176, 352, 704), 1024), "2.0x": (24, (244, 488, 976), 2048)}
# A constant that goes through 1x1 convolutions alone to the next norm, which takes it away: zero gradient in
# training.
SHUFFLE_V2_LOST = {f"features.{unit}.branch_main.4.bias" for unit in range(16)}
SHUFFLE_V2_LOST |= {f"features.{unit}.branch_proj.1.bias" for unit in (0, 4, 12)}
MOBILE_V2_LOST = {"features.1.conv.2.bias"} | {f"features.{block}.conv.3.bias" for block in range(2, 18)}
# The same where DFC's 1x5 filters meet maps of one column, here in the last three blocks.
NARROW_GATES_LOST = {f"features.{block}.conv.0.gate.1.bias" for block in (15, 16, 17)}


class Case(NamedTuple):
    """How to build both (they take num_classes), the input's shape, and which gradients are zero in training."""

    ours: Callable[..., Module]
    theirs: Callable[..., torch.nn.Module]
    shape: tuple[int, ...] = SHAPE
    lost: frozenset[str] = frozenset()


class Published(NamedTuple):
    """A network at full size: parameters and multiply-adds at 224 x 224 where they are known from elsewhere."""

    ours: Callable[..., Module]
    theirs: Callable[..., torch.nn.Module]
    params: int
    macs: int | None = None


def shufflenet_v2_case(width, **keywords):
    ours = partial(shufflenet_v2.ShuffleNetV2, widths=shufflenet_v2.WIDTHS[width], **keywords)
    return ours, partial(oracle.ShuffleNetV2, *WIDTHS[width], **keywords)


def plain_case(rows, theirs, size, pixels, **head):
    return Case(
        partial(plain_net.PlainNet, rows, image_size=size, **head), partial(theirs, pixels, **head), (2, 3, *size)
    )


RESNEXT = {"groups": 8, "width_per_group": 8, "stride_first": True}
NETWORKS = {
    "shufflenetv2_0.5x": Case(*shufflenet_v2_case("0.5x"), lost=SHUFFLE_V2_LOST),
    "shufflenetv2_1.0x": Case(*shufflenet_v2_case("1.0x"), lost=SHUFFLE_V2_LOST),
    "shufflenetv2_1.0x, torchvision's branches": Case(
        *shufflenet_v2_case("1.0x", even_projection=True, bias=True), lost=SHUFFLE_V2_LOST
    ),
    "mobilenetv1_100": Case(mobilenet.MobileNetV1, oracle.MobileNetV1),
    "mobilenetv1_050, ReLU6": Case(
        partial(mobilenet.MobileNetV1, width=0.5, activation=ReLU6),
        partial(oracle.MobileNetV1, width=0.5, activation=torch.nn.ReLU6),
    ),
    "mobilenetv2_100": Case(mobilenet.MobileNetV2, oracle.MobileNetV2, lost=MOBILE_V2_LOST),
    "mobilenetv2_100, SE": Case(
        partial(mobilenet.MobileNetV2, squeeze_excite=SqueezeExcite),
        partial(oracle.MobileNetV2, se=True),
        lost=MOBILE_V2_LOST,
    ),
    "mobilenetv2_100, DFC": Case(
        partial(mobilenet.MobileNetV2, gate=DFCAttention),
        partial(oracle.MobileNetV2, dfc=True),
        lost=MOBILE_V2_LOST | NARROW_GATES_LOST,
    ),
    "resnet50": Case(resnet.ResNet, oracle.ResNet),
    "resnext, two stages, paper's stride": Case(
        partial(resnet.ResNet, rows=(resnet.StageRow(64, 256, 2, 1), resnet.StageRow(128, 512, 2, 2)), **RESNEXT),
        partial(oracle.ResNet, depths=(2, 2), **RESNEXT),
    ),
    "ghost_resnet50": Case(resnet.GhostResNet, oracle.GhostResNet),
    "ghost_resnet, ratio 3": Case(  # which does not divide 64, 256 or 128
        partial(resnet.GhostResNet, ratio=3, rows=(resnet.StageRow(64, 256, 1, 1), resnet.StageRow(128, 512, 1, 2))),
        partial(oracle.GhostResNet, ratio=3, depths=(1, 1)),
    ),
    "alexnet": plain_case(plain_net.ALEXNET, oracle.alexnet, (97, 75), 2 * 1, hidden=64),
    "vgg16": plain_case(plain_net.VGG16, oracle.vgg16, (64, 45), 2 * 1, hidden=64),
    "squeezenet1_0": Case(squeezenet.SqueezeNet, oracle.squeezenet),
    "googlenet": Case(googlenet.GoogLeNet, oracle.googlenet),
}
WITH_NORMS = [name for name in NETWORKS if name.startswith(("shufflenet", "mobilenet", "resne"))]
PUBLISHED = {
    "shufflenetv2_0.5x": Published(*shufflenet_v2_case("0.5x"), 1_365_792, 40_476_448),
    "shufflenetv2_1.0x": Published(*shufflenet_v2_case("1.0x"), 2_278_760, 145_814_296),
    "shufflenetv2_1.5x": Published(*shufflenet_v2_case("1.5x"), 3_506_720),
    "shufflenetv2_2.0x": Published(*shufflenet_v2_case("2.0x"), 7_402_600),
    "shufflenetv2_1.0x, torchvision's": Published(
        *shufflenet_v2_case("1.0x", even_projection=True, bias=True), 2_278_604
    ),
    "mobilenetv1_100": Published(mobilenet.MobileNetV1, oracle.MobileNetV1, 4_231_976),
    "mobilenetv2_100": Published(mobilenet.MobileNetV2, oracle.MobileNetV2, 3_504_872),
    "resnet50": Published(resnet.ResNet, oracle.ResNet, 25_557_032, 4_089_184_256),
    "resnet50, paper's stride": Published(
        partial(resnet.ResNet, stride_first=True), partial(oracle.ResNet, stride_first=True), 25_557_032, 3_857_973_248
    ),
    "resnext50_32x4d": Published(
        partial(resnet.ResNet, groups=32, width_per_group=4),
        partial(oracle.ResNet, groups=32, width_per_group=4),
        25_028_904,
    ),
    "ghost_resnet50": Published(resnet.GhostResNet, oracle.GhostResNet, 8_125_256),
    "ghost_resnet50, ratio 2": Published(
        partial(resnet.GhostResNet, ratio=2), partial(oracle.GhostResNet, ratio=2), 13_927_016
    ),
    "alexnet": Published(partial(plain_net.PlainNet, plain_net.ALEXNET), oracle.alexnet, 60_965_224),
    "vgg16": Published(partial(plain_net.PlainNet, plain_net.VGG16), oracle.vgg16, 138_357_544),
    "squeezenet1_0": Published(squeezenet.SqueezeNet, oracle.squeezenet, 1_248_424),
    "googlenet": Published(googlenet.GoogLeNet, oracle.googlenet, 6_998_552),
}


def build(ours, **keywords):
    with initializer(None, np.float64):
        return ours(**keywords)


@lru_cache(maxsize=2)  # of the network that is tested now
def expected(name):
    """The state at the start, x, and PyTorch's runs with their dy; without norms one run stands for both modes."""
    # On a busy machine PyTorch with all threads is ten times slower than with one.
    torch.set_num_threads(1)
    case = NETWORKS[name]
    network = randomise(case.theirs(num_classes=5).double(), seed=0)
    rng = np.random.default_rng(0)
    norms = any(isinstance(layer, torch.nn.BatchNorm2d) for layer in network.modules())
    if norms:
        calibrate(network, torch.tensor(rng.normal(size=case.shape)))
    state, x = arrays(network.state_dict()), rng.normal(size=case.shape)
    runs = {}
    for mode in ("eval", "training") if norms else ("training",):
        network.zero_grad()
        runs[mode] = run_theirs(network, x, training=mode == "training")
    return state, x, runs


def assert_close(actual, wanted, what):
    error, scale = np.abs(actual - wanted).max(), np.abs(wanted).max()
    assert error <= TOLERANCE * scale, f"{what}: off by {error:.3g} at a scale of {scale:.3g}"


def assert_is_pytorchs(name, mode, backend):
    state, x, runs = expected(name)
    theirs, dy = runs[mode]
    model = build(NETWORKS[name].ours, num_classes=5)
    assert list(model.state_dict()) == list(state)
    model.load_state_dict(state)
    ours = run_ours(model, x, dy, backend, training=mode == "training")
    assert_close(ours.y, theirs.y, "logits")
    assert_close(ours.dx, theirs.dx, "dx")
    assert list(ours.grads) == list(theirs.grads)
    lost = NETWORKS[name].lost if mode == "training" else frozenset()
    assert lost <= ours.grads.keys()
    for key, gradient in theirs.grads.items():
        if key in lost:
            assert max(np.abs(gradient).max(), np.abs(ours.grads[key]).max()) < TOLERANCE
        else:
            assert np.abs(gradient).max() > 1e-4, key
            assert_close(ours.grads[key], gradient, key)
    for key, array in theirs.state.items():
        assert np.any(array), key
        assert_close(ours.state[key], array, key)


@pytest.mark.parametrize("name", NETWORKS)
def test_training_gives_pytorchs_logits_gradients_and_statistics(name, backend):
    assert_is_pytorchs(name, "training", backend)


@pytest.mark.parametrize("name", WITH_NORMS)
def test_inference_gives_pytorchs_logits_and_gradients(name):
    assert_is_pytorchs(name, "eval", ghostnp.kernels)


@pytest.mark.small
def test_every_network_beside_ghostnets_and_shufflenet_v1_is_compared():
    names = {name for name in ghostnp.list_models() if not name.startswith(("ghost", "shufflenetv1"))}
    assert names <= {name.split(",")[0] for name in PUBLISHED}
    assert {name.split("_")[0] for name in names} <= {name.split("_")[0] for name in NETWORKS}


@pytest.mark.small
@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_those_of_the_live_build(name):
    network = PUBLISHED[name]
    with torch.device("meta"):
        theirs = network.theirs()
        with FlopCounterMode(display=False) as counter:
            theirs(torch.empty(1, 3, 224, 224))
    model = build(network.ours)
    ours = ghostnp.count(model, (1, 3, 224, 224))
    # PyTorch counts a multiply-add as two operations.
    assert (ours.params, 2 * ours.macs) == (sum(p.numel() for p in theirs.parameters()), counter.get_total_flops())
    assert ours.params == network.params
    assert network.macs in (None, ours.macs)
    state = {key: tuple(tensor.shape) for key, tensor in theirs.state_dict().items()}
    assert [(key, array.shape) for key, array in model.state_dict().items()] == list(state.items())


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        (
            "shufflenetv2_1.0x",
            "first_conv.0.weight first_conv.1.running_var features.0.branch_main.6.bias "
            "features.4.branch_proj.3.weight features.15.branch_main.5.weight conv_last.1.num_batches_tracked "
            "classifier.0.weight",
        ),
        (
            "mobilenetv1_100",
            "conv_stem.weight bn1.bias blocks.3.5.conv_dw.weight blocks.4.1.bn2.weight classifier.bias",
        ),
        (
            "mobilenetv2_100",
            "features.0.0.weight features.1.conv.0.1.bias features.1.conv.1.weight features.2.conv.1.0.weight "
            "features.17.conv.3.running_mean features.18.0.weight classifier.1.bias",
        ),
        (
            "resnet50",
            "conv1.weight bn1.weight layer1.0.downsample.0.weight layer3.5.bn3.bias layer4.2.conv2.weight fc.bias",
        ),
        ("ghost_resnet50", "conv1.weight layer1.0.conv1.conv1.bias layer4.0.downsample.0.conv2.weight fc.weight"),
        ("vgg16", "features.0.weight features.2.bias features.28.weight classifier.0.weight classifier.6.bias"),
        ("squeezenet1_0", "features.0.weight features.3.squeeze.weight features.12.expand3x3.bias classifier.1.weight"),
        (
            "googlenet",
            "conv1.weight inception3a.branch1.0.weight inception4e.branch3.2.bias inception5b.branch4.1.weight",
        ),
    ],
)
def test_official_keys_are_there(name, keys):
    assert set(keys.split()) <= build(NETWORKS[name].ours).state_dict().keys()


@pytest.mark.small
@pytest.mark.parametrize(("ratio", "unused"), [(2, 11_894_976), (4, 6_093_216)])
def test_official_ghost_resnet_loads_without_what_it_never_runs(ratio, unused):
    theirs = oracle.GhostResNet(ratio=ratio, num_classes=3, released=True)
    names = ("weight1", "weight2", "bn1", "bn2")
    used = {
        key: t for key, t in theirs.state_dict().items() if "layer" not in key or not set(names) & set(key.split("."))
    }
    build(resnet.GhostResNet, ratio=ratio, num_classes=3).load_state_dict(arrays(used))
    assert sum(p.numel() for key, p in theirs.named_parameters() if key not in used) == unused


@pytest.mark.small
@pytest.mark.parametrize("keywords", [{"squeeze_excite": SqueezeExcite}, {"gate": DFCAttention}], ids=["SE", "DFC"])
def test_attention_adds_names_and_changes_none(keywords):
    plain, weighed = build(mobilenet.MobileNetV2).state_dict(), build(mobilenet.MobileNetV2, **keywords).state_dict()
    assert [key for key in weighed if key in plain] == list(plain)
    added = {key.split(".")[1] for key in weighed.keys() - plain.keys()}
    assert added == {str(block) for block in range(2, 18)}  # the first block does not widen


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("shufflenetv2_1.0x", [0]),
        ("mobilenetv1_100", []),
        ("mobilenetv2_100", [0.2]),
        ("resnet50", []),
        ("alexnet", [0.5, 0.5]),
        ("vgg16", [0.5, 0.5]),
        ("squeezenet1_0", [0.5]),
        ("googlenet", [0.4]),
    ],
)
def test_dropout_is_the_original(name, shares):
    assert [layer.p for layer in build(NETWORKS[name].ours).tree().values() if isinstance(layer, Dropout)] == shares


@pytest.mark.small
def test_half_of_a_shuffle_unit_passes_untouched(backend):
    unit = ShuffleUnitV2(6, 6)
    x = np.random.default_rng(0).standard_normal((2, 6, 3, 5), np.float32)
    with ghostnp.use_backend(backend):
        assert np.array_equal(unit(x)[:, :3], x[:, 0::2])


@pytest.mark.small
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (3, 3), ((3, 2), (1, 2))])
def test_ceil_pool_is_pytorchs_ceil_mode(kernel, stride, backend):
    rng, pool = np.random.default_rng(0), CeilMaxPool2d(kernel, stride=stride)
    for size in np.ndindex(6, 6):
        x = rng.normal(size=(2, 3, size[0] + 3, size[1] + 3))
        leaf = torch.tensor(x, requires_grad=True)
        theirs = F.max_pool2d(leaf, kernel, stride, ceil_mode=True)
        dy = rng.integers(-9, 10, size=theirs.shape).astype(float)  # sums of them are exact in any order
        theirs.backward(torch.tensor(dy))
        ours = run_ours(pool, x, dy, backend, training=True)
        assert np.array_equal(ours.y, theirs.detach())
        assert np.array_equal(ours.dx, leaf.grad)


@pytest.mark.small
def test_ceil_pool_takes_maps_smaller_than_its_window(backend):
    x = np.random.default_rng(0).normal(size=(2, 3, 1, 2))
    with ghostnp.use_backend(backend):
        assert np.array_equal(CeilMaxPool2d(3, stride=2)(x), x.max((2, 3), keepdims=True))


def too_large(*size):
    model = build(partial(plain_net.PlainNet, plain_net.ALEXNET, image_size=64, hidden=4, num_classes=2))
    return model.forward(np.zeros((1, 3, *size)))


@pytest.mark.small
@pytest.mark.parametrize(
    ("error", "words", "call"),
    [
        (ValueError, r"\(1, 3, 97, 75\).*images of 64x64, such as \(1, 3, 64, 64\)", partial(too_large, 97, 75)),
        (
            ValueError,
            r"image_size=\(16, 16\) does not pass Pool.*output would be 0x0",
            partial(plain_net.PlainNet, plain_net.VGG16, image_size=16),
        ),
        (
            ValueError,
            "image_size=.* makes in_features=",
            partial(plain_net.PlainNet, plain_net.VGG16, image_size=2**26),
        ),
        (TypeError, "image_size='224'", partial(plain_net.PlainNet, plain_net.VGG16, image_size="224")),
        (ValueError, "hidden=0", partial(plain_net.PlainNet, plain_net.VGG16, hidden=0)),
        (ValueError, "dropout=1.* such as 0.2", partial(plain_net.PlainNet, plain_net.VGG16, dropout=1)),
        (ValueError, "dropout=1.* such as 0.2", partial(googlenet.GoogLeNet, dropout=1)),
        (ValueError, "dropout=1.* such as 0.2", partial(squeezenet.SqueezeNet, dropout=1)),
        (ValueError, "dropout=1.* such as 0.2", partial(shufflenet_v2.ShuffleNetV2, dropout=1)),
        (TypeError, "bias='no'", partial(shufflenet_v2.ShuffleNetV2, bias="no")),
        (TypeError, "even_projection=1: the rule is a bool", partial(shufflenet_v2.ShuffleNetV2, even_projection=1)),
        (ValueError, "in_channels=5.*every second channel.*such as 6", partial(ShuffleUnitV2, 5, 5)),
        (ValueError, "out_channels=8.*every second channel.*such as 4", partial(ShuffleUnitV2, 4, 8)),
        (ValueError, "projected_channels=2.*the rule is None", partial(ShuffleUnitV2, 4, 4, projected_channels=2)),
        (ValueError, "out_channels=4.*more than that, such as 8", partial(ShuffleUnitV2, 4, 4, stride=2)),
        (ValueError, "projected_channels=8 of them", partial(ShuffleUnitV2, 4, 8, stride=2, projected_channels=8)),
        (ValueError, "width=0", partial(mobilenet.MobileNetV1, width=0)),
        (TypeError, "activation='relu'.*such as ReLU6", partial(mobilenet.MobileNetV1, activation="relu")),
        (ValueError, "width=-1", partial(mobilenet.MobileNetV2, width=-1)),
        (TypeError, "gate='dfc'.*such as DFCAttention, or None", partial(mobilenet.MobileNetV2, gate="dfc")),
        (TypeError, "squeeze_excite=4.*such as SqueezeExcite", partial(mobilenet.MobileNetV2, squeeze_excite=4)),
        (ValueError, "expansion=0", partial(inverted_residual, 4, 4, expansion=0)),
        (ValueError, "stride=0", partial(inverted_residual, 4, 4, stride=0)),
        (ValueError, "groups=0", partial(resnet.ResNet, groups=0)),
        (TypeError, "width_per_group=4.0", partial(resnet.ResNet, width_per_group=4.0)),
        (ValueError, "groups=3 does not divide in_channels=64", partial(Bottleneck, 64, 64, 256, groups=3)),
        (TypeError, "stride_first=1: the rule is a bool", partial(resnet.ResNet, stride_first=1)),
        (TypeError, "conv=3.*such as GhostConv2d", partial(resnet.ResNet, conv=3)),
        (TypeError, "norm=3.*or None", partial(resnet.ResNet, norm=3)),
        (ValueError, "ratio=0", partial(resnet.GhostResNet, ratio=0)),
        (ValueError, "cheap_kernel_size=2", partial(resnet.GhostResNet, cheap_kernel_size=2)),
        (ValueError, "kernel_size=4.*odd", partial(GhostConv2d, 4, 8, 4)),
        (ValueError, "stride=\\(3, 3\\)", partial(CeilMaxPool2d, 2, stride=3)),
    ],
)
def test_bad_argument_is_named(error, words, call):
    with initializer(None), pytest.raises(error, match=words):
        call()


@pytest.mark.small
@pytest.mark.parametrize("name", NETWORKS)
def test_number_of_classes_is_checked(name):
    with initializer(None), pytest.raises(TypeError, match=r"num_classes=10\.0.* int of 1 or more"):
        NETWORKS[name].ours(num_classes=10.0)


@pytest.mark.small
def test_ratio_1_is_the_primary_convolution_alone(backend):
    module = GhostConv2d(3, 4, 3, stride=2, ratio=1)
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7), np.float32)
    with ghostnp.use_backend(backend):
        y, cache = module.forward(x)
        dx, grads = module.backward(y, cache)
        assert np.array_equal(y, module.conv1(x))
    assert dx.shape == x.shape
    assert grads.keys() == module.parameters().keys() == {"conv1.weight", "conv1.bias"}


TABLES = {
    "stages": (ghostnet.GhostNet, mobilenet.MobileNetV1, squeezenet.SqueezeNet, googlenet.GoogLeNet),
    "rows": (mobilenet.MobileNetV2, resnet.ResNet, resnet.GhostResNet, plain_net.PlainNet),
}


@pytest.mark.small
@pytest.mark.parametrize(
    "wrong", [0, True, None, "1", [0], ["1"], [[0]], [[None]], [["1"]], {1: ()}, {"3": 0}, {"3": [0]}]
)
@pytest.mark.parametrize(("name", "network"), [(name, each) for name, several in TABLES.items() for each in several])
def test_a_table_is_made_of_its_rows(name, network, wrong):
    with pytest.raises(TypeError, match=rf"^{name}\b.*: the rule is a .*, such as "):
        network(**{name: wrong})
