"""Strings that try to become something else than text, and a log made of them."""

from typing import Any

from provenance import Entry, Log
from tests.provenance.page.story import digest

# Shapes from the OWASP XSS filter evasion cheat sheet (cheatsheetseries.owasp.org), with one mark
# that a script of ours would leave: `window.hacked`.
HOSTILE = [
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    "</SCRIPT ><img src=x onerror=window.hacked=1>",
    "<!--<script>window.hacked=1//",
    '"><svg onload=window.hacked=1>',
    "' autofocus onfocus=window.hacked=1 x='",
    "javascript:window.hacked=1",
    "{{ 7*7 }}{% raw %}{# #}",
    "]]><script>window.hacked=1</script>",
    "</style><script>window.hacked=1</script>",
    "</title><script>window.hacked=1</script>",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "\u202etxt.exe\u2066\u200b",
    "<details open ontoggle=window.hacked=1>",
    '#entry-0" onclick="window.hacked=1',
    "long" * 2000,
    "数" * 300,
    "\u2028\u2029\ufeff",
    "${window.hacked=1}`",
]


def as_path(text: str) -> str:
    """As near to the text as a path of the log may be."""
    allowed = "".join(char for char in text if ord(char) > 31 and char not in "\\\x7f")
    parts = [part[:60] for part in allowed.split("/") if part not in ("", ".", "..")]
    return "/".join(parts[:100]) or "x"


def tell(log: Log, texts: list[str]) -> Entry:
    """A run and a release in which every free text is hostile."""
    paths = list(dict.fromkeys(as_path(text) for text in texts))
    everything: dict[str, Any] = {text: [text, {text: text}] for text in texts}
    weights = {"path": "w/model.safetensors", "blake3": digest("w"), "size": 1}
    log.append(
        {
            "kind": "run",
            "id": texts[0][:200],
            "stage": texts[1],
            "actor": texts[2],
            "ts": texts[3],
            "artifacts": [
                *({"path": path, "blake3": digest(path), "size": 1} for path in paths),
                weights,
            ],
            "inputs": [{"path": path, "blake3": digest("in"), "kept": False} for path in paths],
            "params": everything,
            "metrics": {text: text for text in texts},
            "env": everything,
        }
    )
    return log.append(
        {
            "kind": "release",
            "id": texts[-1][:200],
            "ts": texts[-1],
            "actor": texts[-1],
            "artifacts": [weights | {"path": "v/artifacts/model.safetensors"}],
            "inputs": [
                {"path": weights["path"], "blake3": digest("w"), "entry": 0},
                *({"path": path, "blake3": digest(path), "entry": 0} for path in paths[::2]),
                *({"path": path, "blake3": digest("gap"), "entry": 0} for path in paths[1::2]),
            ],
            "release": {
                "model": texts[-1],
                "version": texts[0],
                "champion": True,
                "reason": texts[1],
            },
        }
    )
