"""The rules for Japanese text: every example, the promises of each function, and their speed."""

import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narou_gen import text as cleaning
from narou_gen import typography
from narou_gen.text import clean_synopsis, clean_title, comparison_key, visible
from narou_gen.text_rules import Rule
from narou_gen.typography import finish_title

RULES = (*cleaning.RULES, *typography.RULES)
FUNCTIONS = (clean_synopsis, clean_title, finish_title, comparison_key, visible)
BRACKETS = dict(zip("「『【（〈《", "」』】）〉》", strict=True))

# Any code point at all, and pieces that the rules have something to do with, in any order.
PIECES = (
    *"「」『』【】（）()〈〉《》～~〜！？!?、。…―・ 　\n\r\t\x1b\x00[];#&<>/:.,あ漢ｶﾞーA1一※◆★",
    *"\u0301\u0345\u037e\u200b\u202e\u3099\ud800\ue000",
    *("[UNK]", "</s>", " ##", "&amp;", "&lt", "&num;", "&#38;", "http://", "\x1b[31m", "\x1b]0;", "..."),
    *("更新", "毎日", "完結", "全八話", "です", "短編", "書籍化", "決定", "主人公", "R15", "ます", "俺の"),
    *("１位", "日間総合", "【完結】"),
)
ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        pytest.param(rule, *case, id=f"{rule.name}-{i}")
        for rule in RULES
        for i, case in enumerate(rule.cases())
    ],
)
def test_every_rule_does_what_its_examples_say(rule: Rule, before: str, after: str) -> None:
    assert rule.apply(before) == after


def test_every_rule_has_an_example_that_changes() -> None:
    assert not [rule.name for rule in RULES if all(before == after for before, after in rule.cases())]


@pytest.mark.parametrize("function", FUNCTIONS)
@given(text=ANY_TEXT)
@settings(deadline=None, max_examples=300)
def test_total_and_idempotent(function: Callable[[str], str], text: str) -> None:
    once = function(text)
    assert function(once) == once


@given(text=ANY_TEXT)
@settings(deadline=None, max_examples=300)
def test_no_control_character_is_left(text: str) -> None:
    for function, kept in (
        (clean_synopsis, "\n"),
        (clean_title, ""),
        (finish_title, ""),
        (visible, "\n\t"),
    ):
        result = function(text)
        assert not [
            char for char in result if unicodedata.category(char) in {"Cc", "Cs"} and char not in kept
        ]
        assert not set(result) & set(
            "\x1b\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        )


@given(text=ANY_TEXT)
@settings(deadline=None, max_examples=300)
def test_a_finished_title_is_balanced(text: str) -> None:
    open_brackets: list[str] = []
    for char in finish_title(text):
        if char in BRACKETS:
            open_brackets.append(BRACKETS[char])
        elif char in BRACKETS.values():
            assert open_brackets and open_brackets.pop() == char
    assert not open_brackets


@given(text=ANY_TEXT)
def test_a_key_is_never_empty_unless_the_text_is(text: str) -> None:
    assert bool(comparison_key(text)) == bool(text)


# --- synopses


def test_a_synopsis_keeps_its_story_and_loses_the_rest() -> None:
    raw = (
        "　【書籍化決定！】\r\n"
        "　婚約を&quot;破棄&quot;された。\x1b[31m\u200b　　けれど&amp;、\u3000 平気\u202eだ。\r\n\r\n\r\n"
        "　◆◇◆\r\n"
        "「感想をいただけると嬉しいです」と彼女は言った。毎朝七時更新です。\r\n"
        "※毎日更新です。ざまぁは五話から。※熊は閣下のことではありません。\r\n"
        "カクヨムにも掲載しています。\r\n"
        "https://ncode.syosetu.com/n8856gp/?a=1&amp;para=2\r\n"
        "――\r\n"
        "＊＊＊＊\r\n"
    )
    assert clean_synopsis(raw) == (
        '婚約を"破棄"された。\u3000けれど&、\u3000平気だ。\n'
        "「感想をいただけると嬉しいです」と彼女は言った。\n"
        "※熊は閣下のことではありません。\n"
        "――"
    )


@pytest.mark.parametrize(
    "story",
    [
        "次の更新で、表情が四種類になった。その次で、まばたきが消えた。",
        "更新して十分後に、必ず誤字報告をくれる人がいます。名前は知りません。感想も評価も一度もありません。",
        "僕がカギを考えて、週に一題、小さなパズルを投稿してもう三年になる。",
        "ランキング一位の相棒が、ある日を境に急に弱くなった。",
        "暇つぶしに読みはじめた連載小説『窓際の三月くん』。主人公の身長、血液型。俺だ。",
        "私の小説は書籍化されました。私は毎日十八時に更新します。",
        "『新しく越してきた小野寺さんです。よろしくお願いします』",
        "「評価をお願いします」\n「感想、お待ちしております！」",
        "「部長、\n毎日更新します。\n感想お願いします」",
        "・井戸さらいは次の満月の日です。\n・鶏が逃げています。見かけた方はホルタまで。",
        "★★★★★　とても落ち着けるお店です。出口がわかりにくいですが、慣れます。",
        "※応募がないと閣下がしょげます。",
        "条件は三つ。寝室は別、家事は当番、互いに干渉しない。更新は三年ごと。",
        "七年前、六十二話で止まった連載がある。敵に囲まれた橋の上、「次回へ続く」。それきりだ。",
        "「……」\n……え、俺のほう？\n――冗談じゃない。乗客はまだ、渡りきっていないんだ。",
        "〈沼の主〉今日はどこ潜るの\n〈ほねほね〉うち来なよ、散らかってるけど",
        "【観客】\u3000攻撃力０\u3000防御力０\u3000固有スキル『応援』",
        "ピロリン♪ と、わりと大きめの音で鳴る。",
        "契約更新なし。その紙を持って公園のベンチに座っていたら、妙に焦げくさい匂いがした。",
    ],
)
def test_story_is_never_taken_for_a_notice(story: str) -> None:
    assert clean_synopsis(story) == story


@pytest.mark.parametrize(
    "notice",
    [
        "毎日夜七時に更新します。",
        "※追放ものですが、やり返すより直すほうが多い話です。毎日夜七時に更新します。",
        "【全十二話完結】",
        "（全二十四話・予約投稿済み）",
        "★★★書籍化＆コミカライズ決定しました★★★",
        "『国境の石橋』コミカライズ決定！",
        "カクヨム様、アルファポリス様にも重複投稿しています。",
        "感想、評価、ブックマークなどいただけると励みになります！",
        "日間ハイファンタジーランキング１位獲得！　ありがとうございます！",
        "R15は念のためです。",
        "前作はこちら\nhttps://ncode.syosetu.com/n0000aa/",
    ],
)
def test_notices_go(notice: str) -> None:
    story = "気がつくと、俺の上を牛が歩いていた。"
    left = clean_synopsis(f"{story}\n\n{notice}").removeprefix(story).strip()
    assert left in {"", "ありがとうございます！", "前作はこちら"}


@pytest.mark.parametrize("text", ["", " \n　\t", "\x00\ufeff", "＊＊＊\n◆", "毎日更新！", "&#0;"])
def test_nothing_is_left_of_a_synopsis_without_story(text: str) -> None:
    assert clean_synopsis(text) == ""


def test_entities_are_decoded_until_none_is_left() -> None:
    assert clean_synopsis("&lt;竜&gt; &amp;lt; &hearts;") == "<竜> < ♥"
    assert clean_title("剣&amp;amp;amp;魔法") == "剣&魔法"
    assert "&" not in clean_title("&" * 50 + "num;38;" * 50)
    assert clean_title("&#" + "9" * 5000 + ";竜") == "竜"  # html.unescape alone raises


# --- titles

TITLES = [
    "転生したら石橋でした～「行ってきます」と「ただいま」を数えて三百年、国境でいちばん慕われる橋になる～",
    "パパ、この子飼っていい？\u3000～七歳の娘が拾ってきたトカゲさん、どう見てもドラゴンなんですが～",
    "【運営定例会議】プレイヤー「ちくわ好き」さん一名のために、今週も緊急修正を行うことになりました",
    "【相談】押し入れから去年の自分の声がする件【助けて】\u3000～レス番が途中からひとつずれている～",
    "ダンジョン前のコインロッカー係（58歳・パート）ですが、内側からノックされています",
    "反省点、なし。誰も悪くなかった。～勇者隊反省会議事録、本日の出席一名～",
    "残り物のスキルは【ポイント還元１％】でした～還元率が百を超えたので、殴られるほど元気になります～",
    "ランキング一位の「紅蓮の女帝」に弟子入りしたら、唐揚げの心配をしはじめた。……母さん？",
    "「ご主人！\u3000匂いでわかりました！」～前世の愛犬が美青年騎士になって全力で駆け寄ってくる～",
    "回復魔法のたびに「ピロリン♪」と鳴ってうるさいので追放された",
    "Ｓ級パーティーの俺、VRMMOで社食防衛線を死守する",
    "Hello, World!",
    "接続中\u3000一名",
]


@pytest.mark.parametrize("title", TITLES)
def test_authors_titles_are_left_as_they_are(title: str) -> None:
    assert clean_title(title) == title
    assert finish_title(title) == title


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("【書籍化決定】魔王の娘【完結】", "魔王の娘"),
        ("【書籍化・コミカライズ】竜【連載版】", "竜"),
        ("【WEB版】竜と私（短編）", "竜と私"),
        ("【2巻発売中！】 石橋 [完結済]", "石橋"),
        ("【悲報】俺、死ぬ", "【悲報】俺、死ぬ"),
        ("スキル【完結】で無双", "スキル【完結】で無双"),
        ("【完結】", "【完結】"),
        ("　剣と\r\n魔法\u200bの　　&quot;夜&quot;\x07", '剣と 魔法の　"夜"'),
    ],
)
def test_titles_are_cleaned(raw: str, title: str) -> None:
    assert clean_title(raw) == title


@pytest.mark.parametrize(
    ("decoded", "title"),
    [
        (
            "[CLS] 転生 し たら 「 石橋 」 でし た ～ もう 遅い !? ～ [SEP] [PAD] [PAD]",
            "転生したら「石橋」でした～もう遅い！？～",
        ),
        ("<s>聖女 ですが 、 辞め ます ! 。</s>", "聖女ですが、辞めます！"),
        ("S 級 冒険 者 ( 58 ) 、 VR ##MMO を 遊ぶ 。", "S級冒険者（58）、VRMMOを遊ぶ"),
        ("[UNK] の 俺 が [unk] 無双", "の俺が無双"),
        ("婚約破棄?いいえ、契約終了です!", "婚約破棄？いいえ、契約終了です！"),
        ("やせ たい ん です ! ~ 気づけ ば 優勝 ~", "やせたいんです！\u3000～気づけば優勝～"),
        ("最強 AI ! ?", "最強AI！？"),
        ("Level 99 Witch の 休日", "Level 99 Witchの休日"),
        ("Hello , World !", "Hello, World!"),
        ("ﾄﾞﾗｺﾞﾝと暮らす｡", "ドラゴンと暮らす"),
        ("竜の巫女〜最後の夏〜", "竜の巫女～最後の夏～"),
        ("あの日 ... 君 が", "あの日…君が"),
        ("勇者！！！！！！！！", "勇者！！"),
        ("、、。魔王と私、", "魔王と私"),
        ("1~3 巻 の 俺", "1～3巻の俺"),
        ("悪役令嬢は「もう遅い", "悪役令嬢は「もう遅い」"),
        ("悪役令嬢は『もう遅い」と笑う", "悪役令嬢は『もう遅い』と笑う"),
        ("悪役令嬢」はもう遅い】", "悪役令嬢はもう遅い"),
        ("悪役令嬢（元「聖女）の朝", "悪役令嬢（元「聖女」）の朝"),
        ("悪役令嬢は「", "悪役令嬢は"),
        ("悪役令嬢「」の朝", "悪役令嬢の朝"),
        ("魔王の城～「勇者が来る～", "魔王の城～「勇者が来る」～"),
        ("「待って～」と君は言う", "「待って～」と君は言う"),
        ("魔王\nの\x1b[31m城\x00", "魔王の城"),
        ("[PAD] [UNK] 。", ""),
        ("😀", "😀"),
    ],
)
def test_generated_titles_are_finished(decoded: str, title: str) -> None:
    assert finish_title(decoded) == title


# --- keys, terminals


def test_one_work_has_one_key() -> None:
    telling = comparison_key("Ｓ級の竜と、ﾄﾞﾗｺﾞﾝ！？　～ただいま～")
    assert telling == comparison_key("s級の竜とドラゴン!? ~ただいま~") == "s級の竜とドラゴンただいま"
    assert comparison_key("竜の夏") != comparison_key("竜の冬")
    assert comparison_key("😀！") == "😀!"


def test_visible_text_cannot_steer_a_terminal() -> None:
    assert visible("\x1b]0;rm\x07\x1b[2J魔\x9b31m王\r\n\t\u202e勇者\ud800") == "魔王\n\t勇者"


# --- speed


UNITS = (
    *"あ!　\n。「」(※&#9◆",
    *(
        "～あ",
        "&amp;",
        "http",
        "【完結】",
        "\x1b[",
        "更新",
        "全一話",
        "感想",
        "書籍化",
        "連載",
        " ##",
        "num;38;",
    ),
)


@pytest.mark.parametrize("function", FUNCTIONS[:3])
@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_one_thing_takes_linear_time(function: Callable[[str], str], unit: str) -> None:
    text = "&【連載" + unit * (1_000_000 // len(unit.encode())) + "x"
    started = time.process_time()
    function(text)
    assert time.process_time() - started < 10  # seconds, of a slow machine; a quadratic rule takes minutes


def test_the_module_needs_the_standard_library_only() -> None:
    code = (
        "import sys, narou_gen.text; print(*({'torch', 'transformers', 'numpy', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
