"""What a submission may look like: right code in anybody's style, notebooks, any encoding; and what it prints."""

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ghostnp.cli import main

SHUFFLE = """
def channel_shuffle(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape)
"""
RELU = "\ndef relu(x):\n    return np.maximum(x, 0)\n"
RIGHT = {
    "a plot": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n" + SHUFFLE,
    "all of NumPy": "from numpy import *\n" + SHUFFLE,
    "a name of NumPy": "from numpy import add, multiply, clip, concat, split\n" + SHUFFLE,
    "helpers of other arguments": "import numpy as np\ndef relu(z):\n    return z > 0\n"
    "def conv2d(img, k):\n    return img * k\n" + SHUFFLE,
    "compiled": "import numba\nimport numpy as np\n@numba.njit\ndef _flat(x):\n    y = np.empty_like(x)\n"
    "    for i in range(x.size):\n        y[i] = max(x[i], x.dtype.type(0)) if x[i] == x[i] else x[i]\n    return y\n"
    "def relu(x):\n    return _flat(np.ascontiguousarray(x).ravel()).reshape(x.shape)\n",
    "a list for a tuple": "import numpy as np\ndef multiply_backward(dy, a, b):\n"
    "    db = dy * a\n    return [dy * b, db if a.shape == b.shape else db.sum(axis=(2, 3), keepdims=True)]\n",
    "a list of results": """
import numpy as np
def batch_norm_train(x, weight, bias, *, eps=1e-5):
    mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    hat = (x - mean[:, None, None]) / np.sqrt(var + x.dtype.type(eps))[:, None, None]
    return [weight[:, None, None] * hat + bias[:, None, None], mean, var]
""",
    "no empty batch": SHUFFLE.replace("    n, c", "    assert x.size\n    n, c"),
}
RIGHT["compiled and cached"] = RIGHT["compiled"].replace("@numba.njit\n", "@numba.njit(cache=True)\n")


@pytest.fixture
def check(tmp_path):
    def check(contents, *options, name="answer.py"):
        path = tmp_path / name
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        result = CliRunner().invoke(main, ["check", str(path), *map(str, options)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return check


@pytest.mark.parametrize("style", RIGHT)
def test_right_code_passes(check, style, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where Matplotlib has made no folder yet
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "home").mkdir()
    result = check(RIGHT[style], "--start-seconds", 60)
    assert (result.exit_code, result.output[0]) == (0, "✓"), result.output
    assert "✓ " not in result.output[1:]  # no other function was taken for an answer


def test_a_helper_is_said_in_one_line(check):
    result = check(RIGHT["helpers of other arguments"])
    for name in ("relu", "conv2d"):
        assert f"{name} has other arguments than the vocabulary's, is taken for a helper" in result.output


def test_the_function_after_which_a_file_is_called_is_no_helper(check):
    wrong = SHUFFLE.replace("groups)", "g)").replace("groups", "g")
    result = check("import numpy as np\n" + RELU + wrong, name="05_channel_shuffle.py")
    assert result.exit_code == 1
    assert "channel_shuffle: it is defined with other arguments" in result.output


def test_packages_on_the_path_are_found(check, tmp_path, monkeypatch):
    (tmp_path / "kits").mkdir()
    (tmp_path / "kits" / "handy.py").write_text("def larger(x):\n    return x * 0 + (abs(x) + x) / 2\n")
    monkeypatch.setenv("PYTHONPATH", "kits")
    monkeypatch.chdir(tmp_path)
    result = check("import handy\nimport numpy as np\n" + RELU)
    assert result.exit_code == 0, result.output


def notebook(*cells):
    made = [{"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)} for kind, text in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


def test_a_notebook_is_a_submission(check):
    result = check(
        notebook(
            ("markdown", "# def channel_shuffle(x, groups): this is no code"),
            ("code", "%matplotlib inline\n!pip list\nimport matplotlib.pyplot as plt\nfiles = !ls\nplt.plot?\n"),
            ("code", "%%bash\nexit 3\n"),
            ("code", "%%time\n" + SHUFFLE),
            ("code", "plt.plot([1, 2])\nplt.show()\ndisplay(3)\nif True:\n    %timeit channel_shuffle\n"),
        ),
        name="hw.ipynb",
    )
    assert (result.exit_code, result.output.split(":")[0]) == (0, "✓ channel_shuffle"), result.output


def test_a_mistake_in_a_notebook_is_found_by_its_cell(check):
    text = notebook(("code", "import numpy as np\n"), ("code", "# mine\ndef relu(x):\n    return x.nothing\n"))
    result = check(text, name="hw.ipynb")
    assert "cell 2, line 3: return x.nothing" in result.output
    result = check(notebook(("code", "x = 1\n"), ("code", "def relu(x)\n")), name="hw.ipynb")
    assert "cell 2, line 1: def relu(x)" in result.output
    result = check("no notebook", name="hw.ipynb")
    assert (result.exit_code, "it is no notebook of Jupyter's format 4" in result.output) == (2, True)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1", "gbk"])
def test_files_of_any_encoding_are_read(check, encoding):
    cookie = f"# coding: {encoding}\n" if encoding in ("latin-1", "gbk") else ""
    comment = "# größer\n" if encoding == "latin-1" else "# 名单\n"
    result = check((f"{cookie}{comment}import numpy as np\n" + RELU).encode(encoding))
    assert (result.exit_code, result.output[0]) == (0, "✓"), result.output


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_a_terminal_obeys_and_what_no_encoding_has_is_escaped(check, options, tmp_path):
    junit = tmp_path / "junit.xml"
    answer = "print('\\x1b[2J\\ud800')\ndef relu(x):\n    raise ValueError('\\x1b[31m \\ud800 \\ufffe \\x9b1m')\n"
    result = check(answer, *options, "--junit", junit)
    assert result.exit_code == 1
    said = json.loads(result.output)["functions"][0]["says"] if options else result.output
    assert r"\x1b[31m \ud800 \ufffe \x9b1m" in said
    assert not set("\x1b\ud800\x9b") & set(result.output)
    (suite,) = ElementTree.parse(junit).getroot()
    assert r"\x1b[31m" in suite.find("testcase/failure").get("message")


def test_a_masked_array_is_no_plain_one(check):
    result = check("import numpy as np\ndef relu(x):\n    return np.ma.masked_less(np.maximum(x, 0), 1)\n")
    assert "y is of type MaskedArray, and the rule is a plain array of NumPy" in result.output


@pytest.mark.parametrize("how", ["environment", "option"])
def test_optimised_python_weakens_nothing(tmp_path, how):
    """Laws are what finds this one, and they raise."""
    path = tmp_path / "answer.py"
    path.write_text(
        "import numpy as np\ndef relu(x):\n    y = np.maximum(x, 0)\n"
        "    if x.flags.writeable:\n        x[...] = 0\n    return y\n"
    )
    words = [sys.executable, *["-O"] * (how == "option"), "-m", "ghostnp", "check", str(path)]
    environment = os.environ | ({"PYTHONOPTIMIZE": "1"} if how == "environment" else {})
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "x was written into" in done.stdout) == (1, True), done.stdout + done.stderr
