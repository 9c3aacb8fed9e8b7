"""The command `ghostnp worksheet`: papers for a class, each with different numbers, and the teacher's key."""

from pathlib import Path

import click

from ghostnp.cli.written import FileOf, ending, not_written
from ghostnp.files import read, replace_all


class Several(click.ParamType):
    """Words with commas between them."""

    name = "WORD,WORD,..."

    def convert(self, value, param, context):
        """A tuple of words, or of ints where all are digits."""
        if not isinstance(value, str):
            return value
        words = [word.strip() for word in value.split(",")]
        if not all(words):
            self.fail(f"{value!r}: the rule is words with commas between them, such as grouped,ghost", param, context)
        return tuple(int(word) if word.isascii() and word.isdigit() else word for word in words)


SEVERAL = Several()


class Points(click.ParamType):
    """A number, or three with commas between them."""

    name = "NUMBER"

    def convert(self, value, param, context):
        """A tuple of floats; what they may be says `Heading`."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(float(word) for word in value.split(","))
        except ValueError:
            self.fail(
                f"{value!r}: the rule is one number, such as 2, or one for each level, such as 1,2,3", param, context
            )


class Format(click.ParamType):
    """One of the worksheets' formats. These are imported only when somebody asks for them, for that takes long."""

    name = "FORMAT"

    def get_metavar(self, param, ctx=None):
        """What the help says of it."""
        from ghostnp.course.worksheets import FORMATS

        return f"[{'|'.join(FORMATS)}]"

    def convert(self, value, param, context):
        """The same word, if there is such a format."""
        from ghostnp.course.worksheets import FORMATS

        if value not in FORMATS:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, FORMATS))}.", param, context)
        return value


class Language(click.ParamType):
    """One of the languages that there is a catalogue of."""

    name = "LANGUAGE"

    def get_metavar(self, param, ctx=None):
        """What the help says of it."""
        from ghostnp.course.worksheets import LANGUAGES

        return f"[{'|'.join(LANGUAGES)}]"

    def convert(self, value, param, context):
        """The same word, if there is such a language."""
        from ghostnp.course.worksheets import LANGUAGES

        if value not in LANGUAGES:
            self.fail(f"{value!r} is not one of {', '.join(map(repr, LANGUAGES))}.", param, context)
        return value


def _list_topics(context, param, value):
    if value:
        from ghostnp.course.worksheets import LEVELS, TEMPLATES, TOPICS

        width = max(map(len, TOPICS))
        for topic, text in TOPICS.items():
            click.echo(f"{topic:{width}}  {text}")
            for level, word in LEVELS.items():
                names = [each.name.split(": ")[1] for each in TEMPLATES if (each.topic, each.level) == (topic, level)]
                click.echo(f"{'':{width}}    {level} {word}: {', '.join(names)}")
        context.exit()


OWN_TOPICS = click.option(
    "--topics",
    "own",
    type=click.Path(path_type=Path),
    metavar="FILE.py",
    help="Python file with topics of your own. The command runs this file. Without --topic, all questions are about "
    "these topics.",
)


@click.command("worksheet")
@click.option("--topic", type=SEVERAL, metavar="TOPIC,...", help="Topics of the questions.  [default: all]")
@click.option(
    "--count", type=click.IntRange(1), default=10, show_default=True, help="Number of questions on each paper."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed gives the same papers."
)
@click.option(
    "--level",
    type=SEVERAL,
    metavar="LEVEL,...",
    default="1,2,3",
    show_default=True,
    help="Levels of the questions, from 1 (easy) to 3 (hard).",
)
@click.option("--variants", type=click.IntRange(1), help="Number of papers without names.  [default: 1]")
@click.option(
    "--roster",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Class list. Each line has a name, or an id and a name with a comma between them. Each line gets a paper.",
)
@OWN_TOPICS
@click.option(
    "--generator",
    type=click.IntRange(1),
    metavar="VERSION",
    help="Version of the generator, which is printed on the papers. The same version and seed make the same papers.  "
    "[default: the latest]",
)
@click.option(
    "--language",
    type=Language(),
    default="en",
    show_default=True,
    help="Language of the papers. Numbers and answers are the same in every language.",
)
@click.option(
    "--format",
    "style",
    type=Format(),
    help="Format of the papers. markdown, html and latex are for printing. moodle (XML), gift, canvas (QTI 1.2 in a "
    "zip file) and csv include answers and feedback.  [default: from the ending of --output, or markdown]",
)
@click.option("--title", metavar="TEXT", help="Title of the papers.  [default: Counting parameters and operations]")
@click.option("--course", metavar="TEXT", default="", help="Name of the course, printed above the title.")
@click.option(
    "--date",
    metavar="TEXT",
    default="",
    help="Date to print, in any form. Without this option, the papers have a line for the date.",
)
@click.option(
    "--points",
    type=Points(),
    metavar="NUMBER,...",
    default=(),
    help="Points for a question: one number for all, or one for each level, such as 1,2,3.  [default: 1, not printed]",
)
@click.option("--answer-sheet", is_flag=True, help="Add an answer sheet at the end of each printed paper.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the papers here. - prints them.")
@click.option(
    "--key",
    type=FileOf(".md", ".markdown", ".txt", ".json"),
    metavar="FILE",
    help="Write the teacher's key here. A .md file is for reading, and a .json file is for `ghostnp grade`.",
)
@click.option("--force", is_flag=True, help="Replace existing files even if they have other contents.")
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_topics,
    help="List the topics and levels, and exit.",
)
def worksheet(
    topic,
    count,
    seed,
    level,
    variants,
    roster,
    own,
    generator,
    language,
    style,
    output,
    key,
    force,
    answer_sheet,
    **heading,
):
    """Make papers with counting exercises for a class.

    All students get the same kinds of questions, but with different numbers. The numbers depend on the seed and on the
    student's id (or name). So a paper stays the same when another student is added at the end of the class list.

    Example: ghostnp worksheet --topic grouped,ghost,dfc --count 10 --seed 7 --variants 30 --format html
    --output papers.html --key key.md
    """
    # What writes the page takes long to import, and `ghostnp --help` needs none of it.
    from ghostnp.course.worksheets import FORMATS, PRINTED, Heading, numbered, read_roster, to_json_key, to_key
    from ghostnp.course.worksheets.writing.latex import NEEDED

    output = None if output == Path("-") else output
    try:
        style = _style(style, output)
        if key == Path("-"):
            raise ValueError("--key -: the papers go to the screen, and the rule is a file, such as key.md")
        if variants is not None and roster is not None:
            raise ValueError("--variants and --roster both say who gets a paper: the rule is one of them")
        if answer_sheet and style not in PRINTED:
            raise ValueError(f"--answer-sheet with --format {style}: the rule is one of {', '.join(PRINTED)}")
        said = {name: text for name, text in heading.items() if text is not None}
        top = Heading(**said, answer_sheet=answer_sheet)
        chosen = planned(topic, count, seed, level, own=own, generator=generator, language=language)
        students = numbered(variants or 1) if roster is None else read_roster(roster)
        papers = chosen.papers(students)
        text, files = FORMATS[style](chosen, papers, top), {}
        if isinstance(text, bytes) and output is None:
            raise ValueError(
                f"--format {style} is no text for the screen: the rule is a file, such as --output papers.zip"
            )
        if output is not None:
            # Without the mark at the beginning, Excel takes the text for one in the machine's old encoding.
            encoding = "utf-8-sig" if style == "csv" else "utf-8"
            files[output] = text if isinstance(text, bytes) else text.encode(encoding)
        if key is not None:
            if output is not None and output.resolve() == key.resolve():
                raise ValueError(
                    f"--output and --key are both {key}: the rule is two files, such as papers.md and key.md"
                )
            write_key = to_json_key if key.suffix.lower() == ".json" else to_key
            files[key] = write_key(chosen, papers, top).encode()
        write_all(files, force=force)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if output is None:
        click.echo(text, nl=False)
    for name, there in chosen.repeated(len(students)).items():
        click.echo(
            f"{name}: there are {there} sets of numbers, and more are asked for, so that some come again", err=True
        )
    if style == "latex" and NEEDED in text:
        click.echo(NEEDED, err=True)
    for name, file in (("papers", output), ("key", key)):
        if file is not None:
            click.echo(f"{name}: {file}", err=True)


def _style(style, output):
    """The format that was asked for, or that a file's name promises; one that promises another is refused."""
    from ghostnp.course.worksheets import ENDINGS

    suffix = "" if output is None else ending(output)
    if suffix not in ("", *ENDINGS):
        raise ValueError(f"--output {not_written(output, ENDINGS)}")
    promised = ENDINGS.get(suffix, "markdown")
    if style in (None, promised) or suffix in ("", ".txt"):
        return style or promised
    endings = [each for each, found in ENDINGS.items() if found == style]
    raise ValueError(f"--format {style}: --output {not_written(output, [*endings, '.txt'])}")


def planned(topic, count, seed, level, *, own, generator=None, language="en"):
    """The plan that the options of `worksheet` and `quiz` ask for.

    Parameters
    ----------
    topic : tuple of str or None
        What to ask about.
    count, seed, level : int, int, tuple of int
        As in `plan`.
    own : Path or None
        A file of topics; without `topic`, only these are asked.
    generator : int or None
        A version; the latest without one.
    language : str
        What the papers are in.

    Returns
    -------
    WorksheetPlan
    """
    from ghostnp.course.worksheets import GENERATORS, TOPICS, plan, read_topics

    mine = None if own is None else read_topics(own)
    topic = topic or tuple(TOPICS if mine is None else mine.topics)
    return plan(topic, count, seed, level, generator=generator or max(GENERATORS), own=mine, language=language)


def write_all(files, *, force):
    """Write all files or none, each entirely.

    Parameters
    ----------
    files : dict of Path to bytes
        What goes where.
    force : bool
        Whether a file that holds something else is replaced.

    Raises
    ------
    OSError
        If a file cannot be written.
    ValueError
        If one is there that holds something else.
    """
    for path, content in files.items():
        if path.is_dir() or not path.parent.is_dir():
            raise ValueError(f"{path} is no file in a folder that exists: the rule is one, such as key.md")
        if path.exists() and not force and read(path) != content:
            raise ValueError(f"{path} is there and holds something else: the rule is another name, or --force")
    replace_all(files)
