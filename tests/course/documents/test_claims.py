"""What the documents say: every claim is there, what is computed is right, and no verdict changes unnoticed."""

import json
import re
from fractions import Fraction
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from ghostnp import ops, use_backend
from ghostnp.backend import backend
from ghostnp.cli.claims import claims as command
from ghostnp.course.documents import DOCUMENTS, VERDICTS, all_claims, find_claim, verdict
from ghostnp.course.documents.verdict import Computed, comparison, convention, elsewhere, judged, statement, value_text
from ghostnp.course.documents.written import records, to_json, to_markdown, to_markdown_page
from ghostnp.ops import cost
from ghostnp.ops.cost import Worked

pytestmark = pytest.mark.small
CLAIMS = all_claims()
CONVOLUTIONS = (ops.standard, ops.pointwise, ops.grouped, ops.depthwise)

# Document and verdict of every claim. Who changes one here says that a document is judged otherwise than before.
PINNED = {
    "000": {
        "reproduced": "N01 N02 N04 N05",
        "approximate": "N03 N07",
        "imprecise": "N06 C01 C03 C15",
        "wrong": "C02 C14",
        "differs": "C04 C05 C06 C07 C08 C11 C12 C13",
        "fragile": "N08 C09 C10",
    },
    "001": {
        "reproduced": "N09 N10 N11",
        "imprecise": "N12 C17",
        "wrong": "N13 C16 C18",
        "agrees": "C25",
        "differs": "C20 C21 C22 C23",
        "fragile": "C24",
        "convention": "C19",
        "note": "N14 C26",
    },
    "002": {"wrong": "C27 C28 C29 C30 C31", "fragile": "C32", "note": "N15 C33"},
    "003": {
        "reproduced": "N16 N17 N18 C38",
        "imprecise": "N19 C34 C39 C42",
        "wrong": "C35 C36 C41",
        "agrees": "C37",
        "differs": "C40",
        "note": "C43",
    },
    "004": {
        "reproduced": "N20 N21 N22 N23 C46 C47",
        "approximate": "N24",
        "wrong": "C44",
        "convention": "C45",
        "note": "N25",
    },
    "official": {"differs": "C48 C49"},
}
JUDGED = {"C03", "C09", "C17", "C26", "C27"}

# What each claim computes, in order; (computed, stated) where both sides matter.
COMPUTED = {
    "N01": [1_638_656],
    "N02": [51_456],
    "N03": [Fraction(1_638_656, 51_456), 32],
    "N04": [26_215_424],
    "N05": [26_624],
    "N06": [Fraction(26_215_424, 26_624), 1024],
    "N07": [5_180_320, 5_157_168, 23_152, 5_182_508],
    "N08": [7, 6, 8],
    "N09": [648],
    "N10": [216],
    "N11": [(218_365_952, 218_365_952)] * 2,
    "N12": [(219_971_584, 219_971_584), (219_971_584, 21_374_173_184), 219_971_584],
    "N13": [(7_949_760, 7_667_520), (7_949_760, 23_002_560), 7_949_760, 7_949_760],
    "N14": [1_877_008, 24_480, 1_864_728],
    "N15": ["1x64x640x640", 512, 157_286_400, 96, 288, 192, 1728],
    "N16": [7**4, 14**4, 14**2 * 28**2],
    "N17": [2 * 7**3, 2 * 14**3, 14**2 * 28 + 14 * 28**2],
    "N18": [12 * 7**2, 12 * 14**2, 12 * 14 * 28, 25_897_776, 22_545_536, Fraction(22_545_536, 25_897_776)],
    "N19": [
        Fraction(3, 4),
        1 - Fraction(9, 49),
        Fraction(7, 8),
        1 - Fraction(25_897_776, 112_077_504),
        25_897_776,
        112_077_504,
    ],
    "N20": [108, 112],
    "N21": [27, 30],
    "N22": [12, 16],
    "N23": [39, 46],
    "N24": [Fraction(36, 13), Fraction(13, 36), Fraction(13, 36), Fraction(13, 36)],
    "N25": [442_368, 110_592, 49_152, 159_744],
    "C01": [True, False],
    "C02": [(1, 3)],
    "C04": [(0, 2)],
    "C05": [(0, 69), 0],
    "C06": [(0, 4)],
    "C07": [(0, 5), 16],
    "C08": [((20, 32), (18, 30)), (pytest.approx(2 / 3), pytest.approx(0.7310586)), 1],
    "C10": [(10, 10), (9, 8)],
    "C11": [(False, True), (False, True), (0.2, 0)],
    "C12": [((1, 1), (0, 1))],
    "C13": [("1e-05", "0.001"), (0.1, 0.01), (True, False)],
    "C14": [(False, True), True],
    "C15": [4, (9, 49)],
    "C16": [(1, 3), 3],
    "C18": [(1, 3), (2, 3)],
    "C19": [218_365_952, (436_731_904, 218_365_952)],
    "C20": [(24 * 60, 24 * 60 // 3), (136_500_672, 133_490_112)],
    "C21": [(True, False), (False, True), True, False],
    "C22": [(pytest.approx(4 / 9), 1)],
    "C23": [(0, 50)],
    "C24": [(480, 480), (400, 360)],
    "C25": [True, True, False, True, True],
    "C28": [(6, 3)],
    "C29": [(False, True)] * 3,
    "C30": [(1, 49), 9],
    "C31": [(False, True)],
    "C32": [True, (False, True), True],
    "C33": [4, 8, 10, 2],
    "C34": [("average", "average"), ("average", "max"), ("nearest", "bilinear")],
    "C35": [("nearest", "bilinear")],
    "C36": [(False, True)] * 3 + [0, pytest.approx(0.23, abs=0.01), pytest.approx(0.215, abs=0.01)],
    "C37": [True, 0],
    "C38": [(0, 1), 14],
    "C39": [(1, 1), ("width", "height"), ("height", "width")],
    "C40": [(True, False), (5,)],
    "C41": [(1, 3)],
    "C42": [(7, 7), (3, Fraction(7, 2)), (0, 0, 0, 1, 1, 2, 2), True],
    "C43": ["Sigmoid", "HardSigmoid"],
    "C44": [(False, True)],
    "C45": [(108, 108), (112, 108)],
    "C46": [6, True],
    "C47": [2, 6, (0, 0, 0, 1, 1, 1)],
    "C48": [((pytest.approx(1 / 3), 0.5, pytest.approx(2 / 3)), (0, 0, 1)), (False, True)],
    "C49": [(24, 58), (92, 58), (2_278_760, 2_278_604)],
}


def test_every_claim_is_there_once():
    assert list(CLAIMS) == [f"N{i:02}" for i in range(1, 26)] + [f"C{i:02}" for i in range(1, 50)]
    pinned = [identifier for verdicts in PINNED.values() for words in verdicts.values() for identifier in words.split()]
    assert sorted(pinned) == sorted(CLAIMS)
    assert set(COMPUTED) == set(CLAIMS) - JUDGED


@pytest.mark.parametrize("identifier", CLAIMS)
def test_no_verdict_changed(identifier):
    claim = CLAIMS[identifier]
    found = claim.check()
    assert identifier in PINNED[claim.document][found.verdict].split()
    assert found.judged == (identifier in JUDGED)


@pytest.mark.parametrize("identifier", COMPUTED)
def test_what_is_computed_is_right(identifier):
    found = CLAIMS[identifier].check()
    cases = found.cases
    assert list(found.values) == [case.what for case in cases]
    assert len(cases) == len(COMPUTED[identifier])
    for case, expected in zip(cases, COMPUTED[identifier], strict=True):
        # A pair is both sides, unless the value itself is a tuple.
        both = isinstance(expected, tuple) and not (isinstance(case.gives, tuple) and case.gives == expected)
        assert (case.gives, case.stated) == expected if both else case.gives == expected


@pytest.mark.parametrize("identifier", CLAIMS)
def test_claim_reads_well(identifier):
    claim = CLAIMS[identifier]
    assert claim.identifier == identifier
    assert claim.document in DOCUMENTS
    assert claim.quotation
    for text in (claim.says, claim.why):
        assert re.fullmatch(r"[A-Z0-9nT].*\.", text)
        assert "\n" not in text
    # Figures of more than three digits are computed, and not told.
    assert not re.search(r"\d{4,}|\d,\d{3}", re.sub(r"\b(1024|1280)\b", "", claim.why))


def test_claims_are_checked_on_the_definitions_whatever_is_in_force():
    nothing = SimpleNamespace(**dict.fromkeys(ops.__all__))
    with use_backend(nothing) as in_force:
        assert CLAIMS["C33"].check().values["filters with zero gradient"] == 2
        assert backend() is in_force


# Computed, not stored


def test_another_cost_of_weights_changes_the_claims_about_them(monkeypatch):
    before = {identifier: claim.check() for identifier, claim in CLAIMS.items()}
    for file in CONVOLUTIONS:
        monkeypatch.setattr(file, "filters", lambda *args: Worked(f"2·({cost.filters(*args).formula})"))
    after = {identifier: claim.check() for identifier, claim in CLAIMS.items()}
    changed = {identifier for identifier in CLAIMS if after[identifier].values != before[identifier].values}
    # Parameters of a module that exists are the sizes of its arrays.
    assert changed == {"N01", "N02", "N04", "N05", "N09", "N10", "N20", "N21", "N22", "N23", "C45"}
    assert after["N01"].values["parameters"] == 2 * 1_638_656
    assert {after[identifier].verdict for identifier in ("N01", "N02", "N09", "N20", "N23", "C45")} == {"wrong"}


def test_another_cost_of_applying_them_changes_the_claims_about_that(monkeypatch):
    before = {identifier: claim.check() for identifier, claim in CLAIMS.items()}
    for file in CONVOLUTIONS:
        monkeypatch.setattr(file, "applications", lambda *args: Worked(f"2·{cost.applications(*args).formula}"))
    after = {identifier: claim.check() for identifier, claim in CLAIMS.items()}
    changed = {identifier for identifier in CLAIMS if after[identifier].values != before[identifier].values}
    assert changed == {"N11", "N12", "N13", "N15", "N18", "N19", "N25", "C19", "C20"}
    assert after["N11"].verdict == "imprecise"  # the formula still holds, the counted unit no longer does
    assert after["N18"].verdict == "wrong"


@pytest.mark.parametrize(
    ("identifier", "name", "replacement", "expected"),
    [
        ("C32", "depthwise_conv2d_cost", lambda *shapes, **keywords: None, "reproduced"),
        ("C36", "resize_bilinear", lambda x, size, **keywords: 2 * ops.resize_nearest(x, size), "imprecise"),
        ("C42", "resize_nearest", ops.resize_bilinear, "imprecise"),
        ("C46", "crelu", ops.relu, "wrong"),
        ("C47", "depthwise_conv2d", lambda x, weight, padding: ops.channel_shuffle(x, 2), "imprecise"),
    ],
)
def test_another_operator_changes_the_claims_about_it(monkeypatch, identifier, name, replacement, expected):
    before = CLAIMS[identifier].check()
    monkeypatch.setattr(ops, name, replacement)
    after = CLAIMS[identifier].check()
    assert after.verdict == expected
    assert after.values != before.values


# The rules


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (statement(Computed("a", 3, 3), Computed("b", 4)), "reproduced"),
        (statement(Computed("a", 31.8, 32, unit=1)), "approximate"),
        (statement(Computed("a", 31.5, 32, unit=1)), "approximate"),
        (statement(Computed("a", 31.4, 32, unit=1)), "imprecise"),
        (statement(Computed("a", 28.8, 32, unit=1)), "imprecise"),
        (statement(Computed("a", 28.7, 32, unit=1)), "wrong"),
        (statement(Computed("a", 31.99, 32)), "wrong"),
        (statement(Computed("a", 3, 3), Computed("b", 4, 5)), "imprecise"),
        (statement(Computed("a", True, False)), "wrong"),
        (statement(Computed("a", 3)), "note"),
        (statement(), "note"),
        (comparison(Computed("a", 3, 3), Computed("b", 4)), "agrees"),
        (comparison(Computed("a", 3, 3), Computed("b", 4, 5)), "differs"),
        (elsewhere(Computed("a", 3, 3), Computed("b", 4, 5)), "fragile"),
        (elsewhere(Computed("a", 3, 3), Computed("b", 4, 4)), "reproduced"),
        (elsewhere(Computed("a", 3, 4), Computed("b", 4, 5)), "wrong"),
        (convention(Computed("a", 3, 3), Computed("b", 4, 3)), "convention"),
        (convention(Computed("a", 3, 3), Computed("b", 3, 3)), "reproduced"),
        (convention(Computed("a", 4, 3), Computed("b", 5, 3)), "wrong"),
        (judged("differs"), "differs"),
    ],
)
def test_verdicts_follow_from_the_cases(finding, expected):
    assert finding.verdict == expected
    assert expected in VERDICTS


def test_values_as_readers_write_them():
    values = (True, 1234567, Fraction(13, 36), Fraction(25601, 26), Fraction(32), 0.5, 1e-14, (), (1, "a"), "text")
    written = ["yes", "1,234,567", "13/36 = 0.361", "984.654", "32", "0.5", "0", "none", "1, a", "text"]
    assert list(map(value_text, values)) == written
    assert verdict.worked(Worked("4·3")) == "4·3 = 12"


# Looking up


@pytest.mark.parametrize("identifier", ["N99", "n13", "C50", "", None, 13, ["N01"]])
def test_unknown_identifier_names_the_nearest(identifier):
    with pytest.raises(ValueError, match=r"the rule is N01 to N25 or C01 to C49, nearest first: [NC]\d\d, [NC]\d\d"):
        find_claim(identifier)


# Written down


def test_json_says_it_all():
    written = json.loads(to_json(CLAIMS.values()))
    assert [record["id"] for record in written] == list(CLAIMS)
    n13 = written[12]
    assert (n13["document"], n13["verdict"], n13["judged"]) == ("001", "wrong", False)
    assert [(case["gives"], case["stated"]) for case in n13["cases"]][:2] == [
        (7_949_760, 7_667_520),
        (7_949_760, 23_002_560),
    ]
    assert any("28·28·20·3·3" in line for line in n13["working"])


def test_markdown_is_a_table_of_one_line_each():
    lines = to_markdown(CLAIMS.values()).splitlines()
    assert len(lines) == 2 + len(CLAIMS)
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {7}
    page = to_markdown_page([CLAIMS["N02"]])
    assert page.startswith("### N02, document 000: reproduced\n\n> `256x(8*5x5+1)=51456`\n")
    assert "    ghostnp: 256·(8·5·5 + 1) = 51,456\n" in page


def test_records_are_plain():
    def plain(value):
        if isinstance(value, dict | list):
            return all(map(plain, value.values() if isinstance(value, dict) else value))
        return type(value) in (str, int, float, bool, type(None))

    assert plain(records(CLAIMS.values()))


# The command


def run(*arguments, columns=150):
    return CliRunner().invoke(command, arguments, env={"COLUMNS": str(columns)})


@pytest.mark.parametrize("columns", [40, 80, 110, 200])
def test_command_prints_every_claim_at_any_width(columns):
    result = run(columns=columns)
    assert result.exit_code == 0, result.output
    found = re.findall(r"^(?:│ )?([NC]\d\d)\b", result.output, re.MULTILINE)
    assert found == list(CLAIMS)
    assert all(line == line.rstrip() or "│" in line for line in result.output.splitlines())
    assert " 14 wrong: it does not hold" in result.output


def test_command_gives_the_whole_working_of_one():
    output = run("n13", columns=120).output
    for line in (
        "3·28·28·20·80 + 28·28·20·3·3 + 28·28·240·20 = 7,667,520",
        "3·28·28·60·80 + 28·28·60·3·3 + 28·28·240·60 = 23,002,560",
        "28·28·(2·80·60 + 9·60) = 7,949,760",
        "60·28·28·80·1·1 + 60·28·28·1·3·3 + 240·28·28·20·1·1 = 7,949,760",
        "3·28·28·20·80 + 3·28·28·20·3·3 + 3·28·28·80·20 = 7,949,760",
    ):
        assert line in output
    assert "N13  document 001  wrong" in output
    assert run("N01", "C09").output.count("document 000") == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--document", "official"], ["C48", "C49"]),
        (["--verdict", "approximate"], ["N03", "N07", "N24"]),
        (["--document", "003", "--verdict", "wrong"], ["C35", "C36", "C41"]),
        (["--document", "official", "--verdict", "wrong"], []),
        (["N13", "N12", "--verdict", "wrong"], ["N13"]),
    ],
)
def test_command_filters(arguments, expected):
    result = run(*arguments, "--format", "json")
    assert [record["id"] for record in json.loads(result.output)] == expected
    if not expected:
        assert run(*arguments).output == "no claim is of that kind\n"


def test_command_writes_markdown():
    assert run("--document", "004", "--format", "markdown").output.startswith("| claim | document | quotation |")
    assert run("N24", "--format", "markdown").output.startswith("### N24, document 004: approximate")


@pytest.mark.parametrize("identifier", ["N99", "N1", "x", ""])
def test_unknown_identifier_is_one_clear_line(identifier):
    result = run(identifier)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert re.fullmatch(r"Error: identifier=.*nearest first: [NC]\d\d, .*\n", result.stderr)


@pytest.mark.parametrize("arguments", [["--document", "005"], ["--verdict", "true"], ["--format", "html"]])
def test_bad_option_names_the_legal_values(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "is not one of" in result.stderr


def test_claims_need_no_numba_and_no_utf_8(run_python):
    code = """
import sys
sys.modules["numba"] = None  # from now on, importing it is an error
from ghostnp.cli import main
main(["claims"], standalone_mode=False)
"""
    assert "N13  document 001  wrong" in run_python(code, PYTHONIOENCODING="ascii", COLUMNS="80")
