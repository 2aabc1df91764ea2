/** A trace, go to definition, and find references agree on the object of a path. */
import { describe, expect, it } from "vitest";
import type { Decl } from "../../../server/src/declared/decl.ts";
import { fileOrigin } from "../../../server/src/declared/navigate.ts";
import type { Origin } from "../../../server/src/declared/origin.ts";
import { definitionAt } from "../../../server/src/service/features/navigation.ts";
import { symbolsOf } from "../../../server/src/service/features/symbols.ts";
import type { Endpoint } from "../../../server/src/topology/model.ts";
import { at, fixture } from "./support.ts";

const TEXT = `segment lan { cidr 10.0.0.0/24 }
router tor { attach lan }
host api { attach lan; daemon web { listen 22 } }
cluster k1 {
  pods 10.244.0.0/16
  nodes n 1..2 { attach lan; daemon d1 { listen 8000 } }
  pod p1 on n1 { container c1 { listen 80 } }
  pod web
  service tor { select app=web; port 80 }
  namespace shop {
    pod web { container web { listen 80 } }
    service web { select app=web; port 80 }
    deployment api replicas 3 { container api { listen 9090 } }
    daemonset logs { container c1 { listen 80 } }
  }
  namespace default { pod q; statefulset api replicas 2 }
}
cluster k2 {
  pods 10.245.0.0/16
  node m1 { attach lan }
  node p1 { attach lan }
  pod n1
  namespace pod { pod web }
}
`;
const NAMES = [
  "tor",
  "api",
  "api-1",
  "k1",
  "k2",
  "n1",
  "n",
  "p1",
  "c1",
  "web",
  "shop",
  "default",
  "q",
  "pod",
  "logs-n2",
  "d1",
];
const KINDS = ["statefulset", "deployment", "node", "host", "service", "container", "daemon"];

function sourceOf(endpoint: Endpoint): Origin {
  switch (endpoint.kind) {
    case "router":
      return endpoint.router.source;
    case "host":
      return endpoint.host.source;
    case "node":
      return endpoint.node.source;
    case "pod":
      return endpoint.pod.workload.source;
    case "container":
      return endpoint.container.source;
    case "daemon":
      return endpoint.daemon.source;
    case "service":
      return endpoint.service.source;
    case "segment":
      return endpoint.segment.source;
    case "address":
      throw new Error("an address is not declared");
  }
}

const { analysis } = fixture(TEXT);
const table = symbolsOf(analysis);

function declared(path: readonly string[]): readonly Decl[] {
  const use = { source: fileOrigin("main.knet"), path, kinds: [], dns: false, withKind: true, scope: undefined };
  return table.resolve(use).map(({ decl }) => decl);
}

const pairs = NAMES.flatMap((a) => NAMES.map((b) => [a, b]));
const paths = [
  ...NAMES.map((name) => [name]),
  ...pairs,
  ...NAMES.flatMap((name) => pairs.map((pair) => [name, ...pair])),
  ...NAMES.flatMap((name) => pairs.map((pair) => ["k1", name, ...pair])),
];

describe("the declaration of a path", () => {
  it.each([
    ["as written", paths],
    ["with a kind in front", KINDS.flatMap((kind) => paths.map((path) => [kind, ...path]))],
  ])("is the one of the object that a trace uses, %s", (_, all) => {
    const found = all.flatMap((path) => {
      const text = path.join("/");
      const result = analysis.topology.resolve(text);
      return result.ok ? [{ text, path, endpoint: result.endpoint }] : [];
    });
    expect(found.length).toBeGreaterThan(40);
    const differing = found.filter(({ path, endpoint }) => {
      const decls = declared(path);
      return decls.length !== 1 || decls[0] !== sourceOf(endpoint).decl;
    });
    expect(differing.map(({ text, endpoint }) => `${text} is ${endpoint.kind} ${endpoint.path}`)).toEqual([]);
  });

  it("can be in a block of the namespace default, which the path omits", () => {
    const one = fixture(at("k1/q", 3, `${TEXT}expect k1/q -> tor reachable\n`));
    const [found] = definitionAt(one.analysis, one.file, one.offset);
    expect(one.text.slice(found?.name.start, found?.name.end)).toBe("q");
  });
});
