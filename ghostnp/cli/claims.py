"""The command `ghostnp claims`: check what the documents say."""

from collections import Counter

import click

from ghostnp.course.documents import DOCUMENTS, VERDICTS, all_claims, find_claim

_COLOURS = {
    "reproduced": "green",
    "agrees": "green",
    "approximate": "cyan",
    "convention": "cyan",
    "note": "cyan",
    "imprecise": "yellow",
    "fragile": "yellow",
    "differs": "magenta",
    "wrong": "red",
}
# With fewer columns than this, a table of six columns is too narrow to read.
_TABLE = 110


@click.command("claims")
@click.argument("identifiers", nargs=-1, metavar="[IDENTIFIER]...")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="Format of the list.",
)
@click.option("--document", type=click.Choice(DOCUMENTS), help="Show only the claims of this document.")
@click.option(
    "--verdict",
    type=click.Choice(list(VERDICTS)),
    metavar="VERDICT",
    help=f"Show only the claims with this verdict: {', '.join(VERDICTS)}.",
)
def claims(identifiers, style, document, verdict):
    """Check the numbers and statements of the five documents.

    The documents (000 to 004) are five blog posts about lightweight networks. The list has every number (N01 to N25)
    and every statement (C01 to C49) that was checked. It shows what the document says, what ghostnp gives, and a
    verdict. The last two statements compare official codes. Everything that can be computed is computed when the
    command runs. With an IDENTIFIER, such as N13, the command shows the whole calculation.
    """
    # Rich comes in with the first table, since `ghostnp --help` needs none.
    from ghostnp.course.documents.written import to_json, to_markdown, to_markdown_page

    try:
        chosen = [find_claim(identifier.upper()) for identifier in identifiers] or list(all_claims().values())
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    chosen = [claim for claim in chosen if document in (None, claim.document)]
    if verdict is not None:
        chosen = [claim for claim in chosen if claim.check().verdict == verdict]
    if style == "json":
        click.echo(to_json(chosen))
    elif style == "markdown":
        click.echo((to_markdown_page if identifiers else to_markdown)(chosen))
    elif not chosen:
        click.echo("no claim is of that kind")
    else:
        _print(chosen, whole=bool(identifiers))


def _print(chosen, whole):
    from rich.console import Console

    console = Console(highlight=False)
    found = [(claim, claim.check()) for claim in chosen]
    if whole:
        for claim, finding in found:
            _print_block(console, claim, finding, finding.working)
        return
    if console.width >= _TABLE:
        _print_table(console, found)
    else:
        for claim, finding in found:
            _print_block(console, claim, finding, [finding.gives])
    numbers = Counter(finding.verdict for _, finding in found)
    for verdict in VERDICTS:
        if numbers[verdict]:
            console.print(f"{numbers[verdict]:3} {verdict}: {VERDICTS[verdict]}", markup=False, soft_wrap=True)


def _print_table(console, found):
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    columns = {"claim": None, "document": None, "quotation": 3, "ghostnp gives": 4, "verdict": None, "why": 5}
    for column, ratio in columns.items():
        table.add_column(column, ratio=ratio, overflow="fold", no_wrap=column == "verdict")
    for claim, finding in found:
        words = [claim.identifier, claim.document, claim.quotation, finding.gives, _verdict(finding), claim.why]
        table.add_row(*(word if isinstance(word, Text) else Text(word) for word in words))
    console.print(table)


def _print_block(console, claim, finding, gives):
    from rich.text import Text

    console.print(Text.assemble((claim.identifier, "bold"), f"  document {claim.document}  ", _verdict(finding)))
    parts = {"quotation": [claim.quotation], "says": [claim.says], "ghostnp gives": gives, "why": [claim.why]}
    for label, lines in parts.items():
        console.print(Text(f"  {label}:", "dim"))
        for line in Text("\n".join(lines)).wrap(console, max(console.width - 4, 8), overflow="fold"):
            line.rstrip()
            console.print(Text("    ").append(line), soft_wrap=True)
    console.print()


def _verdict(finding):
    from rich.text import Text

    return Text(finding.verdict + (" (judged)" if finding.judged else ""), _COLOURS[finding.verdict])
