// `npm run screenshot`: takes the README screenshots in a real VS Code (opens the trace panel, types an error, hovers over a node)
// and writes docs/images/*.png. Uses the VS Code server and the headless browser of the editor tests.
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { startServer } from "../test/editor/host/server.ts";
import { openWorkbench } from "../test/editor/host/workbench.ts";

const root = join(import.meta.dirname, "..");
const images = join(root, "docs/images");

/** Runs a command from the Command Palette. */
async function command(page: Page, title: string): Promise<void> {
  await page.keyboard.press("F1");
  await page.locator(".quick-input-widget input").fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
}

async function answer(page: Page, title: string, text: string, row: string): Promise<void> {
  await page.locator(".quick-input-widget", { hasText: title }).waitFor();
  await page.locator(".quick-input-widget input").fill(text);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: row }).first().click();
}

/** Waits for the webview frame that contains the selector. */
async function frameWith(page: Page, selector: string): Promise<ReturnType<Page["frames"]>[number]> {
  for (let tries = 0; tries < 300; tries += 1) {
    for (const frame of page.frames())
      if (
        (await frame
          .locator(selector)
          .count()
          .catch(() => 0)) > 0
      )
        return frame;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no webview contains ${selector}`);
}

async function picture(page: Page): Promise<void> {
  const editor = page.locator(".monaco-editor .view-lines").first();
  await editor.waitFor();
  await page.locator(".view-line", { hasText: "pods" }).first().waitFor();
  await command(page, "View: Toggle Primary Side Bar Visibility");

  // Trace first: afterwards the focus must stay in the editor.
  await command(page, "Knet: Trace Packet…");
  await answer(page, "select the source", "web", "web");
  await answer(page, "select the destination", "db", "db");
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "5432/tcp" }).click();
  const panel = await frameWith(page, "[data-testid=verdict]");
  const tunnelled = panel.locator("[data-testid=hop]", { hasText: "VXLAN" }).first();
  await tunnelled.click();
  await page.screenshot({ path: join(images, "trace.png") });

  // A service CIDR inside the pod CIDR: an overlap is reported immediately.
  await editor.click({ position: { x: 300, y: 8 } });
  const text = await page.locator(".view-line", { hasText: "services" }).first().textContent();
  if (!text) throw new Error("no `services` statement is visible in the sample");
  await page.locator(".view-line", { hasText: "services" }).first().click();
  await page.keyboard.press("End");
  for (let i = 0; i < "10.96.0.0/12".length; i += 1) await page.keyboard.press("Backspace");
  await page.keyboard.type("10.244.128.0/17");
  await page.locator(".squiggly-error").first().waitFor();
  await command(page, "Problems: Focus on Problems View");
  await page.locator(".markers-panel .monaco-list-row", { hasText: "KN101" }).first().waitFor();
  await page
    .locator(".view-line span", { hasText: /^node1$/ })
    .first()
    .hover();
  const hover = page.locator(".monaco-hover", { hasText: "flannel.1" }).first();
  await hover.waitFor();
  // The hover fades in.
  await page.waitForFunction("document.getAnimations().every((one) => one.playState !== 'running')");
  await page.screenshot({ path: join(images, "knet.png") });
}

const folder = await mkdtemp(join(tmpdir(), "knet-pictures-"));
await cp(join(root, "samples"), folder, { recursive: true });
await mkdir(images, { recursive: true });
const server = await startServer({
  settings: {
    "editor.minimap.enabled": false,
    "workbench.colorTheme": "Default Dark Modern",
    "breadcrumbs.enabled": false,
    "editor.hover.delay": 100,
    "window.commandCenter": false,
  },
});
try {
  const workbench = await openWorkbench(server, {
    folder,
    extensionDevelopmentPath: root,
    openFile: join(folder, "flannel-vxlan.knet"),
    viewport: { width: 1600, height: 1000 },
    colorScheme: "dark",
  });
  try {
    await picture(workbench.page);
    console.log(`screenshots written to ${images}`);
  } catch (error) {
    await workbench.page.screenshot({ path: join(tmpdir(), "knet-screenshot-failed.png") });
    throw error;
  } finally {
    await workbench.close();
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}
