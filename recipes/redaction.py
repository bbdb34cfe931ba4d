"""Redact secrets in all files that are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SECRET_TEXTS = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an AWS access key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "an AWS secret key": r"(?i:aws_?secret_?access_?key)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9/+]{40}",
    "a GitHub token": r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b",
    "an OpenAI key": r"\bsk-(proj-)?[A-Za-z0-9_-]{40,}\b",
    "a Weights & Biases key": r"(?i:wandb_api_key)[\"']?\s*[:=]\s*[\"']?[0-9a-f]{40}",
    "a private key": r"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----",
}
# Settings that are secrets; TrainingArguments hides those that end in _token.
_SECRET_NAME = re.compile(r"(?i)(token|password|secret|api_?key)$")
_SECRET_TEXT = re.compile("|".join(SECRET_TEXTS.values()))


def redact(value: Any, name: str = "") -> Any:
    """Replace every secret in a setting.

    Args:
        value: Value of the setting; mappings and lists are searched.
        name: Name of the setting, or key in a mapping.
    """
    if isinstance(value, Mapping):
        return {key: redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, name) for item in value]
    if isinstance(value, str):
        return f"<{name.upper()}>" if _SECRET_NAME.search(name) else _SECRET_TEXT.sub("<SECRET>", value)
    return value
