"""Documentation that can fail: commands, snippets, names and links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import narou_gen
from narou_gen.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / name for name in ("README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += [ROOT / "checkpoints/README.md", ROOT / "checkpoints/narou-mini/README.md"]


def commands() -> dict[str, set[str]]:
    """Every command of the command line, with its options."""
    group = typer.main.get_command(app)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    }


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.ja.md"], ids=lambda page: page.name)
def test_every_command_and_make_target_is_in_the_readme(page: Path) -> None:
    text = page.read_text("utf-8")
    for command in commands():
        assert f"narou-gen {command}" in text, command
    assert "make demo" in text and "make test" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_documents_exist_with_their_options(page: Path) -> None:
    known = commands()
    for block in re.findall(r"```(?:console|sh)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            if match := re.match(r"\$ (?:narou-gen|.* -m narou_gen) ([a-z-]+)(.*)", line.partition("  #")[0]):
                assert match[1] in known, line
                options = re.findall(r"(?<= )(--?[a-z][a-z-]*)", match[2])
                assert set(options) <= known[match[1]], line


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "README.ja.md"])
def test_the_python_in_the_readme_runs(page: str, tmp_path: Path) -> None:
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert snippets
    for snippet in snippets:
        subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_what_is_exported_is_what_is_documented() -> None:
    assert len(set(narou_gen.__all__)) == len(narou_gen.__all__)
    for name in narou_gen.__all__:
        value = getattr(narou_gen, name)
        assert name == "__version__" or value.__doc__, name
    stub = (ROOT / "narou_gen/__init__.py").read_text("utf-8")
    assert set(re.findall(r"import \w+ as (\w+)", stub)) == set(narou_gen.__all__) - {"__version__"}
    with pytest.raises(AttributeError):
        narou_gen.no_such_name  # noqa: B018


def test_every_config_key_is_explained() -> None:
    from narou_gen.config import DataConfig, ModelConfig, TrainingConfig

    source = (ROOT / "narou_gen/config.py").read_text("utf-8")
    for section in (ModelConfig, DataConfig, TrainingConfig):
        for key in section.model_fields:
            assert re.search(rf'\n    {key}: .*\n    """', source), key
