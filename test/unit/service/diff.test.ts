/** A comparison as text and Markdown: renamed, moved, and scaled objects, lines per node class, findings. */
import { describe, expect, it } from "vitest";
import type { Network } from "../../../server/src/dataplane/model.ts";
import { printNetns } from "../../../server/src/dataplane/print.ts";
import { compare, isSame } from "../../../server/src/service/diff/diff.ts";
import { diffMarkdown } from "../../../server/src/service/diff/markdown.ts";
import type { Diff } from "../../../server/src/service/diff/schema.ts";
import { diffText } from "../../../server/src/service/diff/text.ts";
import { createService } from "../../../server/src/service/service.ts";

const BASE = `segment a { cidr 192.168.10.0/24; gateway tor }
segment b { cidr 192.168.20.0/24; gateway tor }
router tor {
  attach a 192.168.10.1
  attach b 192.168.20.1
}
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  network-policy calico
  node n1 { attach a 192.168.10.11 }
  node n2 { attach a 192.168.10.12 }
  node n3 { attach b 192.168.20.13 }
  deployment web replicas 6 { labels app=web; listen 80/tcp }
  deployment api replicas 3 { labels app=api; listen 9090/tcp 9100/tcp }
  policy api { select app=api; ingress from app=web to 9090 }
  service api { select app=api; port 80 -> 9090 }
}
`;

function diff(before: string, after: string): Diff {
  const [old, current] = [before, after].map((text, side) => {
    const service = createService({ resolveImport: () => undefined });
    service.setText("a.knet", text);
    const analysis = service.analysisOf("a.knet");
    if (!analysis) throw new Error("no analysis");
    return { name: side === 0 ? "old.knet" : "new.knet", analysis, locate: () => undefined };
  });
  if (!old || !current) throw new Error("no topology");
  return compare(old, current);
}

function networkOf(text: string): Network {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", text);
  const analysis = service.analysisOf("a.knet");
  if (!analysis) throw new Error("no analysis");
  return analysis.network;
}

const withoutMac = (line: string): string => line.replace(/[0-9a-f]{2}(?::[0-9a-f]{2}){5}/, "<MAC>");

const edited = (from: string | RegExp, to: string): string => {
  const text = BASE.replace(from, to);
  if (text === BASE) throw new Error(`no ${String(from)}`);
  return text;
};
const connections = (result: Diff): readonly string[] =>
  diffText(result)
    .split("\n")
    .filter((line) => /^ {2}[+~-] .* -> .* {2}/.test(line));

describe("a comparison", () => {
  it("finds nothing in another order, with other comments, or with other names of segments, routers, and policies", () => {
    const lines = BASE.split("\n");
    const reordered = [...lines.slice(6), ...lines.slice(0, 6)].join("\n");
    expect(isSame(diff(BASE, reordered))).toBe(true);
    expect(isSame(diff(BASE, `# comment\n${BASE.replaceAll("policy api", "policy web-to-api")}`))).toBe(true);
    expect(diffText(diff(BASE, BASE))).toBe("no change of connections, routes, rules, or findings\n");
    const renamed = diff(BASE, BASE.replaceAll("tor", "core").replaceAll(" a ", " rack-a "));
    expect(renamed.routes).toMatchObject({ classes: [], renamed: [{ before: "tor", after: "core" }] });
    expect(connections(renamed)).toEqual([]);
  });

  it("pairs a renamed cluster, renamed nodes, and renamed workloads", () => {
    const after = BASE.replace("cluster prod", "cluster live")
      .replace("node n2", "node second")
      .replace("deployment web", "deployment front");
    const result = diff(BASE, after);
    expect(connections(result)).toEqual([]);
    expect(result.endpoints).toEqual({
      added: [],
      removed: [],
      renamed: [{ before: "default/web", after: "default/front" }],
    });
    expect(result.routes).toMatchObject({ added: [], removed: [], classes: [] });
    expect(result.routes.renamed).toEqual([{ before: "prod/n2", after: "live/second" }]);
  });

  it("does not list the connections of more or moved replicas", () => {
    expect(connections(diff(BASE, edited("web replicas 6", "web replicas 2")))).toEqual([]);
    expect(connections(diff(BASE, edited("web replicas 6", "web replicas 60")))).toEqual([]);
    expect(connections(diff(edited("web replicas 6", "web replicas 1"), BASE))).toEqual([]);
  });

  it("lists the connections of new and removed workloads", () => {
    const more = edited("  policy api", "  pod cache on n1 { listen 6379/tcp }\n  policy api");
    const result = diff(BASE, more);
    expect(result.endpoints.added).toEqual([{ path: "default/cache", kind: "Pod", namespace: "default" }]);
    expect(connections(result)).toEqual([
      "  + default/web and default/api -> default/cache  6379/tcp, icmp",
      "  + default/cache -> default/web  80/tcp, icmp",
    ]);
    expect(connections(diff(more, BASE))).toEqual([
      "  - default/web and default/api -> default/cache  6379/tcp, icmp",
      "  - default/cache -> default/web  80/tcp, icmp",
    ]);
  });

  it("is symmetric", () => {
    const after = edited("to 9090 }", "to 9100 }").replace(
      "attach b 192.168.20.1\n",
      "attach b 192.168.20.1\n  deny udp port 8472\n",
    );
    const [there, back] = [diff(BASE, after), diff(after, BASE)];
    expect(there.connections.added.length + there.connections.removed.length).toBeGreaterThan(0);
    expect(back.connections.removed.map(({ example: _, ...one }) => one)).toEqual(
      there.connections.added.map(({ example: _, ...one }) => one),
    );
    expect(back.routes.added).toEqual(there.routes.removed);
    expect(back.diagnostics.added).toEqual(there.diagnostics.removed);
  });

  it("names the ports that changed, and the nodes if only some are affected", () => {
    expect(connections(diff(BASE, edited("to 9090 }", "to 9100 }")))).toEqual([
      "  ~ default/web -> default/api  9090/tcp -> 9100/tcp",
    ]);
    const blocked = diff(BASE, edited("node n2 {", "node n2 { deny udp port 8472;"));
    expect(connections(blocked)).toContain(
      "  - default/web on prod/n1 and prod/n3 -> default/api on prod/n2  9090/tcp",
    );
  });

  it("shows policies for addresses outside the clusters", () => {
    expect(
      connections(
        diff(BASE, edited("from app=web to 9090 }", "from app=web to 9090; ingress from cidr 203.0.113.0/24 to 443 }")),
      ),
    ).toEqual(["  + 203.0.113.0-203.0.113.255 -> default/api  443/tcp (network policies only)"]);
    expect(connections(diff(BASE, edited("from app=web to 9090", "from any")))).toContain(
      "  + all external addresses -> default/api  all traffic (network policies only)",
    );
  });

  it("lists lines once for all nodes with the same change", () => {
    const { routes } = diff(BASE, edited("  deployment web", "  node n4 { attach b 192.168.20.14 }\n  deployment web"));
    expect(routes.added).toEqual(["prod/n4"]);
    expect(routes.classes.map(({ machines }) => machines)).toEqual([["prod/n1", "prod/n2", "prod/n3"]]);
    expect(routes.classes[0]?.sections).toMatchObject([
      { command: "ip route", added: ["10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink"], removed: [] },
      { command: "ip neigh", removed: [] },
      { command: "bridge fdb", removed: [] },
    ]);
  });

  it("names the own values of nodes, and shows them if they differ", () => {
    const { routes } = diff(BASE, edited("pods 10.244.0.0/16", "pods 10.245.0.0/16"));
    const [all, ...others] = routes.classes;
    expect(others).toEqual([]);
    expect(all?.machines).toEqual(["prod/n1", "prod/n2", "prod/n3"]);
    expect(all?.sections.find(({ command }) => command === "ip -brief address")).toEqual({
      command: "ip -brief address",
      added: ["flannel.1 UNKNOWN <new flannel.1 address>/32", "cni0 UP <new cni0 address>/24"],
      removed: ["flannel.1 UNKNOWN <old flannel.1 address>/32", "cni0 UP <old cni0 address>/24"],
    });
  });

  it("lists rules whose order changed", () => {
    const acl = (rules: string): string => edited("attach b 192.168.20.1\n", `attach b 192.168.20.1\n  ${rules}\n`);
    const { routes } = diff(
      acl("deny tcp port 22; allow tcp port 20-30"),
      acl("allow tcp port 20-30; deny tcp port 22"),
    );
    expect(routes.classes).toMatchObject([
      { kind: "router", machines: ["tor"], sections: [{ command: "iptables-save" }, { command: "ip6tables-save" }] },
    ]);
    const [section] = routes.classes[0]?.sections ?? [];
    expect(section?.added).toEqual(section?.removed);
    expect(section?.added.length).toBe(1);
  });

  it("lists the rules of changed services, not of single pods", () => {
    const { routes } = diff(
      BASE,
      edited("port 80 -> 9090", "port 81 -> 9090").replace("web replicas 6", "web replicas 9"),
    );
    const lines = routes.classes.flatMap(({ sections }) => sections.flatMap(({ added }) => added));
    expect(lines.some((line) => line.includes("--dport 81"))).toBe(true);
    expect(lines.filter((line) => /10\.244\.\d+\.\d+(?![\d/])/.test(line))).toEqual([]);
    expect(diff(BASE, edited("web replicas 6", "web replicas 9")).routes.classes).toEqual([]);
  });

  it("lists the same lines if one node represents a class", () => {
    const large = (nodes: number, backend: string): string => `segment a { cidr 192.168.0.0/22; gateway tor }
segment b { cidr 192.168.20.0/22; gateway tor }
router tor {
  attach a 192.168.3.254
  attach b 192.168.23.254
}
cluster prod {
  pods 10.0.0.0/8
  cni flannel { backend ${backend} }
  nodes x 1..130 { attach a }
  nodes y 1..${nodes} { attach b }
}
`;
    for (const backend of ["vxlan", "vxlan { direct-routing true }"]) {
      const texts = [large(130, backend), large(131, backend)] as const;
      const { routes } = diff(...texts);
      expect(routes.added).toEqual(["prod/y131"]);
      expect(routes.classes.reduce((sum, { machines }) => sum + machines.length, 0)).toBe(260);
      expect(routes.classes.length).toBe(backend === "vxlan" ? 1 : 2);
      const [before, after] = texts.map(networkOf);
      for (const { machines, sections } of routes.classes) {
        for (const path of [machines[0] ?? "", machines.at(-1) ?? ""]) {
          const [old, current] = [before, after].map((network) => {
            const netns = network?.netns(path);
            if (!netns) throw new Error(path);
            return printNetns(netns).split("\n");
          });
          const lines = (part: "added" | "removed"): readonly string[] => sections.flatMap((one) => one[part]);
          expect(lines("added").map(withoutMac)).toEqual(
            current?.filter((line) => !old?.includes(line)).map(withoutMac),
          );
          expect(lines("removed")).toEqual(old?.filter((line) => !current?.includes(line)));
        }
      }
    }
  });

  it("matches findings by what they name", () => {
    const overlap = (services: string, name: string): string =>
      edited("services 10.96.0.0/12", `services ${services}`).replace("cluster prod", `\n\ncluster ${name}`);
    const { diagnostics } = diff(overlap("10.244.240.0/20", "prod"), overlap("10.244.240.0/20", "live"));
    expect(diagnostics).toEqual({ added: [], removed: [], changed: [] });
    const { diagnostics: other } = diff(overlap("10.244.240.0/20", "prod"), overlap("10.244.224.0/20", "prod"));
    expect([other.added, other.removed]).toEqual([[], []]);
    expect(other.changed.map(({ before, after }) => [before.code, after.code])).toEqual([["KN101", "KN101"]]);
    const { diagnostics: fresh } = diff(BASE, overlap("10.244.240.0/20", "prod"));
    expect([fresh.added.map(({ code }) => code), fresh.removed]).toEqual([["KN101"], []]);
  });

  it("cannot be confused by names in Markdown", () => {
    const text = diffMarkdown({
      ...diff(BASE, BASE),
      before: "a|b`<script>.knet",
      notes: ["<b>@octocat</b> [x](http://y)"],
    });
    expect(text).not.toMatch(/<b>|@octocat|[^\\]\]\(http/);
  });
});
