/**
 * Drift: the state of real machines against the state that the topology describes, by meaning. What an output cannot show, and
 * what a topology does not describe (names of interfaces, routes from DHCP, other programs), is not a difference.
 */
import type { NetnsId, Network } from "../../dataplane/model.ts";
import { macOwners, type Pairing } from "../../dataplane/real/macs.ts";
import { pairingsOf } from "../../dataplane/real/network.ts";
import type { RealMachine } from "../../dataplane/real/state.ts";
import { chainDifferences } from "./chains.ts";
import { type Comparison, comparison } from "./comparison.ts";
import { deviceDifferences, peerDifferences, sysctlDifferences } from "./devices.ts";
import type { Difference } from "./difference.ts";
import { nftDifferences } from "./nftables.ts";
import {
  type Explained,
  fdbDifferences,
  ipsecDifferences,
  neighbourDifferences,
  routeDifferences,
  ruleDifferences,
} from "./routing.ts";
import { ipvsDifferences } from "./services.ts";

export interface Drift {
  readonly differences: readonly Difference[];
  /** Chains and nftables tables that are not compared, by machine. */
  readonly foreign: readonly { readonly pairing: Pairing; readonly chains: readonly string[] }[];
}

export function driftOf(
  network: Network,
  machines: ReadonlyMap<NetnsId, RealMachine>,
  cancelled: () => boolean,
): Drift {
  const pairings = pairingsOf(network, machines);
  const owners = macOwners(pairings.values());
  const differences: Difference[] = [];
  const foreign: { pairing: Pairing; chains: readonly string[] }[] = [];
  for (const pairing of pairings.values()) {
    if (cancelled()) break;
    const one = comparison(pairing, owners);
    const chains = chainDifferences(one);
    const tables = nftDifferences(one);
    differences.push(...stateDifferences(one), ...chains.differences, ...tables.differences);
    const others = [...chains.foreign, ...tables.foreign];
    if (others.length > 0) foreign.push({ pairing, chains: others });
  }
  return { differences, foreign };
}

function stateDifferences(one: Comparison): readonly Difference[] {
  const devices = deviceDifferences(one);
  const explained: Explained = {
    addresses: new Set(devices.filter(({ aspect }) => aspect === "address").map(({ subject }) => subject)),
    missing: new Set(devices.filter(({ aspect }) => aspect === "device").map(({ subject }) => subject)),
  };
  return [
    ...devices,
    ...peerDifferences(one),
    ...routeDifferences(one, explained),
    ...ruleDifferences(one),
    ...neighbourDifferences(one, explained),
    ...fdbDifferences(one),
    ...ipsecDifferences(one),
    ...sysctlDifferences(one),
    ...ipvsDifferences(one),
  ];
}
