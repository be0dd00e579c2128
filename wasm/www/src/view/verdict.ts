// The verdict: the word, why, and what it hangs on.

import { byId, el, fill, prose } from "../dom";
import type { Explained, View } from "../engine/api";
import { gate } from "./icons";
import { LAYERS, decided, statementTitle, verdictKind, verdictWord } from "./words";

/** What the verdict lets people jump to. */
export interface Jumps {
  /** A statement of the answer. */
  statement: (view: View, index: number) => void;
  /** The first problem of a policy. */
  problem: (index: number) => void;
  /** The manual's page about a code. */
  code: (code: string) => void;
  /** A context key's row. */
  key: (name: string) => void;
}

/** The card of the verdict. */
export class VerdictView {
  private status = el("p", { class: "status", role: "status", id: "verdict-status" });
  private picture = el("div", { class: "picture" });
  private reason = el("div", { class: "reason" });
  private stale = el("div", { class: "stale-note", hidden: true });
  private card = byId("answer");
  private pill = byId<HTMLAnchorElement>("pill");

  constructor(private jumps: Jumps) {
    fill(byId("verdict"), el("div", { class: "banner" }, this.picture, el("div", { class: "says" }, this.status, this.reason)), this.stale);
    this.say("Loading the decision core…");
    // Where the verdict is in sight the pill would only cover something.
    new IntersectionObserver(([entry]) => this.pill.classList.toggle("away", entry?.isIntersecting ?? false)).observe(this.card);
  }

  /** Shows an answer. */
  show(view: View, explained: Explained): void {
    const { answer } = view;
    const word = verdictWord(answer.decision, answer.undecided);
    const kind = verdictKind(answer);
    const tone = answer.undecided ? "undecided" : answer.decision === "allow" ? "allowed" : "denied";
    this.card.dataset["tone"] = tone;
    this.card.classList.remove("stale");
    document.body.classList.remove("stale");
    fill(this.picture, gate(answer.undecided ? "unknown" : answer.decision === "allow" ? "open" : "shut"));
    this.say(word, kind);
    fill(this.reason, this.because(view), ...this.unknowns(explained), ...this.missing(view));
    this.stale.hidden = true;
    this.pill.hidden = false;
    this.pill.dataset["tone"] = tone;
    this.pill.textContent = `${word} – see why`;
  }

  /** Keeps the last answer in sight, grey, and says why there is no newer one. */
  stand(reasons: { text: string; jump?: () => void }[]): void {
    const had = this.card.dataset["tone"] !== undefined;
    this.card.classList.toggle("stale", had);
    document.body.classList.toggle("stale", had);
    fill(
      this.stale,
      el("p", {}, had ? "The answer above is from before: " : "No answer yet: "),
      el("ul", {}, ...reasons.map(({ text, jump }) => el("li", {}, ...prose(text), jump ? el("button", { type: "button", class: "link", onclick: jump }, "Show") : null))),
    );
    this.stale.hidden = false;
    if (!had) this.say("No answer yet");
  }

  private say(word: string, kind = ""): void {
    const text = `${word}${kind}`;
    // An unchanged text is not announced again.
    if (this.status.textContent === text) return;
    fill(this.status, el("strong", {}, word), kind ? el("span", {}, kind) : null);
  }

  private because(view: View): HTMLElement {
    const { answer, deciding } = view;
    const statement = deciding === null ? undefined : answer.statements[deciding];
    const code = el("button", { type: "button", class: "reason-code code", title: "What this code means", onclick: () => this.jumps.code(answer.code) }, answer.code);
    if (!statement || deciding === null) return el("p", {}, code, " ", ...prose(capital(answer.reason)), ` (${LAYERS[answer.layer]}).`);
    const jump = el(
      "button",
      { type: "button", class: "link", onclick: () => this.jumps.statement(view, deciding) },
      `${statementTitle(statement)} of ${statement.policy}`,
    );
    return el("p", {}, code, " ", ...prose(capital(answer.reason)), ": ", jump, ` (${LAYERS[statement.layer]}, line ${statement.place.line}).`);
  }

  private unknowns({ unknown }: Explained): HTMLElement[] {
    return unknown.map(({ name, matters, if_allows, if_silent, if_denies }) =>
      el(
        "p",
        { class: "hangs" },
        el("b", {}, matters ? `Depends on ${name}, which is unknown. ` : `${name} is unknown and cannot change the answer. `),
        matters ? `If it allows: ${decided(if_allows)}. If it says nothing: ${decided(if_silent)}. If it denies: ${decided(if_denies)}.` : "",
      ),
    );
  }

  private missing({ answer }: View): HTMLElement[] {
    const derived = new Set(answer.request.context.map(({ key }) => key.toLowerCase()));
    return answer.missing_keys
      .filter(({ key, decisive }) => decisive && !derived.has(key.toLowerCase()))
      .map(({ key }) =>
        el(
          "p",
          { class: "hangs" },
          el("b", {}, "Depends on "),
          el("button", { type: "button", class: "link code", onclick: () => this.jumps.key(key) }, key),
          ": the request does not have it, and a value could turn the answer.",
        ),
      );
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
