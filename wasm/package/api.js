// The functions over the bindings: objects in, objects out. The module speaks JSON.

// Half of a surrogate pair is no character: JSON writes it as an escape, which the module's strict reader refuses.
// Pairs of backslashes are stepped over, so that what only looks like an escape stays.
const halves = /(\\\\)|\\ud[89a-f][0-9a-f]{2}/gi;
const json = (value) => JSON.stringify(value).replace(halves, (found, pair) => (pair ? found : "\\ufffd"));

/** @param {typeof import("./core.js")} core */
export function api(core) {
  const asked = (ask) => (question) => JSON.parse(ask(json(question)));
  return Object.freeze({
    version: () => core.version(),
    decide: asked(core.decide),
    explain: asked(core.explain),
    check: (text, kind, bucket = "") => JSON.parse(core.check(text, kind, bucket)),
    keysRead: asked(core.keysRead),
    complete: (prefix) => JSON.parse(core.complete(prefix)),
    addVocabulary: (text) => core.addVocabulary(text),
    readPasted: (text) => JSON.parse(core.readPasted(text)),
    fromWorld: (world, question) => JSON.parse(core.fromWorld(world, json(question))),
    toCli: asked(core.toCli),
    toScenario: (question, id = "from-the-playground") =>
      JSON.parse(core.toScenario(json(question), id)),
    runScenarios: (text) => JSON.parse(core.runScenarios(text)),
    explainCode: (code) => core.explainCode(code),
  });
}
