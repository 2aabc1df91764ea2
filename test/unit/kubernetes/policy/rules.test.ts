/** The engines' rules on a node, as printed by iptables-save and ipset save; and the rule, line, and fix in traces. */
import { describe, expect, it } from "vitest";
import { formatIp } from "../../../../server/src/addressing/ip.ts";
import { ruleSections } from "../../../../server/src/dataplane/rules.ts";
import { simulate } from "../../../../server/src/dataplane/simulator/simulate.ts";
import { world } from "../../checks/harness.ts";

const text = (engine: string, plugin = "kindnet"): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router gw { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni ${plugin}
  network-policy ${engine}
  kube-proxy none
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  namespace shop {
    pod db on n1 { labels app=db; listen 5432/tcp as postgres }
    pod api on n2 { labels app=api }
    pod web on n2 { labels app=web }
    policy db {
      select app=db
      ingress {
        from app=api
        from cidr 172.16.0.0/12 except 172.16.9.0/24
        to postgres 8000-8080/tcp 53/udp
      }
    }
  }
}
`;

/** Replaces names with hashes by their kind and a number. */
function lines(engine: string, plugin?: string): readonly string[] {
  const { network } = world(text(engine, plugin));
  const netns = network.netns("prod/n1");
  if (!netns) throw new Error("no node");
  const names = new Map<string, string>();
  const short = (name: string, prefix: string): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    const own = `${prefix}${names.size + 1}`;
    names.set(name, own);
    return own;
  };
  return ruleSections(netns)
    .flatMap(({ lines: all }) => all.map((line) => line.text))
    .map((line) =>
      line
        .replace(/(KUBE-(?:POD-FW|NWPLCY|SRC|DST)-)([A-Z2-7]{16})\b/g, (name, prefix: string) => short(name, prefix))
        .replace(/(cali40[stn]:)([\w-]{22})/g, (name, prefix: string) => short(name, prefix))
        .replace(/(cali-p[io]-_)([\w-]{19})/g, (name, prefix: string) => short(name, prefix))
        .replace(/veth[0-9a-f]{8}/g, (name) => short(name, "veth")),
    );
}

const about = (all: readonly string[], pattern: RegExp): readonly string[] => all.filter((line) => pattern.test(line));

describe("Calico's chains", () => {
  it("jump from the pod's device to the policy's chain and drop packets that no policy accepted", () => {
    expect(about(lines("calico"), /cali-(tw|pi|to|FORWARD)|FORWARD|^(create|add)/)).toMatchInlineSnapshot(`
      [
        ":FORWARD ACCEPT [0:0]",
        ":cali-FORWARD - [0:0]",
        ":cali-to-wl-dispatch - [0:0]",
        ":cali-tw-veth1 - [0:0]",
        ":cali-pi-_2 - [0:0]",
        "-A FORWARD -j cali-FORWARD",
        "-A FORWARD -m mark --mark 0x10000/0x10000 -m comment --comment "Policy explicitly accepted packet." -j ACCEPT",
        "-A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000",
        "-A cali-FORWARD -j cali-from-wl-dispatch",
        "-A cali-FORWARD -j cali-to-wl-dispatch",
        "-A cali-to-wl-dispatch -o veth1 -g cali-tw-veth1",
        "-A cali-tw-veth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A cali-tw-veth1 -m conntrack --ctstate INVALID -j DROP",
        "-A cali-tw-veth1 -j MARK --set-xmark 0x0/0x30000",
        "-A cali-tw-veth1 -m comment --comment "Start of tier default" -j MARK --set-xmark 0x0/0x20000",
        "-A cali-tw-veth1 -m mark --mark 0x0/0x20000 -j cali-pi-_2",
        "-A cali-tw-veth1 -m mark --mark 0x10000/0x10000 -m comment --comment "Return if policy accepted" -j RETURN",
        "-A cali-tw-veth1 -m mark --mark 0x0/0x20000 -m comment --comment "End of tier default. Drop if no policies passed packet" -j DROP",
        "-A cali-tw-veth1 -m comment --comment "Profile kns.shop" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -p tcp -m set --match-set cali40s:3 src -m set --match-set cali40n:4 dst,dst -m comment --comment "Policy shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -m mark --mark 0x10000/0x10000 -j RETURN",
        "-A cali-pi-_2 -p tcp -m tcp --dport 8000:8080 -m set --match-set cali40s:3 src -m comment --comment "Policy shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -m mark --mark 0x10000/0x10000 -j RETURN",
        "-A cali-pi-_2 -p udp -m udp --dport 53 -m set --match-set cali40s:3 src -m comment --comment "Policy shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -m mark --mark 0x10000/0x10000 -j RETURN",
        "-A cali-pi-_2 -p tcp -m set --match-set cali40t:5 src -m set --match-set cali40n:4 dst,dst -m comment --comment "Policy shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -m mark --mark 0x10000/0x10000 -j RETURN",
        "-A cali-pi-_2 -p tcp -m tcp --dport 8000:8080 -m set --match-set cali40t:5 src -m comment --comment "Policy shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -m mark --mark 0x10000/0x10000 -j RETURN",
        "-A cali-pi-_2 -p udp -m udp --dport 53 -m set --match-set cali40t:5 src -m comment --comment "Policy shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A cali-pi-_2 -m mark --mark 0x10000/0x10000 -j RETURN",
        "create cali40s:3 hash:ip family inet",
        "add cali40s:3 10.244.1.2",
        "create cali40n:4 hash:ip,port family inet",
        "add cali40n:4 10.244.0.2,tcp:5432",
        "create cali40t:5 hash:net family inet",
        "add cali40t:5 172.16.0.0/12",
        "add cali40t:5 172.16.9.0/24 nomatch",
      ]
    `);
  });
});

describe("kube-router's chains", () => {
  it("jump from the pod's address to the policy's chain and reject packets that no policy marked", () => {
    expect(about(lines("kube-router"), /POD-FW|KUBE-NWPLCY|^(create|add)/)).toMatchInlineSnapshot(`
      [
        ":KUBE-NWPLCY-COMMON - [0:0]",
        ":KUBE-NWPLCY-DEFAULT - [0:0]",
        ":KUBE-NWPLCY-TAIL - [0:0]",
        ":KUBE-POD-FW-1 - [0:0]",
        ":KUBE-NWPLCY-2 - [0:0]",
        "-A KUBE-ROUTER-INPUT -s 10.244.0.2/32 -m comment --comment "shop/db out" -j KUBE-POD-FW-1",
        "-A KUBE-ROUTER-INPUT -j KUBE-NWPLCY-TAIL",
        "-A KUBE-ROUTER-FORWARD -d 10.244.0.2/32 -m comment --comment "shop/db in" -j KUBE-POD-FW-1",
        "-A KUBE-ROUTER-FORWARD -s 10.244.0.2/32 -m comment --comment "shop/db out" -j KUBE-POD-FW-1",
        "-A KUBE-ROUTER-FORWARD -j KUBE-NWPLCY-TAIL",
        "-A KUBE-ROUTER-OUTPUT -d 10.244.0.2/32 -m comment --comment "shop/db in" -j KUBE-POD-FW-1",
        "-A KUBE-ROUTER-OUTPUT -s 10.244.0.2/32 -m comment --comment "shop/db out" -j KUBE-POD-FW-1",
        "-A KUBE-ROUTER-OUTPUT -j KUBE-NWPLCY-TAIL",
        "-A KUBE-NWPLCY-COMMON -m conntrack --ctstate INVALID -m comment --comment "rule to drop invalid state for pod" -j DROP",
        "-A KUBE-NWPLCY-COMMON -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "rule for stateful firewall for pod" -j ACCEPT",
        "-A KUBE-NWPLCY-COMMON -p icmp -m icmp --icmp-type 8 -m comment --comment "allow icmp echo-request messages" -j ACCEPT",
        "-A KUBE-NWPLCY-COMMON -p icmp -m icmp --icmp-type 3 -m comment --comment "allow icmp net-unreachable messages" -j ACCEPT",
        "-A KUBE-NWPLCY-COMMON -p icmp -m icmp --icmp-type 11 -m comment --comment "allow icmp ttl-exceeded messages" -j ACCEPT",
        "-A KUBE-NWPLCY-DEFAULT -m comment --comment "rule to mark traffic matching a network policy" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-TAIL -m mark --mark 0x20000/0x20000 -j ACCEPT",
        "-A KUBE-POD-FW-1 -m comment --comment "common netpol rules" -j KUBE-NWPLCY-COMMON",
        "-A KUBE-POD-FW-1 -d 10.244.0.2/32 -m addrtype --src-type LOCAL -m comment --comment "from local node" -j ACCEPT",
        "-A KUBE-POD-FW-1 -s 10.244.0.2/32 -m comment --comment "default egress" -j KUBE-NWPLCY-DEFAULT",
        "-A KUBE-POD-FW-1 -d 10.244.0.2/32 -m comment --comment "shop/db policy" -j KUBE-NWPLCY-2",
        "-A KUBE-POD-FW-1 -m mark ! --mark 0x10000/0x10000 -m comment --comment "shop/db reject" -j REJECT --reject-with icmp-port-unreachable",
        "-A KUBE-POD-FW-1 -j MARK --set-xmark 0x0/0x10000",
        "-A KUBE-POD-FW-1 -m comment --comment "set netpol-ok mark" -j MARK --set-xmark 0x20000/0x20000",
        "-A KUBE-NWPLCY-2 -p tcp -m set --match-set KUBE-SRC-3 src -m set --match-set KUBE-DST-4 dst,dst -m set --match-set KUBE-DST-5 dst -m comment --comment "shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-2 -p tcp -m set --match-set KUBE-SRC-3 src -m set --match-set KUBE-DST-4 dst,dst -m set --match-set KUBE-DST-5 dst -m mark --mark 0x10000/0x10000 -m comment --comment "shop/db ingress" -j RETURN",
        "-A KUBE-NWPLCY-2 -p tcp -m tcp --dport 8000:8080 -m set --match-set KUBE-SRC-3 src -m set --match-set KUBE-DST-5 dst -m comment --comment "shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-2 -p tcp -m tcp --dport 8000:8080 -m set --match-set KUBE-SRC-3 src -m set --match-set KUBE-DST-5 dst -m mark --mark 0x10000/0x10000 -m comment --comment "shop/db ingress" -j RETURN",
        "-A KUBE-NWPLCY-2 -p udp -m udp --dport 53 -m set --match-set KUBE-SRC-3 src -m set --match-set KUBE-DST-5 dst -m comment --comment "shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-2 -p udp -m udp --dport 53 -m set --match-set KUBE-SRC-3 src -m set --match-set KUBE-DST-5 dst -m mark --mark 0x10000/0x10000 -m comment --comment "shop/db ingress" -j RETURN",
        "-A KUBE-NWPLCY-2 -p tcp -m set --match-set KUBE-SRC-6 src -m set --match-set KUBE-DST-4 dst,dst -m set --match-set KUBE-DST-5 dst -m comment --comment "shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-2 -p tcp -m set --match-set KUBE-SRC-6 src -m set --match-set KUBE-DST-4 dst,dst -m set --match-set KUBE-DST-5 dst -m mark --mark 0x10000/0x10000 -m comment --comment "shop/db ingress" -j RETURN",
        "-A KUBE-NWPLCY-2 -p tcp -m tcp --dport 8000:8080 -m set --match-set KUBE-SRC-6 src -m set --match-set KUBE-DST-5 dst -m comment --comment "shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-2 -p tcp -m tcp --dport 8000:8080 -m set --match-set KUBE-SRC-6 src -m set --match-set KUBE-DST-5 dst -m mark --mark 0x10000/0x10000 -m comment --comment "shop/db ingress" -j RETURN",
        "-A KUBE-NWPLCY-2 -p udp -m udp --dport 53 -m set --match-set KUBE-SRC-6 src -m set --match-set KUBE-DST-5 dst -m comment --comment "shop/db ingress" -j MARK --set-xmark 0x10000/0x10000",
        "-A KUBE-NWPLCY-2 -p udp -m udp --dport 53 -m set --match-set KUBE-SRC-6 src -m set --match-set KUBE-DST-5 dst -m mark --mark 0x10000/0x10000 -m comment --comment "shop/db ingress" -j RETURN",
        "create KUBE-SRC-3 hash:ip family inet",
        "add KUBE-SRC-3 10.244.1.2",
        "create KUBE-DST-4 hash:ip,port family inet",
        "add KUBE-DST-4 10.244.0.2,tcp:5432",
        "create KUBE-DST-5 hash:ip family inet",
        "add KUBE-DST-5 10.244.0.2",
        "create KUBE-SRC-6 hash:net family inet",
        "add KUBE-SRC-6 172.16.0.0/12",
        "add KUBE-SRC-6 172.16.9.0/24 nomatch",
      ]
    `);
  });
});

describe("kindnet's queue", () => {
  it("receives packets of pods that a policy selects", () => {
    expect(about(lines("kindnet"), /podips|skuid|priority/)).toMatchInlineSnapshot(`
      [
        "	set podips-v4 {",
        "		type filter hook postrouting priority srcnat - 5; policy accept;",
        "		meta skuid 0 accept",
        "		ip saddr @podips-v4 queue flags bypass to 100",
        "		ip daddr @podips-v4 queue flags bypass to 100",
        "		type filter hook input priority 101; policy accept;",
        "		ip saddr @podips-v4 ct state new queue flags bypass to 100",
      ]
    `);
  });
});

describe("a trace", () => {
  it.each(["calico", "kube-router", "kindnet"])(
    "with %s includes the rule that allowed the packet, and its position",
    (engine) => {
      const { network, topology } = world(text(engine));
      const [db, api] = ["prod/shop/db", "prod/shop/api"].map((path) => {
        const found = topology.resolve(path);
        if (!found.ok || found.endpoint.kind !== "pod") throw new Error(path);
        return found.endpoint.pod;
      });
      const dst = db?.addresses[0];
      if (dst === undefined || api === undefined) throw new Error("no address");
      const ask = (from: string, dport: number) =>
        simulate(network, { from, dst, proto: "tcp", sport: 40000, dport, df: false })[0];
      const allowed = ask(api.path, 5432);
      const step = allowed?.steps.find(({ text: why }) => why.includes("allows:"));
      expect(allowed?.verdict).toBe("delivered");
      expect(step?.text).toBe(
        "policy shop/db allows: ingress from app=api or cidr 172.16.0.0/12 except 172.16.9.0/24 to postgres/tcp 8000-8080/tcp 53/udp",
      );
      expect(step?.rule?.origin?.decl.spec?.keyword).toBe("ingress");
      const denied = ask("prod/shop/web", 5432);
      expect(denied?.reason?.message).toContain(
        "policy shop/db isolates pod shop/db and allows only ingress from app=api",
      );
      expect(denied?.reason?.message).toContain("; to allow it: ingress from app=web to 5432/tcp");
      expect(denied?.reason?.origin?.decl.values[0]?.text).toBe("db");
      expect(formatIp(dst)).toBe("10.244.0.2");
    },
  );

  it("does not apply policies to packets from a node to its own pods", () => {
    for (const engine of ["calico", "kube-router", "kindnet", "weave"]) {
      const { network } = world(text(engine));
      const [journey] = simulate(network, {
        from: "prod/n1",
        dst: 0x0af40002,
        proto: "tcp",
        sport: 40000,
        dport: 5432,
        df: false,
      });
      expect([engine, journey?.verdict, journey?.reply?.verdict]).toEqual([engine, "delivered", "delivered"]);
    }
  });

  it("applies policies to packets from another node", () => {
    for (const engine of ["calico", "kube-router"]) {
      const { network } = world(text(engine));
      const question = {
        from: "prod/n2",
        dst: 0x0af40002,
        proto: "tcp",
        sport: 40000,
        dport: 5432,
        df: false,
      } as const;
      expect([engine, simulate(network, question)[0]?.reason?.code]).toEqual([
        engine,
        engine === "calico" ? "filtered" : "rejected-by-rule",
      ]);
    }
  });
});
