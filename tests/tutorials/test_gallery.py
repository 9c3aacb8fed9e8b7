"""The gallery's results answer the questions that `ghostnp ablate` asks today, with all seeds."""

import re
from pathlib import Path

import pytest

from ghostnp.training.ablations import ABLATIONS, load_result

FOLDER = Path(__file__).parents[2] / "tutorials" / "gallery"
each_ablation = pytest.mark.parametrize("ablation", ABLATIONS.values(), ids=ABLATIONS)


@each_ablation
def test_a_page_shows_every_network_and_seed(ablation):
    result = load_result(FOLDER / f"{ablation.name}.json")
    assert result.against == {row.name: row.against for row in ablation.rows}
    assert result.data == tuple(task.name for task in ablation.data)
    assert result.failed == {}
    assert (result.mirrors, result.says) == (ablation.mirrors, ablation.says)
    assert len(result.seeds) >= 5
    assert len(result.cells) == len(ablation.rows) * len(ablation.data) * len(result.seeds)


@each_ablation
def test_percentages_that_a_page_names_are_in_its_table(ablation):
    text = (FOLDER / f"{ablation.name}.py").read_text(encoding="utf-8").partition("## What was seen")[2]
    table = str(load_result(FOLDER / f"{ablation.name}.json"))
    named = re.findall(r"\d+\.\d%", text)
    assert [number for number in named if number.removesuffix("%") not in table] == []
