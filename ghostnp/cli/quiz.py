"""The command `ghostnp quiz`: questions in the terminal, graded and explained."""

import secrets
import sys
from collections import Counter

import click

from ghostnp.cli.terminal import say_words
from ghostnp.cli.worksheet import OWN_TOPICS, SEVERAL, Language, planned


@click.command("quiz")
@click.option("--topic", type=SEVERAL, metavar="TOPIC,...", help="Topics of the questions.  [default: all]")
@click.option("--count", type=click.IntRange(1), default=5, show_default=True, help="Number of questions.")
@click.option("--seed", type=click.IntRange(0), help="The same seed gives the same quiz.  [default: a new quiz]")
@click.option(
    "--level",
    type=SEVERAL,
    metavar="LEVEL,...",
    default="1,2,3",
    show_default=True,
    help="Levels of the questions, from 1 (easy) to 3 (hard).",
)
@OWN_TOPICS
@click.option("--language", type=Language(), default="en", show_default=True, help="Language of the questions.")
def quiz(topic, count, seed, level, own, language):
    """Practise counting with questions in the terminal.

    Answer each question with the letter of an option or with a number. An empty line skips the question, and q ends the
    quiz. After a wrong answer, the quiz explains the mistake. `ghostnp worksheet --list` lists the topics.
    """
    from ghostnp.course.worksheets import Student, speaking

    seed = secrets.randbelow(100_000) if seed is None else seed
    try:
        paper = planned(topic, count, seed, level, own=own, language=language).paper(Student("quiz", "quiz"))
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    with speaking(language):
        _hold(paper, seed)


def _hold(paper, seed):
    """Ask, grade and explain, until there are no more questions or replies."""
    from ghostnp.course.worksheets.language import _, ngettext
    from ghostnp.course.worksheets.misconceptions import name_of

    count = len(paper.questions)
    say_words(
        ngettext(
            "{count} question; to get the same ones again, add --seed {seed}",
            "{count} questions; to get the same ones again, add --seed {seed}",
            count,
            count=count,
            seed=seed,
        )
    )
    right, asked = 0, 0
    stumbled: Counter[str] = Counter()
    for question in paper.questions:
        _ask(question, count)
        grade = _reply(question)
        if grade is None:
            break
        asked += 1
        right += grade.right
        if grade.mistake is not None:
            stumbled.update(grade.mistake.misconceptions)
        _explain(question, grade)
    result = _("{right} of {asked} right.", right=right, asked=asked) if asked else _("Nothing was answered.")
    click.echo(f"\n{result}")
    if stumbled:
        say_words(_("Look at these again: {mistakes}", mistakes=_(", ").join(map(name_of, stumbled))))


def _ask(question, count):
    from ghostnp.course.worksheets.language import _, if_known

    topic = if_known(question.template.topic)
    click.echo(f"\n{question.number}/{count} " + _("{topic}, {level}", topic=topic, level=question.level))
    say_words(question.problem.text)
    for option in question.options:
        say_words(f"  {option.letter}  {option.text}")


def _reply(question):
    """The `Grade` of the first reply that can be read; None when there are no more replies."""
    from ghostnp.course.worksheets import Grade, grade

    while True:
        click.echo("> ", nl=False)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            click.echo(line.rstrip("\n"))  # piped in, it was not echoed by a terminal
        if not line or line.strip().lower() == "q":
            return None
        if not line.strip():
            return Grade(False)
        try:
            return grade(question, line)
        except ValueError as error:
            say_words(str(error))


def _explain(question, grade):
    from ghostnp.course.worksheets.language import _

    if grade.right:
        click.secho(_("Right."), fg="green")
    else:
        click.secho(_("The answer is {answer}", answer=question.answer), fg="red")
        if grade.mistake is not None:
            say_words(grade.mistake.feedback)
    say_words(question.problem.worked)
