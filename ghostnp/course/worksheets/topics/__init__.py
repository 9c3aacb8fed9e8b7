"""What the questions are about: a file for each topic, or for a few related ones.

Papers say which version of the generator made them, and ``--generator`` makes them again, bit for bit, a year later. A
version is a tuple of templates in an order (`GENERATORS`), together with their texts and the sentences on mistakes.
That none changes is held by digests in ``tests/course/worksheets/test_generators.py``. So a change of a template, a new
one, or another wording is a new version:

1. Leave the function and its sentences as they are, for the versions that have them. Write the new function beside it,
   under a name of its own, and a sentence that changes as a mistake of a new name.
2. Add the version to `GENERATORS`: the tuple of the one before, with the new template in the place of the old.
3. Write its digests down, next to those of the earlier versions, which must not move.

A new topic is an entry of `TOPICS`, and a file, named in `_FILES`, with a template for each of the levels 1 to 3. Each
template has an independent answer in ``tests/course/worksheets/oracles.py``, and its mistakes are made again in
``mistakes_made.py`` there.
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
GENERATORS = {
    1: tuple(template for file in _FILES for template in import_module(f"{__name__}.{file}").TEMPLATES),
}
GENERATOR = max(GENERATORS)
TEMPLATES = GENERATORS[GENERATOR]
