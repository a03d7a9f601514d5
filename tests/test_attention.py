"""What a title looked at, as numbers, as a picture and as a page."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from narou_gen import NarouGenError
from narou_gen.attention import Attention, title_attention
from narou_gen.attention_picture import write_attention
from narou_gen.cli import app

STORY = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"


@pytest.fixture(scope="module")
def attention(debug_checkpoint: Path) -> Attention:
    return title_attention(STORY, "井戸の底の声", debug_checkpoint)


def test_words_and_weights(attention: Attention) -> None:
    assert "".join(attention.title) == "井戸の底の声"
    assert "".join(attention.synopsis).replace(",", "、") == STORY
    assert attention.weights.shape == (len(attention.title), len(attention.synopsis))
    assert np.allclose(attention.weights.sum(1), 1, atol=1e-5) and (attention.weights >= 0).all()


def test_it_is_the_decoders_attention(debug_checkpoint: Path) -> None:
    """By hand for the first token: it is written by the position of [CLS]."""
    import torch

    from narou_gen.checkpoint import load_checkpoint
    from narou_gen.tokenizer import load_tokenizer

    model, tokenizer = load_checkpoint(debug_checkpoint)[0], load_tokenizer(debug_checkpoint)
    model.set_attn_implementation("eager")
    source, target = tokenizer.parts([STORY, "声"])
    with torch.no_grad():
        layers = model(
            input_ids=torch.tensor([tokenizer.source((), source, 512)]),
            decoder_input_ids=torch.tensor([[tokenizer.cls_id]]),
            output_attentions=True,
        ).cross_attentions
    for layer in range(len(layers)):
        row = layers[layer][0].mean(0)[0, 1:-1].numpy()
        found = title_attention(STORY, "声", debug_checkpoint, layer)
        if len(found.synopsis) == len(row):  # every word is one token
            assert np.allclose(found.weights[0], row / row.sum(), atol=1e-5)
        assert len(target) == 1 and found.weights.sum() == pytest.approx(1, abs=1e-5)


def test_the_models_own_title_is_the_default(debug_checkpoint: Path) -> None:
    assert title_attention(STORY, checkpoint=debug_checkpoint).title


def test_a_picture(attention: Attention, tmp_path: Path) -> None:
    from matplotlib.image import imread

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of characters that its font lacks
        write_attention(attention, tmp_path / "a.png")
    picture = imread(tmp_path / "a.png")
    assert min(picture.shape[:2]) > 150 and np.ptp(picture) > 0.5
    long = Attention(
        ("$\\frac{$", "声"), tuple(f"語{n}" for n in range(300)), np.full((2, 300), 1 / 300, np.float32)
    )
    write_attention(long, tmp_path / "long.png")  # the forty most looked at; no mathematics in it
    assert imread(tmp_path / "long.png").shape[1] < 3000


def test_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    evil = ("<script>alert(1)</script>", '"&@title')
    weights = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    write_attention(Attention(evil, ("@shades", "</p><img src=x>"), weights), tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text("utf-8")
    assert page.count("<script>") == 1 and "<img" not in page
    assert not re.search(r"https?://|src=[\"']|@import", page)

    found: list[str] = []

    class Texts(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    Texts().feed(page)
    for word in (*evil, "@shades", "</p><img src=x>"):
        assert word in found
    # All of the title first, then word by word; the most looked at is 1.
    assert "const shades = [[1.0, 0.818], [1.0, 0.111], [0.25, 1.0]];" in page


def test_what_cannot_be_shown(attention: Attention, debug_checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(NarouGenError, match=r"write \.png or \.html"):
        write_attention(attention, tmp_path / "a.gif")
    with pytest.raises(NarouGenError, match="decoder has layers 0 to 1"):
        title_attention(STORY, "声", debug_checkpoint, 2)
    with pytest.raises(NarouGenError, match="The synopsis is empty"):
        title_attention("　", checkpoint=debug_checkpoint)
    with pytest.raises(NarouGenError, match="The title is empty"):
        title_attention(STORY, "　", debug_checkpoint)


def test_the_command(debug_checkpoint: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "a.html")
    answer = CliRunner().invoke(app, ["attention", STORY, "--checkpoint", str(debug_checkpoint), "-o", file])
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.strip() == file and Path(file).exists()
