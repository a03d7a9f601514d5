"""A vocabulary cut to what a corpus uses: the rest of the model is as it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import write_bert2bert
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertModel,
    EncoderDecoderModel,
)
from trim_models import KINDS, READ, SPECIAL, UNKNOWN, UNREAD, write_base, write_tokenizer

from narou_gen import NarouGenError, SentimentAnalyzer, TitleGenerator, load_config, train
from narou_gen.tokenizer import Tokenizer, load_tokenizer
from narou_gen.trim import trim_vocabulary
from narou_gen.trim_corpus import condition_texts


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("corpus") / "synopses.jsonl"
    rows = [{"synopsis": text} for text in (*READ, UNKNOWN)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture(scope="module", params=KINDS)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, corpus: Path
) -> tuple[Path, Path]:
    """A base model before and after."""
    folder = tmp_path_factory.mktemp(request.param)
    base = write_base(folder / "base", request.param)
    trim_vocabulary(str(base), [str(corpus)], folder / "cut")
    return base, folder / "cut"


@pytest.fixture(scope="module")
def both(pair: tuple[Path, Path]) -> tuple[Tokenizer, Tokenizer]:
    return load_tokenizer(pair[0]), load_tokenizer(pair[1])


def old_ids(old: Tokenizer, new: Tokenizer) -> list[int]:
    """The old id of each new one; every token is the one that it was, in the old order."""
    before = old.vocabulary()
    tokens = sorted(new.vocabulary().items(), key=lambda item: item[1])
    assert [number for _, number in tokens] == list(range(len(tokens)))
    ids = [before[token] for token, _ in tokens]
    assert ids == sorted(ids)
    return ids


def assert_same_tokens(old: Tokenizer, new: Tokenizer, texts: list[str]) -> int:
    """Text whose tokens are all kept has the same; returns of how many texts that was so."""
    renumbered = {was: now for now, was in enumerate(old_ids(old, new))}
    covered = 0
    for text, ids in zip(texts, old.parts(texts), strict=True):
        if renumbered.keys() >= set(ids):
            assert new.parts([text]) == [[renumbered[number] for number in ids]], text
            covered += 1
    return covered


def test_the_same_tokens_hidden_states_and_guesses(pair: tuple[Path, Path]) -> None:
    base, cut = pair
    old, new = load_tokenizer(base), load_tokenizer(cut)
    kept = old_ids(old, new)
    assert len(kept) < len(old)
    ours = AutoTokenizer.from_pretrained(cut)
    assert AutoModel.from_pretrained(cut).config.vocab_size == len(kept)
    bodies = [AutoModel.from_pretrained(folder).eval() for folder in pair]
    heads = [AutoModelForMaskedLM.from_pretrained(folder).eval() for folder in pair]
    for text in (*READ[:6], UNKNOWN):
        text = text[:150]
        ids = new.encode(text)
        assert ours(text)["input_ids"] == ids
        assert [kept[number] for number in ids] == old.encode(text)
        inputs = [torch.tensor([old.encode(text)]), torch.tensor([ids])]
        with torch.no_grad():
            before, after = (body(each).last_hidden_state for body, each in zip(bodies, inputs, strict=True))
            assert torch.equal(before, after)
            before, after = (head(each).logits for head, each in zip(heads, inputs, strict=True))
            assert torch.equal(before[..., kept], after)
    assert new.unknowns(UNKNOWN) == old.unknowns(UNKNOWN) != []


def test_special_tokens_and_single_characters_stay(pair: tuple[Path, Path]) -> None:
    old, new = map(load_tokenizer, pair)
    before, after = old.vocabulary(), new.vocabulary()
    names = ("cls_id", "sep_id", "pad_id", "unk_id", "mask_id")
    text = {number: token for token, number in before.items()}
    for name in names:
        assert after[text[getattr(old, name)]] == getattr(new, name), name
    config = json.loads((pair[1] / "config.json").read_text())
    assert (config["pad_token_id"], config["eos_token_id"]) == (new.pad_id, new.sep_id)
    assert old.vocabulary().get("◇◆◇", -1) == -1 or "◇◆◇" in after  # an added token
    for character in "あヴ々〇、。「」…★龠鬱ＡZz09!~Ａ㈱𠮷":
        for token in (character, f"##{character}"):
            assert (token in after) == (token in before), token
    assert "▁" in after or "▁" not in before
    assert not any(token.startswith("[unused1") for token in after)
    conditions = old.parts(condition_texts())
    kept = set(old_ids(old, new))
    assert all(set(ids) <= kept for ids in conditions)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_text_of_kept_tokens_is_cut_as_before(
    both: tuple[Tokenizer, Tokenizer], data: st.DataObject
) -> None:
    pieces = st.one_of(
        st.sampled_from(READ).flatmap(
            lambda text: st.integers(0, len(text) - 9).map(lambda n: text[n : n + 9])
        ),
        st.sampled_from([*UNREAD, UNKNOWN]).flatmap(
            lambda text: st.integers(0, len(text) - 4).map(lambda n: text[n : n + 4])
        ),
        st.text("abAB12 　ー…☃", max_size=4),
    )
    text = "".join(data.draw(st.lists(pieces, max_size=8)))
    assert_same_tokens(*both, [text])


def test_unseen_stories_are_covered_in_part_and_then_the_same(pair: tuple[Path, Path]) -> None:
    old, new = map(load_tokenizer, pair)
    sentences = [sentence for text in UNREAD for sentence in text.split("。")]
    assert assert_same_tokens(old, new, sentences) > 10


# Title checkpoints


@pytest.fixture(scope="module")
def titles(
    tmp_path_factory: pytest.TempPathFactory, debug_checkpoint: Path, corpus: Path
) -> tuple[Path, Path]:
    """What `train title-debug` makes, with a sentiment head beside it, before and after."""
    folder = tmp_path_factory.mktemp("titles")
    shutil.copytree(debug_checkpoint, folder / "whole")
    changes = [f"model.checkpoint='{folder / 'whole'}'", "data.limit=60", "training.epochs=1"]
    train(load_config("sentiment", [*changes, "training.tracker='none'"], str(folder / "whole")))
    trim_vocabulary(str(folder / "whole"), [str(corpus)], folder / "cut")
    return folder / "whole", folder / "cut"


def test_a_title_checkpoint_reads_and_writes_as_before(titles: tuple[Path, Path]) -> None:
    old, new = map(load_tokenizer, titles)
    kept = old_ids(old, new)
    models_ = [EncoderDecoderModel.from_pretrained(folder).eval() for folder in titles]
    for text in READ[:4]:
        ids = new.encode(text, 90)
        start = [new.cls_id, *new.parts(["少年と井戸"])[0]]
        inputs = [{"input_ids": torch.tensor([ids]), "decoder_input_ids": torch.tensor([start])}]
        inputs.insert(0, {name: torch.tensor(kept)[value] for name, value in inputs[0].items()})
        with torch.no_grad():
            before, after = (model(**each) for model, each in zip(models_, inputs, strict=True))
        assert torch.equal(before.encoder_last_hidden_state, after.encoder_last_hidden_state)
        torch.testing.assert_close(before.logits[..., kept], after.logits)  # another width, other sums
        # Greedy, so that no sum over the vocabulary counts, and without the dropped tokens before, too.
        dropped = sorted(set(range(len(old))) - set(kept))
        greedy = {"num_beams": 1, "max_length": 20, "no_repeat_ngram_size": 2}
        banned = [*(models_[0].generation_config.suppress_tokens or []), *dropped]
        first = models_[0].generate(inputs[0]["input_ids"], suppress_tokens=banned, **greedy)
        second = models_[1].generate(inputs[1]["input_ids"], **greedy)
        assert old.decode(first[0]) == new.decode(second[0]) != ""


def test_what_belongs_to_a_title_checkpoint_comes_along(titles: tuple[Path, Path]) -> None:
    whole, cut = titles
    for file in (
        "novelty.safetensors",
        "metrics.jsonl",
        "sentiment/head.safetensors",
        "sentiment/labels.json",
    ):
        assert (whole / file).read_bytes() == (cut / file).read_bytes(), file
    record = json.loads((cut / "run.json").read_text("utf-8"))
    vocabulary = record.pop("vocabulary")
    assert record == json.loads((whole / "run.json").read_text("utf-8"))
    assert vocabulary == {
        "before": len(load_tokenizer(whole)),
        "after": len(load_tokenizer(cut)),
        "min_count": 1,
    }
    assert not (cut / "state").exists() and not (cut / "sentiment" / "state").exists()
    assert TitleGenerator.from_checkpoint(cut).generate(READ[:2], num_titles=1)[1][0].text
    before, after = (SentimentAnalyzer.from_checkpoint(each, engine="torch").analyze(READ) for each in titles)
    for one, other in zip(before, after, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_the_ids_that_generation_names_are_renumbered(tmp_path: Path, corpus: Path) -> None:
    """Special tokens change their ids here, weights are float16, and the head has a bias of its own."""
    write_tokenizer(tmp_path / "words", "japanese")
    write_bert2bert(tmp_path / "base", tokenizer=tmp_path / "words", dtype=torch.float16)
    old = load_tokenizer(tmp_path / "base")
    file = tmp_path / "base" / "generation_config.json"
    config = json.loads(file.read_text())
    config |= {
        "suppress_tokens": [old.unk_id, old.vocabulary()["##鬱"]],
        "bad_words_ids": [[old.mask_id, old.cls_id]],
    }
    file.write_text(json.dumps(config))
    trim_vocabulary(str(tmp_path / "base"), [str(corpus)], tmp_path / "cut")
    new = load_tokenizer(tmp_path / "cut")
    found = json.loads((tmp_path / "cut" / "generation_config.json").read_text())
    assert found["suppress_tokens"] == [new.unk_id, new.vocabulary()["##鬱"]]
    assert found["bad_words_ids"] == [[new.mask_id, new.cls_id]]
    assert found["begin_suppress_tokens"] == [new.sep_id] != [old.sep_id]
    model = json.loads((tmp_path / "cut" / "config.json").read_text())
    for each in (found, model, model["encoder"], model["decoder"]):
        assert (each["pad_token_id"], each["bos_token_id"]) == (new.pad_id, new.cls_id)
        assert each["eos_token_id"] == new.sep_id
        assert each.get("vocab_size", len(new)) == len(new)
    assert found["decoder_start_token_id"] == model["decoder_start_token_id"] == new.cls_id
    assert EncoderDecoderModel.from_pretrained(tmp_path / "cut", dtype="auto").dtype == torch.float16
    for engine in ("ctranslate2", "torch"):
        texts = [
            TitleGenerator.from_checkpoint(tmp_path / "cut", engine=engine).generate(READ[:1])[0][0].text
        ]
        assert all(texts)


def test_seldom_used_tokens_can_go(tmp_path: Path) -> None:
    base = write_base(tmp_path / "base", "japanese")
    (tmp_path / "a.txt").write_text("少年が少年に会う。令嬢。\n", "utf-8")
    for count, kept in ((1, {"少年", "令嬢"}), (2, {"少年"}), (3, set())):
        done = trim_vocabulary(str(base), [str(tmp_path / "a.txt")], tmp_path / str(count), count)
        tokens = load_tokenizer(tmp_path / str(count)).vocabulary().keys()
        assert {"少年", "令嬢"} & tokens == kept
        assert done.tokens == (len(load_tokenizer(base)), len(tokens))
        rows = done.parameters[0] - done.parameters[1]
        # Embeddings, which the head is tied to, and its bias; 35 rows never had a token.
        assert rows == (done.tokens[0] + 35 - done.tokens[1]) * (16 + 1)


# Errors


def bpe(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    (folder / "vocab.txt").unlink()
    rust = RustTokenizer(models.BPE({token: n for n, token in enumerate(SPECIAL)}, [], unk_token="<unk>"))
    rust.add_special_tokens(list(SPECIAL))
    rust.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    return folder


def too_few(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    BertModel(
        BertConfig(vocab_size=300, hidden_size=8, num_attention_heads=1, num_hidden_layers=1)
    ).save_pretrained(folder)
    return folder


def without_weights(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    (folder / "model.safetensors").unlink()
    return folder


def other_model(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    (folder / "config.json").write_text('{"model_type": "xlm-roberta"}')
    return folder


def other_class(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["MyBert"]}))
    return folder


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_class, "is a MyBert, which transformers does not have"),
        (bpe, "only WordPiece and Unigram can be cut"),
        (too_few, "300 embeddings, fewer than"),
        (without_weights, "is no whole model"),
        (other_model, "is a xlm-roberta model; only BERTs"),
        (lambda base, folder: folder, "No model at"),
    ],
)
def test_a_model_that_cannot_be_cut(change: Any, reason: str, tmp_path: Path, corpus: Path) -> None:
    model = change(write_base(tmp_path / "base", "japanese"), tmp_path / "changed")
    with pytest.raises(NarouGenError) as raised:
        trim_vocabulary(str(model), [str(corpus)], tmp_path / "out" / "cut")
    assert reason in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("mine")
    for output in (tmp_path / "full", tmp_path / "full" / "note"):
        with pytest.raises(NarouGenError, match="is not an empty folder"):
            trim_vocabulary("narou-mini", [str(corpus)], output)


def test_the_command(tmp_path: Path, corpus: Path) -> None:
    base = write_base(tmp_path / "base", "unigram")
    note = tmp_path / "note.txt"
    note.write_text("少年が井戸で猫に会う。\n", "utf-8")
    (tmp_path / "cut").mkdir()  # an empty folder is taken
    command = ["trim-vocab", base, "--corpus", corpus, "--corpus", note, "-o", tmp_path / "cut"]
    answer = subprocess.run(
        [sys.executable, "-m", "narou_gen", *map(str, command)], capture_output=True, text=True, check=True
    )
    assert answer.stdout == f"{tmp_path / 'cut'}\n"
    old, new = load_tokenizer(base), load_tokenizer(tmp_path / "cut")
    tokens, parameters = answer.stderr.splitlines()
    assert tokens.startswith(f"Tokens: {len(old):,} before, {len(new):,} after (")
    assert parameters.startswith("Parameters: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "base",
        "cut",
        "note.txt",
    ]  # nothing was left beside it
