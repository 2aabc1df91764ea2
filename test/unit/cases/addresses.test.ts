/** Address plans that a Kubernetes component rejects, and messages about who is affected. */
import { describe, expect, it } from "vitest";
import { check, shown } from "../checks/harness.ts";

const plan = (inside: string): string => `segment lan { cidr 172.30.0.0/16; gateway 172.30.0.1 }
router r { attach lan 172.30.0.1 }
cluster c {
  ${inside}
  cni flannel { backend vxlan }
  node n1 { attach lan }
  pod web { labels app=web; listen 80/tcp }
}
`;

describe("two ranges of one address family", () => {
  it("for pods", () => {
    expect(check(plan("pods 10.244.0.0/16\n  pods 10.245.0.0/16")).map(shown)).toEqual([
      "KN143 error line 5: cluster `c` has two IPv4 pod CIDRs, 10.244.0.0/16 and 10.245.0.0/16: kube-controller-manager rejects two ranges of one address family",
    ]);
  });

  it("for services, whose addresses are in both", () => {
    const services = `pods 10.244.0.0/16
  services 10.96.0.0/12
  services 192.168.0.0/16
  service a { select app=web; port 80; cluster-ip 192.168.0.5 }
  service b { select app=web; port 80; cluster-ip 10.96.0.5 }`;
    expect(check(plan(services)).map(shown)).toEqual([
      "KN143 error line 6: cluster `c` has two IPv4 service CIDRs, 10.96.0.0/12 and 192.168.0.0/16: kube-apiserver rejects two ranges of one address family",
    ]);
  });

  it("is reported for each range after the first, of either family", () => {
    const six = `segment lan { cidr fd00:1::/64 172.30.0.0/16; gateway 172.30.0.1 fd00:1::1 }
router r { attach lan 172.30.0.1 fd00:1::1 }
cluster c {
  pods 10.244.0.0/16
  pods fd00:244::/56
  pods fd00:245::/56
  pods fd00:246::/56
  cni flannel { backend vxlan }
  node n1 { attach lan }
}
`;
    expect(
      check(six)
        .filter(({ code }) => code === "KN143")
        .map(({ line }) => line),
    ).toEqual([6, 7]);
  });

  it("is not reported for dual stack", () => {
    expect(check(plan("pods 10.244.0.0/16")).map(shown)).toEqual([]);
  });
});
