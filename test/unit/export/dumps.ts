/** Random dumps of running clusters, as `kubectl get … -A -o json` shows them: a seed produces the same objects everywhere. */
import { type Random, seeded } from "../../../server/src/lab/random.ts";

interface Plan {
  readonly random: Random;
  readonly nodes: readonly string[];
  /** Number of pods per node that have an address. */
  readonly used: number[];
  /** The third byte of the node's pod CIDR. */
  readonly ranges: readonly number[];
  readonly isHealthy: boolean;
}

type Item = Readonly<Record<string, unknown>>;

export interface DumpSize {
  readonly nodes: number;
  readonly workloads: number;
  readonly replicas: number;
  /** No addresses outside of their ranges, and no pods bound to their nodes. */
  readonly isHealthy?: boolean;
}

export function dumpText(seed: number, size: DumpSize = { nodes: 6, workloads: 5, replicas: 6 }): string {
  const random = seeded(seed);
  const count = 2 + random.int(size.nodes);
  const names = random.pick<(index: number) => string>([
    (index) => `w${index + 1}`,
    (index) => `node-${String(index).padStart(3, "0")}`,
    (index) => `ip-10-0-${(index * 37) % 250}-${index}`,
  ]);
  const nodes = Array.from({ length: count }, (_, index) => names?.(index) ?? "");
  const inOrder = !random.once(3);
  const ranges = nodes.map((_, index) => (inOrder ? index : nodes.length - 1 - index));
  const plan: Plan = { random, nodes, used: nodes.map(() => 0), ranges, isHealthy: size.isHealthy === true };
  const items = [
    ...config(random),
    ...nodeItems(plan),
    ...["default", "kube-system", "shop"].map(namespace),
    ...agents(plan),
    ...Array.from({ length: 1 + random.int(size.workloads) }, (_, index) =>
      workload(plan, index, size.replicas),
    ).flat(),
    ...services(plan),
    ...policies(plan),
  ];
  return JSON.stringify({ apiVersion: "v1", kind: "List", items }, null, 1);
}

function namespace(name: string): Item {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: { "kubernetes.io/metadata.name": name } } };
}

function config(random: Random): readonly Item[] {
  const backend = random.pick(["vxlan", "host-gw"]);
  const conf = JSON.stringify({ Network: "10.244.0.0/16", Backend: { Type: backend } });
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kube-flannel-cfg", namespace: "kube-flannel" },
      data: { "net-conf.json": conf },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: "kubernetes" },
      spec: { cidrs: ["10.96.0.0/16"] },
    },
  ];
}

function nodeItems({ random, nodes, ranges }: Plan): readonly Item[] {
  const gap = random.once(3) ? 3 : 1;
  const items = nodes.map((name, index) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        ...(index < nodes.length / 3 ? { disk: "ssd" } : {}),
      },
    },
    spec: { podCIDR: `10.244.${ranges[index] ?? 0}.0/24` },
    status: {
      addresses: [{ type: "InternalIP", address: `192.168.7.${10 + index * gap}` }],
      nodeInfo: { kubeletVersion: "v1.35.2" },
      capacity: { pods: "110" },
    },
  }));
  return [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

interface PodSpec {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Item;
  readonly owner?: readonly [string, string];
  readonly host?: boolean;
  readonly port: number;
  readonly hostPort?: number;
}

/** Some addresses are not in the pod CIDR of the node. */
function pod(
  { random, nodes, used, ranges, isHealthy }: Plan,
  { name, namespace: space, labels, owner, host, port, hostPort }: PodSpec,
  node: number,
): Item {
  used[node] = (used[node] ?? 0) + 1 + random.int(3);
  const own = host ? `192.168.7.${10 + node}` : undefined;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: space,
      labels,
      ...(owner ? { ownerReferences: [{ kind: owner[0], name: owner[1], controller: true }] } : {}),
    },
    spec: {
      nodeName: nodes[node],
      ...(host ? { hostNetwork: true } : {}),
      containers: [{ name: "main", ports: [{ containerPort: port, ...(hostPort ? { hostPort } : {}) }] }],
    },
    status: {
      phase: !isHealthy && random.once(30) ? "Failed" : "Running",
      podIP:
        own ?? `10.244.${!isHealthy && random.once(40) ? 99 : (ranges[node] ?? 0)}.${2 + ((used[node] ?? 0) % 250)}`,
      conditions: [{ type: "Ready", status: random.once(20) ? "False" : "True" }],
    },
  };
}

function agents(plan: Plan): readonly Item[] {
  const { random, nodes } = plan;
  const labels = { app: "agent" };
  const set = {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "agent", namespace: "kube-system" },
    spec: template(labels, 9100),
    status: { currentNumberScheduled: nodes.length },
  };
  const isPartial = random.once(3) && !plan.isHealthy;
  return [
    set,
    ...nodes.flatMap((_, node) =>
      isPartial && node === 0
        ? []
        : [
            pod(
              plan,
              {
                name: `agent-${node}x`,
                namespace: "kube-system",
                labels,
                owner: ["DaemonSet", "agent"],
                host: true,
                port: 9100,
              },
              node,
            ),
          ],
    ),
  ];
}

function template(labels: Item, port: number): Item {
  return {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "main", ports: [{ containerPort: port }] }] } },
  };
}

function workload(plan: Plan, index: number, most: number): readonly Item[] {
  const { random, nodes } = plan;
  const app = index % 2 === 0 ? "web" : "api";
  const labels = { app, tier: `t${index}` };
  const name = `${app}-${index}`;
  const replicas = 1 + random.int(most);
  const kind = random.pick(["Deployment", "StatefulSet", "Pod", "Template"]);
  const port = random.pick([80, 8080]) ?? 80;
  const where = (): number => (random.once(6) ? 0 : random.int(nodes.length));
  const spec = { ...template(labels, port), replicas };
  const meta = { name, namespace: "shop" };
  if (kind === "Template") return [{ apiVersion: "apps/v1", kind: "Deployment", metadata: meta, spec }];
  if (kind === "Pod") return [pod(plan, { name, namespace: "shop", labels, port }, where())];
  const status = { replicas };
  if (kind === "StatefulSet") {
    return [
      { apiVersion: "apps/v1", kind, metadata: meta, spec, status },
      ...Array.from({ length: replicas }, (_, ordinal) =>
        pod(
          plan,
          {
            name: `${name}-${ordinal}`,
            namespace: "shop",
            labels: { ...labels, "statefulset.kubernetes.io/pod-name": `${name}-${ordinal}` },
            owner: ["StatefulSet", name],
            port,
          },
          where(),
        ),
      ),
    ];
  }
  const hash = `5d4f8c${index}`;
  const hostPort = !plan.isHealthy && random.once(8) ? 8443 : undefined;
  return [
    { apiVersion: "apps/v1", kind: "Deployment", metadata: meta, spec, status },
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${name}-${hash}`,
        namespace: "shop",
        ownerReferences: [{ kind: "Deployment", name, controller: true }],
      },
      spec,
      status,
    },
    ...Array.from({ length: replicas }, (_, ordinal) =>
      pod(
        plan,
        {
          name: `${name}-${hash}-${ordinal}zx`,
          namespace: "shop",
          labels: { ...labels, "pod-template-hash": hash },
          owner: ["ReplicaSet", `${name}-${hash}`],
          port,
          ...(hostPort ? { hostPort } : {}),
        },
        where(),
      ),
    ),
  ];
}

function services({ random, isHealthy }: Plan): readonly Item[] {
  return ["web", "api"].flatMap((app, index) =>
    random.once(4)
      ? []
      : [
          {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: app, namespace: "shop" },
            spec: {
              type: "NodePort",
              selector: { app },
              clusterIP: `10.96.3.${7 + index}`,
              ports: [{ port: 80, targetPort: random.pick([80, 8080]), nodePort: 30080 + index }],
              ...(random.once(4) && !isHealthy ? { externalTrafficPolicy: "Local" } : {}),
            },
          },
        ],
  );
}

function policies({ random, nodes }: Plan): readonly Item[] {
  const peer = random.pick<Item>([
    { podSelector: { matchLabels: { app: "web" } } },
    { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } },
    { ipBlock: { cidr: "10.244.0.0/16", except: [`10.244.${random.int(nodes.length)}.0/28`] } },
    { ipBlock: { cidr: `10.244.${random.int(nodes.length)}.${2 + random.int(20)}/32` } },
    { ipBlock: { cidr: "192.168.0.0/16" } },
  ]);
  if (random.once(3)) return [];
  return [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "one", namespace: "shop" },
      spec: { podSelector: { matchLabels: { app: random.pick(["web", "api"]) } }, ingress: [{ from: [peer] }] },
    },
  ];
}
