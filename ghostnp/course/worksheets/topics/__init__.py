"""What the questions are about: a file for each topic, or for a few related ones.

A new topic is an entry of `TOPICS`, and a file, named in the imports here, with a template for each of the levels 1 to
3. Each template has an independent answer in ``tests/course/worksheets/oracles.py``.
"""

from ghostnp.course.worksheets.topics import (
    attention,
    conventions,
    convolution,
    crelu,
    depthwise,
    differences,
    ghost,
    shrink,
    shuffle,
    size,
    units,
)

TOPICS = {
    "standard": "standard convolutions: parameters and multiply-adds",
    "grouped": "grouped convolutions",
    "depthwise": "depthwise, pointwise and separable convolutions",
    "size": "output sizes: stride, padding, dilation, pooling",
    "shuffle": "where a channel goes in a shuffle",
    "shrink": "shrink factors, with and without bias",
    "ghost": "ghost modules",
    "dfc": "decoupled fully connected attention",
    "se": "squeeze-and-excitation",
    "crelu": "CReLU, and what follows it",
    "units": "units of ResNet, ResNeXt and ShuffleNet",
    "conventions": "conventions of counting: MACs and FLOPs, biases, batch norm",
    "reconcile": "two numbers for one network, reconciled",
}
TEMPLATES = tuple(
    template
    for file in (
        convolution,
        depthwise,
        size,
        shuffle,
        shrink,
        ghost,
        attention,
        crelu,
        units,
        conventions,
        differences,
    )
    for template in file.TEMPLATES
)
