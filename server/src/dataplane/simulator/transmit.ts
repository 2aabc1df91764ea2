/** A frame leaves through a device: to a segment, a veth peer, a bridge port, or a tunnel. */

import { t } from "../../text/l10n.ts";
import type { StepRule } from "../journey.ts";
import type { Device, Netns } from "../model.ts";
import { type Packet, pieceLength } from "../packet.ts";
import type { Neighbour } from "./neighbour.ts";
import { type End, fail, machine, machineAt, type Run, step, VLAN_ROOM } from "./run.ts";
import { transmitStacked } from "./stacked.ts";
import { encapsulateIpip, encapsulateTun, encapsulateVxlan } from "./tunnels.ts";
import { ontoSegment } from "./wire.ts";
import { encapsulateWireguard } from "./wireguard.ts";

/** dev_queue_xmit: the frame leaves through a device; `to` is the resolved neighbor. */
export function transmit(
  run: Run,
  netns: Netns,
  device: Device,
  packet: Packet,
  to: Neighbour,
  rule: StepRule,
  text: string,
): End {
  if (run.budget <= 0)
    return fail(run, netns, packet, {
      verdict: "looped",
      code: "step-limit",
      message: t`the path exceeds the step limit`,
      device: device.name,
    });
  step(run, netns, device.name, "out", "route", text, packet, rule);
  switch (device.kind) {
    case "physical":
      return ontoSegment(run, netns, device, packet, to);
    case "macvlan":
    case "ipvlan":
      return transmitStacked(run, netns, device, packet, to);
    case "veth":
      return run.stack.receive(run, device.peer.netns, device.peer.device, packet, to);
    case "bridge": {
      if (to.kind !== "bridge-port") throw new Error(`no port of ${device.name}`);
      return bridgeOut(run, netns, to, packet, device);
    }
    case "vxlan":
      if (to.kind !== "permanent") throw new Error(`no neighbor entry on ${device.name}`);
      return encapsulateVxlan(run, netns, device, packet, to);
    case "ipip":
      return encapsulateIpip(run, netns, device, packet, rule);
    case "wireguard":
      return encapsulateWireguard(run, netns, device, packet);
    case "tun":
      return encapsulateTun(run, netns, device, packet);
    case "dummy":
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "no-device",
        message: t`${device.name} of ${machine(netns)} is a dummy device and forwards nothing`,
        device: device.name,
        origin: device.origin,
      });
    case "loopback":
      throw new Error("lo transmits through loopback()");
  }
}

/** br_forward: a frame leaves the bridge through a port. */
export function bridgeOut(
  run: Run,
  netns: Netns,
  to: Neighbour & { kind: "bridge-port" },
  packet: Packet,
  bridge: Device,
): End {
  const portName = to.port;
  const port = netns.devices.get(portName);
  if (port?.kind !== "veth" && port?.kind !== "vxlan")
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "no-device",
      message: t`${bridge.name} of ${machine(netns)} has no port ${portName}`,
      device: bridge.name,
    });
  if (pieceLength(packet) > port.mtu + VLAN_ROOM) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "too-big",
      message: t`bridge port ${portName} of ${machine(netns)} (MTU ${port.mtu}) silently drops the frame of ${pieceLength(packet)} bytes`,
      device: portName,
      origin: port.origin,
    });
  }
  const rule: StepRule = { table: "fdb", text: `dev ${portName} master ${bridge.name}`, origin: port.origin };
  if (port.kind === "vxlan") {
    step(run, netns, portName, "out", "bridge", t`bridged by ${bridge.name} to the tunnel`, packet, rule);
    return encapsulateVxlan(run, netns, port, packet, { kind: "permanent", mac: to.mac ?? "", rule });
  }
  step(
    run,
    netns,
    portName,
    "out",
    "bridge",
    t`bridged by ${bridge.name} to ${machineAt(run, port.peer.netns)}`,
    packet,
    rule,
  );
  return run.stack.receive(run, port.peer.netns, port.peer.device, packet, { kind: "peer" });
}
