// The window of VS Code as a person has it: keys, clicks, what a webview shows. The extension host, where tests run, sees
// none of that; host/bridge.ts, beside the browser, does it for them. All selectors are Playwright's (CSS, `text=…`), and
// clicks and waits take up to 15 s for something to appear.
//
//   await press("F1");                                         // a key or a chord, as `Control+Shift+P`
//   await window.waitFor(".quick-input-widget");               // the window itself
//   const panel = webview("[data-knet-trace]");                // the webview in which this selector is found
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

/** Presses a key or a chord wherever the focus is. */
export const press = (key: string): Promise<void> => ask({ do: "press", key });
/** Types text key by key wherever the focus is. */
export const type = (text: string): Promise<void> => ask({ do: "type", text });
/** Takes a picture of the whole window. */
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
  /** The value of a JavaScript expression, which must be JSON. */
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
/** The content of the webview in which a selector is found; waits for it to be there. */
export const webview = (selector: string): Content => content({ webview: selector });
