// The evaluation order as a row of gates: the path is lit up to where the request was stopped.

import { byId, el, fill } from "../dom";
import type { Answer, Layer } from "../engine/api";
import type { Tab } from "../state/model";
import { gate } from "./icons";
import type { GateState } from "./icons";

/** What a layer said. */
export type Said = "absent" | "no-match" | "allow" | "deny" | "unknown";

/** What each tab's layer said. */
export type Verdicts = Partial<Record<Tab, Said>>;

interface Gate {
  layer: Layer;
  tab: Tab;
  label: string;
}

/** The gates in the order in which they are passed; those of a group stand beside each other. */
const ORDER: readonly (readonly Gate[])[] = [
  [{ layer: "service-control", tab: "scp", label: "SCP" }],
  [{ layer: "resource-control", tab: "rcp", label: "RCP" }],
  [{ layer: "vpc-endpoint", tab: "vpce", label: "Endpoint" }],
  [{ layer: "public-access-block", tab: "bpa", label: "Public access" }],
  [
    { layer: "resource", tab: "resource", label: "Resource" },
    { layer: "acl", tab: "acl", label: "ACL" },
    { layer: "grant", tab: "grants", label: "Grant" },
    { layer: "identity", tab: "identity", label: "Identity" },
  ],
  [{ layer: "boundary", tab: "boundary", label: "Boundary" }],
  [{ layer: "session", tab: "session", label: "Session" }],
];

const WORDS: Record<Said, string> = {
  absent: "not there",
  "no-match": "says nothing",
  allow: "allows",
  deny: "denies",
  unknown: "unknown",
};

/** What each layer said, by tab. */
export function verdictsOf(answer: Answer): Verdicts {
  const said = new Map(answer.verdicts.map(({ layer, verdict }) => [layer, verdict as Said]));
  if (answer.acl_grant) said.set("acl", "allow");
  if (answer.key_grant !== null) said.set("grant", "allow");
  if (answer.layer === "acl" && !answer.acl_grant) said.set("acl", answer.decision === "explicit-deny" ? "deny" : "no-match");
  const found: Verdicts = {};
  for (const { layer, tab } of ORDER.flat()) found[tab] = said.get(layer) ?? "absent";
  return found;
}

/** Draws the path of an answer. */
export function drawPath(answer: Answer, kind: string, open: (tab: Tab) => void): void {
  const verdicts = verdictsOf(answer);
  const allowed = answer.decision === "allow";
  const stop = allowed ? ORDER.length : ORDER.findIndex((group) => group.some(({ layer }) => layer === answer.layer));
  const steps = ORDER.map((group, index) => {
    const shown = group.filter(({ tab }) => (tab !== "acl" && tab !== "grants") || verdicts[tab] !== "absent");
    const stops = index === stop;
    const gates = shown.map((one) => gateButton(one, verdicts[one.tab] ?? "absent", stops && one.layer === answer.layer, open));
    const skipped = shown.every(({ tab }) => verdicts[tab] === "absent");
    return el(
      "li",
      { class: `step ${index <= stop ? "lit" : "dark"} ${stops ? "stop" : ""} ${skipped && !stops ? "skipped" : ""} ${group.length > 1 ? "group" : ""}` },
      el("div", { class: "gates" }, ...gates),
      group.length > 1 ? el("p", { class: "rule" }, rule(answer, kind)) : null,
    );
  });
  const end = el("li", { class: `step end ${allowed && !answer.undecided ? "lit" : "dark"}` }, el("div", { class: "goal" }, answer.undecided ? "open" : allowed ? "let in" : "stays out"));
  fill(byId("path"), el("ol", { class: `path ${answer.undecided ? "open" : answer.decision}` }, ...steps, end));
}

function gateButton({ layer, tab, label }: Gate, said: Said, stops: boolean, open: (tab: Tab) => void): HTMLElement {
  const state: GateState = said === "allow" ? "open" : said === "deny" ? "shut" : said === "no-match" ? (layer === "resource-control" ? "open" : "silent") : said === "unknown" ? "unknown" : "absent";
  const word = said === "no-match" && layer === "resource-control" ? "denies nothing" : stops && said === "absent" ? "missing" : WORDS[said];
  return el(
    "button",
    { type: "button", class: `gate-button ${state} ${stops ? "stops" : ""}`, onclick: () => open(tab) },
    gate(stops && state === "absent" ? "silent" : state),
    el("span", { class: "gate-label" }, label),
    el("span", { class: "gate-word" }, stops ? el("b", {}, word) : word),
  );
}

/** Which of the two sides must allow. */
function rule({ relation }: Answer, kind: string): string {
  if (kind === "anonymous" || kind === "service" || kind === "oai") return "it has no policies of its own: the resource must allow";
  if (relation === "cross-account") return "two accounts: both sides must allow";
  if (relation === "same-account-in-custody") return "the resource’s policy has the first word";
  return "same account: one of them must allow";
}
