// Draws a Vega-Lite specification with the answer that its search got, as Kibana does, and prints what its marks say.
// node draw.cjs FOLDER-WITH-node_modules, with {"spec": …, "answer": …} on standard input.
const modules = process.argv[2] + "/node_modules/";
const vega = require(modules + "vega");
const vegaLite = require(modules + "vega-lite");

const { spec, answer } = JSON.parse(require("fs").readFileSync(0));
const { format } = spec.data;
spec.data = { values: answer, format };
const warnings = [];
const logger = { warn: (text) => warnings.push(text), info() {}, debug() {}, level() {}, error: (text) => { throw new Error(text); } };
const compiled = vegaLite.compile(spec, { logger }).spec;
new vega.View(vega.parse(compiled), { renderer: "none" }).toSVG().then((svg) => {
  const labels = [...svg.matchAll(/aria-label="([^"]*)" role="graphics-symbol"/g)].map((label) => label[1]);
  console.log(JSON.stringify({ warnings, labels }));
});
