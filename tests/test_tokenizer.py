"""Our ids are those of transformers, for every kind of tokenizer, and transformers is not imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

from narou_gen import tokenizer as module
from narou_gen import wordpiece
from narou_gen.errors import ModelError
from narou_gen.resources import SAMPLE
from narou_gen.tokenizer import Tokenizer, load_tokenizer

TINY = SAMPLE / "bert-tiny"
LARGE = Path(__file__).parent / "fixtures" / "bert-base-japanese-v3"
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
ROLES = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

HARD = [
    "",
    " \n\t　",
    "[CLS]",
    "少年は[MASK]を見た。[SEP]",
    "[[CLS]][MASK][MASK]",
    "[CLS と [SEP",
    "［ＭＡＳＫ］",
    "[mask]",
    "<s>少年</s><mask> は",
    "##声は##は",
    "ｶﾞﾝﾀﾞﾑと㍿①㌔ﾊﾟｰﾃｨｰ",
    "か\u3099き\u3099",
    "a" * 100,
    "a" * 101,
    "İ" * 60 + "ΑΣ ΑΣΑ ẞ",
    "五\0六[SEP]七\0八",
    "a\x1cb\x85c\u2028d\u200be\ufefff\u00a0g",
    "🙂👨\u200d👩\u200d👧と🇯🇵",
    "𠮷野家で𩸽を",
    "«Don ' t stop . Is n't it , ok ?»",
    "転生したら最強だったhttps://example.com/?a=b#c件について【連載版】〜第１章〜",
    "\ufffd\u0301\u0300e\u0301",
]
ALPHABETS = (
    st.sampled_from(["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[", "]", "<s>", "</s>", "<mask>", "##"]),
    st.text(alphabet="ぁあいうえおかがきくけこんっゃーアイウエオガヴー", max_size=6),
    st.text(alphabet="異世界転生勇者魔王令嬢追放最強少年𠮷髙", max_size=4),
    st.text(alphabet="ｱｲｳｶﾞﾊﾟﾞﾟｰ｡｢｣１２ＡＢ！？", max_size=5),
    st.text(alphabet="\u3099\u309a\u0301\u0308\u200d\ufe0f", max_size=2),
    st.text(alphabet=" \t\n\r\x0b\x1c\x85\u00a0\u3000\u200b\u2028", max_size=3),
    st.text(alphabet="🙂👨👩🇯🇵🏳🌈", max_size=3),
    st.text(alphabet="abcXYZßİΣ0123456789'.,-_/", max_size=8),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=4),
)
TEXTS = st.lists(st.one_of(*ALPHABETS), max_size=10).map("".join)


def stories(*splits: str) -> Iterator[str]:
    for split in splits:
        for line in (SAMPLE / "titles" / f"{split}.jsonl").read_text("utf-8").split("\n"):
            if line:
                record = json.loads(line)
                yield from (record["synopsis"], *record["titles"])


def assert_same(folder: Path | Tokenizer, reference: Any, texts: list[str]) -> None:
    """Ids, ids cut short, ids as parts, and texts of ids."""
    ours = folder if isinstance(folder, Tokenizer) else load_tokenizer(folder)
    wanted = reference(texts, add_special_tokens=False, verbose=False)["input_ids"]
    assert ours.parts(texts) == wanted
    assert ours.parts(texts, 7) == [ids[:7] for ids in wanted]
    for text, bare in zip(texts, wanted, strict=True):
        ids = reference.encode(text, verbose=False)
        assert ours.encode(text) == ids
        assert ours.encode(text, 9) == reference.encode(text, truncation=True, max_length=9)
        for some in (ids, bare[1:], bare[2:5]):
            assert ours.decode(some) == reference.decode(some, skip_special_tokens=True).removeprefix("##")


def assert_same_everywhere(folder: Path, tmp_path: Path) -> Tokenizer:
    """As AutoTokenizer has it, now and after being saved, which writes the same bytes each time."""
    reference, ours = AutoTokenizer.from_pretrained(folder), load_tokenizer(folder)
    texts = [*HARD, *list(stories("validation"))[:30]]
    assert_same(ours, reference, texts)
    assert ours.vocabulary() == reference.get_vocab()
    assert len(ours) == len(reference)
    assert (ours.cls_id, ours.sep_id) == (reference.cls_token_id, reference.sep_token_id)
    assert (ours.pad_id, ours.unk_id) == (reference.pad_token_id, reference.unk_token_id)
    ours.save(tmp_path / "saved")
    assert_same(tmp_path / "saved", reference, texts)
    assert_same(ours, AutoTokenizer.from_pretrained(tmp_path / "saved"), texts)
    load_tokenizer(tmp_path / "saved").save(tmp_path / "again")
    saved, again = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("saved", "again")
    )
    assert saved == again
    return ours


def changed(base: Path, folder: Path, changes: dict[str, Any], file: str = "tokenizer_config.json") -> Path:
    """A copy of a tokenizer with other settings; None takes one away."""
    shutil.copytree(base, folder)
    found = json.loads((folder / file).read_text("utf-8")) | changes
    kept = {key: value for key, value in found.items() if value is not None}
    (folder / file).write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
    return folder


@pytest.fixture(scope="module", params=[TINY, LARGE], ids=["tiny", "large"])
def both(request: pytest.FixtureRequest) -> tuple[Tokenizer, Any]:
    return load_tokenizer(request.param), AutoTokenizer.from_pretrained(request.param)


def test_ids_of_the_sample(both: tuple[Tokenizer, Any]) -> None:
    assert_same(*both, list(stories("validation"))[::3])


@pytest.mark.slow
def test_ids_of_the_whole_sample(both: tuple[Tokenizer, Any]) -> None:
    texts = list(stories("train", "validation", "test"))
    assert both[0].parts(texts) == both[1](texts, add_special_tokens=False, verbose=False)["input_ids"]


@given(TEXTS)
@settings(deadline=None, max_examples=100)
def test_ids_of_any_text(both: tuple[Tokenizer, Any], text: str) -> None:
    assert_same(*both, [text])


@given(st.lists(st.integers(0, 40_000), max_size=12))
@settings(deadline=None, max_examples=100)
def test_texts_of_any_ids(both: tuple[Tokenizer, Any], ids: list[int]) -> None:
    ours, reference = both
    assert ours.decode(ids) == reference.decode(ids, skip_special_tokens=True).removeprefix("##")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"do_lower_case": True},
        {"subword_tokenizer_type": "character"},
        {"subword_tokenizer_type": "character", "do_lower_case": True},
        {"mecab_kwargs": {"mecab_dic": "unidic_lite", "normalize_text": False}},
        {"clean_up_tokenization_spaces": True},
    ],
    ids=lambda changes: "-".join(changes) or "none",
)
def test_settings_of_the_japanese_tokenizer(changes: dict[str, Any], tmp_path: Path) -> None:
    ours = assert_same_everywhere(changed(LARGE, tmp_path / "base", changes), tmp_path)
    assert isinstance(ours.engine, wordpiece.JapaneseWordPiece)


@pytest.mark.parametrize(
    "changes",
    [
        {"mecab_kwargs": None},  # transformers' own default, which has changed before
        {"mecab_kwargs": {"mecab_dic": "unidic_lite", "mecab_option": "-x 未知"}},
        {"word_tokenizer_type": "basic"},
        {"mask_token": "[NEW]"},
        {"additional_special_tokens": ["勇者"]},
        {"added_tokens_decoder": {"5": {"content": "魔王", "lstrip": True, "special": False}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_anything_else_is_left_to_transformers(changes: dict[str, Any], tmp_path: Path) -> None:
    ours = assert_same_everywhere(changed(LARGE, tmp_path / "base", changes), tmp_path)
    assert isinstance(ours.engine, module._Transformers)


def test_a_folder_saved_by_transformers(tmp_path: Path) -> None:
    AutoTokenizer.from_pretrained(TINY).save_pretrained(tmp_path / "base")
    ours = assert_same_everywhere(tmp_path / "base", tmp_path)
    assert isinstance(ours.engine, wordpiece.JapaneseWordPiece)


@pytest.mark.parametrize("text", ["魔王は笑った。" * 600, " " * 20_000 + "勇者", "x" * 9_000 + "と少年"])
def test_a_cut_is_that_of_the_whole_text(both: tuple[Tokenizer, Any], text: str) -> None:
    ours, reference = both
    whole = reference(text, add_special_tokens=False, verbose=False)["input_ids"]
    assert ours.parts([text], 20)[0] == whole[:20]


def test_surrogates_are_characters_in_pairs_and_unknown_alone() -> None:
    ours = load_tokenizer(LARGE)
    assert ours.parts(["\ud83d\ude42と"]) == ours.parts(["🙂と"])
    assert ours.encode("声\ud83dは") == ours.encode("声\ufffdは")


def test_what_is_remembered_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpiece, "_WORDS_KEPT", 10)
    ours, texts = load_tokenizer(LARGE), [*list(stories("validation"))[:20], "x" * 5000]
    assert ours.parts(texts) == load_tokenizer(LARGE).parts(texts)
    assert len(ours.engine._ids) <= 10


def test_workers_give_the_same_ids(unigram: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SHARE", 30)
    texts = list(stories("validation"))[:80]
    for folder in (TINY, unigram):
        ours = load_tokenizer(folder)
        assert ours.parts(texts, 12, workers=2) == ours.parts(texts, 12)


def train_unigram(file: Path, *, words: bool = False) -> None:
    """A tokenizer.json such as XLM-R has, with the vocabulary of a few stories."""
    rust = RustTokenizer(models.Unigram())
    rust.normalizer = normalizers.NFKC()
    metaspace = {"replacement": "▁", "prepend_scheme": "always"}
    rust.pre_tokenizer = pre_tokenizers.Metaspace(**metaspace)
    if words:
        rust.normalizer = normalizers.Precompiled(CHARSMAP)
        rust.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), rust.pre_tokenizer])
    rust.decoder = decoders.Metaspace(**metaspace)
    trainer = trainers.UnigramTrainer(
        vocab_size=3000, special_tokens=list(SPECIAL), unk_token="<unk>", show_progress=False
    )
    rust.train_from_iterator(list(stories("validation"))[:300], trainer)
    rust.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    rust.save(str(file))


# The smallest charsmap of SentencePiece: an empty trie, so nothing is replaced.
CHARSMAP = (1024).to_bytes(4, "little") + bytes(1024)


@pytest.fixture(scope="module")
def unigram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unigram")
    train_unigram(folder / "tokenizer.json")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "<mask>", **ROLES}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "config.json").write_text('{"model_type": "bert"}')
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tokenizer_class": "TokenizersBackend", "clean_up_tokenization_spaces": True},
        {"mask_token": {"__type": "AddedToken", "content": "<hide>", "lstrip": True}},
        {"mask_token": "<hide>", "extra_special_tokens": ["少年", "は"], "tone_token": "井戸"},
        {"split_special_tokens": True},
    ],
    ids=lambda changes: "-".join(changes) or "none",
)
def test_tokenizer_json(unigram: Path, changes: dict[str, Any], tmp_path: Path) -> None:
    ours = assert_same_everywhere(changed(unigram, tmp_path / "base", changes), tmp_path)
    assert not isinstance(ours.engine, module._Transformers)


def test_special_tokens_named_in_special_tokens_map(unigram: Path, tmp_path: Path) -> None:
    folder = changed(unigram, tmp_path / "base", dict.fromkeys(ROLES))
    (folder / "special_tokens_map.json").write_text(json.dumps(ROLES))
    assert_same_everywhere(folder, tmp_path)


def test_special_tokens_by_their_usual_names(unigram: Path, tmp_path: Path) -> None:
    shutil.copy(unigram / "tokenizer.json", tmp_path)
    ours = load_tokenizer(tmp_path)
    assert (ours.cls_id, ours.pad_id, ours.sep_id, ours.unk_id) == (0, 1, 2, 3)
    assert_same(ours, AutoTokenizer.from_pretrained(tmp_path), HARD)


def test_cuts_and_padding_of_tokenizer_json_are_not_used(unigram: Path, tmp_path: Path) -> None:
    cut = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    folder = changed(unigram, tmp_path / "base", {"truncation": cut}, "tokenizer.json")
    assert_same_everywhere(folder, tmp_path)


def test_bert_and_xlmr_where_the_file_is_what_transformers_would_make(tmp_path: Path) -> None:
    bert = changed(LARGE, tmp_path / "vocab", {"tokenizer_class": "BertTokenizer", "mecab_kwargs": None})
    AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path / "bert")
    (tmp_path / "xlmr").mkdir()
    train_unigram(tmp_path / "xlmr" / "tokenizer.json", words=True)
    (tmp_path / "xlmr" / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    for name in ("bert", "xlmr"):
        ours = assert_same_everywhere(tmp_path / name, tmp_path / f"{name}-saved")
        assert not isinstance(ours.engine, module._Transformers)
    other = changed(tmp_path / "bert", tmp_path / "other", {"do_lower_case": True})
    assert isinstance(assert_same_everywhere(other, tmp_path).engine, module._Transformers)


def test_neither_torch_nor_transformers_is_imported(unigram: Path, tmp_path: Path) -> None:
    """Nor for a model of the hub, here one in its cache."""
    cached = tmp_path / "hub" / "models--tohoku--bert"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    shutil.copytree(TINY, cached / "snapshots" / ("0" * 40))
    script = """if True:
        import sys
        from narou_gen.tokenizer import load_tokenizer
        for name in sys.argv[1:]:
            tokenizer = load_tokenizer(name)
            print(tokenizer.encode("少年は井戸の底で声を聞いた。"))
        assert not {"torch", "transformers", "datasets"} & sys.modules.keys()
    """
    names = [str(TINY), str(unigram), "tohoku/bert"]
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", script, *names], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    tiny, _, hub = map(json.loads, done.stdout.splitlines())
    assert tiny == hub == load_tokenizer(TINY).encode("少年は井戸の底で声を聞いた。")


def damaged(file: str, content: str) -> Callable[[Path, Path], Path]:
    def damage(unigram: Path, folder: Path) -> Path:
        shutil.copytree(unigram, folder)
        (folder / file).write_text(content)
        return folder

    return damage


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _, folder: "nobody/nothing", "no such model"),
        (lambda _, folder: folder, "no such model|Repo id"),
        (lambda _, folder: folder.mkdir() or folder, "holds none of tokenizer.json, vocab.txt"),
        (damaged("tokenizer.json", '{"version"'), "tokenizer.json: EOF"),
        (damaged("tokenizer_config.json", "{"), "No tokenizer at"),
        (damaged("tokenizer_config.json", "[]"), "tokenizer_config.json holds no JSON object"),
        (damaged("special_tokens_map.json", '{"pad_token": null}'), "no pad token; a BERT tokenizer"),
    ],
    ids=["hub", "no folder", "empty folder", "cut", "cut config", "list", "no padding"],
)
def test_no_tokenizer_is_one_line(make: Any, reason: str, unigram: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        load_tokenizer(make(unigram, tmp_path / "folder"))
    assert "\n" not in str(caught.value)


def test_a_dictionary_that_is_not_installed_is_one_line(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    config["mecab_kwargs"] = {"mecab_dic": "ipadic"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelError, match="ipadic dictionary is not installed"):
        load_tokenizer(tmp_path)
