/** Runs the built command-line bundle as a separate process. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Hop, Trace } from "../../server/src/trace/schema.ts";

const root = join(import.meta.dirname, "../..");
/** The built program. */
export const program = join(root, "dist/knet.cjs");

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function knet(args: readonly string[], input?: string | Uint8Array): Outcome {
  const result = spawnSync(process.execPath, [program, ...args], {
    cwd: root,
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Creates a file in a temporary directory, which is removed after the tests of the calling file. */
export function file(content: string | Uint8Array, name = "test.knet"): string {
  const folder = mkdtempSync(join(tmpdir(), "knet-cli-"));
  folders.push(folder);
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

export function trace(args: readonly string[]): { readonly code: number | null; readonly trace: Trace } {
  const { code, out, err } = knet(["trace", ...args, "--format", "json"]);
  if (out === "") throw new Error(err);
  return { code, trace: JSON.parse(out) as Trace };
}

/** Crossings as tcpdump would show them: "n1 eth0 out 63", with the outer header in brackets for an encapsulated packet. */
export function crossings(hops: readonly Hop[]): string[] {
  return hops
    .filter((hop) => hop.direction !== null)
    .map((hop) => {
      const outer = hop.packet.headers.filter((header) => header.kind === "ip");
      const first = outer[0];
      const tunnel =
        outer.length > 1 && first?.kind === "ip" ? ` [outer ${first.src} > ${first.dst} ttl ${first.ttl}]` : "";
      // The host ends of veth pairs have hashed names, which are not relevant here.
      const device = hop.device.replace(/^veth[0-9a-f]+$/, "veth");
      return `${hop.netns.split("/").at(-1)} ${device} ${hop.direction} ${hop.packet.ttl}${tunnel}`;
    });
}
