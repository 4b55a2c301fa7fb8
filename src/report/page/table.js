"use strict";
for (const table of document.querySelectorAll("table.cells")) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);

  const sort = (column) => {
    const head = heads[column];
    const isNumber = head.matches(".number, .bar");
    const value = (row) => {
      const cell = row.cells[column];
      if (!isNumber) return cell.textContent;
      return cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
    };
    // Names and few things come first, then large figures.
    const first = isNumber && head.dataset.title !== "threads" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    const sign = order === "ascending" ? 1 : -1;
    const compare = (a, b) => {
      if (!isNumber) return sign * a.localeCompare(b, "en", { numeric: true });
      // What was not measured comes last either way.
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return sign * (a - b);
    };
    for (const each of heads) each.setAttribute("aria-sort", each === head ? order : "none");
    const sorted = rows.map((row) => [value(row), row]).sort((a, b) => compare(a[0], b[0]));
    body.append(...sorted.map((pair) => pair[1]));
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sort(column)));

  const filters = document.getElementById(table.id + "-filters");
  if (!filters) continue;
  const selects = Array.from(filters.querySelectorAll("select"));
  const count = filters.querySelector("output");
  const filter = () => {
    let shown = 0;
    for (const row of rows) {
      const fits = (select) => select.value === "" || row.dataset[select.dataset.filter] === select.value;
      row.hidden = !selects.every(fits);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = shown === rows.length ? rows.length + " rows" : shown + " of " + rows.length + " rows";
  };
  for (const select of selects) select.addEventListener("change", filter);
  // A choice of one is none.
  for (const select of selects) select.parentElement.hidden = select.options.length < 3;
  filters.hidden = false;
  filter();
}
// What a link leads to may be folded away.
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let fold = target?.closest("details");
  if (!fold) return;
  for (; fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
