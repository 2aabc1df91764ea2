/**
 * `knet routes --format fib`: the tables of the Network Graph. Its four constraints are checked with a walker that uses only
 * the printed tables, and with the simulator; both must agree on every pair.
 */
import { describe, expect, it } from "vitest";
import {
  formatIp,
  type Ip,
  type Prefix,
  parseIp,
  parsePrefix,
  prefixContains,
} from "../../../server/src/addressing/ip.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { switchText } from "../../../server/src/trace/switches.ts";
import { ip } from "../cni/fixture.ts";
import { type Sample, sample } from "../cni/samples.ts";

function table({ topology, network, netns }: Sample, id: string): string {
  return switchText(topology, network, netns(id));
}

/** Without the column with the reason. */
function rules(text: string): readonly string[] {
  return text
    .split("\n")
    .slice(2)
    .map((line) =>
      line
        .replace(/ *#.*$/, "")
        .split(/ {2,}/)
        .join(" "),
    )
    .filter((line) => line !== "");
}

describe("the table of a switch", () => {
  const k1 = sample("k1");

  it("of a pod matches the article: delivered on localhost and on its address, everything else forwarded to the node", () => {
    expect(rules(table(k1, "k1/default/p2"))).toEqual([
      "* * 127.0.0.0/8 8080 Deliver(c2.1)",
      "* * 127.0.0.0/8 9090 Deliver(c2.2)",
      "* * 127.0.0.0/8 * Discard",
      "* * 10.1.2.1 8080 Deliver(c2.1)",
      "* * 10.1.2.1 9090 Deliver(c2.2)",
      "* * 10.1.2.1 * Discard",
      "* * * * Forward(k1/n2)",
    ]);
  });

  it("of a node matches the article: its own pods, pods of the other node, and additional rows of Linux", () => {
    expect(rules(table(k1, "k1/n2"))).toEqual([
      "* * 127.0.0.0/8 7777 Deliver(d2)",
      "* * 127.0.0.0/8 * Discard",
      "* * 10.1.2.254 7777 Deliver(d2)",
      "* * 10.1.2.254 * Discard",
      "* * 192.168.1.3 7777 Deliver(d2)",
      "* * 192.168.1.3 * Discard",
      "* * 10.1.2.1 * Forward(k1/default/p2)",
      "* * 10.1.2.2 * Forward(k1/default/p4)",
      "* * 192.168.1.1 * Forward(gw)",
      "* * 192.168.1.2 * Forward(k1/n1)",
      "* * 10.1.1.0/24 * Forward(k1/n1)",
      "* * 10.1.2.0/24 * Discard",
      "* * 192.168.1.0/24 * Discard",
      "* * * * Forward(gw)",
    ]);
  });

  it("lists the entry that each row is derived from", () => {
    expect(
      table(k1, "k1/n2")
        .split("\n")
        .find((line) => line.includes("10.1.1.0/24")),
    ).toMatch(/# 10\.1\.1\.0\/24 via 192\.168\.1\.2 dev eth0$/);
  });

  it("of a router without a default route ends with Discard", () => {
    expect(rules(table(k1, "gw")).at(-1)).toBe("* * * * Discard");
  });

  it.each(["flannel-vxlan", "flannel-udp", "flannel-ipip"])(
    "contains the node at the remote tunnel endpoint: %s",
    (name) => {
      const found = rules(table(sample(name), "prod/node1"));
      expect(found).toContain("* * 10.244.2.0/24 * Forward(prod/node2)");
      expect(found).toContain("* * 10.244.3.0/24 * Forward(prod/node3)");
    },
  );

  it("separates the address families", () => {
    const found = rules(table(sample("kindnet"), "kind/worker"));
    expect(found).toContain("* * fd00:10:244:2::/64 * Forward(kind/worker2)");
    expect(found.filter((line) => line.includes("/0 "))).toEqual([
      "* * 0.0.0.0/0 * Forward(docker-host)",
      "* * ::/0 * Forward(docker-host)",
    ]);
  });
});

/* ------------------------------------------------------ a walker over printed tables */

interface Row {
  readonly dst: Prefix | undefined;
  readonly dport: string;
  readonly action: string;
}

interface Graph {
  /** The parsed tables. */
  readonly tables: ReadonlyMap<string, readonly Row[]>;
  /** host(N, P), host(N, D), addr(P, a), open(C, p) of the cluster. */
  readonly pods: readonly {
    readonly path: string;
    readonly node: string;
    readonly address: Ip;
    readonly open: readonly Open[];
  }[];
  readonly daemons: readonly { readonly node: string; readonly name: string }[];
  readonly nodes: readonly { readonly path: string; readonly addresses: readonly Ip[] }[];
}
interface Open {
  readonly process: string;
  readonly port: number;
}

function graphOf(one: Sample): Graph {
  const cluster = one.topology.clusters[0];
  if (!cluster) throw new Error("no cluster");
  const pods = cluster.workloads.map((workload) => {
    const pod = cluster.pods.podAt(workload, 0);
    const [address] = pod.addresses;
    if (address === undefined || !pod.node) throw new Error(pod.path);
    const open = workload.containers.flatMap(({ name, listeners }) =>
      listeners.map(({ first }) => ({ process: name, port: first })),
    );
    return { path: pod.path, node: pod.node.path, address, open };
  });
  const nodes = cluster.nodes.map(({ path, interfaces }) => ({
    path,
    addresses: interfaces.flatMap(({ addresses }) => addresses.map((own) => own.ip)),
  }));
  const daemons = cluster.nodes.flatMap(({ path, processes }) => processes.map(({ name }) => ({ node: path, name })));
  const ids = [...pods, ...nodes, ...one.topology.routers].map(({ path }) => path);
  return { tables: new Map(ids.map((id) => [id, read(table(one, id))])), pods, daemons, nodes };
}

function read(text: string): readonly Row[] {
  return rules(text).map((line) => {
    const [, , dst = "", dport = "", ...action] = line.split(" ");
    const exact = parseIp(dst);
    return {
      dst: exact === undefined ? parsePrefix(dst)?.prefix : { ip: exact, len: typeof exact === "number" ? 32 : 128 },
      dport,
      action: action.join(" "),
    };
  });
}

/** First match, otherwise Discard. Returns the receiving process, or the result. */
function follow({ tables }: Graph, from: string, dst: Ip, port: number): string {
  let at = from;
  for (let hops = 0; hops < 64; hops++) {
    const row = tables
      .get(at)
      ?.find((one) => (!one.dst || prefixContains(one.dst, dst)) && (one.dport === "*" || one.dport === String(port)));
    const [, kind, name = ""] = /^(\w+)(?:\((.*)\))?$/.exec(row?.action ?? "Discard") ?? [];
    if (kind === "Deliver") return `${name} at ${at}`;
    if (kind !== "Forward") return "discarded";
    at = name;
  }
  return "loop";
}

/** The same with the simulator; messages with rewritten headers are not part of the model. */
function simulated({ network }: Sample, from: string, src: Ip | undefined, dst: Ip, port: number): string {
  const [journey] = simulate(network, { from, dst, proto: "tcp", sport: 40000, dport: port, size: 60, df: true });
  if (journey?.verdict !== "delivered" || !journey.receiver) return "discarded";
  if (src !== undefined && journey.receiver.src !== src) return `from ${formatIp(journey.receiver.src)}`;
  return `${journey.receiver.process} at ${journey.steps.at(-1)?.netns}`;
}

describe("the constraints of the network model", () => {
  const one = sample("k1");
  const graph = graphOf(one);
  const loopback = ip("127.0.0.1");

  it("addressable: pods and nodes have unique addresses", () => {
    const all = [...graph.pods.map(({ address }) => address), ...graph.nodes.flatMap(({ addresses }) => addresses)];
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(6);
  });

  it("container to container: on localhost, in every pod", () => {
    const cases = graph.pods.flatMap((pod) => pod.open.map((open) => ({ pod, open })));
    expect(cases).toHaveLength(8);
    for (const { pod, open } of cases) {
      const wanted = `${open.process} at ${pod.path}`;
      expect(follow(graph, pod.path, loopback, open.port)).toBe(wanted);
      expect(simulated(one, pod.path, loopback, loopback, open.port)).toBe(wanted);
    }
  });

  it("pod to pod: every container of every pod, from every pod, itself included, with the header unchanged", () => {
    let pairs = 0;
    for (const from of graph.pods) {
      for (const to of graph.pods) {
        for (const open of to.open) {
          const wanted = `${open.process} at ${to.path}`;
          expect(follow(graph, from.path, to.address, open.port)).toBe(wanted);
          expect(simulated(one, from.path, from.address, to.address, open.port)).toBe(wanted);
          pairs++;
        }
      }
    }
    expect(pairs).toBe(4 * 4 * 2);
  });

  it("daemon to pod: every daemon reaches the pods of its node", () => {
    let pairs = 0;
    for (const daemon of graph.daemons) {
      for (const pod of graph.pods.filter(({ node }) => node === daemon.node)) {
        for (const open of pod.open) {
          const wanted = `${open.process} at ${pod.path}`;
          expect(follow(graph, daemon.node, pod.address, open.port)).toBe(wanted);
          expect(simulated(one, daemon.node, undefined, pod.address, open.port)).toBe(wanted);
          pairs++;
        }
      }
    }
    expect(pairs).toBe(2 * 2 * 2);
  });

  it("both agree for closed ports and unassigned addresses", () => {
    const addresses = [...graph.pods.map(({ address }) => address), ip("10.1.1.77"), ip("10.1.9.1"), ip("192.168.1.2")];
    for (const from of [...graph.pods, ...graph.nodes]) {
      for (const dst of [...addresses, loopback]) {
        for (const port of [8080, 7777, 1]) {
          expect(`${formatIp(dst)}:${port} ${follow(graph, from.path, dst, port)}`).toBe(
            `${formatIp(dst)}:${port} ${simulated(one, from.path, undefined, dst, port)}`,
          );
        }
      }
    }
  });
});
