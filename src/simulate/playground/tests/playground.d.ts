// Made from the library's wire types by `UPDATE=1 cargo test --lib typescript`; do not edit.

/** Loads the module. In Node it is read from the package; in a browser it is fetched from beside the package's own
 * script, or from where `source` says. May be called again: the module is loaded once. */
export function load(source?: string | URL | Request | Response | BufferSource | WebAssembly.Module): Promise<Portcullis>;

/** The functions of the decision core. None throws on bad input: what is wrong is part of the answer. */
export interface Portcullis {
  /** The version of the library. */
  version(): string;
  /** The answer in short. */
  decide(question: Question): Decided;
  /** The answer with everything that led to it, and the places in the texts. */
  explain(question: Question): Explained;
  /** Everything that is wrong or questionable in a policy; `bucket` is the name of the bucket it is attached to. */
  check(text: string, kind: PolicyKindWord, bucket?: string): Checked;
  /** The context keys that the policies read. Policies that are broken or off read none. */
  keysRead(question: Question): KeysRead;
  /** Actions, or services, that start with what was typed. */
  complete(prefix: string): Completions;
  /** Adds the other services' action names: the text of `vocabulary-other.txt`. */
  addVocabulary(text: string): void;
  /** What a pasted text is, and what it fills. */
  readPasted(text: string): Pasted;
  /** A question about a pasted world, an account's dump, or the world that `portcullis playground` serves. */
  fromWorld(world: string, question: WorldQuestion): WorldAsked;
  /** The question as a shell snippet for the command line. */
  toCli(question: Question): Exported;
  /** The question as a scenario file that `portcullis test` runs; it expects the answer of today. */
  toScenario(question: Question, id?: string): Exported;
  /** Runs a scenario file. */
  runScenarios(text: string): ScenariosRun;
  /** The manual's page about a code such as `D201`, Markdown; empty for an unknown one. */
  explainCode(code: string): string;
}

export type DecisionWord = "allow" | "explicit-deny" | "implicit-deny";

export type PolicyKindWord = "identity" | "boundary" | "session" | "scp" | "rcp" | "bucket" | "key" | "trust" | "vpce";
