/** Statements for all nodes of a cluster, and those of pools that count up. */
import { expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import type { Node } from "../../../server/src/topology/model.ts";
import { check } from "../checks/harness.ts";
import { topologyOf } from "./print.ts";

const file = (defaults: string, nodes: string): string => `segment lan { cidr 10.0.0.0/24 }
segment other { cidr 10.1.0.0/24 }
cluster c {
  pods 10.244.0.0/16
  defaults { ${defaults} }
  ${nodes}
}
`;

function node(text: string, name: string): Node {
  const found = topologyOf(text).clusters[0]?.nodeByName(name);
  if (!found) throw new Error(name);
  return found;
}

const segmentsOf = (one: Node): readonly string[] => one.interfaces.map(({ segment }) => segment);

it("nodes and pools have the interfaces of the defaults, or only their own", () => {
  const text = file("attach lan; attach other", "nodes w 1..2\n  node n { attach other 10.1.0.9 }");
  expect(segmentsOf(node(text, "w2"))).toEqual(["lan", "other"]);
  expect(node(text, "w2").interfaces.map(({ addresses }) => addresses.map(({ ip }) => formatIp(ip)))).toEqual([
    ["10.0.0.2"],
    ["10.1.0.2"],
  ]);
  expect(segmentsOf(node(text, "n"))).toEqual(["other"]);
});

it("a node's statement takes precedence; its rules are evaluated first", () => {
  const text = file(
    "attach lan; sysctl net.ipv4.ip_forward 1; sysctl net.ipv4.conf.all.rp_filter 2; labels a=1 b=1; deny tcp; daemon x { listen 1 }; daemon y { listen 2 }; route 10.9.0.0/16 blackhole; route 10.8.0.0/16 blackhole",
    "node n { sysctl net.ipv4.ip_forward 0; labels b=2; allow tcp port 22; daemon x { listen 3 }; route 10.9.0.0/16 unreachable }",
  );
  const { sysctls, labels, acl, processes, routes } = node(text, "n");
  expect([...sysctls].map(([name, { value }]) => `${name} ${value}`)).toEqual([
    "net.ipv4.conf.all.rp_filter 2",
    "net.ipv4.ip_forward 0",
  ]);
  expect([...labels]).toEqual([
    ["a", "1"],
    ["b", "2"],
  ]);
  expect(acl.map(({ action }) => action)).toEqual(["allow", "deny"]);
  expect(processes.map(({ name, listeners }) => `${name} ${listeners[0]?.first}`)).toEqual(["y 2", "x 3"]);
  expect(routes.map(({ type }) => type).sort()).toEqual(["blackhole", "unreachable"]);
});

it("a problem of a default statement is reported once", () => {
  const found = check(file("attach nowhere; deny icmp port 80", "nodes w 1..3\n  node n"));
  expect(found.map(({ code }) => code).filter((code) => code === "KN012" || code === "KN006")).toEqual([
    "KN006",
    "KN012",
  ]);
});

it("loopback addresses of a pool count up", () => {
  const text = file("attach lan", "nodes w 1..3 { loopback 10.255.0.1 fd00::1 }");
  expect(node(text, "w3").edge?.loopbacks.map(({ ip }) => formatIp(ip))).toEqual(["10.255.0.3", "fd00::3"]);
});
