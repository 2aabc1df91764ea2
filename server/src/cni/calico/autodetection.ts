/**
 * IP_AUTODETECTION_METHOD and IP6_AUTODETECTION_METHOD: the address that calico-node chooses on its node
 * (node/pkg/lifecycle/startup/autodetection).
 */
import { type InterfaceAddress, type Ip, isNear, type Prefix, prefixContains } from "../../addressing/ip.ts";
import { all, has, oneOf } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Interface, Node } from "../../topology/model.ts";
import { familyOf, hostState } from "../host.ts";

export type Autodetection =
  | { readonly kind: "first-found" | "kubernetes-internal-ip" }
  /** Regular expressions, or names. */
  | { readonly kind: "interface" | "skip-interface"; readonly names: readonly string[] }
  | { readonly kind: "can-reach"; readonly ip: Ip }
  | { readonly kind: "cidr"; readonly cidrs: readonly Prefix[] };

const FIRST_FOUND: Autodetection = { kind: "first-found" };

export function autodetectionOf(decl: Decl | undefined): Autodetection {
  if (decl === undefined) return FIRST_FOUND;
  const reach = oneOf(decl, "can-reach", "address")?.ip;
  if (reach !== undefined) return { kind: "can-reach", ip: reach };
  const cidrs = all(decl, "cidr").flatMap(({ value }) => (value.kind === "prefix" ? [value.prefix] : []));
  if (cidrs.length > 0) return { kind: "cidr", cidrs };
  for (const kind of ["interface", "skip-interface"] as const) {
    const names = all(decl, kind).flatMap(({ value }) => (value.kind === "name" ? [value.text] : []));
    if (names.length > 0) return { kind, names };
  }
  return has(decl, "kubernetes-internal-ip") ? { kind: "kubernetes-internal-ip" } : FIRST_FOUND;
}

/** The value of the environment variable: "interface=eth1". */
export function autodetectionText(
  method: Autodetection,
  format: { ip(ip: Ip): string; prefix(one: Prefix): string },
): string {
  switch (method.kind) {
    case "first-found":
    case "kubernetes-internal-ip":
      return method.kind;
    case "interface":
    case "skip-interface":
      return `${method.kind}=${method.names.join(",")}`;
    case "can-reach":
      return `can-reach=${format.ip(method.ip)}`;
    case "cidr":
      return `cidr=${method.cidrs.map(format.prefix).join(",")}`;
  }
}

export interface Detected {
  readonly iface: Interface;
  readonly address: InterfaceAddress;
}

/** Undefined: calico-node finds no address of the family. */
export function detect(node: Node, method: Autodetection, family: 4 | 6): Detected | undefined {
  const first = (wanted: (iface: Interface, address: InterfaceAddress) => boolean): Detected | undefined => {
    for (const iface of node.interfaces)
      for (const address of iface.addresses)
        if (familyOf(address.ip) === family && wanted(iface, address)) return { iface, address };
    return undefined;
  };
  switch (method.kind) {
    case "first-found":
    // The kubelet reports the first address of the family.
    case "kubernetes-internal-ip":
      return first(() => true);
    case "interface":
      return first(({ device }) => matches(method.names, device));
    case "skip-interface":
      return first(({ device }) => !matches(method.names, device));
    case "cidr":
      return first((_, { ip }) => method.cidrs.some((cidr) => prefixContains(cidr, ip)));
    case "can-reach": {
      // The source address of a UDP socket that is connected to the destination (reachaddr.go).
      if (familyOf(method.ip) !== family) return undefined;
      const hop = hostState(node).lookup(method.ip)?.nexthops[0];
      const target = hop?.via ?? method.ip;
      const isOnDevice = ({ device }: Interface): boolean => device === hop?.dev;
      return first((iface, own) => isOnDevice(iface) && isNear(own, target)) ?? first(isOnDevice);
    }
  }
}

/** Go's regexp.MatchString, which is not anchored: `eth1` also matches eth10. */
function matches(names: readonly string[], device: string): boolean {
  return names.some((name) => {
    try {
      return new RegExp(name).test(device);
    } catch {
      return name === device;
    }
  });
}
