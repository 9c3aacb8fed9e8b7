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
        # Nothing becomes a student by accident.
        ("17,Ada\nAlan\n", "line 2: 'Alan' has 1 fields, and the first line has 2"),
        ("Ada\n\n30\n", "line 3: '30' has a name without a letter"),
        ("Ada\nTotal: 1\n", "line 2: 'Total: 1' has a comment, a formula or a sum"),
        ("学号,姓名\n1,李伟\n合计,1\n", "line 3: '合计,1' has a comment, a formula or a sum"),
        ("# my class\nAda\n", "line 1: '# my class' has a comment"),
        ("Ada\n=COUNTA(A1)\n", "line 2: .* has a comment, a formula"),
        ("17,Ada\nid,name\n", "line 2: 'id,name' has a heading"),
        ("Matrikel;Name\n17;Ada\n", "headed 'Matrikel', 'Name': the rule is id and name"),
        ("id;points\n17;3\n", "headed 'id', 'points': the rule is id and name"),
        ("id;name;id\n17;Ada;18\n", "two columns are headed id"),
        ("id;name\n17;Ada\n;Alan\n", "line 3: ';Alan' has nothing in the column id".replace(";Alan' ", ",Alan' ")),
        ("id,name,mail\n17,Ada\n18\n", "line 3: '18' has nothing in the column name"),
    ],
)
def test_what_is_no_class_list(roster, text, words):
    with pytest.raises(ValueError, match=words):
        roster(text)


def test_another_encoding(roster):
    with pytest.raises(ValueError, match=r"is no class list .*UTF-8"):
        roster("José\n", "latin-1")


ADA = (Student("17", "Ada Lovelace"), Student("18", "李 伟"))


@pytest.mark.parametrize("apart", [",", ";", "\t", "，", "；", "、"])
@pytest.mark.parametrize(
    "heading",
    ["", "id,name", "ID,Name", "Student ID,Full name", "学号,姓名", "编号,学生姓名", "學號,學生姓名"],
)
def test_every_way_to_set_fields_apart_and_every_heading(roster, apart, heading):
    assert roster(f"{heading}\n17,Ada Lovelace\n18,李 伟\n".replace(",", apart)) == ADA


def test_columns_stand_in_any_order_and_others_are_left_out(roster):
    assert roster("姓名;班级;学号\nAda Lovelace;3B;17\n李 伟;3B;18\n") == ADA
    assert roster("First name\tSurname\tID number\tMail\nAda\tLovelace\t17\ta@b.c\n李\t伟\t18\t\n") == ADA


def test_a_comma_may_be_within_a_name_that_is_set_apart_otherwise(roster):
    assert roster("17;Lovelace, Ada\n18;Li, Wei\n")[0] == Student("17", "Lovelace, Ada")
    assert roster('"Lovelace; Ada"\n"Li; Wei"\n')[1] == Student("Li; Wei", "Li; Wei")


def test_ids_alone_have_a_heading(roster):
    assert roster("学号\n20260017\n") == (Student("20260017", "20260017"),)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_what_excel_writes(roster, encoding):
    assert roster("学号\t姓名\r\n17\tAda Lovelace\r\n18\t李 伟\r\n", encoding) == ADA


def test_gbk_is_recognised_and_it_is_said_how_to_save_the_list_again(roster):
    with pytest.raises(ValueError, match=r"GBK, and to begin with '学号,姓名'; save it again as UTF-8: in Excel"):
        roster("学号,姓名\n18,李伟\n", "gbk")
