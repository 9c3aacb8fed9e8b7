"""GIFT, read back by a reader of its own, written from Moodle's documentation and importer (question/format/gift)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import FORMATS, TOPICS, Heading, Student, plan
from ghostnp.course.worksheets.problem import TOLERANCE, Ratio, plain

pytestmark = pytest.mark.small
NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
ESCAPES = {f"\\{sign}": f"\0{ord(sign)};" for sign in ":#={}~"} | {"\\n": "\0010;"}


def hidden(text):
    """Escaped signs as placeholders, which are no signs: as the importer does it first of all."""
    text = text.replace("\\\\", "\0092;")
    for escaped, placeholder in ESCAPES.items():
        text = text.replace(escaped, placeholder)
    return text.replace("\0092;", "\\")


def shown(text):
    return re.sub("\0(\\d+);", lambda found: chr(int(found[1])), text).strip()


def read(text):
    """Every block of a file as a dict: a category, or a question."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    return [_block(block.split("\n")) for block in blocks]


def _block(lines):
    comments = " ".join(line for line in lines if line.startswith("//"))
    text = hidden("\n".join(line for line in lines if not line.startswith("//")).strip())
    if text.startswith("$CATEGORY:"):
        # The importer puts no placeholder back here: none may be in it.
        assert "\0" not in text
        return {"category": text[len("$CATEGORY:") :].strip()}
    assert text.startswith("::")
    name, text = text[2:].split("::", 1)
    assert text.count("{") == text.count("}") == 1
    assert text.endswith("}")
    asked, answers = text[:-1].split("{")
    assert asked.startswith("[plain]")
    answers, general = answers.rsplit("####", 1)
    return {
        "name": shown(name),
        "text": shown(asked[len("[plain]") :]),
        "general": shown(general),
        "id": re.search(r"\[id:((?:\\\]|[^\]])+)\]", comments)[1].replace("\\]", "]"),
        "tags": [tag.replace("\\]", "]") for tag in re.findall(r"\[tag:((?:\\\]|[^\]])+)\]", comments)],
        "answers": _answers(answers.strip()),
    }


def _answers(text):
    if not text.startswith("#"):
        assert text.count("=") == 1
        return [
            (shown(answer), 100 if sign == "=" else 0, None, shown(feedback))
            for sign, answer, feedback in re.findall(r"([=~])([^=~#]*)#([^=~#]*)", text)
        ]
    found = []
    for answer in text[1:].split("=")[1:]:
        weight, value, tolerance, feedback = re.fullmatch(
            r"%(\d{1,2}\.?\d*)%(-?\d+(?:\.\d+)?):(\d+(?:\.\d+)?)#([^#]*)", answer.strip(), re.DOTALL
        ).groups()
        found.append((value, float(weight), float(tolerance), shown(feedback)))
    return found


def check(question, entry, paper, slot):
    assert entry["name"] == f"{slot.number:02d} {paper.student.label}"
    assert entry["text"] == question.problem.text
    assert entry["general"] == question.problem.worked
    assert entry["tags"] == [slot.template.topic, question.level, slot.template.name, "generator 1"]
    if question.options:
        told = [(o.text, o.mistake) for o in question.options]
        within = None
    else:
        told = [(question.problem.answer, None), *((each.value, each) for each in question.problem.told_apart)]
        told = [(str(plain(value)), mistake) for value, mistake in told]
        within = float(TOLERANCE) if isinstance(question.problem.answer, Ratio) else 0
    assert entry["answers"] == [
        (text, 0 if mistake else 100, within, mistake.feedback if mistake else "Right.") for text, mistake in told
    ]


@given(st.integers(0, 1000), st.lists(NAMES, min_size=1, max_size=2, unique=True))
def test_what_is_read_back_is_what_was_asked(seed, names):
    chosen = plan(list(TOPICS), 4, seed)
    papers = chosen.papers([Student(name, f"{name} {{x}}") for name in names])
    found = iter(read(FORMATS["gift"](chosen, papers)))
    ids = set()
    for place, slot in enumerate(chosen.slots):
        assert next(found)["category"].split("/")[:2] == ["$course$", "top"]
        for paper in papers:
            entry = next(found)
            check(paper.questions[place], entry, paper, slot)
            ids.add(entry["id"])
    assert next(found, None) is None
    assert len(ids) == 4 * len(names)


def test_a_title_may_hold_any_sign():
    chosen = plan(["grouped"], 1, 0)
    text = FORMATS["gift"](chosen, chosen.papers([Student("1", "1")]), Heading(r"Week 3/4: {a} = ~#\n \: b"))
    assert read(text)[0]["category"].startswith(
        f"$course$/top/Week 3//4: {{a}} = ~#n : b · paper {chosen.number} · seed 0"
    )
