"""Words by MeCab, pieces by WordPiece: the ids of transformers' BertJapaneseTokenizer, without it.

MeCab's search, which both run in the same C library, is most of the time that is left.
"""

from __future__ import annotations

import io
import re
import threading
import unicodedata
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from tokenizers.models import WordPiece

from narou_gen.tokenizer_files import TokenizerFiles

_DEFAULTS = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}
_LONGEST_WORD = 100  # characters; a longer word is one unknown token
_WORDS_KEPT = 65_536  # about 15 MB
_TURN = 500  # texts


class JapaneseWordPiece:
    """fugashi with unidic-lite, then the WordPiece of `tokenizers`, or single characters."""

    def __init__(self, files: TokenizerFiles) -> None:
        self._files = files
        settings = files.settings
        self._vocabulary = _vocabulary(files)
        self._tokens = {token_id: token for token, token_id in self._vocabulary.items()}
        named = {name: token.content for name, token in files.named_tokens(_DEFAULTS).items()}
        self.special_ids = {name: self._vocabulary[token] for name, token in named.items()}
        self.prefix = [self.special_ids["cls_token"]]
        self.suffix = [self.special_ids["sep_token"]]
        self._unknown = named["unk_token"]
        self._special = frozenset(named.values())
        self._special_in_text = re.compile(f"({'|'.join(map(re.escape, sorted(self._special)))})")
        self._lower = bool(settings.get("do_lower_case"))
        self._normalise = bool(settings["mecab_kwargs"].get("normalize_text", True))
        self._by_character = settings.get("subword_tokenizer_type") == "character"
        self._wordpiece = WordPiece(
            self._vocabulary, unk_token=self._unknown, max_input_chars_per_word=_LONGEST_WORD
        )
        self._ids = _Words(self._ids_of_word)

    @classmethod
    def made_from(cls, files: TokenizerFiles) -> JapaneseWordPiece | None:
        """None where BertJapaneseTokenizer would do anything that this class does not."""
        settings, mecab = files.settings, files.settings.get("mecab_kwargs") or {}
        supported = (
            files.tokenizer_class == "BertJapaneseTokenizer"
            and "vocab.txt" in files.contents
            and "tokenizer.json" not in files.contents
            and settings.get("word_tokenizer_type") == "mecab"
            and settings.get("subword_tokenizer_type", "wordpiece") in ("wordpiece", "character")
            and settings.get("do_word_tokenize", True)
            and settings.get("do_subword_tokenize", True)
            and not settings.get("never_split")
            and not settings.get("split_special_tokens")
            and mecab.get("mecab_dic") == "unidic_lite"
            and not mecab.get("mecab_option")
            and mecab.keys() <= {"mecab_dic", "mecab_option", "normalize_text"}
            and _special_tokens_are_plain(files)
        )
        return cls(files) if supported else None

    def __reduce__(self) -> tuple[type[JapaneseWordPiece], tuple[TokenizerFiles]]:
        return JapaneseWordPiece, (self._files,)

    def parts(self, texts: Sequence[str]) -> list[list[int]]:
        ids, found = self._ids.__getitem__, []
        # MeCab's tables and the words push each other out of the processor's caches: take turns seldom.
        for start in range(0, len(texts), _TURN):
            rows = [self._words(text) for text in texts[start : start + _TURN]]
            found += [list(chain.from_iterable(map(ids, words))) for words in rows]
        return found

    def unknowns(self, text: str) -> list[str]:
        unknown = self.special_ids["unk_token"]
        if self._by_character:
            units = [c for word in self._words(text) for c in unicodedata.normalize("NFKC", word)]
        else:
            units = self._words(text)
        return [unit for unit in units for token in self._ids[unit] if token == unknown]

    def decode(self, ids: Sequence[int]) -> str:
        left_out = set(self.special_ids.values())
        tokens = [self._tokens.get(token_id, self._unknown) for token_id in ids if token_id not in left_out]
        return self._files.tidied(" ".join(tokens).replace(" ##", "").strip())

    def vocabulary(self) -> dict[str, int]:
        return dict(self._vocabulary)

    def save(self, folder: Path) -> None:
        self._files.save(folder)

    def _words(self, text: str) -> list[str]:
        if self._special_in_text.search(text) is None:
            return self._analysed(text)
        pieces = self._special_in_text.split(text)
        analysed = ([piece] if piece in self._special else self._analysed(piece) for piece in pieces)
        return list(chain.from_iterable(analysed))

    def _analysed(self, text: str) -> list[str]:
        if self._normalise:
            text = unicodedata.normalize("NFKC", text)
        if self._by_character:
            return [node.surface for node in _tagger()(text)]
        # One string for all words: WordPiece would cut a word with a blank inside it there as well.
        words: list[str] = _tagger().parse(text).split()
        return words

    def _ids_of_word(self, word: str) -> tuple[int, ...]:
        if word in self._special:
            return (self._vocabulary[word],)
        if self._lower:
            word = word.lower()
        if self._by_character:
            unknown = self.special_ids["unk_token"]
            return tuple(self._vocabulary.get(c, unknown) for c in unicodedata.normalize("NFKC", word))
        if len(word) <= _LONGEST_WORD and word in self._vocabulary:  # as most words; the longest piece wins
            return (self._vocabulary[word],)
        return tuple(piece.id for piece in self._wordpiece.tokenize(word))


class _Words(dict[str, tuple[int, ...]]):
    """Word -> ids, each worked out once; emptied when full, so that it stays small whatever is read."""

    def __init__(self, ids_of_word: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._ids_of_word = ids_of_word

    def __missing__(self, word: str) -> tuple[int, ...]:
        ids = self._ids_of_word(word)
        if len(word) <= _LONGEST_WORD:
            if len(self) >= _WORDS_KEPT:
                self.clear()
            self[word] = ids
        return ids


_of_thread = threading.local()


def _tagger() -> Any:
    """One of each thread, for all tokenizers: it holds the dictionary, and fugashi never gives that back."""
    if not hasattr(_of_thread, "tagger"):
        # Ids become text without MeCab: a machine that trains from a tokenised folder may lack it.
        import fugashi
        import unidic_lite

        folder = unidic_lite.DICDIR
        _of_thread.tagger = fugashi.GenericTagger(f'-Owakati -d "{folder}" -r "{folder}/mecabrc"')
    return _of_thread.tagger


def _vocabulary(files: TokenizerFiles) -> dict[str, int]:
    # Lines as a text file has them: str.splitlines would end one at U+2028, which is a token somewhere.
    lines = io.TextIOWrapper(io.BytesIO(files.contents["vocab.txt"]), encoding="utf-8")
    return {line.rstrip("\n"): number for number, line in enumerate(lines)}


def _special_tokens_are_plain(files: TokenizerFiles) -> bool:
    """All of them are in vocab.txt, stand for themselves, and none is part of another."""
    vocabulary, named, added = _vocabulary(files), files.named_tokens(_DEFAULTS), files.added_tokens()
    tokens = [*named.values(), *added.values()]
    texts = {token.content for token in named.values()}
    return (
        named.keys() >= _DEFAULTS.keys()
        and not files.extra_tokens()
        and texts <= vocabulary.keys()
        and all(vocabulary.get(token.content) == token_id for token_id, token in added.items())
        and {token.content for token in added.values()} <= texts
        and not any(token.lstrip or token.rstrip or token.single_word for token in tokens)
        and all(text.split() == [text] and len(text) <= _LONGEST_WORD for text in texts)
        and not any(one != other and one in other for one in texts for other in texts)
    )
