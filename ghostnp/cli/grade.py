"""The command `ghostnp grade`: a class's answers, graded by the key, and what the class misunderstands."""

import json
from pathlib import Path

import click

from ghostnp.cli.worksheet import write_all
from ghostnp.cli.written import FileOf

_FILE = click.Path(path_type=Path)


@click.command("grade")
@click.argument("key", type=_FILE)
@click.argument("answers", type=_FILE)
@click.option(
    "--output",
    type=FileOf(".csv", ".txt"),
    metavar="FILE",
    help="Write the points here, as CSV with a row for each student.",
)
@click.option("--plot", type=_FILE, metavar="FILE", help="Draw the most frequent mistakes of the class here.")
@click.option("--json", "json_file", type=FileOf(".json"), metavar="FILE", help="Write the whole report here.")
@click.option("--force", is_flag=True, help="Replace existing files even if they have other contents.")
def grade_command(key, answers, output, plot, json_file, force):
    """Grade the ANSWERS of a class by the KEY of its papers.

    KEY is the file that `ghostnp worksheet --key key.json` wrote together with the papers. ANSWERS is a CSV file with a
    line for each student. The line has the student's id, name or both, and a reply to each question. A reply is a
    letter or a number. If there is a column "paper", with the number that is printed on the papers, this number is
    compared with the key.

    The report lists the points. For each question it also shows how many replies were right, the difficulty (the share
    of replies that were not right), the discrimination, and how often each known mistake was made. The discrimination
    says how strongly right replies to this question go together with points for the other questions.

    Lines that cannot be graded, replies that cannot be read and students without answers are listed. If a line cannot
    be graded, all other lines are graded, and the exit code is 1.
    """
    from ghostnp.course.worksheets import grade_answers, read_key

    try:
        found = grade_answers(answers, read_key(key))
        files = {}
        if output is not None:
            # Without the mark at the beginning, Excel takes the text for one in the machine's old encoding.
            files[output] = _points(found).encode("utf-8-sig")
        if json_file is not None:
            files[json_file] = _json(found).encode()
        chosen = [file.resolve() for file in (output, plot, json_file) if file is not None]
        if len(set(chosen)) < len(chosen):
            raise ValueError("--output, --plot and --json: the rule is a file for each, such as points.csv")
        if plot is not None:
            files[plot] = _picture(found, plot)
        write_all(files, force=force)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    _say(found)
    if found.like_guesses:
        right, replies = found.like_guesses
        said = ", ".join(f"{name} {found.key.made_by[name]}" for name in ("paper", "seed") if name in found.key.made_by)
        click.echo(
            f"only {right} of {replies} replies are right, no more than by guessing: was another paper answered? "
            f"The key is of {said}, which is printed on its papers",
            err=True,
        )
    for name, file in (("points", output), ("picture", plot), ("everything", json_file)):
        if file is not None:
            click.echo(f"{name}: {file}", err=True)
    if found.ungraded:
        lines = [f"line {each.line}: {each.text!r}: {each.why}" for each in found.ungraded]
        raise click.ClickException("\n  ".join([f"{len(lines)} could not be graded", *lines]))


def _number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _exactly(points):
    """Points as they were given, so that those of the questions add up to those of the paper."""
    return f"{points:.9f}".rstrip("0").rstrip(".")


def _points(found):
    import csv
    import io

    from ghostnp.files import no_formula

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "name", "status", "points", "of", *(q.number for q in found.key.questions), "notes"])
    for paper in found.papers:
        right = [question.points if reply.outcome == "right" else 0.0
                 for question, reply in zip(found.key.questions, paper.replies, strict=True)]  # fmt: skip
        pairs = list(zip(found.key.questions, paper.replies, strict=True))
        notes = [f"{question.number}: {reply.reason}" for question, reply in pairs if reply.reason]
        unread = [f"{question.number}: {reply.text!r} is no reply" for question, reply in pairs
                  if reply.outcome == "unreadable"]  # fmt: skip
        cells = ["?" if reply.outcome == "unreadable" else _exactly(points)
                 for reply, points in zip(paper.replies, right, strict=True)]  # fmt: skip
        # What cannot be read is neither right nor wrong: a person decides.
        points = "" if unread else _exactly(paper.points)
        status = "to be read" if unread else "graded"
        student = [no_formula(part) for part in paper.student]
        writer.writerow([*student, status, points, _exactly(found.best), *cells, "; ".join(unread + notes)])
    for student in found.absent:
        writer.writerow([*map(no_formula, student), "no answers", "0", _exactly(found.best)])
    waiting = {each.student for each in found.ungraded} - {paper.student for paper in found.papers} - {None}
    for each in found.ungraded:
        # Nobody has two rows of whom one line was graded.
        known = each.student if each.student in waiting else ("", "")
        writer.writerow([*map(no_formula, known), "not graded", "", "", *[""] * len(found.key.questions),
                         f"line {each.line}: {each.text}: {each.why}"])  # fmt: skip
    return text.getvalue()


def _json(found):
    return json.dumps(
        {
            "made by": found.key.made_by,
            "papers": [
                {"id": paper.student.id, "name": paper.student.name, "points": paper.points, "replies": [
                    {"reply": reply.text, "outcome": reply.outcome, "mistake": reply.reason} for reply in paper.replies
                ]}
                for paper in found.papers
            ],
            "questions": [
                {"number": each.number, "name": each.name, "difficulty": each.difficulty, "discrimination":
                 each.discrimination, "outcomes": dict(each.outcomes), "mistakes": dict(each.mistakes.most_common())}
                for each in found.statistics()
            ],
            "misunderstood": [
                {"mistake": name, "students": students, "questions": numbers}
                for name, (students, numbers) in found.misunderstood().items()
            ],
            "not graded": [each._asdict() for each in found.ungraded],
            "no answers": [student._asdict() for student in found.absent],
        },
        ensure_ascii=False, indent=2,
    ) + "\n"  # fmt: skip


def _picture(found, plot):
    """The bytes of the picture."""
    from io import BytesIO

    from ghostnp.pictures import class_mistakes
    from ghostnp.pictures.letters import can_be_drawn

    left_out = []

    def drawn_name(name, otherwise):
        if can_be_drawn(name):
            return name
        left_out.append(f"{otherwise}: {name}")
        return otherwise

    questions = {
        drawn_name(f"{each.number} {each.name}", f"question {each.number}"): [
            each.outcomes[outcome] for outcome in ("right", "mistake", "other", "unanswered", "unreadable")
        ]
        for each in found.statistics()
    }  # fmt: skip
    mistakes = {
        drawn_name(name, f"mistake {place}"): (
            students, f"question{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
        )
        for place, (name, (students, numbers)) in enumerate(found.misunderstood().items(), 1)
    }  # fmt: skip
    if left_out:
        click.echo(
            f"no font here has all letters, such as Noto Sans CJK has; in the picture it is {'; '.join(left_out)}",
            err=True,
        )
    mean = "no paper can be read" if found.mean is None else _mean(found)
    figure = class_mistakes(questions, mistakes, len(found.papers), title=f"{len(found.papers)} students, {mean}")
    drawn = BytesIO()
    figure.savefig(drawn, format=plot.suffix.lower().removeprefix(".") or "png", dpi=150)
    return drawn.getvalue()


def _mean(found):
    of = f" of {len(found.read)} papers that can be read" if len(found.read) < len(found.papers) else ""
    return f"mean{of} {_number(found.mean)} of {_number(found.best)} points"


def _say(found):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    made = ", ".join(
        f"{name} {value}" for name, value in found.key.made_by.items() if value != "" and isinstance(value, str | int)
    )
    console.print(f"key: {made}", markup=False, soft_wrap=True)
    mean = "" if found.mean is None else f"; {_mean(found)}"
    console.print(f"{len(found.papers)} papers graded{mean}", markup=False, soft_wrap=True)
    table = Table(show_lines=True)
    for column, right in (("question", False), ("right", True), ("difficulty", True), ("discrimination", True),
                          ("mistakes", False)):  # fmt: skip
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for each in found.statistics():
        known = [f"{count}x {name}" for name, count in each.mistakes.most_common()]
        known += [f"{each.outcomes[outcome]}x {words}" for outcome, words in
                  (("other", "another answer"), ("unanswered", "no answer"), ("unreadable", "not readable"))
                  if each.outcomes[outcome]]  # fmt: skip
        difficulty = "" if each.difficulty is None else f"{each.difficulty:.2f}"
        discrimination = "" if each.discrimination is None else f"{each.discrimination:+.2f}"
        cells = [
            f"{each.number} {each.name}",
            str(each.outcomes["right"]),
            difficulty,
            discrimination,
            "\n".join(known),
        ]
        table.add_row(*map(Text, cells))
    console.print(table)
    for name, (students, numbers) in found.misunderstood().items():
        where = f"question{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
        console.print(f"{students} of {len(found.papers)} students: {name} ({where})", markup=False, soft_wrap=True)
    for student, number, text in found.unreadable:
        console.print(f"{student.label}, question {number}: {text!r} is no reply", markup=False, soft_wrap=True)
    if found.absent:
        labels = ", ".join(student.label for student in found.absent)
        console.print(f"no answers of {len(found.absent)}: {labels}", markup=False, soft_wrap=True)
    if found.ignored:
        console.print(f"no questions, and left out: {', '.join(found.ignored)}", markup=False, soft_wrap=True)
