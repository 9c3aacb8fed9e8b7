"""``python -m ghostnp`` is the command `ghostnp`."""

from ghostnp.cli import main

if __name__ == "__main__":
    main(prog_name="ghostnp")
