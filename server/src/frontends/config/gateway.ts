import { formatIp, nthAddress } from "../../addressing/ip.ts";
import type { Range } from "./model.ts";

/** The cloud's router has the first address of each subnet (AWS, Azure, Google). */
export function gatewayAddress({ prefix }: Range): string | undefined {
  const ip = nthAddress(prefix, 1);
  return ip === undefined ? undefined : formatIp(ip);
}
