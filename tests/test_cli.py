"""The command line as a user meets it: real processes, exit codes, clean stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

STORY = "古い井戸の底で、少年アオイは自分の名前を呼ぶ声を聞いた。"


def run(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "narou_gen", *arguments],
        input=stdin,
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )


@pytest.fixture(scope="module", autouse=True)
def checkpoint(debug_checkpoint: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAROU_GEN_CHECKPOINT", str(debug_checkpoint))
        yield


def error_line(answer: subprocess.CompletedProcess[bytes]) -> str:
    text = answer.stderr.decode()
    assert "Traceback" not in text
    assert answer.stdout == b""
    assert len(text.splitlines()) == 1, text
    return text


@pytest.mark.parametrize("command", ["", "train", "title", "sentiment", "similar", "fetch", "pairs", "works"])
def test_help_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from narou_gen.cli import main\n"
        f"sys.argv = ['narou-gen', *'{command}'.split(), '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'datasets', 'accelerate', 'numpy', 'requests'}\n"
        "heavy |= {'matplotlib', 'pyarrow', 'scraper'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr.strip() == "[]"
    assert "Usage: narou-gen" in answer.stdout


def test_importing_the_api_imports_nothing_heavy() -> None:
    code = (
        "import sys; from narou_gen import generate_title, GenerationOptions, TitleGenerator\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'pydantic'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_text_a_pipe_and_a_file_give_the_same_titles(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text(STORY + "\n", "utf-8")
    answers = [
        run("title", STORY, "-n", "2"),
        run("title", "-n", "2", stdin=STORY.encode()),
        run("title", "--input", str(tmp_path / "story.txt"), "-n", "2"),
    ]
    for answer in answers:
        assert (answer.returncode, answer.stderr) == (0, b"")
        assert answer.stdout == answers[0].stdout
    assert len(answers[0].stdout.decode().splitlines()) == 2


def test_json_lines_in_and_out(tmp_path: Path) -> None:
    rows = [
        {"synopsis": STORY, "genre": 303, "keywords": ["井戸"]},
        {"synopsis": "赤い\x1b[31m夜\x9b2J\u202e", "length": "short"},
        {"synopsis": STORY},
    ]
    file = tmp_path / "stories.jsonl"
    file.write_text("\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    answer = run("title", "--input", str(file), "--json", "-n", "2")
    assert answer.returncode == 0, answer.stderr
    found = [json.loads(line) for line in answer.stdout.decode().splitlines()]
    assert [line["synopsis"] for line in found] == [row["synopsis"] for row in rows]
    for line in found:
        assert set(line) == {"synopsis", "titles"} and 1 <= len(line["titles"]) <= 2
        assert all(set(title) == {"text", "score", "merit", "nearest"} for title in line["titles"])
    assert not {"\x1b", "\x9b", "\u202e"} & set(answer.stdout.decode())


def test_promises_are_kept_and_what_they_cost_is_told() -> None:
    promises = ["--keyword", "井戸", "--prefix", "夜", "--avoid", "朝", "--max-chars", "30"]
    answer = run("title", STORY, "-n", "2", "--diversity", "0.2", *promises)
    assert answer.returncode == 0
    for line in answer.stdout.decode().splitlines():
        assert line.startswith("夜") and "井戸" in line and "朝" not in line and len(line) <= 30
    answer = run("title", STORY, "-n", "2", "--min-chars", "900", "--json")
    assert answer.returncode == 0
    assert "fewer than 900 characters" in answer.stderr.decode()
    found = json.loads(answer.stdout)
    assert found["titles"] == [] and found["note"].startswith("0 of 2 titles")


def test_both_engines_and_an_exported_one_write_titles(tmp_path: Path, debug_checkpoint: Path) -> None:
    how = ["--format", "ctranslate2", "--quantization", "float32"]
    exported = run("export", str(debug_checkpoint), *how, "-o", str(tmp_path / "x"))
    assert (exported.returncode, exported.stdout.decode().strip()) == (0, str(tmp_path / "x"))
    answers = [
        run("title", STORY, "-n", "2", "--diversity", "0", *more)
        for more in (["--engine", "torch"], ["--checkpoint", str(tmp_path / "x"), "--threads", "1"])
    ]
    assert answers[0].returncode == 0 and answers[0].stdout == answers[1].stdout


def test_a_file_of_titles(tmp_path: Path) -> None:
    source = tmp_path / "stories.jsonl"
    source.write_text("".join(f'{{"synopsis": "{STORY}{n}"}}\n' for n in range(3)), "utf-8")
    written = ["title", "--input", str(source), "-o", str(tmp_path / "titles.jsonl")]
    assert run(*written).stdout == b""
    lines = (tmp_path / "titles.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["synopsis"] for line in lines] == [f"{STORY}{n}" for n in range(3)]
    assert "exists already" in error_line(run(*written))


def test_sampling_with_a_seed_repeats() -> None:
    one, other = (run("title", STORY, "--sample", "--seed", "3", "-n", "3") for _ in range(2))
    assert one.returncode == 0
    assert one.stdout == other.stdout


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "stdin is empty"),
        (" \n\u3000\n".encode(), "stdin is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "binary data, not a text"),
        ("古い井戸".encode("cp932"), "not UTF-8; convert it first"),
    ],
)
def test_input_that_says_nothing(stdin: bytes, said: str) -> None:
    answer = run("title", stdin=stdin)
    assert answer.returncode == 1
    assert said in error_line(answer)


@pytest.mark.parametrize("stdin", ["👻👻👻".encode(), STORY.encode() * 15_000, "\ufeff猫".encode()])
def test_input_that_is_odd_gets_a_title(stdin: bytes) -> None:
    answer = run("title", stdin=stdin)
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert len(answer.stdout.decode().splitlines()) == 1


def test_arguments_that_are_no_unicode() -> None:
    assert run("title", os.fsdecode("井戸\udcff".encode("utf-8", "surrogateescape"))).returncode == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no json", "line 2: not JSON"),
        ("[1]", "line 2: needs a JSON object"),
        ('{"title": "x"}', "line 2: needs a text `synopsis`"),
        ('{"synopsis": " "}', "line 2 is empty"),
        ('{"synopsis": "井戸", "genre": 7}', "line 2: genre = 7: no such genre"),
        ('{"synopsis": "井戸", "keywords": 7}', "line 2: `keywords` must be"),
        ('{"synopsis": "井戸", "length": "huge"}', "line 2: length = huge"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "stories.jsonl"
    file.write_text(f'{{"synopsis": "{STORY}"}}\n{line}\n', "utf-8")
    answer = run("title", "--input", str(file))
    assert answer.returncode == 1
    assert said in error_line(answer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["title", STORY, "--checkpoint", "/nowhere"], "No checkpoint at /nowhere. Found:"),
        (["title", "--input", "/nowhere.txt"], "Cannot read /nowhere.txt: No such file"),
        (["title", STORY, "-n", "0"], "num_titles = 0: it must be 1 to"),
        (["title", STORY, "--genre", "7"], "genre = 7: no such genre"),
        (["title", STORY, "--keyword", "猫", "--avoid", "猫"], "keywords and avoid exclude each other"),
        (["title", STORY, "--tone", "dark"], "has no sentiment head"),
        (["export", "/nowhere", "--format", "ctranslate2", "-o", "x"], "No checkpoint at /nowhere"),
        (["train", "nowhere"], "or one of: mlm, pretrain-mini, sentiment, title, title-debug"),
        (["train", "title-debug", "--output", "/dev/null/run"], "choose another --output"),
        (["train", "title-debug", "--set", "training.epochs=0"], "training.epochs = 0"),
        (["train", "title-debug", "--set", "data.train=/nowhere.jsonl"], "No data at /nowhere.jsonl"),
    ],
)
def test_expected_errors_are_one_line_and_exit_1(arguments: list[str], said: str, tmp_path: Path) -> None:
    output = (
        ["--output", str(tmp_path / "run")] if arguments[0] == "train" and "--output" not in arguments else []
    )
    answer = run(*arguments, *output)
    assert answer.returncode == 1
    assert said in error_line(answer)


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["title", "--no-such-option"],
        ["title", STORY, "--input", "story.txt"],
        ["title", STORY, "-n", "many"],
        ["title", STORY, "--length", "huge"],
        ["title", STORY, "--threads", "0"],
        ["title", STORY, "--resume"],
        ["export", "narou-mini", "--format", "onnx", "-o", "x"],
        ["train"],
    ],
)
def test_bad_usage_exits_2(arguments: list[str]) -> None:
    answer = run(*arguments)
    assert answer.returncode == 2
    assert answer.stdout == b"" and b"Traceback" not in answer.stderr


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "stories.jsonl"
    file.write_text("".join(f'{{"synopsis": "{STORY}{n}"}}\n' for n in range(130)), "utf-8")
    command = f"{sys.executable} -m narou_gen title --input {file} --beams 1 | head -n 1"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert len(answer.stdout.splitlines()) == 1
    assert answer.stderr == ""


def test_the_output_folder_is_named_as_it_was_given(tmp_path: Path) -> None:
    from narou_gen import load_config

    for name in ("新しい\u3000箱", "a\\b", "it's", 'say "x"', "x\x7f"):
        assert load_config("title-debug", [], name).output == name


def test_version() -> None:
    from narou_gen import __version__

    assert run("--version").stdout.decode() == f"narou-gen {__version__}\n"
