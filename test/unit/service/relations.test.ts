import { describe, expect, it } from "vitest";
import { inlayHintsIn } from "../../../server/src/service/features/inlay.ts";
import { lensAt } from "../../../server/src/service/features/lenses.ts";
import { reachItemAt, whatIsReached, whatReaches } from "../../../server/src/service/features/reach.ts";
import { implementationAt, linkedAt, typeDefinitionAt } from "../../../server/src/service/features/relations.ts";
import { at, CURSOR, fixture, marked, SHOP } from "./support.ts";

type Feature = typeof typeDefinitionAt;

/** The first lines of the found declarations. */
function found(feature: Feature, text: string): readonly string[] {
  const one = fixture(text);
  return feature(one.analysis, one.file, one.offset).map(
    ({ full }) => one.text.slice(full.start, full.end).split("\n")[0] ?? "",
  );
}

describe("type definition", () => {
  const type = (text: string): readonly string[] => found(typeDefinitionAt, text);
  it("goes outward: container, pod, node, cluster", () => {
    expect(type(at("container nginx", 11))).toEqual(["pod web on n1 {"]);
    expect(type(at("pod web", 5))).toEqual(["node n1 { attach rack-a 10.168.0.2 }"]);
    expect(type(at("deployment api", 12))).toEqual([
      "node n1 { attach rack-a 10.168.0.2 }",
      "node n2 { attach rack-b 10.168.1.3 }",
      "nodes w 1..50 { attach rack-a }",
    ]);
    expect(type(at("shop/api-0", 6))).toEqual(["node n1 { attach rack-a 10.168.0.2 }"]);
    expect(type(at("on n1", 4))).toEqual(["cluster prod {"]);
    expect(type(at("cidr 10", 6))).toEqual([]);
  });
});

describe("implementation", () => {
  const inside = (text: string): readonly string[] => found(implementationAt, text);
  it("goes inward: attached interfaces, workloads, contents", () => {
    expect(inside(at("segment rack-b", 9))).toEqual([
      "attach rack-b 10.168.1.1",
      "attach rack-b 10.168.1.3",
      "attach rack-b 10.168.1.50",
    ]);
    expect(inside(at("cluster prod", 9))).toHaveLength(3);
    expect(inside(at("on n1", 4))).toEqual(["pod web on n1 {", "deployment api replicas 3 {"]);
    expect(inside(at("pod web", 5))).toEqual(["container nginx { listen 8080/tcp }"]);
    expect(inside(at("namespace shop", 11))).toEqual(["pod web on n1 {", "deployment api replicas 3 {"]);
  });
});

describe("linked editing", () => {
  const linked = (text: string): string => {
    const one = fixture(text);
    return marked(one.text, linkedAt(one.analysis, one.file, one.offset))
      .split("\n")
      .filter((line) => line.includes("["))
      .join("\n");
  };
  it("includes all occurrences of the same name", () => {
    expect(linked(at("segment rack-b", 9))).toMatchInlineSnapshot(`
      "segment [rack-b] {
        attach [rack-b] 10.168.1.1
        node n2 { attach [rack-b] 10.168.1.3 }
      host laptop { attach [rack-b] 10.168.1.50 }"
    `);
    expect(linked(at("cidr", 1))).toBe("");
  });
  it("excludes other objects with the same name", () => {
    expect(linked(`segment a${CURSOR} { cidr 10.0.0.0/24 }\nhost a { attach a }\n`)).toMatchInlineSnapshot(`
      "segment [a] { cidr 10.0.0.0/24 }
      host a { attach [a] }"
    `);
  });
});

describe("reachability", () => {
  const text = SHOP.replace(
    "attach rack-b 10.168.1.1",
    "attach rack-b 10.168.1.1\n  deny tcp port 9090 from 10.168.1.50",
  );
  const reach = (marked: string, look: typeof whatReaches): readonly string[] => {
    const one = fixture(marked);
    const item = reachItemAt(one.analysis, one.file, one.offset);
    const all = item && look(one.analysis, item, () => false);
    return (all ?? []).map(({ item: other, ports }) => `${other.path} ${ports.join(" ")}`);
  };
  it("is simulated for every listening port", () => {
    expect(reach(at("deployment api", 12, text), whatReaches)).toMatchInlineSnapshot(`
      [
        "prod/n1 9090/tcp 53/udp",
        "prod/n2 9090/tcp 53/udp",
        "prod/w1 9090/tcp 53/udp",
        "prod/shop/web 9090/tcp 53/udp",
      ]
    `);
    expect(reach(at("pod web", 5, text), whatIsReached)).toMatchInlineSnapshot(`
      [
        "tor icmp",
        "prod/n1 icmp",
        "prod/n2 icmp",
        "prod/w1 icmp",
        "prod/shop/api-0 9090/tcp 53/udp",
        "laptop icmp",
      ]
    `);
  });
  it("is computed for the pod of a container, and not for a segment", () => {
    expect(reach(at("container nginx", 11, text), whatIsReached)).toEqual(reach(at("pod web", 5, text), whatIsReached));
    expect(reach(at("segment rack-a", 9, text), whatReaches)).toEqual([]);
  });
  it("stops when it is canceled", () => {
    const one = fixture(at("pod web", 5, text));
    const item = reachItemAt(one.analysis, one.file, one.offset);
    expect(item && whatReaches(one.analysis, item, () => true)).toBeUndefined();
  });
});

describe("services and policies", () => {
  const served = SHOP.replace(
    "    deployment api",
    `    service front {
      select app=web
      port 80 -> 8080/tcp
    }
    policy closed {
      select app=web
      ingress from 10.168.1.0/24 to 8080/tcp
    }
    deployment api`,
  );
  it("point to the pods that they select", () => {
    expect(found(implementationAt, at("service front", 9, served))).toEqual(["pod web on n1 {"]);
    expect(found(implementationAt, at("policy closed", 8, served))).toEqual(["pod web on n1 {"]);
  });
  it("are reachable on their ports, and send nothing", () => {
    const one = fixture(at("service front", 9, served.replace(/ {4}policy closed \{[^}]*\}\n/, "")));
    const item = reachItemAt(one.analysis, one.file, one.offset);
    if (!item) throw new Error("a service has reachability");
    const reachers = whatReaches(one.analysis, item, () => false)?.map(({ item: other, ports }) => [
      other.path,
      ...ports,
    ]);
    expect(reachers).toContainEqual(["prod/shop/api-0", "80/tcp"]);
    expect(whatIsReached(one.analysis, item, () => false)).toEqual([]);
  });
  it("show computed values", () => {
    const one = fixture(at("service front", 9, served));
    const start = one.text.indexOf("service front");
    expect(lensAt(one.analysis, one.file, start, "usage")?.title).toBe("1 endpoint");
    const hints = inlayHintsIn(
      one.analysis,
      one.file,
      { start, end: start + 13 },
      { addresses: true, mtu: false, defaults: false },
    );
    expect(hints.map(({ text }) => text)).toEqual(["10.96.1.0"]);
  });
});
