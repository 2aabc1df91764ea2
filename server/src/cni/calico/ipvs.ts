/**
 * Felix's chains for kube-proxy's ipvs mode (felix/rules/static.go, dispatch.go: KubeIPVSSupportEnabled). A packet to a
 * virtual IP passes INPUT, where it has its ingress device but not its destination, and OUTPUT, where it has its
 * destination but not its ingress device. INPUT therefore marks it with its endpoint and checks nothing; OUTPUT applies
 * the egress policy of the endpoint by that mark, and the ingress policy by the egress device.
 */
import { family as familyOfIp, hostPrefix, type Ip } from "../../addressing/ip.ts";
import type { IpSet, NfTarget } from "../../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../../dataplane/rule.ts";
import type { Origin } from "../../declared/origin.ts";
import type { ChainRules } from "../mode.ts";

/** The bits of IptablesMarkMask 0xffff0000 that remain after accept, pass, and two scratch bits (dataplane/driver.go). */
const ENDPOINT = 0xfff00000;
/** The lowest of them: packets from a device that is not an endpoint. */
const NOT_CALICO = 0x100000;
const ACCEPT_MARK = 0x10000;
/** KubeNodePortRanges in Felix's configuration. */
const NODE_PORTS = { first: 30000, last: 32767 };

export interface IpvsFrame {
  readonly family: 4 | 6;
  readonly origin: Origin | undefined;
  /** The node's pods, with a match for their packets: the device or the address. */
  readonly endpoints: readonly { readonly name: string; readonly from: Conditions }[];
  /** All devices of pods; undefined if the pods are attached to a bridge. */
  readonly workloads: string | undefined;
  /** All addresses of the node, without the virtual IPs of kube-ipvs0 (hostip_mgr.go, InterfaceExclude). */
  readonly addresses: readonly Ip[];
}

const jump = (chain: string): NfTarget => ({ kind: "JUMP", chain });
const goTo = (chain: string): NfTarget => ({ kind: "JUMP", chain, goto: true });
const mark = (value: number): NfTarget => ({ kind: "MARK", value, mask: ENDPOINT });
const hasMark: Conditions = { mark: { is: { value: 0, mask: ENDPOINT }, not: true } };

/** In cali-INPUT, before the rules for packets to the node. */
export function ipvsInput({ origin }: IpvsFrame): readonly RuleSpec[] {
  return [
    { match: {}, target: mark(0), origin },
    { match: {}, target: jump("cali-forward-check"), origin },
    { match: hasMark, target: { kind: "RETURN" }, origin },
  ];
}

/** In cali-OUTPUT, after the packets that were accepted before. */
export function ipvsOutput({ origin }: IpvsFrame): readonly RuleSpec[] {
  return [{ match: hasMark, target: goTo("cali-forward-endpoint-mark"), origin }];
}

export function ipvsChains(frame: IpvsFrame): readonly ChainRules[] {
  const { family, origin, endpoints, workloads } = frame;
  const rule = (match: Conditions, target: NfTarget, comment?: string): RuleSpec => ({
    match,
    target,
    ...(comment === undefined ? {} : { comment }),
    origin,
  });
  const chain = (name: string, rules: readonly RuleSpec[]): ChainRules => ({
    family,
    table: "filter",
    chain: name,
    rules,
  });
  const marks = endpointMarks(endpoints.map(({ name }) => name));
  const marked = endpoints.flatMap(({ name, from }) => {
    const own = marks.get(name);
    return own === undefined ? [] : [{ name, from, own }];
  });
  const hosts = hostSet(frame);
  const drop: NfTarget = { kind: "DROP" };
  return [
    chain("cali-forward-check", [
      rule({ ctstate: ["RELATED", "ESTABLISHED"] }, { kind: "RETURN" }),
      ...(["tcp", "udp"] as const).map((proto) =>
        rule(
          { proto, dports: [NODE_PORTS], sets: [{ set: hosts, side: "dst" }] },
          goTo("cali-set-endpoint-mark"),
          "To kubernetes NodePort service",
        ),
      ),
      rule({ sets: [{ set: hosts, side: "dst", not: true }] }, jump("cali-set-endpoint-mark"), "To kubernetes service"),
    ]),
    chain("cali-set-endpoint-mark", [
      ...marked.map(({ name, from }) => rule(from, goTo(`cali-sm-${name}`))),
      ...(workloads === undefined ? [] : [rule({ in: { is: workloads } }, drop, "Unknown endpoint")]),
      rule({}, mark(NOT_CALICO), "Non-Cali endpoint mark"),
    ]),
    ...marked.map(({ name, own }) => chain(`cali-sm-${name}`, [rule({}, mark(own))])),
    chain("cali-forward-endpoint-mark", [
      rule({ mark: { is: { value: NOT_CALICO, mask: ENDPOINT }, not: true } }, jump("cali-from-endpoint-mark")),
      rule(workloads === undefined ? {} : { out: { is: workloads } }, jump("cali-to-wl-dispatch")),
      rule({}, mark(0)),
      rule(
        { mark: { is: { value: ACCEPT_MARK, mask: ACCEPT_MARK } } },
        { kind: "ACCEPT" },
        "Policy explicitly accepted packet.",
      ),
    ]),
    chain("cali-from-endpoint-mark", [
      ...marked.map(({ name, own }) => rule({ mark: { is: { value: own, mask: ENDPOINT } } }, goTo(`cali-fw-${name}`))),
      rule({}, drop, "Unknown interface"),
    ]),
  ];
}

/** Number of endpoint marks, 0 included. */
const POSITIONS = 4096;

/**
 * The mark of each endpoint: its position is the FNV-1 hash of its name, or the next free one; 0 and the position of
 * NOT_CALICO are taken (felix/rules/endpoint_mark_mapper.go). Endpoints beyond the last position get none.
 */
function endpointMarks(names: readonly string[]): ReadonlyMap<string, number> {
  const taken = new Set([0, 1]);
  const marks = new Map<string, number>();
  for (const name of names) {
    if (taken.size >= POSITIONS) break;
    let position = fnv1(name) % POSITIONS;
    while (taken.has(position)) position = (position + 1) % POSITIONS;
    taken.add(position);
    marks.set(name, position * NOT_CALICO);
  }
  return marks;
}

/** FNV-1, 32 bits (hash/fnv, New32). */
function fnv1(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash, 0x01000193) ^ text.charCodeAt(i);
  return hash >>> 0;
}

function hostSet({ family, addresses }: IpvsFrame): IpSet {
  const loopback: Ip = family === 4 ? 0x7f000001 : 1n;
  const own = new Set([loopback, ...addresses.filter((ip) => familyOfIp(ip) === family)]);
  return {
    name: `cali${family}0this-host`,
    type: "hash:ip",
    family,
    contains: (ip) => own.has(ip),
    members: () => [...own].map(hostPrefix),
  };
}
