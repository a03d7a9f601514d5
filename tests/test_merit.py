"""What titles are ranked by; over real searches in `test_generate.py`."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from narou_gen.merit import (
    OF_FEW_WORDS,
    OF_STORIES,
    Features,
    features,
    grounded,
    is_few_words,
    log_odds,
    logistic,
)

STORY = "古い竜の宿を継いだ少年は、旅人の話を聞きながら羊を数えて眠る。"


def test_the_features_of_a_title() -> None:
    found = features("竜の宿と竜の剣", STORY, -8.0)
    assert found.log_probability == -8.0
    assert found.grounded == pytest.approx(3 / 6)  # 竜の twice, の宿
    assert found.copied == pytest.approx(3 / 7)
    assert found.log_length == pytest.approx(math.log(7))
    assert found.log_distinct == pytest.approx(math.log(5 / 6))
    assert found.misspelt == 0
    assert features("船長サリシマ", "船長サワ・キリシマは羊を運ぶ。", -8.0).misspelt == 1


@pytest.mark.parametrize("title", ["！？", "竜", "もふもふ宿", "ドキドキ温泉"])
def test_what_repeats_nothing_and_reduplicated_words(title: str) -> None:
    assert features(title, STORY, -1.0).log_distinct == 0


@pytest.mark.parametrize(("synopsis", "weights"), [(STORY, OF_STORIES), ("竜の宿の話", OF_FEW_WORDS)])
def test_log_odds_are_a_weighted_sum_and_grounding_weighs_what_stands_there(
    synopsis: str, weights: Features
) -> None:
    title = "竜の宿と竜の剣"
    parts = [weight * value for weight, value in zip(weights, features(title, synopsis, -8.0), strict=True)]
    standing = parts[Features._fields.index("grounded")]
    assert standing > 0
    assert log_odds(title, synopsis, -8.0) == pytest.approx(sum(parts))
    assert log_odds(title, synopsis, -8.0, grounding=0) == pytest.approx(sum(parts) - standing)
    assert log_odds(title, synopsis, -8.0, grounding=3) == pytest.approx(sum(parts) + 2 * standing)


def test_each_feature_counts_as_an_editor_would_have_it() -> None:
    synopsis = "船長サワ・キリシマは竜の宿まで羊を運ぶことになった。"

    def odds(title: str, log_probability: float = -6.0) -> float:
        return log_odds(title, synopsis, log_probability)

    assert odds("羊を運ぶ", -5.0) > odds("羊を運ぶ", -6.0)
    assert odds("羊を運ぶ") > odds("馬に乗る")
    assert odds("竜の宿まで羊を運ぶ") > odds("羊を運ぶ")
    assert odds("竜の宿の羊") > odds("羊の羊の羊")
    assert odds("船長キリシマ") > odds("船長サリシマ") + 4


def test_few_words_are_not_given_back() -> None:
    assert log_odds("名探偵は猫に弟子入りする", "名探偵と猫", -9.0) > log_odds("名探偵と", "名探偵と猫", -2.0)


def test_the_logistic_function_keeps_the_order_of_small_probabilities() -> None:
    assert logistic(0) == 0.5
    assert logistic(math.log(3)) == pytest.approx(0.75)
    assert logistic(-60) == pytest.approx(math.exp(-60)) and logistic(-61) < logistic(-60)
    assert logistic(-1e9) == 0 and logistic(1e9) == 1


def test_a_story_has_twenty_letters() -> None:
    assert is_few_words("竜" * 19 + "。！") and not is_few_words("竜" * 20)


def test_grounded_is_the_share_of_pairs_that_stand_in_the_synopsis() -> None:
    synopsis = "名探偵の門脇さんと、猫。二人は毎晩、坂の上の家へ行く。"
    assert grounded("門脇さんと猫", synopsis) == 1
    assert grounded("門鞘さんと猫", synopsis) == pytest.approx(3 / 5)
    assert grounded("ＡＩ", f"aiが{synopsis}") == 1
    assert grounded("竜の宿", synopsis) == 0
    assert grounded("猫", synopsis) == 1


def test_of_a_few_words_it_is_their_share_that_a_title_has() -> None:
    assert grounded("名探偵と猫の夏", "名探偵と猫") == grounded("名探偵は猫に弟子入りする", "名探偵と猫") == 1
    assert grounded("名探偵は名探偵を呼ぶ", "名探偵と猫") == pytest.approx(2 / 3)
    assert grounded("竜騎士は温泉へ行く", "竜騎士、左遷、温泉") == pytest.approx(3 / 4)
    assert grounded("魔王の定年", "魔王") == grounded("猫の宿", "猫") == 1
    assert grounded("とんかつ屋の猫", "とんかつ") == 1
    assert grounded("竜の宿", "と") == grounded("竜の宿", "！？") == 0


def test_the_weights_are_those_that_the_benchmark_fits() -> None:
    script = Path(__file__).parent.parent / "benchmarks" / "ranking.py"
    answer = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    lines = [line for line in answer.stdout.splitlines() if "Fitted to all" in line]
    for line, weights in zip(lines, (OF_STORIES, OF_FEW_WORDS), strict=True):
        fitted = {name: float(value) for name, value in re.findall(r"(\w+) (-?[\d.]+)", line)}
        if weights is OF_FEW_WORDS:
            fitted["misspelt"] = OF_STORIES.misspelt
        assert fitted == pytest.approx(weights._asdict(), abs=0.011)
