/** Networks of which the input shows only the subnets: the output of one command, or a network of another state. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { assumed } from "../kubernetes/problems.ts";
import { azureParent } from "./cli-output.ts";
import { field, type Resource, text } from "./resource.ts";
import { resourcesOf, textsIn } from "./resources.ts";

export interface Implied {
  readonly networks: readonly Resource[];
  readonly problems: readonly FileProblem[];
}

/** How a subnet names its network, by type. */
interface Kind {
  readonly network: string;
  readonly idOf: (subnet: Resource) => string | undefined;
  /** The fields of the network that its subnets show. */
  readonly values: (id: string, prefixes: readonly string[]) => Resource["object"]["value"];
}

const KINDS: Readonly<Record<string, Kind>> = {
  aws_subnet: {
    network: "aws_vpc",
    idOf: (subnet) => text(subnet, "vpc_id"),
    values: (id, prefixes) => ({ id, cidr_block: prefixes }),
  },
  azurerm_subnet: {
    network: "azurerm_virtual_network",
    idOf: (subnet) => azureParent(subnet) ?? text(subnet, "virtual_network_name"),
    values: (id, prefixes) => ({ id, name: lastPart(id), address_space: prefixes }),
  },
  google_compute_subnetwork: {
    network: "google_compute_network",
    idOf: (subnet) => text(subnet, "network"),
    values: (id) => ({ name: lastPart(id) }),
  },
};

export function impliedNetworks(all: readonly Resource[]): Implied {
  const known = resourcesOf(all);
  const found = new Map<string, { readonly kind: Kind; readonly subnets: Resource[] }>();
  for (const subnet of all) {
    const kind = Object.hasOwn(KINDS, subnet.type) ? KINDS[subnet.type] : undefined;
    const id = kind?.idOf(subnet);
    if (!kind || id === undefined || known.withId(id, [kind.network])) continue;
    const one = found.get(id) ?? { kind, subnets: [] };
    one.subnets.push(subnet);
    found.set(id, one);
  }
  const networks = [...found].flatMap(([id, { kind, subnets }]) => {
    const [first] = subnets;
    const prefixes = subnets.flatMap((one) => [
      ...textsIn(field(one, "cidr_block", "address_prefixes")),
      ...textsIn(field(one, "address_prefix")),
    ]);
    return first ? [networkAt(first, kind, id, kind.values(id, prefixes))] : [];
  });
  return {
    networks,
    problems: networks.map(({ object }) =>
      assumed(object, t`network ${object.name} is not in the input: the ranges of its subnets are used`),
    ),
  };
}

function networkAt(subnet: Resource, { network }: Kind, id: string, value: Resource["object"]["value"]): Resource {
  const name = lastPart(id);
  // Located at the subnet, which names it.
  const locate: Resource["object"]["locate"] = (path) => (path.length === 0 ? subnet.object.locate([]) : undefined);
  return {
    object: { ...subnet.object, kind: network, name, value, locate },
    type: network,
    label: name,
    references: undefined,
  };
}

function lastPart(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}
