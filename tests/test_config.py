"""Configs: what is wrong is said in one line that names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from narou_gen.config import Config, load_config
from narou_gen.errors import ConfigError

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_config_loads_by_path_and_by_name(path: Path) -> None:
    assert load_config(path) == load_config(path.stem)


def test_the_reference_recipe_is_the_reference_recipe() -> None:
    config = load_config("title")
    training = config.training
    assert config.model.encoder == config.model.decoder == "cl-tohoku/bert-base-japanese-v3"
    assert (training.epochs, training.learning_rate, training.warmup_fraction) == (13, 5e-5, 0.06)
    assert (training.batch_size, training.gradient_accumulation) == (4, 16)
    assert training.precision == "auto"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("training.epoch=3", "unknown key training.epoch; did you mean epochs?"),
        ("colour='red'", "unknown key colour; known keys: task, output"),
        ("training.epochs='many'", "training.epochs = 'many': input should be a valid integer"),
        ("training.epochs=0", "training.epochs = 0: input should be greater than or equal to 1"),
        ("training.learning_rate=-1.0", "training.learning_rate = -1.0: input should be greater than 0"),
        ("training.learning_rate=inf", "training.learning_rate = inf: input should be a finite number"),
        ("training.warmup_fraction=1.5", "training.warmup_fraction = 1.5"),
        ("training.precision='fp8'", "training.precision = 'fp8'"),
        ("model.cross_attention='tepid'", "model.cross_attention = 'tepid'"),
        ("model.decoder_layers=[]", "model.decoder_layers"),
        (
            "data.validation=2.0",
            "2.0: input should be a valid string, or input should be less",
        ),
        (
            "data.train=[]",
            "data.train = []: input should be a valid string, or list should have",
        ),
        ("seed=-1", "seed = -1"),
        ("output=''", "output"),
        ("model.checkpoint='x'", "checkpoint already has its shape: remove encoder"),
        ("training.evaluate_synopses=0", None),
    ],
)
def test_a_wrong_value_is_one_line_that_names_file_and_key(change: str, said: str | None) -> None:
    if said is None:
        assert isinstance(load_config("title-debug", [change]), Config)
        return
    with pytest.raises(ConfigError) as caught:
        load_config("title-debug", [change])
    assert said in str(caught.value)
    assert "title-debug.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_that_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="share_weights and freeze_encoder exclude each other"):
        load_config("title-debug", ["model.share_weights=true", "model.freeze_encoder=true"])
    with pytest.raises(ConfigError, match="needs evaluate_synopses above 0"):
        load_config("title-debug", ["training.best_by=rouge_l", "training.evaluate_synopses=0"])


def test_changes_are_toml_values_or_plain_text() -> None:
    config = load_config(
        "title-debug",
        ["data.train=my pairs.jsonl", "model.decoder_layers=[0]", "training.patience = 3", "seed=7"],
    )
    assert config.data.train == "my pairs.jsonl"
    assert config.model.decoder_layers == [0]
    assert (config.training.patience, config.seed) == (3, 7)


@pytest.mark.parametrize("change", ["training.epochs", "=3", "output.epochs=3"])
def test_a_change_that_is_none(change: str) -> None:
    with pytest.raises(ConfigError, match="--set "):
        load_config("title-debug", [change])


def test_files_that_are_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No config at nowhere\..*title-debug"):
        load_config("nowhere")
    (tmp_path / "broken.toml").write_text("task = ")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.toml").write_text("")
    for name, said in (("broken", "not a TOML file"), ("binary", "not a TOML file"), ("empty", "is missing")):
        with pytest.raises(ConfigError, match=said):
            load_config(tmp_path / f"{name}.toml")
