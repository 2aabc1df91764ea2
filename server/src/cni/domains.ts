/**
 * Separate routing domains in a router of the fabric: packets from a domain's sources use its table. If two domains have a source
 * in common (two AKS overlay clusters with one pod CIDR), the cloud distinguishes them by the sending virtual machine. The router
 * then receives the packets of each further domain on a separate device.
 */
import { prefixRange, rangesOverlap } from "../addressing/ip.ts";
import type { Device, PolicyRule, RouteTable } from "../dataplane/model.ts";
import type { Router } from "../topology/model.ts";
import { interfaceMac } from "./host.ts";
import { ownLayer } from "./layer.ts";
import type { FabricDomain } from "./mode.ts";

/** First priority and name of the domains' tables, before `main`. */
const FIRST_TABLE = 1000;

export interface DomainParts {
  readonly devices: readonly Device[];
  readonly rules: readonly PolicyRule[];
  readonly tables: ReadonlyMap<string, RouteTable>;
}

export function domainParts(devices: readonly Device[], router: Router, domains: readonly FabricDomain[]): DomainParts {
  const physical = devices.filter(({ kind }) => kind === "physical");
  const own = domains.map((_, index) => (isShared(domains, index) ? index : 0));
  return {
    devices: own.flatMap((index) =>
      index === 0
        ? []
        : physical.map((device): Device => {
            const name = deviceOf(device.name, index);
            return { ...device, name, mac: interfaceMac(router.path, name), addresses: [] };
          }),
    ),
    rules: domains.flatMap(({ from }, index): PolicyRule[] =>
      from.flatMap((one): PolicyRule[] => {
        const rule = { priority: FIRST_TABLE + index, from: one, table: String(FIRST_TABLE + index) };
        if (!isShared(domains, index)) return [rule];
        return physical.map(({ name }) => ({ ...rule, iif: deviceOf(name, own[index] ?? 0) }));
      }),
    ),
    tables: new Map(domains.map(({ routes }, i) => [String(FIRST_TABLE + i), { layers: [ownLayer(routes)] }])),
  };
}

/** The device on which the router receives the packets of a cluster that arrive on this interface. */
export function domainDevice(domains: readonly FabricDomain[], cluster: string, device: string): string {
  const index = domains.findIndex((one) => one.cluster === cluster);
  return index > 0 && isShared(domains, index) ? deviceOf(device, index) : device;
}

function deviceOf(device: string, index: number): string {
  return index === 0 ? device : `${device}-${index}`;
}

function isShared(domains: readonly FabricDomain[], index: number): boolean {
  const ranges = domains[index]?.from.map(prefixRange) ?? [];
  return domains.some(
    ({ from }, other) =>
      other !== index && from.some((one) => ranges.some((range) => rangesOverlap(range, prefixRange(one)))),
  );
}
