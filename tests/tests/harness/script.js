const output = document.querySelector("output");
const show = text => { output.textContent = text; };
document.querySelector("button").addEventListener("click", () => setTimeout(() => show("clicked"), 50));
document.querySelectorAll(".stacked").forEach((e, i) => e.addEventListener("click", () => show(`stacked ${i}`)));
document.querySelector("circle").addEventListener("pointerover", () => show("over a circle"));
document.querySelector("#range").addEventListener("input", e => show(`range ${e.target.value}`));
document.querySelector("#words").addEventListener("change", e => show(`words ${e.target.value}`));
