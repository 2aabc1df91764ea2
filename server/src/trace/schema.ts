/**
 * JSON form of a trace (`knet-trace/1`), defined once: TypeBox provides the TypeScript types and the JSON Schema in the
 * package. The command line prints it, the panel draws it, tests read it. The shape is part of the published contract.
 */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false } as const;

export const Position = Type.Object({ line: Type.Integer(), character: Type.Integer() }, strict);
export const Location = Type.Object(
  {
    /** Path or URI of the file, as passed by the user. */
    file: Type.String(),
    range: Type.Object({ start: Position, end: Position }, strict),
  },
  strict,
);

export const Header = Type.Union([
  Type.Object(
    {
      kind: Type.Literal("ip"),
      src: Type.String(),
      dst: Type.String(),
      ttl: Type.Integer(),
      proto: Type.String(),
      df: Type.Boolean(),
    },
    strict,
  ),
  Type.Object(
    {
      kind: Type.Enum(["tcp", "udp", "sctp"]),
      sport: Type.Integer(),
      dport: Type.Integer(),
      flags: Type.Optional(Type.String()),
      /** The maximum segment size of a SYN, if a machine on the path lowered it. */
      mss: Type.Optional(Type.Integer()),
    },
    strict,
  ),
  Type.Object(
    { kind: Type.Literal("icmp"), type: Type.Integer(), code: Type.Integer(), mtu: Type.Optional(Type.Integer()) },
    strict,
  ),
  Type.Object({ kind: Type.Enum(["vxlan", "geneve"]), vni: Type.Integer() }, strict),
  /** The following headers are encrypted. */
  Type.Object({ kind: Type.Enum(["wireguard", "esp"]) }, strict),
  Type.Object({ kind: Type.Literal("ethernet"), src: Type.String(), dst: Type.String() }, strict),
]);

export const Packet = Type.Object(
  {
    /** Outermost first. Ethernet headers are listed only inside a tunnel. */
    headers: Type.Array(Header),
    /** Length of the outermost IP packet in bytes. */
    length: Type.Integer(),
    /** TTL of the innermost IP header. */
    ttl: Type.Integer(),
  },
  strict,
);

export const Action = Type.Enum([
  "send",
  "route",
  "bridge",
  "encapsulate",
  "decapsulate",
  "dnat",
  "snat",
  "filter",
  "neighbour",
  "fragment",
  "receive",
  "deliver",
  "reject",
  "drop",
]);

export const Rule = Type.Object(
  {
    /** "main", "local", "neigh", "fdb", "filter/FORWARD", "nat/POSTROUTING", "sysctl", "socket" … */
    table: Type.String(),
    /** In the syntax of the Linux tools (iproute2, iptables-save, …). */
    text: Type.String(),
    /** Reason for the entry, shown to users. */
    why: Type.Optional(Type.String()),
    location: Type.Optional(Location),
  },
  strict,
);

export const Hop = Type.Object(
  {
    netns: Type.String(),
    /** "pod prod/shop/web", "node prod/n1", "router tor", "host laptop", "segment rack-a". */
    owner: Type.String(),
    device: Type.String(),
    /** Device crossing, as seen by tcpdump; null for a decision inside the network namespace. */
    direction: Type.Union([Type.Literal("in"), Type.Literal("out"), Type.Null()]),
    action: Action,
    /** Description of the step, shown to users. */
    text: Type.String(),
    rule: Type.Optional(Rule),
    packet: Packet,
  },
  strict,
);

/** `misdelivered`: a machine other than the named target received the packet. */
export const Verdict = Type.Enum(["delivered", "misdelivered", "dropped", "rejected", "unreachable", "looped"]);

export const Reason = Type.Object(
  { code: Type.String(), message: Type.String(), location: Type.Optional(Location) },
  strict,
);

export const SenderError = Type.Object(
  {
    kind: Type.Enum(["icmp", "rst", "local"]),
    type: Type.Optional(Type.Integer()),
    code: Type.Optional(Type.Integer()),
    from: Type.Optional(Type.String()),
    mtu: Type.Optional(Type.Integer()),
    errno: Type.Optional(Type.String()),
  },
  strict,
);

const walk = {
  verdict: Verdict,
  probability: Type.Number(),
  reason: Type.Optional(Reason),
  error: Type.Optional(SenderError),
  hops: Type.Array(Hop),
  receiver: Type.Optional(
    Type.Object(
      { src: Type.String(), sport: Type.Optional(Type.Integer()), process: Type.Optional(Type.String()) },
      strict,
    ),
  ),
  mtu: Type.Integer(),
};
export const Reply = Type.Object(walk, strict);
export const Path = Type.Object({ ...walk, reply: Type.Optional(Reply) }, strict);

/** What happens to the packet. */
const outcome = {
  /** How names are resolved: "inside cluster prod, prod/shop/api is reached at ClusterIP 10.96.1.0". */
  notes: Type.Optional(Type.Array(Type.String())),
  /** The DNS query, if the target is a DNS name. Without an answer, the packet is never sent. */
  lookup: Type.Optional(
    Type.Object(
      {
        name: Type.String(),
        /** Queried names in order; the last one resolves. */
        asked: Type.Array(Type.String()),
        answers: Type.Array(Type.String()),
        /** The DNS service; absent if the file does not declare one. */
        server: Type.Optional(Type.String()),
        answered: Type.Boolean(),
        /** One path per endpoint of the DNS service. */
        paths: Type.Array(Path),
      },
      strict,
    ),
  ),
  /** The connection that a proxy opens to a backend pod. `verdict` covers both connections. */
  proxied: Type.Optional(
    Type.Object(
      {
        /** The ingress or HTTP route. */
        by: Type.String(),
        to: Type.String(),
        verdict: Verdict,
        answered: Type.Boolean(),
        paths: Type.Array(Path),
      },
      strict,
    ),
  ),
  verdict: Verdict,
  answered: Type.Boolean(),
  paths: Type.Array(Path),
};

export const Trace = Type.Object(
  {
    schema: Type.Literal("knet-trace/1"),
    query: Type.Object(
      {
        from: Type.String(),
        to: Type.String(),
        proto: Type.Enum(["tcp", "udp", "sctp", "icmp"]),
        port: Type.Optional(Type.Integer()),
        size: Type.Optional(Type.Integer()),
        df: Type.Boolean(),
      },
      strict,
    ),
    ...outcome,
    /** The same packet over the state of real machines (`--state`); the other values are of the derived state. */
    real: Type.Optional(Type.Object(outcome, strict)),
  },
  { ...strict, $id: "knet-trace-1.schema.json", title: "knet trace" },
);

export type Location = Static<typeof Location>;
export type Header = Static<typeof Header>;
export type Packet = Static<typeof Packet>;
export type Action = Static<typeof Action>;
export type Rule = Static<typeof Rule>;
export type Hop = Static<typeof Hop>;
export type Verdict = Static<typeof Verdict>;
export type Reason = Static<typeof Reason>;
export type SenderError = Static<typeof SenderError>;
export type Reply = Static<typeof Reply>;
export type Path = Static<typeof Path>;
export type Trace = Static<typeof Trace>;
export type Query = Trace["query"];
