"""Papers in other languages: every message is translated, nothing is left in English, and the numbers are the same."""

import re
import string
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.cli.terminal import taken
from ghostnp.course.worksheets import (
    FORMATS,
    LANGUAGES,
    LEVELS,
    MISCONCEPTIONS,
    PRINTED,
    TEMPLATES,
    TOPICS,
    Heading,
    Misconception,
    Student,
    grade,
    numbered,
    plan,
    speaking,
    to_key,
)
from ghostnp.course.worksheets.language import FOLDER, SOURCE, _, if_known
from ghostnp.course.worksheets.problem import plain
from tests.course.worksheets.catalogues import compiled, messages, untranslated, updated

pytestmark = pytest.mark.small
OTHERS = [language for language in LANGUAGES if language != SOURCE]

# What is written with these letters in every language: names of networks, tools, operators and units, and letters of
# formulas.
NAMES = re.compile(
    r"C_in|C_out|H_out|W_out|MACs?|FLOPs?|C?ReLU6?|DFC|Ghost(Net(V2)?)?|ResNe[Xx]?t|ShuffleNet|MobileNet|Keras|flops|"
    r"fvcore|ptflops|thop|softmax|ghostnet_\d+|shufflenetv\d_[\w.]+|mobilenetv\d_\d+|resnet50|--seed"
)
ENGLISH = re.compile(r"[A-Za-z]{2,}")


def left_in_english(text):
    return ENGLISH.findall(NAMES.sub("", text))


def figures(text):
    """All numbers, sorted, since another language may name them in another order."""
    digits = re.sub(r"[,.](?!\d)", "", text.replace("with one filter for", "with 1 filter for"))
    return sorted(re.findall(r"\d[\d,.]*", digits))


# The catalogues


def test_there_is_chinese():
    assert OTHERS == ["zh"]


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_is_that_of_todays_messages_and_is_compiled(language):
    """If not: ``python -m tests.course.worksheets.catalogues``."""
    text = (FOLDER / f"{language}.po").read_bytes()
    assert updated(language, text) == text
    assert compiled(language, text) == (FOLDER / f"{language}.mo").read_bytes()


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_with_the_same_places_and_numbers(language):
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    translated = {message.id: message for message in catalogue if message.id}
    assert translated.keys() == messages().keys()
    for identity, message in translated.items():
        assert not message.fuzzy
        english = identity if isinstance(identity, str) else identity[-1]
        for text in [message.string] if isinstance(message.string, str) else message.string:
            assert text.strip(), identity
            assert places(text) == places(english), identity
            assert figures(text) == figures(english), identity
            assert not left_in_english(re.sub(r"\{[^}]*\}", "", text)), identity


def places(text):
    return sorted((name, form, kind) for _text, name, form, kind in string.Formatter().parse(text) if name is not None)


def test_a_third_language_is_a_file():
    begun = updated("pt", b"")
    assert untranslated("pt", begun) == len(messages())
    assert untranslated("zh", (FOLDER / "zh.po").read_bytes()) == 0
    # What was translated stays, and the rest is still asked for.
    some = begun.replace(b'msgid "Right."\nmsgstr ""', b'msgid "Right."\nmsgstr "Certo."')
    assert updated("pt", some) == some
    assert untranslated("pt", some) == len(messages()) - 1


# Some terms have one translation, which is the glossary's.
TERMS = {
    "depthwise": "逐通道",
    "pointwise": "逐点卷积",
    "separable convolution": "深度可分离卷积",
    "batch norm": "批归一化",
    "multiply-add": "乘加",
    "intrinsic maps": "本征特征图",
    "ghosts": "幻影特征图",
    "global average pool": "全局平均池化",
    "squeeze-and-excitation": "压缩与激励",
    "dilation": "空洞率",
    "padding": "填充",
    "stride": "步长",
}


@pytest.mark.parametrize("term", TERMS)
def test_terms_are_those_of_the_glossary(term):
    chinese = TERMS[term]
    assert chinese in (Path(__file__).parents[3] / "tutorials" / "GLOSSARY.md").read_text(encoding="utf-8")
    with speaking("zh"):
        said = [
            (message, _(message))
            for message in messages()
            if isinstance(message, str) and re.search(rf"\b{term}\b", message) and message not in TOPICS
        ]
    assert said
    assert [message for message, text in said if chinese not in text] == []


def test_a_message_without_a_translation_is_an_error_and_never_english():
    with speaking("zh"):
        with pytest.raises(LookupError, match="'nobody translated this'"):
            _("nobody translated this")
        assert if_known("a teacher's own") == "a teacher's own"
    assert _("nobody translated this") == "nobody translated this"


@pytest.mark.parametrize("wrong", ["fr", "", None, 7, ["zh"], "ZH", "../zh"])
def test_languages_that_are_not_there(wrong):
    with pytest.raises(ValueError, match=r"language=.*the rule is one of en, zh"):
        plan(["crelu"], 1, 0, language=wrong)
    with pytest.raises(ValueError, match=r"language=.*the rule is one of en, zh"), speaking(wrong):
        pass


# The problems


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_every_template_says_the_same_in_both(template, language):
    for given in template.givens[:: max(1, len(template.givens) // 60)]:
        english = template.pose(**given)
        in_english = [english.text, english.worked, *(each.feedback for each in english.told_apart)]
        with speaking(language):
            other = template.pose(**given)
            texts = [other.text, other.worked, *(each.feedback for each in other.told_apart)]
        assert plain(other.answer) == plain(english.answer)
        assert [plain(each.value) for each in other.told_apart] == [plain(each.value) for each in english.told_apart]
        for text, source in zip(texts, in_english, strict=True):
            assert not left_in_english(text), text
            assert figures(text) == figures(source), text


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("level", LEVELS)
def test_papers_have_the_same_numbers_options_and_keys(language, level):
    for seed in range(4):
        mine, theirs = (
            plan(list(TOPICS), 13, seed, [level], language=each).papers([*numbered(3), Student("17", "Ada")])
            for each in (SOURCE, language)
        )
        for paper, other in zip(mine, theirs, strict=True):
            assert paper.student == other.student
            for question, same in zip(paper.questions, other.questions, strict=True):
                assert (question.given, question.kind, question.right) == (same.given, same.kind, same.right)
                assert [option.text for option in question.options] == [option.text for option in same.options]
                assert question.problem.answer == same.problem.answer


# The papers

STRUCTURE = {
    # What the formats call their own parts, and no student reads.
    "markdown": r"",
    "html": r"(?s)<style>.*?</style>|<[^>]*>",
    "latex": r"(?s)\\end\{document\}|^.*?\\begin\{document\}|\\[A-Za-z]+|\d+mm|minipage|myheadings|page\}",
    "moodle": r"<\?.*?\?>|<[^>]*>|\$course\$/top|ghostnp-g\d+-s\d+-q\d+-variant \d+|ABCD|true|false",
    "gift": r"\$CATEGORY: \$course\$/top|\[id:[^\]]*\]|\[tag:|\[plain\]",
    "csv": r"\A.*\n|variant \d+|choice|number",
}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("style", STRUCTURE)
def test_nothing_on_a_paper_is_left_in_english(language, style):
    chosen = plan(list(TOPICS), 39, 5, language=language)
    heading = Heading(points=(1, 2, 3), answer_sheet=style in PRINTED)
    text = FORMATS[style](chosen, chosen.papers(numbered(2)), heading)
    text = re.sub(r"\\(?:letter|hanzi)\{[0-9A-F]+\}\{(.)\}", r"\1", text)
    read = re.sub(STRUCTURE[style], " ", text).replace("\\_", "_")
    assert sorted(set(left_in_english(read))) == []


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_in_a_key_is_left_in_english(language):
    chosen = plan(list(TOPICS), 39, 5, language=language)
    text = to_key(chosen, chosen.papers(numbered(2)), Heading(points=(1, 2, 3)))
    assert sorted(set(left_in_english(text.replace("\\_", "_")))) == []


def test_papers_are_written_in_the_language_of_their_plan_wherever_that_is_done():
    chosen = plan(["ghost"], 2, 5, language="zh")
    paper = chosen.paper(Student("17", "Ada"))
    text = FORMATS["markdown"](chosen, paper)
    with speaking("en"):
        assert FORMATS["markdown"](chosen, paper) == text
    assert "参数量与运算量的计算" in text
    assert "Ada (17)" in text
    assert plan(["ghost"], 2, 5).paper(Student("17", "Ada")).questions[0].problem.text.startswith("A ghost module")


def test_latex_in_chinese_says_what_compiles_it():
    english, chinese = (plan(["ghost"], 1, 5, language=language) for language in ("en", "zh"))
    text = FORMATS["latex"](chinese, chinese.papers(numbered(1)))
    assert "\\ifchinese\\else\\errmessage{Chinese letters need ctex, with xelatex or lualatex" in text
    assert "\\errmessage" not in FORMATS["latex"](english, english.papers(numbered(1)))


def test_a_teachers_own_words_stay_as_they_are():
    own = Misconception("漏了第二个分支", "两个分支都要计入。")
    template = TEMPLATES[0]
    with speaking("zh"):
        problem = template.pose(**template.givens[0])
        mistake = problem.told_apart[0]._replace(misconceptions=(own,))
        assert mistake.feedback.startswith("漏了第二个分支：两个分支都要计入。这样得到 ")
    chosen = plan(["ghost"], 2, 5, language="zh")
    assert "# 期中测验" in FORMATS["markdown"](chosen, chosen.papers(numbered(1)), Heading("期中测验"))


# The commands


def run(*words, **keywords):
    return CliRunner().invoke(main, [str(word) for word in words], **keywords)


@pytest.mark.parametrize("style", FORMATS)
def test_the_command(style, tmp_path):
    words = ["worksheet", "--language", "zh", "--count", 5, "--variants", 2, "--format", style]
    result = run(*words, "--output", tmp_path / "papers", "--key", tmp_path / "key.md")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "key.md").read_text(encoding="utf-8").startswith("# 答案：参数量与运算量的计算\n")


@pytest.mark.parametrize("command", ["worksheet", "quiz"])
def test_the_command_names_the_languages(command):
    result = run(command, "--language", "fr")
    assert result.exit_code == 2
    assert "'fr' is not one of 'en', 'zh'." in result.stderr
    assert "[en|zh]" in run(command, "--help").stdout


def test_the_quiz():
    paper = plan(list(TOPICS), 12, 3, language="zh").paper(Student("quiz", "quiz"))
    replies = []
    for question in paper.questions[:11]:
        replies.append("xx")
        wrong = question.problem.told_apart[0]
        letters = [option.letter for option in question.options if option.mistake]
        replies.append(letters[0] if letters else str(plain(wrong.value)))
        assert not grade(question, replies[-1]).right
    replies.append(paper.questions[11].right or str(plain(paper.questions[11].problem.answer)))
    result = run("quiz", "--language", "zh", "--count", 12, "--seed", 3, input="\n".join(replies) + "\n")
    assert result.exit_code == 0
    assert "\n答了 12 题，答对 1 题。\n" in result.stdout
    assert left_in_english(result.stdout.replace("xx", "")) == []


@pytest.mark.parametrize("columns", [32, 40, 80])
def test_the_quiz_keeps_to_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("quiz", "--language", "zh", "--count", 30, "--seed", 3, input="\n" * 30).stdout.split("\n")
    assert max(map(taken, lines)) in range(columns - 4, columns + 1)
    # No line begins with a mark that ends a part of a sentence, and no word is broken that would have had room.
    assert not [line for line in lines if line[:1] in set("，。：；？、）")]
    wide = run("quiz", "--language", "zh", "--count", 30, "--seed", 3, input="\n" * 30, env={"COLUMNS": "100"}).stdout
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", wide)


def test_misconceptions_have_names_of_their_own():
    """So that statistics in Chinese tell them apart."""
    with speaking("zh"):
        names = [_(name) for name in MISCONCEPTIONS]
    assert len(set(names)) == len(names)
