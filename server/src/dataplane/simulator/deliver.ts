/** Local delivery: INPUT, sockets, kernel replies, tunnel endpoints. */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Tracking } from "../conntrack.ts";
import { isAnycast } from "../fib.ts";
import type { Device, Socket } from "../model.ts";
import { familyOf, icmpErrorOf, innerOf, type Packet, reassembled } from "../packet.ts";
import { hook } from "./hook.ts";
import { balance, LOCAL_IN } from "./ipvs.ts";
import { type End, fail, type Host, machine, step, type Waiting } from "./run.ts";
import { decapsulate } from "./tunnels.ts";
import { decapsulateWireguard } from "./wireguard.ts";
import { decapsulateEsp, isEsp, refusedByPolicy } from "./xfrm.ts";

/** ip_local_deliver: INPUT, then the protocol handler. */
export function deliver(host: Host, arrived: Packet, device: Device | undefined, tracking: Tracking): End {
  const { run, netns } = host;
  const name = device?.name ?? "lo";
  const isBalanced = netns.ipvs !== undefined && run.waiting === undefined;
  const priorities = isBalanced ? { before: LOCAL_IN } : {};
  const input = hook(host, "INPUT", arrived, tracking, { in: name, ...priorities });
  if (input.end) return input.end;
  let packet = reassembled(input.packet);
  if (isBalanced) {
    const balanced = balance(host, packet, tracking, device);
    if (balanced?.kind === "sent") return balanced.end;
    const late = hook(host, "INPUT", balanced?.packet ?? packet, tracking, { in: name, from: LOCAL_IN });
    if (late.end) return late.end;
    packet = late.packet;
  }
  const inner = innerOf(packet);
  if (inner) return decapsulated(host, packet, inner, device);
  const refused = refusedByPolicy(host, "in", packet, name);
  if (refused) return refused;
  if (run.waiting) return deliverAnswer(host, packet, name, run.waiting);
  const body = packet.body;
  switch (body.kind) {
    case "icmp":
      if (body.message.kind === "echo-request")
        return delivered(host, packet, { device: name, text: t`the kernel replies to the ping` });
      return fail(host, packet, {
        verdict: "dropped",
        code: "protocol-unknown",
        message: t`${machine(netns)} drops an unsolicited ICMP message`,
        device: name,
      });
    case "tcp":
    case "udp":
    case "sctp": {
      if (body.kind === "tcp" && isAnycast(netns, packet.dst, name))
        return fail(host, packet, {
          verdict: "dropped",
          code: "protocol-unknown",
          message: t`${machine(netns)} does not accept TCP connections to the subnet-router anycast address ${formatIp(packet.dst)}`,
          device: name,
          origin: netns.origin,
        });
      const socket = netns.sockets.find(
        (one) =>
          one.proto === body.kind &&
          one.port === body.dport &&
          (one.address === undefined || one.address === packet.dst) &&
          (one.family === undefined || one.family === familyOf(packet)),
      );
      if (socket)
        return delivered(host, packet, {
          device: name,
          text: t`delivered to ${socket.process} (listening on ${body.dport}/${body.kind})`,
          socket,
        });
      return fail(host, packet, {
        verdict: "rejected",
        code: "closed-port",
        message: t`${machine(netns)} does not listen on ${body.dport}/${body.kind}`,
        device: name,
        origin: netns.origin,
        ...(body.kind === "udp" ? { icmp: { kind: "port-unreachable", toLocal: true } } : {}),
      });
    }
    case "esp":
    case "ipip":
      throw new Error("handled by decapsulate");
  }
}

function decapsulated(host: Host, packet: Packet, inner: Packet, device: Device | undefined): End {
  const name = device?.name ?? "lo";
  const carries = packet.body.kind === "udp" ? packet.body.carries : undefined;
  if (isEsp(packet) && device) return decapsulateEsp(host, packet, inner, device);
  if (carries?.kind === "wireguard") return decapsulateWireguard(host, packet, carries, name);
  return decapsulate(host, packet, inner, name);
}

/** `socket`: the socket that receives the packet; absent: the kernel, or the socket that sent the request. */
interface Delivery {
  readonly device: string;
  readonly text: string;
  readonly socket?: Socket;
}

function delivered(host: Host, packet: Packet, { device, text, socket }: Delivery): End {
  const { netns } = host;
  step(host, {
    device,
    action: "deliver",
    text,
    packet,
    rule: {
      table: "socket",
      text: `${isAnycast(netns, packet.dst, device) ? "anycast" : "local"} ${formatIp(packet.dst)}`,
      origin: socket?.origin,
    },
  });
  return { verdict: "delivered", netns, packet, reason: undefined, process: socket?.process };
}

/**
 * The socket that sent the request accepts replies only from the destination of the request; `ping` to an anycast address has an
 * unconnected socket.
 */
function deliverAnswer(host: Host, packet: Packet, device: string, waiting: Waiting): End {
  const { netns } = host;
  const sent = waiting.packet;
  const error = icmpErrorOf(packet);
  const quoted = error?.about;
  const mine = quoted
    ? netns.id === waiting.netns && quoted.src === sent.src && quoted.dst === sent.dst && samePorts(quoted, sent, false)
    : netns.id === waiting.netns &&
      packet.dst === sent.src &&
      (waiting.toAnycast || packet.src === sent.dst) &&
      samePorts(packet, sent, true);
  if (mine)
    return delivered(host, packet, {
      device,
      text: error ? t`ICMP error delivered to the sender` : replyText(packet),
    });
  return fail(host, packet, {
    verdict: "rejected",
    code: "unexpected-reply",
    message:
      netns.id === waiting.netns
        ? t`the reply is from ${formatIp(packet.src)}, but the request was sent to ${formatIp(sent.dst)}: no socket accepts the reply`
        : t`the reply is delivered to ${machine(netns)}, which did not send the request`,
    device,
    origin: netns.origin,
  });
}

function replyText({ body }: Packet): string {
  if (body.kind === "tcp" && body.flags.includes("RST")) return t`TCP reset delivered to the sender`;
  if (body.kind === "sctp" && body.chunk === "ABORT") return t`SCTP ABORT delivered to the sender`;
  return t`reply delivered to the sender`;
}

function samePorts(packet: Packet, sent: Packet, swapped: boolean): boolean {
  const a = packet.body;
  const b = sent.body;
  if (a.kind === "icmp" && b.kind === "icmp")
    return "id" in a.message && "id" in b.message && a.message.id === b.message.id;
  if ((a.kind === "tcp" || a.kind === "udp" || a.kind === "sctp") && a.kind === b.kind) {
    return swapped ? a.sport === b.dport && a.dport === b.sport : a.sport === b.sport && a.dport === b.dport;
  }
  return false;
}
