"""report.html: one page, nothing outside, nothing that a title could smuggle in; seen by a real browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from numpy.typing import NDArray

import narou_gen.evaluation.report as module
from narou_gen.evaluation.items import EvaluationOptions
from narou_gen.evaluation.report import read_journal, write_report
from narou_gen.evaluation.run import evaluate_checkpoint

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def japanese_font() -> bool:
    """Whether the system has one; without fontconfig the test finds out."""
    if shutil.which("fc-list") is None:
        return True
    return bool(subprocess.run(["fc-list", ":lang=ja"], capture_output=True, check=True).stdout)


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome here")
HOSTILE = "</script><script>document.title='broken in'</script><img src=x onerror=alert(1)>--><b>&amp;$x^2$"


@pytest.fixture(scope="module")
def report(debug_checkpoint: Path, some_pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    options = EvaluationOptions(limit=24, num_beams=1, num_titles=1, train=str(some_pairs), baselines=True)
    evaluate_checkpoint(str(debug_checkpoint), folder, options)
    return folder / "report.html"


@pytest.fixture(scope="module")
def hostile(report: Path, debug_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same page, where every text from outside is an attack."""
    metrics: dict[str, Any] = json.loads((report.parent / "metrics.json").read_text("utf-8"))
    lines = [json.loads(line) for line in (report.parent / "titles.jsonl").read_text("utf-8").splitlines()]
    metrics["settings"]["checkpoint"] = metrics["settings"]["options"]["data"] = HOSTILE.replace("/", "")
    metrics["skipped"] = {"titleness": HOSTILE}
    metrics["by_genre"] = [group | {"group": HOSTILE, "items": 9} for group in metrics["by_genre"]]
    for line in lines:
        line |= {"synopsis": HOSTILE, "references": [HOSTILE], "genre": HOSTILE}
        for system in line["systems"].values():
            system["titles"] = [{"text": HOSTILE}]
    return write_report(tmp_path_factory.mktemp("hostile"), metrics, lines, read_journal(debug_checkpoint))


def test_the_page_needs_nothing_from_outside(report: Path) -> None:
    page = report.read_text("utf-8")
    outside = set(re.findall(r"https?://[^\s\"'<>)]+", page))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, never fetched
    assert not re.search(r"<(?:link|img|iframe|script src)|@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert str(Path.home()) not in page and str(report.parent) not in page


def test_it_holds_the_table_the_pictures_and_every_title(report: Path) -> None:
    page = report.read_text("utf-8")
    metrics = json.loads((report.parent / "metrics.json").read_text("utf-8"))
    for score in ("character_rouge_l", "word_rouge_2", "distinct_1"):
        for system in metrics["systems"].values():
            assert f"{system[score]['value']:.3f}" in page
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    assert headings[:4] == ["Overlap is not enough", "Length", "Does it read?", "Variety"]
    assert headings[-1] == "Training" and page.count("<svg") == len(headings) >= 6
    assert "var(--accent)" in page and "#0102" not in page  # colours are the page's
    samples = json.loads(re.search(r'id="samples">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    lines = [json.loads(line) for line in (report.parent / "titles.jsonl").read_text("utf-8").splitlines()]
    assert [sample["synopsis"] for sample in samples] == [line["synopsis"] for line in lines]
    for sample, line in zip(samples, lines, strict=True):
        shown = [text for _, _, text in sample["titles"]]
        assert shown[0] == line["systems"]["model"]["titles"][0]["text"]
        assert set(line["references"]) <= set(shown)


def test_nothing_from_outside_becomes_markup(hostile: Path) -> None:
    page = hostile.read_text("utf-8")
    assert HOSTILE not in page and "<img" not in page and "<b>" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert html.escape("onerror=alert(1)") in page  # it is there, as text


def browse(page: Path, folder: Path, *flags: str) -> str:
    assert BROWSER is not None
    answer = subprocess.run(
        [
            BROWSER,
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={folder / 'profile'}", "--window-size=1280,4200", *flags, page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return answer.stdout


def screenshot(page: Path, folder: Path, *flags: str) -> NDArray[np.float64]:
    """(height, width, 3), 0 to 1."""
    browse(page, folder, f"--screenshot={folder / 'page.png'}", *flags)
    return np.asarray(matplotlib.image.imread(folder / "page.png"), np.float64)[..., :3]


@needs_browser
def test_a_browser_shows_it_in_light_and_dark(report: Path, tmp_path: Path) -> None:
    light = screenshot(report, tmp_path)
    dark = screenshot(report, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert light.shape == dark.shape == (4200, 1280, 3)
    assert light[5, 5].mean() > 0.9 and dark[5, 5].mean() < 0.2
    for seen in (light, dark):
        paper = seen[5, 5]
        inked = np.abs(seen - paper).max(axis=2) > 0.25
        # Each fifth of the page has something on it, and text at the left edge of nothing: no overflow.
        assert all(part.mean() > 0.005 for part in np.array_split(inked, 5))
        assert not inked[:, :20].any() and not inked[:, -20:].any()


@needs_browser
@pytest.mark.skipif(not japanese_font(), reason="no Japanese font here")
def test_japanese_has_its_own_shapes(tmp_path: Path) -> None:
    """Where no font has them, all characters are the same box."""
    style = (Path(module.__file__).parent / "page" / "report.css").read_text("utf-8")
    lines = "".join(f'<h1 style="height: 100px; margin: 0">{text}</h1>' for text in ("魔王", "宿屋", "娘の"))
    page = tmp_path / "text.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><style>{style} body {{ padding: 0 }}</style>{lines}", "utf-8"
    )
    first, second, third = np.split(screenshot(page, tmp_path)[:300], 3)
    assert np.ptp(first) > 0.5  # there is ink
    assert not (first == second).all() and not (second == third).all()


@needs_browser
def test_titles_can_be_searched_and_turned_over(report: Path, tmp_path: Path) -> None:
    first = json.loads((report.parent / "titles.jsonl").read_text("utf-8").splitlines()[0])
    word = first["synopsis"][:6]
    script = f"""
        const seen = [];
        const see = () => seen.push([place.textContent, list.children.length, list.textContent]);
        const look = (text) => {{ search.value = text; search.dispatchEvent(new Event("input")); see(); }};
        see(); after.click(); see(); look({json.dumps(word)}); look("そんな話はない");
        document.title = JSON.stringify(seen);
    """
    copy = tmp_path / "scripted.html"
    copy.write_text(
        report.read_text("utf-8").replace("</body>", f"<script>{script}</script></body>"), "utf-8"
    )
    title = re.search(r"<title>(.*?)</title>", browse(copy, tmp_path, "--dump-dom"), re.DOTALL)
    assert title is not None
    start, turned, found, nothing = json.loads(html.unescape(title[1]))
    assert start[:2] == ["1–5 of 24", 5] and first["references"][0] in start[2]
    assert turned[:2] == ["6–10 of 24", 5] and first["references"][0] not in turned[2]
    assert found[:2] == ["1–1 of 1", 1] and word in found[2]
    assert nothing == ["nothing found", 0, ""]


@needs_browser
def test_a_browser_runs_nothing_that_came_with_a_title(hostile: Path, tmp_path: Path) -> None:
    shown = browse(hostile, tmp_path, "--dump-dom")
    assert "<title>broken in</title>" not in shown and "<img" not in shown
    assert shown.count('class="sample"') == 5
