/** Paths that objects of different kinds share: a pod and a service, a node and a segment, a host and a pod. */
import { describe, expect, it } from "vitest";
import { readSelection } from "../../../server/src/kubernetes/matrix/ends.ts";
import { policyMatrix } from "../../../server/src/kubernetes/matrix/matrix.ts";
import { completionsAt } from "../../../server/src/service/features/completion/index.ts";
import { endpointsOf } from "../../../server/src/service/features/endpoints.ts";
import { renameAt } from "../../../server/src/service/features/navigation.ts";
import { reachItemAt, whatIsReached, whatReaches } from "../../../server/src/service/features/reach.ts";
import { pictureOf } from "../../../server/src/service/matrix-view.ts";
import { ask } from "../../../server/src/trace/trace.ts";
import { check, shown, world } from "../checks/harness.ts";
import { at, CURSOR, edited, fixture } from "../service/support.ts";

const TEXT = `segment lan { cidr 192.168.0.0/24; gateway 192.168.0.1 }
segment web2 { cidr 192.168.1.0/24 }
router r { attach lan 192.168.0.1; attach web2 192.168.1.1 }
host shared { attach lan 192.168.0.9; listen 22 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes n 1..2 { attach lan }
  node web2 { attach lan 192.168.0.20 }
  pod a on n1 { labels app=a }
  pod web on n2 {
    labels app=web
    listen 8080/tcp
  }
  service web { select app=web; port 80 -> 8080 }
  namespace shop {
    deployment api replicas 2 { labels app=api; listen 9090 }
    service api { select app=api; port 80 -> 9090 }
    pod shared on n1 { listen 443 }
  }
}
`;

function traced(from: string, to: string, port?: number): string {
  const { topology, network } = world(TEXT);
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...(port ? { port } : {}) });
  if (!answer.ok) return answer.error;
  const { paths, verdict, notes } = answer.trace;
  const last = paths[0]?.hops.at(-1);
  return [
    `${verdict} at ${last?.owner}`,
    ...(notes ?? []).flatMap((note) => note.match(/`.*` refers to .*/) ?? []),
  ].join("; ");
}

const problems = (text: string): readonly string[] =>
  check(text)
    .filter(({ finding }) => finding.severity === "error")
    .map(shown);

describe("a pod and a service with the same path", () => {
  it("are both traced: the bare path is the service, as a note states", () => {
    expect(traced("a", "web", 80)).toBe(
      "delivered at pod c/default/web; `web` refers to service c/default/web (other matches: `pod/web`)",
    );
    expect(traced("a", "web", 8080)).toMatch(/^(dropped|unreachable|rejected).*`web` refers to service/);
    expect(traced("a", "pod/web", 8080)).toBe("delivered at pod c/default/web");
    expect(traced("a", "service/web", 80)).toBe("delivered at pod c/default/web");
    expect(traced("a", "pod/c/default/web", 8080)).toBe("delivered at pod c/default/web");
    expect(traced("a", "deployment/shop/api", 9090)).toBe("delivered at pod c/shop/api-0");
    expect(traced("a", "statefulset/shop/api")).toBe(
      "`statefulset/shop/api` does not exist; did you mean `c/shop/api`?",
    );
  });

  it("have one sender: a service sends nothing", () => {
    expect(traced("web", "a")).toMatch(/ at pod c\/default\/a$/);
    expect(traced("pod/web", "a")).toMatch(/ at pod c\/default\/a$/);
    expect(traced("c/default/web", "a")).toMatch(/ at pod c\/default\/a$/);
    expect(traced("service/web", "a")).toBe("`c/default/web` is a service; a service cannot send packets");
  });

  it("are endpoints of expectations", () => {
    const expects = `expect web -> shop/api:80 reachable
expect c/default/web -> pod/a reachable
expect a -> pod/web:8080 reachable
expect a -> service/web:80 reachable
expect pod/a -> deployment/shop/api:9090 reachable
expect a -> web:8080 blocked
`;
    expect(problems(TEXT + expects)).toEqual([]);
    expect(problems(`${TEXT}expect service/web -> a reachable\n`)).toHaveLength(1);
  });
});

describe("a node with the name of a segment", () => {
  it("is the endpoint: a segment never is", () => {
    expect(traced("a", "web2")).toMatch(/ at node c\/web2$/);
    expect(traced("web2", "shared", 22)).toMatch(/^delivered at host shared/);
    expect(problems(`${TEXT}expect shared -> web2 reachable\nexpect web2 -> shared:22 reachable\n`)).toEqual([]);
  });

  it("is named if only a segment has the name", () => {
    expect(traced("a", "lan")).toBe("lan is a segment; expected a pod, node, router, host, or address");
  });
});

describe("a host with the name of a pod", () => {
  it("has the bare name, which is its full path", () => {
    expect(traced("a", "shared", 22)).toBe(
      "delivered at host shared; `shared` refers to host shared (other matches: `pod/shared`)",
    );
    expect(traced("a", "pod/shared", 443)).toBe("delivered at pod c/shop/shared");
    expect(traced("a", "host/shared", 22)).toBe("delivered at host shared");
    expect(traced("shared", "a")).toContain("`shared` refers to host shared (other matches: `pod/shared`)");
  });
});

describe("a path that begins with the name of a kind", () => {
  it("is the path as written, if it exists", () => {
    const text = TEXT.replace(
      "namespace shop {",
      "namespace service { pod web on n1 { listen 7070 } }\n  namespace shop {",
    );
    expect(problems(`${text}expect a -> service/web:7070 reachable\n`)).toEqual([]);
    expect(problems(`${text}expect a -> service/service/web:80 reachable\n`)).toHaveLength(1);
  });
});

describe("ambiguous paths", () => {
  it("are listed with their kind where the path alone is not enough", () => {
    const text = `${TEXT}expect a -> x reachable\n`
      .replace("pod a on n1", "pod x on n1\n  pod a on n1")
      .replace("namespace shop {", "node x { attach lan }\n  namespace shop {");
    expect(problems(text)).toEqual([
      expect.stringContaining("path `x` is ambiguous: it matches `c/x` and `c/default/x`"),
    ]);
  });
});

describe("matrix selections", () => {
  const selected = (text: string): string => {
    const { topology } = world(TEXT);
    const answer = policyMatrix(topology, { from: undefined, to: text, byPod: true });
    return answer.ok ? answer.ends.to.flatMap((end) => ("path" in end ? end.path : [])).join(" ") : answer.error;
  };

  it("can name the kind", () => {
    expect(selected("pod/web")).toBe("default/web");
    expect(selected("pod/c/default/web")).toBe("default/web");
    expect(selected("deployment/shop/api")).toBe("shop/api-0 shop/api-1");
    expect(selected("pod/shop/api-1")).toBe("shop/api-1");
    expect(selected("namespace/shop")).toBe("shop/api-0 shop/api-1 shop/shared");
    expect(readSelection(world(TEXT).topology, "deployment/web").ok).toBe(false);
    expect(readSelection(world(TEXT).topology, "x/y/web").ok).toBe(false);
  });
});

describe("in the editor", () => {
  it("the list of endpoints sends the selected one", () => {
    const { analysis } = fixture(TEXT);
    const items = endpointsOf(analysis.topology, "", Number.POSITIVE_INFINITY);
    expect(items.map(({ label, path }) => `${label} ${path}`)).toEqual([
      "r r",
      "shared shared",
      "n1 c/n1",
      "n2 c/n2",
      "web2 c/web2",
      "a c/default/a",
      "pod/web pod/c/default/web",
      "api-0 c/shop/api-0",
      "api-1 c/shop/api-1",
      "shop/shared c/shop/shared",
    ]);
    for (const { path, kind } of items) {
      const found = analysis.topology.resolve(path);
      expect(found.ok && found.endpoint.kind).toBe(kind);
    }
  });

  it("the cells of the matrix send the pod", () => {
    const { analysis } = fixture(TEXT);
    const answer = policyMatrix(analysis.topology, { from: "a", to: "pod/web", byPod: false });
    if (!answer.ok) throw new Error(answer.error);
    const picture = pictureOf(analysis.topology, answer, [...answer.pairs]);
    expect(picture.ends.map(({ path }) => path)).toContain("pod/c/default/web");
  });

  it("the call hierarchy tells the pod from the service", () => {
    const reach = (text: string, look: typeof whatReaches): readonly string[] => {
      const one = fixture(text);
      const item = reachItemAt(one.analysis, one.file, one.offset);
      const all = (item && look(one.analysis, item, () => false)) ?? [];
      return [
        `${item?.kind} ${item?.path}`,
        ...all.map(({ item: other, ports }) => `${other.path} ${ports.join(" ")}`),
      ];
    };
    expect(reach(at("pod web", 5, TEXT), whatReaches)).toEqual(
      expect.arrayContaining(["pod pod/c/default/web", "c/default/a 8080/tcp"]),
    );
    expect(reach(at("service web", 9, TEXT), whatReaches)).toEqual(
      expect.arrayContaining(["service c/default/web", "c/default/a 80/tcp"]),
    );
    expect(reach(at("pod a", 4, TEXT), whatIsReached)).toEqual(
      expect.arrayContaining(["pod/c/default/web 8080/tcp", "c/default/web 80/tcp"]),
    );
    expect(reach(at("pod web", 5, TEXT), whatIsReached)[0]).toBe("pod pod/c/default/web");
  });

  it("names after a kind are renamed and completed", () => {
    const text = `${TEXT}expect a -> pod/web:8080 reachable\nexpect a -> service/web:80 reachable\n`;
    const one = fixture(at("pod web", 5, text));
    const renaming = renameAt(one.analysis, one.file, one.offset, "front");
    if (!("edits" in renaming)) throw new Error(JSON.stringify(renaming));
    const edits = [...(renaming.edits.get(one.file) ?? [])];
    expect(edited(one.text, edits)).toBe(
      text.replace("pod web on", "pod front on").replace("pod/web:8080", "pod/front:8080"),
    );
    const labels = (line: string): readonly string[] => {
      const { analysis, file, offset } = fixture(`${TEXT}${line}\n`);
      return completionsAt(analysis, file, offset, { importable: () => [] }).items.map(({ label }) => label);
    };
    expect(labels(`expect a -> ${CURSOR}`)).toEqual(expect.arrayContaining(["web", "api"]));
    expect(labels(`expect ${CURSOR}`)).not.toContain("pod/web");
    expect(labels(`expect a -> pod/${CURSOR}`)).toEqual(expect.arrayContaining(["pod/web", "pod/a"]));
    expect(labels(`expect a -> pod/${CURSOR}`)).not.toContain("pod/r");
    expect(labels(`expect a -> web:8080 via node/${CURSOR}`)).toEqual(expect.arrayContaining(["node/n1"]));
    expect(labels(`expect a -> web:8080 via node/${CURSOR}`)).not.toContain("node/r");
  });
});
