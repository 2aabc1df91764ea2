/** What a statement of an nftables rule does with a packet. */
import type { Ip } from "../../addressing/ip.ts";
import type { NfTarget, RejectWith } from "../model.ts";
import type { QueueProgram } from "../program.ts";
import type { Seen } from "../seen.ts";
import type { NftExpr, NftNat, NftReject, NftStatement, NftVerdict } from "./ast.ts";
import { elementFor, matches, scalarOf } from "./evaluate.ts";
import { elementText } from "./print.ts";
import { isVerdict } from "./verdict.ts";

export type Effect =
  /** The next statement follows. */
  | { readonly kind: "continue" }
  /** The rule does not match: the next rule follows. */
  | { readonly kind: "break" }
  | { readonly kind: "mark" | "connmark"; readonly value: number }
  /** `element`: the element of a map that matched. */
  | { readonly kind: "target"; readonly target: NfTarget; readonly element?: string | undefined };

const CONTINUE: Effect = { kind: "continue" };
const BREAK: Effect = { kind: "break" };

export function effectOf(statement: NftStatement, seen: Seen, program: QueueProgram | undefined): Effect {
  switch (statement.kind) {
    case "match":
      return matches(statement, seen) ? CONTINUE : BREAK;
    case "verdict":
      return verdictEffect(statement.verdict, undefined);
    case "vmap": {
      const found = elementFor(statement.key, statement.data, seen);
      return found?.data && isVerdict(found.data) ? verdictEffect(found.data, elementText(found)) : BREAK;
    }
    case "reject":
      return { kind: "target", target: { kind: "REJECT", with: REJECTIONS[statement.with] } };
    case "nat":
      return natEffect(statement, seen);
    case "mark": {
      const value = scalarOf(statement.value, seen);
      if (typeof value !== "number") return BREAK;
      return { kind: statement.of === "packet" ? "mark" : "connmark", value: value >>> 0 };
    }
    case "queue":
      if (program) return { kind: "target", target: { kind: "NFQUEUE", number: statement.number, program } };
      // Without a program on the queue, the packet is dropped unless the rule allows a bypass (nf_queue).
      return { kind: "target", target: { kind: statement.bypass ? "ACCEPT" : "DROP" } };
    case "notrack":
      return { kind: "target", target: { kind: "NOTRACK" } };
    case "limit":
    case "update":
      return statement.over ? BREAK : CONTINUE;
    case "other":
      return CONTINUE;
  }
}

const REJECTIONS: Readonly<Record<NftReject, RejectWith>> = {
  "port-unreachable": "icmp-port-unreachable",
  "admin-prohibited": "icmp-admin-prohibited",
  "host-prohibited": "icmp-host-prohibited",
  "host-unreachable": "icmp-host-unreachable",
  "net-unreachable": "icmp-net-unreachable",
  "tcp reset": "tcp-reset",
};

function verdictEffect(verdict: NftVerdict, element: string | undefined): Effect {
  switch (verdict.kind) {
    case "continue":
      return CONTINUE;
    case "accept":
      return { kind: "target", target: { kind: "ACCEPT" }, element };
    case "drop":
      return { kind: "target", target: { kind: "DROP" }, element };
    case "return":
      return { kind: "target", target: { kind: "RETURN" }, element };
    case "jump":
    case "goto":
      return {
        kind: "target",
        target: { kind: "JUMP", chain: verdict.chain, ...(verdict.kind === "goto" ? { goto: true } : {}) },
        element,
      };
  }
}

function natEffect({ nat, to, port }: NftNat, seen: Seen): Effect {
  if (nat === "masquerade") return { kind: "target", target: { kind: "MASQUERADE" } };
  const found = endpointFor(to, port, seen);
  const ip =
    nat === "redirect" ? seen.context.redirectTo(seen.packet) : (found?.ip ?? (to ? undefined : seen.packet.dst));
  if (!found || ip === undefined) return BREAK;
  if (nat === "snat") return { kind: "target", target: { kind: "SNAT", to: ip } };
  return {
    kind: "target",
    target: { kind: "DNAT", to: ip, ...(found.port === undefined ? {} : { port: found.port }) },
  };
}

interface Endpoint {
  readonly ip: Ip | undefined;
  readonly port: number | undefined;
}

/** The address and the port; undefined if a map has no element for the packet. */
function endpointFor(to: NftExpr | undefined, port: NftExpr | undefined, seen: Seen): Endpoint | undefined {
  const found = to?.kind === "map" ? elementFor(to.key, to.data, seen)?.data : to;
  if (to && (!found || isVerdict(found))) return undefined;
  const data = found && !isVerdict(found) ? found : undefined;
  const parts = data?.kind === "concat" ? data.parts : data ? [data] : [];
  const [ip, second] = parts.map((part) => scalarOf(part, seen));
  const number = port ? scalarOf(port, seen) : second;
  if (typeof ip === "string" || (to && ip === undefined)) return undefined;
  return { ip, port: typeof number === "number" ? number : undefined };
}
