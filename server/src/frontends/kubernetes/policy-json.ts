/** Rules of policies in the notation of a NetworkPolicy (networking.k8s.io/v1). */
import { formatPrefix } from "../../addressing/ip.ts";
import { all, childrenOf, has } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Read, Requirement } from "../../declared/values.ts";
import type { Json, JsonRecord } from "../../text/json.ts";

/** Undefined if a NetworkPolicy cannot express the rule. */
export function ruleJson(rule: Decl, direction: "ingress" | "egress"): Json | undefined {
  const [peerKey, portKey] = direction === "ingress" ? (["from", "to"] as const) : (["to", "port"] as const);
  const isOneLine = rule.values.some(({ name }) => name !== "ports" && name !== "any");
  const peers = isOneLine || has(rule, "any") ? [rule] : childrenOf(rule, peerKey);
  const ports = [...all(rule, "ports"), ...childrenOf(rule, portKey).flatMap((one) => all(one, "ports"))];
  const shownPeers = known(has(rule, "any") ? [] : peers.map(peerJson));
  const shownPorts = known(ports.map(({ value }) => portJson(value)));
  if (!shownPeers || !shownPorts) return undefined;
  const key = direction === "ingress" ? "from" : "to";
  return {
    ...(shownPeers.length > 0 ? { [key]: shownPeers } : {}),
    ...(shownPorts.length > 0 ? { ports: shownPorts } : {}),
  };
}

/** Undefined if one of them is. */
function known(list: readonly (Json | undefined)[]): readonly Json[] | undefined {
  const found = list.flatMap((one) => (one === undefined ? [] : [one]));
  return found.length === list.length ? found : undefined;
}

function peerJson(peer: Decl): Json | undefined {
  const expressed = new Set(["pods", "namespaces", "namespace", "cidr", "except", "ports"]);
  if (peer.values.some(({ name }) => !expressed.has(name))) return undefined;
  const [cidr] = all(peer, "cidr");
  if (cidr) return ipBlock(cidr, all(peer, "except"));
  const pods = all(peer, "pods");
  const namespaces = all(peer, "namespaces");
  const names = all(peer, "namespace").map(({ text }) => text);
  const inNamespaces =
    names.length > 0
      ? selectorOf([{ key: "kubernetes.io/metadata.name", operator: "In", values: names }])
      : namespaces.length > 0
        ? selectorJson(namespaces)
        : undefined;
  return {
    ...(inNamespaces === undefined ? {} : { namespaceSelector: inNamespaces }),
    ...(pods.length === 0 ? {} : { podSelector: selectorJson(pods) }),
  };
}

function ipBlock({ value }: Read, except: readonly Read[]): Json | undefined {
  if (value.kind !== "prefix") return undefined;
  const excluded = except.flatMap((one) => (one.value.kind === "prefix" ? formatPrefix(one.value.prefix) : []));
  return { ipBlock: { cidr: formatPrefix(value.prefix), ...(excluded.length > 0 ? { except: excluded } : {}) } };
}

function selectorJson(terms: readonly Read[]): Json {
  return selectorOf(
    terms.flatMap(({ value }) => (value.kind === "requirement" && value.requirement ? value.requirement : [])),
  );
}

function selectorOf(requirements: readonly Requirement[]): JsonRecord {
  const isLabel = ({ operator, values }: Requirement): boolean => operator === "In" && values.length === 1;
  const labels = requirements.filter(isLabel);
  const others = requirements.filter((one) => !isLabel(one));
  return {
    ...(labels.length > 0
      ? { matchLabels: Object.fromEntries(labels.map(({ key, values }) => [key, values[0]])) }
      : {}),
    ...(others.length > 0
      ? {
          matchExpressions: others.map(({ key, operator, values }) => ({
            key,
            operator,
            ...(values.length > 0 ? { values } : {}),
          })),
        }
      : {}),
  };
}

function portJson(value: Read["value"]): Json | undefined {
  if (value.kind === "port-name") return { ...protocolJson(value.proto), port: value.name };
  if (value.kind !== "ports") return undefined;
  const { first, last } = value;
  return { ...protocolJson(value.proto), port: first, ...(last === first ? {} : { endPort: last }) };
}

/** TCP is the default. */
function protocolJson(proto: "tcp" | "udp" | "sctp" | undefined): JsonRecord {
  return proto === undefined || proto === "tcp" ? {} : { protocol: proto.toUpperCase() };
}
