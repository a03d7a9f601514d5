"""Pairs: the same from every format, cleaned with reasons, split without leaks."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narou_gen.conditions import Conditions, length_class
from narou_gen.config import DataConfig
from narou_gen.data import _groups, clean_pairs, load_splits
from narou_gen.errors import DataError, InputError
from narou_gen.resources import SAMPLE
from narou_gen.sources import Pair, genre_name, read_pairs
from narou_gen.text import comparison_key

STORY = "古い井戸の底で、少年は自分の名前を呼ぶ声を聞いた。"


def write(path: Path, rows: list[dict[str, object]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return str(path)


def test_all_formats_hold_the_same_pairs(tmp_path: Path) -> None:
    rows = [
        {"synopsis": STORY, "title": "井戸の声", "genre": "303", "keywords": "井戸 少年", "author": "7"},
        {"synopsis": STORY + "続き", "title": "1984", "genre": "", "keywords": "", "author": ""},
    ]
    expected = [
        Pair(STORY, "井戸の声", "歴史〔文芸〕", ("井戸", "少年"), "7"),
        Pair(STORY + "続き", "1984"),
    ]
    write(tmp_path / "pairs.jsonl", rows)
    with (tmp_path / "pairs.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    for kind in ("jsonl", "csv", "parquet"):
        assert list(read_pairs(str(tmp_path / f"pairs.{kind}"))) == expected, kind


def test_a_hugging_face_dataset_is_read_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    write(folder / "train.jsonl", [{"synopsis": STORY, "titles": ["一", "二"]}])
    assert [pair.title for pair in read_pairs(str(folder))] == ["一", "二"]


def test_each_of_several_titles_makes_a_pair() -> None:
    pairs = list(read_pairs("sample:titles", "test"))
    works = (SAMPLE / "titles" / "test.jsonl").read_text("utf-8").splitlines()
    assert len(pairs) == 3 * len(works) > 1000
    assert pairs[0].synopsis == pairs[2].synopsis
    classes = Counter(length_class(pair.title) for pair in pairs)
    assert min(classes["long"], classes["middle"], classes["short"]) > 200


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"title": "題"}, "row 2: needs a text `synopsis`"),
        ({"synopsis": STORY}, "row 2: needs a text `synopsis` and a text `title`"),
        ({"synopsis": 3, "title": "題"}, "row 2: needs"),
        ({"synopsis": STORY, "titles": ["a", 3]}, "row 2: needs"),
        ({"synopsis": STORY, "title": "題", "keywords": 3}, "row 2: `keywords` must be"),
        ({"synopsis": STORY, "title": "題", "genre": 5}, "row 2: genre = 5: no such genre. Known: 0"),
        ({"synopsis": STORY, "title": "題", "genre": "1" * 5000}, "row 2: genre = 111111111: no such genre"),
    ],
)
def test_a_row_that_is_no_pair_is_named(tmp_path: Path, row: dict[str, object], said: str) -> None:
    source = write(tmp_path / "pairs.jsonl", [{"synopsis": STORY, "title": "題"}, row])
    with pytest.raises(DataError) as caught:
        list(read_pairs(source))
    assert said in str(caught.value)


def test_sources_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "no.jsonl").write_text("not json")
    (tmp_path / "deep.jsonl").write_text('{"synopsis": ' + "[" * 100_000)
    (tmp_path / "no.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "no.csv").write_bytes(b"synopsis,title\n\xff\xff,\xff")
    (tmp_path / "no.db").write_bytes(b"no database")
    (tmp_path / "no.txt").write_text("a text")
    for name in (
        "no.jsonl",
        "deep.jsonl",
        "no.parquet",
        "no.csv",
        "no.db",
        "no.txt",
        "missing.jsonl",
        "no-such-dataset",
    ):
        with pytest.raises(DataError) as caught:
            list(read_pairs(str(tmp_path / name) if "." in name else name))
        assert "\n" not in str(caught.value), name
    with pytest.raises(DataError, match=r"The bundled sources are: .*sample:titles"):
        list(read_pairs("sample:nothing"))


def test_what_cleaning_leaves_out_is_counted() -> None:
    long_title = "井戸の底から呼ぶ声に名前を返した少年の話"
    left_out: Counter[str] = Counter()
    kept = list(
        clean_pairs(
            [
                Pair(STORY, "井戸の声"),
                Pair(STORY, "井戸の声！"),  # the same but for punctuation
                Pair("短", "題"),
                Pair("……！？", "題"),
                Pair(STORY, " \n"),
                Pair(f"『{long_title}』の書き直し。{STORY}", long_title),
                Pair("&quot;声&quot;がする。" + STORY, "&lt;声&gt;", keywords=(" 井戸 ", "")),
            ],
            left_out,
        )
    )
    assert [pair.title for pair in kept] == ["井戸の声", "<声>"]
    assert kept[1].synopsis.startswith('"声"がする。')
    assert kept[1].keywords == ("井戸",)
    assert left_out == {
        "duplicate": 1,
        "synopsis under 2 letters": 2,
        "empty title": 1,
        "title quoted whole in its synopsis": 1,
    }


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 25), st.one_of(st.none(), st.integers(0, 12)), st.integers(0, 30)),
        min_size=30,
        max_size=80,
    ),
    st.sampled_from([0.1, 0.3, 0.5]),
)
def test_no_work_repost_or_author_stands_on_two_sides(
    tmp_path_factory: pytest.TempPathFactory,
    works: list[tuple[int, int | None, int]],
    fraction: float,
) -> None:
    rows = [
        {"synopsis": f"{STORY}{story}番目の夜。", "title": f"題{title}", "author": author, "id": None}
        for story, author, title in works
    ]
    source = write(tmp_path_factory.mktemp("split") / "pairs.jsonl", rows)
    try:
        splits = load_splits(DataConfig(train=source, validation=fraction, test=fraction / 2))
    except DataError:
        return  # so few groups that one side stayed empty, which is said
    sides = (splits.train, splits.validation, splits.test)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not keys(sides[one]) & keys(sides[other])
    assert sum(map(len, sides)) + sum(splits.left_out.values()) == len(rows)


def keys(pairs: list[Pair]) -> set[str]:
    synopses = {comparison_key(pair.synopsis) for pair in pairs}
    return synopses | {f"author {pair.author}" for pair in pairs if pair.author}


def test_groups_are_linked_through_others() -> None:
    pairs = [
        Pair("一の物語", "a", author="1"),
        Pair("二の物語", "b", author="1"),
        Pair("二の物語！", "c", author="2"),  # a repost under another name
        Pair("三の物語", "d", author="2"),
        Pair("四の物語", "e"),
        Pair("五の物語", "f", author="None"),
    ]
    one, two, repost, three, four, five = list(_groups(pairs, lambda pair: pair.synopsis))
    assert one == two == repost == three
    assert len({one, four, five}) == 3


def test_a_few_words_link_no_works() -> None:
    story = "古い井戸の底から、名前を呼ぶ声がする。少年は一度だけ返事をした。"
    pairs = [
        Pair("魔王と猫", "a", id="1"),
        Pair("魔王と猫", "b", id="2"),
        Pair(story, "c", id="2"),
        Pair(story, "d", id="3"),  # the same work, posted twice
    ]
    one, few, whole, repost = list(_groups(pairs, lambda pair: pair.synopsis))
    assert few == whole == repost != one


def test_a_fraction_takes_about_that_part_and_keeps_it_when_data_is_added(tmp_path: Path) -> None:
    rows = [{"synopsis": f"{STORY}{number}", "title": "題"} for number in range(2000)]
    small = load_splits(DataConfig(train=write(tmp_path / "a.jsonl", rows[:1000]), validation=0.1))
    large = load_splits(DataConfig(train=write(tmp_path / "b.jsonl", rows), validation=0.1))
    assert 70 < len(small.validation) < 130
    assert set(small.validation) <= set(large.validation)


@pytest.mark.parametrize(("works", "fraction"), [(300, 0.1), (3000, 0.02)])
def test_without_a_word_of_it_validation_and_test_are_set_apart(
    tmp_path: Path, works: int, fraction: float
) -> None:
    rows = [{"synopsis": f"{STORY}{number}", "title": "題"} for number in range(works)]
    splits = load_splits(DataConfig(train=write(tmp_path / "pairs.jsonl", rows)))
    for held_out in (splits.validation, splits.test):
        assert 0.5 * fraction * works < len(held_out) < 1.6 * fraction * works


def test_too_little_to_validate_with_is_said(tmp_path: Path) -> None:
    source = write(tmp_path / "pairs.jsonl", [{"synopsis": STORY, "title": "題"}])
    with pytest.raises(DataError, match=r"No pairs for data\.(train|validation) = .*give more data"):
        load_splits(DataConfig(train=source))


def test_a_source_of_its_own_keeps_its_works_out_of_training(tmp_path: Path) -> None:
    rows = [{"synopsis": f"{STORY}{number}", "title": "題", "author": number} for number in range(20)]
    splits = load_splits(
        DataConfig(
            train=write(tmp_path / "train.jsonl", rows),
            validation=write(tmp_path / "validation.jsonl", rows[:5]),
            test=write(tmp_path / "test.jsonl", rows[3:8]),
        )
    )
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [12, 3, 5]
    assert splits.left_out == {
        "work or author is in test already": 7,
        "work or author is in validation already": 3,
    }


def test_the_bundled_corpus_is_split_by_the_rule_its_readme_states() -> None:
    for corpus, key in (("titles", "synopsis"), ("ideas", "synopsis"), ("comments", "text")):
        texts = set()
        for split in ("train", "validation", "test"):
            for line in (SAMPLE / corpus / f"{split}.jsonl").read_text("utf-8").splitlines():
                text = json.loads(line)[key]
                byte = hashlib.sha256(text.encode()).digest()[0]
                assert split == ("test" if byte < 26 else "validation" if byte < 52 else "train")
                assert text not in texts
                texts.add(text)
    splits = load_splits(DataConfig(train="sample:titles"))
    assert len(splits.validation) > 600 and len(splits.test) > 600
    assert set(splits.left_out) == {"title quoted whole in its synopsis"}


def test_several_sources_are_one(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"synopsis": f"{n}番目の宿。", "title": f"宿{n}", "id": n} for n in range(40)
    ]
    both = [write(tmp_path / "a.jsonl", rows[:20]), write(tmp_path / "b.jsonl", rows[10:])]
    splits = load_splits(DataConfig(train=both, validation=0.2, test=0.2))
    one = load_splits(DataConfig(train=write(tmp_path / "c.jsonl", rows), validation=0.2, test=0.2))
    assert splits.left_out == {"duplicate": 10}
    assert (splits.train, splits.validation, splits.test) == (one.train, one.validation, one.test)
    bundled = load_splits(DataConfig(train=["sample:ideas", "sample:ideas"]))
    assert bundled.test == load_splits(DataConfig(train="sample:ideas")).test


def test_a_limit_draws_by_the_seed(some_pairs: Path) -> None:
    config = DataConfig(train=str(some_pairs), limit=50)
    assert load_splits(config, 1).train == load_splits(config, 1).train
    assert load_splits(config, 1).train != load_splits(config, 2).train
    assert len(load_splits(config, 1).train) == 50


def test_the_fingerprint_tells_data_apart(some_pairs: Path) -> None:
    config = DataConfig(train=str(some_pairs), limit=50)
    assert load_splits(config, 1).fingerprint() == load_splits(config, 1).fingerprint()
    assert load_splits(config, 1).fingerprint() != load_splits(config, 2).fingerprint()


def test_genres_by_code_and_name() -> None:
    assert (
        genre_name(201)
        == genre_name("201")
        == genre_name("ハイファンタジー")
        == "ハイファンタジー〔ファンタジー〕"
    )
    assert genre_name("SF怪談") == "SF怪談"
    assert genre_name(201.0) == genre_name(201)
    assert genre_name(None) is genre_name(float("nan")) is genre_name("") is genre_name(0) is None
    with pytest.raises(InputError, match=r"genre = 7: no such genre\. Known: .*201"):
        genre_name(7)


def test_conditions_are_plain_text_in_a_fixed_order() -> None:
    everything = Conditions("歴史", ("井戸", "少年"), "long")
    assert (
        "".join(everything.parts().values()) == "題名の長さ：長い。ジャンル：歴史。キーワード：井戸、少年。"
    )
    assert "".join(Conditions().parts().values()) == ""
    assert Pair(STORY, "五人目", "歴史").conditions == Conditions("歴史", (), "short")
