// Access to the window of VS Code: keys, clicks, content of webviews. The extension host, in which the tests run, has no
// access to the window; host/bridge.ts, which runs next to the browser, provides it. Selectors are Playwright selectors
// (CSS, `text=…`); clicks and waits time out after 15 s.
//
//   await press("F1");                                         // a key or a chord, such as `Control+Shift+P`
//   await window.waitFor(".quick-input-widget");               // the window itself
//   const panel = webview("[data-knet-trace]");                // the webview that contains this selector
//   await panel.focus("[data-hop]");
//   await press("ArrowDown");
//   const hop = await panel.text("[aria-current=step]");
//   const messages = await panel.evaluate<number>("document.querySelectorAll('li').length");
//
// `hasWindow` is false when the suite was started without the bridge (from the debugger, say): such tests skip themselves.

import type { BridgeRequest, Place } from "../host/bridge.ts";

const bridge = process.env["KNET_TEST_BRIDGE"];
export const hasWindow = bridge !== undefined && bridge !== "";

async function ask<T>(request: BridgeRequest): Promise<T> {
  if (!bridge) throw new Error("there is no bridge to the window (KNET_TEST_BRIDGE is not set)");
  const response = await fetch(bridge, { method: "POST", body: JSON.stringify(request) });
  const answer = (await response.json()) as { value?: T; error?: string };
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value as T;
}

/** Presses a key or a chord at the current focus. */
export const press = (key: string): Promise<void> => ask({ do: "press", key });
/** Types text key by key at the current focus. */
export const type = (text: string): Promise<void> => ask({ do: "type", text });
/** Takes a screenshot of the whole window. */
export const screenshot = (path: string): Promise<void> => ask({ do: "screenshot", path });

export interface Content {
  click(selector: string): Promise<void>;
  focus(selector: string): Promise<void>;
  waitFor(selector: string, state?: "attached" | "visible" | "hidden" | "detached"): Promise<void>;
  /** The visible text of the first match. */
  text(selector: string): Promise<string>;
  texts(selector: string): Promise<string[]>;
  attribute(selector: string, name: string): Promise<string | null>;
  count(selector: string): Promise<number>;
  /** The value of a JavaScript expression; must be serializable as JSON. */
  evaluate<T = unknown>(expression: string): Promise<T>;
}

function content(place: Place): Content {
  return {
    click: (selector) => ask({ ...place, do: "click", selector }),
    focus: (selector) => ask({ ...place, do: "focus", selector }),
    waitFor: (selector, state) => ask({ ...place, do: "waitFor", selector, state: state ?? "visible" }),
    text: (selector) => ask({ ...place, do: "text", selector }),
    texts: (selector) => ask({ ...place, do: "texts", selector }),
    attribute: (selector, name) => ask({ ...place, do: "attribute", selector, name }),
    count: (selector) => ask({ ...place, do: "count", selector }),
    evaluate: (expression) => ask({ ...place, do: "evaluate", expression }),
  };
}

/** Everything outside webviews. */
export const window: Content = content({});
/** The content of the webview that contains a selector; waits for the webview. */
export const webview = (selector: string): Content => content({ webview: selector });
