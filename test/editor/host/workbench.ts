// Opens the VS Code server's workbench in a headless browser.

import { format } from "node:util";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findBrowser } from "./install.ts";
import type { EditorServer } from "./server.ts";

export interface WorkbenchOptions {
  /** The folder to open. */
  readonly folder: string;
  /** Undefined: the extensions that are installed in the server. */
  readonly extensionDevelopmentPath?: string;
  /** A module with `run()`; the workbench runs it and then exits. */
  readonly extensionTestsPath?: string;
  readonly openFile?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly deviceScaleFactor?: number;
  readonly colorScheme?: "light" | "dark";
  /** Receives the output of the extension host. */
  readonly log?: (type: string, text: string) => void;
}

export interface Workbench {
  readonly page: Page;
  /** The exit code of the tests, or an error if the page closes before the tests complete. */
  readonly exited: Promise<number>;
  close(): Promise<void>;
}

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** The address of a workbench, in the form that the server accepts. */
export function workbenchUrl(server: EditorServer, options: WorkbenchOptions): string {
  const remote = (path: string): string => `vscode-remote://127.0.0.1:${server.port}${path}`;
  const payload: [string, string][] = [
    ["skipWelcome", "true"],
    ["skipReleaseNotes", "true"],
  ];
  if (options.extensionDevelopmentPath)
    payload.push(["extensionDevelopmentPath", remote(options.extensionDevelopmentPath)]);
  if (options.extensionTestsPath) payload.push(["extensionTestsPath", remote(options.extensionTestsPath)]);
  if (options.openFile) payload.push(["openFile", remote(options.openFile)]);
  const query = new URLSearchParams({ folder: options.folder, payload: JSON.stringify(payload) });
  return `${server.origin}/?${query.toString()}`;
}

export async function openWorkbench(server: EditorServer, options: WorkbenchOptions): Promise<Workbench> {
  const found = await findBrowser();
  const browser = await chromium.launch({
    executablePath: found.path,
    args: [...new Set([...flags, ...found.args.filter((arg) => !arg.startsWith("--headless"))])],
    headless: true,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  try {
    return await load(browser, server, options);
  } catch (error) {
    await browser.close();
    throw error;
  }
}

async function load(browser: Browser, server: EditorServer, options: WorkbenchOptions): Promise<Workbench> {
  const context = await browser.newContext({
    viewport: options.viewport ?? { width: 1280, height: 800 },
    deviceScaleFactor: options.deviceScaleFactor ?? 1,
    colorScheme: options.colorScheme ?? "dark",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await stayLocal(context);
  const page = await context.newPage();

  const exited = new Promise<number>((resolve, reject) => {
    const exit = (code: number): void => resolve(code);
    const log = (type: string, args: unknown[]): void => {
      const [first, ...rest] = args;
      options.log?.(type, format(typeof first === "string" ? first : JSON.stringify(first), ...rest));
    };
    page.exposeFunction("codeAutomationExit", exit).catch(reject);
    page.exposeFunction("codeAutomationLog", log).catch(reject);
    page.on("crash", () => reject(new Error("the page of the workbench crashed")));
    page.on("close", () => reject(new Error("the page of the workbench was closed")));
    void server.ended.then(() => reject(new Error("the VS Code server exited")));
  });
  exited.catch(() => {}); // reported where it is awaited

  await page.goto(workbenchUrl(server, options));
  await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
  return { page, exited, close: () => browser.close() };
}

/** Blocks all requests to other machines. */
async function stayLocal(context: BrowserContext): Promise<void> {
  await context.route(
    (url) => /^https?:$/.test(url.protocol) && url.hostname !== "127.0.0.1",
    (route) => route.abort(),
  );
}
