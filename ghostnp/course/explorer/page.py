"""The page itself: all scenes of all offers, written into one file of HTML that needs nothing else."""

import itertools
import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

import ghostnp
from ghostnp.course.explorer.offers import OFFERS
from ghostnp.ops.checks import flag, nearest, shown


def explorer_page(layer=OFFERS[0].name, *, backward=False):
    """The page to play with: every layer on offer, its numbers, products, gradients and counts.

    Parameters
    ----------
    layer : str, optional
        What the page shows first: a name of `OFFERS`.
    backward : bool, default False
        Whether it is shown in its backward direction.

    Returns
    -------
    str
        HTML, with its style, program and data inside.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    names = [offer.name for offer in OFFERS]
    if not isinstance(layer, str) or layer not in names:
        raise ValueError(
            f"layer={shown(layer)}: the rule is one of {len(names)}, nearest first: {nearest(layer, names)}"
        )
    start = f"{layer}?direction=backward" if flag("backward", backward) else layer
    environment = Environment(
        loader=PackageLoader("ghostnp.course", "explorer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Inside a script element only "</" would end it.
    offers = json.dumps([_offered(offer) for offer in OFFERS], ensure_ascii=False, separators=(",", ":"))
    return environment.get_template("page.html.j2").render(
        version=ghostnp.__version__, offers=offers.replace("</", "<\\/"), start=start
    )


@cache
def _offered(offer):
    """An offer as plain data: each scene once, and which choices lead to it."""
    scenes: list[dict] = []
    places = {}
    for choice in itertools.product(*offer.options.values()):
        try:
            scene = offer.build(*choice).written()
        except ValueError:  # choices that do not fit together, as the definitions say: they are not offered
            continue
        if scene not in scenes:
            scenes.append(scene)
        places[",".join(map(str, choice))] = scenes.index(scene)
    words = {"name": offer.name, "title": offer.title, "text": offer.text}
    words |= {"forward": offer.forward, "backward": offer.backward, "unit": offer.unit}
    return words | {"options": offer.options, "places": places, "scenes": scenes}
