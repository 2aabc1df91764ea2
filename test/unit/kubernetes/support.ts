/** Rules and packet paths as text. */
import { expect } from "vitest";
import { printRules } from "../../../server/src/dataplane/rules.ts";
import type { Trace } from "../../../server/src/trace/schema.ts";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { type World, world } from "../checks/harness.ts";

export { world };

export function rulesOf(text: string, netns: string): readonly string[] {
  const found = world(text).network.netns(netns);
  if (!found) throw new Error(`no ${netns}`);
  return printRules(found).split("\n");
}

export function traced(text: string | World, from: string, to: string, more: Partial<Ask> = {}): Trace {
  const { topology, network } = typeof text === "string" ? world(text) : text;
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  if (!answer.ok) throw new Error(answer.error);
  return answer.trace;
}

export function refusal(text: string, from: string, to: string, more: Partial<Ask> = {}): string {
  const { topology, network } = world(text);
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  expect(answer.ok).toBe(false);
  return answer.ok ? "" : answer.error;
}

/** One line per path: "33% 10.244.0.3:9090 sees 10.244.0.2, reply received", "100% rejected ECONNREFUSED: …". */
export function ends(trace: Trace): readonly string[] {
  return trace.paths.map((path) => {
    const share = `${Math.round(path.probability * 100)}%`;
    if (path.verdict !== "delivered") {
      const error = path.error?.errno ?? "timeout";
      return `${share} ${path.verdict} ${error}: ${path.reason?.message ?? ""}`;
    }
    const last = path.hops.at(-1);
    const [ip, transport] = last?.packet.headers ?? [];
    const to = ip?.kind === "ip" ? ip.dst : "?";
    const port = transport && "dport" in transport ? `:${transport.dport}` : "";
    const back =
      path.reply?.verdict === "delivered" ? "reply received" : `no reply: ${path.reply?.reason?.message ?? ""}`;
    return `${share} ${to}${port} sees ${path.receiver?.src ?? "?"}, ${back}`;
  });
}

/** The chain of each address rewrite, by path: "prod/n1 dnat KUBE-SEP-…". */
export function translations(trace: Trace): readonly (readonly string[])[] {
  return trace.paths.map(({ hops, reply }) =>
    [...hops, ...(reply?.hops ?? [])]
      .filter(({ action }) => action === "dnat" || action === "snat")
      .map(({ netns, action, rule }) => `${netns} ${action} ${rule?.table.replace(/-[A-Z2-7]{16}$/, "-*") ?? ""}`),
  );
}

/** Devices that the request of a path passes. */
export function crossings(trace: Trace, path = 0): readonly string[] {
  return (trace.paths[path]?.hops ?? [])
    .filter(({ direction }) => direction !== null)
    .map(
      ({ netns, device, direction }) =>
        `${netns.split("/").at(-1)}:${device.replace(/^veth.*/, "veth")} ${direction ?? ""}`,
    );
}
