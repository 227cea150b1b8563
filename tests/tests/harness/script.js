const output = document.querySelector("output");
const tell = text => { output.textContent = text; };
document.querySelector("button").addEventListener("click", () => setTimeout(() => tell("clicked"), 50));
document.querySelectorAll(".stacked").forEach((e, i) => e.addEventListener("click", () => tell(`stacked ${i}`)));
document.querySelector("circle").addEventListener("pointerover", () => tell("over a circle"));
document.querySelector("#range").addEventListener("input", e => tell(`range ${e.target.value}`));
document.querySelector("#words").addEventListener("change", e => tell(`words ${e.target.value}`));
