"""Step through a network: every intermediate result, down to single multiplications."""

from ghostnp.tools.tracing.products import Product, Sum
from ghostnp.tools.tracing.trace import Trace, TraceRow, trace

__all__ = ["Product", "Sum", "Trace", "TraceRow", "trace"]
