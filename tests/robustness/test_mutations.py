"""The short form of the mutations: every kind of file, damaged in every way, is read or refused in words."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.robustness.mutations import kinds, mutate

pytestmark = pytest.mark.small
KINDS = kinds()


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_read_or_refused_in_words(tmp_path, name, capsys):
    ended: Counter[str] = Counter()

    @given(st.integers(0, 2**32))
    def read(number):
        ended[mutate(KINDS[name], number, tmp_path)] += 1

    read()
    with capsys.disabled():
        print(f"[{name}: {ended['read']} read, {ended['refused']} refused]", end=" ")
    assert ended.total() == ended["read"] + ended["refused"] > 0
