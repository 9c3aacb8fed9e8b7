r"""Papers as LaTeX that needs nothing but `article` and `geometry`: pdflatex, xelatex and lualatex all compile it.

Letters with accents are written as commands. Chinese ones are printed by `ctex` (xelatex, lualatex) or `CJKutf8`
(pdflatex) where that is installed. Letters for which there is no font are printed as their numbers: none vanishes. A
paper in Chinese would be nothing but numbers, so that it stops there and says what to install.
"""

import re
import unicodedata

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import N_, SOURCE, _, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.question import LETTERS

_BEFORE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[a4paper,margin=18mm]{geometry}
"""
# Of letters that are neither ASCII nor made by a command: `\hanzi` has those of GB 2312, `\letter` all others.
_LETTERS = r"""\newif\ifunicode
\ifdefined\XeTeXversion\unicodetrue\fi
\ifdefined\directlua\unicodetrue\fi
\newif\ifchinese
\newcommand\code[1]{\mbox{\tiny U+#1}}
\newcommand\iffont[2]{\iffontchar\font"#1 #2\else\code{#1}\fi}
\ifunicode
  \IfFileExists{ctex.sty}{\chinesetrue\usepackage{ctex}}{}
  \ifchinese
    \DeclareRobustCommand\letter[2]{\ifnum"#1>"2E7F #2\else\iffont{#1}{#2}\fi}
  \else
    \DeclareRobustCommand\letter[2]{\iffont{#1}{#2}}
  \fi
  \DeclareRobustCommand\hanzi[2]{\letter{#1}{#2}}
\else
  \DeclareRobustCommand\letter[2]{\code{#1}}
  \DeclareRobustCommand\hanzi[2]{\code{#1}}
  \IfFileExists{CJKutf8.sty}{\IfFileExists{c70gbsn.fd}{\chinesetrue\usepackage{CJKutf8}}{}}{}
  \ifchinese
    \DeclareRobustCommand\hanzi[2]{#2}
    \AtBeginDocument{\begin{CJK*}{UTF8}{gbsn}}
    \AtEndDocument{\clearpage\end{CJK*}}
  \fi
\fi
"""
NEEDED = (
    "Chinese letters need ctex, with xelatex or lualatex (Debian: texlive-lang-chinese), or CJKutf8, with pdflatex "
    "(Debian: latex-cjk-chinese and latex-cjk-chinese-arphic-gbsn00lp)"
)
_LAYOUT = r"""\setlength\parindent{0pt}
\newcommand\blank[1]{\underline{\hspace{#1}}}
\newcommand\choice[1]{\framebox[1.6em]{#1}}
\begin{document}
"""
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
    body = "\\clearpage\n".join(_paper(plan, paper, heading) for paper in checked(plan, papers, heading))
    letters = _LETTERS if re.search(r"\\(letter|hanzi)\{", body) else ""
    if "\\hanzi{" in body:
        tell = f"\\typeout{{{NEEDED}; they are printed as numbers}}" if plan.language == SOURCE else _STOP
        letters += f"\\ifchinese\\else{tell}\\fi\n"
    return f"{_BEFORE}{letters}{_LAYOUT}{body}\\end{{document}}\n"


_STOP = f"\\errmessage{{{NEEDED}}}"


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
    return f"\\{'hanzi' if _is_hanzi(letter) else 'letter'}{{{ord(letter):04X}}}{{{letter}}}"


def _is_hanzi(letter):
    """Whether CJKutf8's usual font has it: one that is Chinese, and in GB 2312."""
    try:
        return unicodedata.east_asian_width(letter) in "WF" and bool(letter.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def _paper(plan, paper, heading):
    worth = literal(_(" of {points:g}", points=heading.total(paper))) * bool(heading.points)
    name, date, points, answer = (literal(_(word)) for word in _FIELDS)
    lines = [
        f"\\pagestyle{{myheadings}}\\markright{{{literal(paper.student.label)} \\hfill {literal(plan.called)}}}",
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
        lines += _answer_sheet(plan, paper, heading, worth)
    return "\n".join(lines) + "\n"


_FIELDS = (N_("Name"), N_("Date"), N_("Points"), N_("Answer"))
_BLANK = "\\blank{30mm}"


def _answer_sheet(plan, paper, heading, worth):
    name, _date, points, _answer = (literal(_(word)) for word in _FIELDS)
    yield "\\clearpage"
    yield " \\quad ".join(literal(text) for text in (heading.course, heading.headline, plan.made_by) if text) + "\\par"
    yield f"{{\\large\\bfseries {literal(_('Answers of {student}', student=paper.student.label))}\\par}}\\medskip"
    yield f"{name} \\blank{{60mm}}\\quad {points} \\blank{{15mm}}{worth}\\par\\bigskip"
    for question in paper.questions:
        marks = "\\quad ".join(f"\\choice{{{letter}}}" for letter in LETTERS)
        reply = marks if question.options else "\\blank{50mm}"
        yield f"\\makebox[10mm][r]{{{question.number}.}}\\quad {reply}\\par\\medskip"
