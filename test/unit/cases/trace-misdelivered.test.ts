/** A machine other than the named target replies: the verdict "misdelivered", in all formats. */
import { describe, expect, test } from "vitest";
import { summaryOfTrace } from "../../../client/webview/model.ts";
import { compare, line, type Observation } from "../../../server/src/lab/compare.ts";
import { renderHtml } from "../../../server/src/trace/render/html.ts";
import { renderMermaid } from "../../../server/src/trace/render/mermaid.ts";
import { renderSvg } from "../../../server/src/trace/render/svg.ts";
import { check } from "../checks/harness.ts";
import { textOf, traceOf } from "./kernel-trace.ts";

/** The ClusterIP of a service is the address of a host on premises. */
const TAKEN = `segment lan { cidr 10.20.0.0/24; gateway gw }
segment onprem { cidr 10.100.0.0/16; gateway gw }
router gw { attach lan 10.20.0.1; attach onprem 10.100.0.1 }
host erp { attach onprem 10.100.7.9; listen 443 }
cluster k {
  pods 10.244.0.0/16
  services 10.100.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan 10.20.0.11 }
  pod web on n1 { labels app=web; listen 443 }
  service web { cluster-ip 10.100.7.9; select app=web; port 443 }
  pod app on n1
}
expect app -> erp:443 reachable
`;

describe("a pod replies for the address of a host", () => {
  const trace = traceOf(TAKEN, "app", "erp", { port: 443 });
  const message = "pod k/default/web replies, not host erp";

  test("verdict and reason", () => {
    expect(trace).toMatchObject({ verdict: "misdelivered", answered: true });
    expect(trace.paths[0]).toMatchObject({ verdict: "misdelivered", reason: { code: "wrong-end", message } });
    expect(trace.paths[0]?.receiver).toMatchObject({ process: "web" });
    expect(trace.paths[0]?.error).toBeUndefined();
    expect(trace.paths[0]?.reply?.verdict).toBe("delivered");
  });

  test("every format names both machines, and none claims a timeout", () => {
    const texts = [textOf(trace), renderMermaid(trace), renderSvg(trace), renderHtml(trace)];
    for (const text of texts) {
      expect(text).toContain(message);
      expect(text).not.toContain("timeout");
    }
    expect(texts[0]).toMatch(/✗ misdelivered\n$/);
    expect(summaryOfTrace(trace)).toEqual({ outcome: "bad", text: "Misdelivered" });
  });

  test("the expectation fails for the same reason", () => {
    expect(check(TAKEN).find(({ code }) => code === "KN701")?.finding.message).toContain(
      "k/default/web replies, not erp",
    );
  });

  test("a kernel that delivers the reply agrees", () => {
    const hops = [...(trace.paths[0]?.hops ?? []), ...(trace.paths[0]?.reply?.hops ?? [])];
    const observation: Observation = {
      lines: hops.flatMap(({ netns, device, direction, packet }) =>
        direction === null ? [] : [line(netns, device, direction, packet.headers)],
      ),
      result: "answered",
      errno: undefined,
      icmp: undefined,
      receiver: undefined,
    };
    expect(compare(trace, observation)).toBeUndefined();
  });

  test("the address and the service are not misdelivered", () => {
    for (const to of ["10.100.7.9", "web"])
      expect(traceOf(TAKEN, "app", to, { port: 443 })).toMatchObject({ verdict: "delivered", answered: true });
  });
});

describe("services", () => {
  const text = `segment lan { cidr 10.0.0.0/24; gateway r }
router r { attach lan 10.0.0.1; route 101.0.0.1/32 via 10.0.0.60 }
host client { attach lan 10.0.0.50 }
host other { attach lan 10.0.0.60; loopback 101.0.0.1; listen 80/tcp }
cluster k {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  kube-proxy iptables
  node n1 { attach lan 10.0.0.11 }
  deployment web replicas 1 { labels app=web; listen 80/tcp }
  service web { type node-port; select app=web; port 80 node-port 30080; external-ip 101.0.0.1 }
}
`;
  test("a host with the external IP replies", () => {
    const { verdict, paths } = traceOf(text, "client", "web", { port: 80 });
    expect(verdict).toBe("misdelivered");
    expect(paths[0]?.reason?.message).toBe("host other replies, not an endpoint of service k/default/web");
  });
  test("a node port: the node forwards to an endpoint", () => {
    expect(traceOf(text, "client", "n1", { port: 30080 })).toMatchObject({ verdict: "delivered", answered: true });
  });
});
