/**
 * A lab as one bash script. Requirements: iproute2, iptables (if there are rules), and python3 for the listeners. The script
 * records each network namespace in its state directory before creation, and removes only recorded namespaces.
 */
import { visible, visibleLines } from "../text/visible.ts";
import { AGENT } from "./agent.ts";
import type { WireguardPlan } from "./encryption.ts";
import type { Trial } from "./features.ts";
import type { RulesText } from "./netfilter.ts";
import type { LabPlan, NamespacePlan } from "./plan.ts";
import type { Setting } from "./settings.ts";

export interface ScriptHead {
  /** The source of the lab, shown to users. */
  readonly source: string;
  readonly version: string;
}

export function labScript(plan: LabPlan, head: ScriptHead): string {
  const { namespaces, wire } = plan;
  const names = [wire.name, ...namespaces.map(({ name }) => name)];
  const lines = [
    header(plan, head),
    LIBRARY,
    "names() {",
    "  :",
    ...namespaces.map(({ id, name }) => `  printf '%-40s %s\\n' ${quote(id)} ${quote(name)}`),
    "}",
    "",
    "trials() {",
    ...plan.trials.filter(({ kind }) => kind !== "version").flatMap(trialLines),
    "  :",
    "}",
    "",
    "version_trials() {",
    ...plan.trials.filter(({ kind }) => kind === "version").flatMap(trialLines),
    "  :",
    "}",
    "",
    "make() {",
    ...names.map((name) => `  new ${quote(name)}`),
    ...settings(wire.name, wire.settings),
    ...namespaces.flatMap((space) => settings(space.name, space.settings)),
    `  # segments`,
    ...batch("links", wire.name, wire.links),
    ...wire.rules.flatMap(rulesLines(wire.name)),
    ...namespaces.flatMap((space) => batch("links", space.name, space.links)),
    ...namespaces.flatMap(contents),
    "}",
    "",
    "files() {",
    ...heredoc(`  cat >"$STATE/lab.json"`, [JSON.stringify(agentInput(namespaces))]),
    ...heredoc(`  cat >"$STATE/agent.py"`, AGENT.trim().split("\n")),
    "}",
    "",
    COMMANDS,
  ];
  return `${lines.join("\n")}\n`;
}

function trialLines(trial: Trial): string[] {
  switch (trial.kind) {
    case "ip":
      return heredoc(`  try_ip ${quote(trial.name)}`, [trial.line]);
    case "rules":
      return heredoc(`  try_rules ${quote(trial.name)} ${trial.program}`, trial.text.split("\n"));
    case "setting":
      return [`  try_setting ${quote(trial.name)} ${trial.path}`];
    case "version":
      return [`  try_version ${quote(trial.name)} ${trial.least}`];
  }
}

/** Input of the agent. */
function agentInput(namespaces: readonly NamespacePlan[]): object {
  return {
    namespaces: namespaces.map(({ name, listeners, tuns, espPorts, ipsec }) => ({
      ...{ name, listeners, tuns, espPorts, ipsec },
    })),
  };
}

function contents(space: NamespacePlan): string[] {
  const { name } = space;
  return [
    `  # ${space.id}`,
    ...space.fallbacks.map(({ device, type }) => `  fallback ${quote(name)} ${quote(device)} ${type}`),
    ...batch("links", name, space.devices),
    ...settings(name, space.deviceSettings),
    ...space.wireguard.flatMap(wireguardLines(name)),
    ...batch("links", name, space.routes),
    ...batch("links6", name, space.rules6),
    ...batch("forwarding", name, space.forwarding),
    ...space.rules.flatMap(rulesLines(name)),
  ];
}

function rulesLines(name: string): (text: RulesText) => string[] {
  return ({ program, text }) => heredoc(`  rules ${quote(name)} ${program}`, text.split("\n"));
}

function wireguardLines(name: string): (plan: WireguardPlan) => string[] {
  return ({ device, port, key, peers }) =>
    heredoc(
      `  wireguard ${quote(name)} ${quote(device)} ${port} ${quote(key)}`,
      peers.map((peer) =>
        [peer.key, peer.presharedKey ?? "-", peer.endpoint, peer.allowedIps, String(peer.keepalive ?? 0)].join("\t"),
      ),
    );
}

/** Lines for a batch command in order; a line that it cannot read is a separate call. */
function batch(command: string, name: string, lines: readonly string[]): string[] {
  const out: string[] = [];
  let readable: string[] = [];
  const flush = (): void => {
    if (readable.length > 0) out.push(...heredoc(`  ${command} ${quote(name)}`, readable));
    readable = [];
  };
  for (const line of lines) {
    if (isBatchable(line)) {
      readable.push(line);
      continue;
    }
    flush();
    out.push(`  single ${command} ${quote(name)} ${line.split(" ").map(quote).join(" ")}`);
  }
  flush();
  return out;
}

/**
 * `-batch` ends a line at `#`, continues it after a backslash, and reads an argument that starts with a quotation mark up to the
 * next one (iproute2, lib/utils.c, getcmdline and makeargs). A device name can contain all of these, but no space.
 */
function isBatchable(line: string): boolean {
  return !/#|\\$|(?:^| )["']/.test(line);
}

function settings(name: string, list: readonly Setting[]): string[] {
  return list.length === 0
    ? []
    : heredoc(
        `  settings ${quote(name)}`,
        list.map(({ path, value }) => `${path} ${value}`),
      );
}

function heredoc(command: string, lines: readonly string[]): string[] {
  // Only a device name can have control characters.
  const text = lines.join("\n");
  if (visibleLines(text) !== text) return [`${command} <<<${quote(text)}`];
  return [`${command} <<'KNET'`, ...lines, "KNET"];
}

/** Quotes a text as one shell argument. Control characters are written as escapes, because the script is shown on terminals. */
export function quote(text: string): string {
  if (/^[\w./:@%+=~-]+$/.test(text)) return text;
  if (visible(text) === text) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = text.replaceAll(/['\\]/g, "\\$&");
  return `$'${escaped.replaceAll(/./gsu, (char) => (visible(char) === char ? char : bytesOf(char)))}'`;
}

/** The UTF-8 bytes, because `\\u` depends on the locale. */
function bytesOf(char: string): string {
  return [...new TextEncoder().encode(char)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

function header({ lab }: LabPlan, { source, version }: ScriptHead): string {
  return `#!/usr/bin/env bash
# The topology of ${visible(source)} as network namespaces on this machine; generated by knet ${version}.
#
#   sudo bash SCRIPT up              build (or rebuild) the lab and start its listeners
#   sudo bash SCRIPT names           list the network namespaces: path in the file, name in the kernel
#   sudo bash SCRIPT exec WHERE ...  run a command in a network namespace: exec node1 ip route
#   sudo bash SCRIPT listen          restart the listeners
#   sudo bash SCRIPT down            remove the lab
#
# Segments are bridges in the network namespace ${lab}.wire. Nothing outside these network namespaces is changed.
set -u
LAB=${quote(lab)}
SOURCE=${quote(source)}
STATE=/run/knet-lab/$LAB`;
}

const LIBRARY = String.raw`
FORCE=
RULES4= RULES6=
export XTABLES_LOCKFILE=$STATE/xtables.lock

die() { echo "$0: $*" >&2; exit 1; }

new() {
  [ -e "/var/run/netns/$1" ] && die "network namespace $1 already exists and does not belong to this lab"
  echo "$1" >>"$STATE/namespaces"
  ip netns add "$1"
}
links() { ip -n "$1" $FORCE -batch - 2>"$STATE/error" || rejected "$1"; }
# The kernel creates the fallback device of a tunnel module in every network namespace, unless it is configured not to.
fallback() {
  ip -n "$1" link add "$2" type "$3" 2>"$STATE/error" || ip -n "$1" link show "$2" >/dev/null 2>&1 || rejected "$1"
}
# A WireGuard key derived from a name: the public key of a peer follows from the private key of its device.
key() { printf "$(printf %s "$1" | sha256sum | cut -c1-64 | sed 's/../\\x&/g')" | base64; }
wireguard() {
  local peer psk endpoint allowed keepalive
  (umask 077; key "$4" >"$STATE/key")
  ip netns exec "$1" wg set "$2" listen-port "$3" private-key "$STATE/key" 2>"$STATE/error" || rejected "$1"
  while IFS=$'\t' read -r peer psk endpoint allowed keepalive; do
    [ "$psk" = - ] || (umask 077; key "$psk" >"$STATE/psk")
    ip netns exec "$1" wg set "$2" peer "$(key "$peer" | wg pubkey)" endpoint "$endpoint" allowed-ips "$allowed" \
      persistent-keepalive "$keepalive" $([ "$psk" = - ] || echo preshared-key "$STATE/psk") 2>"$STATE/error" || rejected "$1"
  done
}
links6() { ip -6 -n "$1" $FORCE -batch - 2>"$STATE/error" || rejected "$1"; }
# One line of links, links6, or forwarding, as arguments.
single() {
  local command=$1 name=$2
  shift 2
  case $command in
    links) ip -n "$name" "$@" ;;
    links6) ip -6 -n "$name" "$@" ;;
    forwarding) bridge -n "$name" "$@" ;;
  esac 2>"$STATE/error" || rejected "$name"
}
forwarding() { bridge -n "$1" $FORCE -batch - 2>"$STATE/error" || rejected "$1"; }
rules() {
  if ! enter "$1" "$2" 2>"$STATE/error"; then rejected "$1"; fi
}
# Passes stdin to the program $2 in the network namespace $1.
enter() {
  case $2 in
    iptables) [ -n "$RULES4" ] && ip netns exec "$1" "$RULES4" -w ;;
    ip6tables) [ -n "$RULES6" ] && ip netns exec "$1" "$RULES6" -w ;;
    nft) ip netns exec "$1" nft -f - ;;
    ipset) ip netns exec "$1" ipset restore ;;
    ipvsadm) ip netns exec "$1" ipvsadm -R ;;
  esac
}
settings() {
  ip netns exec "$1" bash -c 'while read -r path value; do
    [ ! -e "/proc/sys/net/$path" ] || echo "$value" >"/proc/sys/net/$path"
  done'
}
rejected() {
  [ -n "$FORCE" ] && return 0
  cat "$STATE/error" >&2
  die "the kernel rejects a part of the configuration of $1"
}

# The features of this kernel are tested in a temporary network namespace.
choose() {
  local tool
  for tool in "$1-legacy-restore" "$1-nft-restore" "$1-restore"; do
    command -v "$tool" >/dev/null || continue
    printf '*filter\nCOMMIT\n*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n' | ip netns exec "$LAB.try" "$tool" -w >/dev/null 2>&1 && { echo "$tool"; return; }
  done
}
try_ip() { ip -n "$LAB.try" -batch - >/dev/null 2>&1 || lacking "$1"; ip -n "$LAB.try" link del try0 2>/dev/null; }
try_rules() { enter "$LAB.try" "$2" >/dev/null 2>&1 || lacking "$1"; }
try_setting() { ip netns exec "$LAB.try" test -e "/proc/sys/net/$2" || lacking "$1"; }
try_version() { printf '%s\n' "$2" "$(uname -r)" | sort -CV || lacking "$1"; }
lacking() {
  local why=$1": not supported by this kernel"
  [ $# -lt 2 ] || why=$2
  echo "skipped: $why" >&2
  echo "$1" >>"$STATE/lacking"
}
`;

const COMMANDS = String.raw`root() { [ "$(id -u)" = 0 ] || { echo "$0: requires root: sudo bash $0 $*" >&2; exit 2; }; }

quiet() {
  local pid
  [ -f "$STATE/pid" ] || return 0
  pid=$(cat "$STATE/pid")
  case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in *"$STATE/agent.py"*) kill "$pid" ;; esac
  rm -f "$STATE/pid"
}

down() {
  local name
  quiet
  if [ -f "$STATE/namespaces" ]; then
    while read -r name; do ip netns del "$name" 2>/dev/null; done <"$STATE/namespaces"
  fi
  rm -rf "$STATE"
}

prepare() {
  if [ -f "$STATE/source" ] && [ "$(cat "$STATE/source")" != "$SOURCE" ]; then
    die "lab $LAB already exists, built from $(cat "$STATE/source"): remove it first, or use another name (knet lab --name)"
  fi
  command -v ip >/dev/null || die "ip is not installed (Debian: apt install iproute2)"
  down
  mkdir -p "$STATE" || exit 1
  trap 'code=$?; [ $code = 0 ] || down; exit $code' EXIT
  trap 'exit 130' INT TERM
  echo "$SOURCE" >"$STATE/source"
  new "$LAB.try"
  RULES4=$(choose iptables) RULES6=$(choose ip6tables)
}

build() {
  prepare
  [ -n "$STRICT" ] || trials
  ip netns del "$LAB.try"
  # Parts that depend on unsupported features are also omitted.
  [ -e "$STATE/lacking" ] && FORCE=-force
  make
  files
}

# For knet lab --run: prints the unsupported features, one per line.
try() {
  prepare
  trials 2>/dev/null
  version_trials 2>/dev/null
  [ ! -e "$STATE/lacking" ] || cat "$STATE/lacking"
  down
}

listen() {
  quiet
  if ! command -v python3 >/dev/null; then
    echo "listeners and TUN daemons are not started: python3 is not installed" >&2
    return 0
  fi
  : >"$STATE/listeners"
  setsid python3 "$STATE/agent.py" listen "$STATE/lab.json" >"$STATE/listeners" 2>&1 </dev/null &
  echo $! >"$STATE/pid"
  while kill -0 $! 2>/dev/null && ! grep -q '"ready": true' "$STATE/listeners"; do sleep 0.1; done
  grep -v '"ready": true' "$STATE/listeners" >&2
  return 0
}

inside() {
  local found
  found=$(names | awk -v where="$1" '{ n = split($1, part, "/") } $1 == where || $2 == where || part[n] == where { print $2 }')
  case $(printf '%s' "$found" | grep -c .) in
    1) shift; exec ip netns exec "$found" "$@" ;;
    0) die "network namespace $1 does not exist; see: bash $0 names" ;;
    *) die "$1 is ambiguous:" $found ;;
  esac
}

STRICT=
case "$#:$*" in
  1:up) root up; build && listen && echo "up: $(($(wc -l <"$STATE/namespaces") - 2)) network namespaces; list them with: bash $0 names" ;;
  1:build) root build; STRICT=yes; build ;;
  1:try) root try; try ;;
  1:listen) root listen; [ -d "$STATE" ] || die "the lab is not running"; listen ;;
  1:names) names ;;
  1:down) root down; down ;;
  [2-9]*:exec\ *) root exec; shift; [ $# -ge 2 ] || die "exec WHERE COMMAND"; inside "$@" ;;
  *) echo "usage: bash $0 up | names | exec WHERE COMMAND... | listen | down" >&2; exit 2 ;;
esac`;
