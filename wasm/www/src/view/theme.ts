// Light or dark: the system's choice, unless somebody chose here.

import { byId, fill, svg } from "../dom";

const KEY = "portcullis-theme";

/** Sets the colours and wires the button. */
export function initTheme(): void {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = stored();
  const show = (): void => {
    const dark = theme === null ? system.matches : theme === "dark";
    if (theme === null) delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    button.setAttribute("aria-pressed", String(dark));
    const moon = "M12.5 9.5A5.5 5.5 0 0 1 6.5 3.2 5.5 5.5 0 1 0 12.5 9.5z";
    fill(button, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, dark ? svg("g", {}, svg("circle", { cx: 8, cy: 8, r: 3 }), svg("path", { d: "M8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4M11.2 11.2l1.4 1.4M12.6 3.4l-1.4 1.4M4.8 11.2l-1.4 1.4" })) : svg("path", { d: moon })));
  };
  button.addEventListener("click", () => {
    theme = button.getAttribute("aria-pressed") === "true" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // Where nothing may be stored the choice lasts as long as the page.
    }
    show();
  });
  system.addEventListener("change", show);
  show();
}

function stored(): string | null {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "dark" || theme === "light" ? theme : null;
  } catch {
    return null;
  }
}
