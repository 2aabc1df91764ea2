/** Compute Engine instances, and the firewall rules of their network as access lists. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import type { CloudMachine, Rule } from "./model.ts";
import { type Field, field, inside, isTrue, items, itemsOf, number, type Resource, text, textOf } from "./resource.ts";
import { type Resources, textsIn } from "./resources.ts";

const NETWORK = "google_compute_network";
const SUBNET = "google_compute_subnetwork";

export function gcpMachines(all: Resources, problems: FileProblem[]): readonly CloudMachine[] {
  const instances = all.ofType("google_compute_instance").filter((id) => !isOfCluster(id));
  return instances.flatMap((id): CloudMachine[] => {
    const interfaces = items(id, "network_interface", "networkInterfaces");
    const attached = interfaces.flatMap((one) => {
      const path = inside(one, "subnetwork")?.path ?? [...one.path, "subnetwork"];
      const subnet = all.link(id, path, SUBNET);
      const address = textOf(inside(one, "network_ip"));
      return subnet
        ? [{ subnet, addresses: address === undefined ? [] : [address], at: { resource: id, path: one.path } }]
        : [];
    });
    const [first] = attached;
    const net = first && all.link(first.subnet, "network", NETWORK);
    if (!net) {
      problems.push(assumed(id.object, t`the subnet of instance ${id.object.name} is not in the input: it is omitted`));
      return [];
    }
    return [
      {
        id,
        interfaces: attached,
        isPublic: interfaces.some((one) => itemsOf(inside(one, "access_config", "accessConfigs")).length > 0),
        forwards: isTrue(id, "can_ip_forward"),
        rules: firewallRules(all, { net, id, instances }, problems),
      },
    ];
  });
}

/** Nodes of GKE are declared by their cluster. */
function isOfCluster(id: Resource): boolean {
  return field(id, ["labels", "goog-k8s-cluster-name"]) !== undefined;
}

interface Scope {
  readonly net: Resource;
  readonly id: Resource;
  readonly instances: readonly Resource[];
}

/** The rules of the network that apply to the machine, in order of priority; ingress is denied unless a rule allows it. */
function firewallRules(all: Resources, { net, id, instances }: Scope, problems: FileProblem[]): readonly Rule[] {
  const own = all
    .ofType("google_compute_firewall")
    .filter((one) => all.link(one, "network", NETWORK) === net && !isTrue(one, "disabled") && appliesTo(one, id))
    .sort((a, b) => priorityOf(a) - priorityOf(b) || Number(isDeny(b)) - Number(isDeny(a)));
  // Without any rule in the input, the rules are in a different source.
  const [first] = own;
  if (!first) return [];
  const made = own.map((one) => rulesOf(one, instances));
  const missing = made.filter((rules) => rules === undefined).length;
  if (missing > 0)
    problems.push(
      assumed(
        id.object,
        t`${plural(missing, "firewall rule")} of ${id.object.name} without known addresses or protocol are ignored`,
      ),
    );
  const last: Rule = {
    action: "deny",
    direction: "in",
    protocol: "any",
    ports: [],
    from: [],
    to: [],
    at: { resource: first, path: [] },
  };
  return [...made.flatMap((rules) => rules ?? []), last];
}

function priorityOf(one: Resource): number {
  return number(one, "priority") ?? 1000;
}

function isDeny(one: Resource): boolean {
  return items(one, "deny", "denied").length > 0;
}

function tagsOf(id: Resource): readonly string[] {
  return textsIn(field(id, ["tags", "items"], "tags"));
}

function appliesTo(one: Resource, id: Resource): boolean {
  const targets = textsIn(field(one, "target_tags"));
  const accounts = items(one, "target_service_accounts");
  return accounts.length === 0 && (targets.length === 0 || tagsOf(id).some((tag) => targets.includes(tag)));
}

/** Undefined if no address of the peers is known, or access lists do not have a protocol. */
function rulesOf(one: Resource, instances: readonly Resource[]): readonly Rule[] | undefined {
  const direction = text(one, "direction")?.toUpperCase() === "EGRESS" ? "out" : "in";
  const ranges = textsIn(field(one, direction === "in" ? "source_ranges" : "destination_ranges"));
  const tags = textsIn(field(one, "source_tags"));
  const tagged = instances
    .filter((id) => tagsOf(id).some((tag) => tags.includes(tag)))
    .flatMap((id) => text(id, ["network_interface", 0, "network_ip"], ["networkInterfaces", 0, "networkIP"]) ?? []);
  const peers = [...ranges, ...tagged];
  if (peers.length === 0 && (tags.length > 0 || items(one, "source_service_accounts").length > 0)) return undefined;
  const rules = items(one, isDeny(one) ? "deny" : "allow", isDeny(one) ? "denied" : "allowed").map((entry) =>
    ruleOf(one, { direction, peers }, entry),
  );
  return rules.some((rule) => rule === undefined) ? undefined : rules.flatMap((rule) => rule ?? []);
}

const PROTOCOLS: ReadonlySet<string> = new Set(["tcp", "udp", "icmp", "sctp", "esp", "ipip"]);

function ruleOf(
  one: Resource,
  { direction, peers }: { readonly direction: Rule["direction"]; readonly peers: readonly string[] },
  entry: Field,
): Rule | undefined {
  const protocol = (textOf(inside(entry, "protocol", "IPProtocol")) ?? "all").toLowerCase();
  if (protocol !== "all" && !PROTOCOLS.has(protocol)) return undefined;
  return {
    action: isDeny(one) ? "deny" : "allow",
    direction,
    protocol: protocol === "all" ? "any" : protocol,
    ports: textsIn(inside(entry, "ports")),
    from: direction === "in" ? peers : [],
    to: direction === "out" ? peers : [],
    at: { resource: one, path: entry.path },
  };
}
