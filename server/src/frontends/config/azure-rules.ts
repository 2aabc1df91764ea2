/** Network security groups of subnets as access lists of the subnet's router. */
import { formatPrefix, parseIp, parsePrefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { Range, Rule } from "./model.ts";
import { type Field, inside, items, type Resource, textOf, whole } from "./resource.ts";
import { type Resources, textsIn } from "./resources.ts";

interface Scope {
  readonly subnet: readonly Range[];
  /** The tag `VirtualNetwork`: the prefixes of the VNet and of its peers. */
  readonly virtualNetwork: readonly Range[];
}

const GROUP = "azurerm_network_security_group";
/** Health probes of Azure's load balancers. */
const LOAD_BALANCER = "168.63.129.16/32";

export function securityRules(all: Resources, group: Resource, scope: Scope, problems: FileProblem[]): readonly Rule[] {
  const inline = items(group, "security_rule", "securityRules").map((one) => ({ resource: group, one }));
  const separate = all
    .ofType("azurerm_network_security_rule")
    .filter((one) => all.link(one, "network_security_group_name", GROUP) === group)
    .map((resource) => ({ resource, one: { value: resource.object.value, path: [] } }));
  const sorted = [...inline, ...separate].sort((a, b) => priorityOf(a.one) - priorityOf(b.one));
  const made = sorted.map(({ resource, one }) => ruleOf(resource, one, scope));
  const missing = made.filter((one) => one === undefined).length;
  if (missing > 0)
    problems.push(
      assumed(group.object, t`${plural(missing, "rule")} of ${group.object.name} with a tag or a group are ignored`),
    );
  problems.push(
    assumed(
      group.object,
      t`the rules of ${group.object.name} apply between subnets; traffic inside of a subnet is not filtered`,
    ),
  );
  return [...made.flatMap((one) => one ?? []), ...defaultRules(group, scope)];
}

function priorityOf(one: Field): number {
  return Number(textOf(inside(one, "priority")) ?? 0);
}

/** Azure "Network security groups", default security rules 65000 to 65500. */
function defaultRules(group: Resource, { subnet, virtualNetwork }: Scope): readonly Rule[] {
  const own = subnet.map(({ prefix }) => formatPrefix(prefix));
  const net = virtualNetwork.map(({ prefix }) => formatPrefix(prefix));
  const base = { protocol: "any", ports: [], at: whole(group) } as const;
  return [
    { ...base, action: "allow", direction: "in", from: net, to: own },
    { ...base, action: "allow", direction: "in", from: [LOAD_BALANCER], to: own },
    { ...base, action: "deny", direction: "in", from: [], to: own },
  ];
}

/** Undefined if access lists cannot express the rule. */
function ruleOf(resource: Resource, one: Field, scope: Scope): Rule | undefined {
  const isIn = textOf(inside(one, "direction"))?.toLowerCase() === "inbound";
  const own = scope.subnet.map(({ prefix }) => formatPrefix(prefix));
  const from = endsOf(one, "source", scope);
  const to = endsOf(one, "destination", scope);
  const protocol = protocolOf(textOf(inside(one, "protocol")));
  if (!from || !to || protocol === undefined) return undefined;
  const ports = [
    ...textsIn(inside(one, "destination_port_ranges")),
    ...textsIn(inside(one, "destination_port_range")),
  ].filter((port) => port !== "*");
  return {
    action: textOf(inside(one, "access"))?.toLowerCase() === "deny" ? "deny" : "allow",
    direction: isIn ? "in" : "out",
    protocol,
    ports: protocol === "tcp" || protocol === "udp" ? ports.map((port) => port.replace(/^0-/, "1-")) : [],
    // The router forwards the packets of all its subnets.
    from: from.length === 0 && !isIn ? own : from,
    to: to.length === 0 && isIn ? own : to,
    at: { resource, path: one.path },
  };
}

/** Empty: all addresses. Undefined: a tag that is not a list of prefixes. */
function endsOf(one: Field, side: "source" | "destination", { virtualNetwork }: Scope): readonly string[] | undefined {
  if (textsIn(inside(one, `${side}_application_security_group_ids`)).length > 0) return undefined;
  const texts = [
    ...textsIn(inside(one, `${side}_address_prefixes`)),
    ...textsIn(inside(one, `${side}_address_prefix`)),
  ];
  const all = texts.map((text) => {
    if (text === "*" || text === "0.0.0.0/0") return [];
    if (text.toLowerCase() === "virtualnetwork") return virtualNetwork.map(({ prefix }) => formatPrefix(prefix));
    if (text.toLowerCase() === "azureloadbalancer") return [LOAD_BALANCER];
    return parsePrefix(text)?.prefix || parseIp(text) !== undefined ? [text] : undefined;
  });
  if (all.length === 0 || all.some((found) => found === undefined)) return all.length === 0 ? [] : undefined;
  return all.some((found) => found?.length === 0) ? [] : all.flatMap((found) => found ?? []);
}

function protocolOf(text: string | undefined): string | undefined {
  const name = (text ?? "*").toLowerCase();
  return name === "*" ? "any" : ["tcp", "udp", "icmp", "esp"].includes(name) ? name : undefined;
}
