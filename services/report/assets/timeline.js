// Dragging over the timeline chooses a time: the form of filters gets its ends and is sent. Without this script its bars are
// links, and the form has the same inputs.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector(".filter-form form");
  const from = form?.elements.namedItem("from");
  const to = form?.elements.namedItem("to");
  if (!from || !to) return;

  const value = (number) =>
    from.type === "number" ? String(number) : new Date(number).toISOString().slice(0, 19);

  const brush = (svg) => {
    const [first, each] = [svg.dataset.first, svg.dataset.each].map(Number);
    const [left, right, bins] = [svg.dataset.left, svg.dataset.right, svg.dataset.bins].map(Number);
    const [, , , height] = svg.getAttribute("viewBox").split(" ").map(Number);
    const width = (right - left) / bins;
    const bin = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return Math.max(0, Math.min(bins - 1, Math.floor((at.x - left) / width)));
    };
    let start = null;
    let shade = null;
    svg.addEventListener("dragstart", (event) => event.preventDefault());
    svg.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") start = bin(event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const end = bin(event);
      if (!shade && end === start) return;
      if (!shade) {
        // From here on it is no click on a bar.
        svg.setPointerCapture(event.pointerId);
        shade = document.createElementNS(svg.namespaceURI, "rect");
        for (const [name, content] of [["class", "track"], ["y", 0], ["height", height], ["fill-opacity", 0.6]]) {
          shade.setAttribute(name, content);
        }
        svg.prepend(shade);
      }
      shade.setAttribute("x", left + Math.min(start, end) * width);
      shade.setAttribute("width", (Math.abs(end - start) + 1) * width);
    });
    svg.addEventListener("pointerup", (event) => {
      if (shade) {
        const ends = [start, bin(event)];
        from.value = value(first + Math.min(...ends) * each);
        to.value = value(first + (Math.max(...ends) + 1) * each);
        form.requestSubmit();
      }
      start = null;
    });
    svg.addEventListener("pointercancel", () => {
      shade?.remove();
      start = shade = null;
    });
  };
  for (const svg of document.querySelectorAll(".timeline svg[data-first]")) brush(svg);
});
