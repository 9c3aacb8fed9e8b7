"""Cases to hold an operator against, where they come from, and the laws that it must obey."""

from ghostnp.testing.cases import CONVOLUTIONS, MEMORY, ConvCase, MapCase, PoolCase, in_memory, values
from ghostnp.testing.laws import assert_adjoint, assert_gradient, assert_linear, inner
from ghostnp.testing.strategies import conv_cases, map_cases, pool_cases

__all__ = [
    "CONVOLUTIONS",
    "MEMORY",
    "ConvCase",
    "MapCase",
    "PoolCase",
    "assert_adjoint",
    "assert_gradient",
    "assert_linear",
    "conv_cases",
    "in_memory",
    "inner",
    "map_cases",
    "pool_cases",
    "values",
]
