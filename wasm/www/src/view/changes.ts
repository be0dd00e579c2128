// What came closest, which single changes would turn the answer, and the request as it was understood.

import { byId, el, fill, prose } from "../dom";
import type { Answer, Mark, View } from "../engine/api";
import { sign } from "./icons";
import type { Reveal } from "./statements";
import { LAYERS, statementTitle } from "./words";

/** A remedy's context keys with their values; `null` takes the key away. */
export type Apply = (context: readonly [string, string | null][]) => void;

/** Draws near misses and changes. */
export function drawChanges(view: View, reveal: Reveal, apply: Apply): void {
  const { remedies } = view.answer;
  byId("changes-card").hidden = view.near_misses.length === 0 && remedies.length === 0;
  const changes = remedies.map(({ change, context }) =>
    el(
      "li",
      {},
      sign(true),
      el("span", {}, `${lead(change, context.length > 0)} `, el("b", {}, ...prose(change)), " ", el("small", {}, "re-evaluated")),
      context.length ? el("button", { type: "button", onclick: () => apply(context) }, "Try it") : null,
    ),
  );
  const misses = view.near_misses.map((index) => el("li", {}, ...miss(view, index, reveal)));
  fill(
    byId("changes"),
    changes.length ? el("ul", { class: "remedies" }, ...changes) : null,
    misses.length ? el("h3", {}, "Near misses, closest first") : null,
    misses.length ? el("ol", { class: "misses" }, ...misses) : null,
  );
}

function lead(change: string, byContext: boolean): string {
  if (change.startsWith("without")) return "Allowed";
  return byContext ? "Allowed when" : "Allowed with";
}

function miss(view: View, index: number, reveal: Reveal): (HTMLElement | string)[] {
  const statement = view.answer.statements[index];
  const marks = view.marks[index];
  if (!statement || !marks) return [];
  const { request } = view.answer;
  const lines: { what: string; want: string[]; got: string; mark: Mark | undefined }[] = [];
  if (!statement.action.met) lines.push({ what: "Action", want: statement.action.wanted, got: request.action, mark: marks.action.element });
  if (!statement.principal.met) lines.push({ what: "Principal", want: statement.principal.wanted, got: request.principal, mark: marks.principal?.element });
  if (!statement.resource.met) lines.push({ what: "Resource", want: statement.resource.wanted, got: request.resource, mark: marks.resource?.element });
  statement.conditions.forEach((condition, at) => {
    if (condition.met) return;
    const got = condition.actual === null ? "absent" : condition.actual.join(", ") || "no value";
    lines.push({ what: `${condition.operator} ${condition.key}`, want: condition.wanted, got, mark: marks.conditions[at]?.values });
  });
  return [
    el("button", { type: "button", class: "link", onclick: () => reveal(view, index, marks.statement) }, `${statementTitle(statement)} of ${statement.policy}`),
    el("small", {}, ` ${LAYERS[statement.layer]}`),
    el(
      "dl",
      {},
      ...lines.flatMap(({ what, want, got, mark }) => [
        el("dt", {}, mark ? el("button", { type: "button", class: "link", onclick: () => reveal(view, index, mark) }, what) : what),
        el("dd", {}, el("span", {}, "want "), el("code", {}, want.join(", ")), el("span", {}, " got "), el("code", {}, got)),
      ]),
    ),
  ];
}

/** Draws the request as it was understood: each context key given, derived or absent. */
export function drawUnderstood({ request, missing_keys }: Answer): void {
  const present = new Set(request.context.map(({ key }) => key.toLowerCase()));
  const rows = [
    ...request.context.map(({ key, values, origin }) => [key, values.length ? values.join(", ") : "no value", origin]),
    ...missing_keys.filter(({ key }) => !present.has(key.toLowerCase())).map(({ key }) => [key, "–", "absent"]),
  ];
  fill(
    byId("understood"),
    el("p", { class: "sentence" }, el("code", {}, request.principal), " asks for ", el("code", {}, request.action), " on ", el("code", {}, request.resource)),
    rows.length
      ? el(
          "details",
          {},
          el("summary", {}, `${rows.length} context key${rows.length === 1 ? "" : "s"}: given, derived and absent`),
          el(
            "table",
            { class: "plain" },
            el("thead", {}, el("tr", {}, ...["Key", "Value", "Origin"].map((title) => el("th", { scope: "col" }, title)))),
            el("tbody", {}, ...rows.map(([key, value, origin]) => el("tr", { class: origin ?? "" }, el("th", { scope: "row" }, key ?? ""), el("td", {}, el("code", {}, value ?? "")), el("td", {}, origin ?? "")))),
          ),
        )
      : null,
  );
}
