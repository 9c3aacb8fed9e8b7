"""The old names, until `pooling` is converted."""

from ghostnp.kernels.elementwise import spread_pixels, sum_pixels  # noqa: F401
