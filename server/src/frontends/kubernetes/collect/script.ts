/** The script that `knet collect` prints: POSIX sh with kubectl and awk. */
import {
  ANNOTATIONS,
  BOOLEAN_FLAGS,
  CONFIG_MAPS,
  FLAGS,
  NODE_FILES,
  RESOURCES,
  VARIABLES,
  WORKLOADS,
} from "./resources.ts";

export interface CollectOptions {
  /** Whether the script also reads the state of the nodes. */
  readonly nodes: boolean;
}

export function collectScript({ nodes }: CollectOptions): string {
  return [
    header(nodes),
    START,
    redact(),
    CLUSTER,
    loop(),
    configMaps(),
    ...(nodes ? [NODE_STATE, nodeScript(), splitSections(), EACH_NODE] : []),
    end(nodes),
  ].join("\n");
}

const RAW = String.raw;

/** A parameter expansion of the shell: ${KUBECTL:-kubectl}. */
function parameter(text: string): string {
  return `$\{${text}}`;
}

function header(nodes: boolean): string {
  const command = nodes ? "knet collect --nodes" : "knet collect";
  const changes = nodes
    ? `# Starts a debug pod on each node (kubectl debug) and deletes it afterwards; changes nothing else. With SHELL_BY=ssh,
# it uses ssh instead and starts no pods.`
    : "# Only reads from the cluster (kubectl get).";
  const nodeSettings = `
#   NODES="n1 n2"                      nodes (default: all Linux nodes)
#   SHELL_BY=debug                     kubectl debug, or ssh to the nodes' InternalIP
#   IMAGE=busybox                      image of the debug pods
#   POD_NAMESPACE=kube-system          namespace of the debug pods
#   ROOT=/host                         folder of the node's programs; empty: use the image's programs
#   SSH="ssh -o BatchMode=yes"         ssh command, such as "ssh -l core"`;
  return `#!/bin/sh
# Written by \`${command}\`: reads the network configuration of a cluster into a folder, for \`knet import\` and \`--state\`.
#   sh SCRIPT [FOLDER]                 (default: knet-state)
${changes}
# Secrets are not read. Environment variables, arguments, and annotations that knet does not use are replaced by REDACTED.
# Settings, as environment variables:
#   KUBECTL="kubectl --context prod"   kubectl command (default: kubectl)${nodes ? nodeSettings : ""}
# shellcheck disable=SC2086 # KUBECTL and SSH are commands with arguments.
`;
}

const START = RAW`set -u
umask 077
LC_ALL=C
export LC_ALL
KUBECTL=${parameter("KUBECTL:-kubectl")}
out=${parameter("1:-knet-state")}
written=0 skipped='' failed=''

say() { printf '%s\n' "$*" >&2; }
stop() { say "collect: $*"; exit 2; }

if [ -e "$out" ] && [ -n "$(ls -A "$out")" ]; then stop "$out: exists and is not empty"; fi
mkdir -p "$out/cluster" || exit 2
answer=$out/.answer error=$out/.error
cleanup() { rm -f "$answer" "$error"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
`;

/**
 * kubectl prints one key or list item per line, and annotations as one flat object. Labels and selectors decide which
 * policies apply: they are never replaced.
 */
function redact(): string {
  return RAW`# Replaces values that could be secrets. Argument: 1 for objects with pod templates.
redact() {
  awk -v workload="$1" '
    function mask() { sub(/: ".*$/, ": \"REDACTED\"" comma) }
    { comma = ($0 ~ /,$/) ? "," : "" }
    {
      key = ""
      if (match($0, /^ *"[^"]*": /)) { key = substr($0, RSTART, RLENGTH); gsub(/^ *"|": $/, "", key) }
      text = ($0 ~ /^ *"[^"]*": "/)
      match($0, /^ */); depth = RLENGTH
    }
    selects { if (depth == selects - 1 && /^ *[]}]/) selects = 0; print; next }
    key ~ /^(labels|matchLabels|matchExpressions)$|[Ss]elector$/ && /[[{]$/ { selects = depth + 1; print; next }
    text && key ~ /[Pp]assw|[Tt]oken|[Ss]ecret|[Pp]rivate|[Cc]redential|^psk$/ { mask(); print; next }
    annotations && /^ *[}]/ { annotations = 0 }
    annotations && key !~ /^(${ANNOTATIONS.map(pattern).join("|")})/ { mask() }
    key == "annotations" && /[{]$/ { annotations = 1 }
    workload && list && /^ *[]]/ { list = 0; kept = 0 }
    workload && list {
      if ($0 ~ /^ *"--?(${FLAGS.join("|")})(=.*)?",?$/) kept = ($0 !~ /=/)
      else if ($0 ~ /^ *"--?(${BOOLEAN_FLAGS.join("|")})(=(true|false))?",?$/) kept = 0
      else if (kept && $0 !~ /^ *"-/) kept = 0
      else if ($0 !~ /^ *"(\/[A-Za-z0-9_.\/-]*|kube-[a-z-]*|flanneld)",?$/) { kept = 0; sub(/".*$/, "\"REDACTED\"" comma) }
    }
    workload && (key == "args" || key == "command") && /[[]$/ { list = 1; kept = 0 }
    workload && text && key == "name" { name = $0; gsub(/^ *"name": "|",?$/, "", name) }
    workload && text && key == "value" && name !~ /^(${VARIABLES.join("|")})$/ { mask() }
    { print }
  '
}
`;
}

/** A literal in an awk regular expression between slashes. */
function pattern(text: string): string {
  return text.replace(/[.]/g, "[.]").replace(/\//g, RAW`\/`);
}

const CLUSTER = RAW`# The names of all kinds of objects in this cluster.
available=$($KUBECTL api-resources --verbs=list -o name 2>"$error" </dev/null)
[ -n "$available" ] || stop "the cluster is not accessible: $(head -n 1 "$error")"

has() { printf '%s\n' "$available" | grep -Fqx -- "$1"; }

# FILE RESOURCE...: writes the first of the resources that the cluster has.
collect() {
  file=$1
  shift
  for resource in "$@"; do
    has "$resource" || continue
    if $KUBECTL get "$resource" --all-namespaces -o json >"$answer" 2>"$error" </dev/null; then
      case $file in
        ${WORKLOADS.join(" | ")}) redact 1 ;;
        *) redact 0 ;;
      esac <"$answer" >"$out/cluster/$file.json"
      written=$((written + 1))
    else
      failed="$failed $resource"
      say "collect: $resource: $(head -n 1 "$error")"
    fi
    return
  done
  skipped="$skipped $file"
}
`;

function loop(): string {
  return `while read -r file resources; do
  collect "$file" $resources
done <<'RESOURCES'
${RESOURCES.map((one) => one.join(" ")).join("\n")}
RESOURCES
`;
}

function configMaps(): string {
  return RAW`# Only the ConfigMaps of network components, as one list.
config_maps() {
  columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name
  if ! $KUBECTL get configmaps --all-namespaces --no-headers -o custom-columns="$columns" >"$answer" 2>"$error" </dev/null
  then
    failed="$failed configmaps"
    say "collect: configmaps: $(head -n 1 "$error")"
    return
  fi
  separator='' list=$out/cluster/configmaps.json
  printf '{"apiVersion":"v1","kind":"List","items":[\n' >"$list"
  while read -r namespace name; do
    case $namespace/$name in
      ${CONFIG_MAPS.join(" | ")}) ;;
      *) continue ;;
    esac
    if object=$($KUBECTL get configmap "$name" --namespace "$namespace" -o json 2>"$error" </dev/null); then
      [ -z "$separator" ] || printf ',\n' >>"$list"
      printf '%s\n' "$object" | redact 0 >>"$list"
      separator=,
    else
      failed="$failed configmap/$namespace/$name"
      say "collect: configmap $namespace/$name: $(head -n 1 "$error")"
    fi
  done <"$answer"
  printf ']}\n' >>"$list"
  written=$((written + 1))
}
config_maps
`;
}

const NODE_STATE = RAW`NODES=${parameter("NODES:-")}
SHELL_BY=${parameter("SHELL_BY:-debug")}
IMAGE=${parameter("IMAGE:-busybox")}
POD_NAMESPACE=${parameter("POD_NAMESPACE:-kube-system")}
ROOT=${parameter("ROOT-/host")}
SSH=${parameter("SSH:-ssh -o BatchMode=yes")}
case $SHELL_BY in debug | ssh) ;; *) stop "SHELL_BY=$SHELL_BY: expected debug or ssh" ;; esac
debug_pod='' node_files=0
cleanup() {
  rm -f "$answer" "$error"
  [ -z "$debug_pod" ] || $KUBECTL delete pod "$debug_pod" --namespace "$POD_NAMESPACE" --wait=false >/dev/null 2>&1 </dev/null
  debug_pod=''
}
`;

function nodeScript(): string {
  return RAW`# Runs on the node as root: prints each file between two markers.
node_script() {
  cat <<'NODE_SCRIPT'
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
export LC_ALL PATH
# FILE PROGRAM COMMAND...
section() {
  file=$1 program=$2
  shift 2
  if command -v "$program" >/dev/null 2>&1; then
    echo "#knet-begin $file"
    "$@" 2>/dev/null </dev/null
    printf '\n#knet-end %s %s\n' "$file" "$?"
  else
    echo "#knet-missing $program"
  fi
}
# Without IPVS, ipvsadm loads the kernel module.
virtual_servers() { [ ! -e /proc/net/ip_vs ] || ipvsadm -Sn; }
# Without the keys of TCP Fast Open and of stable IPv6 addresses. sysctl fails if one parameter is not readable.
network_sysctls() { sysctl -a | grep '^net[./]' | grep -v -e tcp_fastopen_key -e stable_secret; }
# Without private and preshared keys: the second field of interfaces, the third field of peers (wg(8), show dump).
wireguard() {
  dump=$(wg show all dump) || return 1
  [ -z "$dump" ] || printf '%s\n' "$dump" |
    awk -F'\t' 'BEGIN { OFS = "\t" } NF == 5 { $2 = "(hidden)"; print } NF == 9 { $3 = "(hidden)"; print }'
}
${NODE_FILES.map((one) => `section ${one.join(" ")}`).join("\n")}
NODE_SCRIPT
}

# NODE: the output of node_script on the node.
on_node() {
  if [ "$SHELL_BY" = ssh ]; then
    path='{.status.addresses[?(@.type=="InternalIP")].address}'
    addresses=$($KUBECTL get node "$1" -o jsonpath="$path" 2>"$error" </dev/null) || return 1
    node_script | $SSH "${parameter("addresses%% *")}" 'if [ "$(id -u)" = 0 ]; then sh -s; else sudo -n sh -s; fi' 2>"$error"
    return
  fi
  created=$($KUBECTL debug "node/$1" --namespace "$POD_NAMESPACE" --image="$IMAGE" --profile=sysadmin --attach=false \
    -- sleep 900 2>"$error" </dev/null) || return 1
  debug_pod=$(printf '%s\n' "$created" | sed -n 's/.*\(node-debugger-[a-z0-9.-]*\) .*/\1/p' | head -n 1)
  [ -n "$debug_pod" ] || { echo "unexpected output of kubectl debug: $created" >"$error"; return 1; }
  $KUBECTL wait "pod/$debug_pod" --namespace "$POD_NAMESPACE" --for=condition=Ready --timeout=120s \
    >/dev/null 2>"$error" </dev/null || return 1
  node_script | $KUBECTL exec -i "$debug_pod" --namespace "$POD_NAMESPACE" -- ${parameter('ROOT:+chroot "$ROOT"')} sh -s 2>"$error"
}
`;
}

/** A node can print anything: only sections with known names are written. */
function splitSections(): string {
  return RAW`# FOLDER: writes the sections on standard input as files; only complete sections of commands that succeeded.
split_sections() {
  awk -v folder="$1" '
    BEGIN { n = split("${NODE_FILES.map(([file]) => file).join(" ")}", names, " "); while (n > 0) known[names[n--]] = 1 }
    { sub(/\r$/, "") }
    /^#knet-missing [a-z0-9-]+$/ { missing[$2] = 1; next }
    /^#knet-begin / { part = ($2 in known) ? folder "/" $2 ".part" : ""; blank = 0; if (part) printf "" >part; next }
    /^#knet-end / {
      if (part) { close(part); state = ($3 == 0) ? "done" : "failed"; print state, $2 >(folder "/.sections") }
      part = ""
      next
    }
    !part { next }
    blank { print "" >part; blank = 0 }
    $0 == "" { blank = 1; next }
    { print >part }
    END { for (program in missing) print "missing", program >(folder "/.sections") }
  '
}
`;
}

const EACH_NODE = RAW`# NODE
collect_node() {
  folder=$out/nodes/$1
  mkdir -p "$folder" || return
  say "collect: node $1"
  { on_node "$1" || echo "#knet-error"; } >"$answer"
  if grep -q '^#knet-error' "$answer"; then
    failed="$failed node/$1"
    say "collect: node $1: $(head -n 1 "$error")"
  fi
  : >"$folder/.sections"
  split_sections "$folder" <"$answer"
  count=0 problems=''
  while read -r state name; do
    case $state in
      done) mv "$folder/$name.part" "$folder/$name" && count=$((count + 1)) ;;
      *) problems="$problems $name ($state)" ;;
    esac
  done <"$folder/.sections"
  rm -f "$folder"/*.part "$folder/.sections"
  node_files=$((node_files + count))
  [ -z "$problems" ] || say "collect: node $1:$problems"
  rmdir "$folder" 2>/dev/null
  if [ -n "$debug_pod" ]; then
    $KUBECTL delete pod "$debug_pod" --namespace "$POD_NAMESPACE" --wait=false >/dev/null 2>&1 </dev/null ||
      say "collect: pod $POD_NAMESPACE/$debug_pod was not deleted"
    debug_pod=''
  fi
}

if [ -z "$NODES" ]; then
  names='{range .items[*]}{.metadata.name}{"\n"}{end}'
  NODES=$($KUBECTL get nodes -l 'kubernetes.io/os!=windows' -o jsonpath="$names" 2>"$error" </dev/null) ||
    say "collect: nodes: $(head -n 1 "$error")"
fi
for node in $NODES; do
  case $node in
    *[!a-z0-9.-]* | .* | -*) say "collect: $node: not the name of a node" ;;
    *) collect_node "$node" ;;
  esac
done
`;

function end(nodes: boolean): string {
  const state = nodes
    ? RAW`
say "$out/nodes: $node_files files; use them with --state $out/nodes"`
    : "";
  return RAW`say "$out/cluster: $written files; use them with: knet import $out/cluster"${state}
[ -z "$skipped" ] || say "not in this cluster:$skipped"
[ -z "$failed" ] || { say "not read:$failed"; exit 1; }
`;
}
