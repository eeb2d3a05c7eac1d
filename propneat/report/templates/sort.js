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
