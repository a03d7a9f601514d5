"""Scores of titles, against cases counted by hand and against the libraries that count."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from narou_gen.metrics.copying import TrainingTitles, copied_share
from narou_gen.metrics.diversity import distinct, self_bleu
from narou_gen.metrics.faithfulness import faithfulness
from narou_gen.metrics.rouge import character_rouge, character_rouge_l, word_rouge
from narou_gen.metrics.soundness import flaws
from narou_gen.metrics.titleness import TitleClassifier
from narou_gen.metrics.words import words
from narou_gen.sources import read_pairs

LETTERS = st.text(st.characters(codec="utf-8"), max_size=30)


def test_identical_disjoint_and_a_case_by_hand() -> None:
    assert character_rouge_l("井戸の声", ["井戸の声"]) == 1.0
    assert character_rouge_l("井戸の声", ["橋が落ちた"]) == 0.0
    # Longest common subsequence 井戸の声 (4): precision 4/4, recall 4/6, F1 = 2 * 1 * (2/3) / (5/3) = 0.8.
    assert character_rouge_l("井戸の声", ["古井戸の呼声"]) == pytest.approx(0.8)
    # Single characters likewise. Pairs: 井戸 戸の of three, among 古井 井戸 戸の の呼 呼声: 2/3, 2/5, F1 0.5.
    assert character_rouge("井戸の声", ["古井戸の呼声"]) == pytest.approx((0.8, 0.5, 0.8))


def test_words_are_counted_as_mecab_splits_them() -> None:
    assert words("魔王の娘が来た") == ("魔王", "の", "娘", "が", "来", "た")
    # Words 魔王 の 娘 against 魔王 の 息子 と 娘: 3/3, 3/5 -> 0.75; pairs 1/2, 1/4 -> 1/3.
    assert word_rouge("魔王の娘", ["魔王の息子と娘"]) == pytest.approx((0.75, 1 / 3, 0.75))
    assert word_rouge("魔王の娘", ["魔王の娘"]) == (1.0, 1.0, 1.0)
    assert word_rouge("魔王", ["宿屋"]) == (0.0, 0.0, 0.0)


def test_each_score_takes_its_best_reference_and_spaces_do_not_count() -> None:
    assert character_rouge_l("井戸の声", ["橋が落ちた", "井戸 の声"]) == 1.0
    assert character_rouge_l("", ["井戸"]) == 0.0
    references = ["古井戸の呼声", "声の井戸"]  # the second has all four characters, the first more pairs
    assert character_rouge("井戸の声", references) == pytest.approx((1.0, 0.5, 0.8))


@given(st.lists(st.sampled_from("春夏秋冬"), min_size=1), st.lists(st.sampled_from("春夏秋冬"), min_size=1))
def test_it_agrees_with_rouge_score_on_text_that_it_can_split(title: list[str], reference: list[str]) -> None:
    latin = dict(zip("春夏秋冬", "abcd", strict=True))  # what rouge_score's own tokenizer keeps
    scores = RougeScorer(["rouge1", "rouge2", "rougeL"]).score(
        " ".join(latin[one] for one in reference), " ".join(latin[one] for one in title)
    )
    expected = [score.fmeasure for score in scores.values()]
    assert character_rouge("".join(title), ["".join(reference)]) == pytest.approx(expected)


@given(LETTERS, st.lists(LETTERS, min_size=1, max_size=3))
@settings(max_examples=50)
def test_all_scores_lie_between_0_and_1(title: str, references: list[str]) -> None:
    scores = [*character_rouge(title, references), *word_rouge(title, references)]
    scores += [
        copied_share(title, references[0]),
        distinct([title, *references], 1),
        character_rouge_l(title, references),
    ]
    scores += [
        score for score in (faithfulness(title, references[0]), self_bleu([title, *references])) if score
    ]
    assert all(0.0 <= score <= 1.0 + 1e-9 for score in scores)


@given(LETTERS.filter(lambda text: any(character.isalnum() for character in text)))
@settings(max_examples=30)
def test_a_text_is_all_of_itself(text: str) -> None:
    assert character_rouge_l(text, [text]) == 1.0
    assert copied_share(text, f"前{text}後") == 1.0
    assert TrainingTitles([text]).nearest(text) == (text, 1.0)


def test_distinct_counts_words_once() -> None:
    assert distinct(["魔王の娘", "魔王の娘"], 1) == 3 / 6
    assert distinct(["魔王の娘", "魔王の娘"], 2) == 2 / 4
    assert distinct(["魔王の娘", "古い宿屋"], 2) == 1.0
    assert distinct(["", ""], 1) == 0.0


def test_self_bleu_is_how_alike_candidates_are() -> None:
    assert self_bleu(["魔王の娘", "魔王の娘"]) == pytest.approx(1.0)
    assert self_bleu(["魔王", "宿屋だ"]) == 0.0
    assert self_bleu(["魔王の娘"]) is None
    alike, apart = (
        ["魔王の娘が来た", "魔王の娘が来る", "魔王の娘"],
        ["魔王の娘が来た", "宿屋の朝", "娘は旅に出る"],
    )
    assert self_bleu(alike) > self_bleu(apart)  # type: ignore[operator]


def test_faithfulness_asks_for_nouns_and_names_in_any_spelling() -> None:
    synopsis = "少年アオイは王都の宿屋で魔王に会った。"
    assert faithfulness("魔王と宿屋", synopsis) == 1.0
    assert faithfulness("魔王と聖女", synopsis) == 0.5
    assert faithfulness("葵の宿屋", synopsis) == 1.0  # アオイ, by its dictionary form
    assert faithfulness("王の宿屋", synopsis) == 0.5  # the 王 of 王都 is no king
    assert faithfulness("３つ", synopsis) is None  # numbers and counters say nothing
    assert faithfulness("", synopsis) is None


def test_copied_share_looks_through_marks_and_line_breaks() -> None:
    assert copied_share("古い宿屋の朝", "辺境の古い、\n宿屋を継いだ。") == 4 / 6
    assert copied_share("魔王", "宿屋") == 0.0
    assert copied_share("", "宿屋") == 0.0


def test_training_titles_are_found_with_a_few_edits() -> None:
    titles = TrainingTitles(["魔王の娘は今日も眠い", "古い宿屋"])
    assert titles.nearest("「魔王」の娘は、今日も眠い！") == ("魔王の娘は今日も眠い", 1.0)
    near = titles.nearest("魔王の娘は明日も眠い")  # one character of ten
    assert near is not None and near[1] == pytest.approx(0.9)
    assert titles.nearest("魔王の息子は明日も起きない") is None
    assert titles.nearest("古い宿場") is None  # one of four


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("魔王の娘", ()),
        ("もふもふドキドキ、「はい！」と（叫ぶ）令嬢", ()),
        ("婚約破棄した王子が婚約破棄された", ()),
        ("", ("empty",)),
        ("　 ", ("empty",)),
        ("魔王[UNK]娘", ("unknown_token",)),
        ("「魔王", ("unbalanced",)),
        ("「魔王（」）", ("unbalanced",)),
        ("魔王」", ("unbalanced",)),
        ("迷宮の三百年三百年", ("repeated",)),
        ("魔王の娘が来たから魔王の娘が来たから", ("repeated",)),
        ("古い宿屋の朝が来たのに、古い宿屋の朝が来た", ("repeated",)),
    ],
)
def test_flaws(title: str, expected: tuple[str, ...]) -> None:
    assert flaws(title) == expected


def test_hardly_any_title_of_the_corpus_has_a_flaw() -> None:
    titles = [pair.title for pair in read_pairs("sample:titles", "validation")]
    assert sum(bool(flaws(title)) for title in titles) <= 0.01 * len(titles)


def test_the_classifier_tells_titles_from_openings_and_from_shuffled_words() -> None:
    pairs = [(pair.synopsis, pair.title) for pair in read_pairs("sample:titles")][:3000]
    judge = TitleClassifier(pairs)
    assert judge.accuracy > 0.8
    held_out = list(read_pairs("sample:titles", "validation"))[::5]
    openings = [pair.synopsis.replace("\n", "")[:30] for pair in held_out]
    shuffled = [
        "".join(random.Random(place).sample(words(pair.title), len(words(pair.title))))
        for place, pair in enumerate(held_out)
        if len(words(pair.title)) > 8
    ]

    def share(texts: list[str]) -> float:
        return sum(value >= 0.5 for value in judge.probabilities(texts)) / len(texts)

    assert share([pair.title for pair in held_out]) > 0.85
    assert share(openings) < 0.2
    assert share(shuffled) < 0.3
    assert judge.probabilities(["", "  "]) == [0.0, 0.0]
    assert judge.probabilities([]) == []
    with pytest.raises(ValueError, match="fewer than 20"):
        TitleClassifier(pairs[:5])
