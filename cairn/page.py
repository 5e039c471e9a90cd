"""A comparison as one HTML page that needs nothing else."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from cairn.differences import Difference

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .8rem .3rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
td:nth-child(n+3) { font-family: ui-monospace, monospace; font-size: 13px; }
"""


def page(first: Mapping[str, Any], second: Mapping[str, Any], found: Sequence[Difference]) -> str:
    """The page.

    Args:
        first: body of the first run's log entry.
        second: body of the second run's.
        found: in what they differ.
    """
    title = f"{first['stage']}: {first['id'][:12]} and {second['id'][:12]}"
    heads = _row("th", ["", "name", f"first, {first['ts']}", f"second, {second['ts']}", "change"])
    rows = [_row("td", [one.section, one.name, one.first, one.second, one.delta]) for one in found]
    body = "\n".join([heads, *rows]) if rows else _row("td", ["The two runs do not differ."])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n<table>\n{body}\n</table>"
        "</body></html>\n"
    )


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
