/** Errors of the backends with keys about a key that they cannot use. */
import type { BackendSettings } from "./settings.ts";

/** minPasswordLength in pkg/backend/ipsec/ipsec.go. */
export const IPSEC_PSK_LENGTH = 96;
/** wgtypes.KeyLen. */
const WIREGUARD_KEY_BYTES = 32;

/** flannel's own text, and the keyword that it is about; undefined = accepted. */
export function backendError(
  backend: BackendSettings,
): { readonly text: string; readonly setting: string } | undefined {
  if (backend.type === "ipsec" && backend.psk.length < IPSEC_PSK_LENGTH)
    return { text: "config error, password is too short", setting: "psk" };
  if (backend.type !== "wireguard" || backend.psk === undefined || backend.psk === "") return undefined;
  // wgtypes.ParseKey: standard base64 with its padding.
  const { psk } = backend;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(psk))
    return {
      text: "could not parse psk: wgtypes: failed to parse base64-encoded key: illegal base64 data",
      setting: "psk",
    };
  const bytes = (psk.length / 4) * 3 - (/=*$/.exec(psk)?.[0].length ?? 0);
  return bytes === WIREGUARD_KEY_BYTES
    ? undefined
    : { text: `could not parse psk: wgtypes: incorrect key size: ${bytes}`, setting: "psk" };
}
