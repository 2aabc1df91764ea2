/**
 * The machines that are expected to reply to packets to a name: the named machine or pod, or an endpoint of the named service.
 * A packet can be delivered elsewhere: to a second machine with the address, or to a host that accepts any address.
 */
import { type Family, family, type Ip } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import { t } from "../text/l10n.ts";
import type { Pod, Service, ServicePort, Topology } from "../topology/model.ts";
import type { Aimed } from "./aim.ts";
import { netnsOfPod, ownerOf } from "./endpoints.ts";
import type { Proxied } from "./proxied.ts";

/** The machine or pods that must reply. */
export interface Receiver {
  /** "node prod/n2", "an endpoint of service prod/shop/web". */
  readonly name: string;
  admits(journey: Journey): boolean;
}

/** Undefined if any machine can reply: the target is an address. `of`: the family of the packets. */
export function receiverOf(
  topology: Topology,
  { netns, service }: Pick<Aimed, "netns" | "service">,
  of: Family,
): Receiver | undefined {
  if (service) {
    const ends = service.ports.flatMap((port) => endpointsOf(topology, service, port, of));
    return endpointReceiver(topology, t`an endpoint of service ${service.path}`, ends);
  }
  if (netns === undefined) return undefined;
  return {
    name: netns,
    // Node ports, host ports, and port forwarding: the destination machine forwarded the packet.
    admits: ({ end, steps }) => end === netns || steps.some((step) => step.action === "dnat" && step.netns === netns),
  };
}

/** The receiver for a target as a user writes it; an address does not name a machine. */
export function receiverOfTarget(topology: Topology, aim: Aimed, isAddress: boolean): Receiver | undefined {
  const [target] = aim.targets;
  return isAddress || !target ? undefined : receiverOf(topology, aim, family(target.ip));
}

/** The backends of an ingress: the proxy connects to their endpoints directly. */
export function receiverOfAll(topology: Topology, backends: Proxied["backends"]): Receiver {
  const ends = backends.flatMap(({ targets }) => targets.map(({ ip }) => ({ ip, pod: undefined })));
  const names = [...new Set(backends.map(({ path }) => path))].join(", ");
  return endpointReceiver(topology, t`an endpoint of service ${names}`, ends);
}

function endpointsOf(topology: Topology, service: Service, port: ServicePort, of: Family): readonly End[] {
  return topology.clusters.find(({ name }) => name === service.cluster)?.services.endpoints(service, port, of) ?? [];
}

/** An endpoint of a service. Without `pod`: an address in the file. */
interface End {
  readonly ip: Ip;
  readonly pod: Pod | undefined;
}

/** An endpoint outside the file can be any machine. */
function endpointReceiver(topology: Topology, name: string, ends: readonly End[]): Receiver {
  const known = ends.map(({ ip, pod }) => (pod?.node ? netnsOfPod(pod, pod.node) : ownerOf(topology, ip)?.netns));
  const isOpen = known.includes(undefined);
  const places = new Set(known);
  return { name, admits: ({ end }) => isOpen || places.has(end) };
}

/** Whether the wrong machine accepted the packet. */
export function isAstray(journey: Journey, receiver: Receiver | undefined): boolean {
  return receiver !== undefined && journey.verdict === "delivered" && !receiver.admits(journey);
}
