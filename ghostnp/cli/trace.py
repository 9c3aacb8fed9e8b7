"""The command `ghostnp trace`: step through a small module, or a network, number by number."""

from pathlib import Path

import click
import numpy as np

from ghostnp.graph.recording import Token, record
from ghostnp.graph.tracing import trace
from ghostnp.graph.tracing.examples import EXAMPLES, example
from ghostnp.models import create_model, list_models
from ghostnp.ops.checks import nearest, shown


class Place(click.ParamType):
    """``2:0,1,3,3``: a result, and the index of one number in it."""

    name = "RESULT:INDEX"

    def convert(self, value, param, context):
        """(number, index)."""
        try:
            number, _, index = value.lstrip("#").partition(":")
            return int(number), tuple(int(part) for part in index.split(","))
        except ValueError:
            self.fail(f"{value!r}: the rule is a result and an index, such as 2:0,1,3,3", param, context)


@click.command("trace")
@click.argument("target", metavar="MODULE|NETWORK")
@click.option(
    "--size",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Network: height and width of the input, in pixels.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the weights and the input.")
@click.option("--backward", is_flag=True, help="Also run the backward pass. The gradient of each output is 1.")
@click.option(
    "--pixel", type=Place(), help="Show one pixel as a sum of products. 2:0,1,3,3 is y[0, 1, 3, 3] of result 2."
)
@click.option(
    "--weight",
    type=Place(),
    help="Show the gradient of one weight as a sum of products. RESULT is a result of the backward pass.",
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw the intermediate maps here.")
def trace_command(target, size, seed, backward, pixel, weight, plot):
    """List every intermediate result of a module or a network.

    For each result, the list shows its operator, inputs, shape and cost. NETWORK is one of ghostnp.list_models().
    MODULE is a small example: standard, grouped, depthwise, pointwise, separable, crelu, shuffle, squeeze-excite,
    ghost-module, ghost-bottleneck, dfc, ghost-module-v2 or shuffle-unit. Two examples of commands:

    ghostnp trace ghost-module

    ghostnp trace ghost-module --backward --weight 16:0,0,1,1
    """
    try:
        module, x = _chosen(target, size, seed)
        backward = backward or weight is not None
        steps = trace(module, x, dy=_ones(module, x) if backward else None)
        worked = [steps.pixel(*pixel)] if pixel else []
        worked += [steps.weight(*weight)] if weight else []
        if plot is not None:
            from ghostnp.pictures.style import save  # brings matplotlib

            save(steps.picture(rows=24), plot)
    except KeyError as error:
        raise click.ClickException(str(error.args[0])) from None
    except (OSError, TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(steps)
    for one in worked:
        click.echo(f"\n{one}")
    if plot is not None:
        click.echo(f"picture: {plot}", err=True)


def _ones(module, x):
    """A gradient of ones for the module's output, whose shape is learnt without computing it."""
    tape = record(module, Token(x.shape, x.dtype))
    return np.ones(tape.values[tape.output.number].shape, x.dtype)


def _chosen(target, size, seed):
    if target in EXAMPLES:
        return example(target, seed)
    if target in list_models():
        x = np.random.default_rng(seed).standard_normal((1, 3, size, size), np.float32)
        return create_model(target, seed=seed), x
    raise ValueError(
        f"{shown(target)} is no module and no network: the rule is a module as in `ghostnp trace --help`, or a "
        f"network, such as {nearest(target, [*EXAMPLES, *list_models()])}"
    )
