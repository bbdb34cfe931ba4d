"""Texts that run a script if a page interprets them as code; each sets ``window.evil``."""

from __future__ import annotations

EVIL = "window.evil=1"
ELEMENTS = (
    f"<script>{EVIL}</script>", f"<img src=x onerror={EVIL}>", f"<svg onload={EVIL}>",
    f"<svg><script>{EVIL}</script></svg>", f"<body onload={EVIL}>", f"<iframe src=javascript:parent.{EVIL}>",
    f"<iframe srcdoc='<script>parent.{EVIL}</script>'>", f"<object data=javascript:{EVIL}>",
    f"<embed src=javascript:{EVIL}>", f"<video src=x onerror={EVIL}>", f"<audio src=x onerror={EVIL}>",
    f"<details open ontoggle={EVIL}>", f"<input autofocus onfocus={EVIL}>",
    f"<select autofocus onfocus={EVIL}></select>", f"<a href=javascript:{EVIL}>x</a>",
    f"<math href=javascript:{EVIL}>", f"<form action=javascript:{EVIL}><button>x</button></form>",
    f"<button formaction=javascript:{EVIL}>x</button>",
    f"<meta http-equiv=refresh content='0;javascript:{EVIL}'>",
    "<base href=//evil.invalid/>", f"<style onload={EVIL}></style>", f"<marquee onstart={EVIL}>x</marquee>",
)  # fmt: skip
# What ends the place where a text may stand: none, an attribute, a script, a text field, a title, a comment.
ENDINGS = ("", '">', "'>", "</script>", "</textarea>", "</title>", "-->")
PAYLOADS = [
    *(f"{ENDINGS[index % len(ENDINGS)]}{element}" for index, element in enumerate(ELEMENTS * 2)),
    *(f'" {name}={EVIL} x="' for name in ("onmouseover", "onfocus", "onload", "onerror", "onclick")),
    *(f"' {name}={EVIL} x='" for name in ("onmouseover", "onfocus", "onload")),
    f"javascript:{EVIL}", f"JaVaScRiPt:{EVIL}", f"java\tscript:{EVIL}",
    f"data:text/html,<script>{EVIL}</script>",
    f"\u2028{EVIL}", f"\u2029{EVIL}//", f"';{EVIL}//", f'";{EVIL}//', f"`;{EVIL}//", f"${{{EVIL}}}",
    "{{ 7 * 7 }}", "{% raw %}", "<!--", "]]>", f"\\u003cscript\\u003e{EVIL}\\u003c/script\\u003e",
    "=HYPERLINK(\"http://evil.invalid\")", "+1+1", "@SUM(1)", "../../../etc/passwd",
]  # fmt: skip
