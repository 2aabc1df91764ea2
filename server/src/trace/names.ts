/** Names of the values of a trace: the actions of hops, and ICMP messages. Used by the renderers and by the panel. */
import { phrase, t, translated } from "../text/l10n.ts";
import type { Hop } from "./schema.ts";

const ACTIONS: Readonly<Record<Hop["action"], string>> = {
  send: phrase("send"),
  route: phrase("route"),
  bridge: phrase("bridge"),
  encapsulate: phrase("encapsulate"),
  decapsulate: phrase("decapsulate"),
  dnat: "DNAT",
  snat: "SNAT",
  filter: phrase("filter"),
  neighbour: phrase("neighbor"),
  fragment: phrase("fragment"),
  receive: phrase("receive"),
  deliver: phrase("deliver"),
  reject: phrase("reject"),
  drop: phrase("drop"),
};

/** The name of an action: "send", "DNAT"; for an action of a newer server, the action itself. */
export function actionText(action: Hop["action"]): string {
  return translated(ACTIONS[action] ?? action);
}

const icmp4: Readonly<Record<string, string>> = {
  "0/0": "echo reply",
  "8/0": "echo request",
  "3/0": "network unreachable",
  "3/1": "host unreachable",
  "3/2": "protocol unreachable",
  "3/3": "port unreachable",
  "3/4": "fragmentation needed",
  "3/9": "network administratively prohibited",
  "3/10": "host administratively prohibited",
  "3/13": "communication administratively prohibited",
  "11/0": "time to live exceeded",
  "11/1": "fragment reassembly time exceeded",
};
const icmp6: Readonly<Record<string, string>> = {
  "128/0": "echo request",
  "129/0": "echo reply",
  "1/0": "no route to destination",
  "1/1": "administratively prohibited",
  "1/3": "address unreachable",
  "1/4": "port unreachable",
  "2/0": "packet too big",
  "3/0": "hop limit exceeded",
};

/** "port unreachable" for ICMP type 3 code 3 (RFC 792, RFC 4443). */
export function icmpName(type: number, code: number, v6 = false): string {
  const key = `${type}/${code}`;
  return (v6 ? (icmp6[key] ?? icmp4[key]) : (icmp4[key] ?? icmp6[key])) ?? t`type ${type} code ${code}`;
}
