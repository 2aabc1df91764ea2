/**
 * JSON form of a network namespace (`knet-routes/1`), defined once: TypeBox provides the TypeScript types and the JSON
 * Schema in the package. The keys are part of the published contract.
 */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false } as const;

const Position = Type.Object({ line: Type.Integer(), character: Type.Integer() }, strict);
/** The declaration that caused an entry. */
const location = Type.Optional(
  Type.Object({ file: Type.String(), range: Type.Object({ start: Position, end: Position }, strict) }, strict),
);

export const InterfaceReport = Type.Object(
  {
    name: Type.String(),
    kind: Type.Enum([
      "loopback",
      "physical",
      "dummy",
      "macvlan",
      "ipvlan",
      "veth",
      "bridge",
      "vxlan",
      "ipip",
      "wireguard",
      "tun",
    ]),
    mtu: Type.Integer(),
    addresses: Type.Array(Type.String()),
    mac: Type.Optional(Type.String()),
    master: Type.Optional(Type.String()),
  },
  strict,
);

const hop = { via: Type.Optional(Type.String()), onlink: Type.Optional(Type.Literal(true)) };

export const RouteReport = Type.Object(
  {
    dst: Type.String(),
    ...hop,
    dev: Type.Optional(Type.String()),
    src: Type.Optional(Type.String()),
    proto: Type.Optional(Type.String()),
    scope: Type.Optional(Type.String()),
    metric: Type.Optional(Type.Integer()),
    mtu: Type.Optional(Type.Integer()),
    table: Type.String(),
    /** Absent: unicast. */
    type: Type.Optional(Type.String()),
    nexthops: Type.Optional(Type.Array(Type.Object({ ...hop, dev: Type.String(), weight: Type.Integer() }, strict))),
    /** Reason for the route, shown to users. */
    why: Type.String(),
    location,
  },
  strict,
);

/** Field names of `ip -json rule`. */
export const RuleReport = Type.Object(
  {
    priority: Type.Integer(),
    /** Prefix or address; absent: all. */
    src: Type.Optional(Type.String()),
    dst: Type.Optional(Type.String()),
    fwmark: Type.Optional(Type.String()),
    iif: Type.Optional(Type.String()),
    table: Type.String(),
    location,
  },
  strict,
);

export const NeighbourReport = Type.Object(
  { dst: Type.String(), dev: Type.String(), lladdr: Type.String(), state: Type.Array(Type.String()), location },
  strict,
);

export const FdbReport = Type.Object({ mac: Type.String(), dev: Type.String(), dst: Type.String(), location }, strict);

const Wireguard = Type.Object(
  {
    name: Type.String(),
    publicKey: Type.String(),
    listenPort: Type.Integer(),
    peers: Type.Array(
      Type.Object(
        { publicKey: Type.String(), endpoint: Type.String(), allowedIps: Type.Array(Type.String()), location },
        strict,
      ),
    ),
  },
  strict,
);

const esp = { src: Type.String(), dst: Type.String(), proto: Type.String(), mode: Type.String() };

const Xfrm = Type.Object(
  {
    policies: Type.Array(
      Type.Object(
        { dir: Type.String(), src: Type.String(), dst: Type.String(), tmpl: Type.Object(esp, strict), location },
        strict,
      ),
    ),
    states: Type.Array(Type.Object({ ...esp, encap: Type.Optional(Type.String()), location }, strict)),
  },
  strict,
);

export const RoutesReport = Type.Object(
  {
    schema: Type.Literal("knet-routes/1"),
    netns: Type.String(),
    interfaces: Type.Array(InterfaceReport),
    /** Only if there are policy routing rules besides the kernel's three. */
    rules: Type.Optional(Type.Array(RuleReport)),
    routes: Type.Array(RouteReport),
    neighbours: Type.Array(NeighbourReport),
    fdb: Type.Array(FdbReport),
    /** Only if a WireGuard device exists. */
    wireguard: Type.Optional(Type.Array(Wireguard)),
    /** Only if IPsec is used. */
    xfrm: Type.Optional(Xfrm),
  },
  { ...strict, $id: "knet-routes-1.schema.json", title: "knet routes" },
);

export type RouteReport = Static<typeof RouteReport>;
export type RuleReport = Static<typeof RuleReport>;
export type RoutesReport = Static<typeof RoutesReport>;
export type ReportLocation = NonNullable<RouteReport["location"]>;
