/** Cloud networks as text in; what a user sees as text out. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printDecls } from "../../../server/src/declared/print.ts";
import { isNetworkSource, networkDocuments } from "../../../server/src/frontends/config/document.ts";
import { spanFinder } from "../../../server/src/frontends/config/spans.ts";
import { format } from "../../../server/src/frontends/knet/format.ts";
import { jsonSpan } from "../../../server/src/frontends/kubernetes/json-span.ts";
import { analyse } from "../../../server/src/service/analysis.ts";
import { check } from "../checks/harness.ts";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Values = Readonly<Record<string, Json>>;

/** What an argument of a resource refers to, or the arguments of a block. */
type Refers = readonly string[] | string | { readonly [key: string]: Refers };

interface Planned {
  readonly address: string;
  readonly values: Values;
  readonly refers: Readonly<Record<string, Refers>>;
}

const planned = (address: string, values: Values = {}, refers: Planned["refers"] = {}): Planned => ({
  address,
  values,
  refers,
});

function expression(refers: Refers): Json {
  if (typeof refers === "string")
    return { references: refers.endsWith("]") || refers.includes("module.") ? [refers] : [`${refers}.id`, refers] };
  if (Array.isArray(refers)) return { references: refers as readonly string[] };
  return [Object.fromEntries(Object.entries(refers).map(([name, one]) => [name, expression(one as Refers)]))];
}

function typeAndName(address: string): { readonly type: string; readonly name: string; readonly index?: Json } {
  const [, type = "", name = "", key] = /^(?:module\.[^.]+\.)?(\w+)\.(\w+)(?:\[(.+)\])?$/.exec(address) ?? [];
  return { type, name, ...(key === undefined ? {} : { index: JSON.parse(key) as Json }) };
}

/** The output of `terraform show -json` for a plan, one resource per line. */
function plan(...resources: readonly Planned[]): string {
  const values = resources.map(({ address, values: own }) =>
    JSON.stringify({ address, mode: "managed", ...typeAndName(address), values: own }),
  );
  const config = new Map(
    resources.map(({ address, refers }) => {
      const { type, name } = typeAndName(address);
      const expressions = Object.fromEntries(Object.entries(refers).map(([key, one]) => [key, expression(one)]));
      return [`${type}.${name}`, JSON.stringify({ address: `${type}.${name}`, type, name, expressions })];
    }),
  );
  return `{"format_version": "1.2", "planned_values": {"root_module": {"resources": [
${values.join(",\n")}
]}}, "configuration": {"root_module": {"resources": [
${[...config.values()].join(",\n")}
]}}}`;
}

interface Source {
  readonly [file: string]: string;
}

function read(sources: Source | string) {
  const files = Object.entries(typeof sources === "string" ? { "plan.json": sources } : sources).map(
    ([file, text]) => ({ file, text }),
  );
  return networkDocuments(files[0]?.file ?? "", files);
}

/** "KN701 @ aws_route.a: message"; the text at the position of the finding. */
function findings(sources: Source | string): readonly string[] {
  const { documents } = read(sources);
  const analysis = analyse(documents[0].file, documents);
  return (analysis.findings(() => false) ?? []).map((finding) => {
    const span = analysis.placeOf(finding);
    const text = analysis.fileOf(finding.source.file)?.text ?? "";
    const shown = span && span.end > span.start ? text.slice(span.start, span.end).replace(/^"|"$/g, "") : "nothing";
    return `${finding.code} @ ${shown}: ${finding.message}`;
  });
}

/** The findings that are not about unread or assumed parts. */
const serious = (sources: Source | string): readonly string[] =>
  findings(sources).filter((one) => !/^KN80[13]/.test(one));
const notes = (sources: Source | string): readonly string[] => findings(sources).filter((one) => /^KN80[13]/.test(one));
const imported = (sources: Source | string): string =>
  printDecls(read(sources).documents.flatMap(({ decls }) => decls));

const vpc = (name: string, cidr: string): Planned => planned(`aws_vpc.${name}`, { cidr_block: cidr });
const subnet = (name: string, cidr: string, net: string, values: Values = {}): Planned =>
  planned(`aws_subnet.${name}`, { cidr_block: cidr, ...values }, { vpc_id: `aws_vpc.${net}` });
const table = (name: string, net: string): Planned =>
  planned(`aws_route_table.${name}`, {}, { vpc_id: `aws_vpc.${net}` });
const associated = (name: string): Planned =>
  planned(
    `aws_route_table_association.${name}`,
    {},
    { subnet_id: `aws_subnet.${name}`, route_table_id: `aws_route_table.${name}` },
  );
const route = (name: string, to: string, of: string, target: Readonly<Record<string, string>>): Planned =>
  planned(`aws_route.${name}`, { destination_cidr_block: to }, { route_table_id: `aws_route_table.${of}`, ...target });
const peering = (a: string, b: string): Planned =>
  planned("aws_vpc_peering_connection.p", {}, { vpc_id: `aws_vpc.${a}`, peer_vpc_id: `aws_vpc.${b}` });

/** Two VPCs with one subnet and one route table each, and a peering. */
const PEERED = [
  vpc("app", "10.0.0.0/16"),
  vpc("db", "10.1.0.0/16"),
  subnet("app", "10.0.1.0/24", "app"),
  subnet("db", "10.1.1.0/24", "db"),
  table("app", "app"),
  table("db", "db"),
  associated("app"),
  associated("db"),
  peering("app", "db"),
  route("there", "10.1.0.0/16", "app", { vpc_peering_connection_id: "aws_vpc_peering_connection.p" }),
];
const BACK = route("back", "10.0.0.0/16", "db", { vpc_peering_connection_id: "aws_vpc_peering_connection.p" });

const EKS = [
  planned(
    "aws_eks_cluster.prod",
    { name: "prod", kubernetes_network_config: [{ service_ipv4_cidr: "172.20.0.0/16" }] },
    { vpc_config: { subnet_ids: "aws_subnet.app" } },
  ),
  planned(
    "aws_eks_node_group.w",
    { instance_types: ["m5.large"], scaling_config: [{ desired_size: 3 }] },
    { cluster_name: ["aws_eks_cluster.prod.name", "aws_eks_cluster.prod"], subnet_ids: "aws_subnet.app" },
  ),
];

describe("a plan with a peering", () => {
  it("has no problem with a route in each direction", () => {
    expect(serious(plan(...PEERED, BACK, ...EKS))).toEqual([]);
  });

  it("without a route back is reported at the route that has none", () => {
    expect(serious(plan(...PEERED))).toEqual([
      "KN701 @ aws_route.there: expected `10.0.1.1 -> 10.1.1.1` to be reachable, but the reply is lost: router db-vpc has no route to 10.0.1.1",
    ]);
  });

  it("without any route is reported at the peering", () => {
    expect(serious(plan(...PEERED.slice(0, -1)))).toEqual([
      "KN701 @ aws_vpc_peering_connection.p: expected `10.0.1.1 -> 10.1.1.1` to be reachable, but router app-vpc has no route to 10.1.1.1",
    ]);
  });

  it("whose subnets overlap is reported at the CIDR block", () => {
    const both = plan(
      vpc("app", "10.0.0.0/16"),
      vpc("db", "10.0.0.0/16"),
      subnet("app", "10.0.1.0/24", "app"),
      subnet("db", "10.0.1.0/25", "db"),
      peering("app", "db"),
    );
    expect(serious(both)).toContainEqual(expect.stringMatching(/^KN107 @ 10\.0\.1\.0\/2[45]: .*overlaps segment/));
  });

  it("to a VPC that overlaps the service CIDR is reported at the service CIDR", () => {
    const [cluster, group] = EKS;
    const shared = planned(
      cluster!.address,
      { name: "prod", kubernetes_network_config: [{ service_ipv4_cidr: "10.1.0.0/20" }] },
      cluster!.refers,
    );
    expect(serious(plan(...PEERED, BACK, shared, group!))).toEqual([
      expect.stringMatching(
        /^KN103 @ 10\.1\.0\.0\/20: service CIDR 10\.1\.0\.0\/20 of cluster `prod` overlaps segment `db`/,
      ),
    ]);
  });

  it("of networks that overlap is rejected, even if their subnets differ", () => {
    const text = plan(
      vpc("app", "10.0.0.0/16"),
      vpc("db", "10.0.128.0/17"),
      subnet("app", "10.0.1.0/24", "app"),
      subnet("db", "10.0.129.0/24", "db"),
      peering("app", "db"),
    );
    expect(findings(text)).toEqual([
      "KN701 @ aws_vpc_peering_connection.p: expected `10.0.1.1 -> 10.0.129.1` to be reachable, but router app-vpc silently drops packets to 10.0.129.1 (blackhole route)",
      "KN803 @ aws_vpc_peering_connection.p: peering aws_vpc_peering_connection.p of networks that overlap (10.0.0.0/16 and 10.0.128.0/17): the cloud rejects it",
    ]);
  });

  it("does not connect equal networks that are not peered", () => {
    const gateway = (name: string): Planned =>
      planned(`aws_internet_gateway.${name}`, {}, { vpc_id: `aws_vpc.${name}` });
    const apart = ["a", "b"].flatMap((name) => [
      vpc(name, "10.0.0.0/16"),
      subnet(name, "10.0.1.0/24", name, { map_public_ip_on_launch: true }),
      gateway(name),
      table(name, name),
      associated(name),
    ]);
    const out = (name: string): Planned =>
      route(name, "0.0.0.0/0", name, { gateway_id: `aws_internet_gateway.${name}` });
    const text = plan(...apart, out("a"), out("b"));
    expect(findings(text)).toEqual([]);
    expect(imported(text)).toContain(
      "expect a-machine -> internet reachable\nexpect b-machine -> internet reachable\n",
    );
  });
});

describe("routes inside of one route table", () => {
  it("through two peerings belong to the peering with the destination", () => {
    const p = (name: string): Planned =>
      planned(`aws_vpc_peering_connection.${name}`, {}, { vpc_id: "aws_vpc.app", peer_vpc_id: `aws_vpc.${name}` });
    const empty = { gateway_id: "", nat_gateway_id: "", transit_gateway_id: "" };
    const text = plan(
      ...["app", "db", "log"].flatMap((name, index) => [
        vpc(name, `10.${index}.0.0/16`),
        subnet(name, `10.${index}.1.0/24`, name),
        associated(name),
      ]),
      p("db"),
      p("log"),
      planned(
        "aws_route_table.app",
        {
          route: [
            { cidr_block: "10.2.0.0/16", ...empty },
            { cidr_block: "10.1.0.0/16", ...empty },
          ],
        },
        {
          vpc_id: "aws_vpc.app",
          route: [
            "aws_vpc_peering_connection.db.id",
            "aws_vpc_peering_connection.db",
            "aws_vpc_peering_connection.log.id",
            "aws_vpc_peering_connection.log",
          ],
        },
      ),
      table("db", "db"),
      table("log", "log"),
      route("db", "10.0.0.0/16", "db", { vpc_peering_connection_id: "aws_vpc_peering_connection.db" }),
      route("log", "10.0.0.0/16", "log", { vpc_peering_connection_id: "aws_vpc_peering_connection.log" }),
    );
    expect(findings(text)).toEqual([]);
    expect(imported(text)).toContain("expect 10.0.1.1 -> 10.1.1.1 reachable");
    expect(imported(text)).toContain("expect 10.0.1.1 -> 10.2.1.1 reachable");
  });
});

describe("the way to the internet", () => {
  const PUBLIC = [
    vpc("prod", "10.0.0.0/16"),
    subnet("public", "10.0.0.0/24", "prod", { map_public_ip_on_launch: true }),
    subnet("app", "10.0.1.0/24", "prod"),
    planned("aws_internet_gateway.g", {}, { vpc_id: "aws_vpc.prod" }),
    planned("aws_nat_gateway.n", {}, { subnet_id: "aws_subnet.public" }),
    table("public", "prod"),
    table("app", "prod"),
    associated("public"),
    associated("app"),
    ...EKS,
  ];
  const OUT = route("out", "0.0.0.0/0", "public", { gateway_id: "aws_internet_gateway.g" });
  const NAT = route("nat", "0.0.0.0/0", "app", { nat_gateway_id: "aws_nat_gateway.n" });

  it("through a NAT gateway in a public subnet is complete", () => {
    expect(serious(plan(...PUBLIC, OUT, NAT))).toEqual([]);
  });

  it("is missing for nodes without a route to the NAT gateway", () => {
    expect(serious(plan(...PUBLIC, OUT))).toEqual([
      "KN701 @ aws_eks_node_group.w: expected `prod/w-1 -> internet` to be reachable, but router app-routes has no route to 203.0.113.1",
    ]);
  });

  it("does not exist from a subnet without public addresses through an internet gateway", () => {
    const direct = route("direct", "0.0.0.0/0", "app", { gateway_id: "aws_internet_gateway.g" });
    expect(serious(plan(...PUBLIC, OUT, direct))).toEqual([
      expect.stringMatching(/^KN242 @ aws_vpc\.prod: packets from 10\.0\.1\.4 leave through segment `wan` without NAT/),
      expect.stringMatching(
        /^KN701 @ aws_eks_node_group\.w: expected `prod\/w-1 -> internet` to be reachable, but the reply is lost/,
      ),
    ]);
  });

  it("does not exist through a NAT gateway in a private subnet", () => {
    const inside = PUBLIC.map((one) =>
      one.address === "aws_nat_gateway.n" ? planned(one.address, {}, { subnet_id: "aws_subnet.app" }) : one,
    );
    expect(serious(plan(...inside, OUT, NAT))).toEqual([
      expect.stringMatching(
        /^KN701 @ aws_route\.nat: expected `10\.0\.1\.1 -> internet` to be reachable, but router n drops/,
      ),
    ]);
  });

  it("is not required with interface endpoints", () => {
    const endpoint = planned("aws_vpc_endpoint.ecr", { vpc_endpoint_type: "Interface" }, { vpc_id: "aws_vpc.prod" });
    expect(serious(plan(...PUBLIC, OUT, endpoint))).toEqual([]);
    expect(notes(plan(...PUBLIC, OUT, endpoint))).toContain(
      "KN801 @ aws_vpc_endpoint.ecr: 1 object of kind aws_vpc_endpoint not read",
    );
  });

  it("reads routes inside of a route table, whose target is known only after apply", () => {
    const inline = planned(
      "aws_route_table.app",
      {
        route: [
          { cidr_block: "0.0.0.0/0", gateway_id: "", vpc_peering_connection_id: "" },
          { cidr_block: "10.9.0.0/16", gateway_id: "vgw-1", nat_gateway_id: "" },
        ],
      },
      { vpc_id: "aws_vpc.prod", route: "aws_nat_gateway.n" },
    );
    const text = plan(...PUBLIC.filter(({ address }) => address !== "aws_route_table.app"), OUT, inline);
    expect(serious(text)).toEqual([]);
    expect(notes(text)).toContainEqual(
      expect.stringContaining("route to 10.9.0.0/16: vgw-1 is not modeled; its packets are dropped"),
    );
  });
});

describe("references of a plan", () => {
  /** `module "vpc"` with two subnets by `count`; the root module uses its outputs. */
  const MODULES = JSON.stringify({
    format_version: "1.2",
    planned_values: {
      root_module: {
        resources: [
          { address: "aws_eks_cluster.c", mode: "managed", type: "aws_eks_cluster", name: "c", values: { name: "c" } },
          {
            address: "aws_nat_gateway.gateway[1]",
            mode: "managed",
            type: "aws_nat_gateway",
            name: "gateway",
            index: 1,
            values: {},
          },
          {
            address: 'aws_route.r["x"]',
            mode: "managed",
            type: "aws_route",
            name: "r",
            index: "x",
            values: { destination_cidr_block: "192.168.0.0/16" },
          },
        ],
        child_modules: [
          {
            address: 'module.vpc["z"]',
            resources: [
              {
                address: 'module.vpc["z"].aws_vpc.this[0]',
                mode: "managed",
                type: "aws_vpc",
                name: "this",
                index: 0,
                values: { cidr_block: "10.9.0.0/16" },
              },
              {
                address: 'module.vpc["z"].aws_subnet.private[0]',
                mode: "managed",
                type: "aws_subnet",
                name: "private",
                index: 0,
                values: { cidr_block: "10.9.0.0/24" },
              },
            ],
          },
          {
            address: 'module.vpc["a.b"]',
            resources: [
              {
                address: 'module.vpc["a.b"].aws_vpc.this[0]',
                mode: "managed",
                type: "aws_vpc",
                name: "this",
                index: 0,
                values: { cidr_block: "10.0.0.0/16" },
              },
              ...[0, 1].flatMap((index) => [
                {
                  address: `module.vpc["a.b"].aws_subnet.private[${index}]`,
                  mode: "managed",
                  type: "aws_subnet",
                  name: "private",
                  index,
                  values: { cidr_block: `10.0.${index}.0/24` },
                },
                {
                  address: `module.vpc["a.b"].aws_route_table.private[${index}]`,
                  mode: "managed",
                  type: "aws_route_table",
                  name: "private",
                  index,
                  values: {},
                },
                {
                  address: `module.vpc["a.b"].aws_route_table_association.private[${index}]`,
                  mode: "managed",
                  type: "aws_route_table_association",
                  name: "private",
                  index,
                  values: {},
                },
              ]),
            ],
          },
        ],
      },
    },
    configuration: {
      root_module: {
        resources: [
          {
            type: "aws_eks_cluster",
            name: "c",
            expressions: {
              vpc_config: [
                {
                  subnet_ids: { references: ['module.vpc["a.b"].private_subnets', 'module.vpc["a.b"]', "module.vpc"] },
                },
              ],
            },
          },
          {
            type: "aws_route",
            name: "r",
            expressions: {
              route_table_id: { references: ['module.vpc["a.b"].first_table', 'module.vpc["a.b"]', "module.vpc"] },
            },
          },
          {
            type: "aws_nat_gateway",
            name: "gateway",
            expressions: {
              subnet_id: { references: ['module.vpc["a.b"].private_subnets', 'module.vpc["a.b"]', "count.index"] },
            },
          },
        ],
        module_calls: {
          vpc: {
            module: {
              outputs: {
                private_subnets: { expression: { references: ["aws_subnet.private"] } },
                first_table: {
                  expression: {
                    references: [
                      "aws_route_table.private[1].id",
                      "aws_route_table.private[1]",
                      "aws_route_table.private",
                    ],
                  },
                },
              },
              resources: [
                { type: "aws_subnet", name: "private", expressions: { vpc_id: { references: ["local.vpc_id"] } } },
                { type: "aws_route_table", name: "private", expressions: { vpc_id: { references: ["local.vpc_id"] } } },
                {
                  type: "aws_route_table_association",
                  name: "private",
                  expressions: {
                    subnet_id: { references: ["aws_subnet.private", "count.index"] },
                    route_table_id: { references: ["aws_route_table.private", "count.index"] },
                  },
                },
              ],
            },
          },
        },
      },
    },
  });

  it("select an instance by its index or key", () => {
    const of = (name: string, index: number, refers: Planned["refers"] = {}, values: Values = {}): Planned =>
      planned(`${name}[${index}]`, values, refers);
    const text = plan(
      vpc("v", "10.0.0.0/16"),
      ...[0, 1, 2, 3].flatMap((index) => [
        of("aws_subnet.s", index, { vpc_id: "aws_vpc.v" }, { cidr_block: `10.0.${index}.0/24` }),
        of("aws_route_table.s", index, { vpc_id: "aws_vpc.v" }),
        of("aws_route_table_association.s", index, {
          subnet_id: ["aws_subnet.s", "count.index"],
          route_table_id: ["aws_route_table.s", "count.index"],
        }),
        of(
          "aws_route.s",
          index,
          {
            route_table_id: ["aws_route_table.s", "count.index"],
            nat_gateway_id: ["aws_nat_gateway.n", "count.index"],
          },
          { destination_cidr_block: "0.0.0.0/0" },
        ),
      ]),
      // With fewer gateways than subnets, `element` starts over.
      ...[0, 1].map((index) => of("aws_nat_gateway.n", index, { subnet_id: ["aws_subnet.s", "count.index"] })),
    );
    const links = imported(text);
    const address = (router: string): string | undefined =>
      new RegExp(`router ${router} \\{[^}]*attach v-link (\\S+)`).exec(links)?.[1];
    const next = [0, 1, 2, 3].map(
      (index) => new RegExp(`router s-${index}-routes \\{[^}]*route default via (\\S+)`).exec(links)?.[1],
    );
    expect(next).toEqual([address("n-0"), address("n-1"), address("n-0"), address("n-1")]);
    expect(links).toContain("router n-1 {\n  attach v-link 198.19.0.6\n  attach s-1 ");
  });

  it("are followed through modules, outputs, and instance keys", () => {
    const text = imported(MODULES);
    expect(text).toContain(
      "segment vpc-a.b-private-1 {\n  cidr 10.0.1.0/24\n  cloud aws\n  gateway vpc-a.b-private-1-routes\n}",
    );
    expect(text).toMatch(
      /router vpc-a\.b-private-1-routes \{\n {2}attach vpc-a\.b-private-1 10\.0\.1\.1\n[^}]*route 192\.168\.0\.0\/16 blackhole/,
    );
    expect(text).toContain("nodes node-1- 1..1 { attach vpc-a.b-private-0 }");
    expect(text).toContain("nodes node-2- 1..1 { attach vpc-a.b-private-1 }");
    expect(text).not.toContain("node-3-");
    expect(text).toMatch(/router gateway-1 \{[^}]*attach vpc-a\.b-private-1 /);
  });

  it("that the plan does not show are assumed, and said so", () => {
    expect(notes(MODULES)).toContainEqual(
      expect.stringContaining(
        '4 resources with a reference that the plan does not show: module.vpc["a.b"].aws_vpc.this[0] is used, the only one of its type',
      ),
    );
  });

  it("can be a loop", () => {
    const loop = JSON.stringify({
      planned_values: {
        root_module: {
          child_modules: [
            {
              address: "module.m",
              resources: [
                {
                  address: "module.m.aws_subnet.s",
                  type: "aws_subnet",
                  name: "s",
                  values: { cidr_block: "10.0.0.0/24" },
                },
              ],
            },
          ],
        },
      },
      configuration: {
        root_module: {
          module_calls: {
            m: {
              expressions: { v: { references: ["module.m.o"] } },
              module: {
                outputs: { o: { expression: { references: ["var.v"] } } },
                resources: [{ type: "aws_subnet", name: "s", expressions: { vpc_id: { references: ["var.v"] } } }],
              },
            },
          },
        },
      },
    });
    expect(findings(loop)).toEqual([
      "KN803 @ module.m.aws_subnet.s: the VPC of subnet module.m.aws_subnet.s is not in the input: the subnet is omitted",
    ]);
  });
});

describe("transit gateways", () => {
  const attached = (name: string): readonly Planned[] => [
    vpc(name, `10.${name.length}.0.0/16`),
    subnet(name, `10.${name.length}.1.0/24`, name),
    table(name, name),
    associated(name),
    planned(
      `aws_ec2_transit_gateway_vpc_attachment.${name}`,
      {},
      {
        transit_gateway_id: "aws_ec2_transit_gateway.t",
        vpc_id: `aws_vpc.${name}`,
        subnet_ids: `aws_subnet.${name}`,
      },
    ),
  ];
  const through = (name: string, to: string): Planned =>
    route(`${name}_t`, to, name, { transit_gateway_id: "aws_ec2_transit_gateway.t" });
  const TWO = [planned("aws_ec2_transit_gateway.t"), ...attached("a"), ...attached("bb")];

  it("connect networks whose route tables lead to each other", () => {
    expect(serious(plan(...TWO, through("a", "10.2.0.0/16"), through("bb", "10.0.0.0/8")))).toEqual([]);
    expect(serious(plan(...TWO, through("a", "10.2.0.0/16")))).toEqual([
      "KN701 @ aws_route.a_t: expected `10.1.1.1 -> 10.2.1.1` to be reachable, but the reply is lost: router bb-vpc has no route to 10.1.1.1",
    ]);
  });

  it("use their own route tables", () => {
    const own = (name: string, propagated: readonly string[]): readonly Planned[] => {
      const of = `aws_ec2_transit_gateway_route_table.${name}`;
      const link = (one: string) => ({
        transit_gateway_route_table_id: of,
        transit_gateway_attachment_id: `aws_ec2_transit_gateway_vpc_attachment.${one}`,
      });
      return [
        planned(of, {}, { transit_gateway_id: "aws_ec2_transit_gateway.t" }),
        planned(`aws_ec2_transit_gateway_route_table_association.${name}`, {}, link(name)),
        ...propagated.map((one) =>
          planned(`aws_ec2_transit_gateway_route_table_propagation.${name}_${one}`, {}, link(one)),
        ),
      ];
    };
    const routes = [through("a", "10.2.0.0/16"), through("bb", "10.1.0.0/16")];
    expect(serious(plan(...TWO, ...routes, ...own("a", ["bb"]), ...own("bb", ["a"])))).toEqual([]);
    // No attachment uses the default route table.
    expect(imported(plan(...TWO, ...routes, ...own("a", ["bb"]), ...own("bb", ["a"])))).not.toMatch(/^router t /m);
    expect(serious(plan(...TWO, ...routes, ...own("a", ["bb"]), ...own("bb", [])))).toEqual([
      "KN701 @ aws_route.a_t: expected `10.1.1.1 -> 10.2.1.1` to be reachable, but the reply is lost: router bb-transit has no route to 10.1.1.1",
      "KN701 @ aws_route.bb_t: expected `10.2.1.1 -> 10.1.1.1` to be reachable, but router bb-transit has no route to 10.1.1.1",
    ]);
  });
});

/* ------------------------------------------------------------------ command lines */

const AWS: Source = {
  "vpcs.json": JSON.stringify({
    Vpcs: [
      {
        VpcId: "vpc-1",
        CidrBlock: "10.0.0.0/16",
        CidrBlockAssociationSet: [{ CidrBlock: "10.0.0.0/16" }, { CidrBlock: "100.64.0.0/16" }],
        Tags: [{ Key: "Name", Value: "shop" }],
      },
    ],
  }),
  "subnets.json": JSON.stringify({
    Subnets: [
      {
        SubnetId: "subnet-1",
        VpcId: "vpc-1",
        CidrBlock: "10.0.0.0/24",
        MapPublicIpOnLaunch: true,
        Tags: [{ Key: "Name", Value: "public a" }],
      },
      { SubnetId: "subnet-2", VpcId: "vpc-1", CidrBlock: "10.0.1.0/24", MapPublicIpOnLaunch: false },
    ],
  }),
  "tables.json": JSON.stringify({
    RouteTables: [
      {
        RouteTableId: "rtb-1",
        VpcId: "vpc-1",
        Associations: [{ SubnetId: "subnet-1", Main: false }],
        Routes: [
          { DestinationCidrBlock: "10.0.0.0/16", GatewayId: "local" },
          { DestinationCidrBlock: "0.0.0.0/0", GatewayId: "igw-1" },
        ],
      },
      {
        RouteTableId: "rtb-2",
        VpcId: "vpc-1",
        Associations: [{ Main: true }],
        Routes: [
          { DestinationCidrBlock: "10.0.0.0/16", GatewayId: "local" },
          { DestinationCidrBlock: "0.0.0.0/0", NatGatewayId: "nat-1", State: "blackhole" },
        ],
      },
    ],
  }),
  "instances.json": JSON.stringify({
    Reservations: [
      {
        Instances: [
          {
            InstanceId: "i-1",
            SubnetId: "subnet-2",
            PrivateIpAddress: "10.0.1.10",
            State: { Name: "running" },
            Tags: [{ Key: "Name", Value: "web" }],
            SecurityGroups: [{ GroupId: "sg-1" }],
          },
          {
            InstanceId: "i-2",
            SubnetId: "subnet-2",
            PrivateIpAddress: "10.0.1.11",
            State: { Name: "running" },
            Tags: [{ Key: "Name", Value: "db" }],
            SecurityGroups: [{ GroupId: "sg-2" }],
          },
          { InstanceId: "i-3", SubnetId: "subnet-2", PrivateIpAddress: "10.0.1.12", State: { Name: "terminated" } },
        ],
      },
    ],
  }),
  "groups.json": JSON.stringify({
    SecurityGroups: [
      {
        GroupId: "sg-1",
        IpPermissions: [{ IpProtocol: "tcp", FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
        IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
      },
      {
        GroupId: "sg-2",
        IpPermissions: [{ IpProtocol: "tcp", FromPort: 5432, ToPort: 5439, UserIdGroupPairs: [{ GroupId: "sg-1" }] }],
      },
    ],
  }),
};

describe("the output of the AWS command line", () => {
  it("is one network", () => {
    expect(serious(AWS)).toEqual([]);
    const text = imported(AWS);
    expect(text).toContain("segment public-a {\n  cidr 10.0.0.0/24\n  cloud aws\n  gateway rtb-1\n}");
    expect(text).toMatch(
      /router rtb-2 \{\n {2}attach subnet-2 10\.0\.1\.1\n[^}]*route 100\.64\.0\.0\/16 blackhole\n {2}route 0\.0\.0\.0\/0 blackhole/,
    );
    expect(text).not.toContain("i-3");
  });

  it("has security groups as access lists", () => {
    expect(imported(AWS)).toContain(`host web {
  attach subnet-2 10.0.1.10
  allow tcp in port 443 from 0.0.0.0/0
  allow any out to 0.0.0.0/0
  deny any in
  deny any out
}
host db {
  attach subnet-2 10.0.1.11
  allow tcp in port 5432-5439 from 10.0.1.10
  deny any in
}`);
  });

  it("has the ranges of a cluster", () => {
    const cluster = JSON.stringify({
      cluster: {
        name: "prod",
        kubernetesNetworkConfig: { serviceIpv4Cidr: "10.0.1.0/24" },
        resourcesVpcConfig: { vpcId: "vpc-1", subnetIds: ["subnet-2"] },
      },
    });
    expect(serious({ ...AWS, "cluster.json": cluster })).toContainEqual(
      expect.stringMatching(
        /^KN103 @ 10\.0\.1\.0\/24: service CIDR 10\.0\.1\.0\/24 of cluster `prod` overlaps segment `subnet-2`/,
      ),
    );
  });
});

const azureId = (path: string): string => `/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/${path}`;

describe("a single command", () => {
  it("shows subnets, whose network is implied", () => {
    const { "subnets.json": subnets = "", "tables.json": tables = "" } = AWS;
    expect(notes({ "subnets.json": subnets, "tables.json": tables })).toEqual([
      "KN803 @ subnet-1: network vpc-1 is not in the input: the ranges of its subnets are used",
    ]);
    expect(serious({ "subnets.json": subnets, "tables.json": tables })).toEqual([]);
    const google = JSON.stringify([
      {
        kind: "compute#subnetwork",
        name: "s",
        ipCidrRange: "10.0.0.0/20",
        network: "https://www.googleapis.com/compute/v1/projects/p/global/networks/shared",
      },
    ]);
    expect(imported(google)).toContain("segment s {\n  cidr 10.0.0.0/20\n  cloud gcp\n  gateway shared\n}");
    const azure = JSON.stringify([
      { id: azureId("virtualNetworks/hub/subnets/s"), name: "s", addressPrefixes: ["10.0.0.0/20"] },
    ]);
    expect(imported(azure)).toContain("segment s {\n  cidr 10.0.0.0/20\n  cloud azure\n  gateway hub\n}");
  });

  it("shows route tables, which are named", () => {
    expect(findings(AWS["tables.json"] ?? "")).toEqual([
      "KN803 @ rtb-1: the VPC of rtb-1 is not in the input: its routes are omitted",
      "KN803 @ rtb-2: the VPC of rtb-2 is not in the input: its routes are omitted",
    ]);
  });

  it("shows peerings and transit gateways of the VPCs in other files", () => {
    const vpcs = { Vpcs: ["1", "2"].map((n) => ({ VpcId: `vpc-${n}`, CidrBlock: `10.${n}.0.0/16` })) };
    const subnets = {
      Subnets: ["1", "2"].map((n) => ({ SubnetId: `subnet-${n}`, VpcId: `vpc-${n}`, CidrBlock: `10.${n}.0.0/24` })),
    };
    const tables = (target: Values, back: Values): Json => ({
      RouteTables: [
        {
          RouteTableId: "rtb-1",
          VpcId: "vpc-1",
          Associations: [{ Main: true }],
          Routes: [{ DestinationCidrBlock: "10.2.0.0/16", ...target }],
        },
        {
          RouteTableId: "rtb-2",
          VpcId: "vpc-2",
          Associations: [{ Main: true }],
          Routes: [{ DestinationCidrBlock: "10.1.0.0/16", ...back }],
        },
      ],
    });
    const peerings = {
      VpcPeeringConnections: [
        {
          VpcPeeringConnectionId: "pcx-1",
          Status: { Code: "active" },
          RequesterVpcInfo: { VpcId: "vpc-1" },
          AccepterVpcInfo: { VpcId: "vpc-2" },
        },
      ],
    };
    const transit = {
      TransitGateways: [
        {
          TransitGatewayId: "tgw-1",
          Options: { DefaultRouteTableAssociation: "enable", DefaultRouteTablePropagation: "enable" },
        },
      ],
      TransitGatewayVpcAttachments: ["1", "2"].map((n) => ({
        TransitGatewayAttachmentId: `tgw-attach-${n}`,
        TransitGatewayId: "tgw-1",
        VpcId: `vpc-${n}`,
        SubnetIds: [`subnet-${n}`],
      })),
    };
    const files = (more: Json, target: Values, back: Values): Source => ({
      "a.json": JSON.stringify(vpcs),
      "b.json": JSON.stringify(subnets),
      "c.json": JSON.stringify(more),
      "d.json": JSON.stringify(tables(target, back)),
    });
    const peered = { VpcPeeringConnectionId: "pcx-1" };
    const attached = { TransitGatewayId: "tgw-1" };
    expect(findings(files(peerings, peered, peered))).toEqual([]);
    expect(findings(files(transit, attached, attached))).toEqual([]);
    expect(findings(files({ ...peerings, ...transit }, peered, { TransitGatewayId: "tgw-9" }))).toEqual([
      expect.stringMatching(
        /^KN701 @ 10\.2\.0\.0\/16: expected `10\.1\.0\.1 -> 10\.2\.0\.1` to be reachable, but the reply is lost/,
      ),
      "KN803 @ 10.1.0.0/16: route to 10.1.0.0/16: tgw-9 is not modeled; its packets are dropped",
    ]);
  });
});

describe("machines of the AWS command line", () => {
  const tagged = (name: string, address: string, tags: readonly Json[] = []): Json => ({
    InstanceId: `i-${name}`,
    PrivateDnsName: `ip-${name}.ec2.internal`,
    SubnetId: "subnet-2",
    PrivateIpAddress: address,
    State: { Name: "running" },
    Tags: tags,
  });
  const instances = (...all: readonly Json[]): Source => ({
    ...AWS,
    "instances.json": JSON.stringify({ Reservations: all.map((one) => ({ Instances: [one] })) }),
  });

  it("are nodes if their tags name a cluster", () => {
    const cluster = JSON.stringify({
      cluster: {
        name: "prod",
        kubernetesNetworkConfig: { serviceIpv4Cidr: "172.20.0.0/16" },
        resourcesVpcConfig: { subnetIds: ["subnet-2"] },
      },
    });
    const text = imported({
      ...instances(
        tagged("a", "10.0.1.20", [{ Key: "eks:cluster-name", Value: "prod" }]),
        tagged("b", "10.0.1.21", [{ Key: "kubernetes.io/cluster/prod", Value: "owned" }]),
        tagged("c", "10.0.1.22"),
      ),
      "cluster.json": cluster,
    });
    expect(text).toContain(
      "node ip-a.ec2.internal { attach subnet-2 10.0.1.20 }\n  node ip-b.ec2.internal { attach subnet-2 10.0.1.21 }\n}",
    );
    expect(text).toContain("host i-c {");
    expect(text).not.toContain("host i-a {");
  });

  it("are interfaces of databases and load balancers", () => {
    const eni = (id: string, address: string, more: Values = {}): Json => ({
      NetworkInterfaceId: id,
      SubnetId: "subnet-2",
      PrivateIpAddress: address,
      InterfaceType: "interface",
      Groups: [{ GroupId: "sg-1" }],
      ...more,
    });
    const text = imported({
      ...AWS,
      "enis.json": JSON.stringify({
        NetworkInterfaces: [
          eni("eni-rds", "10.0.1.30"),
          eni("eni-nat", "10.0.1.31", { InterfaceType: "nat_gateway" }),
          eni("eni-web", "10.0.1.10", { Attachment: { DeviceIndex: 0, InstanceId: "i-1" } }),
        ],
      }),
    });
    expect(text).toContain("host eni-rds {\n  attach subnet-2 10.0.1.30\n  allow tcp in port 443 from 0.0.0.0/0");
    expect(text).not.toMatch(/eni-(?:nat|web)/);
  });
});

describe("a machine as a next hop", () => {
  it("can be a NAT instance in a public subnet", () => {
    const text = plan(
      vpc("v", "10.0.0.0/16"),
      subnet("public", "10.0.0.0/24", "v", { map_public_ip_on_launch: true }),
      subnet("app", "10.0.1.0/24", "v"),
      planned("aws_internet_gateway.g", {}, { vpc_id: "aws_vpc.v" }),
      planned(
        "aws_instance.nat",
        { private_ip: "10.0.0.9", source_dest_check: false },
        { subnet_id: "aws_subnet.public" },
      ),
      planned(
        "aws_network_interface.nat",
        { private_ips: ["10.0.0.9"] },
        { subnet_id: "aws_subnet.public", attachment: { instance: "aws_instance.nat" } },
      ),
      table("public", "v"),
      table("app", "v"),
      associated("public"),
      associated("app"),
      route("out", "0.0.0.0/0", "public", { gateway_id: "aws_internet_gateway.g" }),
      route("nat", "0.0.0.0/0", "app", { network_interface_id: "aws_network_interface.nat" }),
    );
    expect(findings(text)).toEqual([]);
    expect(imported(text)).toMatch(
      /router nat \{\n {2}attach public 10\.0\.0\.9\n[^}]*route default via 10\.0\.0\.1\n\}/,
    );
    expect(imported(text)).toContain("expect 10.0.1.1 -> internet reachable");
  });

  it("can be the firewall of a hub", () => {
    const id = (path: string): string => `/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/${path}`;
    const net = (name: string, number: number, peer: string, more: Values = {}): Json => ({
      id: id(`virtualNetworks/${name}`),
      name,
      addressSpace: { addressPrefixes: [`10.${number}.0.0/16`] },
      subnets: [
        { id: id(`virtualNetworks/${name}/subnets/${name}`), name, addressPrefix: `10.${number}.0.0/24`, ...more },
      ],
      virtualNetworkPeerings: [
        {
          id: id(`virtualNetworks/${name}/virtualNetworkPeerings/p`),
          name: "p",
          remoteVirtualNetwork: { id: id(`virtualNetworks/${peer}`) },
        },
      ],
    });
    const fw = {
      id: id("routeTables/fw"),
      name: "fw",
      routes: [
        { name: "all", addressPrefix: "0.0.0.0/0", nextHopType: "VirtualAppliance", nextHopIpAddress: "10.0.0.4" },
      ],
    };
    const text = JSON.stringify([net("hub", 0, "spoke"), net("spoke", 1, "hub", { routeTable: { id: fw.id } }), fw]);
    expect(findings(text)).toEqual([
      "KN803 @ all: the machine 10.0.0.4 is not in the input: it is assumed to forward all packets",
    ]);
    expect(imported(text)).toContain("expect 10.1.0.1 -> internet reachable");
  });
});

const vnet = (name: string, number: number, peer: string | undefined, more: Values = {}): Json => ({
  id: azureId(`virtualNetworks/${name}`),
  name,
  addressSpace: { addressPrefixes: [`10.${number}.0.0/16`] },
  subnets: [
    {
      id: azureId(`virtualNetworks/${name}/subnets/s${number}`),
      name: `s${number}`,
      addressPrefix: `10.${number}.0.0/20`,
      ...more,
    },
  ],
  virtualNetworkPeerings:
    peer === undefined
      ? []
      : [
          {
            id: azureId(`virtualNetworks/${name}/virtualNetworkPeerings/to-${peer}`),
            name: `to-${peer}`,
            remoteVirtualNetwork: { id: azureId(`virtualNetworks/${peer}`) },
          },
        ],
});
const aks = (values: Values, pool: Values = {}): string =>
  JSON.stringify({
    id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/prod",
    name: "prod",
    networkProfile: values,
    agentPoolProfiles: [{ name: "pool", count: 2, ...pool }],
  });

describe("the output of the Azure command line", () => {
  const POOL = { vnetSubnetId: azureId("virtualNetworks/spoke/subnets/s1") };
  const OVERLAY = {
    networkPlugin: "azure",
    networkPluginMode: "overlay",
    podCidr: "10.244.0.0/16",
    serviceCidr: "10.250.0.0/16",
  };

  it("connects VNets that are peered in both directions", () => {
    const both = JSON.stringify([vnet("hub", 0, "spoke"), vnet("spoke", 1, "hub")]);
    expect(serious({ "vnets.json": both, "aks.json": aks(OVERLAY, POOL) })).toEqual([]);
    const one = JSON.stringify([vnet("hub", 0, "spoke"), vnet("spoke", 1, undefined)]);
    expect(serious({ "vnets.json": one })).toEqual([
      "KN701 @ to-spoke: expected `10.0.0.1 -> 10.1.0.1` to be reachable, but the reply is lost: router spoke silently drops packets to 10.0.0.1 (blackhole route)",
    ]);
  });

  it("reports the default service CIDR in a peered VNet", () => {
    const both = JSON.stringify([vnet("hub", 0, "spoke"), vnet("spoke", 1, "hub")]);
    const found = serious({ "vnets.json": both, "aks.json": aks({ ...OVERLAY, serviceCidr: "10.0.0.0/16" }, POOL) });
    expect(found).toEqual([
      expect.stringMatching(
        /^KN103 @ 10\.0\.0\.0\/16: service CIDR 10\.0\.0\.0\/16 of cluster `prod` overlaps segment `s0`/,
      ),
    ]);
  });

  it("has the VNet that AKS creates", () => {
    expect(imported(aks({ networkPlugin: "azure", networkPluginMode: "overlay" }))).toContain(
      "segment prod-nodes {\n  cidr 10.224.0.0/16\n  cloud azure",
    );
    expect(notes(aks(OVERLAY))).toEqual([
      "KN803 @ prod: cluster prod has no subnet: the VNet of AKS with subnet 10.224.0.0/16 is used",
    ]);
  });

  it("has route tables and rules of network security groups", () => {
    const table = {
      id: azureId("routeTables/fw"),
      name: "fw",
      routes: [{ addressPrefix: "0.0.0.0/0", nextHopType: "VirtualAppliance", nextHopIpAddress: "10.0.0.4" }],
    };
    const group = {
      id: azureId("networkSecurityGroups/g"),
      name: "g",
      securityRules: [
        {
          priority: 200,
          direction: "Inbound",
          access: "Deny",
          protocol: "*",
          sourceAddressPrefix: "*",
          destinationAddressPrefix: "*",
          destinationPortRange: "*",
        },
        {
          priority: 100,
          direction: "Inbound",
          access: "Allow",
          protocol: "Tcp",
          sourceAddressPrefix: "VirtualNetwork",
          destinationAddressPrefix: "*",
          destinationPortRange: "443",
        },
      ],
    };
    const net = vnet("hub", 0, undefined, { routeTable: { id: table.id }, networkSecurityGroup: { id: group.id } });
    expect(
      imported({ "vnets.json": JSON.stringify([net]), "rules.json": JSON.stringify([table, group]) }),
    ).toContain(`  route default via 10.0.0.4
  route 10.0.0.0/8 blackhole
  route 172.16.0.0/12 blackhole
  route 192.168.0.0/16 blackhole
  route 100.64.0.0/10 blackhole
  allow tcp forward port 443 from 10.0.0.0/16 to 10.0.0.0/20
  deny any forward to 10.0.0.0/20
  allow any forward from 10.0.0.0/16 to 10.0.0.0/20`);
  });
});

describe("the output of the Google command line", () => {
  const network = (name: string, peers: readonly string[] = []): Json => ({
    kind: "compute#network",
    name,
    mtu: 1460,
    peerings: peers.map((peer) => ({
      name: peer,
      network: `https://www.googleapis.com/compute/v1/projects/p/global/networks/${peer}`,
    })),
  });
  const subnetwork = (name: string, cidr: string, net: string): Json => ({
    kind: "compute#subnetwork",
    name,
    ipCidrRange: cidr,
    region: "https://www.googleapis.com/compute/v1/projects/p/regions/europe-west1",
    network: `https://www.googleapis.com/compute/v1/projects/p/global/networks/${net}`,
    secondaryIpRanges: [
      { rangeName: "pods", ipCidrRange: "10.4.0.0/14" },
      { rangeName: "services", ipCidrRange: "10.8.0.0/20" },
    ],
  });
  const CLUSTER = JSON.stringify({
    name: "prod",
    network: "a",
    subnetwork: "nodes",
    servicesIpv4Cidr: "10.8.0.0/20",
    ipAllocationPolicy: { clusterSecondaryRangeName: "pods", servicesSecondaryRangeName: "services" },
    privateClusterConfig: { enablePrivateNodes: true },
    nodePools: [{ name: "default-pool", initialNodeCount: 2 }],
  });

  it("is a network with a cluster", () => {
    const files = {
      "networks.json": JSON.stringify([network("a"), subnetwork("nodes", "10.0.0.0/20", "a")]),
      "cluster.json": CLUSTER,
    };
    expect(serious(files)).toEqual([]);
    expect(imported(files)).toContain(
      "cluster prod {\n  pods 10.4.0.0/14\n  services 10.8.0.0/20\n  cni gke\n  nodes default-pool- 1..2 { attach nodes }\n}",
    );
  });

  it("exchanges subnet routes only with a peering in both directions", () => {
    const nets = (back: readonly string[]): string =>
      JSON.stringify([
        network("a", ["b"]),
        network("b", back),
        subnetwork("nodes", "10.0.0.0/20", "a"),
        { ...(subnetwork("db", "10.1.0.0/20", "b") as Values), secondaryIpRanges: [] },
      ]);
    expect(serious(nets(["a"]))).toEqual([]);
    expect(serious(nets([]))).toEqual([
      expect.stringMatching(/^KN701 @ b: expected `10\.0\.0\.1 -> 10\.1\.0\.1` to be reachable, but the reply is lost/),
    ]);
  });
});

/** Terraform's names of the same resources. */
describe("plans of other providers", () => {
  it("have VNets, subnets, associations, and AKS", () => {
    const text = plan(
      planned("azurerm_virtual_network.v", { name: "v", address_space: ["10.0.0.0/16"] }),
      planned(
        "azurerm_subnet.nodes",
        { name: "nodes", address_prefixes: ["10.0.0.0/20"] },
        { virtual_network_name: ["azurerm_virtual_network.v.name", "azurerm_virtual_network.v"] },
      ),
      planned("azurerm_subnet.jump", { name: "jump", address_prefixes: ["10.0.16.0/24"], virtual_network_name: "v" }),
      planned("azurerm_route_table.r", {
        route: [{ address_prefix: "0.0.0.0/0", next_hop_type: "None", next_hop_in_ip_address: "" }],
      }),
      planned(
        "azurerm_subnet_route_table_association.a",
        {},
        { subnet_id: "azurerm_subnet.nodes", route_table_id: "azurerm_route_table.r" },
      ),
      planned(
        "azurerm_kubernetes_cluster.c",
        {
          name: "prod",
          network_profile: [{ network_plugin: "kubenet", pod_cidr: "10.244.0.0/16", service_cidr: "10.96.0.0/16" }],
          default_node_pool: [{ name: "system", node_count: 2, max_pods: 60 }],
        },
        { default_node_pool: { vnet_subnet_id: "azurerm_subnet.nodes" } },
      ),
    );
    // The route table drops what the nodes send to the internet, which AKS requires.
    expect(serious(text)).toEqual([
      expect.stringMatching(
        /^KN701 @ system: expected `prod\/system-1 -> internet` to be reachable, but router r silently drops packets/,
      ),
    ]);
    expect(imported(text)).toContain(`cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  max-pods 60
  cni kubenet
  nodes system- 1..2 {
    attach nodes { source-check false }
  }
}`);
  });

  it("have Google's networks, NAT, firewalls, and GKE", () => {
    const base = [
      planned("google_compute_network.n", { name: "n", mtu: 1500 }),
      planned(
        "google_compute_subnetwork.s",
        {
          name: "s",
          ip_cidr_range: "10.0.0.0/20",
          region: "europe-west1",
          secondary_ip_range: [{ range_name: "p", ip_cidr_range: "10.4.0.0/14" }],
        },
        { network: "google_compute_network.n" },
      ),
      planned(
        "google_container_cluster.c",
        {
          name: "prod",
          initial_node_count: 3,
          ip_allocation_policy: [{ cluster_secondary_range_name: "p", services_ipv4_cidr_block: "10.8.0.0/20" }],
          private_cluster_config: [{ enable_private_nodes: true }],
        },
        { subnetwork: "google_compute_subnetwork.s", network: "google_compute_network.n" },
      ),
      planned(
        "google_compute_instance.vm",
        { name: "vm", tags: ["web"], network_interface: [{ network_ip: "10.0.0.50", access_config: [] }] },
        { network_interface: { subnetwork: "google_compute_subnetwork.s" } },
      ),
      planned(
        "google_compute_firewall.f",
        {
          direction: "INGRESS",
          priority: 900,
          source_ranges: ["10.4.0.0/14"],
          target_tags: ["web"],
          allow: [{ protocol: "tcp", ports: ["80", "8000-8100"] }],
        },
        { network: "google_compute_network.n" },
      ),
    ];
    const nat = [
      planned("google_compute_router.r", { region: "europe-west1" }, { network: "google_compute_network.n" }),
      planned(
        "google_compute_router_nat.nat",
        { source_subnetwork_ip_ranges_to_nat: "ALL_SUBNETWORKS_ALL_IP_RANGES" },
        { router: "google_compute_router.r" },
      ),
    ];
    const text = imported(plan(...base, ...nat));
    expect(serious(plan(...base, ...nat))).toEqual([]);
    expect(text).toContain("segment s {\n  cidr 10.0.0.0/20\n  cloud gcp\n  mtu 1500\n  gateway n\n}");
    expect(text).toContain("masquerade from 10.0.0.0/20 out wan");
    expect(text).toContain("pods 10.4.0.0/14\n  services 10.8.0.0/20");
    expect(text).toContain(
      "host vm {\n  attach s 10.0.0.50\n  allow tcp in port 80 8000-8100 from 10.4.0.0/14\n  deny any in\n}",
    );
    const elsewhere = nat.map((one) =>
      one.address === "google_compute_router.r" ? planned(one.address, { region: "us-east1" }, one.refers) : one,
    );
    expect(imported(plan(...base, ...elsewhere))).not.toContain("masquerade");
    // Without Cloud NAT, private nodes do not reach the internet; GKE does not require it.
    expect(imported(plan(...base))).not.toContain("masquerade");
  });
});

describe("states", () => {
  const VALUES = [
    { type: "aws_vpc", name: "v", values: { id: "vpc-1", cidr_block: "10.0.0.0/16" } },
    { type: "aws_subnet", name: "s", values: { id: "subnet-1", vpc_id: "vpc-1", cidr_block: "10.0.1.0/24" } },
  ];

  it("are read from `terraform show -json` and from terraform.tfstate", () => {
    const shown = JSON.stringify({
      format_version: "1.0",
      values: {
        root_module: {
          resources: VALUES.map((one) => ({ ...one, address: `${one.type}.${one.name}`, mode: "managed" })),
        },
      },
    });
    const file = JSON.stringify({
      version: 4,
      terraform_version: "1.9.8",
      resources: VALUES.map(({ type, name, values }) => ({
        mode: "managed",
        type,
        name,
        instances: [{ attributes: values }],
      })),
    });
    expect(imported(file)).toBe(imported(shown));
    expect(imported(file)).toContain("segment s {\n  cidr 10.0.1.0/24");
  });

  it("of an unknown format version are errors", () => {
    const text = JSON.stringify({ format_version: "2.0", values: { root_module: {} } });
    expect(findings(text)).toEqual(["KN802 @ 2.0: invalid source: format version 2.0 of Terraform is not supported"]);
  });

  it("do not show values that are not part of the network", () => {
    const secret = plan(
      vpc("v", "10.0.0.0/16"),
      subnet("s", "10.0.0.0/24", "v"),
      planned("aws_vpn_connection.c", { tunnel1_preshared_key: "hunter2" }),
    );
    expect(JSON.stringify([findings(secret), imported(secret)])).not.toContain("hunter2");
  });
});

/** Outcomes of expectations that are added to the imported topology. */
const outcomes = (source: string, ...expects: readonly string[]): readonly string[] =>
  check(`${imported(source)}\n${expects.map((one) => `expect ${one}`).join("\n")}\n`)
    .filter(({ code }) => ["KN006", "KN701"].includes(code))
    .map(({ finding }) => finding.message);

const instance = (
  name: string,
  of: string,
  address: string,
  values: Values = {},
  refers: Planned["refers"] = {},
): Planned =>
  planned(`aws_instance.${name}`, { private_ip: address, ...values }, { subnet_id: `aws_subnet.${of}`, ...refers });

/** A VPC with two subnets, and a machine in each. */
const TWO = [
  vpc("main", "10.0.0.0/16"),
  subnet("app", "10.0.1.0/24", "main"),
  subnet("db", "10.0.2.0/24", "main"),
  instance("web", "app", "10.0.1.10"),
  instance("sql", "db", "10.0.2.10"),
];
const entry = (number: number, values: Values): Values => ({
  rule_no: number,
  action: "allow",
  protocol: "-1",
  from_port: 0,
  to_port: 0,
  cidr_block: "0.0.0.0/0",
  ...values,
});

describe("network ACLs", () => {
  const acl = (...ingress: readonly Values[]): string =>
    plan(
      ...TWO,
      planned(
        "aws_network_acl.db",
        { ingress, egress: [entry(100, {})] },
        { vpc_id: "aws_vpc.main", subnet_ids: ["aws_subnet.db.id", "aws_subnet.db"] },
      ),
    );

  it("filter the packets to a subnet, in the order of their numbers", () => {
    const source = acl(
      entry(200, { protocol: "tcp", from_port: 5432, to_port: 5432, cidr_block: "10.0.0.0/16" }),
      entry(100, { action: "deny", protocol: "6", from_port: 5000, to_port: 5433, cidr_block: "10.0.1.128/25" }),
    );
    expect(
      outcomes(
        source,
        "web -> 10.0.2.10:5432 reachable",
        "web -> 10.0.2.10:22 blocked",
        "sql -> 10.0.1.10:80 reachable",
      ),
    ).toEqual([
      expect.stringContaining("sql does not listen on 5432/tcp"),
      expect.stringContaining("web does not listen on 80/tcp"),
    ]);
    expect(imported(source)).toContain("deny tcp forward port 5000-5433 from 10.0.1.128/25 to 10.0.2.0/24");
    expect(notes(source).join("\n")).not.toContain("KN801");
    expect(notes(source).join("\n")).toContain("replies to ephemeral ports are assumed to be allowed");
  });

  it("deny all packets that no rule allows", () => {
    expect(outcomes(acl(entry(100, { cidr_block: "10.9.0.0/16" })), "web -> 10.0.2.10:5432 reachable")).toEqual([
      expect.stringContaining("drops the packet (filter/FORWARD)"),
    ]);
  });

  it("have rules in separate resources, and a default for subnets without an association", () => {
    const source = plan(
      ...TWO,
      planned("aws_network_acl.db", {}, { vpc_id: "aws_vpc.main" }),
      planned(
        "aws_network_acl_association.db",
        {},
        { subnet_id: "aws_subnet.db", network_acl_id: "aws_network_acl.db" },
      ),
      planned(
        "aws_network_acl_rule.all",
        { egress: false, rule_number: 100, rule_action: "allow", protocol: "-1", cidr_block: "10.0.1.0/24" },
        { network_acl_id: "aws_network_acl.db" },
      ),
      planned(
        "aws_network_acl_rule.out",
        {
          egress: true,
          rule_number: 100,
          rule_action: "deny",
          protocol: "udp",
          from_port: 53,
          to_port: 53,
          cidr_block: "0.0.0.0/0",
        },
        { network_acl_id: "aws_network_acl.db" },
      ),
      planned(
        "aws_default_network_acl.rest",
        {},
        { default_network_acl_id: ["aws_vpc.main.default_network_acl_id", "aws_vpc.main"] },
      ),
    );
    const text = imported(source);
    expect(text).toContain("deny udp forward port 53 from 10.0.2.0/24");
    // Terraform removes all rules of the default ACL.
    expect(text).toContain("deny any forward to 10.0.1.0/24");
  });

  it("are read from the command line", () => {
    const source = `{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}],
"NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": false, "Associations": [{"SubnetId": "subnet-1"}],
 "Entries": [{"Egress": false, "Protocol": "6", "RuleAction": "allow", "RuleNumber": 100, "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 443, "To": 443}},
  {"Egress": false, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767, "CidrBlock": "0.0.0.0/0"}]}]}`;
    expect(imported(source)).toContain("allow tcp forward port 443 from 0.0.0.0/0 to 10.0.1.0/24");
  });
});

describe("VPN connections", () => {
  const GATEWAY = [
    vpc("main", "10.0.0.0/16"),
    subnet("app", "10.0.1.0/24", "main"),
    table("app", "main"),
    associated("app"),
    instance("web", "app", "10.0.1.10"),
    planned("aws_vpn_gateway.gw", {}, { vpc_id: "aws_vpc.main" }),
    planned("aws_customer_gateway.office", { ip_address: "198.51.100.7", bgp_asn: "65000" }),
    planned(
      "aws_vpn_connection.office",
      { static_routes_only: true },
      { vpn_gateway_id: "aws_vpn_gateway.gw", customer_gateway_id: "aws_customer_gateway.office" },
    ),
  ];
  const STATIC = planned(
    "aws_vpn_connection_route.office",
    { destination_cidr_block: "192.168.0.0/16" },
    { vpn_connection_id: "aws_vpn_connection.office" },
  );
  const PROPAGATION = planned(
    "aws_vpn_gateway_route_propagation.app",
    {},
    { vpn_gateway_id: "aws_vpn_gateway.gw", route_table_id: "aws_route_table.app" },
  );

  it("without a route of the subnets to them are reported", () => {
    expect(serious(plan(...GATEWAY, STATIC))).toEqual([
      expect.stringMatching(/^KN701 @ aws_vpn_gateway\.gw: .*office/),
    ]);
  });

  it("are reached through propagated routes, and through stated ones", () => {
    const propagated = plan(...GATEWAY, STATIC, PROPAGATION);
    expect(findings(propagated)).toEqual([]);
    expect(outcomes(propagated, "web -> 192.168.7.7 reachable", "office -> 10.0.1.10 reachable")).toEqual([]);
    expect(outcomes(propagated, "web -> 172.16.0.1 reachable")).toHaveLength(1);
    const stated = plan(...GATEWAY, route("office", "192.168.0.0/16", "app", { gateway_id: "aws_vpn_gateway.gw" }));
    expect(findings(stated)).toEqual([]);
    expect(outcomes(stated, "web -> 192.168.7.7 reachable")).toEqual([]);
  });

  it("whose networks BGP announces are not known", () => {
    expect(findings(plan(...GATEWAY)).join("\n")).toContain(
      "the networks that aws_vpn_connection.office connects are not in the input",
    );
    expect(findings(plan(...GATEWAY)).join("\n")).toContain("KN801");
  });

  it("of VNets have routes in all subnets, unless a route table disables them", () => {
    const azure = (values: Values): string =>
      plan(
        planned("azurerm_virtual_network.hub", { address_space: ["10.0.0.0/16"] }),
        planned(
          "azurerm_subnet.GatewaySubnet",
          { address_prefixes: ["10.0.255.0/27"] },
          { virtual_network_name: "azurerm_virtual_network.hub" },
        ),
        planned(
          "azurerm_subnet.app",
          { address_prefixes: ["10.0.1.0/24"] },
          { virtual_network_name: "azurerm_virtual_network.hub" },
        ),
        planned("azurerm_route_table.app", values),
        planned(
          "azurerm_subnet_route_table_association.app",
          {},
          { subnet_id: "azurerm_subnet.app", route_table_id: "azurerm_route_table.app" },
        ),
        planned(
          "azurerm_network_interface.vm",
          { ip_configuration: [{ private_ip_address: "10.0.1.10" }] },
          { ip_configuration: { subnet_id: "azurerm_subnet.app" } },
        ),
        planned(
          "azurerm_linux_virtual_machine.web",
          {},
          { network_interface_ids: ["azurerm_network_interface.vm.id", "azurerm_network_interface.vm"] },
        ),
        planned(
          "azurerm_virtual_network_gateway.gw",
          { type: "Vpn", ip_configuration: [{}] },
          { ip_configuration: { subnet_id: "azurerm_subnet.GatewaySubnet" } },
        ),
        planned("azurerm_local_network_gateway.office", { address_space: ["192.168.0.0/16"] }),
        planned(
          "azurerm_virtual_network_gateway_connection.office",
          { type: "IPsec" },
          {
            virtual_network_gateway_id: "azurerm_virtual_network_gateway.gw",
            local_network_gateway_id: "azurerm_local_network_gateway.office",
          },
        ),
      );
    expect(outcomes(azure({}), "web -> 192.168.7.7 reachable", "office -> 10.0.1.10 reachable")).toEqual([]);
    expect(notes(azure({})).join("\n")).not.toContain("KN801");
    expect(outcomes(azure({ bgp_route_propagation_enabled: false }), "web -> 192.168.7.7 reachable")).toHaveLength(1);
  });

  it("of Google networks have the routes to their tunnels", () => {
    const gcp = plan(
      planned("google_compute_network.main", { name: "main", auto_create_subnetworks: false }),
      planned(
        "google_compute_subnetwork.app",
        { ip_cidr_range: "10.0.1.0/24", region: "r" },
        { network: "google_compute_network.main" },
      ),
      planned(
        "google_compute_instance.web",
        { network_interface: [{ network_ip: "10.0.1.10" }] },
        { network_interface: { subnetwork: "google_compute_subnetwork.app" } },
      ),
      planned("google_compute_vpn_gateway.gw", { name: "gw" }, { network: "google_compute_network.main" }),
      planned(
        "google_compute_vpn_tunnel.office",
        { name: "office", peer_ip: "198.51.100.7" },
        { target_vpn_gateway: "google_compute_vpn_gateway.gw" },
      ),
      planned(
        "google_compute_route.office",
        { dest_range: "192.168.0.0/16", priority: 1000 },
        { network: "google_compute_network.main", next_hop_vpn_tunnel: "google_compute_vpn_tunnel.office" },
      ),
      planned(
        "google_compute_forwarding_rule.api",
        { load_balancing_scheme: "INTERNAL", ip_address: "10.0.1.50", ports: ["8443"] },
        { subnetwork: "google_compute_subnetwork.app", network: "google_compute_network.main" },
      ),
    );
    expect(
      outcomes(gcp, "web -> 192.168.7.7 reachable", "web -> 10.0.1.50:8443 reachable", "web -> 10.0.1.50:80 reachable"),
    ).toEqual([expect.stringContaining("does not listen on 80/tcp")]);
    expect(notes(gcp).join("\n")).not.toContain("KN801");
  });
});

describe("load balancers and endpoints", () => {
  const group = (name: string, ...ingress: readonly Values[]): Planned =>
    planned(`aws_security_group.${name}`, { ingress }, { vpc_id: "aws_vpc.main" });
  const allow = (port: number, from: string): Values => ({
    protocol: "tcp",
    from_port: port,
    to_port: port,
    cidr_blocks: [from],
  });
  const balanced = (from: string): string =>
    plan(
      vpc("main", "10.0.0.0/16"),
      subnet("front", "10.0.1.0/24", "main"),
      subnet("back", "10.0.2.0/24", "main"),
      group("web", allow(8080, from)),
      planned(
        "aws_instance.api",
        { private_ip: "10.0.2.10" },
        {
          subnet_id: "aws_subnet.back",
          vpc_security_group_ids: ["aws_security_group.web.id", "aws_security_group.web"],
        },
      ),
      planned("aws_lb.shop", { internal: true }, { subnets: ["aws_subnet.front.id", "aws_subnet.front"] }),
      planned("aws_lb_target_group.api", { port: 8080, protocol: "HTTP" }, { vpc_id: "aws_vpc.main" }),
      planned(
        "aws_lb_listener.https",
        { port: 443, protocol: "HTTPS", default_action: [{ type: "forward" }] },
        { load_balancer_arn: "aws_lb.shop", default_action: { target_group_arn: "aws_lb_target_group.api" } },
      ),
      planned(
        "aws_lb_target_group_attachment.api",
        { port: 8080 },
        { target_group_arn: "aws_lb_target_group.api", target_id: "aws_instance.api" },
      ),
      planned(
        "aws_vpc_endpoint.ecr",
        { vpc_endpoint_type: "Interface", service_name: "com.amazonaws.eu-west-1.ecr.api" },
        { vpc_id: "aws_vpc.main", subnet_ids: ["aws_subnet.back.id", "aws_subnet.back"] },
      ),
      planned(
        "aws_vpc_endpoint.s3",
        { vpc_endpoint_type: "Gateway", service_name: "com.amazonaws.eu-west-1.s3" },
        { vpc_id: "aws_vpc.main" },
      ),
    );

  it("listen, and reach their targets if the security groups allow it", () => {
    expect(serious(balanced("10.0.1.0/24"))).toEqual([]);
    expect(serious(balanced("10.9.0.0/16"))).toEqual([
      expect.stringMatching(/^KN701 @ aws_lb_target_group_attachment\.api: .*drops the packet/),
    ]);
    expect(
      outcomes(
        balanced("10.0.1.0/24"),
        "api -> shop:443 reachable",
        "api -> ecr:443 reachable",
        "api -> shop:80 blocked",
      ),
    ).toEqual([]);
  });

  it("that are not hosts are named as not read", () => {
    expect(notes(balanced("10.0.1.0/24")).filter((one) => one.startsWith("KN801"))).toEqual([
      expect.stringContaining("aws_vpc_endpoint.s3"),
    ]);
  });
});

describe("network sources", () => {
  it("are recognized by their content", () => {
    expect([plan(), ...Object.values(AWS), aks({})].map(isNetworkSource)).not.toContain(false);
    const others = [
      '{"apiVersion": "v1", "kind": "List", "items": []}',
      "[]",
      "{",
      "kind: Pod",
      '{"planned_values": 1}',
      '[{"Vpcs": 1}]',
      '{"id": "/subscriptions/"}',
    ];
    expect(others.filter(isNetworkSource)).toEqual([]);
  });

  it("of any shape are read without an exception", () => {
    const texts = [
      plan(...PEERED, BACK, ...EKS),
      ...Object.values(AWS),
      JSON.stringify(vnet("hub", 0, "spoke")),
      aks({}),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.nat(),
        fc.constantFrom("null", "[]", "{}", '"x"', "7", "true", '["10.0.0.0/33"]'),
        (text, at, value) => {
          const values = [...text.matchAll(/(?<=: ?)(?:"[^"]*"|\d+|\[\]|\{\})/g)];
          const one = values[at % values.length];
          if (!one) return;
          const damaged = text.slice(0, one.index) + value + text.slice(one.index + one[0].length);
          findings({ "a.json": damaged });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are imported with the same findings", () => {
    const found = (text: string): readonly string[] =>
      check(text)
        .map(({ code, finding }) => `${code} ${finding.message}`)
        .sort();
    const text = readFileSync("samples/plans/aws-peering.json", "utf8");
    const own = serious(text)
      .map((one) => one.replace(/ @ [^:]*:/, ""))
      .sort();
    expect(found(format(imported(text)))).toEqual(own);
    expect(own).toHaveLength(4);
  });
});

describe("spans", () => {
  it("are equal to a search from the beginning of the text", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(undefined, 2), (json, indent) => {
        const value = JSON.parse(json) as Json;
        const text = JSON.stringify(value, null, indent);
        const find = spanFinder(text);
        for (const path of pathsIn(value)) expect(find(path)).toEqual(jsonSpan(text, path));
        expect(find(["none", 0])).toBeUndefined();
        expect(find([99])).toBeUndefined();
      }),
    );
  });
});

function pathsIn(value: Json): readonly (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [[]];
  const entries: readonly (readonly [string | number, Json])[] = Array.isArray(value)
    ? (value as readonly Json[]).map((one, index) => [index, one] as const)
    : Object.entries(value as Values);
  return [[], ...entries.flatMap(([key, one]) => pathsIn(one).map((path) => [key, ...path]))];
}
