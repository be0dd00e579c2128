// One CodeMirror view, one editor state per policy: each keeps its own undo history and caret.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import type { CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { jsonLanguage } from "@codemirror/lang-json";
import { HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import type { Extension, Transaction } from "@codemirror/state";
import { Decoration, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import type { DecorationSet } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Diagnostic } from "./engine/api";

/** A stretch of the text and the class that marks it. */
export interface TextMark {
  from: number;
  to: number;
  class: string;
  /** The whole lines instead of the stretch. */
  lines?: boolean;
}

const setMarks = StateEffect.define<TextMark[]>();

const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) return decorate(transaction.state, effect.value);
    }
    return set.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function decorate(state: EditorState, list: TextMark[]): DecorationSet {
  const { doc } = state;
  const ranges = list.flatMap(({ from, to, class: name, lines }) => {
    const end = Math.min(to, doc.length);
    if (from >= end) return [];
    if (!lines) return [Decoration.mark({ class: name }).range(from, end)];
    const [first, last] = [doc.lineAt(from).number, doc.lineAt(end).number];
    return Array.from({ length: last - first + 1 }, (_, i) => Decoration.line({ class: name }).range(doc.line(first + i).from));
  });
  return Decoration.set(ranges, true);
}

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--code-key)" },
  { tag: tags.string, color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-atom)" },
  { tag: [tags.separator, tags.squareBracket, tags.brace], color: "var(--code-mark)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "var(--code-size)", color: "var(--ink)", backgroundColor: "var(--editor)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)", padding: "10px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--editor)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--active-line)" },
  ".cm-selectionMatch": { backgroundColor: "var(--match)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--match)", outline: "1px solid var(--line-strong)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--well)", borderColor: "var(--line)", color: "var(--muted)" },
  ".cm-tooltip, .cm-panels": { backgroundColor: "var(--panel)", color: "var(--ink)", borderColor: "var(--line-strong)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-textfield": { backgroundColor: "var(--editor)", color: "var(--ink)", borderColor: "var(--line-strong)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--well)", color: "var(--ink)", borderColor: "var(--line-strong)" },
  ".cm-diagnostic": { padding: "5px 10px", whiteSpace: "pre-wrap", maxWidth: "28rem" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--deny) 1.5px", textUnderlineOffset: "3px" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--unknown) 1.5px", textUnderlineOffset: "3px" },
  ".says-allow": { backgroundColor: "var(--allow-wash)", boxShadow: "inset 3px 0 var(--allow)" },
  ".says-deny": { backgroundColor: "var(--deny-wash)", boxShadow: "inset 3px 0 var(--deny)" },
  ".says-near": { boxShadow: "inset 3px 0 var(--unknown)" },
  ".part-met": { borderBottom: "2px solid var(--allow)" },
  ".part-unmet": { backgroundColor: "var(--unmet-wash)", borderBottom: "2px dashed var(--deny)" },
  ".part-denies": { borderBottom: "2px solid var(--deny)" },
});

/** What the editor asks its page. */
export interface EditorHost {
  onChange: (id: number, text: string) => void;
  complete: (prefix: string) => Promise<{ label: string; detail: string }[]>;
}

/** The editor of the policies. */
export class PolicyEditor {
  private view: EditorView;
  private states = new Map<number, EditorState>();
  private current = 0;
  private extensions: Extension;

  constructor(parent: HTMLElement, host: EditorHost) {
    // A shadow root takes CodeMirror's rules as constructed style sheets: the page's policy allows no inline style.
    const root = parent.attachShadow({ mode: "open" });
    const mount = document.createElement("div");
    mount.className = "mount";
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":host{display:block} .mount{height:100%} .cm-editor{height:100%}");
    root.adoptedStyleSheets = [sheet];
    root.append(mount);
    this.extensions = [
      lineNumbers(),
      lintGutter(),
      foldGutter(),
      highlightSpecialChars(),
      history(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightSelectionMatches(),
      autocompletion({ override: [(context) => completeAction(context, host)], icons: false }),
      jsonLanguage,
      syntaxHighlighting(colours),
      theme,
      marks,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "Policy text", tabindex: "0" }),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
      EditorView.domEventHandlers({ beforeinput: replaceSelection }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) host.onChange(this.current, update.state.doc.toString());
      }),
    ];
    this.view = new EditorView({ parent: mount, root, state: this.fresh("") });
  }

  /** Shows a policy: with its own history where it was shown before. */
  open(id: number, text: string): void {
    if (id === this.current && this.view.state.doc.toString() === text) return;
    if (this.current) this.states.set(this.current, this.view.state);
    const known = this.states.get(id);
    this.current = id;
    this.view.setState(known && known.doc.toString() === text ? known : this.fresh(text));
  }

  /** Forgets every policy: the whole state was replaced. */
  forget(): void {
    this.states.clear();
    this.current = 0;
  }

  /** Puts another text in the place of this one, as one step that Undo takes back. */
  rewrite(text: string): void {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  /** Shows what is wrong with the text and which parts of it decided. */
  annotate(diagnostics: readonly Diagnostic[], list: TextMark[]): void {
    const { length } = this.view.state.doc;
    const shown = diagnostics.slice(0, 100).map(({ mark, severity, code, message }) => {
      const from = Math.min(mark.from, length);
      return { from, to: Math.max(from, Math.min(mark.to, length)), severity: severity === "error" ? "error" as const : "warning" as const, source: code, message };
    });
    this.view.dispatch(setDiagnostics(this.view.state, shown));
    this.view.dispatch({ effects: setMarks.of(list) });
  }

  /** Selects a stretch, brings it into sight and takes the focus. */
  reveal(from: number, to: number): void {
    const { length } = this.view.state.doc;
    const selection = { anchor: Math.min(from, length), head: Math.min(to, length) };
    this.view.dispatch({ selection, effects: EditorView.scrollIntoView(selection.anchor, { y: "center" }) });
    this.view.focus();
  }

  private fresh(doc: string): EditorState {
    return EditorState.create({ doc, extensions: this.extensions });
  }
}

/** Puts typed text in the place of a selection before the browser does: it would keep the selection's look in an inline
 * style, which the page's policy refuses. */
function replaceSelection(event: InputEvent, view: EditorView): boolean {
  const { from, to, empty } = view.state.selection.main;
  if (event.inputType !== "insertText" || event.data === null || event.isComposing || empty || view.state.readOnly) return false;
  const insert = (): Transaction => view.state.update(view.state.replaceSelection(event.data ?? ""), { userEvent: "input.type", scrollIntoView: true });
  const handled = view.state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, event.data ?? "", insert));
  if (!handled) view.dispatch(insert());
  event.preventDefault();
  return true;
}

/** Completes an action's name in a string of the policy. */
async function completeAction(context: CompletionContext, host: EditorHost): Promise<CompletionResult | null> {
  const word = context.matchBefore(/"[A-Za-z0-9-]+:?[A-Za-z0-9]*/);
  if (!word || word.text.length < 3) return null;
  const items = await host.complete(word.text.slice(1));
  if (!items.length || context.aborted) return null;
  return { from: word.from + 1, options: items.map(({ label, detail }) => ({ label, detail })), validFor: /^[A-Za-z0-9-]*:?[A-Za-z0-9]*$/ };
}
