/** A frame leaves through a device: to a segment, a veth peer, a bridge port, or a tunnel. */

import { t } from "../../text/l10n.ts";
import type { StepRule } from "../journey.ts";
import type { Device } from "../model.ts";
import { type Packet, pieceLength } from "../packet.ts";
import type { Neighbour } from "./neighbour.ts";
import { tcEgress } from "./programs.ts";
import { type End, fail, type Host, machine, machineAt, type RouteStep, step, VLAN_ROOM } from "./run.ts";
import { transmitStacked } from "./stacked.ts";
import { encapsulateIpip, encapsulateTun, encapsulateVxlan } from "./tunnels.ts";
import { ontoSegment } from "./wire.ts";
import { encapsulateWireguard } from "./wireguard.ts";

/** dev_queue_xmit: the frame leaves through a device; `to` is the resolved neighbor, `rule` and `text` describe the route. */
export function transmit(host: Host, device: Device, packet: Packet, to: Neighbour, { rule, text }: RouteStep): End {
  if (host.run.budget <= 0)
    return fail(host, packet, {
      verdict: "looped",
      code: "step-limit",
      message: t`the path exceeds the step limit`,
      device: device.name,
    });
  step(host, { device: device.name, direction: "out", action: "route", text, packet, rule });
  const left = tcEgress(host, device, packet);
  return left.end ?? startXmit(host, device, left.packet, to, rule);
}

/** ndo_start_xmit: the driver of the device. */
function startXmit(host: Host, device: Device, packet: Packet, to: Neighbour, rule: StepRule): End {
  const { run, netns } = host;
  switch (device.kind) {
    case "physical":
      return ontoSegment(host, device, packet, to);
    case "macvlan":
    case "ipvlan":
      return transmitStacked(host, device, packet, to);
    case "veth":
      return run.stack.receive(run, device.peer, packet, to);
    case "bridge": {
      if (to.kind !== "bridge-port") throw new Error(`no port of ${device.name}`);
      return bridgeOut(host, to, packet, device);
    }
    case "vxlan":
      if (to.kind !== "permanent" && to.kind !== "tunnel") throw new Error(`no neighbor entry on ${device.name}`);
      return encapsulateVxlan(host, device, packet, to);
    case "ipip":
      return encapsulateIpip(host, device, packet, rule);
    case "wireguard":
      return encapsulateWireguard(host, device, packet);
    case "tun":
      return encapsulateTun(host, device, packet);
    case "dummy":
      return fail(host, packet, {
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
export function bridgeOut(host: Host, to: Neighbour & { kind: "bridge-port" }, packet: Packet, bridge: Device): End {
  const { run, netns } = host;
  const portName = to.port;
  const port = netns.devices.get(portName);
  if (port?.kind !== "veth" && port?.kind !== "vxlan")
    return fail(host, packet, {
      verdict: "dropped",
      code: "no-device",
      message: t`${bridge.name} of ${machine(netns)} has no port ${portName}`,
      device: bridge.name,
    });
  if (pieceLength(packet) > port.mtu + VLAN_ROOM) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "too-big",
      message: t`bridge port ${portName} of ${machine(netns)} (MTU ${port.mtu}) silently drops the frame of ${pieceLength(packet)} bytes`,
      device: portName,
      origin: port.origin,
    });
  }
  const rule: StepRule = { table: "fdb", text: `dev ${portName} master ${bridge.name}`, origin: port.origin };
  const text =
    port.kind === "vxlan"
      ? t`bridged by ${bridge.name} to the tunnel`
      : t`bridged by ${bridge.name} to ${machineAt(run, port.peer.netns)}`;
  step(host, { device: portName, direction: "out", action: "bridge", text, packet, rule });
  const left = tcEgress(host, port, packet);
  if (left.end) return left.end;
  return port.kind === "vxlan"
    ? encapsulateVxlan(host, port, left.packet, { kind: "permanent", mac: to.mac ?? "", rule })
    : run.stack.receive(run, port.peer, left.packet, { kind: "peer" });
}
