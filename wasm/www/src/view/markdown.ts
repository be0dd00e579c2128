// The little Markdown that the manual's pages about codes are written in.

import { el, prose } from "../dom";

/** A page as elements. Headings start at level 3: the page stands in a dialog. */
export function markdown(text: string): HTMLElement[] {
  const blocks: HTMLElement[] = [];
  const parts = text.split(/^```.*$/m);
  parts.forEach((part, index) => {
    if (index % 2) blocks.push(el("pre", { tabindex: "0" }, el("code", {}, part.replace(/^\n|\n$/g, ""))));
    else for (const block of part.split(/\n{2,}/)) blocks.push(...paragraph(block.trim()));
  });
  return blocks;
}

function paragraph(block: string): HTMLElement[] {
  if (!block) return [];
  const heading = /^#+ +(.*)\n?/.exec(block);
  if (heading) return [el("h3", {}, ...prose(heading[1] ?? "")), ...paragraph(block.slice(heading[0].length).trim())];
  if (/^[-*] /.test(block)) return [el("ul", { class: "bullets" }, ...block.split(/\n(?=[-*] )/).map((item) => el("li", {}, ...spans(item.slice(2)))))];
  return [el("p", {}, ...spans(block))];
}

/** Links become their texts: the page leads nowhere else. */
function spans(text: string): (HTMLElement | string)[] {
  return prose(text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("**", ""));
}
