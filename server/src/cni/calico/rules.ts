/**
 * Felix's netfilter rules (felix/rules/static.go, nat.go, endpoints.go) without policies and host endpoints, reduced to
 * the chains that packets pass through. Rules keep their order; the hashes in Felix's comments are omitted.
 */
import { formatPrefix, hostPrefix, type Ip, type Prefix } from "../../addressing/ip.ts";
import { buildPrefixTable } from "../../addressing/prefix-table.ts";
import type { IpSet, NfTable, NfTarget, PortRange } from "../../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../../dataplane/rule.ts";
import type { Origin } from "../../declared/origin.ts";
import { bridgedPods } from "../bridged.ts";
import type { ChainRules } from "../mode.ts";
import { type CalicoCluster, familyPart, type Member } from "./cluster.ts";
import { caliName } from "./endpoints.ts";
import { type IpvsFrame, ipvsChains, ipvsInput, ipvsOutput } from "./ipvs.ts";
import { TUNL0, usesIpip, usesVxlan, VXLAN_DEVICE } from "./tunnels.ts";

/** Felix allocates mark bits from IptablesMarkMask 0xffff0000: accept, pass, and two scratch bits. */
const ACCEPT_MARK = 0x10000;
const ALL_MARKS = 0xf0000;
const FROM_WORKLOAD = 0x40000;
const WORKLOADS = "cali+";

type Family = 4 | 6;

export interface CalicoRules {
  chains(member: Member): readonly ChainRules[];
}

export function calicoRules(calico: CalicoCluster): CalicoRules {
  const sets = ipSets(calico);
  return {
    chains: (member) =>
      ([4, 6] as const).flatMap((family) => {
        if (!familyPart(member, family) && !member.node.podCidrs.some(({ prefix }) => isOf(prefix.ip, family)))
          return [];
        return [
          ...rawChains(calico, family),
          ...filterChains(calico, member, family, sets),
          ...natChains(calico, member, family, sets),
        ];
      }),
  };
}

function isOf(ip: Ip, family: Family): boolean {
  return (typeof ip === "number") === (family === 4);
}

/* -------------------------------------------------------------------- sets */

interface Sets {
  /** Pools with nat-outgoing, all pools, all nodes' addresses. */
  masquerade(family: Family): IpSet;
  pools(family: Family): IpSet;
  hosts(family: Family): IpSet;
  vxlan(family: Family): IpSet;
}

function ipSets(calico: CalicoCluster): Sets {
  const made = new Map<string, IpSet>();
  const set = (id: string, type: IpSet["type"], family: Family, members: () => Iterable<Prefix>): IpSet => {
    const name = `cali${family}0${id}`;
    let found = made.get(name);
    if (!found) {
      let table: ReturnType<typeof buildPrefixTable<true>> | undefined;
      found = {
        name,
        type,
        family,
        members: () => distinct(members()),
        contains: (ip) => {
          table ??= buildPrefixTable([...members()].map((prefix) => [prefix, true] as const));
          return table.lookup(ip).length > 0;
        },
      };
      made.set(name, found);
    }
    return found;
  };
  const pools = (family: Family) => calico.settings.pools.filter(({ cidr }) => isOf(cidr.ip, family));
  const addresses = function* (family: Family): Iterable<Prefix> {
    for (const member of calico.members) {
      const part = familyPart(member, family);
      if (part) yield hostPrefix(part.address);
    }
  };
  return {
    masquerade: (family) =>
      set("masq-ipam-pools", "hash:net", family, () =>
        pools(family)
          .filter(({ natOutgoing }) => natOutgoing)
          .map(({ cidr }) => cidr),
      ),
    pools: (family) => set("all-ipam-pools", "hash:net", family, () => pools(family).map(({ cidr }) => cidr)),
    hosts: (family) => set("all-hosts-net", "hash:net", family, () => addresses(family)),
    vxlan: (family) => set("all-vxlan-net", "hash:net", family, () => addresses(family)),
  };
}

/** Two nodes can have one address (KN239), but Felix's sets have no duplicates. */
function distinct(prefixes: Iterable<Prefix>): Iterable<Prefix> {
  return new Map([...prefixes].map((prefix) => [formatPrefix(prefix), prefix] as const)).values();
}

/* ------------------------------------------------------------------ chains */

function writer(family: Family, table: NfTable, origin: Origin) {
  return {
    rule: (match: Conditions, target: NfTarget, comment?: string): RuleSpec => ({
      match,
      target,
      ...(comment === undefined ? {} : { comment }),
      origin,
    }),
    chain: (chain: string, rules: readonly RuleSpec[]): ChainRules => ({ family, table, chain, rules }),
  };
}

const jump = (chain: string): NfTarget => ({ kind: "JUMP", chain });
const clear = (mask: number): NfTarget => ({ kind: "MARK", value: 0, mask });
const isMarked = (value: number): Conditions => ({ mark: { is: { value, mask: value } } });

function vxlanPorts({ settings }: CalicoCluster): PortRange {
  return { first: settings.vxlanPort, last: settings.vxlanPort };
}

/**
 * No connection tracking for VXLAN, whose source ports differ in each direction. Packets from pods with a spoofed
 * source address are dropped.
 */
function rawChains(calico: CalicoCluster, family: Family): readonly ChainRules[] {
  const { rule, chain } = writer(family, "raw", calico.settings.source);
  const untracked: RuleSpec[] = usesVxlan(calico, family)
    ? [rule({ proto: "udp", dport: vxlanPorts(calico) }, { kind: "NOTRACK" })]
    : [];
  return [
    chain("PREROUTING", [rule({}, jump("cali-PREROUTING"))]),
    chain("OUTPUT", [rule({}, jump("cali-OUTPUT"))]),
    chain("cali-PREROUTING", [
      rule({}, clear(ALL_MARKS)),
      ...untracked,
      rule({ in: { is: WORKLOADS } }, { kind: "MARK", value: FROM_WORKLOAD, mask: FROM_WORKLOAD }),
      rule({ ...isMarked(FROM_WORKLOAD), rpfilterFails: true }, { kind: "DROP" }),
    ]),
    chain("cali-OUTPUT", [rule({}, clear(ALL_MARKS)), ...untracked]),
  ];
}

function filterChains(calico: CalicoCluster, member: Member, family: Family, sets: Sets): readonly ChainRules[] {
  const { settings } = calico;
  const { rule, chain } = writer(family, "filter", settings.source);
  const accept: NfTarget = { kind: "ACCEPT" };
  const tunnels = tunnelRules(calico, family, sets);
  const ipvs = ipvsFrame(calico, member, family);
  const toHost = settings.sources.get("default-endpoint-to-host-action") ?? settings.source;
  return [
    chain("INPUT", [rule({}, jump("cali-INPUT"))]),
    chain("FORWARD", [
      rule({}, jump("cali-FORWARD")),
      rule(isMarked(ACCEPT_MARK), accept, "Policy explicitly accepted packet."),
      rule({}, { kind: "MARK", value: ACCEPT_MARK, mask: ACCEPT_MARK }),
    ]),
    chain("OUTPUT", [rule({}, jump("cali-OUTPUT"))]),
    chain("cali-INPUT", [
      ...tunnels.input,
      ...(ipvs ? ipvsInput(ipvs) : []),
      rule({ in: { is: WORKLOADS } }, { kind: "JUMP", chain: "cali-wl-to-host", goto: true }),
      rule(isMarked(ACCEPT_MARK), accept),
    ]),
    chain("cali-wl-to-host", [
      rule({}, jump("cali-from-wl-dispatch")),
      {
        ...rule({}, { kind: settings.endpointToHost }, "Configured DefaultEndpointToHostAction"),
        origin: toHost,
      },
    ]),
    chain("cali-FORWARD", [
      rule({}, clear(ALL_MARKS & ~ACCEPT_MARK)),
      rule({ in: { is: WORKLOADS } }, jump("cali-from-wl-dispatch")),
      rule({ out: { is: WORKLOADS } }, jump("cali-to-wl-dispatch")),
    ]),
    chain("cali-OUTPUT", [
      rule(isMarked(ACCEPT_MARK), accept),
      ...(ipvs ? ipvsOutput(ipvs) : []),
      rule({ out: { is: WORKLOADS } }, { kind: "RETURN" }),
      ...tunnels.output,
    ]),
    ...(ipvs ? ipvsChains(ipvs) : []),
    ...endpointChains(calico, member, family),
  ];
}

/** Encapsulated packets: nodes accept them only from each other. */
function tunnelRules(
  calico: CalicoCluster,
  family: Family,
  sets: Sets,
): Record<"input" | "output", readonly RuleSpec[]> {
  const { rule } = writer(family, "filter", calico.settings.source);
  const accept: NfTarget = { kind: "ACCEPT" };
  const drop: NfTarget = { kind: "DROP" };
  const local = { side: "dst", type: "LOCAL" } as const;
  const ownSource = { side: "src", type: "LOCAL" } as const;
  const input: RuleSpec[] = [];
  const output: RuleSpec[] = [];
  if (family === 4 && usesIpip(calico)) {
    const hosts = sets.hosts(4);
    input.push(
      rule(
        { proto: "ipip", addrtype: local, sets: [{ set: hosts, side: "src" }] },
        accept,
        "Allow IPIP packets from Calico hosts",
      ),
      rule({ proto: "ipip" }, drop, "Drop IPIP packets from non-Calico hosts"),
    );
    output.push(
      rule(
        { proto: "ipip", addrtype: ownSource, sets: [{ set: hosts, side: "dst" }] },
        accept,
        "Allow IPIP packets to other Calico hosts",
      ),
    );
  }
  if (usesVxlan(calico, family)) {
    const port = { proto: "udp", dport: vxlanPorts(calico) } as const;
    const hosts = sets.vxlan(family);
    input.push(
      rule(
        { ...port, addrtype: local, sets: [{ set: hosts, side: "src" }] },
        accept,
        `Allow IPv${family} VXLAN packets from allowed hosts`,
      ),
      rule({ ...port, addrtype: local }, drop, `Drop IPv${family} VXLAN packets from non-allowed hosts`),
    );
    output.push(
      rule(
        { ...port, addrtype: ownSource, sets: [{ set: hosts, side: "dst" }] },
        accept,
        `Allow IPv${family} VXLAN packets to other allowed hosts`,
      ),
    );
  }
  return { input, output };
}

/** Felix detects kube-proxy's ipvs mode by the device kube-ipvs0. */
function ipvsFrame(calico: CalicoCluster, { node }: Member, family: Family): IpvsFrame | undefined {
  const { cluster } = calico.context;
  if (cluster.services.kubeProxy.mode !== "ipvs") return undefined;
  const names = [...bridgedPods(cluster.pods.podsOn(node))].map(caliName);
  const tunnels = (["ipip", "vxlan"] as const).map((kind) => calico.tunnelAddress(node, kind, family));
  return {
    family,
    origin: calico.settings.source,
    endpoints: names.map((name) => ({ name, from: { in: { is: name } } })),
    workloads: WORKLOADS,
    addresses: [
      ...node.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
      ...(node.edge?.loopbacks ?? []).map(({ ip }) => ip),
      ...(node.dockerBridge ? [node.dockerBridge.address.ip] : []),
      ...tunnels.flatMap((ip) => ip ?? []),
    ],
  };
}

/**
 * One chain per direction of each pod. A pod that no policy selects has its namespace's profile, which allows
 * everything (kns.<namespace>) and sets the accept mark for the calling chain.
 */
function endpointChains(calico: CalicoCluster, { node }: Member, family: Family): readonly ChainRules[] {
  const { rule, chain } = writer(family, "filter", calico.settings.source);
  const established: readonly RuleSpec[] = [
    rule({ ctstate: ["RELATED", "ESTABLISHED"] }, { kind: "ACCEPT" }),
    rule({ ctstate: ["INVALID"] }, { kind: "DROP" }),
  ];
  const from: RuleSpec[] = [];
  const to: RuleSpec[] = [];
  const chains: ChainRules[] = [];
  const accepted: NfTarget = { kind: "MARK", value: ACCEPT_MARK, mask: ACCEPT_MARK };
  for (const pod of bridgedPods(calico.context.cluster.pods.podsOn(node))) {
    const name = caliName(pod);
    from.push(rule({ in: { is: name } }, { kind: "JUMP", chain: `cali-fw-${name}`, goto: true }));
    to.push(rule({ out: { is: name } }, { kind: "JUMP", chain: `cali-tw-${name}`, goto: true }));
    chains.push(
      chain(`cali-tw-${name}`, [
        ...established,
        rule({}, clear(ACCEPT_MARK | 0x20000)),
        rule({}, accepted, `Profile kns.${pod.workload.namespace}`),
      ]),
      chain(`cali-fw-${name}`, [
        ...established,
        rule({}, clear(ACCEPT_MARK | 0x20000)),
        rule(
          { proto: "udp", dport: vxlanPorts(calico) },
          { kind: "DROP" },
          "Drop VXLAN encapped packets originating in workloads",
        ),
        rule({ proto: "ipip" }, { kind: "DROP" }, "Drop IPinIP encapped packets originating in workloads"),
        rule({}, accepted, `Profile kns.${pod.workload.namespace}`),
      ]),
    );
  }
  const unknown = rule({}, { kind: "DROP" }, "Unknown interface");
  return [
    chain("cali-from-wl-dispatch", [...from, unknown]),
    chain("cali-to-wl-dispatch", [...to, unknown]),
    ...chains,
  ];
}

function natChains(calico: CalicoCluster, member: Member, family: Family, sets: Sets): readonly ChainRules[] {
  const { settings } = calico;
  const { rule, chain } = writer(family, "nat", settings.source);
  const masquerade: NfTarget = { kind: "MASQUERADE", randomFully: true };
  const pool = settings.pools.find(({ natOutgoing, cidr }) => natOutgoing && isOf(cidr.ip, family));
  const tunnels: string[] = [];
  if (family === 4 && calico.tunnelAddress(member.node, "ipip", 4) !== undefined) tunnels.push(TUNL0);
  if (calico.tunnelAddress(member.node, "vxlan", family) !== undefined) tunnels.push(VXLAN_DEVICE[family]);
  const outgoing: RuleSpec[] = pool
    ? [
        {
          ...rule(
            {
              sets: [
                { set: sets.masquerade(family), side: "src" },
                { set: sets.pools(family), side: "dst", not: true },
                ...(settings.excludesHosts ? [{ set: sets.hosts(family), side: "dst", not: true } as const] : []),
              ],
            },
            masquerade,
          ),
          origin: pool.sources.get("nat-outgoing") ?? pool.source,
        },
      ]
    : [];
  return [
    chain("POSTROUTING", [rule({}, jump("cali-POSTROUTING"))]),
    chain("cali-POSTROUTING", [
      rule({}, jump("cali-nat-outgoing")),
      // Packets through a tunnel with another address of this node as source get the tunnel's address.
      ...tunnels.map((name) =>
        rule(
          {
            out: { is: name },
            addrtype: [
              { side: "src", type: "LOCAL", not: true, ofEgress: true },
              { side: "src", type: "LOCAL" },
            ],
          },
          masquerade,
        ),
      ),
    ]),
    chain("cali-nat-outgoing", outgoing),
  ];
}
