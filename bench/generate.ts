/**
 * Topologies for the measurements: pure functions that return text. The large topologies have the sizes to which Kubernetes is tested
 * (SIG Scalability, thresholds.md: nodes, pods, services); the limit of 1,000 policies is a choice of this project.
 */

export const NODES = 5000;
export const PODS = 150_000;
export const SERVICES = 10_000;
export const POLICIES = 1000;
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
  /** A service with the deployment's name. */
  readonly service?: { readonly type: "cluster-ip" | "node-port"; readonly port: string };
}

export interface PolicyData {
  readonly name: string;
  readonly select: string;
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
}

export interface NamespaceData {
  readonly name: string;
  readonly deployments: readonly DeploymentData[];
  readonly policies?: readonly PolicyData[];
}

/** Content of a file without pools; printed as .knet or as JSON. */
export interface ClusterData {
  readonly segments: readonly SegmentData[];
  readonly router: string;
  readonly cluster: string;
  readonly pods: string;
  readonly services: string;
  readonly backend: "vxlan";
  readonly policyEngine?: string;
  readonly nodes: readonly NodeData[];
  readonly namespaces: readonly NamespaceData[];
}

/* -------------------------------------------------------------------- data */

/** 5,000 nodes in racks of 50, each with its own address, pod CIDR, labels, and daemons, and 150,000 pods. */
export function largeData(): ClusterData {
  return clusterData(NODES, namespaces(NAMESPACES, PER_NAMESPACE, PODS / NAMESPACES / PER_NAMESPACE));
}

/** 50 nodes and 20 workloads: a common cluster size. */
export function smallData(): ClusterData {
  return clusterData(50, namespaces(4, 5, 6));
}

/** The same nodes and pods with 10,000 services; every tenth service has a node port. */
export function serviceData(): ClusterData {
  const spaces = namespaces(100, SERVICES / 100, PODS / SERVICES);
  return clusterData(
    NODES,
    spaces.map((space) => ({
      ...space,
      deployments: space.deployments.map((one, index) => ({
        ...one,
        service: { type: index % 10 === 0 ? "node-port" : "cluster-ip", port: "80 -> 8080/tcp" },
      })),
    })),
  );
}

/**
 * The same nodes and pods. Each deployment has a policy that allows ingress from the previous deployment and from monitoring; half of the
 * policies also restrict egress.
 */
export function policyData(): ClusterData {
  const spaces = namespaces(NAMESPACES, POLICIES / NAMESPACES, PODS / POLICIES);
  return {
    ...clusterData(
      NODES,
      spaces.map((space) => ({ ...space, policies: space.deployments.map(policyOf) })),
    ),
    policyEngine: "kube-router",
  };
}

function policyOf({ name }: DeploymentData, index: number, all: readonly DeploymentData[]): PolicyData {
  const neighbor = (by: number): string => all[(index + by + all.length) % all.length]?.name ?? name;
  return {
    name,
    select: `app=${name}`,
    ingress: [
      `from app=${neighbor(-1)} to 8080`,
      "from app=app-01 namespace team-01 to 9090",
      "from cidr 10.168.0.0/24 to 8080",
    ],
    egress: index % 2 === 0 ? [] : [`to app=${neighbor(1)} port 8080`, "to cidr 10.168.0.0/24 port 53/udp 53/tcp"],
  };
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
    // Even addresses only: the keystrokes change the last digit to an odd one, which is a free address.
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

/** Each node as a separate block. */
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

/** The same number of nodes as one pool on one segment. */
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
${data.policyEngine === undefined ? "" : `  network-policy ${data.policyEngine}\n`}
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

function namespaceText({ name, deployments, policies = [] }: NamespaceData): string {
  return `  namespace ${name} {\n${[...deployments.map(deploymentText), ...policies.map(policyText)].join("")}  }\n`;
}

function deploymentText({ name, replicas, labels, containers, service }: DeploymentData): string {
  return `    deployment ${name} replicas ${replicas} {
      labels ${labelText(labels)}
${containers.map((container) => `      container ${container.name} { listen ${container.listen.join(" ")} }\n`).join("")}    }
${service ? `    service ${name} {\n      type ${service.type}\n      select app=${name}\n      port ${service.port}\n    }\n` : ""}`;
}

function policyText({ name, select, ingress, egress }: PolicyData): string {
  const types = egress.length > 0 ? "ingress egress" : "ingress";
  const rules = [...ingress.map((rule) => `ingress ${rule}`), ...egress.map((rule) => `egress ${rule}`)];
  return `    policy ${name} {
      select ${select}
      types ${types}
${rules.map((rule) => `      ${rule}\n`).join("")}    }
`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/* ------------------------------------------------------------------ inputs */

export type InputName = "pools" | "written" | "small" | "services" | "policies";

export const inputs: Readonly<Record<InputName, () => string>> = {
  pools: () => pooled(largeData()),
  written: () => writtenOut(largeData()),
  small: () => writtenOut(smallData()),
  services: () => writtenOut(serviceData()),
  policies: () => writtenOut(policyData()),
};

/* ------------------------------------------------------------ unusual sizes */

/** The underlay that the files of `clusterFile` import. */
export const COMMON = `segment lan {
  cidr 192.168.0.0/16
  gateway gw
}
router gw { attach lan 192.168.0.1 }
`;

/** One small cluster on the common underlay. */
export function clusterFile(index: number): string {
  const place = `${10 + Math.floor(index / 200)}.${10 + (index % 200)}`;
  return `import "common.knet"
cluster c${index} {
  pods 10.${Math.floor(index / 250)}.${index % 250}.0/24 per-node /26
  services 172.16.0.0/16
  cni flannel
  node n${index} { attach lan 192.168.${place} }
  pod web on n${index} { container a { listen 80/tcp } }
}
`;
}

/** Each line needs two edits. */
export function unformatted(lines: number): string {
  return `cluster c {\n${range(lines)
    .map((index) => ` daemonset   d${index}\n`)
    .join("")}}\n`;
}

/** Hosts on one segment, up to this length. */
export function hostsOf(length: number): string {
  const parts = ["segment lan { cidr 10.0.0.0/8 }\n"];
  let rest = length - (parts[0]?.length ?? 0);
  for (let index = 0; ; index += 1) {
    const host = `host h${index} {\n  attach lan\n}\n`;
    if (host.length > rest) return parts.join("");
    parts.push(host);
    rest -= host.length;
  }
}

/** A file of 3 KB with a dozen findings that have fixes: services that select nothing and duplicate addresses. */
export function fixable(): string {
  const service = (index: number): string => `    service s${index} { select app=wep; port ${8000 + index} }\n`;
  const host = (index: number): string => `host h${index} { attach lan 192.168.0.${20 + (index >> 1)} }\n`;
  const node = (index: number): string => `  node n${index} { attach lan 192.168.0.${100 + index} }\n`;
  return `segment lan {\n  cidr 192.168.0.0/24\n  gateway gw\n}\nrouter gw { attach lan 192.168.0.1 }
${range(12).map(host).join("")}cluster c {\n  pods 10.244.0.0/16 per-node /24\n  services 10.96.0.0/16\n  cni flannel
${range(20).map(node).join("")}  namespace shop {\n    deployment web replicas 6 { labels app=web; container a { listen 80/tcp } }
${range(8).map(service).join("")}  }\n}\n`;
}
