/** Outputs with one entry per line, or few lines: ipvsadm, sysctl, wg, and ip xfrm. */

import { parseIp } from "../../addressing/ip.ts";
import type { XfrmDirection, XfrmPolicy } from "../../dataplane/model.ts";
import type {
  Located,
  RealDestination,
  RealPeer,
  RealSecurityAssociation,
  RealServer,
  RealSysctl,
} from "../../dataplane/real/state.ts";
import { ipAndPort, prefixOfText, wholeNumber } from "../../dataplane/values.ts";
import { entryOf } from "../../text/table.ts";
import type { Locate } from "./place.ts";
import { after, type Block, wordsOf } from "./text.ts";

/* -------------------------------------------------------------------- ipvs */

export function isIpvsLine({ lines: [{ text }] }: Block): boolean {
  return /^-[Aa] (?:-[tuf]|--(?:tcp|udp|sctp|fwmark)-service) /.test(text);
}

const PROTOCOLS: Readonly<Record<string, RealServer["proto"] | undefined>> = {
  "-t": "tcp",
  "--tcp-service": "tcp",
  "-u": "udp",
  "--udp-service": "udp",
  "--sctp-service": "sctp",
};

/** `ipvsadm -Sn`. Real servers in another mode than masquerading, and those with weight 0, receive no connections. */
export function serversOf(blocks: readonly Block[], locate: Locate): readonly RealServer[] {
  const servers = new Map<string, RealServer & { readonly servers: RealDestination[] }>();
  for (const block of blocks) {
    const words = wordsOf(block);
    const [verb, option = "", address = ""] = words;
    const proto = entryOf(PROTOCOLS, option);
    const virtual = ipAndPort(address);
    if (!proto || !virtual) continue;
    const key = `${option} ${address}`;
    const origin = locate(block.span);
    if (verb === "-A") {
      const persistence = wholeNumber(after(words, "-p"));
      servers.set(key, { proto, ...virtual, scheduler: after(words, "-s") ?? "wlc", persistence, servers: [], origin });
    } else {
      const real = ipAndPort(after(words, "-r") ?? "");
      if (real && words.includes("-m") && after(words, "-w") !== "0")
        servers.get(key)?.servers.push({ ...real, origin });
    }
  }
  return [...servers.values()];
}

/* ------------------------------------------------------------------ sysctl */

const SYSCTL = /^(?<name>[a-z]\w*(?:[./][\w/@:*+-]+)+)\s*=\s*(?<value>.*)$/;

export function isSysctl({ lines: [{ text }] }: Block): boolean {
  return SYSCTL.test(text);
}

/** Name and value. procps prints "net.ipv4.conf.a/b.rp_filter" for device a.b, and older versions use slashes as separators. */
export function sysctlOf(block: Block, locate: Locate): readonly [string, RealSysctl] | undefined {
  const { name, value } = SYSCTL.exec(block.lines[0].text)?.groups ?? {};
  if (name === undefined || value === undefined) return undefined;
  return [name.replaceAll("/", "."), { value: value.trim(), origin: locate(block.span) }];
}

/* --------------------------------------------------------------- WireGuard */

/** `wg show all dump`: a row of 5 columns per device, rows of 9 columns for its peers. Private and preshared keys are skipped. */
export function isWireguardRow({ lines: [{ text }] }: Block): boolean {
  const { length } = text.split("\t");
  return length === 5 || length === 9;
}

export function listenPortOf(block: Block): readonly [string, number] | undefined {
  const [device, , , port, ...more] = block.lines[0].text.split("\t");
  const number = wholeNumber(port);
  return more.length !== 1 || device === undefined || number === undefined ? undefined : [device, number];
}

export function peerOf(block: Block, locate: Locate): RealPeer | undefined {
  const columns = block.lines[0].text.split("\t");
  const [device, publicKey, , endpoint = "", allowed = ""] = columns;
  if (columns.length !== 9 || device === undefined || publicKey === undefined) return undefined;
  return {
    device,
    publicKey,
    endpoint: ipAndPort(endpoint),
    allowedIps: allowed.split(",").flatMap((one) => prefixOfText(one) ?? []),
    origin: locate(block.span),
  };
}

/* ------------------------------------------------------------------- IPsec */

export function isXfrm({ lines: [{ text }] }: Block): boolean {
  return /^src \S+ dst \S+/.test(text);
}

/** A policy has a direction, a security association an SPI. Keys are skipped. */
export function xfrmPolicyOf(block: Block, locate: Locate): Located<XfrmPolicy> | undefined {
  const words = wordsOf(block);
  const direction = after(words, "dir");
  const template = words.slice(words.indexOf("tmpl"));
  const src = prefixOfText(words[1] ?? "");
  const dst = prefixOfText(words[3] ?? "");
  const from = parseIp(after(template, "src") ?? "");
  const to = parseIp(after(template, "dst") ?? "");
  if (!isDirection(direction) || !src || !dst || from === undefined || to === undefined) return undefined;
  const reqid = wholeNumber(after(template, "reqid")) ?? 0;
  return { direction, src, dst, template: { src: from, dst: to, reqid }, origin: locate(block.span) };
}

function isDirection(text: string | undefined): text is XfrmDirection {
  return text === "in" || text === "out" || text === "fwd";
}

export function securityAssociationOf(block: Block, locate: Locate): RealSecurityAssociation | undefined {
  const words = wordsOf(block);
  const src = parseIp(words[1] ?? "");
  const dst = parseIp(words[3] ?? "");
  const spi = wholeNumber(after(words, "spi"));
  if (src === undefined || dst === undefined || spi === undefined) return undefined;
  const udpPort = words.includes("espinudp") ? wholeNumber(after(words, "dport")) : undefined;
  return { src, dst, spi, reqid: wholeNumber(after(words, "reqid")) ?? 0, udpPort, origin: locate(block.span) };
}
