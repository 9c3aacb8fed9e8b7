"""Commands keep to the width of the terminal, and give everything to a file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import ghostnp
from ghostnp.cli import main

pty = pytest.importorskip("pty")
pytestmark = pytest.mark.small
COMMANDS = [
    "count ghostnet_050",
    "count ghostnet_050 --depth 1 --convention fvcore",
    "count conv2d --in 256 --out 256 --kernel 5 --groups 32 --bias --size 64",
    "reconcile ghostnet_100 141M 151.2M 5.18M",
    "quiz --seed 3 --count 3",
]


def on_terminal(words, columns):
    """What the command writes to a terminal that is so wide."""
    ours, theirs = pty.openpty()
    home = {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1]), "COLUMNS": str(columns), "TERM": "dumb"}
    command = [sys.executable, "-P", "-m", "ghostnp", *words.split()]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, env=os.environ | home
    )
    os.close(theirs)
    content = b""
    try:
        while more := os.read(ours, 65536):
            content += more
    except OSError:  # how Linux says that the other end was closed
        pass
    os.close(ours)
    said = process.communicate(timeout=100)[1]
    assert process.returncode == 0, said
    return content.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("words", COMMANDS)
def test_no_line_is_wider_than_the_terminal(words, columns):
    text = on_terminal(words, columns)
    assert text.strip()
    assert max(map(len, text.split("\n"))) <= columns


def test_columns_that_do_not_fit_are_left_out_and_it_is_said():
    narrow, wide = (on_terminal("count ghostnet_050", columns) for columns in (80, 400))
    assert "Left out, for 80 columns are too few: d, p, s, g, k" in " ".join(narrow.split())
    assert "Left out" not in wide
    assert "blocks.0.0.ghost1.primary_conv.0" in narrow
    assert "MACs" in narrow
    # The totals are there in both.
    table = ghostnp.count(ghostnp.create_model("ghostnet_050", seed=None), (1, 3, 224, 224))
    for text in (narrow, wide):
        assert f"{table.macs:,}" in text
    assert wide.strip() == str(
        ghostnp.count(ghostnp.create_model("ghostnet_050", seed=None), (1, 3, 224, 224), name="ghostnet_050")
    )


def test_a_file_gets_everything():
    result = CliRunner().invoke(main, ["count", "ghostnet_050"])
    assert max(map(len, result.output.split("\n"))) > 150
    assert "Left out" not in result.output
