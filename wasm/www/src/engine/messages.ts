// What the page and its worker say to each other.

import type { Checked, Completions, Explained, Exported, KeysRead, Pasted, PolicyKindWord, Question, WorldAsked, WorldQuestion } from "./api";

/** One policy text to check. */
export interface ToCheck {
  id: number;
  kind: PolicyKindWord;
  text: string;
  /** The bucket that it is attached to; empty: none. */
  bucket: string;
}

/** Everything that a change of the page asks for, in one turn. */
export interface Evaluation {
  question: Question;
  policies: ToCheck[];
}

/** The answers to an [`Evaluation`]. */
export interface Evaluated {
  explained: Explained;
  keys: KeysRead;
  checked: [number, Checked][];
  /** How long the verdict with its explanation took, in milliseconds. */
  took: number;
}

/** A question about a world. */
export interface WorldAsk {
  world: string;
  question: WorldQuestion;
}

/** What the worker can be asked. */
export interface Methods {
  evaluate: (of: Evaluation) => Evaluated;
  complete: (prefix: string) => Completions;
  readPasted: (text: string) => Pasted;
  toCli: (question: Question) => Exported;
  toScenario: (question: Question) => Exported;
  fromWorld: (of: WorldAsk) => WorldAsked;
  explainCode: (code: string) => string;
}

/** A question to the worker. */
export interface Ask {
  id: number;
  method: keyof Methods;
  given: unknown;
}

/** The worker's answer; the first, with id 0, says that it is ready or why not. */
export type Told = { id: number; ok: unknown } | { id: number; error: string };
