"""The table as rows of a terminal, for any size from 80 x 24 up."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from narou_gen.demo import sheets
from narou_gen.demo.cards import card_back, card_face, worth
from narou_gen.demo.game import Game
from narou_gen.demo.manuscript import manuscript
from narou_gen.demo.palette import ACCENT, KEY, MESSAGE, QUIET
from narou_gen.demo.prompt import LABELS
from narou_gen.demo.table import SPIN_SECONDS, TITLE_SECONDS, Phase
from narou_gen.demo.typesetting import beside, centred, crop, pad, wrap

LEAST_COLUMNS, LEAST_ROWS = 80, 24
_WIDEST_CARD, _TALLEST_CARD = 24, 18
_FIXED_ROWS = 8  # all but the synopsis and the cards
_TABLE_KEYS = (
    "r 引き直す,+ 長く,- 短く,b 明るく,d 暗く,w 大胆,a 入れる,x 避ける,k 固定",
    "s 別の話,i 書く,1-5 選ぶ,Enter 表紙,f 推し,v 一覧,c コピー,? 説明,q 終了",
)
_SHEET_KEYS = {
    "help": "Esc 戻る,q 終了",
    "cover": "← → めくる,f 推し,c コピー,Esc 戻る,q 終了",
    "page": "← → めくる,f 推し,Esc 戻る,q 終了",
    "favourites": "↑ ↓ 選ぶ,Enter 表紙,c コピー,x はずす,e 保存,Esc 戻る,q 終了",
}
_PROMPT_KEYS = "Enter 決定,Esc 取り消し,Ctrl-U 消す,Ctrl-C 終了"


@dataclass(frozen=True)
class Frame:
    """What a terminal shows: a line of text a row, and where the cursor stands, as (column, row)."""

    rows: list[Text]
    cursor: tuple[int, int] | None = None


def draw(game: Game, now: float, columns: int, rows: int, shimmer: float | None = None) -> Frame:
    """The game as it is at this time, in exactly so many rows.

    `shimmer` (0 to 1) is where the colours of an SSR begin; by default they go round with the time.
    """
    shimmer = now / 3 if shimmer is None else shimmer
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        return Frame(_too_small(columns, rows))
    cursor = None
    if game.sheet:
        body = sheets.draw(game, shimmer, columns, rows - 4)
        keys = [_keys(_SHEET_KEYS[game.sheet])]
    else:
        body = _table(game, now, columns, rows - 5, shimmer)
        keys = [_keys(line) for line in _TABLE_KEYS]
    message = Text(f" {crop(game.message, columns - 2)}", MESSAGE)
    if game.prompt is not None:
        message, column = _prompt(game, columns)
        hint = Text(f" {crop(game.message, columns - 2)}", MESSAGE)
        keys = [hint if game.message else _keys(_PROMPT_KEYS), *keys[1:]]
        cursor = (column, rows - 1 - len(keys))
    body = [*body, *[Text("")] * rows][: rows - 2 - len(keys)]
    lines = [_header(game, columns), *body, message, *keys]
    for line in lines:
        line.truncate(columns, overflow="crop")
    return Frame(lines, cursor)


def _too_small(columns: int, rows: int) -> list[Text]:
    lines = [
        "画面が小さすぎます",
        f"いま {columns} x {rows}",
        f"{LEAST_COLUMNS} x {LEAST_ROWS} 以上に広げてください",
        "q で終了",
    ]
    above = max(0, (rows - len(lines)) // 2)
    return ([Text("")] * above + [centred(Text(crop(line, columns)), columns) for line in lines])[:rows]


def _header(game: Game, columns: int) -> Text:
    right = f"推し {len(game.favourites)}  {max(1, game.round)} 巡目 "
    left = Text.assemble((" タイトルガチャ", ACCENT), ("  narou-gen", QUIET))
    return left.append(" " * (columns - left.cell_len - cell_len(right))).append(right, QUIET)


def _keys(listed: str) -> Text:
    text = Text(" ")
    for each in listed.split(","):
        key, _, label = each.rpartition(" ")
        text.append(key, KEY).append(f"{label}  ")
    return text


def _prompt(game: Game, columns: int) -> tuple[Text, int]:
    """The line that is typed on, and the column of its cursor."""
    assert game.prompt is not None
    label = f" {LABELS[game.prompt.purpose]}: "
    room = columns - cell_len(label) - 2
    before = game.prompt.text[: game.prompt.place].replace("\n", "⏎")
    while cell_len(before) > room:
        before = before[1:]
    after = game.prompt.text[game.prompt.place :].replace("\n", "⏎")
    after = crop(after, max(0, room - cell_len(before))) if after else ""
    text = Text(label, KEY).append(before + after, "default")
    return text, cell_len(label) + cell_len(before)


def _table(game: Game, now: float, columns: int, height: int, shimmer: float) -> list[Text]:
    synopsis_rows = 3 if height < 24 else 5
    area = height - synopsis_rows - 3
    spinning = game.phase is Phase.SPIN
    return [
        *_synopsis(game, columns, synopsis_rows, hidden=spinning),
        _wishes(game, columns),
        *_area(game, now, columns, area, shimmer),
        *_detail(game, now, columns),
    ]


def _synopsis(game: Game, columns: int, rows: int, hidden: bool) -> list[Text]:
    if hidden:
        return [Text(" あらすじを選んでいます…", QUIET), *[Text("")] * (rows - 1)]
    room = columns - 4
    text = "　".join(game.story.synopsis.split("\n"))
    lines = wrap(text, room, rows)
    lines = [line.lstrip("\u3000") for line in lines]
    return [Text(f"  {line}") for line in [*lines, *[""] * (rows - len(lines))]]


def _wishes(game: Game, columns: int) -> Text:
    if game.phase is Phase.SPIN:
        return Text("")
    genre = game.story.genre or "ジャンルなし"
    wished = game.wishes.described()
    if game.locked is not None:
        wished.append(f"「{game.locked.title}」に似せる")
    text = Text("  ").append(genre, ACCENT).append("  願い ", QUIET)
    room = columns - text.cell_len - 2
    if wished:
        return text.append(crop("・".join(wished), room), MESSAGE)
    return text.append(crop("なし（+ - b d w a x で注文できます）", room), QUIET)


def _area(game: Game, now: float, columns: int, height: int, shimmer: float) -> list[Text]:
    """What lies on the table itself, centred: the roulette, the manuscript, or cards."""
    if game.phase is Phase.SPIN:
        rows = _roulette(game, now, columns)
    elif game.phase is Phase.WRITE:
        writing = not game.draft.done or len(game.shown_draft(now)) < len(game.draft.text)
        sheet = manuscript(game.shown_draft(now), height - 2, writing)
        caption = "一筆書きの下書き" if game.draft.done or game.draft.text else "モデルが目をさましています…"
        rows = [Text(caption, QUIET), Text(""), *sheet]
    else:
        rows = _hand(game, now, columns, height, shimmer)
    above = max(0, (height - len(rows)) // 2)
    rows = [Text("")] * above + [centred(row, columns) for row in rows]
    return [*rows, *[Text("")] * height][:height]


def _roulette(game: Game, now: float, columns: int) -> list[Text]:
    """First sentences that rush by, and slow down at the one that was drawn."""
    stories = game.roulette.stories
    progress = min(1.0, (now - game.since) / SPIN_SECONDS)
    left = round((1 - progress) ** 2 * 18)
    around = [game.story, *stories[:20]]
    rows = []
    for distance in (-2, -1, 0, 1, 2):
        words = crop(around[(left + distance) % len(around)].first_words, columns - 16)
        style = ACCENT if distance == 0 else QUIET
        mark = ("▶ ", " ◀") if distance == 0 else ("  ", "  ")
        rows.append(Text(mark[0] + pad(words, columns - 16) + mark[1], style))
    return rows


def _hand(game: Game, now: float, columns: int, height: int, shimmer: float) -> list[Text]:
    number = max(1, len(game.hand.cards)) if game.phase is Phase.HAND else 5
    width = min(_WIDEST_CARD, (columns + 1) // 5 - 1)
    tall = min(_TALLEST_CARD, height - 1)
    blocks = []
    for place in range(number):
        if game.phase is Phase.SHUFFLE or not game.hand.cards or game.turned(place, now) < 0:
            rows = card_back(width, tall)
            raised = game.phase is Phase.SHUFFLE and int(now * 8 + place) % 2 == 0
            if game.phase is Phase.SHUFFLE and game.locked is not None and place == game.selected:
                rows, raised = _face(game, place, now, width, tall, shimmer), True
        else:
            rows, raised = _face(game, place, now, width, tall, shimmer), place == game.selected
        gap = Text(" " * width)
        blocks.append([*rows, gap] if raised else [gap, *rows])
    return beside(blocks, 1)


def _face(game: Game, place: int, now: float, width: int, height: int, shimmer: float) -> list[Text]:
    card = game.hand.cards[place]
    turned = 60.0 if game.phase is Phase.SHUFFLE else game.turned(place, now)
    letters = int(len(card.title) * turned / TITLE_SECONDS) + 1
    marks = ("鍵" if card == game.locked else "") + ("推" if card in game.favourites else "")
    return card_face(card, width, height, place + 1, letters, marks, shimmer)


def _detail(game: Game, now: float, columns: int) -> list[Text]:
    """The selected title in full, and its worth."""
    card = game.card
    if game.phase is not Phase.HAND or card is None or game.turned(game.selected, now) < TITLE_SECONDS:
        return [Text(""), Text("")]
    title = Text("  ").append(crop(card.title, columns - 4), "bold")
    about = Text("  ") + worth(card)
    if card.rating.flaw:
        about.append(f"（{card.rating.flaw}）", QUIET)
    elif game.hand.note:
        about = Text(f"  {crop(game.hand.note, columns - 4)}", QUIET)
    return [title, about]
