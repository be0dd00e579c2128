// The signs of the page. Each stands beside a word: colour and shape never say anything alone.

import { svg } from "../dom";

/** How a gate stands. */
export type GateState = "open" | "shut" | "silent" | "absent" | "unknown";

/** A gate: its bars are down where it stops the request and raised where it lets it pass. */
export function gate(state: GateState): SVGElement {
  const bars = state === "open" ? -13 : 0;
  const bar = (x: number): SVGElement => svg("path", { d: `M${x} 10v15l-1.5 2.5M${x} 25l1.5 2.5` });
  return svg(
    "svg",
    { viewBox: "0 0 32 32", class: `gate gate-${state}`, "aria-hidden": "true", focusable: "false" },
    svg("path", { class: "arch", d: "M4 30V14C4 7.4 9.4 2 16 2s12 5.4 12 12v16h-4.5V14a7.5 7.5 0 0 0-15 0v16z" }),
    svg(
      "svg",
      { x: 8, y: 6, width: 16, height: 24, viewBox: "8 6 16 24" },
      svg("g", { class: "bars", transform: `translate(0 ${bars})` }, bar(12), bar(16), bar(20), svg("path", { d: "M8.5 15h15M8.5 20.5h15" })),
    ),
    state === "unknown" ? svg("text", { x: 16, y: 24, "text-anchor": "middle", class: "mark" }, "?") : null,
  );
}

/** A small sign: met, unmet or open. */
export function sign(met: boolean | null): SVGElement {
  const path = met === null ? "M3 8h10" : met ? "M2.5 8.5l3.5 3.5 7.5-8" : "M3.5 3.5l9 9M12.5 3.5l-9 9";
  return svg(
    "svg",
    { viewBox: "0 0 16 16", class: `sign ${met === null ? "sign-none" : met ? "sign-met" : "sign-unmet"}`, "aria-hidden": "true", focusable: "false" },
    svg("path", { d: path }),
  );
}
