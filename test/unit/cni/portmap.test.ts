/** Host ports: the rules of portmap (plugins/meta/portmap/portmap_iptables.go) and of Docker, and packets that match them. */
import { describe, expect, test } from "vitest";
import { printNetfilter } from "../../../server/src/dataplane/print.ts";
import { sampleOf } from "./samples.ts";

const file = (cni: string, pods: string, docker = ""): string => `segment lan { cidr 192.168.10.0/24; gateway router }
segment office { cidr 192.168.1.0/24; gateway router }
router router { attach lan 192.168.10.1; attach office 192.168.1.1 }
host laptop { attach office 192.168.1.50 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni ${cni}
  node n1 { attach lan 192.168.10.11${docker} }
  node n2 { attach lan 192.168.10.12${docker} }
${pods}
}
`;
const WEB = "  pod web on n1 { listen 8080/tcp host-port 80 }\n  pod other on n2";

describe("portmap", () => {
  const flannel = sampleOf(file("flannel { backend vxlan }", WEB));
  test("its rules", () => {
    const text = printNetfilter(flannel.netns("prod/n1"), 4).join("\n");
    const lines = text.split("\n").filter((line) => /HOSTPORT|CNI-DN/.test(line) && line.startsWith("-A"));
    const [chain = ""] = /CNI-DN-\w{21}/.exec(text) ?? [];
    // Custom chains are printed in order of name, as by iptables-save, and the name of the pod's chain is a hash.
    expect(lines.map((line) => line.replaceAll(chain, "CNI-DN")).sort()).toEqual(
      [
        "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
        "-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
        '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
        '-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 80 -m comment --comment "dnat name: \\"prod/default/web\\"" -j CNI-DN',
        "-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE",
        '-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000',
        "-A CNI-DN -s 10.244.0.0/24 -p tcp -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK",
        "-A CNI-DN -s 127.0.0.1/32 -p tcp -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK",
        "-A CNI-DN -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.0.2:8080",
      ].sort(),
    );
  });
  test("an external client reaches the pod at the node's address, without SNAT", () => {
    const walk = flannel.walk("laptop", "192.168.10.11", 80);
    expect([walk.verdict, walk.source, walk.back.split(":")[0]]).toEqual(["delivered", "192.168.1.50", "delivered"]);
    expect(flannel.walk("laptop", "192.168.10.12", 80).verdict).toBe("rejected");
  });
  test("so does a pod on another node; the pod itself and pods on its node are masqueraded", () => {
    expect(flannel.walk("prod/default/other", "192.168.10.11", 80).verdict).toBe("delivered");
    expect(flannel.walk("prod/default/web", "192.168.10.11", 80)).toMatchObject({
      verdict: "delivered",
      source: "10.244.0.1",
    });
  });
  test("the node itself reaches the pod with its own address", () => {
    expect(flannel.walk("prod/n1", "192.168.10.11", 80)).toMatchObject({ verdict: "delivered" });
  });
});

test("Docker publishes the port with its own rules", () => {
  const docker = sampleOf(
    file("docker", WEB, "; docker-bridge 172.17.0.1/16").replace("pods 10.244.0.0/16", "pods 172.17.0.0/16"),
  );
  const text = printNetfilter(docker.netns("prod/n1"), 4).join("\n");
  expect(text).toContain("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080");
  expect(text).toContain("-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8080 -j ACCEPT");
  expect(docker.walk("laptop", "192.168.10.11", 80)).toMatchObject({ verdict: "delivered", source: "192.168.1.50" });
});
