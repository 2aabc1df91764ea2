/** A trace terminates for any destination address: in every sample, from every machine and some pods. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { addIp, formatIp, type Ip, lastAddress, type Prefix, parseIp } from "../../../server/src/addressing/ip.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { world } from "../checks/harness.ts";
import { sampleText } from "../cni/samples.ts";

const folder = new URL("../../../samples/", import.meta.url);
const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".knet"))
  .map((name) => name.slice(0, -".knet".length));

describe("every trace terminates", () => {
  for (const name of names) {
    test(name, () => {
      const { topology, network } = world(sampleText(name));
      for (const from of sendersOf(topology)) {
        if (!network.netns(from)) continue;
        for (const dst of addressesIn(topology)) {
          for (const proto of ["tcp", "icmp"] as const) {
            const journeys = simulate(network, { from, dst, proto, sport: 40000, dport: 80, df: true, size: 1400 });
            expect(journeys.length, `${from} to ${formatIp(dst)}`).toBeGreaterThan(0);
          }
        }
      }
    });
  }
});

const MOST = 6;

function sendersOf({ clusters, routers, hosts }: Topology): readonly string[] {
  const pods = clusters.flatMap((cluster) =>
    cluster.nodes.slice(0, 2).flatMap((node) => [...cluster.pods.podsOn(node)].slice(0, 1)),
  );
  const stations = [...routers, ...hosts, ...clusters.flatMap(({ nodes }) => nodes.slice(0, 2))];
  return [...pods.map((pod) => (pod.workload.hostNetwork ? "" : pod.path)), ...stations.map(({ path }) => path)].slice(
    0,
    2 * MOST,
  );
}

/** First, middle, and last addresses of every range; multicast, broadcast, loopback, unassigned. */
function addressesIn({ clusters, segments }: Topology): readonly Ip[] {
  const ranges: Prefix[] = [
    ...[...segments.values()].flatMap(({ cidrs }) => cidrs),
    ...clusters.flatMap(({ podCidrs, serviceCidrs, nodes }) => [
      ...podCidrs.map(({ prefix }) => prefix),
      ...serviceCidrs.map(({ prefix }) => prefix),
      ...nodes.slice(0, 2).flatMap((node) => node.podCidrs.map(({ prefix }) => prefix)),
    ]),
  ].slice(0, 2 * MOST);
  const near = ranges.flatMap((prefix) => [prefix.ip, addIp(prefix.ip, 1), addIp(prefix.ip, 77), lastAddress(prefix)]);
  const special = [
    "0.0.0.0",
    "127.0.0.1",
    "169.254.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "198.51.100.7",
    "::",
    "::1",
    "ff02::1",
    "fe80::1",
  ];
  return [...near, ...special.map(parseIp)].filter((ip) => ip !== undefined);
}
