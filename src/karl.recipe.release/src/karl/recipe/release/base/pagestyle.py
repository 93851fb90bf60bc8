"""The look of every page: on a phone, on a wall, in the dark, on paper.

Nothing is told by a colour alone: words stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Colours by what they are for.  Each text can be read on both backgrounds.
LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "card": "#f4f6f8",
    "line": "#c9d1d9",
    "text": "#17212b",
    "quiet": "#4a5763",
    "problem": "#9b1c1c",
    "notice": "#6f4600",
    "good": "#17602f",
    "bar": "#2f68a3",
    "marked": "#b0410f",
}
DARK: Mapping[str, str] = {
    "paper": "#10161c",
    "card": "#1a222b",
    "line": "#3a4652",
    "text": "#e6ebf0",
    "quiet": "#a9b6c2",
    "problem": "#ff9c8e",
    "notice": "#f2c662",
    "good": "#8ed8a5",
    "bar": "#7db3e8",
    "marked": "#ff9a66",
}

#: What of the colours is text, or must be told from the background as text is.
READ = ("text", "quiet", "problem", "notice", "good", "bar", "marked")

_RULES = """
*, *::before { box-sizing: border-box; }
html { font-size: clamp(16px, 12px + .5vw, 30px); -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1rem; max-width: 110rem; color: var(--text);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1.1rem; margin: 0 0 .5rem; }
h4, caption { font-size: 1rem; font-weight: 600; text-align: left; }
h4 { margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0; } .quiet { color: var(--quiet); }
a { color: inherit; }
ul { margin: .25rem 0; padding-left: 1.25rem; } li { margin: .25rem 0; }
.attention { list-style: none; padding: 0; }
.attention li { border-left: .4rem solid var(--notice); padding: .25rem .75rem;
  background: var(--card); }
.attention .problem { border-left-style: double; border-color: var(--problem); }
.attention b { color: var(--notice); } .attention .problem b { color: var(--problem); }
.good { color: var(--good); } .bad { color: var(--problem); }
.cards { columns: 36rem auto; column-gap: 1rem; margin-top: 1rem; }
.card { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem;
  margin-bottom: 1rem; break-inside: avoid; }
.facts { display: grid; gap: .5rem; margin: .5rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 8rem), 1fr)); }
.facts div { background: var(--card); border-radius: .375rem; padding: .5rem .75rem; }
.facts dt { color: var(--quiet); font-size: .875rem; }
.facts dd { margin: 0; font-weight: 600; }
.wide { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; overflow-wrap: break-word; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--quiet); font-size: .875rem; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.long { overflow-wrap: anywhere; min-width: 10rem; }
.bars { width: 45%; min-width: 6rem; }
svg { display: block; } .bar { width: 100%; height: .75rem; margin-top: .4rem; }
.bar rect { fill: var(--bar); } .bar .marked { fill: var(--marked); }
figure { margin: 1rem 0 0; } figcaption { font-weight: 600; }
.line { width: 100%; height: 4rem; border-bottom: 1px solid var(--line); }
.line polyline { fill: none; stroke: var(--bar); stroke-width: 2;
  vector-effect: non-scaling-stroke; }
:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
@media screen and (max-width: 44rem) {
  table, tbody, caption { display: block; } table { overflow-wrap: anywhere; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  tbody th, tbody td { display: flex; justify-content: space-between; gap: 1rem;
    width: auto; padding: .1rem 0; border: 0; text-align: right; white-space: normal; }
  tbody th { font-weight: 600; text-align: left; }
  tbody td::before { content: attr(data-label); color: var(--quiet);
    text-align: left; flex: none; max-width: 50%; }
  tbody td:has(span:empty) { display: none; }
  tbody .bars { display: block; } tbody .bars::before { content: none; }
}
@media print {
  html { font-size: 10pt; } body { padding: 0; max-width: none; }
  .attention li { break-inside: avoid; } .cards { columns: auto; }
  .wide { overflow: visible; }
  tr { break-inside: avoid; }
  a { text-decoration: none; }
}
"""


def style() -> str:
    """Return the style sheet."""
    light, dark = _variables(LIGHT), _variables(DARK)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
        f"{_RULES}"
    )


def _variables(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
