"""Style of the sheet of mistakes: follows the reader's light or dark setting, prints well."""

LOOKS = """
:root {
  color-scheme: light dark;
  --ink: #1d2329; --quiet: #5b6570; --paper: #f4f5f7; --card: #ffffff; --line: #dde1e6;
  --right: #00694d; --wrong: #a8420c; --right-bar: #009e73; --wrong-bar: #d55e00; --bar: #9aa5b1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8ebee; --quiet: #a3adb8; --paper: #14181c; --card: #1e242a; --line: #343c45;
    --right: #4fd1ac; --wrong: #ff9a5c; --bar: #66717d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
       font: 16px/1.5 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
header, main { max-width: 84rem; margin: 0 auto; padding: 1.5rem; }
header { padding-bottom: 0; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }
header p { color: var(--quiet); margin: 0; max-width: 48rem; }
main { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
          padding: 1rem; display: flex; flex-direction: column; gap: .75rem; }
.picture { height: 11rem; display: flex; align-items: center; justify-content: center;
           border-radius: 8px; background: #fff; border: 1px solid var(--line); color: #5b6570; }
.picture img { max-width: 94%; max-height: 10.2rem; object-fit: contain; }
h2 { font-size: 1.05rem; margin: 0; font-weight: 600; }
h2 .answer { color: var(--wrong); } h2 .truth { color: var(--right); }
blockquote { margin: 0; font-size: 1.1rem; }
.caption, .also, .alone { margin: 0; color: var(--quiet); font-size: .9rem; }
.code { font-size: .75rem; border: 1px solid var(--line); border-radius: 4px; padding: 0 .35em;
        color: var(--quiet); margin-right: .4em; vertical-align: 2px; }
audio { width: 100%; height: 2.4rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
td, th { padding: .12rem 0; text-align: left; font-weight: 400; }
th { width: 7.5rem; } td.share { width: 3.4rem; text-align: right;
     font-variant-numeric: tabular-nums; }
.bar { display: block; height: .65rem; border-radius: 3px; background: var(--bar); min-width: 1px; }
.is-answer .bar { background: var(--wrong-bar); } .is-truth .bar { background: var(--right-bar); }
.is-answer th { color: var(--wrong); font-weight: 600; }
.is-truth th { color: var(--right); font-weight: 600; }
.id { margin: auto 0 0; font: .75rem ui-monospace, monospace; color: var(--quiet);
      overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media print { main { grid-template-columns: 1fr 1fr; } article { break-inside: avoid; } }
"""
