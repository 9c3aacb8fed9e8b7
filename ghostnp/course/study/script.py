"""A tutorial that is run as a plain script: its text is printed where it stands, and its pictures are written down.

A notebook shows both by itself. A script's text are comments, which Python does not see; so the script's lines are
followed as they run, and each piece of text is printed before the line that comes after it.
"""

import re
import sys
from pathlib import Path
from types import FrameType

_TEXT = "# %% [markdown]"


def texts(script):
    """The text cells of a script in percent format.

    Parameters
    ----------
    script : str
        The script's source.

    Returns
    -------
    list of (int, str)
        For each cell the number of its last line, from 1, and what it says.
    """
    found, lines = [], script.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if lines[start].startswith(_TEXT):
            said = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[start + 1 : end])
            said = re.sub(r"<summary>(?:<b>)?(.*?)(?:</b>)?</summary>", r"\1", said)
            found.append((end, re.sub(r"</?details>", "", said).strip()))
    return found


def running_script():
    """The tutorial that runs as the main program, outside a notebook; None if there is none.

    Returns
    -------
    pathlib.Path or None
    """
    path = getattr(sys.modules["__main__"], "__file__", None)
    if path is None or not path.endswith(".py"):
        return None
    script = Path(path)
    try:
        return script if f"\n{_TEXT}\n" in script.read_text(encoding="utf-8") else None
    except (OSError, UnicodeDecodeError):  # a program that is no file any more, or none of ours
        return None


def picture_file(script, number):
    """Where a script's picture is written: in a folder beside it.

    Parameters
    ----------
    script : pathlib.Path
        The script.
    number : int
        Of the picture, from 1.

    Returns
    -------
    pathlib.Path
        Such as ``tutorials/pictures/01_convolution-1.png``; the folder exists.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    folder = script.parent / "pictures"
    folder.mkdir(exist_ok=True)
    return folder / f"{script.stem}-{number}.png"


def narrate():
    """Print the text of the tutorial that runs as a script, piece by piece; do nothing anywhere else."""
    script = running_script()
    if script is None or sys.gettrace() is not None:  # a debugger follows the lines already
        return
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals is not vars(sys.modules["__main__"]):
        frame = frame.f_back
    if frame is None:
        return
    left = texts(script.read_text(encoding="utf-8"))
    failed = False

    def say_before(line):
        while left and left[0][0] < line:
            print(f"\n{left.pop(0)[1]}\n", flush=True)

    def follow(frame, event, argument):
        nonlocal failed
        if event == "return" and not failed:
            say_before(sys.maxsize)
        failed = event == "exception"
        if event == "line":
            say_before(frame.f_lineno)
        return follow

    say_before(frame.f_lineno)
    frame.f_trace = follow
    sys.settrace(lambda *call: None)  # without one for all functions, Python asks none of them
