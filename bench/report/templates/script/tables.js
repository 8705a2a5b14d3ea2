// Tables that can be sorted by any column, searched, and narrowed to one entry of their first column.
document.querySelectorAll("table[data-tools]").forEach((table, place) => {
  const own = key => `${key}${place || ""}`;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const text = cell => cell.querySelector("bdi, data").textContent;
  const value = cell => {
    const exact = cell.querySelector("data");
    return exact ? Number(exact.value) : text(cell);
  };
  const missing = cell => text(cell) === "–";

  const sort = (column, direction) => {
    heads.forEach((head, i) => head.setAttribute("aria-sort", i === column ? direction : "none"));
    const sign = direction === "descending" ? -1 : 1;
    const order = column < 0 ? rows : [...rows].sort((a, b) => {
      const [first, second] = [a.cells[column], b.cells[column]];
      if (missing(first) || missing(second)) return missing(first) - missing(second); // last, either way
      const [x, y] = [value(first), value(second)];
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
    body.append(...order);
    view.set(own("sort"), column < 0 ? "" : `${column}${direction === "descending" ? "d" : "a"}`);
  };

  heads.forEach((head, column) => {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const numeric = rows.some(row => row.cells[column].querySelector("data"));
      const [first, second] = numeric ? ["descending", "ascending"] : ["ascending", "descending"];
      if (now === second) sort(-1, "none"); else sort(column, now === first ? second : first);
    });
  });

  const search = make("input", { type: "search", placeholder: "words of a row" });
  const only = make("select", {}, make("option", { value: "" }, "all"));
  new Set(rows.map(row => text(row.cells[0]))).forEach(entry => only.append(make("option", { value: entry }, entry)));
  const references = make("input", { type: "checkbox" });
  const count = make("span", { class: "count", role: "status" });
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach(row => {
      const fits = words.every(word => row.textContent.toLowerCase().includes(word));
      row.hidden = !fits || (only.value && text(row.cells[0]) !== only.value)
        || (!references.checked && !row.classList.contains("model"));
      shown += !row.hidden;
    });
    const all = `${rows.length} row${rows.length === 1 ? "" : "s"}`;
    count.textContent = shown === rows.length ? all : `${shown} of ${all}`;
  };
  const bind = (input, key, read, write, otherwise) => {
    write(view.get(own(key), otherwise));
    input.addEventListener("input", () => { filter(); view.set(own(key), read(), otherwise); });
  };
  bind(search, "q", () => search.value, given => { search.value = given; }, "");
  bind(only, "only", () => only.value, given => { only.value = given; if (only.selectedIndex < 0) only.value = ""; }, "");
  bind(references, "refs", () => (references.checked ? "1" : "0"), given => { references.checked = given !== "0"; }, "1");
  const label = (words, input) => make("label", {}, words, input);
  const tools = make("div", { class: "tools" }, label("Search ", search), label(`${text(heads[0])} `, only));
  if (rows.some(row => !row.classList.contains("model"))) tools.append(label("References ", references));
  tools.append(count);
  table.closest(".board").querySelector(".scroll").before(tools);
  filter();
  const wanted = /^(\d+)([ad])$/.exec(view.get(own("sort")));
  if (wanted && Number(wanted[1]) < heads.length) sort(Number(wanted[1]), wanted[2] === "d" ? "descending" : "ascending");
});
