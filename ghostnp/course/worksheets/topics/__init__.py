"""What the questions are about: a file for each topic, or for a few related ones.

A new topic is an entry of `TOPICS`, and a file, named in `_FILES`, with a template for each of the levels 1 to 3. Each
template has an independent answer in ``tests/course/worksheets/oracles.py``.
"""

from importlib import import_module

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
# In this order: what is drawn for a paper depends on it.
_FILES = (
    "convolution",
    "depthwise",
    "size",
    "shuffle",
    "shrink",
    "ghost",
    "attention",
    "crelu",
    "units",
    "conventions",
    "differences",
)
TEMPLATES = tuple(template for file in _FILES for template in import_module(f"{__name__}.{file}").TEMPLATES)
