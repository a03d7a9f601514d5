"""The fast engine against the reference: the same titles, the same log-probabilities."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import fixture_vocabulary, write_bert2bert
from transformers import BertConfig, BertForMaskedLM

from narou_gen import TitleGenerator
from narou_gen.checkpoint import load_model
from narou_gen.ctranslate import can_convert, convert, convert_encoder, converted
from narou_gen.engine_ctranslate import CTranslate2Encoder, CTranslate2Engine
from narou_gen.engine_torch import TorchEngine
from narou_gen.errors import CheckpointError, InputError
from narou_gen.metrics.soundness import flaws
from narou_gen.resources import SAMPLE, find_checkpoint
from narou_gen.search import Candidate, Search, Source
from narou_gen.tokenizer import load_tokenizer
from narou_gen.typography import finish_title

SHAPES = {
    "plain": {},
    "deep": {"encoder": {"num_hidden_layers": 3}, "decoder": {"num_hidden_layers": 4}},
    "narrow, one head": {
        "encoder": {"hidden_size": 24, "num_attention_heads": 1},
        "decoder": {"hidden_size": 24, "num_attention_heads": 1},
    },
    "two sizes": {"encoder": {"hidden_size": 48, "num_attention_heads": 4}},
    "untied": {"decoder": {"tie_word_embeddings": False}},
    "relu and silu": {"encoder": {"hidden_act": "relu"}, "decoder": {"hidden_act": "silu"}},
    "tanh gelu, wide norm": {"decoder": {"hidden_act": "gelu_new", "layer_norm_eps": 1e-5}},
    "float16": {"dtype": torch.float16},
    "bfloat16": {"dtype": torch.bfloat16},
}
SEARCHES = {
    "beam": Search(5, max_tokens=24),
    "greedy": Search(1, max_tokens=24),
    "cut short": Search(3, max_tokens=6, length_penalty=-1.0),
    "long ones": Search(4, max_tokens=20, min_tokens=9, length_penalty=2.0),
    "ruled": Search(4, max_tokens=16, no_repeat_ngram_size=1, never=((60,), (61, 62), (63,))),
}


def engines(folder: Path, place: Path) -> tuple[TorchEngine, CTranslate2Engine]:
    tokenizer = load_tokenizer(folder)
    convert(folder, place, "float32")
    return TorchEngine(load_model(folder).eval(), tokenizer), CTranslate2Engine(place, tokenizer, threads=1)


def sources(folder: Path, number: int, longest: int = 90) -> list[Source]:
    tokenizer = load_tokenizer(folder)
    with (SAMPLE / "titles" / "validation.jsonl").open() as lines:
        texts = [json.loads(line)["synopsis"] for line in lines][:number]
    texts += [text[: 3 + 5 * place] for place, text in enumerate(texts)][: number - len(texts)]
    ids = [tokenizer.encode(text, longest) for text in texts]
    return [
        Source(each, tokenizer.unknowns(text)[: each.count(tokenizer.unk_id)])
        for text, each in zip(texts, ids, strict=True)
    ]


def log_probability(reference: TorchEngine, source: Source, title: list[int]) -> float:
    """Of this title and its end, in nats, token by token from torch's logits."""
    ids = [reference._tokenizer.cls_id, *title, reference._tokenizer.sep_id]
    with torch.no_grad():
        logits = reference._model(
            input_ids=torch.tensor([source.ids]), decoder_input_ids=torch.tensor([ids[:-1]])
        ).logits[0]
    return float(logits.log_softmax(-1)[range(len(ids) - 1), ids[1:]].sum())


def assert_equal(expected: list[list[Candidate]], found: list[list[Candidate]]) -> None:
    for one, other in zip(expected, found, strict=True):
        assert [candidate.ids for candidate in one] == [candidate.ids for candidate in other]
        for a, b in zip(one, other, strict=True):
            assert (a.tokens, a.unknowns) == (b.tokens, b.unknowns)
            assert a.log_probability == pytest.approx(b.log_probability, abs=1e-3)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TorchEngine, CTranslate2Engine]:
    folder = write_bert2bert(tmp_path_factory.mktemp("plain"))
    return folder, *engines(folder, tmp_path_factory.mktemp("plain-engine") / "model")


def test_titles_and_scores_equal_over_200_inputs(
    plain: tuple[Path, TorchEngine, CTranslate2Engine],
) -> None:
    folder, reference, fast = plain
    inputs = sources(folder, 200)
    assert_equal(reference.search(inputs, SEARCHES["beam"]), fast.search(inputs, SEARCHES["beam"]))


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_every_way_of_searching(plain: tuple[Path, TorchEngine, CTranslate2Engine], search: Search) -> None:
    folder, reference, fast = plain
    inputs = sources(folder, 24)
    assert_equal(reference.search(inputs, search), fast.search(inputs, search))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model(tmp_path: Path, shape: dict[str, dict[str, int]]) -> None:
    folder = write_bert2bert(tmp_path / "model", **shape)  # type: ignore[arg-type]
    reference, fast = engines(folder, tmp_path / "engine")
    inputs = sources(folder, 12)
    assert_equal(reference.search(inputs, SEARCHES["beam"]), fast.search(inputs, SEARCHES["beam"]))


def test_a_real_japanese_vocabulary(tmp_path: Path) -> None:
    folder = write_bert2bert(tmp_path / "model", tokenizer=fixture_vocabulary(tmp_path / "vocabulary"))
    reference, fast = engines(folder, tmp_path / "engine")
    inputs = sources(folder, 8)
    assert_equal(reference.search(inputs, SEARCHES["beam"]), fast.search(inputs, SEARCHES["beam"]))


def test_the_bundled_model(tmp_path: Path) -> None:
    folder = find_checkpoint("narou-mini")
    reference, fast = engines(folder, tmp_path / "engine")
    inputs = sources(folder, 6)
    assert_equal(reference.search(inputs, SEARCHES["beam"]), fast.search(inputs, SEARCHES["beam"]))


def test_shared_weights(debug_checkpoint: Path, tmp_path: Path) -> None:
    from narou_gen import load_config, train

    config = load_config(
        "title-debug",
        [
            f"output='{tmp_path / 'shared'}'",
            "model.share_weights=true",
            "training.epochs=1",
            "data.limit=32",
            "training.evaluate_synopses=0",
        ],
    )
    folder = train(config)
    reference, fast = engines(folder, tmp_path / "engine")
    inputs = sources(folder, 6)
    assert_equal(reference.search(inputs, SEARCHES["beam"]), fast.search(inputs, SEARCHES["beam"]))


def test_forced_beginnings_are_scored_whole(plain: tuple[Path, TorchEngine, CTranslate2Engine]) -> None:
    folder, reference, fast = plain
    inputs = sources(folder, 6)
    prefixes = [list(range(70, 70 + length)) for length in (0, 1, 2, 2, 3, 5)]
    expected = reference.search(inputs, Search(1, max_tokens=16), prefixes)
    found = fast.search(inputs, Search(1, max_tokens=16), prefixes)
    assert_equal(expected, found)
    for source, prefix, candidates in zip(inputs, prefixes, found, strict=True):
        whole = [*prefix, *candidates[0].ids]
        if prefix and len(whole) < 15:  # it came to its end
            expected_score = log_probability(reference, source, whole)
            assert candidates[0].log_probability == pytest.approx(expected_score, abs=1e-3)


def test_unknown_words_come_from_where_the_model_looks(tmp_path: Path) -> None:
    """A model that loves its unknown token: both engines put the same words of the source there."""
    folder = write_bert2bert(tmp_path / "model")
    model = load_model(folder)
    tokenizer = load_tokenizer(folder)
    with torch.no_grad():
        model.decoder.cls.predictions.bias[tokenizer.unk_id] += 30
    model.save_pretrained(folder)
    reference, fast = engines(folder, tmp_path / "engine")
    text = "𩸽ヶ丘の少年と㐂子の話。彁も出る。" * 2
    source = Source(tokenizer.encode(text, 90), tokenizer.unknowns(text))
    assert len(source.unknowns) >= 2
    known = Source(tokenizer.encode("猫の話", 90), [])
    search = Search(3, max_tokens=10, no_repeat_ngram_size=0)
    expected, found = reference.search([source, known], search), fast.search([source, known], search)
    assert_equal(expected, found)
    assert set(found[0][0].unknowns) <= set(source.unknowns) and found[0][0].unknowns
    assert all(tokenizer.unk_id not in candidate.ids for candidate in found[1])


def test_sampling_repeats_with_its_seed_alone_and_in_a_batch(
    plain: tuple[Path, TorchEngine, CTranslate2Engine],
) -> None:
    folder, reference, fast = plain
    inputs = sources(folder, 3)
    for engine in (reference, fast):
        drawn = engine.search(inputs, Search(4, 16, sample=True, seed=3))
        assert drawn == engine.search(inputs, Search(4, 16, sample=True, seed=3))
        assert drawn != engine.search(inputs, Search(4, 16, sample=True, seed=4))
        assert drawn[1:2] == engine.search(inputs[1:2], Search(4, 16, sample=True, seed=3))


def test_streams_are_greedy_search_token_by_token(
    plain: tuple[Path, TorchEngine, CTranslate2Engine],
) -> None:
    folder, reference, fast = plain
    for source in sources(folder, 3):
        known = Source(source.ids, [])
        search = Search(1, max_tokens=16)
        expected = fast.search([known], search)[0][0].ids
        for engine in (reference, fast):
            assert list(engine.stream(known, search)) == expected
        assert list(fast.stream(known, search, [70, 71])) == list(reference.stream(known, search, [70, 71]))
        drawn = Search(1, max_tokens=16, sample=True, seed=1)
        for engine in (reference, fast):
            assert list(engine.stream(known, drawn)) == list(engine.stream(known, drawn))


def test_what_int8_takes_for_the_best_title_is_nearly_that(tmp_path: Path) -> None:
    """Judged by the full model: what its own best title has over int8's, in nats per token, on average; where
    int8 happens on a better one, that makes up for nothing.

    On a trained model: random ones have no title that they like better than the next.
    """
    folder = find_checkpoint("narou-mini")
    reference, exact = engines(folder, tmp_path / "exact")
    convert(folder, tmp_path / "small", "int8")
    small = CTranslate2Engine(tmp_path / "small", load_tokenizer(folder), threads=1)
    inputs, search = [Source(source.ids, []) for source in sources(folder, 24)], Search(5, max_tokens=48)
    lost, misjudged = [], []
    for source, one, other in zip(
        inputs, exact.search(inputs, search), small.search(inputs, search), strict=True
    ):
        score = log_probability(reference, source, other[0].ids) / other[0].tokens
        lost.append(one[0].score - score)
        misjudged.append(abs(other[0].score - score))
    assert np.mean(np.maximum(lost, 0)) < 0.1
    assert np.mean(misjudged) < 0.1


def test_int8_writes_sound_titles() -> None:
    """The whole way that a user without a GPU goes."""
    generator = TitleGenerator.from_checkpoint("narou-mini", threads=1, quantization="int8")
    synopses = [
        "婚約を破棄された令嬢が、辺境の古い宿屋を継ぐことになった。客は竜だけだった。",
        "名探偵は猫だった。満月の夜だけ人の言葉を話し、港町の事件を解いていく。",
        "勇者に追放された荷物持ちの少年は、誰も読めない古代文字を読むことができた。",
    ]
    for titles in generator.generate(synopses, num_titles=3):
        assert len(titles) == 3
        for title in titles:
            assert flaws(title.text) == () and title.text == finish_title(title.text)
            assert len(title.text) > 1 and -3 < title.score < 0


def test_float16_holds_the_head(tmp_path: Path) -> None:
    """Stored in half precision and computed in float32, as a CPU does: near, and nothing overflows."""
    folder = write_bert2bert(tmp_path / "model", dtype=torch.float16)
    convert(folder, tmp_path / "half", "float16")
    reference, _ = engines(folder, tmp_path / "single")
    half = CTranslate2Engine(tmp_path / "half", load_tokenizer(folder), threads=1)
    inputs, search = sources(folder, 12), Search(1, max_tokens=8)
    titles = [found[0].ids for found in reference.search(inputs, search)]
    longer = Search(1, max_tokens=12)
    expected, found = (engine.search(inputs, longer, titles) for engine in (reference, half))
    for one, other in zip(expected, found, strict=True):
        if one[0].ids == other[0].ids:
            assert one[0].log_probability == pytest.approx(other[0].log_probability, abs=0.1)


def test_encoder_states_equal(tmp_path: Path) -> None:
    folder = write_bert2bert(tmp_path / "model")
    convert_encoder(folder, tmp_path / "encoder", "float32")
    fast, model = CTranslate2Encoder(tmp_path / "encoder"), load_model(folder).eval()
    rows = [source.ids for source in sources(folder, 5)]
    for ids, states in zip(rows, fast.states(rows), strict=True):
        with torch.no_grad():
            expected = model.encoder(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
        assert states.dtype == np.float32 and states.shape == (len(ids), fast.hidden_size)
        np.testing.assert_allclose(states, expected, atol=1e-4)


def test_the_encoder_of_a_bert_with_a_head(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(SAMPLE / "bert-tiny")
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    model = BertForMaskedLM(config).eval()
    model.save_pretrained(tmp_path / "bert")
    tokenizer.save(tmp_path / "bert")
    convert_encoder(tmp_path / "bert", tmp_path / "encoder", "float32")
    ids = tokenizer.encode("古い井戸の底")
    with torch.no_grad():
        expected = model.bert(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
    np.testing.assert_allclose(CTranslate2Encoder(tmp_path / "encoder").states([ids])[0], expected, atol=1e-4)


def test_an_exported_folder_is_all_that_is_needed(debug_checkpoint: Path, tmp_path: Path) -> None:
    convert(debug_checkpoint, tmp_path / "out" / "engine", "float32")
    one = TitleGenerator.from_checkpoint(debug_checkpoint, quantization="float32")
    other = TitleGenerator.from_checkpoint(tmp_path / "out" / "engine")
    assert one.generate(["猫が宿屋を継ぐ。"], num_titles=3) == other.generate(
        ["猫が宿屋を継ぐ。"], num_titles=3
    )
    with pytest.raises(CheckpointError, match="is not empty: choose another"):
        convert(debug_checkpoint, tmp_path / "out" / "engine", "float32")
    with pytest.raises(CheckpointError, match="was exported for CTranslate2"):
        TitleGenerator.from_checkpoint(tmp_path / "out" / "engine", engine="torch")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"engine"}


def test_a_conversion_is_kept_and_made_anew_when_the_weights_change(tmp_path: Path, cache: Path) -> None:
    folder = write_bert2bert(tmp_path / "model")
    first = converted(folder, "int8", "titles")
    assert first.is_relative_to(cache)
    made = (first / "model.bin").stat().st_mtime_ns
    assert converted(folder, "int8", "titles") == first and (first / "model.bin").stat().st_mtime_ns == made
    assert converted(folder, "float32", "titles") != first
    model = load_model(folder)
    with torch.no_grad():
        model.decoder.cls.predictions.bias += 1
    model.save_pretrained(folder)
    assert converted(folder, "int8", "titles") != first


def test_several_that_convert_at_once_agree(tmp_path: Path) -> None:
    folder = write_bert2bert(tmp_path / "model")
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(converted(folder, "float16", "titles")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
    assert not [path for path in found[0].parent.iterdir() if path.name.startswith(".")]


def test_a_cache_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NAROU_GEN_CACHE", str(tmp_path / "file"))
    folder = converted(write_bert2bert(tmp_path / "model"), "int8", "titles")
    assert (folder / "model.bin").exists()


def test_what_cannot_be_converted_says_so(tmp_path: Path) -> None:
    folder = write_bert2bert(tmp_path / "model", decoder={"hidden_act": "quick_gelu"})
    assert not can_convert(folder)
    with pytest.raises(CheckpointError, match="activation quick_gelu: use engine=torch"):
        convert(folder, tmp_path / "engine")
    assert not (tmp_path / "engine").exists()
    # `auto` takes torch then.
    assert TitleGenerator.from_checkpoint(folder).generate(["猫"])
    with pytest.raises(CheckpointError, match="is no whole checkpoint"):
        convert(tmp_path / "nowhere", tmp_path / "engine")
    (folder / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(CheckpointError, match="is no whole checkpoint"):
        convert(folder, tmp_path / "engine")


@pytest.mark.parametrize("changes", [{"engine": "tpu"}, {"threads": 0}, {"quantization": "int3"}])
def test_no_such_engine(debug_checkpoint: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(changes))} = "):
        TitleGenerator.from_checkpoint(debug_checkpoint, **changes)  # type: ignore[arg-type]


def test_neither_torch_nor_transformers_is_imported_even_to_convert(tmp_path: Path) -> None:
    """And a library that looks for torch later still finds ctranslate2's converters whole."""
    program = """
import sys
from narou_gen import generate_title
assert generate_title("古い井戸の底で、誰かが名前を呼んでいる。")
assert not {"torch", "transformers", "datasets", "accelerate", "matplotlib"} & set(sys.modules)
import ctranslate2
assert ctranslate2.specs.model_spec.torch_is_available
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"NAROU_GEN_CACHE": str(tmp_path), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_a_process_that_has_just_streamed_ends_well(debug_checkpoint: Path) -> None:
    """It took a race to abort one: several tries."""
    program = f"""
from narou_gen import TitleGenerator
generator = TitleGenerator.from_checkpoint({str(debug_checkpoint)!r})
for text in generator.stream("猫が宿屋を継ぐ。", sample=True):
    pass
"""
    for _ in range(4):
        subprocess.run([sys.executable, "-c", program], check=True)
