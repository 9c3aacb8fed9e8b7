"""Networks by name: reproducible, in the dtype that was asked for, and helpful when a name is not known."""

import numpy as np
import pytest

import ghostnp

pytestmark = pytest.mark.small


def weights(**keywords):
    return ghostnp.create_model("ghostnet_050", num_classes=3, **keywords).state_dict()


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_every_listed_model_is_built(name):
    model = ghostnp.create_model(name, num_classes=7, seed=None)
    assert ghostnp.count(model, (2, 3, 224, 224)).rows[-1].output == (2, 7)


def test_the_same_seed_gives_the_same_network():
    first, again = weights(seed=3), weights(seed=3)
    assert all(np.array_equal(first[key], again[key]) for key in first)


def test_another_seed_gives_other_weights_everywhere():
    first, other = weights(seed=3), weights(seed=4)
    drawn = [key for key, array in first.items() if array.ndim > 1]
    assert drawn
    assert not any(np.array_equal(first[key], other[key]) for key in drawn)


def test_layers_of_one_network_do_not_share_their_draws():
    state = weights(seed=0)
    assert not np.array_equal(
        state["blocks.8.0.ghost1.primary_conv.0.weight"], state["blocks.8.1.ghost1.primary_conv.0.weight"]
    )


def test_building_neither_reads_nor_moves_the_global_generator():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = weights()
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    assert np.array_equal(weights()["conv_stem.weight"], first["conv_stem.weight"])


def test_without_a_seed_weights_are_zero_and_norms_are_the_identity():
    for key, array in weights(seed=None).items():
        one = key.endswith("running_var") or (key.endswith("weight") and array.ndim == 1)
        assert np.all(array == one), key


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_parameter_has_the_dtype_that_was_asked_for(dtype):
    arrays = {key: array for key, array in weights(dtype=dtype).items() if not key.endswith("num_batches_tracked")}
    assert {array.dtype for array in arrays.values()} == {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("ghostnet-100", "ghostnet_100"), ("GhostNet_130", "ghostnet_130"), ("ghostnet050", "ghostnet_050")],
)
def test_unknown_name_is_answered_with_the_nearest_first(name, nearest):
    with pytest.raises(ValueError, match=f"name='{name}'.*nearest first: {nearest}, ") as caught:
        ghostnp.create_model(name)
    listed = str(caught.value).partition("nearest first: ")[2].split(", ")
    assert len(listed) == 3
    assert set(listed) <= set(ghostnp.list_models())


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_images_may_have_another_number_of_channels(name):
    model = ghostnp.create_model(name, num_classes=7, seed=None, in_channels=1)
    assert ghostnp.count(model, (2, 1, 224, 224)).rows[-1].output == (2, 7)
    with pytest.raises(TypeError, match=r"in_channels='1'.* int of 1 or more"):
        ghostnp.create_model(name, seed=None, in_channels="1")


@pytest.mark.parametrize("dtype", ["float64", float, np.dtype("f8"), "d"])
def test_a_dtype_may_be_written_as_numpy_takes_it(dtype):
    assert weights(dtype=dtype)["conv_stem.weight"].dtype == np.float64
    model = ghostnp.create_model("ghostnet_050", num_classes=3, seed=None)
    assert model.astype(dtype).state_dict()["conv_stem.weight"].dtype == np.float64


@pytest.mark.parametrize("dtype", ["float16", int, None, "nonsense", ">f4", 3, [("a", "f4")], "f4, f4"])
def test_no_other_dtype(dtype):
    with pytest.raises(TypeError, match=r"dtype=.*the rule is float32 or float64"):
        ghostnp.create_model("ghostnet_050", seed=None, dtype=dtype)
    with pytest.raises(TypeError, match=r"dtype=.*the rule is float32 or float64"):
        ghostnp.create_model("ghostnet_050", seed=None).astype(dtype)


@pytest.mark.parametrize("widths", [(24, (48, 96, 192), 1024), (24,), 24, None])
def test_widths_are_those_of_a_table(widths):
    with pytest.raises(TypeError, match=r"widths=.*such as Widths"):
        ghostnp.create_model("shufflenetv2_1.0x", seed=None).__class__(widths=widths)


@pytest.mark.parametrize(
    "keyword", [{"rng": 0}, {"rng": np.random.RandomState(0)}, {"training": 1}, {"training": "yes"}]
)
def test_how_to_run_is_checked_by_every_network(keyword):
    (name,) = keyword
    model = ghostnp.create_model("mobilenetv2_100", num_classes=3, seed=None)
    with pytest.raises(TypeError, match=f"^{name}="):
        model.forward(np.zeros((1, 3, 32, 32), np.float32), **keyword)


@pytest.mark.parametrize(
    ("error", "words", "keywords"),
    [
        (ValueError, "name=3", {"name": 3}),
        (ValueError, r"name=\['ghostnet_100'\]", {"name": ["ghostnet_100"]}),
        (TypeError, "num_classes=10.0.* int of 1 or more", {"num_classes": 10.0}),
        (TypeError, "num_classes=True.* int of 1 or more", {"num_classes": True}),
        (ValueError, "num_classes=0.* int of 1 or more", {"num_classes": 0}),
        (TypeError, "seed=1.5.* int of 0 or more", {"seed": 1.5}),
        (ValueError, "seed=-1.* int of 0 or more", {"seed": -1}),
        (TypeError, "dtype='float16'.*numpy.float32", {"dtype": "float16"}),
        (TypeError, "dtype=<class 'numpy.float16'>.*numpy.float32", {"dtype": np.float16}),
        (ValueError, "width=0.*above 0", {"width": 0}),
        (ValueError, "width=-1.*above 0", {"width": -1}),
        (ValueError, "width=2147483647.*below 1048576", {"width": 2**31 - 1}),
        (ValueError, "width=nan.*above 0", {"width": float("nan")}),
        (TypeError, "width='1.0'.*above 0", {"width": "1.0"}),
        (TypeError, "width=True.*above 0", {"width": True}),
        (ValueError, "dropout=1.* such as 0.2", {"dropout": 1}),
        (ValueError, "dropout=-0.1", {"dropout": -0.1}),
        (ValueError, "dropout='0.2'", {"dropout": "0.2"}),
        (TypeError, "depth", {"depth": 3}),
    ],
)
def test_bad_argument_is_named(error, words, keywords):
    with pytest.raises(error, match=words):
        ghostnp.create_model(**{"name": "ghostnet_050"} | keywords)
