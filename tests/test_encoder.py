"""The encoder by itself: states, vectors, and what is done with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from narou_gen import NarouGenError, embed
from narou_gen.cli import app
from narou_gen.encoder import Encoder
from narou_gen.similar import SimilarWorks, nearest
from narou_gen.texts import Text
from narou_gen.vectors import cached_vectors, save_embeddings

TEXTS = [
    "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。",
    "猫。",
    "婚約を破棄された令嬢が、辺境の古い宿屋を継ぐことになった。" * 9,
    "👻",
    "名探偵は猫だった。",
]


@pytest.fixture(scope="module")
def encoder(debug_checkpoint: Path) -> Encoder:
    return Encoder.from_checkpoint(debug_checkpoint)


def test_both_engines_see_the_same(debug_checkpoint: Path) -> None:
    engines = [Encoder.from_checkpoint(debug_checkpoint, engine) for engine in ("ctranslate2", "torch")]  # type: ignore[arg-type]
    for fast, slow in zip(*(engine.states(TEXTS) for engine in engines), strict=True):
        assert fast.shape == slow.shape
        assert np.allclose(fast, slow, atol=1e-4)
    for pooling in ("mean", "cls", "max"):
        one, other = (engine.embed(TEXTS, pooling) for engine in engines)  # type: ignore[arg-type]
        assert np.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("engine", ["ctranslate2", "torch"])
def test_a_batch_is_as_its_texts_one_by_one(debug_checkpoint: Path, engine: str) -> None:
    encoder = Encoder.from_checkpoint(debug_checkpoint, engine, threads=2)  # type: ignore[arg-type]
    many = TEXTS * 20  # several forward passes
    together = encoder.embed(many)
    assert together.shape == (100, encoder.hidden_size) and together.dtype == np.float32
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert np.allclose(together, np.tile(alone, (20, 1)), atol=1e-5)


def test_vectors_are_pooled_states(encoder: Encoder) -> None:
    states = encoder.states(TEXTS)
    assert all(state.shape[1] == encoder.hidden_size for state in states)
    for pooling, of in (("mean", lambda s: s.mean(0)), ("cls", lambda s: s[0]), ("max", lambda s: s.max(0))):
        expected = np.stack([of(state) for state in states])
        assert np.allclose(encoder.embed(TEXTS, pooling), expected, atol=1e-6)  # type: ignore[arg-type]


def test_it_is_the_encoder_of_the_title_model(debug_checkpoint: Path, encoder: Encoder) -> None:
    import torch

    from narou_gen.checkpoint import load_checkpoint
    from narou_gen.tokenizer import load_tokenizer

    model, tokenizer = load_checkpoint(debug_checkpoint)[0], load_tokenizer(debug_checkpoint)
    ids = tokenizer.source((), tokenizer.parts([TEXTS[0]])[0], 512)
    with torch.no_grad():
        expected = model.encoder(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
    assert np.allclose(encoder.states([TEXTS[0]])[0], expected, atol=1e-4)


def test_a_long_text_is_cut_to_what_the_model_reads(encoder: Encoder) -> None:
    (long,) = encoder.states(["井戸の底で声を聞いた。" * 500])
    assert len(long) == encoder.max_tokens
    (short,) = encoder.states(["井戸の底で声を聞いた。" * 500], max_tokens=16)
    assert len(short) == 16


def test_embed_from_python(debug_checkpoint: Path) -> None:
    found = embed(TEXTS[:2], checkpoint=debug_checkpoint)
    assert found.shape[0] == 2 and found.dtype == np.float32
    assert embed([], checkpoint=debug_checkpoint).shape == (0, found.shape[1])
    with pytest.raises(NarouGenError, match="The text is empty"):
        embed(["井戸", "　\n"], checkpoint=debug_checkpoint)
    with pytest.raises(NarouGenError, match="takes a list of texts"):
        embed("井戸", checkpoint=debug_checkpoint)
    with pytest.raises(NarouGenError, match="pooling = sum"):
        embed(["井戸"], "sum", checkpoint=debug_checkpoint)  # type: ignore[arg-type]
    with pytest.raises(NarouGenError, match="No checkpoint at nowhere"):
        embed(["井戸"], checkpoint="nowhere")


def test_it_needs_no_torch(debug_checkpoint: Path) -> None:
    code = (
        "import sys; from narou_gen import embed\n"
        f"embed(['井戸'], checkpoint={str(debug_checkpoint)!r})\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'pydantic'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_nearest_are_those_of_a_full_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also over several blocks, with equal rows and a zero."""
    from narou_gen import similar

    monkeypatch.setattr(similar, "_BLOCK", 64)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 8)).astype(np.float32)
    vectors[100:110] = vectors[3]
    vectors[7] = 0
    query = vectors[3] + rng.normal(size=8).astype(np.float32) * 0.1
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = vectors @ query / np.linalg.norm(query) / np.where(lengths == 0, 1, lengths)
    for number in (1, 5, 20, 500, 900):
        found = nearest(query, vectors, number)
        assert len(found) == min(number, 500)
        assert np.allclose([cosine for _, cosine in found], np.sort(cosines)[::-1][:number], atol=1e-6)
    # The eleven equal rows come first, in an order that float error alone decides.
    assert {row for row, _ in nearest(query, vectors, 11)} == {3, *range(100, 110)}


def test_the_nearest_work_to_a_synopsis_is_itself(encoder: Encoder) -> None:
    works = SimilarWorks([Text(text, id=str(place)) for place, text in enumerate(TEXTS)], encoder)
    for place, text in enumerate(TEXTS):
        found = works.nearest(text, 3)
        assert found[0].work.id == str(place) and found[0].similarity == pytest.approx(1, abs=1e-5)
        assert [each.similarity for each in found] == sorted(
            (each.similarity for each in found), reverse=True
        )
    with pytest.raises(NarouGenError, match="number = 0"):
        works.nearest("井戸", 0)
    with pytest.raises(NarouGenError, match="No works to search in"):
        SimilarWorks([Text("　")], encoder)


def test_vectors_are_read_once(
    debug_checkpoint: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{text}{number}" for number in range(3) for text in TEXTS]
    done: list[int] = []
    first = cached_vectors(encoder, texts, watch=done.append)
    assert done == [len(texts)]

    def fail(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(Encoder, "embed", fail)
    assert np.array_equal(cached_vectors(Encoder.from_checkpoint(debug_checkpoint), texts), first)
    with pytest.raises(AssertionError, match="read again"):
        cached_vectors(encoder, texts, "cls")


def test_embeddings_in_files(encoder: Encoder, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    texts = [Text(text, title=f"題{place}", id=None if place else "n1") for place, text in enumerate(TEXTS)]
    save_embeddings(tmp_path / "v.npy", encoder, texts)
    save_embeddings(tmp_path / "v.parquet", encoder, texts)
    expected = encoder.embed(TEXTS)
    assert np.array_equal(np.load(tmp_path / "v.npy"), expected)
    table = parquet.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["id", "title", "text", "vector"]
    assert np.allclose(np.array(table["vector"].to_pylist(), np.float32), expected)
    assert table["id"].to_pylist() == ["n1", None, None, None, None]
    assert table["text"].to_pylist() == TEXTS
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.npy", "v.parquet"]
    with pytest.raises(NarouGenError, match=r"write \.npy or \.parquet"):
        save_embeddings(tmp_path / "v.csv", encoder, texts)
    with pytest.raises(NarouGenError, match="No texts to read"):
        save_embeddings(tmp_path / "w.npy", encoder, [])


def test_an_exported_encoder_is_a_bert_for_everyone(debug_checkpoint: Path, tmp_path: Path) -> None:
    """Each of transformers' heads loads it and learns a step."""
    import torch
    import transformers

    from narou_gen.bert_export import export_bert

    folder = tmp_path / "bert"
    export_bert(debug_checkpoint, folder)
    assert not (folder / "state").exists() and not (folder / "generation_config.json").exists()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(TEXTS[:2], padding=True, return_tensors="pt")
    bert = transformers.AutoModel.from_pretrained(folder)
    with torch.no_grad():
        state = bert(**{key: value[:1] for key, value in tokenizer([TEXTS[0]], return_tensors="pt").items()})
    expected = Encoder.from_checkpoint(debug_checkpoint, "torch").states([TEXTS[0]])[0]
    assert np.allclose(state.last_hidden_state[0].numpy(), expected, atol=1e-4)
    size = inputs["input_ids"].shape
    tasks = {
        "SequenceClassification": {"labels": torch.tensor([0, 1])},
        "TokenClassification": {"labels": torch.zeros(size, dtype=torch.long)},
        "QuestionAnswering": {"start_positions": torch.tensor([1, 1]), "end_positions": torch.tensor([2, 2])},
    }
    for task, targets in tasks.items():
        model = getattr(transformers, f"AutoModelFor{task}").from_pretrained(folder).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        before = model.bert.encoder.layer[0].output.dense.weight.detach().clone()
        loss = model(**inputs, **targets).loss
        loss.backward()
        optimizer.step()
        assert torch.isfinite(loss)
        assert not torch.equal(before, model.bert.encoder.layer[0].output.dense.weight)
    with pytest.raises(NarouGenError, match="not an empty folder"):
        export_bert(debug_checkpoint, folder)
    again = tmp_path / "again"
    export_bert(folder, again)  # a BERT is exported as it is
    weights = "model.safetensors"
    assert (again / weights).read_bytes() == (folder / weights).read_bytes()


def test_an_exported_encoder_starts_a_title_model(debug_checkpoint: Path, tmp_path: Path) -> None:
    from narou_gen.bert_export import export_bert
    from narou_gen.config import DataConfig, ModelConfig
    from narou_gen.model import build

    export_bert(debug_checkpoint, tmp_path / "bert")
    built = build(
        ModelConfig(encoder=str(tmp_path / "bert")),
        DataConfig(train="x", max_synopsis_tokens=64, max_title_tokens=16),
    )
    assert built.model.config.decoder_start_token_id == built.tokenizer.cls_id


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "narou_gen", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands(debug_checkpoint: Path, tmp_path: Path) -> None:
    works = tmp_path / "works.jsonl"
    rows = [
        {"synopsis": text, "title": f"題{place}\x07", "id": f"n{place}"} for place, text in enumerate(TEXTS)
    ]
    works.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    checkpoint = ("--checkpoint", str(debug_checkpoint))
    answer = run("embed", str(works), "-o", str(tmp_path / "v.npy"), "--pooling", "cls", *checkpoint)
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
    assert np.load(tmp_path / "v.npy").shape[0] == len(TEXTS)
    answer = run("similar", TEXTS[1], "--data", str(works), "-n", "2", *checkpoint)
    assert answer.stderr == "" and answer.stdout.splitlines()[0] == "1.000\tn1\t題1"
    answer = run("similar", TEXTS[1], "--data", str(works), "-n", "2", "--json", *checkpoint)
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [set(line) for line in found] == [{"similarity", "id", "title", "synopsis"}] * 2
    assert "\x07" not in answer.stdout
    # In this process, which has torch already.
    exported = CliRunner().invoke(
        app, ["export", str(debug_checkpoint), "--format", "bert", "-o", str(tmp_path / "bert")]
    )
    assert exported.stdout.strip() == str(tmp_path / "bert") and (tmp_path / "bert/config.json").exists()
    for arguments, code, said in (
        (("similar", "井戸"), 2, "give --db DB or --data FILE"),
        (("similar", "　", "--data", str(works), *checkpoint), 1, "The text is empty"),
        (("embed", str(tmp_path / "none.txt"), "-o", "v.npy"), 1, "Cannot read"),
        (("embed", str(works), "-o", str(tmp_path / "v.txt"), *checkpoint), 1, "write .npy or .parquet"),
    ):
        answer = run(*arguments)
        assert answer.returncode == code and said in answer.stderr and "Traceback" not in answer.stderr


def test_an_exported_engine_serves_with_its_encoder_alone(debug_checkpoint: Path, tmp_path: Path) -> None:
    from narou_gen.ctranslate import convert

    convert(debug_checkpoint, tmp_path / "engine", "float32")
    with pytest.raises(NarouGenError, match="was exported without its encoder"):
        Encoder.from_checkpoint(tmp_path / "engine")


def test_training_another_head_converts_nothing_again(debug_checkpoint: Path, tmp_path: Path) -> None:
    import shutil

    from narou_gen.ctranslate import converted

    copy = tmp_path / "copy"
    shutil.copytree(debug_checkpoint, copy, ignore=shutil.ignore_patterns("state"))
    before = converted(copy, "float32", "encoder")
    (copy / "sentiment/state").mkdir(parents=True)
    (copy / "sentiment/labels.json").write_text("{}")
    assert converted(copy, "float32", "encoder") == before
