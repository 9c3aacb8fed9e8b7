"""The commands on any terminal: every code page, no reader, no room, no display, and names of files of any kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ghostnp
from ghostnp.course.worksheets import Student, plan
from ghostnp.ops.vocabulary import operators

# Commands that compile nothing; the last writes a picture.
COMMANDS = [
    "--help",
    "count ghostnet_050",
    "count conv2d --in 4 --out 8 --kernel 3 --size 8",
    "trace ghost-module --backward --pixel 2:0,1,3,3",
    "reconcile ghostnet_100 141M",
    "claims N13",
    "compile ghostnet_050",
    "worksheet --count 2 --topic crelu",
    "quiz --count 2 --seed 1",
    "count ghostnet_050 --plot costs.png",
]


def run(words, folder=None, *, stdout=subprocess.PIPE, **environment):
    """A command in a process of its own, as a terminal starts it."""
    home = {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1]), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-P", "-W", "error", "-m", "ghostnp", *(words.split() if isinstance(words, str) else words)],
        cwd=folder,
        env=os.environ | home | environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize("words", COMMANDS)
def test_every_code_page_gets_the_same_text_but_for_its_gaps(tmp_path, words):
    whole = run(words, tmp_path, PYTHONIOENCODING="utf-8")
    assert whole.returncode == 0, whole.stderr
    for page in ("cp1252", "cp932"):
        done = run(words, tmp_path, PYTHONIOENCODING=page)
        assert done.returncode == 0, done.stderr
        assert done.stdout == whole.stdout.decode().encode(page, "replace"), page


def test_what_print_writes_can_be_written_on_western_consoles():
    model = ghostnp.create_model("ghostnet_050", num_classes=3)
    from ghostnp.graph.counting.reconcile import reconcile

    shown = [
        ghostnp.compile(model).plan((1, 3, 32, 32)),
        ghostnp.count(model, (1, 3, 32, 32)),
        ghostnp.count(model, (1, 3, 32, 32)).under("fvcore"),
        reconcile(model, "141M", input_shape=(1, 3, 32, 32), name="ghostnet_050"),
        model,
    ]
    assert str(shown[0]).isascii()
    for one in shown:
        for page in ("cp1252", "cp437", "cp850", "latin-1"):
            assert str(one).encode(page), page


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is full")
@pytest.mark.parametrize("words", COMMANDS[:-1])
def test_a_full_disk_in_the_terminal_s_place_is_one_line(tmp_path, words):
    with open("/dev/full", "wb") as full:
        done = run(words, tmp_path, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Error: ")
    assert "No space left on device" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("words", COMMANDS[:-1])
def test_a_reader_that_has_gone_is_told_nothing(tmp_path, words):
    read, write = os.pipe()
    os.close(read)
    done = run(words, tmp_path, stdout=write)
    os.close(write)
    assert done.stderr == b""


@pytest.mark.parametrize(
    "chosen", ["module://matplotlib_inline.backend_inline", "module://nowhere", "nonsense", "TkAgg"]
)
def test_figures_need_no_backend(tmp_path, chosen):
    done = run("count ghostnet_050 --plot costs.png", tmp_path, MPLBACKEND=chosen, DISPLAY="")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "costs.png").stat().st_size > 10_000


def test_a_backend_that_is_there_stays_chosen(run_python):
    code = "import ghostnp.pictures, matplotlib, os; print(matplotlib.get_backend(), os.environ['MPLBACKEND'])"
    assert run_python(code, MPLBACKEND="svg") == "svg svg\n"
    code = f"import matplotlib; matplotlib.use('pdf'); {code}"
    assert run_python(code, MPLBACKEND="svg") == "pdf svg\n"


# A command that reads a file, and another that the pipe stands for.
READERS = [
    "--image {}",
    "classify {} --model ghostnet_050",
    "classify photo.png --model ghostnet_050 --weights {}",
    "check {}",
    "check exercise.py --with {}",
    "worksheet --roster {}",
    "worksheet --output {}",
    "worksheet --key {} --force",
    "count ghostnet_050 --plot {}",
    "check exercise.py --junit {}",
]


@pytest.mark.parametrize("words", READERS)
def test_a_pipe_in_a_file_s_place_is_not_waited_for(tmp_path, words):
    name = {"--plot": "pipe.png", "--weights": "pipe.npz", "--with": "pipe.py"}
    name = next((name for option, name in name.items() if option in words), "pipe")
    os.mkfifo(tmp_path / name)
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    (tmp_path / "exercise.py").write_text("def relu(x):\n    return x * (x > 0)\n")
    done = run(words.format(name), tmp_path)
    assert done.returncode in (1, 2)
    assert name in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert (tmp_path / name).is_fifo()


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from ghostnp.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "words",
    [
        "worksheet --count 20 --output file",
        "worksheet --count 20 --key other --output file",
        "worksheet --format html --output file",
        "count ghostnet_050 --plot file.png",
        "trace ghost-module --plot file.png",
        "check exercise.py --junit file",
    ],
)
def test_a_full_disk_is_one_line_that_names_the_file_and_leaves_nothing_behind(tmp_path, words):
    wrong = "".join(f"def {name}(x):\n    return x\n" for name in operators("activation"))
    (tmp_path / "exercise.py").write_text(wrong)
    file = words.split()[-1]
    (tmp_path / file).write_bytes(b"old")
    words += " --force" * words.startswith("worksheet")
    before = sorted(tmp_path.iterdir())
    environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])}
    command = [sys.executable, "-B", "-P", "-c", FULL, *words.split()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: "), done.stderr
    # The grader's own file, which has more to hold than its report, does not fit either.
    assert ("/more: " if words.startswith("check") else file) in done.stderr
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / file).read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["with spaces", "名单", "x" * 240])
def test_files_may_have_any_name(tmp_path, name):
    roster, papers, key, weights = (tmp_path / f"{name}{suffix}" for suffix in (".txt", ".md", ".key", ".npz"))
    roster.write_text("17,Ada Lovelace\n", encoding="utf-8")
    words = ["worksheet", "--count", "1", "--roster", roster, "--output", papers, "--key", key]
    done = run([str(word) for word in words], tmp_path)
    assert done.returncode == 0, done.stderr
    student = Student("17", "Ada Lovelace")
    assert student.name in papers.read_text(encoding="utf-8")
    assert plan(("crelu",), 1, 0, (1,)).paper(student).questions
    state = ghostnp.create_model("ghostnet_050", num_classes=2, seed=None).state_dict()
    ghostnp.save_weights(weights, state)
    assert ghostnp.load_weights(weights).keys() == state.keys()
    done = run(["count", "ghostnet_050", "--plot", str(papers.with_suffix(".png"))], tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.iterdir())) == 5
