/** `.knet` files that read a cluster from manifests: what is declared, where it is located, what an edit changes. */
import { describe, expect, it } from "vitest";
import { printDecls } from "../../../server/src/declared/print.ts";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { lensAt, lensesOf } from "../../../server/src/service/features/lenses.ts";
import { definitionAt, referencesAt } from "../../../server/src/service/features/navigation.ts";
import type { Provided } from "../../../server/src/service/files.ts";
import { pulling } from "../../../server/src/service/pull.ts";
import { createService } from "../../../server/src/service/service.ts";
import { lineIndex } from "../../../server/src/text/line-index.ts";

const NODES = `apiVersion: v1
kind: Node
metadata: {name: n1, labels: {zone: a}, annotations: {flannel.alpha.coreos.com/backend-type: vxlan}}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2, annotations: {flannel.alpha.coreos.com/backend-type: vxlan}}
spec: {podCIDR: 10.244.1.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.20.12}]}
`;
const SHOP = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: 2, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}}}
---
apiVersion: v1
kind: Service
metadata:
  name: web   # the shop
  namespace: shop
spec: {selector: {app: web}, ports: [{port: 80}]}
`;

const PROD = `segment racks { cidr 192.168.10.0/24 }
segment office { cidr 10.8.0.0/24 }
router fw { attach racks 192.168.10.1; attach office 10.8.0.1 }
cluster prod {
  manifests "dump"
}
expect web -> shop/web:80 reachable
`;

/** A service over these files; folders are implied by the names. */
function serviceOf(files: Record<string, string>) {
  const read = (name: string): Provided => {
    if (files[name] !== undefined) return files[name];
    const inside = Object.keys(files).filter((one) => one.startsWith(`${name}/`));
    return inside.length > 0 ? { files: inside } : undefined;
  };
  const service = pulling(createService({ resolveImport: (_, path) => path }), read);
  service.setText("prod.knet", files["prod.knet"] ?? "");
  return service;
}

type Files = Record<string, string>;
const all = (more: Files = {}): Files => ({
  "prod.knet": PROD,
  "dump/nodes.yaml": NODES,
  "dump/shop.yaml": SHOP,
  ...more,
});

function findings(files: Files, service = serviceOf(files)): readonly string[] {
  const analysis = service.analysisOf("prod.knet")!;
  return (analysis.findings(() => false) ?? []).map((one) => {
    const { file } = one.source;
    const { line, character } = lineIndex(files[file] ?? "").positionAt(analysis.placeOf(one)?.start ?? 0);
    return `${file}:${line + 1}:${character + 1} ${one.code} ${one.message}`;
  });
}

function declared(files: Files): string {
  return printDecls(serviceOf(files).analysisOf("prod.knet")!.declared[0]!.decls);
}

describe("manifests in a cluster block", () => {
  it("are its declarations; nodes are attached to declared segments that contain their addresses", () => {
    expect(`\n${declared(all())}`).toBe(`
segment racks { cidr 192.168.10.0/24 }
segment office { cidr 10.8.0.0/24 }
router fw { attach racks 192.168.10.1; attach office 10.8.0.1 }
cluster prod {
  manifests "dump"
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  network-policy kube-router
  node n1 {
    attach racks 192.168.10.11
    labels zone=a
    pod-cidr 10.244.0.0/24
  }
  node n2 { attach nodes 192.168.20.12; pod-cidr 10.244.1.0/24 }
  namespace shop {
    deployment web replicas 2 {
      labels app=web
      container c { listen 80/tcp }
    }
    service web { select app=web; port 80/tcp }
  }
}
expect web -> shop/web:80 reachable
segment nodes { cidr 192.168.20.0/24 }
router gateway { attach nodes }
`);
  });

  it("are completed by the statements of the block, which take precedence", () => {
    const prod = PROD.replace(
      `  manifests "dump"`,
      `  manifests "dump"
  pods 10.244.0.0/15 per-node /24
  services 10.40.0.0/16
  cni flannel { backend host-gw }
  node n2 { attach racks 192.168.10.12 }
  namespace shop { labels team=a; service web { port 8080 } }`,
    );
    const text = declared(all({ "prod.knet": prod }));
    expect(text).toContain(
      "pods 10.244.0.0/15 per-node /24\n  services 10.40.0.0/16\n  cni flannel { backend host-gw }",
    );
    expect(text).not.toMatch(/10\.96|vxlan|kube-router/);
    expect(text).toContain("node n2 { attach racks 192.168.10.12; pod-cidr 10.244.1.0/24 }");
    expect(text).toContain("service web { port 8080; select app=web }");
    expect(text).toContain("labels team=a");
  });

  it("are checked at their positions", () => {
    const wrong = SHOP.replace("selector: {app: web}", "selector: {app: wep}");
    const nodes = NODES.replace("192.168.20.12", "192.168.10.12");
    expect(findings(all({ "dump/shop.yaml": wrong, "dump/nodes.yaml": nodes }))).toEqual([
      "dump/shop.yaml:11:18 KN501 service `web` selects `app=wep`, but no pod in namespace `shop` matches: the service has no endpoints; did you mean `app=web`?",
      "prod.knet:5:3 KN803 no service CIDR was found: 10.96.0.0/12 is used",
      expect.stringMatching(/^prod.knet:7:1 KN701 expected `web -> shop\/web:80` to be reachable/),
    ]);
  });

  it("have an assumed segment for nodes outside of the declared ones", () => {
    expect(findings(all())).toEqual([
      expect.stringContaining("prod.knet:3:8 KN201"),
      expect.stringContaining("prod.knet:5:3 KN201"),
      "prod.knet:5:3 KN803 no service CIDR was found: 10.96.0.0/12 is used",
      "prod.knet:5:3 KN803 no declared segment contains the addresses of n2: `nodes` assumed",
      expect.stringContaining("prod.knet:7:1 KN701"),
    ]);
  });

  it("follow edits of the manifests and of the folder", () => {
    const files = all();
    const service = serviceOf(files);
    const sound = findings(files, service);
    files["dump/shop.yaml"] = SHOP.replace("selector: {app: web}", "selector: {app: wep}");
    expect(service.invalidate("dump/shop.yaml")).toBe(true);
    expect(findings(files, service)).toEqual(findings(files));
    expect(findings(files, service)).not.toEqual(sound);
    delete files["dump/shop.yaml"];
    expect(service.invalidate("dump/shop.yaml")).toBe(true);
    expect(findings(files, service)).toEqual(findings(files));
    files["dump/new.yaml"] = SHOP;
    expect(service.invalidate("dump/new.yaml")).toBe(true);
    expect(findings(files, service).map((one) => one.replace("new", "shop"))).toEqual(sound);
  });

  it("are read when their folder appears", () => {
    const files: Files = { "prod.knet": PROD };
    const service = serviceOf(files);
    expect(findings(files, service).join("\n")).toContain("KN015");
    Object.assign(files, all());
    expect(service.invalidate("dump/shop.yaml")).toBe(true);
    expect(findings(files, service)).toEqual(findings(files));
  });

  it("follow edits in the editor, and belong to the project of the `.knet` file", () => {
    const files = all();
    const service = serviceOf(files);
    service.analysisOf("prod.knet");
    service.setText("dump/shop.yaml", SHOP);
    expect(service.rootOf("dump/shop.yaml")).toBe("prod.knet");
    const at = SHOP.indexOf("app: web}, ports");
    service.edit("dump/shop.yaml", [{ start: at, end: at + 8, text: "app: wep" }]);
    files["dump/shop.yaml"] = service.textOf("dump/shop.yaml")!;
    expect(findings(files, service)).toEqual(findings(files));
    expect(findings(files, service).join("\n")).toContain("KN501");
  });

  it("name what cannot be read", () => {
    expect(findings({ "prod.knet": PROD })).toContain(
      "prod.knet:5:13 KN015 `dump` cannot be read (paths are relative to this file)",
    );
    expect(findings({ "prod.knet": PROD, "dump/README.md": "" })).toContain(
      "prod.knet:5:13 KN015 `dump` cannot be read (the folder contains no file to read)",
    );
    expect(findings(all({ "dump/broken.yaml": "kind: [1" })).join("\n")).toContain("dump/broken.yaml:1:9 KN802");
  });
});

describe("features in manifests", () => {
  const files = all();
  const analysis = serviceOf(files).analysisOf("prod.knet")!;
  const inShop = (text: string): number => SHOP.indexOf(text) + 1;

  it("hover names, values, and objects", () => {
    const hover = (text: string) => hoverAt(analysis, "dump/shop.yaml", inShop(text));
    expect(hover("web   # the shop")?.markdown).toContain("service");
    expect(hover("web}, ports")?.markdown).toContain("app");
  });

  it("have lenses at objects: endpoints of services, traces and routes of pods and nodes", () => {
    const shown = (file: string): readonly string[] =>
      lensesOf(analysis, file).map(({ kind, span }) => {
        const { line } = lineIndex(files[file] ?? "").positionAt(span.start);
        return `${line + 1} ${kind}: ${lensAt(analysis, file, span.start, kind)?.title}`;
      });
    expect(shown("dump/shop.yaml")).toEqual([
      "1 trace: Trace from here",
      "1 routes: Routes",
      expect.stringMatching(/^6 usage: 2 endpoints/),
    ]);
    expect(shown("dump/nodes.yaml").map((one) => one.split(":")[0])).toEqual([
      "1 trace",
      "1 routes",
      "7 trace",
      "7 routes",
    ]);
  });

  it("go to the declaration in the manifest, and find the uses in `.knet` files", () => {
    const place = (file: string, span: { start: number; end: number }): string =>
      `${file}:${(files[file] ?? "").slice(span.start, span.end)}@${span.start}`;
    const at = PROD.indexOf("shop/web:80") + 6;
    expect(definitionAt(analysis, "prod.knet", at).map((one) => place(one.file, one.name))).toEqual([
      `dump/shop.yaml:web@${SHOP.indexOf("web   #")}`,
    ]);
    expect(
      referencesAt(analysis, "dump/shop.yaml", inShop("web   # the shop"), true).map((one) =>
        place(one.file, one.span),
      ),
    ).toEqual([`dump/shop.yaml:web@${SHOP.indexOf("web   #")}`, `prod.knet:web@${PROD.indexOf("web:80")}`]);
  });
});

describe("a network at the top level", () => {
  const plan = JSON.stringify({
    format_version: "1.2",
    terraform_version: "1.9.8",
    planned_values: {
      root_module: {
        resources: [
          {
            address: "aws_vpc.a",
            mode: "managed",
            type: "aws_vpc",
            name: "a",
            values: { id: "vpc-1", cidr_block: "10.1.0.0/16" },
          },
          {
            address: "aws_subnet.db",
            mode: "managed",
            type: "aws_subnet",
            name: "db",
            values: { id: "subnet-1", vpc_id: "vpc-1", cidr_block: "10.1.0.0/24", availability_zone: "eu-west-1a" },
          },
        ],
      },
    },
  });
  const knet = `network "plan.json"
segment office { cidr 10.1.0.128/25 }
host pg { attach db 10.1.0.20; listen 5432/tcp }
router fw { attach office; attach db 10.1.0.30 }
`;

  it("declares its segments, on which the file declares hosts; findings name both files", () => {
    expect(findings({ "prod.knet": knet, "plan.json": plan })).toEqual([
      expect.stringMatching(
        /^plan.json:1:\d+ KN107 segment `db` \(10.1.0.0\/24\) overlaps segment `office` \(10.1.0.128\/25\)/,
      ),
    ]);
  });
});

describe("the state of real nodes", () => {
  it("is compared with the cluster; a difference has both locations", () => {
    const prod = PROD.replace(`manifests "dump"`, `manifests "dump"\n  state "nodes"`);
    const routes = `192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11
10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1
default via 192.168.10.1 dev eth0
`;
    const files = all({
      "prod.knet": prod,
      "dump/nodes.yaml": NODES.replace("192.168.20.12", "192.168.10.12"),
      "nodes/n1/route4.txt": routes,
      "nodes/n1/kubelet.log": "not read",
    });
    const found = findings(files).filter((one) => one.includes("KN81"));
    expect(found).toEqual([
      "nodes/n1/route4.txt:1:1 KN810 node `prod/n1` has no route to 10.244.1.0/24; flannel would install `10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink`",
    ]);
  });
});

it("a source without any object is an error at the statement", () => {
  const empty = findings({ "prod.knet": PROD, "dump/a.yaml": "hello: world\n" });
  expect(empty).toContain("prod.knet:5:3 KN802 invalid source: no Kubernetes object or cloud network found");
});
