// The table of the statements: which part of each met the request; every part leads to its text.

import { byId, el, fill } from "../dom";
import type { Mark, PartMark, PartShown, View } from "../engine/api";
import { sign } from "./icons";
import { LAYERS, statementTitle } from "./words";

/** Leads to a place in the text of a statement's policy. */
export type Reveal = (view: View, statement: number, mark: Mark) => void;

/** More rows than this wait for a click. */
const ROWS = 30;

let all = false;

/** Draws the table. */
export function drawStatements(view: View, reveal: Reveal): void {
  const host = byId("statements");
  const { statements } = view.answer;
  byId("statements-card").hidden = statements.length === 0;
  const weight = (index: number): number => (index === view.deciding ? 0 : statements[index]?.met ? 1 : view.near_misses.includes(index) ? 2 : 3);
  const order = statements.map((_, index) => index);
  if (statements.length > ROWS) order.sort((a, b) => weight(a) - weight(b) || a - b);
  const shown = all ? order : order.slice(0, ROWS);
  const table = el(
    "table",
    {},
    el("caption", { class: "hidden" }, "Each statement’s parts, met or not by the request"),
    el("thead", {}, el("tr", {}, ...["Statement", "Effect", "Action", "Principal", "Resource", "Condition"].map((title) => el("th", { scope: "col" }, title)))),
    el("tbody", {}, ...shown.map((index) => row(view, index, reveal))),
  );
  const more =
    order.length > shown.length
      ? el("button", { type: "button", class: "link", onclick: () => ((all = true), drawStatements(view, reveal)) }, `Show all ${order.length} statements`)
      : null;
  fill(host, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Statements, scrollable" }, table), more);
}

function row(view: View, index: number, reveal: Reveal): HTMLElement {
  const statement = view.answer.statements[index];
  const marks = view.marks[index];
  if (!statement || !marks) return el("tr");
  const go = (mark: Mark) => () => reveal(view, index, mark);
  const part = (title: string, shown: PartShown, mark: PartMark | null): HTMLElement =>
    el("td", { "data-title": title }, mark ? cell(shown.met, shown.matched ?? shown.wanted.join(", "), `${title}: wants ${shown.wanted.join(", ")}`, go(mark.matched ?? mark.element)) : el("span", { class: "none" }, "–"));
  const conditions = statement.conditions.map((condition, at) => {
    const mark = marks.conditions[at];
    const got = condition.actual === null ? "absent" : condition.actual.join(", ") || "no value";
    const text = `${condition.operator} ${condition.key}`;
    return mark ? cell(condition.met, text, `${text}: wants ${condition.wanted.join(", ")}, got ${got}`, go(mark.values)) : null;
  });
  const decides = index === view.deciding;
  const near = view.near_misses.includes(index);
  return el(
    "tr",
    { class: `${decides ? "decides" : near ? "near" : ""} ${statement.effect === "Deny" ? "deny" : "allow"}` },
    el(
      "th",
      { scope: "row" },
      el("button", { type: "button", class: "link", onclick: go(marks.statement) }, statementTitle(statement)),
      el("small", {}, `${statement.policy} · ${LAYERS[statement.layer]}${statement.level ? ` · level ${statement.level + 1}` : ""}`),
      decides ? el("b", { class: "badge" }, "decides") : near ? el("b", { class: "badge" }, "near miss") : null,
    ),
    el("td", { "data-title": "Effect" }, el("span", { class: `effect ${statement.effect.toLowerCase()}` }, statement.effect)),
    part("Action", statement.action, marks.action),
    part("Principal", statement.principal, marks.principal),
    part("Resource", statement.resource, marks.resource),
    el("td", { "data-title": "Condition" }, ...(conditions.length ? conditions : [el("span", { class: "none" }, "–")])),
  );
}

function cell(met: boolean, text: string, title: string, go: () => void): HTMLElement {
  return el("button", { type: "button", class: "part", title, onclick: go }, sign(met), el("span", { class: "hidden" }, met ? "met: " : "not met: "), el("span", { class: "part-text" }, text));
}
