/**
 * The shape of the schema: the one table from which validation, completion, hover, semantic tokens, rename, the TextMate
 * keywords and docs/language.md come. A keyword is a row; a place where statements stand is a context.
 */

/** Where a statement may stand: "file", "cluster", "node", "cni flannel" … A context is opened by a keyword's block. */
export type Context = string;

/** What a name stands for; the unit of definition, reference and rename. */
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
  | "gateway";

export type ArgType =
  /** A name that this statement defines; `alias`: one that DNS knows, of a host or a service. */
  | { readonly kind: "name"; readonly alias?: true }
  /** The name of a network device: 1 to 15 characters (IFNAMSIZ); read as a name. */
  | { readonly kind: "device"; readonly orAddress?: boolean }
  /** A name or path that refers to something defined elsewhere. */
  | { readonly kind: "ref"; readonly to: readonly SymbolKind[]; readonly orAddress?: boolean }
  | { readonly kind: "address" }
  /** 10.0.0.0/16: no bits below the length. `orAddress`: an address alone means itself, as /32 or /128. */
  | { readonly kind: "prefix"; readonly orDefault?: boolean; readonly orAddress?: boolean }
  /** 10.0.0.1 or 10.0.0.1/24; `lengthRequired`: only the latter. */
  | { readonly kind: "interface-address"; readonly lengthRequired?: boolean }
  /** /24 */
  | { readonly kind: "prefix-length" }
  | { readonly kind: "number"; readonly min: number; readonly max: number; readonly unit?: string }
  | { readonly kind: "boolean" }
  | { readonly kind: "enum"; readonly values: readonly EnumValue[] }
  /** 8080, 8080/tcp, 30000-32767/udp; `protocol: false` forbids the suffix. `named`: also http, dns/udp, and udp for all its ports. */
  | { readonly kind: "ports"; readonly protocol: boolean; readonly range: boolean; readonly named?: boolean }
  /** 1..50, also 01..50 (kept width). */
  | { readonly kind: "index-range"; readonly max: number }
  /** app=web */
  | { readonly kind: "label" }
  /** One condition of a label selector: app=web, tier!=db, tier in [a b], tier notin [a b], tier, !tier; * for all. */
  | { readonly kind: "selector" }
  /** The name of a port: http (IANA_SVC_NAME). */
  | { readonly kind: "port-name" }
  /** An end of a packet: path, address, optionally :port[/proto]. */
  | { readonly kind: "endpoint"; readonly port: boolean; readonly addressOnly?: boolean }
  | { readonly kind: "string" }
  | { readonly kind: "sysctl" };

export interface EnumValue {
  readonly value: string;
  readonly summary: string;
}

export interface ArgSpec {
  readonly name: string;
  readonly type: ArgType;
  /** The argument follows this literal ("via", "on", "->", of several words: "mtu >="); otherwise it is positional. */
  readonly after?: string;
  readonly optional?: boolean;
  /** Takes several: a bracketed list, or further words up to the next literal. */
  readonly many?: boolean;
  /** Another literal may follow `after` at once: `from namespaces team=a`. */
  readonly opens?: boolean;
  readonly summary: string;
  /** As printed in the documentation: "1500", "first host address of the segment". */
  readonly default?: string;
}

/** A literal word that is a choice of its own without a value: `blackhole` in `route 10.0.0.0/8 blackhole`. */
export interface FlagSpec {
  readonly name: string;
  readonly flag: true;
  readonly summary: string;
}

export interface KeywordSpec {
  readonly keyword: string;
  /** Contexts in which it may stand. */
  readonly in: readonly Context[];
  readonly args: readonly (ArgSpec | FlagSpec)[];
  /** Kind of the symbol that the argument called `name` defines. */
  readonly defines?: SymbolKind;
  /** Context inside the block; by the value of an enum argument where it depends on it; absent = no block. */
  readonly block?: Context | { readonly by: string; readonly contexts: Readonly<Record<string, Context>> };
  readonly blockRequired?: boolean;
  /** Of these arguments and flags at least one, at most one: `route` has either `via` or `blackhole`. */
  readonly atLeastOneOf?: readonly string[];
  readonly atMostOneOf?: readonly string[];
  readonly repeat: "once" | "many";
  /** Must be present in its context. */
  readonly required?: boolean;
  readonly summary: string;
  /** Markdown, a few sentences: what it does in the kernel or in Kubernetes, the defaults, the source. */
  readonly documentation: string;
  readonly default?: string;
  /** A complete, valid file in which the keyword occurs; checked by a test, printed in docs/language.md. */
  readonly example: string;
  /** LSP snippet body for completion; derived from `args` where absent. */
  readonly snippet?: string;
}
