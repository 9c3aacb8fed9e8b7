"""The command `ghostnp notebooks`: execute tutorials and write them as notebooks."""

from pathlib import Path

import click

SCRIPT = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("notebooks")
@click.argument("scripts", nargs=-1, required=True, type=SCRIPT, metavar="SCRIPT...")
def notebooks(scripts):
    """Execute tutorial scripts, and write them as notebooks.

    Each notebook is written next to its SCRIPT.

    Example: ghostnp notebooks tutorials/*.py
    """
    from ghostnp.course.notebooks import make_notebook  # brings Jupyter

    for script in scripts:
        try:
            target = make_notebook(script)
        except (ImportError, OSError, ValueError) as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{target}: {target.stat().st_size / 1000:.0f} kB")
