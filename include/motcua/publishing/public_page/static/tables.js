// Tables that can be sorted and filtered, and the notice that the figures are old. Without it all is there, as a table.
"use strict";
(() => {
  // "Đồ Sơn" is found by "do son": marks fall away, and đ, which has none, is mapped
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").toLowerCase();

  // a cell as it is sorted: "1.944" and "12,5%" are numbers, "–" is nothing, "trong ngày" is less than a day
  const value = (cell) => {
    const text = cell.textContent.trim();
    if (text === "–") return null;
    if (text === "trong ngày") return 0;
    const number = /^[\d.]+(,\d+)?/.exec(text);
    return number ? Number(number[0].replaceAll(".", "").replace(",", ".")) : text;
  };

  const compare = (one, other) =>
    typeof one === "string" || typeof other === "string" ? String(one).localeCompare(String(other), "vi") : one - other;

  const sort = (table, heading, column) => {
    const isDown = heading.getAttribute("aria-sort") === "descending";
    const isName = column === 0;
    // numbers are asked for from the top, names from A
    const direction = heading.hasAttribute("aria-sort") ? (isDown ? 1 : -1) : isName ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [value(row.cells[column]), row]);
    rows.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      return direction * compare(one, other);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = heading.textContent;
      button.addEventListener("click", () => sort(table, heading, column));
      heading.replaceChildren(button);
    });
  }

  const narrow = (section, input, told) => {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    let all = 0;
    let found = 0;
    for (const group of section.querySelectorAll(".group")) {
      let within = 0;
      for (const row of group.querySelectorAll("tbody tr")) {
        row.dataset.plain ??= plain(row.cells[0].textContent);
        row.hidden = !words.every((word) => row.dataset.plain.includes(word));
        within += !row.hidden;
        all += 1;
      }
      found += within;
      group.hidden = within === 0;
      if (group.tagName === "DETAILS") group.open = words.length > 0 && within > 0;
    }
    told.textContent = words.length ? `Thấy ${found} trong ${all} ${input.dataset.noun}.` : "";
  };

  for (const filter of document.querySelectorAll(".filter")) {
    const input = filter.querySelector("input");
    filter.hidden = false;
    input.addEventListener("input", () => narrow(filter.closest(".filtered"), input, filter.querySelector(".hint")));
  }

  const expired = document.getElementById("expired");
  expired.hidden = Date.now() <= Date.parse(expired.dataset.expires);
})();
