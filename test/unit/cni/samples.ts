/** Networks of the samples, and their readable form. */
import { readFileSync } from "node:fs";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import type { Netns, Network } from "../../../server/src/dataplane/model.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { world } from "../checks/harness.ts";
import { ip } from "./fixture.ts";

export interface Sample {
  readonly topology: Topology;
  readonly network: Network;
  netns(id: string): Netns;
  /** The output of `tcpdump -i any` as "netns:device direction", the verdict, and the source address at the receiver. */
  walk(from: string, to: string, port?: number): Walk;
}
export interface Walk {
  readonly way: string;
  readonly back: string;
  readonly verdict: string;
  readonly reason: string | undefined;
  readonly source: string | undefined;
  readonly mtu: number | undefined;
}

export function sampleText(name: string): string {
  return readFileSync(new URL(`../../../samples/${name}.knet`, import.meta.url), "utf8");
}

export function sample(name: string, change: (text: string) => string = (text) => text): Sample {
  return sampleOf(change(sampleText(name)));
}

export function sampleOf(text: string): Sample {
  const { topology, network } = world(text);
  const netns = (id: string): Netns => {
    const found = network.netns(id);
    if (!found) throw new Error(`no ${id}`);
    return found;
  };
  return {
    topology,
    network,
    netns,
    walk: (from, to, port = 80) => {
      const [journey] = simulate(network, {
        from,
        dst: ip(to),
        proto: "tcp",
        sport: 40000,
        dport: port,
        size: 60,
        df: true,
      });
      if (!journey) throw new Error("no journey");
      return {
        way: crossings(journey.steps),
        back: journey.reply ? `${journey.reply.verdict}: ${crossings(journey.reply.steps)}` : "",
        verdict: journey.verdict,
        reason: journey.reason?.code,
        source: journey.receiver ? formatIp(journey.receiver.src) : undefined,
        mtu: journey.mtu,
      };
    },
  };
}

/** The devices in the order in which the packet passes them. */
function crossings(
  steps: readonly { readonly netns: string; readonly device: string; readonly direction: "in" | "out" | null }[],
): string {
  const lines: string[] = [];
  for (const { netns, device, direction } of steps) {
    if (direction === null) continue;
    const owner = netns.split("/").at(-1) ?? netns;
    lines.push(`${owner}:${device.replace(/^(veth|eni|azv)[0-9a-f]{7,}$/, "$1")} ${direction}`);
  }
  return lines.join(", ");
}
