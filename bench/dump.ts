/** A cluster as `kubectl get nodes,namespaces,services,pods -A -o json` prints it, with the fields of running pods. Deterministic. */
import { stringify } from "yaml";

type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };

const NAMESPACES = 25;
const PODS_PER_NODE = 30;
const PODS_PER_SERVICE = 8;
/** About the length of one pod in kubectl's JSON, with four spaces per level. */
const POD_LENGTH = 18_000;

const hex = (seed: number, length: number): string =>
  Array.from({ length }, (_, index) =>
    ((Math.imul(seed + 1, 2_654_435_761 + index * 40_503) >>> 9) & 15).toString(16),
  ).join("");
const uid = (seed: number): string =>
  `${hex(seed, 8)}-${hex(seed + 7, 4)}-4${hex(seed + 13, 3)}-a${hex(seed + 17, 3)}-${hex(seed + 19, 12)}`;
const TIME = "2026-01-12T08:30:00Z";

const nodeIp = (node: number): string => `10.20.${node >> 7}.${(node & 127) + 20}`;
const podCidr = (node: number): string => `10.${128 + (node >> 8)}.${node & 255}`;
const serviceIp = (service: number): string => `10.96.${Math.floor(service / 200)}.${(service % 200) + 20}`;
const namespaceOf = (service: number): string => `team-${service % NAMESPACES}`;

function metadata(
  seed: number,
  name: string,
  namespace: string | undefined,
  more: Readonly<Record<string, Value>>,
): Value {
  return {
    ...more,
    creationTimestamp: TIME,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    resourceVersion: String(100_000 + seed),
    uid: uid(seed),
  };
}

function node(index: number): Value {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: metadata(index, `node-${index}`, undefined, {
      annotations: {
        "flannel.alpha.coreos.com/backend-data": `{"VNI":1,"VtepMAC":"02:42:${hex(index, 2)}:${hex(index + 1, 2)}:00:01"}`,
        "flannel.alpha.coreos.com/backend-type": "vxlan",
        "flannel.alpha.coreos.com/public-ip": nodeIp(index),
      },
      labels: { "kubernetes.io/hostname": `node-${index}`, "topology.kubernetes.io/zone": `zone-${index % 3}` },
    }),
    spec: { podCIDR: `${podCidr(index)}.0/24`, podCIDRs: [`${podCidr(index)}.0/24`] },
    status: {
      addresses: [
        { address: nodeIp(index), type: "InternalIP" },
        { address: `node-${index}`, type: "Hostname" },
      ],
      conditions: [
        { message: "kubelet is posting ready status", reason: "KubeletReady", status: "True", type: "Ready" },
      ],
      images: Array.from({ length: 40 }, (_, image) => ({
        names: [`registry.example.com/app-${image}@sha256:${hex(image, 64)}`],
        sizeBytes: 10_000_000 + image,
      })),
      nodeInfo: { kubeletVersion: "v1.33.1", operatingSystem: "linux", osImage: "Debian GNU/Linux 12 (bookworm)" },
    },
  };
}

function service(index: number): Value {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(index + 1_000_000, `app-${index}`, namespaceOf(index), { labels: { app: `app-${index}` } }),
    spec: {
      clusterIP: serviceIp(index),
      clusterIPs: [serviceIp(index)],
      internalTrafficPolicy: "Cluster",
      ipFamilies: ["IPv4"],
      ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: "http" }],
      selector: { app: `app-${index}` },
      sessionAffinity: "None",
      type: "ClusterIP",
    },
    status: { loadBalancer: {} },
  };
}

function container(index: number, name: string, port: number): Value {
  return {
    env: Array.from({ length: 16 }, (_, at) => ({ name: `SETTING_${at}`, value: `value ${hex(index + at, 24)}` })),
    image: `registry.example.com/${name}:1.${index % 40}`,
    imagePullPolicy: "IfNotPresent",
    livenessProbe: {
      failureThreshold: 3,
      httpGet: { path: "/healthz", port: "http", scheme: "HTTP" },
      periodSeconds: 10,
    },
    name,
    ports: [{ containerPort: port, name: name === "app" ? "http" : "metrics", protocol: "TCP" }],
    resources: { limits: { cpu: "500m", memory: "512Mi" }, requests: { cpu: "100m", memory: "128Mi" } },
    volumeMounts: Array.from({ length: 6 }, (_, at) => ({
      mountPath: `/etc/config-${at}`,
      name: `config-${at}`,
      readOnly: true,
    })),
  };
}

function pod(index: number): Value {
  const app = Math.floor(index / PODS_PER_SERVICE);
  const host = Math.floor(index / PODS_PER_NODE);
  const ip = `${podCidr(host)}.${(index % PODS_PER_NODE) + 2}`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: metadata(index + 2_000_000, `app-${app}-${hex(app, 9)}-${hex(index, 5)}`, namespaceOf(app), {
      annotations: { "example.com/checksum": hex(index, 64) },
      generateName: `app-${app}-${hex(app, 9)}-`,
      labels: { app: `app-${app}`, "pod-template-hash": hex(app, 9) },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          controller: true,
          kind: "ReplicaSet",
          name: `app-${app}-${hex(app, 9)}`,
          uid: uid(app),
        },
      ],
    }),
    spec: {
      containers: [container(index, "app", 8080), container(index + 1, "metrics", 9090)],
      dnsPolicy: "ClusterFirst",
      nodeName: `node-${host}`,
      restartPolicy: "Always",
      serviceAccountName: "default",
      tolerations: [
        { effect: "NoExecute", key: "node.kubernetes.io/not-ready", operator: "Exists", tolerationSeconds: 300 },
      ],
      volumes: Array.from({ length: 6 }, (_, at) => ({
        configMap: { defaultMode: 420, name: `config-${at}` },
        name: `config-${at}`,
      })),
    },
    status: {
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
        lastTransitionTime: TIME,
        status: "True",
        type,
      })),
      containerStatuses: ["app", "metrics"].map((name) => ({
        containerID: `containerd://${hex(index, 64)}`,
        image: `registry.example.com/${name}:1.${index % 40}`,
        imageID: `registry.example.com/${name}@sha256:${hex(index + 3, 64)}`,
        name,
        ready: true,
        restartCount: 0,
        state: { running: { startedAt: TIME } },
      })),
      hostIP: nodeIp(host),
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      startTime: TIME,
    },
  };
}

/** A list with enough pods for about this number of characters of JSON. */
export function dump(characters: number): Value {
  const pods = Math.ceil(characters / POD_LENGTH);
  const count = (per: number): readonly number[] => Array.from({ length: Math.ceil(pods / per) }, (_, index) => index);
  const namespaces = Array.from({ length: NAMESPACES }, (_, index) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: metadata(index + 3_000_000, `team-${index}`, undefined, {
      labels: { "kubernetes.io/metadata.name": `team-${index}` },
    }),
  }));
  return {
    apiVersion: "v1",
    items: [
      ...count(PODS_PER_NODE).map(node),
      ...namespaces,
      ...count(PODS_PER_SERVICE).map(service),
      ...Array.from({ length: pods }, (_, index) => pod(index)),
    ],
    kind: "List",
    metadata: { resourceVersion: "" },
  };
}

/** As kubectl prints it. */
export function dumpJson(characters: number): string {
  return `${JSON.stringify(dump(characters), null, 4)}\n`;
}

/** Two spaces per level, and lists that are not indented. The items are printed one by one: the printer is slow for large trees. */
export function dumpYaml(characters: number): string {
  // A pod has about half as many characters as in JSON.
  const { items, ...header } = dump(characters * 2.48) as { readonly items: readonly Value[] } & Readonly<
    Record<string, Value>
  >;
  const print = (value: Value): string =>
    stringify(value, { indentSeq: false, lineWidth: 0, aliasDuplicateObjects: false });
  const { apiVersion, ...rest } = header;
  return `${print({ apiVersion: apiVersion ?? "v1" })}items:\n${items.map((one) => print([one])).join("")}${print(rest)}`;
}
