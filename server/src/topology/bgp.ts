/** A router's `bgp` block as written. */

import { addressOf, all, has, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import type { BgpPeerSpec, BgpSpec } from "./model.ts";

export function readBgp(file: string, decl: Decl): BgpSpec | undefined {
  const as = oneOf(decl, "as", "number")?.value;
  if (as === undefined) return undefined;
  const peers: BgpPeerSpec[] = [];
  const advertises: BgpSpec["advertises"][number][] = [];
  for (const statement of decl.children) {
    switch (statement.spec?.keyword) {
      case "peer":
      case "listen-range": {
        const peer = readPeer(file, statement);
        if (peer !== undefined) peers.push(peer);
        break;
      }
      case "advertise":
        for (const read of all(statement, "prefixes")) {
          if (read.value.kind !== "prefix") continue;
          advertises.push({ prefix: read.value.prefix, source: sourceOfRead(file, statement, read) });
        }
        break;
      default:
        break;
    }
  }
  return { as, clusterId: addressOf(decl, "cluster-id"), peers, advertises, source: sourceOf(file, decl) };
}

function readPeer(file: string, decl: Decl): BgpPeerSpec | undefined {
  const as = oneOf(decl, "as", "number")?.value;
  const peer = oneOf(decl, "peer", "ref");
  const range = oneOf(decl, "range", "prefix");
  const to: BgpPeerSpec["to"] | undefined =
    range !== undefined
      ? { kind: "range", prefix: range.prefix }
      : peer?.address !== undefined
        ? { kind: "address", ip: peer.address }
        : peer && { kind: "name", text: peer.text };
  if (as === undefined || to === undefined) return undefined;
  return {
    to,
    as,
    asOverride: has(decl, "as-override"),
    allowAsIn: has(decl, "allowas-in"),
    routeReflectorClient: has(decl, "route-reflector-client"),
    source: sourceOf(file, decl),
  };
}
