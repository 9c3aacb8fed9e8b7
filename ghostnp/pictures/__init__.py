"""Pictures of what happens in a network: each function takes numbers and gives a matplotlib Figure.

Colours mean the same in all of them: blue is an input or an intrinsic map, orange a ghost or what a depthwise
convolution made, green a gate, red a gradient; groups have colours of their own and are numbered as well.
"""

from ghostnp.pictures.charts import cost_bars, feature_maps, roofline
from ghostnp.pictures.steps import intermediates
from ghostnp.pictures.units import ghost_bottlenecks, ghost_flow, shufflenet_units
from ghostnp.pictures.windows import dfc_reach, sliding_window
from ghostnp.pictures.wiring import connectivity, shuffle_wiring

__all__ = [
    "connectivity",
    "cost_bars",
    "dfc_reach",
    "feature_maps",
    "ghost_bottlenecks",
    "ghost_flow",
    "intermediates",
    "roofline",
    "shuffle_wiring",
    "shufflenet_units",
    "sliding_window",
]
