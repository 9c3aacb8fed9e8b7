"""Class lists as they come out of other programs."""

import pytest

from ghostnp.course.worksheets import Student, numbered, read_roster

pytestmark = pytest.mark.small


@pytest.fixture
def roster(tmp_path):
    """Write a class list and read it."""

    def read(text, encoding="utf-8"):
        path = tmp_path / "class.csv"
        path.write_bytes(text.encode(encoding))
        return read_roster(path)

    return read


def test_names_alone(roster):
    assert roster("Ada Lovelace\n\n  李  伟 \n") == (
        Student("Ada Lovelace", "Ada Lovelace"),
        Student("李 伟", "李 伟"),
    )


def test_ids_and_names(roster):
    assert roster('id,name\r\n17,Ada Lovelace\r\n18,"O\'Neil, Bobby"\r\n') == (
        Student("17", "Ada Lovelace"),
        Student("18", "O'Neil, Bobby"),
    )


def test_one_name_twice_is_fine_if_the_ids_differ(roster):
    assert [student.id for student in roster("1,Li Wei\n2,Li Wei\n")] == ["1", "2"]


def test_two_ways_to_write_an_accent_and_a_mark_at_the_beginning(roster):
    assert roster("Jose\u0301\n", "utf-8-sig") == roster("Jos\u00e9\n")


def test_numbers_instead_of_names():
    assert numbered(30)[29] == Student("variant 30", "variant 30")
    assert numbered(31)[:30] == numbered(30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada\nAlan\nAda\n", "line 3: 'Ada' is in line 1 already"),
        ("1,Ada\n1,Alan\n", "line 2: '1' is in line 1 already"),
        ("Jose\u0301\nJos\u00e9\n", "line 2: 'José' is in line 1 already"),
        ("\n \n", "names nobody"),
        ("id,name\n", "names nobody"),
        ("1,Ada,Lovelace\n", "line 1: '1,Ada,Lovelace' has 3 fields"),
        ("Ada\n,Alan\n", "line 2: ',Alan' has 2 fields, 1 of them empty"),
        ('"Ada\n', "is no class list"),
        ("A\x07da\n", "cannot be printed"),
    ],
)
def test_what_is_no_class_list(roster, text, words):
    with pytest.raises(ValueError, match=words):
        roster(text)


def test_another_encoding(roster):
    with pytest.raises(ValueError, match=r"is no class list .*UTF-8"):
        roster("José\n", "latin-1")
