"""Files: all or nothing, with the permissions that they had, and nothing but a file is opened."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ghostnp
from ghostnp import files

pytestmark = pytest.mark.small
# The kinds of path that once broke something: with spaces, in Chinese, and as long as a name may be.
NAMES = ["a name with spaces", "幽灵卷积网络", "x" * 250, "-", "'\"$(x)`"]


def assert_alone(path):
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_under_any_name(tmp_path, name):
    path = tmp_path / name
    files.replace(path, b"old")
    files.replace(str(path), b"new")
    assert files.read(path) == files.read(str(path)) == b"new"
    assert_alone(path)


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o666, 0o755, 0o640])
def test_permissions_stay(tmp_path, mode):
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    files.replace(path, b"new")
    assert path.stat().st_mode & 0o777 == mode


def test_a_private_file_is_private_while_it_is_written(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.touch()
    path.chmod(0o600)
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(part.stat().st_mode & 0o777 for part in tmp_path.iterdir()))
    files.replace(path, b"new")
    assert seen == [0o600, 0o600]


def test_a_new_file_is_readable_by_whom_new_files_are(tmp_path):
    (tmp_path / "plain").touch()
    files.replace(tmp_path / "file", b"new")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_links_stay_links(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "second").symlink_to("below/file")
    (tmp_path / "first").symlink_to("second")
    for contents in (b"new", b"newer"):  # at first the link leads to a file that is not there yet
        files.replace(tmp_path / "first", contents)
        assert (tmp_path / "first").is_symlink()
        assert (tmp_path / "second").is_symlink()
        assert (tmp_path / "below" / "file").read_bytes() == contents


def read_only(folder):
    (folder / "file").write_bytes(b"old")
    (folder / "file").chmod(0o444)
    return folder / "file", PermissionError, "read-only"


def a_folder(folder):
    (folder / "file").mkdir()
    return folder / "file", IsADirectoryError, "a folder"


def a_pipe(folder):
    os.mkfifo(folder / "file")
    return folder / "file", OSError, "a pipe or a device"


def a_device(_):
    return Path("/dev/full"), OSError, "a pipe or a device"


def a_loop(folder):
    (folder / "file").symlink_to("other")
    (folder / "other").symlink_to("file")
    return folder / "file", OSError, "leads back to itself"


def below_nothing(folder):
    return folder / "nowhere" / "file", FileNotFoundError, "no such folder"


def below_a_file(folder):
    (folder / "file").touch()
    return folder / "file" / "file", OSError, "no such folder"


def too_long(folder):
    return folder / ("x" * 300), OSError, "too long"


def a_nul(folder):
    return f"{folder}/a\0b", FileNotFoundError, "can be called that"


@pytest.mark.parametrize(
    "make", [read_only, a_folder, a_pipe, a_device, a_loop, below_nothing, below_a_file, too_long, a_nul]
)
def test_what_cannot_be_written_stays_as_it_is(tmp_path, make):
    path, error, word = make(tmp_path)
    before = sorted(tmp_path.iterdir()), [each.lstat().st_mode for each in sorted(tmp_path.iterdir())]
    with pytest.raises(error, match=word) as refused:
        files.replace(path, b"new")
    assert refused.value.filename
    assert refused.value.errno
    assert before == (sorted(tmp_path.iterdir()), [each.lstat().st_mode for each in sorted(tmp_path.iterdir())])


@pytest.mark.parametrize("make", [a_folder, a_pipe, a_device, a_loop, below_nothing, below_a_file, too_long, a_nul])
def test_what_is_no_file_is_not_waited_for(tmp_path, make):
    path, _, _ = make(tmp_path)
    came = []

    def read():
        try:
            files.read(path)
        except OSError as error:
            came.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(10)
    assert len(came) == 1
    assert came[0].filename == str(path)


@pytest.mark.parametrize("path", [True, 0, 1.5, None, b"file", ["file"], object()])
def test_a_path_is_a_str_or_a_path(path):
    """A number would be a file that is open already: True is what this process prints to."""
    for call in (files.open_file, files.read, files.target, lambda path: files.replace(path, b"new")):
        with pytest.raises(TypeError, match=r"^path is of type .*: the rule is a str or a Path, such as"):
            call(path)


@pytest.mark.parametrize("contents", [0, True, "text", None, bytearray(b"12"), [1]])
def test_contents_are_bytes(tmp_path, contents):
    with pytest.raises(TypeError, match=r"^contents is of type .*: the rule is bytes"):
        files.replace(tmp_path / "file", contents)
    with pytest.raises(TypeError, match=r"^files\['.*second'\] is of type .*: the rule is bytes"):
        files.replace_all({tmp_path / "first": b"new", tmp_path / "second": contents})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "rule"), [({1: b""}, "a path in files is of type int"), ([], "files is of type list: the rule is a dict")]
)
def test_files_are_a_dict_of_paths(wrong, rule):
    with pytest.raises(TypeError, match=rule):
        files.replace_all(wrong)


def test_all_files_or_none(tmp_path):
    (tmp_path / "first").write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        files.replace_all({tmp_path / "first": b"new", tmp_path / "nowhere" / "second": b"new"})
    assert (tmp_path / "first").read_bytes() == b"old"
    assert_alone(tmp_path / "first")


# No file may have more than a million bytes: what comes after that does not get onto the "disk".
FULL = """
import resource, signal, sys
from ghostnp import files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))
try:
    files.replace(sys.argv[1], bytes(2 * 10**6))
except OSError as error:
    print(error.errno, error.filename)
"""


def test_a_full_disk_leaves_the_old_file_alone_and_names_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-P", "-c", FULL, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{errno.EFBIG} {path}\n"
    assert path.read_bytes() == b"old"
    assert_alone(path)
