"""The command `ghostnp compile`: how the inference engine runs a network."""

import click

from ghostnp.cli.count import NUMBER, SIZES
from ghostnp.models import create_model


@click.command("compile")
@click.argument("target", metavar="NETWORK")
@click.option("--size", type=SIZES, default=224, show_default=True, help="Height and width of the input, in pixels.")
@click.option("--batch", type=NUMBER, default=1, show_default=True, help="Number of images in the batch.")
def compile_command(target, size, batch):
    """Show the plan of a compiled network.

    The plan lists the steps of the network. It shows which operators are folded into others, where each result is
    stored, and how much memory is needed.

    Example: ghostnp compile ghostnet_100 --batch 8
    """
    from ghostnp.graph.engine import compile  # brings Numba

    rows, columns = size if isinstance(size, tuple) else (size, size)
    try:
        plan = compile(create_model(target, seed=None)).plan((batch, 3, rows, columns))
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(plan)
