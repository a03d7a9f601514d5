"""What lies on top of the table: the help, a cover, a work page, the favourites."""

from __future__ import annotations

from rich.text import Text

from narou_gen.demo.cards import bar
from narou_gen.demo.cover import book
from narou_gen.demo.dealer import Card
from narou_gen.demo.favourites import work_page
from narou_gen.demo.game import Game
from narou_gen.demo.palette import ACCENT, QUIET, rarity_style
from narou_gen.demo.rarity import LEAST_QUALITY, WEAKEST_SSR, Rarity
from narou_gen.demo.typesetting import crop, wrap

_BOOK = 36
"""Cells of a cover."""
_TALLEST_BOOK = 26
_FROM = {rarity: round(100 * least) for rarity, least in LEAST_QUALITY.items()}
_HELP = (
    ("レア度", ""),
    ("", "できばえ（二度数えます）・新しさ・あらすじの平均（0〜100）で決まります。"),
    ("できばえ", "編集者がそのまま使いそうな見込み（題名全体の確率などから）"),
    ("新しさ", "学習した題名にどれだけ似ていないか"),
    ("あらすじ", "題名の名詞がどれだけあらすじにあるか（一語だけでは半分）"),
    ("SSR ★★★★", f"{_FROM[Rarity.SSR]} から。三つとも {WEAKEST_SSR * 100:.0f} 以上。めったに出ません"),
    ("SR ★★★", f"{_FROM[Rarity.SR]} から　　R ★★ {_FROM[Rarity.R]} から　　N ★ そのほか"),
    ("", "同じ言葉が二度出る題名と、あらすじの丸写しは R どまりです。"),
    ("願い", ""),
    ("+ - 長く短く", "字数の約束です。五段階あります。"),
    ("b d 明るく暗く", "感情のヘッドがそう読む題名だけを出します。"),
    ("w t 大胆・穏やか", "ビームサーチをやめ、温度を上げてくじを引きます。"),
    ("a x 言葉", "必ず入れる言葉と、避ける言葉。0 で願いをすべて白紙に。"),
    ("k 固定", "そのカードを残し、r で似た題名を引きます。"),
    ("ほか", ""),
    ("f v e", "推しにする、一覧、ファイルに保存（.txt か .json）"),
    ("c Enter", "作品ページとしてコピー、表紙にする"),
    ("s i", "同梱のあらすじ（CC0、学習に使っていないもの）を回す、自分で書く"),
)


def draw(game: Game, shimmer: float, columns: int, height: int) -> list[Text]:
    """The game's sheet in at most so many rows; `shimmer` as for the table."""
    card = game.card
    if game.sheet == "help":
        return _help()[:height]
    if game.sheet == "favourites":
        return _favourites(game, columns, height)
    assert card is not None
    if game.sheet == "page":
        lines = wrap(work_page(card), columns - 8, height - 1)
        return [
            Text(""),
            *(Text(f"    {line}", "bold" if not place else "") for place, line in enumerate(lines)),
        ]
    return _cover(card, shimmer, columns, height)


def _help() -> list[Text]:
    rows = []
    for name, text in _HELP:
        if name and not text:
            rows.append(Text(f" {name}", ACCENT))
        else:
            rows.append(Text("   ").append(name, "bold").append("  " if name else "").append(text))
    return rows


def _cover(card: Card, shimmer: float, columns: int, height: int) -> list[Text]:
    drawn = book(card, _BOOK, min(height, _TALLEST_BOOK))
    beside = _about(card, shimmer, columns - _BOOK - 7, len(drawn))
    return [Text("  ") + cover + Text("   ") + line for cover, line in zip(drawn, beside, strict=True)]


def _about(card: Card, shimmer: float, cells: int, rows: int) -> list[Text]:
    rating = card.rating
    name = Text()
    for place, char in enumerate(f"{rating.rarity.name} {'★' * (rating.rarity + 1)}"):
        name.append(char, rarity_style(rating.rarity, shimmer + place / 14))
    lines = [Text(""), name, Text("")]
    lines += [Text(line, "bold") for line in wrap(card.title, cells, 4)]
    lines.append(Text(""))
    for label, value in (
        ("できばえ", rating.merit),
        ("新しさ　", rating.novelty),
        ("あらすじ", rating.fit),
    ):
        number = "   ?" if value is None else f"{round(100 * value):4}"
        lines.append(
            Text(f"{label} ", QUIET).append(bar(value, 16), rarity_style(rating.rarity, 0.5)).append(number)
        )
    if rating.flaw:
        lines.append(Text(f"（{rating.flaw}があるので R まで）" if rating.rarity <= Rarity.R else "", QUIET))
    about = "・".join(filter(None, (card.tone, f"{len(card.title)}字")))
    lines += [Text(crop(line, cells), QUIET) for line in (card.story.genre, about, " ") if line]
    room = rows - len(lines)
    if room > 0:
        lines += [Text(line) for line in wrap(card.story.synopsis, cells, room)]
    return [*lines, *[Text("")] * rows][:rows]


def _favourites(game: Game, columns: int, height: int) -> list[Text]:
    rows = [Text(f" 推し {len(game.favourites)} 本", ACCENT), Text("")]
    if not game.favourites:
        return [*rows, Text("   まだありません。気に入ったカードで f を押すと、ここに並びます。", QUIET)]
    room = height - len(rows)
    first = max(0, min(game.marked - room // 2, len(game.favourites) - room))
    for place, card in enumerate(game.favourites[first : first + room], first):
        rarity = card.rating.rarity
        chosen = place == game.marked
        row = Text(" ▶ " if chosen else "   ")
        row.append(f"{rarity.name:<4}", rarity_style(rarity, place / 7))
        row.append(crop(card.title, columns - 10), "bold" if chosen else "")
        rows.append(row)
    return rows
