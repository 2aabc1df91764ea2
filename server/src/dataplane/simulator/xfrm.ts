/** IPsec in tunnel mode as net/xfrm has it: no device, policies on the way out and in. */
import { formatIp } from "../../addressing/ip.ts";
import type { StepRule } from "../journey.ts";
import type { Device, Netns, XfrmDirection, XfrmPolicy, XfrmState } from "../model.ts";
import { espLength, espRoom, type Packet } from "../packet.ts";
import { policyText, stateText } from "../text.ts";
import { type End, fail, type Run, step } from "./run.ts";
import { keyExchange, withoutSession } from "./session.ts";

export interface Outbound {
  readonly policy: XfrmPolicy;
  readonly state: XfrmState;
}

/** xfrm_lookup: undefined where no policy wants the packet, an end where one does and there is no association for it. */
export function outbound(run: Run, netns: Netns, packet: Packet, device: string): Outbound | End | undefined {
  const policy = netns.xfrm?.policy("out", packet.src, packet.dst);
  if (!policy) return undefined;
  const { src, dst } = policy.template;
  const state = netns.xfrm?.state(src, dst);
  const failure = state && keyExchange(run, netns, src, dst, state.udpPort !== undefined);
  if (state && !failure) return { policy, state };
  // xfrm_larval_drop: dropped without a word while IKE tries again and again.
  const end = fail(run, netns, packet, {
    verdict: "dropped",
    code: "no-session",
    message: failure
      ? `there is no security association with ${formatIp(dst)}, since the key exchange (IKE) fails: ${failure.message}`
      : `there is no security association with ${formatIp(dst)}: the two ends do not agree`,
    device,
    rule: policyRule(policy),
    origin: policy.origin,
  });
  return withoutSession(end, failure);
}

export function isEnd(found: Outbound | End | undefined): found is End {
  return found !== undefined && "verdict" in found;
}

/** The largest packet that fits behind the association on a link of this MTU. */
export function roomBehind(mtu: number, found: Outbound | undefined): number {
  if (!found) return mtu;
  const { state } = found;
  return espRoom(mtu, state.cipher, typeof state.dst === "number" ? 4 : 6, state.udpPort !== undefined);
}

/** esp_output; the outer DF bit is the inner one (xfrm4_mode_tunnel). The outer packet is the node's own. */
export function encapsulateEsp(run: Run, netns: Netns, device: Device, packet: Packet, found: Outbound): End {
  const { policy, state } = found;
  const inUdp = state.udpPort !== undefined;
  const length = espLength(packet.length, state.cipher, typeof state.dst === "number" ? 4 : 6, inUdp);
  const inner: Packet = { ...packet, secpath: undefined };
  const made: Omit<Packet, "src"> = {
    dst: state.dst,
    ttl: 64,
    df: typeof state.dst === "number" && packet.df,
    length,
    mark: packet.mark,
    body:
      state.udpPort === undefined
        ? { kind: "esp", spi: state.spi, inner }
        : { kind: "udp", sport: state.udpPort, dport: state.udpPort, carries: { kind: "esp", spi: state.spi, inner } },
  };
  step(
    run,
    netns,
    device.name,
    null,
    "encapsulate",
    `in ESP${inUdp ? ` and UDP port ${state.udpPort}` : ""} to ${formatIp(state.dst)}, ${length - packet.length} bytes more`,
    { ...made, src: state.src },
    policyRule(policy),
  );
  run.overhead += length - packet.length;
  return run.stack.originate(run, netns, made, state.src);
}

/** xfrm_input: the inner packet comes in once more by the same device. */
export function decapsulateEsp(run: Run, netns: Netns, packet: Packet, inner: Packet, device: Device): End {
  const state = netns.xfrm?.state(packet.src, packet.dst);
  if (!state) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "no-session",
      message: `${netns.id} has no security association for ESP from ${formatIp(packet.src)}`,
      device: device.name,
      origin: netns.origin,
    });
  }
  step(run, netns, device.name, null, "decapsulate", `ESP from ${formatIp(packet.src)} is decrypted`, packet, {
    table: "xfrm state",
    text: stateText(state),
    origin: state.origin,
  });
  run.overhead = Math.max(0, run.overhead - (packet.length - inner.length));
  const fresh: Packet = { ...inner, mark: 0, secpath: { src: packet.src, dst: packet.dst } };
  step(run, netns, device.name, "in", "receive", `${netns.id} receives it on ${device.name} once more`, fresh);
  return run.stack.receiveIp(run, netns, device, fresh, false);
}

/** __xfrm_policy_check: what a policy wants encrypted must have been, and what was must be wanted by a policy. */
export function refusedByPolicy(
  run: Run,
  netns: Netns,
  direction: Exclude<XfrmDirection, "out">,
  packet: Packet,
  device: string,
): End | undefined {
  if (!netns.xfrm) return undefined;
  const policy = netns.xfrm.policy(direction, packet.src, packet.dst);
  const { secpath } = packet;
  if (!policy && !secpath) return undefined;
  if (policy && secpath?.src === policy.template.src && secpath.dst === policy.template.dst) return undefined;
  return fail(run, netns, packet, {
    verdict: "dropped",
    code: "policy-mismatch",
    message: policy
      ? `${netns.id} discards a packet from ${formatIp(packet.src)} that did not come through ESP from ${formatIp(policy.template.src)}`
      : `${netns.id} discards a packet from ${formatIp(packet.src)} out of ESP that no policy allows`,
    device,
    ...(policy ? { rule: policyRule(policy) } : { origin: netns.origin }),
  });
}

function policyRule(policy: XfrmPolicy): StepRule {
  return { table: "xfrm policy", text: policyText(policy), origin: policy.origin };
}

export function isEsp(packet: Packet): boolean {
  const { body } = packet;
  return body.kind === "esp" || (body.kind === "udp" && body.carries?.kind === "esp");
}
