"""The command `ghostnp reconcile`: which conventions of counting give the numbers that others print."""

import click

from ghostnp.cli.count import SIZES
from ghostnp.cli.terminal import say
from ghostnp.graph.counting.reconcile import reconcile
from ghostnp.models import create_model


@click.command("reconcile")
@click.argument("network")
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@click.option("--size", type=SIZES, default=224, show_default=True, help="Height and width of the input, in pixels.")
def reconcile_command(network, numbers, size):
    """Find the counting conventions that give printed numbers.

    Each NUMBER is a count of parameters or operations that somebody printed for NETWORK. The command finds conventions
    that give these numbers, and explains the differences between them term by term.

    Example: ghostnp reconcile ghostnet_100 141M 151.2M 5.18M
    """
    rows, columns = size if isinstance(size, tuple) else (size, size)
    try:
        model = create_model(network, seed=None)
        found = reconcile(model, *numbers, input_shape=(1, 3, rows, columns), name=network)
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    say(found)
