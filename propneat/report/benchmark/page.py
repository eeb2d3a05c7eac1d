"""Style and script of the HTML page: calm, light and dark, fit for print, sortable tables."""

from propneat.report.drawing import DARK, LIGHT, format_colours

__all__ = ["SCRIPT", "STYLE"]

_LIGHT = (
    "--ink:#1f2933;--soft:#5b6672;--line:#e1e6ea;--paper:#fff;--panel:#f6f8f9;--accent:#0b62a3;"
    "--good:#005f96;--bad:#a94700;--warn:#fdf1dc;--fail:#fbdfd3"
)
_DARK = (
    "--ink:#e6eaee;--soft:#a3adb8;--line:#2c343d;--paper:#14181d;--panel:#1b2027;--accent:#6cb8ee;"
    "--good:#6cbcf0;--bad:#f5a06d;--warn:#3a3020;--fail:#4a2a1e"
)

STYLE = f"""
:root{{{_LIGHT}}}
{format_colours(LIGHT)}
@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}{format_colours(DARK)}}}
*{{box-sizing:border-box}}
html{{scroll-behavior:smooth;-webkit-text-size-adjust:100%}}
body{{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:76rem;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,"Segoe UI",Helvetica,Arial,"Liberation Sans",sans-serif}}
h1{{font-size:2rem;line-height:1.2;margin:0 0 1rem;letter-spacing:-.015em;overflow-wrap:anywhere}}
h2{{font-size:1.35rem;line-height:1.25;margin:0 0 .6rem;letter-spacing:-.01em}}
p{{margin:.4rem 0;max-width:50rem}}
a{{color:var(--accent);text-decoration:none}} a:hover{{text-decoration:underline}}
.skip{{position:absolute;left:-99rem}} .skip:focus{{left:1rem;top:1rem;background:var(--paper);padding:.5rem}}
.facts{{display:flex;flex-wrap:wrap;gap:.8rem 2.6rem;margin:0 0 1.6rem}}
.facts div{{display:flex;flex-direction:column-reverse}}
.facts dd{{margin:0;font-size:1.5rem;font-weight:600;font-variant-numeric:tabular-nums}}
.facts dt{{color:var(--soft);font-size:.85rem}}
nav{{border-block:1px solid var(--line);padding:.9rem 0;font-size:.92rem}}
nav ol{{margin:0;padding:0 0 0 1.4rem;columns:16rem;column-gap:2rem}} nav li::marker{{color:var(--soft)}}
section{{margin-top:3.2rem}}
.reading{{border-left:3px solid var(--line);padding:.1rem 0 .1rem 1rem;margin:.9rem 0;color:var(--soft);font-size:.92rem}}
figure{{margin:1.4rem 0 .4rem -1rem}}
.scroll{{overflow-x:auto}} .scroll:focus-visible{{outline:2px solid var(--accent);outline-offset:2px}}
.tall{{max-height:36rem;overflow-y:auto;border-block:1px solid var(--line)}}
svg.chart{{display:block;max-width:100%;height:auto}}
table{{border-collapse:separate;border-spacing:0;margin:1rem 0 .3rem;font-size:.9rem;font-variant-numeric:tabular-nums}}
.tall table{{margin:0}}
caption{{text-align:left;font-weight:600;padding:0 0 .5rem;caption-side:top}} .tall caption{{padding-top:.5rem}}
th,td{{padding:.32rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;white-space:nowrap}}
th{{font-weight:500}} .n{{text-align:right}} .full{{white-space:normal;min-width:9rem;max-width:34rem;overflow-wrap:anywhere}}
thead th{{color:var(--soft);font-size:.82rem;background:var(--paper);border-bottom:2px solid var(--line);vertical-align:bottom}}
thead th{{white-space:normal}} td small{{display:block;font-size:.82em;font-weight:400;color:var(--soft)}}
.tall thead th{{position:sticky;top:0;z-index:2}}
.tall th:first-child{{position:sticky;left:0;background:var(--paper);z-index:1}}
.tall th:first-child{{max-width:18rem;overflow:hidden;text-overflow:ellipsis}}
.tall thead th:first-child{{z-index:3}}
.tall tfoot :is(th,td){{position:sticky;bottom:0;background:var(--panel);font-weight:600;border-top:2px solid var(--line)}}
.tall tfoot th:first-child{{z-index:2;background:var(--panel)}}
.compact{{font-size:.8rem}} .compact td{{text-align:right}} .compact th,.compact td{{padding:.22rem .5rem}}
tbody tr:hover td{{background:var(--panel)}}
th button{{all:unset;cursor:pointer}} th button:hover{{color:var(--ink);text-decoration:underline}}
th button:focus-visible{{outline:2px solid var(--accent)}}
th[aria-sort=ascending] button::after{{content:" ↑"}} th[aria-sort=descending] button::after{{content:" ↓"}}
.best,.reference{{font-weight:700}} .soft{{color:var(--soft)}} .good{{color:var(--good)}} .bad{{color:var(--bad)}}
td.partial{{background:var(--warn)}} td.imputed{{background:var(--fail)}}
.note{{color:var(--soft);font-size:.85rem}}
footer{{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem}}
@media (max-width:40rem){{body{{padding:1.2rem 1rem 3rem}} .facts{{gap:.6rem 1.6rem}}
svg.chart{{max-width:none}} .tall th:first-child{{max-width:8rem}}}}
@page{{size:A4 landscape;margin:12mm}}
@media print{{html{{font-size:10px}} body{{max-width:none;padding:0;font-size:1rem}} nav,.skip{{display:none}}
section{{margin-top:1.8rem}} p{{max-width:none}} figure{{margin-left:0}} svg.chart{{max-width:100%}}
.scroll{{overflow:visible;max-height:none}} .tall :is(th,td){{position:static!important}}
th,td,.compact th,.compact td{{padding:.15rem .4rem}} .compact{{font-size:.75rem}} .full{{min-width:0}}
figure,tr,.reading{{break-inside:avoid}} h2,caption{{break-after:avoid}}}}
"""

SCRIPT = """
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...(head.textContent ? head.childNodes : ["Name"]));
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map(row => {
        const cell = row.cells[column], text = cell.textContent;
        const number = cell.dataset.v !== undefined ? +cell.dataset.v : text.trim() === "" ? NaN : Number(text);
        return {row, text, number};
      });
      rows.sort((a, b) => {
        const left = Number.isNaN(a.number), right = Number.isNaN(b.number);
        if (left && right) {
          const blank = (a.text === "–") - (b.text === "–");
          return blank || (up ? 1 : -1) * a.text.localeCompare(b.text, "en");
        }
        if (left || right) return left - right;
        return (up ? 1 : -1) * (a.number - b.number);
      });
      body.append(...rows.map(entry => entry.row));
    });
  });
}
"""
