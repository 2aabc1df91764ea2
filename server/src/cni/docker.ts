/**
 * Docker alone: docker0 on every host, the same 172.17.0.0/16 everywhere, masquerading of external traffic, and no
 * routes between hosts. Rules as written by dockerd 20 to 27 (moby/moby
 * daemon/libnetwork/drivers/bridge/setup_ip_tables.go, daemon/libnetwork/firewall_linux.go).
 */

import {
  formatPrefix,
  hostPrefix,
  type InterfaceAddress,
  type Prefix,
  prefixOf,
  prefixRange,
  rangesOverlap,
} from "../addressing/ip.ts";
import type { NfTarget } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { booleanIn, numberIn, statement, wordIn } from "../declared/settings.ts";
import type { Cluster, CniSettings, Node, Pod, Topology } from "../topology/model.ts";
import { type BridgeSpec, bridgeDevices, bridgedPod } from "./bridged.ts";
import { familyOf } from "./host.ts";
import { gatewayIn, usableIn } from "./hostlocal.ts";
import { type ChainRules, type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { hostPortsOf } from "./portmap.ts";
import { CODES, problem } from "./problems.ts";
import { pluginOf, settingsOf } from "./settings.ts";

const BRIDGE = "docker0";
/** 172.17.0.0/16: the first of Docker's default address pools (daemon/libnetwork/ipamutils). */
const DEFAULT: InterfaceAddress = { ip: 0xac110001, len: 16 };

interface DockerSettings {
  readonly mtu: number;
  readonly ipMasq: boolean;
  readonly forwardDrop: boolean;
  readonly sources: { readonly ipMasq: Origin; readonly forwardPolicy: Origin };
  readonly source: Origin;
}

function dockerSettings(cluster: CniSettings, node: CniSettings | undefined): DockerSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "docker" ? node.source : cluster.source;
  const ipMasq = statement(settings, "ip-masq");
  const policy = statement(settings, "forward-policy");
  return {
    mtu: numberIn(statement(settings, "mtu")) || 1500,
    ipMasq: booleanIn(ipMasq, true),
    forwardDrop: (wordIn(policy) ?? "drop").toLowerCase() !== "accept",
    sources: { ipMasq: ipMasq ?? source, forwardPolicy: policy ?? source },
    source,
  };
}

export const docker: Mode = {
  plugin: "docker",
  portmap: false,
  addressing: () => {
    const within = prefixOf(DEFAULT.ip, DEFAULT.len);
    return {
      gateway: (cidr) => gatewayIn(cidr, "first"),
      usable: (cidr) => usableIn(cidr, "first"),
      nodeRanges: [{ within, perNode: within.len, first: within.ip, last: within.ip, sameForAll: true }],
    };
  },
  check: ({ cluster }) => {
    const byRange = new Map<string, { count: number; source: Origin; range: Prefix }>();
    for (const node of cluster.nodes) {
      if (pluginOf(cluster, node) !== "docker") continue;
      const { cidr } = rangeOf(node);
      const key = `${cidr.ip}/${cidr.len}`;
      const found = byRange.get(key);
      if (found) found.count++;
      else
        byRange.set(key, {
          count: 1,
          source: node.dockerBridge?.source ?? (node.cni ?? cluster.cni).source,
          range: cidr,
        });
    }
    return [...byRange.values()]
      .filter(({ count }) => count > 1)
      .map(({ count, source, range }) =>
        problem(CODES.dockerSameRange, source, {
          range: formatPrefix(range),
          nodes: count,
          isKubernetes: isKubernetes(cluster),
        }),
      );
  },
  isApart,
  compile,
};

/**
 * Containers of separate Docker hosts reach each other through published ports (docs.docker.com, Port publishing and mapping),
 * unless a machine has a route to their ranges. Services require them to reach each other.
 */
function isApart({ routers, hosts }: Topology, cluster: Cluster): boolean {
  if (isKubernetes(cluster)) return false;
  const ranges = cluster.nodes.map((node) => prefixRange(rangeOf(node).cidr));
  return ![...routers, ...hosts, ...cluster.nodes].some(({ routes }) =>
    routes.some(({ dst, type }) => {
      const around = prefixRange(dst);
      return type === "unicast" && dst.len > 0 && ranges.some((range) => rangesOverlap(range, around));
    }),
  );
}

/** Whether the hosts are the nodes of a Kubernetes cluster, not only machines that run containers. */
function isKubernetes({ services, serviceCidrs }: Cluster): boolean {
  return serviceCidrs.length > 0 || services.all.length > 0;
}

/**
 * The node's docker0 address (`bip`): as set in the file, else the first address of the node's range, else Docker's
 * default, which is the same everywhere.
 */
function rangeOf(node: Node): { readonly cidr: Prefix; readonly address: InterfaceAddress } {
  const given = node.podCidrs.find(({ prefix }) => typeof prefix.ip === "number")?.prefix;
  const first = given && gatewayIn(given, "first");
  const address =
    node.dockerBridge?.address ?? (given && first !== undefined ? { ip: first, len: given.len } : DEFAULT);
  return { cidr: prefixOf(address.ip, address.len), address };
}

function compile({ cluster }: ClusterContext): CompiledMode {
  const bySettings = new Map<CniSettings | undefined, DockerSettings>();
  const settingsFor = (node: Node): DockerSettings => {
    let found = bySettings.get(node.cni);
    if (!found) {
      found = dockerSettings(cluster.cni, node.cni);
      bySettings.set(node.cni, found);
    }
    return found;
  };
  const spec = (node: Node): BridgeSpec => {
    const { cidr, address } = rangeOf(node);
    const settings = settingsFor(node);
    return {
      name: BRIDGE,
      mtu: settings.mtu,
      ranges: [{ cidr, gateway: address.ip }],
      // Only with `"userland-proxy": false`.
      hairpin: false,
      vethDigits: 7,
      withoutPods: true,
      origin: node.dockerBridge?.source ?? settings.source,
    };
  };
  return {
    node: (node) => ({
      ...NO_NODE_PARTS,
      devices: bridgeDevices(node, spec(node), cluster.pods.podsOn(node)),
      chains: () => dockerChains(rangeOf(node).cidr, settingsFor(node), published(cluster.pods.podsOn(node))),
    }),
    pod: (pod, node) => bridgedPod(pod, node, spec(node), []),
    localAddresses: (node) => [rangeOf(node).address.ip],
  };
}

/** `docker run -p 80:8080`: a pod's host port without the portmap plugin. */
interface Published {
  readonly nat: RuleSpec;
  readonly hairpin: RuleSpec;
  readonly accept: RuleSpec;
}

/** dockerd, daemon/libnetwork/drivers/bridge/internal/iptabler/port.go. */
function published(pods: Iterable<Pod>): readonly Published[] {
  const all: Published[] = [];
  for (const pod of pods) {
    const ip = pod.addresses.find((one) => familyOf(one) === 4);
    if (ip === undefined) continue;
    for (const { port, target, proto, listener } of hostPortsOf(pod)) {
      const own = hostPrefix(ip);
      const dport = { first: target, last: target };
      const origin = listener.source;
      const outside = { in: { is: BRIDGE, not: true } };
      all.push({
        nat: {
          match: { ...outside, proto, dport: { first: port, last: port } },
          target: { kind: "DNAT", to: ip, port: target },
          origin,
        },
        hairpin: {
          match: { src: { is: own }, dst: { is: own }, proto, dport },
          target: { kind: "MASQUERADE" },
          origin,
        },
        accept: {
          match: { dst: { is: own }, ...outside, out: { is: BRIDGE }, proto, dport },
          target: { kind: "ACCEPT" },
          origin,
        },
      });
    }
  }
  return all;
}

function dockerChains(subnet: Prefix, settings: DockerSettings, ports: readonly Published[]): readonly ChainRules[] {
  const family = 4;
  const rule =
    (origin: Origin) =>
    (match: Conditions, target: NfTarget): RuleSpec => ({ match, target, origin });
  const masq = rule(settings.sources.ipMasq);
  const forward = rule(settings.sources.forwardPolicy);
  const accept: NfTarget = { kind: "ACCEPT" };
  const back: NfTarget = { kind: "RETURN" };
  const toLocal = { addrtype: { side: "dst", type: "LOCAL" } } as const;
  const inward = { in: { is: BRIDGE } };
  const outward = { out: { is: BRIDGE } };
  const leaving = { in: { is: BRIDGE }, out: { is: BRIDGE, not: true } };
  return [
    { family, table: "nat", chain: "PREROUTING", rules: [masq(toLocal, { kind: "JUMP", chain: "DOCKER" })] },
    {
      family,
      table: "nat",
      chain: "OUTPUT",
      rules: [
        masq({ dst: { is: { ip: 0x7f000000, len: 8 }, not: true }, ...toLocal }, { kind: "JUMP", chain: "DOCKER" }),
      ],
    },
    {
      family,
      table: "nat",
      chain: "POSTROUTING",
      rules: [
        ...(settings.ipMasq
          ? [masq({ src: { is: subnet }, out: { is: BRIDGE, not: true } }, { kind: "MASQUERADE" })]
          : []),
        ...ports.map(({ hairpin }) => hairpin),
      ],
    },
    {
      family,
      table: "nat",
      chain: "DOCKER",
      rules: [...(settings.ipMasq ? [masq(inward, back)] : []), ...ports.map(({ nat }) => nat)],
    },
    {
      family,
      table: "filter",
      chain: "FORWARD",
      ...(settings.forwardDrop ? { policy: "DROP" as const } : {}),
      rules: [
        forward({}, { kind: "JUMP", chain: "DOCKER-USER" }),
        forward({}, { kind: "JUMP", chain: "DOCKER-ISOLATION-STAGE-1" }),
        forward({ ...outward, ctstate: ["RELATED", "ESTABLISHED"] }, accept),
        forward(outward, { kind: "JUMP", chain: "DOCKER" }),
        forward(leaving, accept),
        forward({ ...inward, ...outward }, accept),
      ],
    },
    { family, table: "filter", chain: "DOCKER", rules: ports.map(({ accept: passes }) => passes) },
    {
      family,
      table: "filter",
      chain: "DOCKER-ISOLATION-STAGE-1",
      rules: [forward(leaving, { kind: "JUMP", chain: "DOCKER-ISOLATION-STAGE-2" }), forward({}, back)],
    },
    {
      family,
      table: "filter",
      chain: "DOCKER-ISOLATION-STAGE-2",
      rules: [forward(outward, { kind: "DROP" }), forward({}, back)],
    },
    { family, table: "filter", chain: "DOCKER-USER", rules: [forward({}, back)] },
  ];
}
