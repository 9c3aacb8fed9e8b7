r"""Papers as LaTeX that needs nothing but `article` and `geometry`: pdflatex, xelatex and lualatex all compile it.

Letters with accents are written as commands. Those that pdflatex has no font for, such as Chinese ones, are printed as
their numbers there; xelatex and lualatex print them with the fonts of `ctex`, if that is installed.
"""

import re
import unicodedata

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import N_, SOURCE, _, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.question import LETTERS

_BEFORE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[a4paper,margin=18mm]{geometry}
\newif\ifunicode
\ifdefined\XeTeXversion\unicodetrue\fi
\ifdefined\directlua\unicodetrue\fi
\ifunicode
  \newcommand\letter[2]{#2}
  \IfFileExists{ctex.sty}{\usepackage{ctex}}{}
\else
  \newcommand\letter[2]{\mbox{\tiny U+#1}}
\fi
\setlength\parindent{0pt}
\newcommand\blank[1]{\underline{\hspace{#1}}}
\newcommand\choice[1]{\framebox[1.6em]{#1}}
\begin{document}
"""
# Papers in another language are mostly letters that pdflatex would print as numbers.
_WITHOUT_PDFLATEX = _BEFORE.replace(
    "\\begin{document}\n",
    "\\ifunicode\\else\\errmessage{Compile this file with xelatex or lualatex; pdflatex lacks the letters}\\fi\n"
    "\\begin{document}\n",
)
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%#_{}"},
    "$": r"\char36{}",  # where other commands take a font that a small TeX has to make first
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "−": "$-$",
    "⌊": r"$\lfloor$",
    "⌋": r"$\rfloor$",
    "\u00a0": "~",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "–": "--",
    "—": "---",
}
# Between two of these, which TeX would print as one sign.
_JOINED = re.compile(r"(?<=[-'`,!?])(?=[-'`,])")
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
    "\u0331": "b",
}


@in_language_of_plan
def to_latex(plan, papers, heading=PLAIN):
    """All papers, without answers: each begins on a page of its own."""
    pages = [_paper(plan, paper, heading) for paper in checked(plan, papers, heading)]
    return (
        (_BEFORE if plan.language == SOURCE else _WITHOUT_PDFLATEX) + "\\clearpage\n".join(pages) + "\\end{document}\n"
    )


def literal(text):
    """Text that LaTeX prints as it is, in ASCII."""
    apart = _JOINED.sub("\0", unicodedata.normalize("NFC", text))
    return "".join("{}" if letter == "\0" else _letter(letter) for letter in apart)


def _letter(letter):
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if letter.isascii():
        return letter
    base, *accents = list(unicodedata.normalize("NFD", letter))
    if base.isascii() and base.isalpha() and all(accent in _ACCENTS for accent in accents):
        # An i or j loses its dot under an accent, and keeps it above one.
        accented = f"\\{base}{{}}" if base in "ij" and accents[0] not in "\u0323\u0327\u0331" else base
        for accent in accents:
            accented = f"\\{_ACCENTS[accent]}{{{accented}}}"
        return accented
    return f"\\letter{{{ord(letter):04X}}}{{{letter}}}"


def _paper(plan, paper, heading):
    worth = literal(_(" of {points:g}", points=heading.total(paper))) * bool(heading.points)
    name, date, points, answer = (literal(_(word)) for word in _FIELDS)
    lines = [
        f"\\pagestyle{{myheadings}}\\markright{{{literal(paper.student.label)} \\hfill {literal(plan.made_by)}}}",
        "\\setcounter{page}{1}",
    ]
    if heading.course:
        lines += [f"{literal(heading.course)}\\par"]
    lines += [
        f"{{\\Large\\bfseries {literal(heading.headline)}\\par}}\\medskip",
        f"\\textbf{{{literal(paper.student.label)}}}\\quad {literal(plan.made_by)}\\par\\medskip",
        f"{name} \\blank{{60mm}}\\quad {date} {literal(heading.date) or _BLANK}\\quad {points} "
        f"\\blank{{15mm}}{worth}\\par",
        "\\bigskip",
    ]
    for question in paper.questions:
        lines += [
            "\\begin{minipage}{\\linewidth}",
            f"\\textbf{{{question.number}.}} ({literal(heading.level(question))})",
            f"{literal(question.problem.text)}\\par",
            "\\medskip",
        ]
        if question.options:
            options = (f"\\choice{{{each.letter}}}~{literal(each.text)}" for each in question.options)
            lines += ["\\hfill ".join(options) + "\\par"]
        else:
            lines += [f"\\vspace{{22mm}}\\hfill {answer} \\blank{{50mm}}\\par"]
        lines += ["\\end{minipage}\\par\\bigskip"]
    if heading.answer_sheet:
        lines += _answer_sheet(paper)
    return "\n".join(lines) + "\n"


_FIELDS = (N_("Name"), N_("Date"), N_("Points"), N_("Answer"))
_BLANK = "\\blank{30mm}"


def _answer_sheet(paper):
    yield "\\clearpage"
    yield f"{{\\large\\bfseries {literal(_('Answers of {student}', student=paper.student.label))}\\par}}\\bigskip"
    for question in paper.questions:
        marks = "\\quad ".join(f"\\choice{{{letter}}}" for letter in LETTERS)
        reply = marks if question.options else "\\blank{50mm}"
        yield f"\\makebox[10mm][r]{{{question.number}.}}\\quad {reply}\\par\\medskip"
