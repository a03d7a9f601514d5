"""What titles are ranked by; over real searches in `test_generate.py`."""

from __future__ import annotations

import math

import pytest

from narou_gen.merit import OF_FEW_WORDS, OF_STORIES, Terms, grounded, log_odds, probability, terms

STORY = "古い竜の宿を継いだ少年は、旅人の話を聞きながら羊を数えて眠る。"


def test_the_terms_of_a_title() -> None:
    found = terms("竜の宿と竜の剣", STORY, -8.0)
    assert found.log_probability == -8.0
    assert found.grounded == pytest.approx(3 / 6)  # 竜の twice, の宿
    assert found.copied == pytest.approx(3 / 7)
    assert found.length == pytest.approx(math.log(7))
    assert found.fresh == pytest.approx(math.log(5 / 6))
    assert found.misspelt == 0
    assert terms("船長サリシマ", "船長サワ・キリシマは羊を運ぶ。", -8.0).misspelt == 1
    assert terms("！？", STORY, -1.0).fresh == terms("竜", STORY, -1.0).fresh == 0


@pytest.mark.parametrize(("synopsis", "weights"), [(STORY, OF_STORIES), ("竜の宿の話", OF_FEW_WORDS)])
def test_log_odds_are_a_weighted_sum_and_grounding_weighs_what_is_shared(
    synopsis: str, weights: Terms
) -> None:
    title = "竜の宿と竜の剣"
    parts = [weight * term for weight, term in zip(weights, terms(title, synopsis, -8.0), strict=True)]
    shared = sum(parts[Terms._fields.index(name)] for name in ("grounded", "copied"))
    assert log_odds(title, synopsis, -8.0) == pytest.approx(sum(parts))
    assert log_odds(title, synopsis, -8.0, grounding=0) == pytest.approx(sum(parts) - shared)
    assert log_odds(title, synopsis, -8.0, grounding=3) == pytest.approx(sum(parts) + 2 * shared)


def test_each_term_counts_as_an_editor_would_have_it() -> None:
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


def test_probability_is_the_logistic_function_however_large_the_odds() -> None:
    assert probability(0) == 0.5
    assert probability(math.log(3)) == pytest.approx(0.75)
    assert probability(-1e9) == 0 and probability(1e9) == 1


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
