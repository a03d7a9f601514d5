"""The typography of generated titles: total, idempotent and linear, as the rules of `text.py` are."""

import re
import unicodedata
from collections import Counter

from narou_gen.text_rules import SPACES, apply, plain, rule, settle

_FULL_WIDTH = str.maketrans("!?:,()", "！？：、（）")
# Kana and kanji; with full-width forms; with everything that is set solid beside them (…―「♪☆).
_LETTER = r"\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_JA = rf"{_LETTER}・\uff01-\uff60"
_WIDE = rf"{_JA}\u2010-\u27bf\u3000-\u303f\U0001f000-\U0001faff"

# fmt: off
_TOKENS = (
    rule("special tokens", r"(?i:\[(?:CLS|SEP|PAD|UNK|MASK)\]|</?s>|<(?:pad|unk|mask|bos|eos)>)|[▁\n]", " ",
        "[CLS] 魔王 [SEP] ->   魔王  ", "<s>▁竜</s> ->   竜 ", "スキル【鞘】"),
    rule("word pieces", r"(?<=[^\s#]) ##(?=[^\s#])", "", "転 ##生 -> 転生", "VR ##MMO -> VRMMO"),
    rule("half-width katakana", r"[\uff61-\uff9f]+", lambda match: unicodedata.normalize("NFKC", match[0]),
        "ｽﾗｲﾑのﾄﾞﾗｺﾞﾝ -> スライムのドラゴン", "｢はい｡｣ -> 「はい。」"),
    *SPACES,
    rule("space after ！？",  # authors leave a full-width one, unless a closing mark follows
        rf"(?<=[！？!?]) (?=[{_LETTER}０-９Ａ-Ｚａ-ｚ「『【（(〈《]|[～~](?! ?$))", "\u3000",
        "転生した！ と叫ぶ -> 転生した！\u3000と叫ぶ", "俺？ ~聖女の夜!? ~ -> 俺？\u3000~聖女の夜!? ~"),
    rule("space beside Japanese", rf" (?=[{_WIDE}])|(?<=[{_WIDE}]) ", "",
        "魔王 の 娘 と VR MMO を 遊ぶ -> 魔王の娘とVR MMOを遊ぶ", "接続中\u3000一名"),
    rule("points and apostrophes", r"(?<=[0-9]) ([.:]) (?=[0-9])|(?<=[A-Za-z]) (') (?=[A-Za-z])", r"\1\2",
        "2 . 5 次元 -> 2.5 次元", "Don ' t -> Don't"),
    rule("space within Latin", r" (?=[,.!?:;%)\]])|(?<=[(\[]) ", "",
        "Hello , World ! -> Hello, World!", "Level 99 Witch"),
)
_SETTING = (  # where the title has Japanese in it
    rule("waves", r"[~〜∼〰]", "～", "魔王様~最強の休日〜 -> 魔王様～最強の休日～"),
    rule("full-width ！？：、",  # beside Japanese, or after a Latin word that stands against it
        rf"[{_LETTER}！？０-９Ａ-Ｚａ-ｚ％♪☆★♡」』】）〉》…℃][0-9A-Za-z]*[!?:,]+(?![0-9A-Za-z])|"
        rf"(?<![0-9A-Za-z!?])[!?]+(?=[{_JA}])", lambda match: match[0].translate(_FULL_WIDTH),
        "最強AI!? -> 最強AI！？", "「は?」 -> 「は？」", "Hello, World!と叫ぶ", "午後3:00"),
    rule("full-width （）", r"[()]+", lambda match: match[0].translate(_FULL_WIDTH), "俺(58) -> 俺（58）"),
    rule("dots", r"(?:\.{3})+|…\.+", lambda match: "…" * max(1, len(match[0]) // 3),
        "あの... -> あの…", "あの...... -> あの……"),
)
_BOUNDS = (
    rule("！！！！", r"([！？!?]{2})[！？!?]{2,}", r"\1", "嘘！？！？ -> 嘘！？", "嘘！！！"),
    rule("………", r"…{3,}", "……", "…………… -> ……"),
    rule("―――", r"[―—─]{3,}", "――", "真実――― -> 真実――"),
    rule("、、", r"([、。，])[、。，]+", r"\1", "朝、、夜 -> 朝、夜"),
    rule("～～", r"～{2,}", "～", "竜～～ -> 竜～"),
    rule("any other mark", r"([^\w\s「」『』【】（）()〈〉《》])\1{3,}", r"\1\1\1", "♪♪♪♪♪ -> ♪♪♪"),
    rule("stop before a closing mark", r"[、。，]([」』】）〉》])", r"\1", "「はい。」と -> 「はい」と"),
)
_JAPANESE = re.compile(f"[{_LETTER}]")
_STRAY_FIRST = "、。，．,.・:：;；！？!?／/ 　"
_STRAY_LAST = "、。，．,・:：;；／/＝=＆&＋+ 　"
_CLOSING = dict(zip("「『【（(〈《", "」』】）)〉》", strict=True))
_OTHER_QUOTE = {"」": "』", "』": "」"}
# fmt: on

RULES = (*_TOKENS, *_SETTING, *_BOUNDS)


def finish_title(text: str) -> str:
    """The typography of a generated title: from decoded model output to what an author types.

    No special tokens, no spaces between Japanese words (an author's U+3000 stays), full-width
    ！？～（） beside Japanese, short runs of marks, no stop at the end (authors write none, even
    after an earlier one), and balanced brackets (see `_balanced`).
    """

    def step(text: str) -> str:
        text = apply(_TOKENS, plain(text)).strip()
        text = _balanced(apply(_SETTING, text) if _JAPANESE.search(text) else text)
        return apply(_BOUNDS, text).strip().lstrip(_STRAY_FIRST).rstrip(_STRAY_LAST)

    return settle(step, text)


def _balanced(text: str) -> str:
    """Every bracket closed, every closing one opened, and ～ in pairs.

    An opening bracket left open is closed where the one around it closes, or at the end, where
    it is removed instead if no word follows it. A closing one that nothing opened is removed
    (but 』 closes 「, in its form), as is an empty pair. A ～ between numbers (1～3) or alone in
    brackets (「待って～」) counts as a letter.
    """
    kept: list[str] = []
    opened: list[int] = []  # places in `kept`
    owed: Counter[str] = Counter()
    last_word = -1
    for place, char in enumerate(text):
        if char in _CLOSING:
            owed[_CLOSING[char]] += 1
            opened.append(len(kept))
        elif char in _CLOSING.values():
            if not owed[char]:
                char = _OTHER_QUOTE.get(char, char)
            while owed[char]:
                first = opened.pop()
                if kept[first] == "～":
                    continue
                closing = _CLOSING[kept[first]]
                owed[closing] -= 1
                if first == len(kept) - 1:
                    kept.pop()
                else:
                    kept.append(closing)
                if closing == char:
                    break
            continue
        elif char == "～" and not (
            text[place - 1 : place].isnumeric() and text[place + 1 : place + 2].isnumeric()
        ):
            if opened and kept[opened[-1]] == "～":
                opened.pop()
            else:
                opened.append(len(kept))
        elif char.isalnum():
            last_word = len(kept)
        kept.append(char)
    for first in reversed(opened):
        if last_word > first:
            kept.append(_CLOSING.get(kept[first], "～"))
        else:
            kept[first] = ""
    return "".join(kept)
