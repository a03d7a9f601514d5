"""Cleaning of Japanese text: pure `str -> str`, used alike by training and by generation.

Every public function is total (any `str`, lone surrogates included), idempotent and, because no rule may
backtrack over the whole text, linear in the length of what it is given.
"""

import html
import re
import unicodedata
from collections.abc import Iterator

from narou_gen.text_rules import CONTROLS, SPACES, UNSEEN, Rule, apply, plain, rule, settle

__all__ = ["clean_synopsis", "clean_title", "comparison_key", "visible"]

# fmt: off
_REFERENCES = (
    rule("layers of &amp;", r"&(?:(?:amp|AMP|#0*38(?!\d)|#[xX]0*26(?![0-9A-Fa-f]));?)+", "&",
        "&amp;amp;lt; -> &lt;", "剣&#38;魔法 -> 剣&魔法", "&#380;"),
    rule("numbers of no character", r"&#[0-9]{9,};?", "",  # html.unescape fails on 4,300 digits
        "竜&#999999999;王 -> 竜王"),
)

# --- layout

_URL = rule("URLs",
    r"(?i:h?ttps?://|www\.|(?<![a-z0-9])[a-z0-9]{1,20}\.syosetu\.com)[A-Za-z0-9_/:%#$&?~.=+,@;!*'\-]*", " ",
    "前作はhttps://ncode.syosetu.com/n8856gp/です -> 前作は です", "ncode.syosetu.com/n1/ ->  ")
_LAYOUT = (
    _URL,
    *SPACES,
    rule("rulers",  # a line of ornaments; two dashes alone may be speech
        r"(?m)^(?![ 　]?[―—─]{1,2}[ 　]?$)[＊*※◆◇■□●○◎★☆▼▽▲△♪♡♥❤†‡§＝=_＿#＃+＋|｜~～〜^＾・.．"
        r"―—–‐─━ー－\- 　]+$", "",
        "序\n＊＊＊＊\n破 -> 序\n\n破", "◆◇◆ -> ", "――――― -> ", "――", "「……」", "★★★★★　出口がありません"),
    rule("ends of lines", r"(?m)^[ 　]|[ 　]$", "", "　朝だ。 \n　夜だ。 -> 朝だ。\n夜だ。"),
    rule("blank lines", r"\n{2,}", "\n", "序\n\n\n破 -> 序\n破"),
)

# --- the author speaking as author

_N = "[0-9０-９〇一二三四五六七八九十百千万]"  # a digit
_MARKS = r"[＊*※◆◇■□●○◎★☆▼▽▲△♪♡♥❤・＝=\-～〜【】《》〈〉＜＞<>（）()\[\]［］！!。、 　]*+"
_WHEN = rf"(?:毎[日朝夕晩夜週]|隔[日週]|不定期|週{_N}+[回話]|週末|平日|[月火水木金土日]曜日?|{_N}+時)"
_DONE = "(?:です|ます|でした|ました|します|しました|しています|しております|いたします|いたしました)"
_ADAPTED = "(?:書籍化|コミカライズ|コミック化|漫画化|アニメ化|ドラマ化|重版)"
_SERIAL = (
    rf"全{_N}+[話章部節]|第?{_N}+[話章部]|{_N}+万?字|{_WHEN}|{_N}+分|半|午前|午後|深夜|頃|ごろ|朝|夜|夕方|"
    r"予約|更新|投稿|執筆|完結|連載|連作|短期|短編|中編|長編|本編|番外編|最終話|続き|予定|保証|確約|済み?|"
    r"ずみ|中|なるべく|できるだけ|基本|当面|しばらく|今後|ほど|程度|くらい|していきます|する|になります|あり|"
    rf"書き(?:ため|溜め|終え|上げ|あげ)(?:て(?:い|あり))?|{_DONE}|まで|から|[はのにをでともへ、・／/ 　]"
)


def _notice(name: str, body: str, *examples: str) -> Rule:
    """A rule that empties a whole sentence. Anybody's own affair (俺の…) is story."""
    person = r"(?!.*(?:[俺僕私]|わたし|わたくし|あたし|ぼく|おれ|彼|彼女)[のはがもに、])"
    return rule(name, rf"(?s)\A{_MARKS}{person}(?:{body}){_MARKS}\Z", "", *examples)


_NOTICES = (
    _notice("the serial and its times",  # a sentence of nothing but such words
        rf"(?=.*(?:全{_N}+[話章]|更新|完結|短編|中編|予約投稿|{_WHEN}.*投稿))(?:{_SERIAL})++",
        "毎日夜七時に更新します。 -> ", "全26話、毎朝七時更新です。 -> ", "★全八話、完結済み。 -> ",
        "短編です。 -> ", "更新は三年ごと。", "契約更新なし。",
        "次の更新で、表情が四種類になった。", "作者が完結させた。"),
    rule("notes with ※",  # only those that speak of the work: ※ stands in stories too
        rf"(?s)\A※.*(?:{_WHEN}.*(?:更新|投稿)|更新は|完結|連載|[全一]{_N}*話|主人公|ヒロイン|ざまぁ|描写|作者|"
        r"恋愛(?:要素|小説|は)|(?:ハッピー|バッド)エンド|本作|この作品|短編|フィクション|架空|実在|史実|"
        rf"展開|シーン|場面が|感想|ブックマーク|コメディ|読めます|{_ADAPTED}|[RＲ][1１][5５]).*", "",
        "※主人公は最後まで気づきません。 -> ", "※全28話。くまは死にません。 -> ",
        "※ ハッピーエンドです。 -> ", "※応募がないと閣下がしょげます。",
        "※熊は閣下のことではありません。"),
    _notice("books, comics, anime",
        rf"(?:.*[」』])?{_ADAPTED}|.*{_ADAPTED}(?:{_ADAPTED}|企画|版|作品|同時|[がもはにを、・＆&と！! 　])*"
        r"(?:決定|進行中|予定|連載中|連載開始|始動|決まりました|されま(?:す|した)|となりました|しま(?:す|した))"
        rf"{_DONE}?|.*(?:書籍|単行本|コミックス?|文庫|第?{_N}+巻).*(?:発売|配信|刊行)(?:中|開始|決定|予定)?"
        rf"(?:され)?{_DONE}?",
        "【書籍化決定！】 -> ", "コミカライズ連載中です！ -> ", "『石橋』書籍化＆コミカライズ決定！ -> ",
        "ツギノ文庫様より書籍第１巻、好評発売中！ -> ", "俺の小説の書籍化が決まった。", "夢は書籍化。",
        "書籍化作家は今日も寝坊しました。", "世界初のゲームの発売日。"),
    _notice("other places",
        r".*(?:(?:カクヨム|アルファポリス|ノベルアップ|エブリスタ|ハーメルン|ノベルピア|ネオページ|[Pp]ixiv|"
        r"ピクシブ|(?:他|別|自)サイト|なろう).*(?:掲載|投稿|連載|公開|転載)|(?:重複|多重|同時|マルチ)(?:投稿|"
        rf"掲載))(?:中|予定|済み?|あり|作品|して(?:い|おり)ます)?{_DONE}?",
        "この作品は「カクヨム」にも掲載しています。 -> ", "アルファポリス様にも重複投稿しております。 -> ",
        "カクヨムに投稿した小説が、知らない人の手で完結していた。", "該当の村、掲載を継続。"),
    _notice("requests",
        r".*(?:感想|評価|ブックマーク|ブクマ|レビュー|お気に入り|いいね|応援|誤字).*(?:お願い(?:し|いたし|致し)"
        r"ます|(?:いただ|頂)け(?:ると|れば|ましたら|たら).*|お待ちして(?:い|おり)ます|励みになります|募集中です)",
        "感想・評価・ブックマークお願いします！ -> ", "ブクマいただけると嬉しいです。 -> ",
        "感想も評価も一度もありません。", "佐伯　よろしくお願いします。"),
    _notice("ranks, prizes, thanks",
        rf"(?:皆様の|お?かげ(?:さま)?で|本作が|{_N}+[/／月年日.]|、)*(?:[日月週年]間|四半期|累計).{{0,20}}"
        rf"(?:ランキング|総合|部門|ジャンル).{{0,12}}{_N}+位(?:.{{0,3}}(?:獲得|達成|ランクイン|入り|"
        rf"いただきました|ありがとうございます))?{_DONE}?|皆(?:様|さま|さん)のおかげで.*{_N}+位.*|"
        rf"第{_N}+回.*(?:小説|ノベル|文庫|なろう|カクヨム).*(?:受賞|通過|応募|参加|入賞)(?:作品?|中)?{_DONE}?|"
        r".*(?:PV|ＰＶ|アクセス|ブックマーク|ブクマ|愛読|お読みいただき).*ありがとうございま(?:す|した)",
        "日間総合ランキング１位！ -> ", "皆様のおかげで日間3位になりました！ -> ",
        "第三回王都小説大賞、一次選考通過作品です。 -> ", "100万PVありがとうございます！ -> ",
        "ランキング一位の相棒が、急に弱くなった。", "ランキング圏外。"),
    _notice("ratings, disclaimers, former titles",
        rf"[RＲ][-－]?[1１][58５８].{{0,12}}(?:保険|念のため){_DONE}?|(?:この|本)(?:作品|物語|小説|作)は"
        rf"フィクション.*|残酷な?描写(?:が|は)?あり{_DONE}?|旧(?:題|タイトル)[:：は「『].*|無断(?:転載|"
        r"複製|使用).{0,10}(?:禁止|禁じます)(?:です|します)?",
        "R15は保険です。 -> ", "（旧題：石橋の日記） -> ",
        "この物語はフィクションであり、実在の人はいません。 -> ", "この物語は、母の嘘から始まる。"),
)
_MAX_NOTICE_CHARS = 120

# --- titles

_EDITION_WORD = (
    rf"祝|全{_N}+[話章]|第?{_N}+[章部巻]|本編|番外編|読み切り|ＷＥＢ|WEB|Web|改稿|改訂|修正|加筆|旧|新|完全|電子|"
    rf"{_ADAPTED}|書籍|コミックス?|企画|進行中|決定|連載|短編|中編|長編|完結|完|保証|済み?|版|毎日|更新|好評|発売|中|"
    "[！!・、＆&と 　]"
)
_EDITION = re.compile(
    rf"([【〔［\[（(＜<《〈](?=.{{0,20}}?(?:版|完|連載|[短中長]編|読み切り|全{_N}|更新|発売|{_ADAPTED}))"
    rf"(?:{_EDITION_WORD})++[】〕］\]）)＞>》〉])"
)
# fmt: on

RULES = (*UNSEEN, *_REFERENCES, *_LAYOUT, *_NOTICES)


def _unescape(text: str) -> str:
    """Entities decoded until none is left, so that cleaning twice is cleaning once.

    The site escapes once; text nested four layers deep is an attack and loses its ampersands.
    """
    for _ in range(4):
        done = plain(html.unescape(apply(_REFERENCES, text)))
        if done == text:
            return text
        text = done
    return plain(text.replace("&", ""))


_BREAK = re.compile(r"[「『（(【]|[」』）)】]|\n|[。！？!?♪]++[ 　]*+|※|[▼◆★](?=全)")


def _sentences(text: str) -> Iterator[tuple[str, bool]]:
    """Each sentence with its end, and whether it begins inside 「」, maybe opened lines before.

    Nothing breaks inside brackets but a newline. What begins with ※ is one sentence up to the
    next ※ or newline, and 【…】 at the beginning of one stands alone.
    """
    start, quotes, brackets, spoken = 0, 0, 0, False
    for match in _BREAK.finditer(text):
        token, end = match[0], match.end()
        if token in "「『":
            quotes += 1
        elif token in "」』":
            quotes = max(0, quotes - 1)
        elif token in "（(【":
            brackets += 1
        elif token in "）)】":
            brackets = max(0, brackets - 1)
            if token == "】" and not quotes and not brackets and text[start] == "【":
                yield text[start:end], spoken
                start = end
        elif token == "\n" or not (quotes or brackets):
            if token in "※▼◆★":
                end = match.start()
            elif token != "\n" and text[start] == "※":
                continue
            if end > start:
                yield text[start:end], spoken
            start, brackets, spoken = end, 0, quotes > 0
    yield text[start:], spoken


def _is_notice(sentence: str) -> bool:
    bare = sentence.strip()
    if not 2 < len(bare) <= _MAX_NOTICE_CHARS or (bare[0] in "「『" and bare[-1] in "」』"):
        return False
    return any(not rule.apply(bare) for rule in _NOTICES)


def clean_synopsis(text: str) -> str:
    """A synopsis as training and generation read it: the story, in lines parted by one newline.

    Entities decoded, NFC, no controls, URLs, rulers, blank lines or author notices. A notice is
    removed only where a whole sentence or ※ note is one; speech is never searched.
    """

    def step(text: str) -> str:
        text = _URL.apply(plain(text))  # before entities: `?a=1&para=2` holds none
        kept = []
        for sentence, spoken in _sentences(apply(_LAYOUT, _unescape(text))):
            notice = not spoken and _is_notice(sentence)
            kept.append(("\n" if sentence.endswith("\n") else "") if notice else sentence)
        return "".join(kept).strip()

    return settle(step, text)


def clean_title(text: str) -> str:
    """A title on one line: decoded, NFC, no controls, no 【書籍化決定】 or the like at either end.

    A title that is nothing but such a mark keeps it.
    """

    def step(text: str) -> str:
        text = apply(SPACES, _unescape(plain(text)).replace("\n", " "))
        parts = _EDITION.split(text)  # words at even places, edition marks at odd ones
        words = [i for i in range(0, len(parts), 2) if parts[i].strip()]
        return ("".join(parts[words[0] : words[-1] + 1]) if words else text).strip()

    return settle(step, text)


def comparison_key(text: str) -> str:
    """What two tellings of one work share: letters and digits, NFKC and case folded.

    Text without any (an emoji, say) is its own key, in NFKC.
    """
    normal = unicodedata.normalize("NFKC", text)

    def step(text: str) -> str:
        return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text.casefold())))

    return settle(step, normal) or normal


def visible(text: str) -> str:
    """Text that a terminal can print and that cannot steer it; newlines and tabs stay."""
    return apply(CONTROLS, text)
