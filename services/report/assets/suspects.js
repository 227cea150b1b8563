// The table of suspects: keys move from row to row and from cell to cell, filter by a cell, and a row's explanation, the content
// of its page, opens beside the table.
// Without this script, and on narrow screens, a row's number leads to its page.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("panel");
  const region = document.querySelector(".with-panel > .scroll");
  if (!panel || !region) return;
  const wide = matchMedia("(min-width: 64rem)");
  const [title, page, body] = ["#panel-title", ".open-page", ".panel-body"].map((name) => panel.querySelector(name));
  const close = panel.querySelector("button");
  const links = [...region.querySelectorAll("tbody th a")];
  for (const link of links) link.setAttribute("aria-controls", panel.id);
  const heads = [...region.querySelectorAll("thead th")];
  const filterOf = (cell) => ("long" in cell.dataset ? null : heads[cell.cellIndex]?.dataset.filter);
  for (const cell of region.querySelectorAll("tbody td")) if (filterOf(cell)) cell.tabIndex = -1;
  // The link of the row that is shown, and the request for it.
  let shown = null;
  let request = null;

  const mark = (link) => {
    for (const other of links) {
      other.setAttribute("aria-expanded", String(other === link));
      other.closest("tr").classList.toggle("shown", other === link);
    }
    shown = link;
  };

  const hide = () => {
    request?.abort();
    const link = shown;
    mark(null);
    panel.hidden = true;
    body.replaceChildren();
    if (link && (panel.contains(document.activeElement) || document.activeElement === document.body)) link.focus();
  };

  // The row's page without its heading and the way back.
  const content = (text) => {
    const main = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    const heading = main?.querySelector("h1");
    if (!heading) return null;
    const parts = [...main.children].filter((part) => part !== heading && !part.matches(".crumb, .parts"));
    return { heading: heading.textContent, parts };
  };

  const show = async (link, isFocused) => {
    request?.abort();
    request = new AbortController();
    mark(link);
    try {
      const answer = await fetch(link.href, { signal: request.signal, redirect: "error" });
      const found = answer.ok ? content(await answer.text()) : null;
      if (shown !== link) return;
      if (!found) throw new Error("no row");
      title.textContent = found.heading;
      page.href = link.href;
      body.replaceChildren(...found.parts);
      panel.hidden = false;
      panel.scrollTop = 0;
      if (isFocused) title.focus({ preventScroll: true });
    } catch (problem) {
      // The page says what is wrong, such as a session that has ended.
      if (problem.name !== "AbortError") location.assign(link.href);
    }
  };

  region.addEventListener("click", (event) => {
    const link = event.target.closest("tbody th a");
    if (!link || !wide.matches || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void show(link, true);
  });

  const move = (step) => {
    const row = document.activeElement.closest("tr");
    const place = links.findIndex((link) => link.closest("tr") === row);
    const next = links[place < 0 ? 0 : Math.max(0, Math.min(links.length - 1, place + step))];
    next.focus();
    // An open panel follows.
    if (shown && shown !== next && wide.matches) void show(next, false);
  };

  // Along the row: its link, and the cells by which rows can be filtered.
  const moveCell = (step) => {
    const here = document.activeElement;
    const row = here.closest("tbody tr");
    if (!row) return move(0);
    const places = [...row.querySelectorAll("th a, td[tabindex]")];
    places[Math.max(0, Math.min(places.length - 1, places.indexOf(here) + step))]?.focus();
  };

  // The rows with the value of the cell, or all others.
  const filter = (kind) => {
    const cell = document.activeElement.closest("td[tabindex]");
    const name = cell && filterOf(cell);
    if (!name || (kind === "x" && !name.startsWith("f."))) return;
    const value = cell.dataset.value ?? cell.textContent.trim();
    // A value that would be read as a range or a pattern is written as it is.
    const isSpecial = /^[<>~*=]|\.\./.test(value) && name.startsWith("f.");
    const address = new URL(location.href);
    address.searchParams.delete("page");
    address.searchParams.append(kind === "x" ? `x.${name.slice(2)}` : name, isSpecial ? `=${value}` : value);
    location.assign(address);
  };

  region.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key !== "?")) return;
    const row = event.target.closest("tbody tr");
    const follow = (link) => {
      if (link) location.assign(link.href);
    };
    const keys = {
      j: () => move(1),
      ArrowDown: () => move(1),
      k: () => move(-1),
      ArrowUp: () => move(-1),
      l: () => moveCell(1),
      ArrowRight: () => moveCell(1),
      h: () => moveCell(-1),
      ArrowLeft: () => moveCell(-1),
      f: () => filter("f"),
      x: () => filter("x"),
      "?": () => document.querySelector(".keys")?.focus(),
      o: () => follow(row?.querySelector("th a")),
      v: () => {
        const link = row?.querySelector("a[href*='/incidents/']");
        if (link) location.assign(`${link.href}#verdict`);
      },
    };
    if (!Object.hasOwn(keys, event.key) || links.length === 0) return;
    event.preventDefault();
    keys[event.key]();
  });

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) hide();
  });
  close.addEventListener("click", hide);
  mark(null);
});
