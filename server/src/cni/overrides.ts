/** The state that a file sets on one machine takes the place of the state that programs create. */
import type { Device, Fdb, FdbEntry, Neighbour, NeighbourTable } from "../dataplane/model.ts";
import type { Overrides, Station } from "../topology/model.ts";
import { withoutShortIpv6 } from "./minimum-mtu.ts";

export function overriddenDevices({ overrides }: Station, devices: readonly Device[]): readonly Device[] {
  return overrides === undefined ? devices : devices.map((device) => overridden(overrides, device));
}

function overridden({ mtus, fdb }: Overrides, device: Device): Device {
  const stated = mtus.findLast((one) => one.device === device.name);
  const resized = stated ? withoutShortIpv6({ ...device, mtu: stated.mtu, origin: stated.source }) : device;
  const own = fdb.filter((one) => one.device === device.name);
  return resized.kind === "vxlan" && own.length > 0 ? { ...resized, fdb: withEntries(resized.fdb, own) } : resized;
}

function withEntries(fdb: Fdb, own: Overrides["fdb"]): Fdb {
  const entries = new Map(
    own.map(({ mac, dst, device, source }): [string, FdbEntry] => [mac, { mac, dst, device, origin: source }]),
  );
  return {
    lookup: (mac) => entries.get(mac) ?? fdb.lookup(mac),
    *entries() {
      yield* entries.values();
      for (const entry of fdb.entries()) if (!entries.has(entry.mac)) yield entry;
    },
  };
}

export function overriddenNeighbours({ overrides }: Station, table: NeighbourTable): NeighbourTable {
  if (overrides === undefined || overrides.neighbors.length === 0) return table;
  const entries = new Map(
    overrides.neighbors.map(({ ip, mac, device, source }): [string, Neighbour] => [
      `${device} ${typeof ip} ${ip}`,
      { ip, mac, device, origin: source },
    ]),
  );
  const find: NeighbourTable["lookup"] = (device, ip) => entries.get(`${device} ${typeof ip} ${ip}`);
  return {
    lookup: (device, ip) => find(device, ip) ?? table.lookup(device, ip),
    *entries() {
      yield* entries.values();
      for (const entry of table.entries()) if (!find(entry.device, entry.ip)) yield entry;
    },
  };
}
