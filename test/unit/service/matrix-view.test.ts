/** The matrix in the form that the panel shows. */
import { describe, expect, it } from "vitest";
import { gridOf, SIGNS } from "../../../client/webview/matrix/model.ts";
import { policyMatrix } from "../../../server/src/kubernetes/matrix/matrix.ts";
import type { MatrixView } from "../../../server/src/lsp/protocol.ts";
import { reachMatrix } from "../../../server/src/service/matrix.ts";
import { namespacesOf, pictureOf, tooMany } from "../../../server/src/service/matrix-view.ts";
import { fixture } from "./support.ts";

const TEXT = `segment lan { cidr 192.168.10.0/24 }
host laptop { attach lan 192.168.10.9; listen 22/tcp }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  network-policy kube-router
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12; deny udp port 8472 }
  namespace shop {
    pod web on n1 { labels app=web; listen 80/tcp }
    pod api on n1 { labels app=api; listen 9090/tcp 9100/tcp }
    policy api { select app=api; ingress from app=web to 9090/tcp }
  }
  namespace far { pod away on n2 { listen 80/tcp } }
}
`;

const all = { from: undefined, to: undefined, byPod: false };

function shown(by: "policies" | "packets", from?: string): string {
  const { analysis } = fixture(TEXT);
  const { topology, network } = analysis;
  const question = { ...all, from };
  const answer = by === "policies" ? policyMatrix(topology, question) : reachMatrix(topology, network, question);
  if (!answer.ok) return answer.error;
  const picture = pictureOf(topology, answer, [...answer.rows].flat());
  const view = {
    ...picture,
    ends: picture.ends.map(({ source: _, ...end }) => end),
    policies: picture.policies.map(({ name }) => ({ name })),
  } as unknown as MatrixView;
  const grid = gridOf(view);
  const lines = grid.rows.map((end, row) => {
    const cells = grid.columns.map((_, column) => {
      const { state, text } = grid.cell(row, column);
      return `${SIGNS[state] || "x"} ${text}`.trim();
    });
    const policies = [...end.egress, ...end.ingress].map((number) => view.policies[number]?.name);
    return `${[`${end.name} (${end.kind})`, ...cells].join(" | ")}${policies.length > 0 ? `   by ${policies.join()}` : ""}`;
  });
  return [["", ...grid.columns.map(({ name }) => name)].join(" | "), ...lines].join("\n");
}

describe("the view of a matrix", () => {
  it("shows the delivered traffic and the selecting policies", () => {
    expect(shown("packets")).toMatchInlineSnapshot(`
      " | shop/web | shop/api | far/away | 192.168.10.9
      shop/web (Pod) | x | ◐ 9090, ping | · | ● 22, ping
      shop/api (Pod) | ● 80, ping | x | · | ● 22, ping   by policy shop/api
      far/away (Pod) | · | · | x | ● 22, ping
      192.168.10.9 (host laptop) | · | · | · | x"
    `);
  });
  it("shows the traffic that policies allow", () => {
    expect(shown("policies", "shop")).toMatchInlineSnapshot(`
      " | shop/web | shop/api | far/away | 0.0.0.0-10.243.255.255 | 10.245.0.0-255.255.255.255
      shop/web (Pod) | x | ◐ 9090 | ● all | ● all | ● all
      shop/api (Pod) | ● all | x | ● all | ● all | ● all   by policy shop/api"
    `);
  });
  it("reports unknown names", () => {
    expect(shown("packets", "missing")).toContain("missing");
  });
  it("lists the namespaces, and reports an excessive size", () => {
    const { topology } = fixture(TEXT).analysis;
    expect(namespacesOf(topology)).toEqual(["far", "shop"]);
    const many = Array.from({ length: 251 }, (_, n) => ({ range: String(n) }));
    expect(tooMany({ from: many, to: [], outside: [] })).toContain("251 senders and 0 receivers");
    expect(tooMany({ from: [], to: [], outside: [] })).toBeUndefined();
  });
});
