/** Local delivery: INPUT, sockets, kernel replies, tunnel endpoints. */
import { formatIp } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { t } from "../../text/l10n.ts";
import { isAnycast } from "../fib.ts";
import type { Device, Netns, NetnsId } from "../model.ts";
import type { Tracking } from "../netfilter.ts";
import { familyOf, icmpErrorOf, innerOf, type Packet, reassembled } from "../packet.ts";
import { balance, LOCAL_IN } from "./ipvs.ts";
import { type End, fail, hook, machine, type Run, step } from "./run.ts";
import { decapsulate } from "./tunnels.ts";
import { decapsulateWireguard } from "./wireguard.ts";
import { decapsulateEsp, isEsp, refusedByPolicy } from "./xfrm.ts";

/** ip_local_deliver: INPUT, then the protocol handler. */
export function deliver(run: Run, netns: Netns, arrived: Packet, device: Device | undefined, tracking: Tracking): End {
  const name = device?.name ?? "lo";
  const isBalanced = netns.ipvs !== undefined && run.waiting === undefined;
  const priorities = isBalanced ? { before: LOCAL_IN } : {};
  const input = hook(run, netns, "INPUT", arrived, tracking, { in: name, ...priorities });
  if (input.end) return input.end;
  let packet = reassembled(input.packet);
  if (isBalanced) {
    const balanced = balance(run, netns, packet, tracking, device);
    if (balanced?.kind === "sent") return balanced.end;
    const late = hook(run, netns, "INPUT", balanced?.packet ?? packet, tracking, { in: name, from: LOCAL_IN });
    if (late.end) return late.end;
    packet = late.packet;
  }
  const inner = innerOf(packet);
  if (inner) return decapsulated(run, netns, packet, inner, device, name);
  const refused = refusedByPolicy(run, netns, "in", packet, name);
  if (refused) return refused;
  if (run.waiting) return deliverAnswer(run, netns, packet, name, run.waiting);
  const body = packet.body;
  switch (body.kind) {
    case "icmp":
      if (body.message.kind === "echo-request")
        return delivered(run, netns, packet, name, t`the kernel replies to the ping`, undefined, undefined);
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "protocol-unknown",
        message: t`${machine(netns)} drops an unsolicited ICMP message`,
        device: name,
      });
    case "tcp":
    case "udp":
    case "sctp": {
      if (body.kind === "tcp" && isAnycast(netns, packet.dst, name))
        return fail(run, netns, packet, {
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
        return delivered(
          run,
          netns,
          packet,
          name,
          t`delivered to ${socket.process} (listening on ${body.dport}/${body.kind})`,
          socket.process,
          socket.origin,
        );
      return fail(run, netns, packet, {
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

function decapsulated(
  run: Run,
  netns: Netns,
  packet: Packet,
  inner: Packet,
  device: Device | undefined,
  name: string,
): End {
  const carries = packet.body.kind === "udp" ? packet.body.carries : undefined;
  if (isEsp(packet) && device) return decapsulateEsp(run, netns, packet, inner, device);
  if (carries?.kind === "wireguard") return decapsulateWireguard(run, netns, packet, carries, name);
  return decapsulate(run, netns, packet, inner, name);
}

function delivered(
  run: Run,
  netns: Netns,
  packet: Packet,
  device: string,
  text: string,
  process: string | undefined,
  origin: Source | undefined,
): End {
  step(run, netns, device, null, "deliver", text, packet, {
    table: "socket",
    text: `local ${formatIp(packet.dst)}`,
    origin,
  });
  return { verdict: "delivered", netns, packet, reason: undefined, process };
}

/** The socket that sent the request accepts replies only from the destination of the request. */
function deliverAnswer(
  run: Run,
  netns: Netns,
  packet: Packet,
  device: string,
  waiting: { netns: NetnsId; packet: Packet },
): End {
  const sent = waiting.packet;
  const error = icmpErrorOf(packet);
  const quoted = error?.about;
  const mine = quoted
    ? netns.id === waiting.netns && quoted.src === sent.src && quoted.dst === sent.dst && samePorts(quoted, sent, false)
    : netns.id === waiting.netns && packet.dst === sent.src && packet.src === sent.dst && samePorts(packet, sent, true);
  if (mine)
    return delivered(
      run,
      netns,
      packet,
      device,
      error ? t`ICMP error delivered to the sender` : replyText(packet),
      undefined,
      undefined,
    );
  return fail(run, netns, packet, {
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
