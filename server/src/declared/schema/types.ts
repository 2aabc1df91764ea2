/**
 * The types of the schema. The schema is the table from which validation, completion, hovers, semantic tokens, rename, the
 * TextMate grammar, and docs/language.md are derived. A keyword is a row; a block in which statements can appear is a context.
 */

/** The block that contains a statement: "file", "cluster", "node", "cni flannel", … A keyword's block opens a context. */
export type Context = string;

/** What a name refers to; the unit of go-to-definition, find-references, and rename. */
export type SymbolKind =
  | "segment"
  | "router"
  | "host"
  | "cluster"
  | "node"
  | "namespace"
  | "pod"
  | "workload"
  | "service"
  | "container"
  | "daemon"
  | "policy"
  | "ingress"
  | "gateway"
  | "security-group";

/** The unit of a number. */
export type Unit = "bytes" | "pods" | "seconds";

export type ArgType =
  /** A name that this statement defines; `alias`: a DNS name of a host or a service. */
  | { readonly kind: "name"; readonly alias?: true }
  /** The name of a network device: 1 to 15 bytes (IFNAMSIZ); read as a name. `creates`: of a device that the statement creates. */
  | { readonly kind: "device"; readonly orAddress?: boolean; readonly creates?: true }
  /** A name or path that refers to a declaration elsewhere. */
  /** `withKind`: the kind can precede the path (`node/prod/n1`). */
  | {
      readonly kind: "ref";
      readonly to: readonly SymbolKind[];
      readonly orAddress?: boolean;
      readonly withKind?: boolean;
      /** Also the name of a network device, which is not declared. */
      readonly orDevice?: true;
    }
  | { readonly kind: "address" }
  /** 10.0.0.0/16, without host bits. `orAddress`: an address without a length is read as /32 or /128. */
  | { readonly kind: "prefix"; readonly orDefault?: boolean; readonly orAddress?: boolean }
  /** 10.0.0.1 or 10.0.0.1/24; `lengthRequired`: the prefix length is mandatory. */
  | { readonly kind: "interface-address"; readonly lengthRequired?: boolean }
  /** /24 */
  | { readonly kind: "prefix-length" }
  /** A whole number; `decimals`: also 10.5. */
  | {
      readonly kind: "number";
      readonly min: number;
      readonly max: number;
      readonly unit?: Unit;
      readonly decimals?: true;
    }
  | { readonly kind: "boolean" }
  | { readonly kind: "enum"; readonly values: readonly EnumValue[] }
  /** 8080, 8080/tcp, 30000-32767/udp; `protocol: false` forbids the suffix. `named`: also http, dns/udp, and udp (all UDP ports). */
  /** `icmp`: also the protocol ICMP, which has no ports. */
  | {
      readonly kind: "ports";
      readonly protocol: boolean;
      readonly range: boolean;
      readonly named?: boolean;
      readonly icmp?: true;
    }
  /** 1..50, also 01..50 (the width is kept). */
  | { readonly kind: "index-range"; readonly max: number }
  /** app=web */
  | { readonly kind: "label" }
  /** One term of a label selector: app=web, tier!=db, tier in [a b], tier notin [a b], tier, !tier; * matches all. */
  | { readonly kind: "selector" }
  /** A port name: http (IANA_SVC_NAME). */
  | { readonly kind: "port-name" }
  /** The source or destination of a packet: a path or an address, optionally with :port[/proto]. */
  | { readonly kind: "endpoint"; readonly port: boolean; readonly addressOnly?: boolean }
  | { readonly kind: "string" }
  /** An ICMP type, or type and code: 8, 3/4. */
  | { readonly kind: "icmp-type" }
  /** A routing table: 1 to 4294967295, or main, default, local. */
  | { readonly kind: "routing-table" }
  /** A TCP maximum segment size, or `to-pmtu`. */
  | { readonly kind: "mss" }
  /** A packet mark with an optional mask: 0x100/0xff00. */
  | { readonly kind: "mark" }
  | { readonly kind: "sysctl" }
  /** 02:42:0a:00:00:05 */
  | { readonly kind: "mac" };

export interface EnumValue {
  readonly value: string;
  readonly summary: string;
}

export interface ArgSpec {
  readonly name: string;
  readonly type: ArgType;
  /** The literal before the argument ("via", "on", "->", or several tokens: "mtu >="); an argument without it is positional. */
  readonly after?: string;
  readonly optional?: boolean;
  /** Accepts several values: a bracketed list, or more arguments up to the next literal. */
  readonly many?: boolean;
  /** Another literal can follow `after` directly, without a value in between: `from namespaces team=a`. */
  readonly opens?: boolean;
  readonly summary: string;
  /** As printed in the documentation: "1500", "first host address of the segment". */
  readonly default?: string;
}

/** A literal without a value: `blackhole` in `route 10.0.0.0/8 blackhole`. */
export interface FlagSpec {
  readonly name: string;
  readonly flag: true;
  readonly summary: string;
}

export interface KeywordSpec {
  readonly keyword: string;
  /** Contexts in which the keyword is allowed. */
  readonly in: readonly Context[];
  readonly args: readonly (ArgSpec | FlagSpec)[];
  /** Kind of the symbol that the argument named `name` defines. */
  readonly defines?: SymbolKind;
  /** Context of the block; with `by`, it depends on the value of an enum argument. Absent: the keyword has no block. */
  readonly block?: Context | { readonly by: string; readonly contexts: Readonly<Record<string, Context>> };
  readonly blockRequired?: boolean;
  /** At least one, at most one of these arguments and flags: `route` has either `via` or `blackhole`. */
  readonly atLeastOneOf?: readonly string[];
  readonly atMostOneOf?: readonly string[];
  readonly repeat: "once" | "many";
  /** The statement is mandatory in its context. */
  readonly required?: boolean;
  readonly summary: string;
  /** Markdown, a few sentences: the effect in the kernel or in Kubernetes, the defaults, the source. */
  readonly documentation: string;
  readonly default?: string;
  /** A complete, valid file that contains the keyword; verified by a test, printed in docs/language.md. */
  readonly example: string;
  /** LSP snippet body for completion; derived from `args` if absent. */
  readonly snippet?: string;
}
