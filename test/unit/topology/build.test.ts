import { describe, expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { printed, topologyOf } from "./print.ts";

describe("segments and machines", () => {
  it("allocates addresses in order of declaration, around configured addresses", () => {
    expect(
      printed(`
host first { attach lan }
segment lan {
  cidr 10.0.0.0/29
  cidr fd00::/64
  mtu 9000
}
router r { attach lan }
host second { attach lan 10.0.0.2 }
host third { attach lan { mtu 1500 } }
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 10.0.0.0/29 fd00::/64 mtu 9000 gateway 10.0.0.1 fd00::1
      router r
        eth0 lan 10.0.0.1/29 fd00::1/64 (allocated) mtu 9000
      host first
        eth0 lan 10.0.0.3/29 fd00::2/64 (allocated) mtu 9000
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
        route ::/0 via fd00::1 dev eth0 (by the gateway)
      host second
        eth0 lan 10.0.0.2/29 mtu 9000
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
      host third
        eth0 lan 10.0.0.4/29 fd00::3/64 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
        route ::/0 via fd00::1 dev eth0 (by the gateway)
      "
    `);
  });

  it("assigns the gateway's address to a router", () => {
    expect(
      printed(`
segment lan {
  cidr 10.0.0.0/24
  gateway 10.0.0.254
}
router r { attach lan }
host h { attach lan }
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 10.0.0.0/24 mtu 1500 gateway 10.0.0.254
      router r
        eth0 lan 10.0.0.254/24 (allocated) mtu 1500
      host h
        eth0 lan 10.0.0.1/24 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.0.254 dev eth0 (by the gateway)
      "
    `);
  });

  it("has no gateway if two routers are attached and none is named", () => {
    expect(
      printed(`
segment lan { cidr 10.0.0.0/24 }
segment dmz {
  cidr 10.0.1.0/24
  gateway b
}
router a { attach lan; attach dmz }
router b { attach lan; attach dmz }
host h { attach lan }
host d { attach dmz }
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 10.0.0.0/24 mtu 1500
      segment dmz 10.0.1.0/24 mtu 1500 gateway 10.0.1.1
      router a
        eth0 lan 10.0.0.1/24 (allocated) mtu 1500
        eth1 dmz 10.0.1.2/24 (allocated) mtu 1500
      router b
        eth0 lan 10.0.0.2/24 (allocated) mtu 1500
        eth1 dmz 10.0.1.1/24 (allocated) mtu 1500
      host h
        eth0 lan 10.0.0.3/24 (allocated) mtu 1500
      host d
        eth0 dmz 10.0.1.3/24 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.1.1 dev eth0 (by the gateway)
      "
    `);
  });

  it("uses the default route via the first segment's gateway, unless one is configured", () => {
    expect(
      printed(`
segment lan { cidr [10.0.0.0/24 fd00::/64] }
segment storage { cidr 10.30.0.0/24 }
router r { attach lan [10.0.0.1 fd00::1] }
router s { attach storage 10.30.0.1 }
host plain { attach lan; attach storage }
host own {
  attach lan
  route default via 10.0.0.9
  route 10.9.0.0/16 via 10.0.0.3 10.0.0.4 metric 7
  route 10.8.0.0/16 dev eth0
}
host cut {
  attach lan
  route default unreachable
}
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 10.0.0.0/24 fd00::/64 mtu 1500 gateway 10.0.0.1 fd00::1
      segment storage 10.30.0.0/24 mtu 1500 gateway 10.30.0.1
      router r
        eth0 lan 10.0.0.1/24 fd00::1/64 mtu 1500
      router s
        eth0 storage 10.30.0.1/24 mtu 1500
      host plain
        eth0 lan 10.0.0.2/24 fd00::2/64 (allocated) mtu 1500
        eth1 storage 10.30.0.2/24 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
        route ::/0 via fd00::1 dev eth0 (by the gateway)
      host own
        eth0 lan 10.0.0.3/24 fd00::3/64 (allocated) mtu 1500
        route ::/0 via fd00::1 dev eth0 (by the gateway)
        route 0.0.0.0/0 via 10.0.0.9
        route 10.9.0.0/16 via 10.0.0.3 10.0.0.4 metric 7
        route 10.8.0.0/16 dev eth0
      host cut
        eth0 lan 10.0.0.4/24 fd00::4/64 (allocated) mtu 1500
        route 0.0.0.0/0 unreachable
        route ::/0 unreachable
      "
    `);
  });

  it("keeps rules in order, with the machine's default direction", () => {
    expect(
      printed(`
segment lan { cidr 10.0.0.0/24 }
router r {
  attach lan
  allow tcp port 80 8000-8080 from 10.1.0.0/16 10.2.0.1 to 10.0.0.0/24
  deny
  deny out udp
  deny udp out
}
host h {
  attach lan
  deny icmp
  sysctl net.ipv4.conf.eth0.rp_filter 1
  daemon sshd { listen 22 }
  listen 80/tcp 53/udp
}
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 10.0.0.0/24 mtu 1500 gateway 10.0.0.1
      router r
        eth0 lan 10.0.0.1/24 (allocated) mtu 1500
        allow tcp forward port 80 8000-8080 from 10.1.0.0/16 10.2.0.1/32 to 10.0.0.0/24
        deny any forward
        deny udp out
      host h
        eth0 lan 10.0.0.2/24 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
        deny icmp in
        sysctl net.ipv4.conf.eth0.rp_filter = 1
        process h 80/tcp 53/udp
        process sshd 22/tcp
      "
    `);
  });
});

describe("clusters", () => {
  it("allocates node ranges like kube-controller-manager", () => {
    expect(
      printed(`
segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/21
  pods fd00:10::/62
  services 10.244.2.0/24
  node a { attach lan }
  node b {
    attach lan
    pod-cidr 10.244.1.0/24
  }
  node c {
    attach lan
    pod-cidr [fd00:10::/64 10.244.4.0/24]
  }
  nodes w- 08..10 { attach lan }
}
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 192.168.10.0/24 mtu 1500
      cluster prod pods 10.244.0.0/21 per node /24, fd00:10::/62 per node /64 services 10.244.2.0/24 cni none
        node prod/a
          eth0 lan 192.168.10.1/24 (allocated) mtu 1500
          pods of 10.244.0.0/24, fd00:10:0:1::/64:
        node prod/b
          eth0 lan 192.168.10.2/24 (allocated) mtu 1500
          pods of 10.244.1.0/24 (stated), fd00:10:0:2::/64:
        node prod/c
          eth0 lan 192.168.10.3/24 (allocated) mtu 1500
          pods of fd00:10::/64 (stated), 10.244.4.0/24 (stated):
        node prod/w-08
          eth0 lan 192.168.10.4/24 (allocated) mtu 1500
          pods of 10.244.3.0/24, fd00:10:0:3::/64:
        node prod/w-09
          eth0 lan 192.168.10.5/24 (allocated) mtu 1500
          pods of 10.244.5.0/24:
        node prod/w-10
          eth0 lan 192.168.10.6/24 (allocated) mtu 1500
          pods of 10.244.6.0/24:
      ! KN401 at «pods fd00:10::/62» cluster: prod, count: 2, node: prod/w-09, cidr: fd00:10::/62, perNode: 64, blocks: 3, total: 4, services: 0
      "
    `);
  });

  it("leases subnets like flannel's etcd manager", () => {
    expect(
      printed(`
cluster prod {
  pods 10.244.0.0/16
  cni flannel {
    subnet-manager etcd
    subnet-len /26
    backend vxlan
  }
  nodes n 1..2
}
`),
    ).toMatchInlineSnapshot(`
      "
      cluster prod pods 10.244.0.0/16 per node /24 services - cni flannel
        node prod/n1
          pods of 10.244.0.64/26:
        node prod/n2
          pods of 10.244.0.128/26:
      "
    `);
  });

  it("assigns docker0's range to every node with docker", () => {
    expect(
      printed(`
cluster old {
  cni docker
  node n1
  node n2 { docker-bridge 172.26.0.1/16 }
  node n3 { docker-bridge 172.27.0.9/29 }
  pod a on n1
  pod b on n1
  pod c on n2
  pod d on n3
  pod e on n3
}
`),
    ).toMatchInlineSnapshot(`
      "
      cluster old pods - services - cni docker
        node old/n1
          pods of 172.17.0.0/16:
            old/default/a 172.17.0.2 slot 0
            old/default/b 172.17.0.3 slot 1
        node old/n2
          docker0 172.26.0.1/16
          pods of 172.26.0.0/16 (stated):
            old/default/c 172.26.0.2 slot 0
        node old/n3
          docker0 172.27.0.9/29
          pods of 172.27.0.8/29 (stated):
            old/default/d 172.27.0.10 slot 0
            old/default/e 172.27.0.11 slot 1
      "
    `);
  });

  it("places pods in turn, pinned pods on their node, and allocates addresses in order of declaration", () => {
    expect(
      printed(`
segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni bridge { gateway last }
  node n1 { attach lan }
  node n2 { attach lan }
  node n3 { attach lan }
  pod first
  pod pinned on n3
  daemonset logs { listen 24224 }
  deployment api replicas 5
  pod host { host-network }
  pod given { address 10.244.1.3 }
  statefulset db replicas 2 on n2
  namespace shop {
    pod web
    daemonset proxy { host-network }
  }
}
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 192.168.10.0/24 mtu 1500
      cluster prod pods 10.244.0.0/16 per node /24 services - cni bridge
        node prod/n1
          eth0 lan 192.168.10.1/24 (allocated) mtu 1500
          pods of 10.244.0.0/24:
            prod/default/first 10.244.0.1 slot 0
            prod/default/logs-n1 10.244.0.2 slot 1
            prod/default/api-2 10.244.0.3 slot 2
            prod/default/host 192.168.10.1 host network
            prod/shop/proxy-n1 192.168.10.1 host network
        node prod/n2
          eth0 lan 192.168.10.2/24 (allocated) mtu 1500
          pods of 10.244.1.0/24:
            prod/default/logs-n2 10.244.1.1 slot 0
            prod/default/api-0 10.244.1.2 slot 1
            prod/default/api-3 10.244.1.4 slot 2
            prod/default/given 10.244.1.3
            prod/default/db-0 10.244.1.5 slot 3
            prod/default/db-1 10.244.1.6 slot 4
            prod/shop/web 10.244.1.7 slot 5
            prod/shop/proxy-n2 192.168.10.2 host network
        node prod/n3
          eth0 lan 192.168.10.3/24 (allocated) mtu 1500
          pods of 10.244.2.0/24:
            prod/default/pinned 10.244.2.1 slot 0
            prod/default/logs-n3 10.244.2.2 slot 1
            prod/default/api-1 10.244.2.3 slot 2
            prod/default/api-4 10.244.2.4 slot 3
            prod/shop/proxy-n3 192.168.10.3 host network
      "
    `);
  });

  it("keeps labels, namespaces, and processes", () => {
    const topology = topologyOf(`
cluster prod {
  pods 10.244.0.0/16
  docker-bridge 172.17.0.1/16
  max-pods 30
  node n1 {
    labels zone=a
    labels zone=b disk=ssd
    cni flannel { iface eth1 }
    daemon kubelet { listen 10250 }
  }
  namespace shop { labels team=a }
  namespace shop {
    labels tier=1
    pod web {
      labels app=web
      listen 80
      container nginx { listen 8080/tcp 8443 }
    }
  }
  pod other
}
`);
    const [cluster] = topology.clusters;
    expect(cluster?.maxPods).toBe(30);
    expect(cluster?.namespaces.map(({ name, labels }) => [name, Object.fromEntries(labels)])).toEqual([
      ["shop", { team: "a", tier: "1" }],
      ["default", {}],
    ]);
    const [node] = cluster?.nodes ?? [];
    expect(Object.fromEntries(node?.labels ?? [])).toEqual({ zone: "b", disk: "ssd" });
    expect(node?.cni?.plugin).toBe("flannel");
    expect(formatIp(node?.dockerBridge?.address.ip ?? 0)).toBe("172.17.0.1");
    const web = cluster?.workloadByName("shop", "web");
    expect(web?.containers.map(({ name, listeners }) => [name, ...listeners.map(({ first }) => first)])).toEqual([
      ["web", 80],
      ["nginx", 8080, 8443],
    ]);
  });
});

describe("expectations", () => {
  it("have ICMP without a port and TCP with one", () => {
    expect(
      printed(`
segment lan { cidr 10.0.0.0/24 }
router r { attach lan }
host a { attach lan }
host b { attach lan }
expect a -> b reachable
expect a -> b:80 blocked
expect a -> b:53/udp via r
expect a -> 10.0.0.9:80 preserves-source
expect a -> "[fd00::1]:80" mtu >= 1400
`),
    ).toMatchInlineSnapshot(`
      "
      segment lan 10.0.0.0/24 mtu 1500 gateway 10.0.0.1
      router r
        eth0 lan 10.0.0.1/24 (allocated) mtu 1500
      host a
        eth0 lan 10.0.0.2/24 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
      host b
        eth0 lan 10.0.0.3/24 (allocated) mtu 1500
        route 0.0.0.0/0 via 10.0.0.1 dev eth0 (by the gateway)
      expect a -> b icmp reachable
      expect a -> b tcp/80 blocked
      expect a -> b udp/53 via r
      expect a -> 10.0.0.9 tcp/80 preserves-source
      expect a -> fd00::1 tcp/80 mtu >= 1400
      "
    `);
  });
});

describe("lookups", () => {
  const topology = topologyOf(`
segment lan { cidr 10.0.0.0/24 }
host a { attach lan 10.0.0.5 }
host b { attach lan 10.0.0.5 }
cluster c {
  pods 10.244.0.0/16
  node n1 { attach lan }
  node n2 { attach lan; pod-cidr 10.244.0.0/23 }
  pod p on n1
  pod q on n2
}
`);
  const [cluster] = topology.clusters;

  it("find interfaces by segment and address", () => {
    expect(topology.attachedTo("lan").map(({ station }) => station.path)).toEqual(["a", "b", "c/n1", "c/n2"]);
    expect(topology.interfacesWith("lan", 0x0a000005).map(({ station }) => station.path)).toEqual(["a", "b"]);
    expect(topology.interfacesWith("lan", 0x0a000063)).toEqual([]);
    expect(topology.attachedTo("wan")).toEqual([]);
  });

  it("find nodes by name and by a pod's address", () => {
    expect(cluster?.nodeByName("n2")?.index).toBe(1);
    expect(cluster?.nodeByName("n3")).toBeUndefined();
    expect(cluster?.nodeByPodAddress(0x0af40101)?.name).toBe("n2");
    expect(cluster?.nodeByPodAddress(0x0b000000)).toBeUndefined();
  });
});
