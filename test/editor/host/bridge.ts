// Gives the suite, which runs in the extension host, access to the window: keys, clicks, the content of webviews.
// A loopback HTTP server next to the browser; KNET_TEST_BRIDGE contains its address (see suite/window.ts).

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Frame, Page } from "playwright-core";

/** Target of a request: the window of VS Code, or the content of the webview that contains `webview` (a CSS selector). */
export interface Place {
  readonly webview?: string;
}

export type BridgeRequest = Place &
  (
    | { readonly do: "press"; readonly key: string }
    | { readonly do: "type"; readonly text: string }
    | { readonly do: "click"; readonly selector: string }
    | { readonly do: "focus"; readonly selector: string }
    | {
        readonly do: "waitFor";
        readonly selector: string;
        readonly state?: "attached" | "visible" | "hidden" | "detached";
      }
    | { readonly do: "text"; readonly selector: string }
    | { readonly do: "texts"; readonly selector: string }
    | { readonly do: "attribute"; readonly selector: string; readonly name: string }
    | { readonly do: "count"; readonly selector: string }
    | { readonly do: "evaluate"; readonly expression: string }
    | { readonly do: "screenshot"; readonly path: string }
  );

export interface Bridge {
  readonly url: string;
  close(): void;
}

const patience = 15_000;

export async function startBridge(page: () => Promise<Page>): Promise<Bridge> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    body(request)
      .then(async (text) => act(await page(), JSON.parse(text) as BridgeRequest))
      .then((value) => answer(200, { value: value ?? null }))
      .catch((error: unknown) => answer(500, { error: error instanceof Error ? error.message : String(error) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}/`, close };
}

async function body(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk as string;
  return text;
}

async function act(page: Page, request: BridgeRequest): Promise<unknown> {
  if (request.do === "press") return page.keyboard.press(request.key);
  if (request.do === "type") return page.keyboard.type(request.text);
  if (request.do === "screenshot") return void (await page.screenshot({ path: request.path }));
  const frame = request.webview === undefined ? page.mainFrame() : await webviewFrame(page, request.webview);
  if (request.do === "evaluate") return frame.evaluate(request.expression);
  const found = frame.locator(request.selector);
  const options = { timeout: patience };
  switch (request.do) {
    case "click":
      return found.first().click(options);
    case "focus":
      return found.first().focus(options);
    case "waitFor":
      return found.first().waitFor({ ...options, state: request.state ?? "visible" });
    case "text":
      return found.first().innerText(options);
    case "texts":
      return found.allInnerTexts();
    case "attribute":
      return found.first().getAttribute(request.name, options);
    case "count":
      return found.count();
  }
}

/** The content frame of the webview that contains a selector; it might still be loading. */
export async function webviewFrame(page: Page, selector: string): Promise<Frame> {
  const deadline = Date.now() + patience;
  for (;;) {
    for (const frame of webviewFrames(page)) {
      if (
        (await frame
          .locator(selector)
          .count()
          .catch(() => 0)) > 0
      )
        return frame;
    }
    if (Date.now() > deadline) throw new Error(`no webview with ${selector} (${webviewFrames(page).length} open)`);
    await page.waitForTimeout(50);
  }
}

/** VS Code loads webview content into a nested frame, `fake.html`. */
function webviewFrames(page: Page): Frame[] {
  return page.frames().filter((frame) => /\/fake\.html\?id=/.test(frame.url()) && !frame.isDetached());
}
