"""Data Docs that need no network: plain pages that load nothing from anywhere.

Great Expectations' pages take their looks from other hosts: without a network they are unreadable,
with one they tell those hosts who reads about which data. Scripts and foreign addresses go, a small
style sheet of our own comes. What the pages say stays as it is.
"""

import re
from pathlib import Path

SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)
ADVERT = re.compile(r"<footer\b.*?</footer>", re.DOTALL)
LINK = re.compile(r"<link\b[^>]*>", re.DOTALL)
LOGO = re.compile(r"<img\b[^>]*src=\"https?://[^>]*>", re.DOTALL)
UNTITLED = "<title></title>"

LOOKS = """<style>
:root { color-scheme: light dark; --line: #8885; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; }
nav .navbar-brand { font-weight: 700; padding-right: 1rem; }
nav > div > nav, .row { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; }
nav.navbar { border-bottom: 1px solid var(--line); padding: .5rem 2rem; height: auto !important; }
nav ol { list-style: none; display: flex; gap: .7rem; margin: 0; padding: 0; }
.container-fluid { padding: 0 2rem 1rem; }
.container-fluid .container-fluid { padding: 0; }
.col-lg-2 { flex: 0 0 15rem; }
.col-md-8, .col-lg-8, .col-lg-10 { flex: 1 1 30rem; min-width: 0; }
.col-12, .table-responsive { flex: 1 1 100%; min-width: 0; }
.card { border: 1px solid var(--line); border-radius: 6px; margin-bottom: 1rem; }
.card:has(.btn-group), .cooltip .top, [data-toggle="collapse"] { display: none; }
.card-header, .alert { background: var(--soft); padding: .4rem .8rem; border-radius: 6px; }
.card .nav { display: flex; flex-direction: column; padding: .4rem .8rem; }
h1, h2, h3, h4, h5 { margin: .6rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem; }
td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
td { vertical-align: top; overflow-wrap: anywhere; }
td:first-child:has(.fas) { width: 4rem; }
i.fas { font-style: normal; }
.fa-check-circle::before { content: "\\2713\\a0 holds"; color: #0a7d4f; white-space: nowrap; }
.fa-times::before { content: "\\2717\\a0 fails"; color: #c8431b; white-space: nowrap; }
.fa-exclamation-triangle::before { content: "! error"; color: #c8431b; white-space: nowrap; }
a { color: #2a78c8; }
</style>"""


def make_offline(site: Path) -> None:
    """Rewrite the pages of a Data Docs site in place, and drop the pictures that only adorn it.

    Args:
        site: folder that holds the site's index.html.
    """
    for page in sorted(site.rglob("*.html")):
        page.write_text(plain(page.read_text(encoding="utf-8")), encoding="utf-8")
    for kind in ("*.gif", "*.otf", "*.ttf", "*.woff*"):
        for ornament in (site / "static").rglob(kind):
            ornament.unlink()


def plain(page: str) -> str:
    """One page without scripts and without anything that a browser would fetch from elsewhere."""
    page = page.replace(UNTITLED, "")
    for pattern in (SCRIPT, STYLE, ADVERT, LINK):
        page = pattern.sub("", page)
    page = LOGO.sub("Data Docs", page)
    return page.replace("</head>", f"{LOOKS}\n</head>", 1)
