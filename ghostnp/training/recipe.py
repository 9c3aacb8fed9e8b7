"""The recipe of a training: all numbers that decide what comes out, beside the model and the data.

The learning rate η of step s, from 0 on, of S, with W steps of warm-up and γ for `fall`:

    warm-up      rate · (s + 1) / W                                  while s < W; then, with r = (s − W) / (S − W),
    constant     rate
    cosine       rate / 2 · (1 + cos(π·r))
    step         rate · γ to the power of the whole number in (epochs since the warm-up) / `every`
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ghostnp.ops.checks import flag, fraction, integer, not_negative, positive, shown
from ghostnp.ops.updates import update_named

SCHEDULES = ("cosine", "constant", "step")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    epochs, batch : int
        How often all images are seen, and how many at a time.
    optimiser : str
        One of `ghostnp.ops.updates.UPDATES`.
    rate : float
        η of the first step, or of the end of the warm-up.
    settings : dict of str to number
        Of the optimiser, such as ``{"momentum": 0.9}``; its defaults for all others.
    schedule : {"cosine", "constant", "step"}
        How η falls.
    warm_up : int
        For how many epochs it rises first.
    every, fall : int, float
        For "step": after how many epochs η is multiplied by how much.
    label_smoothing : float
        ε, as in `ghostnp.ops.softmax_cross_entropy`.
    clip : float, optional
        How long all gradients together may be.
    average : float, optional
        d, by which the weights are averaged over the steps; the average is what is tested and kept in the end.
    flip : bool
        Whether half the images are seen in a mirror.
    shift : int
        By how many pixels at most they are shifted, up or down and left or right; zeros come in.
    crop : float
        How much of height and width is seen at least: a part at random, enlarged to the whole.
    seed : int
        Of the order of images, of what is changed in them, and of dropout.

    Raises
    ------
    TypeError, ValueError
        If one of them is not legal.
    """

    epochs: int = 15
    batch: int = 64
    optimiser: str = "sgd"
    rate: float = 0.1
    settings: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "cosine"
    warm_up: int = 0
    every: int = 10
    fall: float = 0.1
    label_smoothing: float = 0.0
    clip: float | None = None
    average: float | None = None
    flip: bool = False
    shift: int = 0
    crop: float = 1.0
    seed: int = 0

    def __post_init__(self):
        for name, least in (("epochs", 1), ("batch", 1), ("warm_up", 0), ("every", 1), ("shift", 0), ("seed", 0)):
            integer(name, getattr(self, name), least)
        not_negative("rate", self.rate)
        if not isinstance(self.settings, Mapping):
            raise TypeError(f"settings={shown(self.settings)}: the rule is a dict, such as {{'momentum': 0.9}}")
        update_named(self.optimiser).settings(**self.settings)
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule={shown(self.schedule)}: the rule is one of {', '.join(SCHEDULES)}")
        if self.warm_up >= self.epochs > 1 or self.warm_up > self.epochs:
            raise ValueError(
                f"warm_up={self.warm_up}: the rule is fewer than the {self.epochs} epochs that there are, such as 0"
            )
        fraction("fall", self.fall)
        fraction("label_smoothing", self.label_smoothing)
        if self.clip is not None:
            positive("clip", self.clip)
        if self.average is not None:
            fraction("average", self.average)
        flag("flip", self.flip)
        if fraction("crop", self.crop) == 0:
            raise ValueError("crop=0: the rule is a number above 0, up to 1, such as 0.8")

    @classmethod
    def of(cls, **given):
        """A recipe from its own fields and the optimiser's settings, by name: ``Recipe.of(epochs=3, momentum=0.8)``."""
        own = {entry.name for entry in fields(cls)}
        settings = {name: value for name, value in given.items() if name not in own}
        recipe = {name: value for name, value in given.items() if name in own}
        if settings:
            recipe["settings"] = {**recipe.get("settings", {}), **settings}
        return cls(**recipe)

    def rate_of(self, step, per_epoch):
        """η of a step, the first of which is 0, where there are `per_epoch` steps in an epoch."""
        warm = self.warm_up * per_epoch
        if step < warm:
            return self.rate * (step + 1) / warm
        if self.schedule == "cosine":
            progress = (step - warm) / (self.epochs * per_epoch - warm)
            return self.rate / 2 * (1 + math.cos(math.pi * progress))
        if self.schedule == "step":
            return self.rate * self.fall ** ((step - warm) // (per_epoch * self.every))
        return self.rate
