"""The command `ghostnp quiz`: questions in the terminal, graded and explained."""

import secrets
import sys
from collections import Counter
from pathlib import Path

import click

from ghostnp.cli.terminal import say_words
from ghostnp.cli.worksheet import SEVERAL, planned


@click.command("quiz")
@click.option("--topic", type=SEVERAL, metavar="TOPIC,...", help="What to ask about; by default everything.")
@click.option("--count", type=click.IntRange(1), default=5, show_default=True, help="Questions.")
@click.option("--seed", type=click.IntRange(0), help="The same seed, the same quiz; by default a new one.")
@click.option(
    "--level", type=SEVERAL, metavar="LEVEL,...", default="1,2,3", show_default=True, help="1 easy to 3 hard."
)
@click.option(
    "--topics",
    "own",
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Your own topics, a Python file that is run; without --topic, only these are asked.",
)
def quiz(topic, count, seed, level, own):
    """Be asked to count, and learn from what goes wrong.

    Reply with a letter or a number; an empty line passes a question over, and q ends the quiz. Topics are listed by
    ghostnp worksheet --list.
    """
    from ghostnp.course.worksheets import Student

    seed = secrets.randbelow(100_000) if seed is None else seed
    try:
        paper = planned(topic, count, seed, level, own=own).paper(Student("quiz", "quiz"))
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    say_words(f"{count} question{'s' * (count > 1)}; to get the same ones again, add --seed {seed}")
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
    click.echo(f"\n{right} of {asked} right." if asked else "\nNothing was answered.")
    if stumbled:
        say_words("Look at these again: " + ", ".join(stumbled))


def _ask(question, count):
    click.echo(f"\n{question.number}/{count} {question.template.topic}, {question.level}")
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
    if grade.right:
        click.secho("Right.", fg="green")
    else:
        click.secho(f"The answer is {question.answer}", fg="red")
        if grade.mistake is not None:
            say_words(grade.mistake.feedback)
    say_words(question.problem.worked)
