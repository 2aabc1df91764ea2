/**
 * What runs inside a box: the first process of a kernel that knet has started, as a bash script. The guest's file system is
 * the host's own, so programs are at their usual paths; only /run, /proc, and /sys are the guest's. The host writes the folder
 * of a job to the console, a line each; the guest runs it and reports its end with a line.
 */

/** The guest waits for jobs. */
export const READY = "\u0001knet-ready ";
/** A job has ended: its folder follows. */
export const DONE = "\u0001knet-done ";

/** Modules whose devices, matches, and targets the lab uses; the guest's kernel loads most others on demand. */
const MODULES = [
  ...["veth", "bridge", "br_netfilter", "tun", "vxlan", "geneve", "ipip", "ip_gre", "sit", "ip6_tunnel", "fou"],
  ...["dummy", "8021q", "vrf", "macvlan", "ipvlan", "wireguard", "af_packet", "sctp", "openvswitch"],
  ...["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_set", "ip_set_hash_ip", "ip_set_hash_net", "ip_set_hash_ipport"],
  ...["nf_tables", "nft_compat", "iptable_nat", "ip6table_nat", "xt_statistic", "xt_set", "xt_mark", "xt_conntrack"],
  ...["esp4", "esp6", "xfrm_user", "xfrm_interface", "xfrm4_tunnel"],
];

/** The script of the guest; `modules` is the folder that contains `<release>` of its kernel. */
export function guestScript(modules: string): string {
  return `export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mkdir -p /run/netns /run/modules/lib
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
[ -c /dev/net/tun ] || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; }
# The host's /lib/modules has another kernel's; kmod and the kernel's own requests are pointed to the guest's.
ln -s ${quoted(modules)} /run/modules/lib/modules
printf '#!/bin/sh\\nexec modprobe -d /run/modules "$@"\\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
echo 1 >/proc/sys/kernel/printk
# A node's tunl0 comes after its network interface, because the module is loaded later; the order decides the source address of
# packets on devices without an address (inet_select_addr). In a network namespace, a fallback device would come first.
echo 2 >/proc/sys/net/core/fb_tunnels_only_for_init_net
for module in ${MODULES.join(" ")}; do modprobe -d /run/modules -q "$module"; done
ip link set lo up
stty -echo -onlcr
echo ${quoted(READY)}"$(uname -r)"
while IFS= read -r job; do
  {
    bash "$job/run" <"$job/in" >"$job/out" 2>"$job/err"
    echo $? >"$job/code"
    sync -f "$job"
    echo ${quoted(DONE)}"$job"
  } &
done
echo o >/proc/sysrq-trigger
sleep 10
`;
}

/** A word of bash, verbatim. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
