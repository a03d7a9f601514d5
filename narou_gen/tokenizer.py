"""Strings to token ids and back, the same way in training and in generation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from narou_gen.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# No token of a Japanese vocabulary is longer, so that a text cut to `_LONGEST_TOKEN` characters for each
# token wanted gives the same ids, and a megabyte of input costs no more than a page.
_LONGEST_TOKEN = 32
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model")


class Tokenizer:
    """A BERT tokenizer with the two layouts of this package.

    Source: [CLS] conditions synopsis [SEP], target: [CLS] title [SEP]. Every part is tokenised by itself,
    so that training may cache parts and drop some, and generation gets the very same ids.
    """

    def __init__(self, backend: PreTrainedTokenizerBase) -> None:
        self.backend = backend
        ids = {name: getattr(backend, f"{name}_token_id") for name in ("cls", "sep", "pad", "unk")}
        if missing := [name for name, token_id in ids.items() if token_id is None]:
            raise ModelError(f"The tokenizer has no {', '.join(missing)} token; a BERT tokenizer is needed.")
        self.cls_id, self.sep_id = int(ids["cls"]), int(ids["sep"])
        self.pad_id, self.unk_id = int(ids["pad"]), int(ids["unk"])

    def parts(self, texts: Sequence[str], max_tokens: int | None = None) -> list[list[int]]:
        """Ids of each text without special tokens, cut to `max_tokens`."""
        if max_tokens is not None:
            texts = [text[: max_tokens * _LONGEST_TOKEN] for text in texts]
        # An empty batch is an error to some tokenizers; `verbose` would warn of texts cut just below.
        encoded = self.backend(list(texts), add_special_tokens=False, verbose=False) if texts else {}
        return [ids[:max_tokens] for ids in encoded["input_ids"]] if texts else []

    def source(
        self, conditions: Iterable[Sequence[int]], synopsis: Sequence[int], max_tokens: int
    ) -> list[int]:
        """What the encoder reads, at most `max_tokens` long; the synopsis is cut, conditions last."""
        body = [token for part in conditions for token in part] + list(synopsis)
        return [self.cls_id, *body[: max_tokens - 2], self.sep_id]

    def target(self, title: Sequence[int], max_tokens: int) -> list[int]:
        """What the decoder learns to write, at most `max_tokens` long."""
        return [self.cls_id, *title[: max_tokens - 2], self.sep_id]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens left out; not yet in finished typography."""
        text = str(self.backend.decode(ids, skip_special_tokens=True))
        return text.removeprefix("##")  # WordPiece's mark of a continuation, where nothing is continued

    def __len__(self) -> int:
        return len(self.backend)

    def save(self, folder: Path) -> None:
        self.backend.save_pretrained(folder)


def load_tokenizer(name: str | Path) -> Tokenizer:
    """The tokenizer in a local folder, or of a Hugging Face model.

    Raises:
        ModelError: there is none, or it is not one for BERT.
    """
    from transformers import AutoTokenizer

    # Without a vocabulary transformers makes up an empty tokenizer rather than fail.
    if Path(name).is_dir() and not any((Path(name) / file).exists() for file in _VOCABULARIES):
        raise ModelError(f"No tokenizer at {name}: it holds none of {', '.join(_VOCABULARIES)}.")
    try:
        return Tokenizer(AutoTokenizer.from_pretrained(str(name)))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"No tokenizer at {name}: {reason}") from None
