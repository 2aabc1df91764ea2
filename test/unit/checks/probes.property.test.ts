/** Compares one probe per pair of node classes with one probe per pair of nodes, on random topologies. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import type { CheckContext } from "../../../server/src/findings/check.ts";
import { probesOf } from "../../../server/src/questions/probes.ts";
import { world } from "./harness.ts";

const node = fc.record({
  rack: fc.nat(2),
  odd: fc.option(
    fc.constantFrom(
      "sysctl net.ipv4.ip_forward 0",
      "sysctl net.ipv4.conf.all.rp_filter 1",
      "deny udp port 8472",
      "deny any from 10.168.1.0/25",
      "deny any forward to 10.244.1.0/24",
      "route 10.168.1.0/24 blackhole",
      "route 10.244.2.0/25 unreachable",
      "route 10.168.0.4/32 blackhole",
    ),
    { freq: 2 },
  ),
});
const router = fc.option(
  fc.constantFrom(
    "deny udp port 8472",
    "deny any from 10.168.0.2 to 10.168.1.0/24",
    "route 10.168.1.3/32 blackhole",
    "deny udp from 10.168.2.0/24",
    "route 10.244.0.0/24 via 10.168.0.2",
    "deny tcp",
    "deny icmp",
  ),
  { freq: 1 },
);
const cni = fc.constantFrom(
  "flannel { backend vxlan }",
  "flannel { backend vxlan { direct-routing true } }",
  "flannel { backend host-gw }",
  "flannel { backend udp }",
  "flannel { backend ipip }",
  "bridge { routes true }",
  "bridge { routes false }",
);

it("counts the node pairs whose pods cannot reach each other", () => {
  fc.assert(
    fc.property(fc.array(node, { minLength: 2, maxLength: 6 }), router, cni, (nodes, rule, mode) => {
      const { topology, network, files } = world(`
segment s0 { cidr 10.168.0.0/24; gateway tor }
segment s1 { cidr 10.168.1.0/24; gateway tor }
segment s2 { cidr 10.168.2.0/24; gateway tor }
router tor { attach s0 10.168.0.1; attach s1 10.168.1.1; attach s2 10.168.2.1; ${rule ?? ""} }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  cni ${mode}
  ${nodes.map(({ rack, odd }, i) => `node n${i} { attach s${rack}; ${odd ?? ""} }`).join("\n  ")}
  daemonset agent { listen 80/tcp }
}
`);
      const context: CheckContext = {
        files,
        topology,
        network,
        open: network,
        peopled: topology,
        cancelled: () => false,
        explaining: () => [],
      };
      const { failures } = probesOf(context);
      const counted = failures
        .filter(({ probe, reason }) => reason && !probe.sameNode && probe.from.kind === "pod")
        .reduce((sum, { probe }) => sum + probe.pairs, 0);
      let failing = 0;
      for (const from of nodes.keys()) {
        for (const to of nodes.keys()) if (from !== to && !reaches(network, topology, from, to)) failing += 1;
      }
      expect(counted).toBe(failing);
    }),
    { numRuns: 300 },
  );
});

type World = ReturnType<typeof world>;

/** Sends a ping or, if pings are filtered, opens a connection. */
function reaches(network: World["network"], topology: World["topology"], from: number, to: number): boolean {
  const pods = topology.clusters[0]?.pods;
  const dst = pods?.podByName("default", `agent-n${to}`)?.addresses[0];
  if (dst === undefined) throw new Error(`agent-n${to} has no address`);
  const works = (proto: "icmp" | "tcp"): boolean | "filtered" => {
    const [journey] = simulate(network, {
      from: `prod/default/agent-n${from}`,
      dst,
      proto,
      sport: 4000,
      dport: 80,
      df: false,
    });
    const failed = journey?.verdict === "delivered" ? journey.reply : journey;
    return failed?.verdict === "delivered" || (failed?.reason?.code === "filtered" ? "filtered" : false);
  };
  const ping = works("icmp");
  return ping === "filtered" ? works("tcp") === true : ping;
}
