/** Assigns real machines to the machines in the topology. */
import { ipKey } from "../../addressing/ip.ts";
import type { NetnsId } from "../../dataplane/model.ts";
import type { RealMachine, RealState } from "../../dataplane/real/state.ts";
import type { Station, Topology } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";

export interface Machines {
  /** By the ID of the network namespace. */
  readonly known: ReadonlyMap<NetnsId, RealMachine>;
  readonly unknown: readonly UnknownMachine[];
}

export interface UnknownMachine {
  readonly machine: RealMachine;
  /** Several machines have the name; or the one with the name has another state. */
  readonly candidates: readonly Station[];
}

/** By name, by path, or by the name of the machine in a domain; otherwise by an address. */
export function machinesOf(topology: Topology, { machines }: RealState): Machines {
  const stations = stationsOf(topology);
  const byName = grouped(stations, ({ path }) => [path, path.slice(path.lastIndexOf("/") + 1)]);
  const byAddress = grouped(stations, ({ interfaces }) =>
    interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => `${typeof ip} ${ipKey(ip)}`)),
  );
  const known = new Map<NetnsId, RealMachine>();
  const unknown: UnknownMachine[] = [];
  for (const machine of machines) {
    const last = machine.name.slice(machine.name.lastIndexOf("/") + 1);
    const named = byName.get(machine.name) ?? byName.get(last) ?? byName.get(last.split(".")[0] ?? "") ?? [];
    const addressed = new Set(
      machine.devices.flatMap(({ addresses }) =>
        addresses.flatMap(({ ip }) => byAddress.get(`${typeof ip} ${ipKey(ip)}`) ?? []),
      ),
    );
    const both = named.filter((station) => addressed.has(station));
    const candidates = named.length === 1 ? named : both.length > 0 ? both : named.length > 0 ? named : [...addressed];
    const [only] = candidates;
    if (candidates.length === 1 && only && !known.has(only.path)) known.set(only.path, machine);
    else unknown.push({ machine, candidates });
  }
  return { known, unknown };
}

function grouped(
  stations: readonly Station[],
  keysOf: (station: Station) => readonly string[],
): Map<string, Station[]> {
  const groups = new Map<string, Station[]>();
  for (const station of stations)
    for (const key of new Set(keysOf(station))) {
      const list = groups.get(key);
      if (list) list.push(station);
      else groups.set(key, [station]);
    }
  return groups;
}
