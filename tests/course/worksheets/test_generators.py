"""The same paper in a year: every version of the generator makes what it made when it was new, bit for bit.

The digests were written down once. If one moves, a version of the generator has changed that papers were printed with:
see ``ghostnp/course/worksheets/topics/__init__.py`` for what a change has to do instead. `NUMBERS` are givens, answers
and wrong answers, and with them the keys; `WORDS` are the questions, solutions and sentences on mistakes, in English;
`PAPERS` are whole papers: which questions and options, in which order.
"""

import hashlib
import json

import pytest

from ghostnp.course.worksheets import GENERATORS, LEVELS, TOPICS, Student, numbered, plan
from ghostnp.course.worksheets.problem import plain

pytestmark = pytest.mark.small
NUMBERS = {
    1: {
        "standard": "1b92de465bb54c57",
        "grouped": "de6be9af8109087e",
        "depthwise": "10d8a9ecdfebc80d",
        "size": "8491b3060df13692",
        "shuffle": "3152d7e6e42bbc8e",
        "shrink": "2c449ca40b41fe30",
        "ghost": "0d1170ecc7a77a3c",
        "dfc": "54306e4d5d8435c1",
        "se": "ed30100f1332c9ae",
        "crelu": "7b65a4a665a94fbe",
        "units": "4a335873364d0d04",
        "conventions": "b16c552bbb210447",
        "reconcile": "7a96e821928a1026",
    },
}
WORDS = {
    1: {
        "standard": "cd9509d38f6efb0b",
        "grouped": "93e6956820aa817b",
        "depthwise": "a6a8898ab4f0b67c",
        "size": "3556a7c29252411f",
        "shuffle": "70103d8d55b08389",
        "shrink": "e05348ab0d674135",
        "ghost": "2955c21ab4254faf",
        "dfc": "a16a3e359a544dbe",
        "se": "0a87b4706e5422f0",
        "crelu": "9255ef138cd6e8c2",
        "units": "675a0fd5ddee0cb7",
        "conventions": "274fac606366a45e",
        "reconcile": "dcf61632193fec4a",
    },
}
PAPERS = {
    1: {
        1: "0bdca90f403b677a",
        2: "018d65a6d16e893d",
        3: "ce154f2d0635108c",
    },
}


def digest(content):
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def of_topic(generator, topic):
    """Digests of the numbers and of the words of some problems of each template."""
    numbers, words = [], []
    for template in GENERATORS[generator]:
        if template.topic == topic:
            numbers.append([template.name, template.level, len(template.givens)])
            for given in template.givens[:: max(1, len(template.givens) // 12)]:
                problem = template.pose(**given)
                wrong = [plain(mistake.value) for mistake in problem.told_apart]
                numbers.append([given, plain(problem.answer), wrong])
                words.append([problem.text, problem.worked, [mistake.feedback for mistake in problem.told_apart]])
    return digest(numbers), digest(words)


def of_papers(generator, level):
    """Digest of a few whole papers."""
    chosen = plan(list(TOPICS), len(TOPICS) + 3, 2026, [level], generator=generator)
    papers = chosen.papers([*numbered(3), Student("17", "Ada")])
    return digest(
        [
            [question.template.name, question.given, question.answer, [option.text for option in question.options]]
            for paper in papers
            for question in paper.questions
        ]
    )


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_version_does_not_change(generator, topic):
    numbers, words = of_topic(generator, topic)
    assert numbers == NUMBERS[generator][topic]
    assert words == WORDS[generator][topic]


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("level", LEVELS)
def test_papers_do_not_change(generator, level):
    assert of_papers(generator, level) == PAPERS[generator][level]


def test_there_is_a_digest_of_every_version():
    assert NUMBERS.keys() == WORDS.keys() == PAPERS.keys() == GENERATORS.keys()


def test_the_latest_version_is_taken_unless_another_is_asked_for():
    assert plan(["grouped"], 1, 0).generator == max(GENERATORS)
    assert plan(["grouped"], 1, 0) == plan(["grouped"], 1, 0, generator=max(GENERATORS))
    for wrong in (0, 99, "1", True, None):
        with pytest.raises(ValueError, match=r"generator=.*the rule is one of 1"):
            plan(["grouped"], 1, 0, generator=wrong)


# Different numbers for everybody


@pytest.mark.parametrize("count", [1, 3, 8])
def test_no_two_in_a_class_get_the_same_numbers_where_there_are_enough(count):
    chosen = plan(["crelu", "depthwise"], count, 5, [1])
    papers = chosen.papers(numbered(8))
    for template in {slot.template for slot in chosen.slots}:
        given = [str(each.given) for paper in papers for each in paper.questions if each.template is template]
        assert len(set(given)) == len(given)
    assert chosen.repeated(8) == {}


def test_where_there_are_too_few_they_come_again_as_seldom_as_can_be_and_it_is_said():
    chosen = plan(["crelu"], 1, 0, [1])
    papers = chosen.papers(numbered(80))
    given = [str(paper.questions[0].given) for paper in papers]
    there = len(chosen.slots[0].template.givens)
    assert there == 35
    assert sorted(map(given.count, set(given))) == [2] * 25 + [3] * 10
    assert chosen.repeated(80) == {"crelu: numbers out": 35}
    assert chosen.repeated(35) == {}


def test_nobody_s_paper_depends_on_who_comes_after():
    chosen = plan(["crelu", "shuffle"], 5, 1)
    whole = chosen.papers(numbered(30))
    assert chosen.papers(numbered(12)) == whole[:12]
    assert whole[0] == chosen.paper(numbered(1)[0])
