// The functions over the bindings: objects in, objects out. The module speaks JSON.

/** @param {typeof import("./core.js")} core */
export function api(core) {
  const asked = (ask) => (question) => JSON.parse(ask(JSON.stringify(question)));
  return Object.freeze({
    version: () => core.version(),
    decide: asked(core.decide),
    explain: asked(core.explain),
    check: (text, kind, bucket = "") => JSON.parse(core.check(text, kind, bucket)),
    keysRead: asked(core.keysRead),
    complete: (prefix) => JSON.parse(core.complete(prefix)),
    addVocabulary: (text) => core.addVocabulary(text),
    readPasted: (text) => JSON.parse(core.readPasted(text)),
    fromWorld: (world, question) => JSON.parse(core.fromWorld(world, JSON.stringify(question))),
    toCli: asked(core.toCli),
    toScenario: (question, id = "from-the-playground") =>
      JSON.parse(core.toScenario(JSON.stringify(question), id)),
    runScenarios: (text) => JSON.parse(core.runScenarios(text)),
    explainCode: (code) => core.explainCode(code),
  });
}
