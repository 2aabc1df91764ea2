/** The output of `nft list ruleset` as data (nft(8)): tables, chains, sets, maps, and the statements of rules. */
import type { Ip, Prefix } from "../../addressing/ip.ts";

export type NftFamily = "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev";

export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly chains: readonly NftChainDecl[];
  /** Sets and maps. */
  readonly sets: readonly NftSetDecl[];
  readonly line: number;
}

export interface NftChainDecl {
  readonly name: string;
  /** Only for base chains. */
  readonly base: NftBaseDecl | undefined;
  readonly rules: readonly NftRuleDecl[];
  readonly line: number;
}

/** `type filter hook forward priority -5; policy drop;` */
export interface NftBaseDecl {
  readonly type: string;
  readonly hook: string;
  readonly priority: number;
  readonly policy: "accept" | "drop";
  readonly line: number;
}

export interface NftRuleDecl {
  /** Undefined if a part of the rule is not modeled. */
  readonly statements: readonly NftStatement[] | undefined;
  readonly comment: string | undefined;
  /** As printed, without counters, handles, and comments. */
  readonly text: string;
  readonly line: number;
}

export interface NftSetDecl {
  readonly kind: "set" | "map";
  readonly name: string;
  readonly elements: readonly NftElement[];
  readonly line: number;
}

export interface NftElement {
  readonly key: NftExpr;
  /** Of maps: a verdict, or a value. */
  readonly data: NftVerdict | NftExpr | undefined;
  readonly line: number;
}

export type NftVerdict =
  | { readonly kind: "accept" | "drop" | "return" | "continue" }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

export type NftBitOperator = "&" | "|" | "^";
export type NftOperator = "implicit" | "==" | "!=" | "<" | ">" | "<=" | ">=";

/** A value of a packet, or in a rule. */
export type NftValue = Ip | string;

export type NftExpr =
  /** A property of the packet, its connection, or the system: "ip saddr", "meta mark", "ct state", "fib daddr type". */
  | { readonly kind: "field"; readonly name: string }
  /** "tcp", "eth0" */
  | { readonly kind: "word"; readonly text: string }
  /** "cali*": names that start with the text. */
  | { readonly kind: "wildcard"; readonly start: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "ip"; readonly ip: Ip }
  | { readonly kind: "prefix"; readonly prefix: Prefix }
  | { readonly kind: "range"; readonly first: Ip; readonly last: Ip; readonly text: string }
  | { readonly kind: "concat"; readonly parts: readonly NftExpr[] }
  /** Flags: "established,related". */
  | { readonly kind: "flags"; readonly parts: readonly NftExpr[] }
  | { readonly kind: "bits"; readonly op: NftBitOperator; readonly left: NftExpr; readonly right: NftExpr }
  | { readonly kind: "set"; readonly elements: readonly NftElement[] }
  /** "@name" */
  | { readonly kind: "reference"; readonly name: string }
  | { readonly kind: "map"; readonly key: NftExpr; readonly data: NftExpr }
  /** A number that the topology does not determine: `numgen`, `jhash`, `symhash`. */
  | { readonly kind: "random"; readonly modulus: number; readonly offset: number; readonly text: string }
  /** A set or map that can be searched, with the key's fields. */
  | {
      readonly kind: "lookup";
      readonly name: string | undefined;
      find(key: readonly NftValue[]): NftElement | undefined;
    };

export type NftStatement =
  | { readonly kind: "match"; readonly op: NftOperator; readonly left: NftExpr; readonly right: NftExpr }
  | { readonly kind: "verdict"; readonly verdict: NftVerdict }
  | { readonly kind: "vmap"; readonly key: NftExpr; readonly data: NftExpr }
  | { readonly kind: "reject"; readonly with: NftReject }
  | NftNat
  | { readonly kind: "mark"; readonly of: "packet" | "connection"; readonly value: NftExpr }
  | { readonly kind: "queue"; readonly number: number; readonly bypass: boolean }
  | { readonly kind: "notrack" }
  /** `limit`, `quota`, `ct count`: the first packet is below the limit, so it matches unless the rule matches packets above it. */
  | { readonly kind: "limit"; readonly over: boolean; readonly text: string }
  /** `update @set { ip saddr }`; `over`: with a limit that only packets above it match. */
  | { readonly kind: "update"; readonly over: boolean; readonly text: string }
  /** Without an effect that is modeled: `log`, changes of other fields. */
  | { readonly kind: "other"; readonly text: string };

export interface NftNat {
  readonly kind: "nat";
  readonly nat: "snat" | "dnat" | "masquerade" | "redirect";
  /** With `port`, or alone: an address, an address and a port as a concatenation, or an expression for either. */
  readonly to: NftExpr | undefined;
  readonly port: NftExpr | undefined;
}

export type NftReject =
  | "port-unreachable"
  | "admin-prohibited"
  | "host-prohibited"
  | "host-unreachable"
  | "net-unreachable"
  | "tcp reset";
