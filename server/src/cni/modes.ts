/** The modes by plugin name. To add a mode, add a file and a row. */

import type { AddressingOf } from "../topology/addressing.ts";
import { awsVpc } from "./aws.ts";
import { azure } from "./azure.ts";
import { bridge } from "./bridge.ts";
import { calico } from "./calico/index.ts";
import { docker } from "./docker.ts";
import { flannel } from "./flannel/index.ts";
import { gke } from "./gke.ts";
import { kindnet } from "./kindnet.ts";
import { kubenet } from "./kubenet.ts";
import type { Mode } from "./mode.ts";
import { none } from "./none.ts";
import { ipvlan, macvlan } from "./stacked/index.ts";
import { weave } from "./weave.ts";

export const MODES: ReadonlyMap<string, Mode> = new Map(
  [flannel, calico, docker, bridge, kubenet, kindnet, awsVpc, azure, gke, macvlan, ipvlan, weave, none].map((mode) => [
    mode.plugin,
    mode,
  ]),
);

/** An unknown plugin (reported by the schema) has no pod network. */
export function modeOf(plugin: string): Mode {
  return MODES.get(plugin) ?? none;
}

/** For the topology builder, which has no knowledge of modes. */
export const modeAddressing: AddressingOf = (settings, podCidrs, maxPods) =>
  modeOf(settings.plugin).addressing(settings, podCidrs, maxPods);
