"""Extract commands and code from the READMEs and the pages of documentation."""

from __future__ import annotations

import re

from checkout import ROOT

READMES = ("README.md", "README.ko.md")
TASK_PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/tasks").glob("*.md"))
PAGES = (
    "docs/data.md",
    "docs/leaderboard.md",
    "docs/pretraining.md",
    "docs/publishing.md",
    "docs/sweeps.md",
    "docs/training.md",
    *TASK_PAGES,
)
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in (*READMES, *PAGES)}
# What a command begins with; of inline code, only what has one of these and a word behind it is a command.
PROGRAMS = (
    *("accelerate", "bash", "curl", "echo", "git", "hf", "huggingface-cli", "klue", "make", "pip", "pytest"),
    *("python", "python3", "uv"),
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_CHOICE = re.compile(r"(?<=\s)\w+(?:\|\w+)+")


def blocks(text: str) -> list[tuple[str, str]]:
    """Return language (sh, python, or empty for output) and content of each code block."""
    return _BLOCK.findall(text)


def commands(text: str) -> list[str]:
    """Return the commands in shell blocks, and complete commands in sentences.

    Comments are omitted, and ``klue a|b`` is two commands.
    """
    shell = "\n".join(
        re.sub(r"\s*\\\n\s*", " ", block) for language, block in blocks(text) if language == "sh"
    )
    found = [re.sub(r"\s+#.*$", "", line) for line in shell.splitlines() if line.strip()]
    found += [span for span in _inline(text) if span.split(" ")[0] in PROGRAMS and " " in span]
    return list(dict.fromkeys(choice for command in found for choice in _choices(command)))


def snippets(text: str) -> list[str]:
    """Return Python code in sentences: imports and calls."""
    found = [span for span in _inline(text) if re.match(r"(from|import) \w|[\w.]+\(", span)]
    return list(dict.fromkeys(found))


def _inline(text: str) -> list[str]:
    """Inline code, on one line each."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", _BLOCK.sub("", text))]


def _choices(command: str) -> list[str]:
    choice = _CHOICE.search(command)
    if choice is None:
        return [command]
    return [command.replace(choice[0], word) for word in choice[0].split("|")]
