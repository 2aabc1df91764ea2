/** The command line as a program: the built bundle in a process of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Hop, Trace } from "../../server/src/trace/schema.ts";

const root = join(import.meta.dirname, "../..");

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function knet(args: readonly string[], input?: string | Uint8Array): Outcome {
  const result = spawnSync(process.execPath, [join(root, "dist/knet.cjs"), ...args], {
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

/** A file with this content in a folder of its own, which is gone after the tests of the file that asks. */
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

/** What tcpdump would show: "n1 eth0 out 63", with the outer TTL in brackets where the packet is tunnelled. */
export function crossings(hops: readonly Hop[]): string[] {
  return hops
    .filter((hop) => hop.direction !== null)
    .map((hop) => {
      const outer = hop.packet.headers.filter((header) => header.kind === "ip");
      const first = outer[0];
      const tunnel =
        outer.length > 1 && first?.kind === "ip" ? ` [outer ${first.src} > ${first.dst} ttl ${first.ttl}]` : "";
      // The host's ends of veth pairs have names from a hash: what matters is whose they are.
      const device = hop.device.replace(/^veth[0-9a-f]+$/, "veth");
      return `${hop.netns.split("/").at(-1)} ${device} ${hop.direction} ${hop.packet.ttl}${tunnel}`;
    });
}
