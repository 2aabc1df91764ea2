/** Topologies to measure with: pure functions, text out. The large ones stand at the sizes to which Kubernetes is tested. */

export const NODES = 5000;
export const PODS = 150_000;
const PER_RACK = 50;
const NAMESPACES = 50;
const PER_NAMESPACE = 10;

export interface NodeData {
  readonly name: string;
  readonly attach: { readonly segment: string; readonly address: string };
  readonly podCidr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly daemons: readonly { readonly name: string; readonly listen: string }[];
}

export interface SegmentData {
  readonly name: string;
  readonly cidr: string;
  readonly gateway: string;
}

export interface DeploymentData {
  readonly name: string;
  readonly replicas: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly { readonly name: string; readonly listen: readonly string[] }[];
}

export interface NamespaceData {
  readonly name: string;
  readonly deployments: readonly DeploymentData[];
}

/** What a written-out file says; printed as .knet or as JSON. */
export interface ClusterData {
  readonly segments: readonly SegmentData[];
  readonly router: string;
  readonly cluster: string;
  readonly pods: string;
  readonly services: string;
  readonly backend: "vxlan";
  readonly nodes: readonly NodeData[];
  readonly namespaces: readonly NamespaceData[];
}

/* -------------------------------------------------------------------- data */

/** 5,000 nodes in racks of 50, each with its own address, block, labels and daemons, and 150,000 pods. */
export function largeData(): ClusterData {
  return clusterData(NODES, namespaces(NAMESPACES, PER_NAMESPACE, PODS / NAMESPACES / PER_NAMESPACE));
}

/** 50 nodes and 20 workloads: what most people have. */
export function smallData(): ClusterData {
  return clusterData(50, namespaces(4, 5, 6));
}

function clusterData(count: number, workloads: readonly NamespaceData[]): ClusterData {
  const racks = Math.ceil(count / PER_RACK);
  return {
    segments: range(racks).map((rack) => ({
      name: rackName(rack),
      cidr: `10.168.${rack}.0/24`,
      gateway: `10.168.${rack}.1`,
    })),
    router: "core",
    cluster: "prod",
    pods: "10.64.0.0/11",
    services: "10.96.0.0/12",
    backend: "vxlan",
    nodes: range(count).map(nodeData),
    namespaces: workloads,
  };
}

function nodeData(index: number): NodeData {
  const rack = Math.floor(index / PER_RACK);
  const place = index % PER_RACK;
  return {
    name: `${rackName(rack)}-n${padded(place + 1, 2)}`,
    // Even ones only: a last digit that is typed anew finds a free address.
    attach: { segment: rackName(rack), address: `10.168.${rack}.${10 + 2 * place}` },
    podCidr: `10.${64 + Math.floor(index / 256)}.${index % 256}.0/24`,
    labels: { zone: `zone-${"abc"[rack % 3]}`, rack: rackName(rack), pool: place % 10 === 0 ? "storage" : "general" },
    daemons: [
      { name: "kubelet", listen: "10250/tcp" },
      { name: "node-exporter", listen: "9100/tcp" },
    ],
  };
}

function namespaces(count: number, deployments: number, replicas: number): readonly NamespaceData[] {
  return range(count).map((space) => ({
    name: `team-${padded(space + 1, 2)}`,
    deployments: range(deployments).map((index) => ({
      name: `app-${padded(index + 1, 2)}`,
      replicas,
      labels: { app: `app-${padded(index + 1, 2)}`, tier: index % 2 === 0 ? "front" : "back" },
      containers: [
        { name: "app", listen: ["8080/tcp"] },
        { name: "metrics", listen: ["9090/tcp"] },
      ],
    })),
  }));
}

function rackName(rack: number): string {
  return `rack-${padded(rack + 1, 3)}`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/* -------------------------------------------------------------------- text */

/** Every node is a block of its own. */
export function writtenOut(data: ClusterData): string {
  return file(
    data,
    data.segments
      .map(({ name, cidr, gateway }) => `segment ${name} {\n  cidr ${cidr}\n  gateway ${gateway}\n}\n`)
      .join(""),
    data.segments.map(({ name, gateway }) => `  attach ${name} ${gateway}\n`).join(""),
    data.nodes.map(nodeText).join(""),
  );
}

/** The same number of nodes as one pool, on one segment. */
export function pooled(data: ClusterData): string {
  return file(
    data,
    "segment machines {\n  cidr 10.168.0.0/16\n  gateway 10.168.255.254\n}\n",
    "  attach machines 10.168.255.254\n",
    `  nodes w 1..${data.nodes.length} { attach machines }\n`,
  );
}

function file(data: ClusterData, segments: string, interfaces: string, nodes: string): string {
  return `${segments}
router ${data.router} {
${interfaces}}

cluster ${data.cluster} {
  pods ${data.pods} per-node /24
  services ${data.services}
  cni flannel {
    backend ${data.backend}
  }

${nodes}
${data.namespaces.map(namespaceText).join("")}}
`;
}

function nodeText({ name, attach, podCidr, labels, daemons }: NodeData): string {
  return `  node ${name} {
    attach ${attach.segment} ${attach.address}
    pod-cidr ${podCidr}
    labels ${labelText(labels)}
${daemons.map((daemon) => `    daemon ${daemon.name} { listen ${daemon.listen} }\n`).join("")}  }
`;
}

function namespaceText({ name, deployments }: NamespaceData): string {
  const body = deployments.map(
    (one) => `    deployment ${one.name} replicas ${one.replicas} {
      labels ${labelText(one.labels)}
${one.containers.map((container) => `      container ${container.name} { listen ${container.listen.join(" ")} }\n`).join("")}    }
`,
  );
  return `  namespace ${name} {\n${body.join("")}  }\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/* ------------------------------------------------------------------ inputs */

export type InputName = "pools" | "written" | "small";

export const inputs: Readonly<Record<InputName, () => string>> = {
  pools: () => pooled(largeData()),
  written: () => writtenOut(largeData()),
  small: () => writtenOut(smallData()),
};
