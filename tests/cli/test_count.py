"""The command `ghostnp count`, as someone types it."""

import csv
import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image

import ghostnp
from ghostnp.cli.count import count_command
from ghostnp.graph.counting import OPERATORS, count, count_operator
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.pictures.costs import cost_picture

pytestmark = pytest.mark.small
DOCUMENT_000 = "conv2d --in 256 --out 256 --kernel 5 --groups 32 --bias --size 64"


def run(line):
    return CliRunner().invoke(count_command, line.split())


def output(line):
    result = run(line)
    assert result.exit_code == 0, result.output
    return result.stdout


def table(name, size=224, batch=1):
    return count(ghostnp.create_model(name, seed=None), (batch, 3, size, size), name=name)


def test_a_network():
    assert output("ghostnet_100") == f"{table('ghostnet_100')}\n"
    assert output("ghostnet_100 --size 64 --batch 2") == f"{table('ghostnet_100', 64, 2)}\n"
    assert "input 1x3x32x64" in output("ghostnet_050 --size 32x64")
    folded = output("ghostnet_100 --depth 1")
    assert folded == f"{table('ghostnet_100').folded(1)}\n"
    assert "281 operators" in folded


def test_formats_say_the_same():
    from_json = json.loads(output("shufflenetv2_1.0x --format json --convention fvcore"))
    from_csv = list(csv.DictReader(io.StringIO(output("shufflenetv2_1.0x --format csv --convention fvcore"))))
    assert sum(int(record["fvcore"]) for record in from_csv) == from_json["fvcore"]
    assert [record["path"] for record in from_csv] == [record["path"] for record in from_json["rows"]]
    markdown = output("shufflenetv2_1.0x --format markdown --convention fvcore --depth 1")
    assert markdown.startswith("| path")
    assert f"| {from_json['fvcore']:,} |" in markdown
    assert "convention fvcore:" in markdown


def test_one_operator():
    text = output(DOCUMENT_000)
    keywords = {"in_channels": 256, "out_channels": 256, "kernel_size": 5, "groups": 32, "bias": True, "size": 64}
    assert text == f"{count_operator('conv2d', **keywords)}\n"
    assert "256·(8·5·5 + 1) = 51,456" in text
    same = output("depthwise_conv2d --in 8 --kernel 1x5 --padding same --stride 2 --dilation 1x2 --size 9x8")
    assert "1x8x9x8 to 1x8x5x4" in same
    assert "padding 0x3:4" in same
    assert "convention" not in text
    assert "fvcore" in output("batch_norm --in 8 --convention fvcore")
    assert json.loads(output("linear --in 8 --out 4 --format json"))["macs"] == 32


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "ghostnt_100",
            "'ghostnt_100' is no network and no operator: the rule is the name of one, nearest first: ghostnet",
        ),
        ("cov2d", "nearest first: conv2d, "),
        (
            "ghostnet_100 --convention ptflop",
            "convention='ptflop': the rule is one of CONVENTIONS, nearest first: ptflops, ",
        ),
        ("relu --in 3 --convention ptflop", "nearest first: ptflops, "),
        ("vgg16 --size 8", "224"),
        ("ghostnetv2_100 --size 1", "attention halves the maps"),
        ("ghostnet_100 --groups 3", "ghostnet_100 is a network: the rule is without --groups"),
        ("conv2d --in 4 --out 4 --kernel 3 --depth 1", "conv2d is an operator: the rule is without --depth"),
        ("conv2d --in 8", "conv2d needs out_channels"),
        ("conv2d --in 8 --out 6 --kernel 3 --groups 4", "groups=4 does not divide out_channels=6; legal"),
        ("conv2d --in 8 --out 6 --kernel 9 --size 4", "with this padding an input of 9x9 or larger would do"),
        ("relu --in 8 --kernel 3", "relu has no kernel_size: the rule is one of in_channels"),
        ("ghostnet_100 --plot costs.foo", "supported formats"),
        ("ghostnet_100 --plot nowhere/costs.png", "nowhere/costs.png"),
    ],
)
def test_mistakes_get_one_line_with_what_is_legal(line, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(line)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


@pytest.mark.parametrize("line", ["ghostnet_100 --size 2x2x2", "ghostnet_100 --size -1", "ghostnet_100 --batch 0", ""])
def test_mistakes_in_typing(line):
    assert run(line).exit_code == 2


def test_the_three_nearest_names_are_in_the_error():
    """To read fifty would take longer than to look them up."""
    for line, known in (("nothing", [*ghostnp.list_models(), *OPERATORS]), ("vgg16 --convention f", CONVENTIONS)):
        listed = run(line).stderr.partition("nearest first: ")[2].strip().split(", ")
        assert len(listed) == 3
        assert set(listed) <= set(known)


def test_a_large_prime_has_few_divisors_and_they_are_found_at_once():
    result = run("conv2d --in 2147483647 --out 3 --kernel 1 --groups 2")
    assert result.exit_code == 1
    assert "legal: 1" in result.stderr


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_picture(tmp_path, suffix):
    path = tmp_path / f"costs.{suffix}"
    result = run(f"ghostnet_050 --depth 0 --plot {path}")
    assert result.exit_code == 0, result.output
    assert result.stderr == f"picture: {path}\n"
    if suffix == "png":
        with Image.open(path) as picture:
            picture.load()
            assert picture.width > 1000
    assert path.stat().st_size > 5000


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_bars_of_the_picture_sum_to_the_totals(name):
    counted = table(name)
    figure = cost_picture(counted)
    unused = sum(row.params for row in counted.rows if row.op == "(no operator)")
    for axes, total in zip(figure.axes, (counted.params - unused, counted.macs), strict=True):
        heights = [bar.get_height() for bars in axes.containers for bar in bars]
        assert sum(heights) == total
        assert 2 < len(axes.get_xticklabels()) <= 30
        assert f"{total:,}" in axes.get_title(loc="left")
        shares = [float(text.get_text().split()[-1].rstrip("%")) for text in axes.get_legend().get_texts()]
        assert sum(shares) == pytest.approx(100, abs=0.5)


def test_counting_needs_no_numba(run_python):
    code = f"""
import sys
sys.modules["numba"] = None  # from now on, importing it is an error
from ghostnp.cli.count import count_command
from ghostnp.cli.reconcile import reconcile_command
print([name for name in ("matplotlib", "rich", "tabulate") if name in sys.modules])
count_command({DOCUMENT_000.split()!r}, standalone_mode=False)
count_command(["ghostnet_100", "--depth", "0"], standalone_mode=False)
reconcile_command(["ghostnet_100", "141M"], standalone_mode=False)
"""
    printed = run_python(code)
    assert printed.startswith("[]\n")
    assert all(text in printed for text in ("51,456", "141,150,512", "141M is given by"))
