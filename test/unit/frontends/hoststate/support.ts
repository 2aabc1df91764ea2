/** Topologies beside the state of their machines. */
import { stateDiffers } from "../../../../server/src/checks/import/state-differs.ts";
import type { Netns, Network } from "../../../../server/src/dataplane/model.ts";
import { realNetwork } from "../../../../server/src/dataplane/real/network.ts";
import type { RealState } from "../../../../server/src/dataplane/real/state.ts";
import type { Finding } from "../../../../server/src/findings/finding.ts";
import { readState, type TextFile } from "../../../../server/src/frontends/hoststate/index.ts";
import { machinesOf } from "../../../../server/src/questions/drift/machines.ts";
import { stationsOf } from "../../../../server/src/topology/stations.ts";
import type { World } from "../../checks/harness.ts";
import { writtenState } from "./write.ts";

/** The state of all machines, as the topology describes it. `change`: of one network namespace before it is written. */
export function filesOf(
  { topology, network }: World,
  change: (netns: Netns) => Netns = (netns) => netns,
): readonly TextFile[] {
  return stationsOf(topology).flatMap(({ path }) => {
    const netns = network.netns(path);
    return netns ? writtenState(change(netns), `nodes/${path}`) : [];
  });
}

export function driftFindings({ files, topology, network }: World, state: RealState): readonly Finding[] {
  const context = { files, topology, network, state, cancelled: () => false };
  return [...(stateDiffers.run?.({ ...context, peopled: topology, open: network, explaining: () => [] }) ?? [])];
}

export function drift(world: World, state: RealState): readonly string[] {
  return driftFindings(world, state).map(({ message, severity }) => `${severity}: ${message}`);
}

export function realOf({ topology, network }: World, files: readonly TextFile[]): Network {
  return realNetwork(network, machinesOf(topology, readState(files)).known);
}
