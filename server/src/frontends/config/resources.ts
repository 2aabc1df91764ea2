/** All resources of the sources, and the links between them: by ID where it is known, else by the expression. */

import type { Path } from "../../text/json.ts";
import { entryOf } from "../../text/table.ts";
import { type Field, field, fieldIn, itemsOf, type Resource, textOf } from "./resource.ts";

export interface Resources {
  ofType(...types: readonly string[]): readonly Resource[];
  /** The resources of these types that an argument refers to. */
  linked(resource: Resource, path: Path, types: readonly string[]): readonly Resource[];
  /** The resource that an argument refers to. */
  link(resource: Resource, path: string | Path, ...types: readonly string[]): Resource | undefined;
  /** The resource with this ID, name, or self link. */
  withId(id: string, types: readonly string[]): Resource | undefined;
  /** Links that no source shows: the only resource of the type is used. By the resource that is used. */
  readonly guesses: ReadonlyMap<Resource, readonly Resource[]>;
}

/** The field that identifies a resource of the type; the same field of other types is a reference. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  aws_vpc: ["vpc_id"],
  aws_subnet: ["subnet_id"],
  aws_route_table: ["route_table_id"],
  aws_internet_gateway: ["internet_gateway_id"],
  aws_nat_gateway: ["nat_gateway_id"],
  aws_vpc_peering_connection: ["vpc_peering_connection_id"],
  aws_ec2_transit_gateway: ["transit_gateway_id"],
  aws_ec2_transit_gateway_vpc_attachment: ["transit_gateway_attachment_id"],
  aws_ec2_transit_gateway_route_table: ["transit_gateway_route_table_id"],
  aws_security_group: ["group_id"],
  aws_instance: ["instance_id"],
  aws_network_acl: ["network_acl_id"],
  aws_vpn_gateway: ["vpn_gateway_id"],
  aws_vpn_connection: ["vpn_connection_id"],
  aws_customer_gateway: ["customer_gateway_id"],
  aws_lb: ["load_balancer_arn"],
  aws_network_interface: ["network_interface_id"],
};
const CLOUD = /^(?:aws|azurerm|google)_/;
const COMMON: readonly string[] = ["id", "arn", "self_link", "name"];

export function resourcesOf(all: readonly Resource[]): Resources {
  const byType = new Map<string, Resource[]>();
  const byId = new Map<string, Resource>();
  for (const resource of all) {
    const known = byType.get(resource.type);
    if (known) known.push(resource);
    else byType.set(resource.type, [resource]);
    for (const id of identifiersOf(resource)) byId.set(`${resource.type} ${id}`, resource);
  }
  const guesses = new Map<Resource, Resource[]>();
  const withId = (id: string, types: readonly string[]): Resource | undefined => {
    for (const type of types) {
      const found =
        byId.get(`${type} ${plainId(id)}`) ?? (isGoogle(type) ? byId.get(`${type} ${lastPart(id)}`) : undefined);
      if (found) return found;
    }
    return undefined;
  };
  const linked = (resource: Resource, path: Path, types: readonly string[]): readonly Resource[] => {
    const known = itemsOf(fieldIn(resource.object.value, ...path)).flatMap((one) => textOf(one) ?? []);
    if (known.length > 0) return known.flatMap((id) => withId(id, types) ?? []);
    const referred = resource.references?.of(path);
    const found = (referred?.resources ?? []).filter(({ type }) => types.includes(type));
    // A value can also pass through a helper, such as `time_sleep` or `terraform_data`.
    const isHidden = referred?.isOpaque === true || referred?.resources.some(({ type }) => !CLOUD.test(type)) === true;
    if (found.length > 0 || !isHidden) return found;
    const [only, ...more] = nearest(
      resource,
      types.flatMap((type) => byType.get(type) ?? []),
    );
    if (!only || more.length > 0) return [];
    guesses.set(only, [...(guesses.get(only) ?? []), resource]);
    return [only];
  };
  return {
    ofType: (...types) => types.flatMap((type) => byType.get(type) ?? []),
    linked,
    link: (resource, path, ...types) => {
      const steps = typeof path === "string" ? [path] : path;
      const found = linked(resource, steps, types);
      return sameKey(resource, steps, found) ?? found[0];
    },
    withId,
    guesses,
  };
}

/** Of several instances, the one with the same key; with fewer instances, in rotation, like Terraform's `element`. */
function sameKey(resource: Resource, path: Path, found: readonly Resource[]): Resource | undefined {
  const key = resource.references?.of(path).key;
  if (key === undefined || found.length < 2) return undefined;
  return (
    found.find(({ object }) => object.name.endsWith(`[${JSON.stringify(key)}]`)) ??
    (typeof key === "number" ? found[key % found.length] : undefined)
  );
}

/** The candidates in the module of the resource, or all. */
function nearest(resource: Resource, candidates: readonly Resource[]): readonly Resource[] {
  const module = moduleOf(resource);
  const near = candidates.filter((one) => moduleOf(one) === module);
  return near.length > 0 ? near : candidates;
}

function moduleOf({ object, type }: Resource): string {
  return object.name.slice(0, Math.max(0, object.name.lastIndexOf(`${type}.`)));
}

function identifiersOf(resource: Resource): readonly string[] {
  return [...COMMON, ...(entryOf(OWN, resource.type) ?? [])].flatMap((name) => {
    const id = textOf(field(resource, name));
    return id === undefined ? [] : isGoogle(resource.type) ? [plainId(id), lastPart(id)] : [plainId(id)];
  });
}

function isGoogle(type: string): boolean {
  return type.startsWith("google_");
}

/** Azure compares IDs without case. */
function plainId(id: string): string {
  return id.toLowerCase();
}

/** Google refers to a network by its name, a path, or a URL. */
function lastPart(id: string): string {
  return plainId(id.slice(id.lastIndexOf("/") + 1));
}

/** The texts of a list or a single value. */
export function textsIn(found: Field | undefined): readonly string[] {
  return itemsOf(found).flatMap((one) => textOf(one) ?? []);
}
