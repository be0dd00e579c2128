// The one place where the state changes, and its history: every change is undone by the browser's Back.

import { LinkError, decode, encode } from "./link";
import { readState } from "./read";
import type { State } from "./model";
import { emptyState } from "./model";

/** `typing`: replaces the history's newest entry; `step`: makes an entry of its own, so that Back undoes it. */
export type Change = "typing" | "step";

/** Fragments above this stay out of the address: programs cut them. In characters. */
const LONGEST = 1_000_000;

/** Where a state too large for a link outlives a reload. */
const DRAFT = "portcullis-draft";

type Listener = (state: State, replaced: boolean) => void;

/** The state with its listeners and its history. */
export class Store {
  state: State = emptyState();
  private listeners: Listener[] = [];
  private timer = 0;
  private writing: Promise<void> = Promise.resolve();
  /** The fragment that stands for the state. */
  private fragment = "";

  /** `onLink` hears why a link could not be read, and `null` where one was. */
  constructor(private onLink: (problem: string | null) => void) {
    // `popstate` comes for Back and Forward, `hashchange` for a link typed into the address as well.
    addEventListener("hashchange", () => void this.follow());
  }

  /** Calls `listener` after every change; `replaced` where the whole state is another one. */
  listen(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** Changes the state. */
  change(kind: Change, mutate: (state: State) => void): void {
    // What was typed so far belongs to the entry that Back returns to.
    if (kind === "step") void this.write(false);
    mutate(this.state);
    this.tell(false);
    clearTimeout(this.timer);
    if (kind === "step") void this.write(true);
    else this.timer = setTimeout(() => void this.write(false), 300) as unknown as number;
  }

  /** Puts another state in the place of this one; Back brings the old one back. */
  replace(state: State): void {
    void this.write(false);
    this.state = state;
    this.tell(true);
    void this.write(true);
  }

  /** The first state: what the address says, else `otherwise`. Whether it came from a link. */
  async start(otherwise: () => State): Promise<boolean> {
    const fragment = location.hash.slice(1);
    this.state = otherwise();
    let linked = false;
    if (fragment) linked = await this.take(fragment);
    else if (sessionStorage.getItem(DRAFT) !== null) linked = this.takeDraft();
    this.tell(true);
    return linked;
  }

  /** The address of the state, when everything typed is in it. */
  async address(): Promise<string> {
    await this.write(false);
    const url = new URL(location.href);
    url.hash = await encode(this.state);
    return url.href;
  }

  private tell(replaced: boolean): void {
    for (const listener of this.listeners) listener(this.state, replaced);
  }

  private async follow(): Promise<void> {
    const fragment = location.hash.slice(1);
    if (fragment === this.fragment || fragment === "") return;
    clearTimeout(this.timer);
    if (await this.take(fragment)) this.tell(true);
  }

  private async take(fragment: string): Promise<boolean> {
    try {
      this.state = readState(await decode(fragment));
      this.fragment = fragment;
      this.onLink(null);
      return true;
    } catch (error) {
      const why = error instanceof LinkError ? error.message : "The link does not hold a state of this page.";
      this.onLink(`${why} What is on the page is unchanged.`);
      return false;
    }
  }

  private takeDraft(): boolean {
    try {
      this.state = readState(JSON.parse(sessionStorage.getItem(DRAFT) ?? "null"));
      return true;
    } catch {
      return false;
    }
  }

  /** Writes the state into the address, one write after the other: packing takes turns off the main thread. */
  private write(entry: boolean): Promise<void> {
    clearTimeout(this.timer);
    const snapshot = structuredClone(this.state);
    this.writing = this.writing.then(async () => {
      const fragment = await encode(snapshot);
      if (fragment === this.fragment) return;
      if (fragment.length > LONGEST) {
        keep(JSON.stringify(snapshot));
        // An older state in the address would win over the draft.
        this.fragment = "";
        history.replaceState(null, "", location.pathname + location.search);
        return;
      }
      keep(null);
      const first = this.fragment === "";
      this.fragment = fragment;
      if (entry && !first) history.pushState(null, "", `#${fragment}`);
      else history.replaceState(null, "", `#${fragment}`);
    });
    return this.writing;
  }
}

function keep(draft: string | null): void {
  try {
    if (draft === null) sessionStorage.removeItem(DRAFT);
    else sessionStorage.setItem(DRAFT, draft);
  } catch {
    // A full or forbidden storage loses only the reload of a state too large for a link.
  }
}
