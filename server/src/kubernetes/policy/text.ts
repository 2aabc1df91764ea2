/** Policies in the syntax of the language. */
import { formatPrefix } from "../../addressing/ip.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import {
  type Direction,
  NAMESPACE_NAME,
  type Peer,
  type Policy,
  type PolicyPort,
  type PolicyRule,
} from "../../topology/policy.ts";
import { type Selector, selectorText } from "../../topology/selector.ts";

/** "policy shop/db", "admin-policy monitoring". */
export function policyName({ kind, path }: Policy): string {
  switch (kind) {
    case "network":
      return `policy ${path}`;
    case "admin":
      return `admin-policy ${path}`;
    case "baseline":
      return `baseline-admin-policy ${path}`;
    case "calico":
      return `calico-policy ${path}`;
  }
}

/** The rule as written on one line: `ingress from app=web to 80/tcp`, `egress deny to any`. */
export function ruleText(rule: PolicyRule, policy: Policy): string {
  const { direction, action, peers, ports } = rule;
  const words: string[] = [direction];
  if (policy.kind !== "network") words.push(action);
  words.push(direction === "ingress" ? "from" : "to", peersText(peers));
  if (ports !== undefined) words.push(direction === "ingress" ? "to" : "port", ports.map(portText).join(" "));
  return words.join(" ");
}

function peersText(peers: readonly Peer[] | undefined): string {
  return peers === undefined ? "any" : peers.map(peerText).join(" or ");
}

export function peerText(peer: Peer): string {
  switch (peer.kind) {
    case "pods":
      return [
        ...(peer.pods.length > 0 || peer.namespaces === undefined ? [selectorText(peer.pods)] : []),
        ...(peer.namespaces === undefined ? [] : [namespacesText(peer.namespaces)]),
      ].join(" ");
    case "cidr": {
      const except = peer.except.length === 0 ? "" : ` except ${peer.except.map(formatPrefix).join(" ")}`;
      return `cidr ${formatPrefix(peer.cidr)}${except}`;
    }
    case "nodes":
      return `nodes ${selectorText(peer.nodes)}`;
  }
}

function namespacesText(namespaces: Selector): string {
  const [only] = namespaces;
  if (namespaces.length === 1 && only?.key === NAMESPACE_NAME && only.operator === "In") {
    return `namespace ${only.values.join(" ")}`;
  }
  return `namespaces ${selectorText(namespaces)}`;
}

export function portText(port: PolicyPort): string {
  if (port.kind === "icmp") return "icmp";
  if (port.kind === "name") return port.proto === undefined ? port.name : `${port.name}/${port.proto}`;
  if (port.first === 1 && port.last === 65535) return port.proto;
  return `${port.first === port.last ? port.first : `${port.first}-${port.last}`}/${port.proto}`;
}

/** The subject: `app=db`, `*`. */
export function subjectText({ pods, namespaces, namespace }: Policy): string {
  const own = selectorText(pods);
  return namespace === undefined && namespaces !== undefined ? `${own} ${namespacesText(namespaces)}` : own;
}

/** The packets that policies allow in a direction, in one clause: "from app=web to 80/tcp; from any to 53/udp". */
export function allowsText(policies: readonly Policy[], direction: Direction, most = 3): string {
  const texts = policies.flatMap((policy) =>
    (policy[direction] ?? [])
      .filter(({ action }) => action === "allow")
      .map((rule) => `${clause(rule)} (${policyName(policy)})`),
  );
  if (texts.length === 0) return t`nothing`;
  const shown = texts.slice(0, most).join("; ");
  const rest = texts.length - most;
  return rest > 0 ? t`${shown}; and ${plural(rest, "more rule")}` : shown;
}

function clause({ direction, peers, ports }: PolicyRule): string {
  const words = [direction === "ingress" ? "from" : "to", peersText(peers)];
  if (ports !== undefined) words.push(direction === "ingress" ? "to" : "port", ports.map(portText).join(" "));
  return words.join(" ");
}
