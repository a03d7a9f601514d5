"""What the service asks of whoever uses its API, shown before the first request.

The quotations are from 「なろうデベロッパー」利用ガイドライン as copied in early 2026. The copy
this text was written from breaks off inside the sentence on AI training, so the notice shows it
broken off too: the reader has to go to the source for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """The text somebody said yes to.

    `version` goes into the database with the time of the yes; a new version asks again.
    """

    version: str
    source: str
    japanese: str
    english: str

    @property
    def text(self) -> str:
        """Both languages, ready to print: plain text, no markup, lines of at most 80 columns."""
        return f"{self.japanese}\n\n{self.english}"


_JAPANESE = """\
【ご利用の前に】なろう小説API(なろうデベロッパー)利用ガイドラインの要点
 目的: 「非商用目的でのWeb小説や文学、小説家になろうそのものの振興」
       「研究機関での学術研究への寄与」「学校組織等における教育への寄与」
 禁止(「提供目的に合致していても禁止対象」):
  ・「取得したデータを、AIの学習データとして利用
    (生成AI、大規模言語モデル(LLM)、そ…」
    ※手元の写しはここで途切れています。続きは必ず原文で確認してください。
    原文が認めるか、運営の許可がない限り、取得したデータで学習してはいけません。
  ・「小説家になろうにユーザ登録をしない状態での利用」
  ・提供目的外の利用、商用目的の利用(広告収益・アフィリエイトを含む)
  ・競合・類似サービスへの利用、競合企業による利用
  ・出典を明かさない研究利用、名誉毀損など悪意ある利用、18歳未満のR18ツール利用
 出典: 発表の際は「データの出典元としてなろうデベロッパー(本API)を記載」すること
 保存: データは「長くても2週間」で更新または削除(fetch が自動で行います)
 最新の原文を読んでください: https://dev.syosetu.com/"""

_ENGLISH = """\
BEFORE YOU COLLECT: what the guideline of the Narou novel API asks and forbids
 Purpose: promoting web novels, literature or the site itself without commercial
   aim; academic research at research institutions; education at schools.
 Forbidden, even for those purposes:
  - using the data obtained as AI TRAINING DATA ("generative AI, large language
    models (LLM), ..."; our copy of the sentence breaks off here, so read the
    original). Unless the original or the site's owner allows it, do not train
    on what you collect;
  - using the API without being a registered user of Shosetsuka ni Naro;
  - any other purpose, commercial use (advertising and affiliate income
    included), competing or similar services, use by competing companies;
  - research that hides its source, defamation and other malice, use of R18
    tools by anyone under 18.
 Credit: when you publish, name Narou Developer (this API) as the data's source.
 Keeping: refresh or delete data within two weeks (fetch does it by itself).
 Read the current text at the source: https://dev.syosetu.com/"""

NOTICE = Notice(
    version="2026-02.1",
    source="https://dev.syosetu.com/",
    japanese=_JAPANESE,
    english=_ENGLISH,
)

REMINDER = (
    "This database holds data from the Narou novel API, whose guideline forbids use as AI "
    f"training data unless its current text or the site's owner allows it: {NOTICE.source}"
)
"""One line for whatever reads a collected database in order to train on it."""
