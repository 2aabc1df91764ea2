/** Stacked devices (macvlan, ipvlan): frames bypass the IP layer of the parent's machine. */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { track } from "../conntrack.ts";
import type { Device } from "../model.ts";
import type { Packet } from "../packet.ts";
import { hook } from "./hook.ts";
import type { Neighbour } from "./neighbour.ts";
import { tcEgress, tcIngress } from "./programs.ts";
import { connectionsOf, type End, fail, type Host, machine, machineAt, step } from "./run.ts";
import { ontoSegment } from "./wire.ts";

type Stacked = Device & { kind: "macvlan" | "ipvlan" };

/** macvlan_start_xmit, ipvlan_queue_xmit. */
export function transmitStacked(host: Host, device: Stacked, packet: Packet, to: Neighbour): End {
  const { run, netns } = host;
  const below = run.network.netns(device.parent.netns);
  const parent = below?.devices.get(device.parent.device);
  if (!below || parent?.kind !== "physical") {
    return fail(host, packet, {
      verdict: "dropped",
      code: "no-device",
      message: t`${device.name} of ${machine(netns)} requires parent interface ${device.parent.device}, which ${machineAt(run, device.parent.netns)} does not have`,
      device: device.name,
      origin: device.origin,
    });
  }
  const lower: Host = { run, netns: below };
  if (device.kind === "ipvlan" && device.mode !== "l2") return routedBelow(lower, parent, packet);
  const rule = {
    table: device.kind,
    text: `${device.name} mode ${device.mode} on ${parent.name}`,
    origin: device.origin,
  };
  if (to.kind === "sibling") {
    // macvlan_queue_xmit: "send to lowerdev first for its network taps"; ipvlan passes the frame to the sibling directly.
    let seen = packet;
    if (device.kind === "macvlan") {
      const text = t`switched by ${parent.name} to ${machineAt(run, to.netns)}`;
      step(lower, { device: parent.name, direction: "in", action: "bridge", text, packet, rule });
      const passed = tcIngress(lower, parent, packet);
      if (passed.end) return passed.end;
      seen = passed.packet;
    }
    return run.stack.receive(run, to, seen, { kind: "peer" });
  }
  step(lower, {
    device: parent.name,
    direction: "out",
    action: "bridge",
    text: t`sent by ${parent.name} to segment ${parent.segment}`,
    packet,
    rule,
  });
  const left = tcEgress(lower, parent, packet);
  return left.end ?? ontoSegment(lower, parent, left.packet, to);
}

/** ipvlan_process_outbound: directly to a sibling; other packets are sent by the parent's machine through the parent device. */
function routedBelow(host: Host, parent: Device & { kind: "physical" }, packet: Packet): End {
  const { run, netns } = host;
  const sibling = parent.children?.child(packet.dst);
  if (sibling) return run.stack.receive(run, sibling, packet, { kind: "peer" });
  const end = run.stack.originate(host, packet, packet.src, parent.name);
  // A failure there is counted as a transmit error; the sender receives no error.
  return end.netns === netns ? { ...end, errno: undefined } : end;
}

/** macvlan_handle_frame selects the device by MAC address, ipvlan_handle_frame by destination address. */
export function handUp(
  host: Host,
  device: Device & { kind: "physical" },
  packet: Packet,
  to: Neighbour,
): End | undefined {
  const { run } = host;
  const { children } = device;
  if (!children) return undefined;
  const upper =
    children.kind === "ipvlan" ? children.child(packet.dst) : to.kind === "station" ? to.end.upper : undefined;
  if (!upper) return undefined;
  let seen = packet;
  if (children.mode === "l3s") {
    // ipvlan_l3_rcv, ipvlan_nf_input: the packet passes PREROUTING and INPUT of the parent's machine.
    const tracking = track(connectionsOf(host), packet);
    for (const name of ["PREROUTING", "INPUT"] as const) {
      const passed = hook(host, name, seen, tracking, { in: device.name });
      if (passed.end) return passed.end;
      seen = passed.packet;
    }
  }
  step(host, {
    device: device.name,
    action: "bridge",
    text: t`passed by ${device.name} to ${machineAt(run, upper.netns)} (destination ${formatIp(packet.dst)})`,
    packet: seen,
  });
  return run.stack.receive(run, upper, seen, { kind: "peer" });
}
