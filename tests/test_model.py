"""Assembling a BERT2BERT from two real (tiny, random) BERTs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer, BertConfig, BertForMaskedLM, EncoderDecoderModel

from narou_gen import NarouGenError, TitleGenerator
from narou_gen.checkpoint import load_checkpoint, load_model, save_checkpoint, title_contents
from narou_gen.config import DataConfig, ModelConfig
from narou_gen.errors import CheckpointError, ModelError
from narou_gen.model import build
from narou_gen.resources import SAMPLE

DATA = DataConfig(train="sample:titles", max_synopsis_tokens=64, max_title_tokens=24)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A four-layer masked language model in a folder, as a base model on the hub is."""
    folder = tmp_path_factory.mktemp("base")
    shutil.copytree(SAMPLE / "bert-tiny", folder, dirs_exist_ok=True)
    config = BertConfig.from_pretrained(folder, num_hidden_layers=4)
    torch.manual_seed(1)
    model = BertForMaskedLM(config)
    for parameter in model.parameters():  # nothing may be equal by chance
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return folder


def test_both_halves_start_from_the_base_model(base: Path) -> None:
    built = build(ModelConfig(encoder=str(base)), DATA)
    trained = AutoModel.from_pretrained(base)
    mlm = BertForMaskedLM.from_pretrained(base)
    encoder, decoder = built.model.encoder, built.model.decoder
    assert torch.equal(
        encoder.encoder.layer[3].output.dense.weight, trained.encoder.layer[3].output.dense.weight
    )
    assert torch.equal(
        decoder.bert.encoder.layer[2].output.dense.weight, mlm.bert.encoder.layer[2].output.dense.weight
    )
    assert torch.equal(
        decoder.cls.predictions.transform.dense.weight, mlm.cls.predictions.transform.dense.weight
    )
    embeddings = decoder.bert.embeddings.word_embeddings.weight
    assert decoder.cls.predictions.decoder.weight is embeddings
    assert all(".crossattention." in name for name in built.fresh)
    assert built.warnings == ()


def test_a_head_that_the_base_lacks_is_fresh(base: Path, tmp_path: Path) -> None:
    AutoModel.from_pretrained(base).save_pretrained(tmp_path)
    shutil.copy(base / "vocab.txt", tmp_path)
    shutil.copy(base / "tokenizer_config.json", tmp_path)
    fresh = build(ModelConfig(encoder=str(tmp_path)), DATA).fresh
    assert "decoder.cls.predictions.transform.dense.weight" in fresh
    assert "decoder.bert.embeddings.word_embeddings.weight" not in fresh


def test_warm_cross_attention_is_the_self_attention_of_its_layer(base: Path) -> None:
    warm = build(ModelConfig(encoder=str(base), cross_attention="warm"), DATA).model.decoder
    fresh = build(ModelConfig(encoder=str(base)), DATA).model.decoder
    for layer in warm.bert.encoder.layer:
        assert torch.equal(layer.crossattention.self.key.weight, layer.attention.self.key.weight)
        assert torch.equal(layer.crossattention.output.dense.weight, layer.attention.output.dense.weight)
    layer = fresh.bert.encoder.layer[0]
    assert not torch.equal(layer.crossattention.self.key.weight, layer.attention.self.key.weight)


@pytest.mark.parametrize(("wanted", "kept"), [(1, [0]), (2, [0, 3]), (3, [0, 2, 3]), ([2, 1], [2, 1])])
def test_layers_are_kept_evenly_or_by_name(base: Path, wanted: int | list[int], kept: list[int]) -> None:
    whole = build(ModelConfig(encoder=str(base)), DATA).model
    cut = build(ModelConfig(encoder=str(base), encoder_layers=wanted, decoder_layers=wanted), DATA).model
    assert cut.config.encoder.num_hidden_layers == cut.config.decoder.num_hidden_layers == len(kept)
    for place, index in enumerate(kept):
        assert torch.equal(
            cut.encoder.encoder.layer[place].output.dense.weight,
            whole.encoder.encoder.layer[index].output.dense.weight,
        )
        layer = cut.decoder.bert.encoder.layer[place]
        assert layer.attention.self.layer_idx == layer.crossattention.self.layer_idx == place


def test_a_cut_decoder_generates_alike_with_and_without_its_cache(base: Path) -> None:
    model = build(ModelConfig(encoder=str(base), decoder_layers=[3, 1]), DATA).model.eval()
    ids = torch.tensor([[2, 40, 41, 42, 3], [2, 50, 51, 52, 3]])
    mask = torch.ones_like(ids)
    cached = model.generate(input_ids=ids, attention_mask=mask, use_cache=True)
    assert torch.equal(cached, model.generate(input_ids=ids, attention_mask=mask, use_cache=False))


def test_shared_weights_are_one_and_load_anywhere(base: Path, tmp_path: Path) -> None:
    alone = build(ModelConfig(encoder=str(base)), DATA)
    shared = build(
        ModelConfig(encoder=str(base), share_weights=True, decoder_layers=[0, 3], encoder_layers=[0, 1, 3]),
        DATA,
    )
    encoder, decoder = shared.model.encoder, shared.model.decoder
    assert decoder.bert.encoder.layer[1].output.dense.weight is encoder.encoder.layer[2].output.dense.weight
    assert decoder.cls.predictions.decoder.weight is encoder.embeddings.word_embeddings.weight
    assert (
        decoder.bert.encoder.layer[1].crossattention.self.key.weight
        is not encoder.encoder.layer[2].attention.self.key.weight
    )
    count = lambda model: sum(parameter.numel() for parameter in model.parameters())  # noqa: E731
    assert count(shared.model) < 0.65 * count(alone.model)
    save_checkpoint(tmp_path / "shared", title_contents(shared.model, shared.tokenizer), {})
    ids = torch.tensor([[2, 40, 41, 42, 3]])
    plain = EncoderDecoderModel.from_pretrained(tmp_path / "shared").eval()
    with torch.no_grad():
        expected = shared.model.eval()(input_ids=ids, decoder_input_ids=ids).logits
        assert torch.equal(plain(input_ids=ids, decoder_input_ids=ids).logits, expected)


def test_special_ids_and_dropout_are_in_every_config(base: Path) -> None:
    model = build(ModelConfig(encoder=str(base), dropout=0.25), DATA).model
    for config in (model.config, model.config.encoder, model.config.decoder, model.generation_config):
        assert (config.pad_token_id, config.bos_token_id, config.eos_token_id) == (0, 2, 3)
        assert config.decoder_start_token_id == 2
    assert model.decoder.bert.encoder.layer[0].crossattention.output.dropout.p == 0.25
    assert model.encoder.embeddings.dropout.p == 0.25
    assert model.generation_config.max_length == 24


def test_what_is_published_does_not_tell_where_it_was_made(base: Path, tmp_path: Path) -> None:
    built = build(ModelConfig(encoder=str(base)), DATA)
    save_checkpoint(tmp_path / "out", title_contents(built.model, built.tokenizer), {})
    for file in (tmp_path / "out").iterdir():
        assert str(base).encode() not in file.read_bytes(), file.name


def test_the_folder_loads_and_generates_in_plain_transformers(debug_checkpoint: Path) -> None:
    model = EncoderDecoderModel.from_pretrained(debug_checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(debug_checkpoint)
    _, report = EncoderDecoderModel.from_pretrained(debug_checkpoint, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    ids = tokenizer(["少年は井戸の底で声を聞いた。"], return_tensors="pt")
    titles = model.generate(input_ids=ids.input_ids, attention_mask=ids.attention_mask, max_length=12)
    assert titles.shape[0] == 1
    assert titles[0, 0] == tokenizer.cls_token_id
    assert tokenizer.unk_token_id not in titles


def test_weights_can_be_read_by_whom_the_folder_can(debug_checkpoint: Path) -> None:
    modes = {(debug_checkpoint / name).stat().st_mode for name in ("model.safetensors", "config.json")}
    assert len(modes) == 1


def test_halves_of_different_width_are_joined_by_a_projection(base: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE / "bert-tiny", tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": 24, "num_attention_heads": 2}))
    built = build(ModelConfig(encoder=str(base), decoder=f"random:{tmp_path}"), DATA)
    assert "enc_to_dec_proj.weight" in built.fresh
    save_checkpoint(tmp_path / "out", title_contents(built.model, built.tokenizer), {})
    loaded = load_model(tmp_path / "out")
    assert torch.equal(loaded.enc_to_dec_proj.weight, built.model.enc_to_dec_proj.weight)


def test_different_vocabularies_are_warned_of(base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    words = (tmp_path / "vocab.txt").read_text("utf-8").splitlines()
    (tmp_path / "vocab.txt").write_text("\n".join([*words[:5], *reversed(words[5:])]) + "\n", "utf-8")
    built = build(ModelConfig(encoder=str(base), decoder=str(tmp_path)), DATA)
    assert "different vocabularies" in built.warnings[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoder": "no/such-model"}, "at no/such-model"),
        ({"decoder_layers": 9}, "decoder_layers = 9: the base model has layers 0 to 3"),
        ({"encoder_layers": [0, 4]}, "encoder_layers = [0, 4]: the base model has layers 0 to 3"),
        ({"decoder_layers": [1, 1]}, "a layer stands there twice"),
        ({"share_weights": True, "decoder": "random:sample:bert-tiny"}, "share_weights needs one base model"),
        ({"share_weights": True, "encoder_layers": [0, 1]}, "decoder layer 2 has no counterpart"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(base: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ModelError) as caught:
        build(ModelConfig(**({"encoder": str(base)} | changes)), DATA)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_tokens_than_positions(base: Path) -> None:
    with pytest.raises(ModelError, match=r"reads 512 tokens at most: lower data\.max_synopsis_tokens"):
        build(ModelConfig(encoder=str(base)), DATA.model_copy(update={"max_synopsis_tokens": 1024}))


def test_a_model_of_another_kind_is_refused(base: Path, tmp_path: Path, debug_checkpoint: Path) -> None:
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(ModelError, match="is a gpt2 model; encoder and decoder must be BERTs"):
        build(ModelConfig(encoder=str(tmp_path)), DATA)
    with pytest.raises(CheckpointError, match="holds a bert model"):
        load_checkpoint(base)
    with pytest.raises(CheckpointError, match="not a title checkpoint; give it as"):
        build(ModelConfig(checkpoint=str(base)), DATA)


def test_going_on_from_a_checkpoint_keeps_its_weights(debug_checkpoint: Path) -> None:
    before, _ = load_checkpoint(debug_checkpoint)
    after = build(ModelConfig(checkpoint=str(debug_checkpoint), dropout=0.0), DATA)
    for (name, one), other in zip(before.named_parameters(), after.model.parameters(), strict=True):
        assert torch.equal(one, other), name
    assert after.model.encoder.embeddings.dropout.p == 0.0


@pytest.mark.parametrize(
    "damage", ["cut weights", "missing weights", "no config", "cut config", "list", "record", "no tokenizer"]
)
def test_a_damaged_checkpoint_is_one_line(debug_checkpoint: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(debug_checkpoint, folder, ignore=shutil.ignore_patterns("state"))
    weights = folder / "model.safetensors"
    if damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif damage == "missing weights":
        some = load_file(weights)
        save_file(dict(list(some.items())[3:]), weights, metadata={"format": "pt"})
    elif damage == "no config":
        (folder / "config.json").unlink()
    elif damage == "cut config":
        (folder / "config.json").write_text("{")
    elif damage == "list":
        (folder / "config.json").write_text("[]")
    elif damage == "record":
        (folder / "run.json").write_text('{"config": null}')
    else:
        (folder / "vocab.txt").unlink()
        (folder / "tokenizer_config.json").unlink()
    with pytest.raises(NarouGenError) as caught:
        TitleGenerator.from_checkpoint(folder)
    assert "\n" not in str(caught.value)
    if damage != "record":
        with pytest.raises(NarouGenError) as caught:
            build(ModelConfig(checkpoint=str(folder)), DATA)
        assert "\n" not in str(caught.value)


def test_damaged_base_weights_are_one_line(base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="No base model at"):
        build(ModelConfig(encoder=str(tmp_path)), DATA)


def test_of_a_random_model_everything_is_fresh() -> None:
    built = build(ModelConfig(encoder="random:sample:bert-tiny"), DATA)
    assert built.fresh == {name for name, _ in built.model.named_parameters()}
