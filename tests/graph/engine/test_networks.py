"""A compiled network computes what the network computes: every one of them."""

import numpy as np
import pytest

import ghostnp
from tests.graph.engine.networks import ONE_SIZE, assert_same, maps, network


def shapes(name):
    """Batches of 1 to 3, and sizes that are even and odd, square and not."""
    if name in ONE_SIZE:
        return [(batch, 3, ONE_SIZE[name], ONE_SIZE[name]) for batch in (1, 3)]
    return [(1, 3, 64, 64), (2, 3, 97, 75), (3, 3, 33, 65)]


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_in_float64(name):
    model = network(name)
    engine = ghostnp.compile(model)
    for shape in shapes(name):
        x = maps(shape)
        assert_same(engine(x), model(x), 1e-12)


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_in_float32(name):
    model = network(name).astype(np.float32)
    engine = ghostnp.compile(model)
    for shape in shapes(name)[:2]:
        x = maps(shape, np.float32)
        assert_same(engine(x), model(x), 1e-5)
