// The script of the pages. Without it everything works except live updates by the slider, the cards of points, and
// the choice of a colour theme.
"use strict";

(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  // The colour theme: the reader's choice, or the system's.
  const KEY = "anomal.theme";
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // Storage may be disabled.
    }
  };
  const setTheme = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  // Before the first paint.
  setTheme(remembered());

  const themes = () => {
    const buttons = document.querySelectorAll("[data-theme-choice]");
    const mark = () => {
      for (const button of buttons) {
        const on = button.dataset.themeChoice === (root.dataset.theme ?? "system");
        button.setAttribute("aria-pressed", String(on));
      }
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        const theme = button.dataset.themeChoice;
        setTheme(theme);
        try {
          if (theme === "system") localStorage.removeItem(KEY);
          else localStorage.setItem(KEY, theme);
        } catch {
          // Without storage the choice applies to this page only.
        }
        mark();
      });
    }
    mark();
  };

  const colour = (label) => (label >= 1 && label <= 12 ? `c${label}` : "c-rest");

  // Replaces the cluster class of an element; other classes stay.
  const paint = (element, name) => {
    for (const old of [...element.classList]) {
      if (/^(c\d+|c-rest|branch)$/.test(old)) element.classList.remove(old);
    }
    element.classList.add(name);
  };

  const recolourMap = (map, clustering) => {
    for (const point of map.querySelectorAll("[data-i]")) {
      paint(point, colour(clustering.labels[Number(point.dataset.i)]));
    }
    for (const entry of map.querySelectorAll("[data-cluster]")) {
      if (Number(entry.dataset.cluster) <= clustering.sizes.length) entry.removeAttribute("display");
      else entry.setAttribute("display", "none");
    }
  };

  const recolourTree = (tree, clustering) => {
    for (const branch of tree.querySelectorAll("[data-leaves]")) {
      const [from, to] = branch.dataset.leaves.split("-").map(Number);
      const below = clustering.leaves.slice(from, to + 1);
      const one = below.length > 0 && below[0] > 0 && below.every((label) => label === below[0]);
      paint(branch, one ? colour(below[0]) : "branch");
    }
    const cutting = tree.querySelector(".cutting");
    const line = cutting?.querySelector("line");
    if (!line) return;
    const [bottom, top] = tree.dataset.scale.split(" ").map(Number);
    const y = bottom + (clustering.height / Number(tree.dataset.top)) * (top - bottom);
    cutting.setAttribute("transform", `translate(0 ${y - Number(line.getAttribute("y1"))})`);
    for (const words of cutting.querySelectorAll("text")) words.textContent = `cut at ${clustering.cut}`;
  };

  const relist = (legend, clustering) => {
    [...legend.tBodies[0].rows].forEach((row, place) => {
      row.hidden = place >= clustering.sizes.length;
      if (row.hidden) return;
      row.cells[1].firstChild.textContent = clustering.sizes[place];
      row.cells[1].lastChild.textContent = clustering.shares[place];
      row.cells[2].textContent = clustering.suspicious[place];
    });
  };

  const slider = (data) => {
    const input = document.getElementById("clusters");
    const find = () => data.clusterings.find((one) => one.k === Number(input?.value));
    if (!input || !find()) return find;
    const map = document.querySelector("figure.map svg");
    const tree = document.querySelector("figure.dendrogram svg[data-scale]");
    const legend = document.getElementById("legend");
    const move = () => {
      const clustering = find();
      if (!clustering) return;
      document.getElementById("clusters-now").textContent = clustering.k;
      document.getElementById("clusters-words").textContent = clustering.words;
      if (map) recolourMap(map, clustering);
      if (tree) recolourTree(tree, clustering);
      if (legend) relist(legend, clustering);
    };
    input.addEventListener("input", move);
    input.addEventListener("change", () => {
      if (!input.form) return; // The URL of a file does not change.
      const address = new URL(location.href);
      address.searchParams.set("clusters", input.value);
      history.replaceState(null, "", address);
    });
    // Browsers may restore the slider's position.
    if (input.value !== input.defaultValue) move();
    return find;
  };

  // The card of a point: its row, score and features.
  const cards = (data, clustering) => {
    const stage = document.querySelector(".stage");
    const svg = stage?.querySelector("figure.map svg");
    const card = document.getElementById("map-card");
    if (!svg || !card) return;
    const [head, note, list] = [".card-head", ".card-note", "dl"].map((name) => card.querySelector(name));
    // The card replaces the browser's tooltip; links keep its text as their label.
    for (const title of svg.querySelectorAll("a > title, circle > title")) {
      if (title.parentNode.nodeName === "a") title.parentNode.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    const fill = (i) => {
      head.textContent = `Row ${data.rows[i].toLocaleString("en")}`;
      const notes = [];
      if (data.suspicious[i]) notes.push("suspicious");
      if (data.scores[i] !== null) notes.push(`score ${data.scores[i]}`);
      const now = clustering();
      if (now) notes.push(`cluster ${now.labels[i]}`);
      if (data.counts[i] > 1) notes.push(`${data.counts[i].toLocaleString("en")} rows here`);
      note.textContent = notes.join(" · ");
      list.replaceChildren();
      data.features.forEach((feature, place) => {
        const value = data.values[i][place] ?? null;
        const [name, shown] = [document.createElement("dt"), document.createElement("dd")];
        const text = document.createElement("bdi");
        name.textContent = feature;
        text.textContent = value ?? "missing";
        shown.classList.toggle("missing", value === null);
        shown.append(text);
        list.append(name, shown);
      });
      if (data.left_off > 0) {
        const more = document.createElement("dt");
        more.textContent = `and ${data.left_off} more on the row’s page`;
        list.append(more);
      }
      card.classList.toggle("found", Boolean(data.suspicious[i]));
    };
    const show = (circle) => {
      fill(Number(circle.dataset.i));
      card.hidden = false;
      const [around, at] = [stage.getBoundingClientRect(), circle.getBoundingClientRect()];
      const right = at.right - around.left + 12;
      const left = at.left - around.left - card.offsetWidth - 12;
      const fits = right + card.offsetWidth <= around.width || left < 0;
      const x = Math.max(0, Math.min(fits ? right : left, around.width - card.offsetWidth));
      const y = Math.max(0, Math.min(at.top - around.top - 24, around.height - card.offsetHeight));
      card.style.setProperty("left", `${x}px`);
      card.style.setProperty("top", `${y}px`);
    };
    const hide = () => {
      card.hidden = true;
    };
    // Only moves of the pointer count: keys scroll the page below a resting pointer, and the card then follows the keys.
    let focused = null;
    const rest = () => (focused ? show(focused) : hide());
    const leave = () => {
      focused = null;
      hide();
    };
    const circleOf = (target) => target.closest?.("[data-i]") ?? target.querySelector?.("[data-i]");
    svg.addEventListener("pointermove", (event) => {
      const circle = event.target.closest?.("[data-i]");
      if (circle) show(circle);
      else rest();
    });
    svg.addEventListener("pointerleave", rest);
    svg.addEventListener("focusin", (event) => {
      const circle = circleOf(event.target);
      if (!circle) return;
      event.target.setAttribute("aria-describedby", "map-card");
      focused = circle;
      show(circle);
    });
    svg.addEventListener("focusout", leave);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") leave();
    });
  };

  // Shows a skeleton while the next page loads, after a short delay.
  const waiting = () => {
    let timer = 0;
    const begin = () => {
      timer = setTimeout(() => root.classList.add("waiting"), 250);
    };
    const end = () => {
      clearTimeout(timer);
      root.classList.remove("waiting");
    };
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href]");
      if (!link || event.defaultPrevented || event.button !== 0) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      const href = link.getAttribute("href");
      if (link.hasAttribute("download") || href === null || href.startsWith("#")) return;
      const to = new URL(href, location.href);
      const here = to.pathname === location.pathname && to.search === location.search;
      if (to.protocol.startsWith("http") && !here) begin();
    });
    document.addEventListener("submit", begin);
    addEventListener("pageshow", end);
    addEventListener("pagehide", end);
  };

  document.addEventListener("DOMContentLoaded", () => {
    themes();
    if (document.body.classList.contains("file") === false) waiting();
    for (const choice of document.querySelectorAll("select[data-submits]")) {
      choice.addEventListener("change", () => choice.form.requestSubmit());
    }
    const block = document.getElementById("map-data");
    const data = block && JSON.parse(block.textContent);
    if (data) cards(data, slider(data));
  });
})();
