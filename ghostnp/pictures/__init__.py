"""Pictures of what happens in a network: each function takes plain numbers and gives a matplotlib Figure.

Colours mean the same in all of them: blue is an input or an intrinsic map, orange a ghost or what a depthwise
convolution made, green a gate, red a gradient; groups have colours of their own and are numbered as well.

- `anywhere` imports matplotlib whatever backend was asked for.
- `style` is what all share: colours, how a map, a number, an arrow and plain axes are drawn; read it first.
- `letters`: a font for letters that the usual one lacks.
- `windows`: a window that slides, and what attention along columns and rows reads.
- `wiring`: which channel reads which, and where a shuffle takes them.
- `diagram`, `flows`: boxes and arrows, and the units of ShuffleNet and GhostNet drawn with them.
- `maps`: feature maps in a grid, a photo and its channels, the maps and gradients of a whole network, its answers.
- `convolution_maps`, `block_maps`: maps before and after one convolution, or one block, as the tour shows them.
- `steps`: every intermediate result of a trace.
- `costs`: parameters and multiply-adds as bars, of layers and of whole networks.
- `class_results`: what a class has answered, and which mistakes it made.
- `ablation`: accuracies of networks that are compared, over seeds.
- `learning`: how a training went, as `ghostnp train` shows it.
- `speed`: operators under the roofline, and what the bench measured.

A new picture goes into the file of what it shows, or into a new file with a line above. It is drawn on a `style.sheet`.
If tutorials or readers call it, it is named here too, and drawn once more in ``tests/pictures/test_pictures.py``, which
looks for words that overlap or are cut off. Pictures that the tour alone shows are drawn and looked at by
``tests/course/test_tour.py``.
"""

from ghostnp.pictures import anywhere  # noqa: F401 - first, since the others import matplotlib
from ghostnp.pictures.ablation import accuracy_dots
from ghostnp.pictures.class_results import class_mistakes
from ghostnp.pictures.costs import cost_bars
from ghostnp.pictures.flows import ghost_bottlenecks, ghost_flow, shufflenet_units
from ghostnp.pictures.maps import answer_bars, feature_maps
from ghostnp.pictures.speed import roofline
from ghostnp.pictures.steps import intermediates
from ghostnp.pictures.windows import dfc_reach, sliding_window
from ghostnp.pictures.wiring import connectivity, shuffle_wiring

__all__ = [
    "accuracy_dots",
    "answer_bars",
    "class_mistakes",
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
