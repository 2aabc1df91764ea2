/** Stacked devices (macvlan, ipvlan): frames bypass the IP layer of the parent's machine. */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Children, Device, Netns } from "../model.ts";
import { track } from "../netfilter.ts";
import type { Packet } from "../packet.ts";
import type { Neighbour } from "./neighbour.ts";
import { connectionsOf, type End, fail, hook, machine, machineAt, type Run, step } from "./run.ts";
import { ontoSegment } from "./wire.ts";

type Stacked = Device & { kind: "macvlan" | "ipvlan" };

/** macvlan_start_xmit, ipvlan_queue_xmit. */
export function transmitStacked(run: Run, netns: Netns, device: Stacked, packet: Packet, to: Neighbour): End {
  const below = run.network.netns(device.parent.netns);
  const parent = below?.devices.get(device.parent.device);
  if (!below || parent?.kind !== "physical") {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "no-device",
      message: t`${device.name} of ${machine(netns)} requires parent interface ${device.parent.device}, which ${machineAt(run, device.parent.netns)} does not have`,
      device: device.name,
      origin: device.origin,
    });
  }
  if (device.kind === "ipvlan" && device.mode !== "l2") return routedBelow(run, below, parent, packet);
  const rule = {
    table: device.kind,
    text: `${device.name} mode ${device.mode} on ${parent.name}`,
    origin: device.origin,
  };
  if (to.kind === "sibling") {
    // macvlan_queue_xmit: "send to lowerdev first for its network taps"; ipvlan passes the frame to the sibling directly.
    if (device.kind === "macvlan")
      step(
        run,
        below,
        parent.name,
        "in",
        "bridge",
        t`switched by ${parent.name} to ${machineAt(run, to.netns)}`,
        packet,
        rule,
      );
    return run.stack.receive(run, to.netns, to.device, packet, { kind: "peer" });
  }
  step(run, below, parent.name, "out", "bridge", t`sent by ${parent.name} to segment ${parent.segment}`, packet, rule);
  return ontoSegment(run, below, parent, packet, to);
}

/** ipvlan_process_outbound: directly to a sibling; other packets are sent by the parent's machine through the parent device. */
function routedBelow(run: Run, below: Netns, parent: Device & { kind: "physical" }, packet: Packet): End {
  const sibling = parent.children?.child(packet.dst);
  if (sibling) return run.stack.receive(run, sibling.netns, sibling.device, packet, { kind: "peer" });
  const end = run.stack.originate(run, below, packet, packet.src, parent.name);
  // A failure there is counted as a transmit error; the sender receives no error.
  return end.netns === below ? { ...end, errno: undefined } : end;
}

/** macvlan_handle_frame selects the device by MAC address, ipvlan_handle_frame by destination address. */
export function handUp(
  run: Run,
  netns: Netns,
  device: Device & { kind: "physical" },
  children: Children,
  packet: Packet,
  to: Neighbour,
): End | undefined {
  const upper =
    children.kind === "ipvlan" ? children.child(packet.dst) : to.kind === "station" ? to.end.upper : undefined;
  if (!upper) return undefined;
  let seen = packet;
  if (children.mode === "l3s") {
    // ipvlan_l3_rcv, ipvlan_nf_input: the packet passes PREROUTING and INPUT of the parent's machine.
    const tracking = track(connectionsOf(run, netns), packet);
    for (const name of ["PREROUTING", "INPUT"] as const) {
      const passed = hook(run, netns, name, seen, tracking, { in: device.name });
      if (passed.end) return passed.end;
      seen = passed.packet;
    }
  }
  step(
    run,
    netns,
    device.name,
    null,
    "bridge",
    t`passed by ${device.name} to ${machineAt(run, upper.netns)} (destination ${formatIp(packet.dst)})`,
    seen,
  );
  return run.stack.receive(run, upper.netns, upper.device, seen, { kind: "peer" });
}
