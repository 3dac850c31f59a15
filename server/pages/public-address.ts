// Which addresses are of the internet at large, and which of this machine, its network or a cloud's
// insides. What is not known to be public is not.
import { isIPv4, isIPv6 } from "node:net";

/** Not of the internet at large, by the registries of IANA; and what clouds put into its midst. */
const PRIVATE_V4: readonly (readonly [address: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Where Azure tells its machines of themselves.
  ["168.63.129.16", 32],
  // Multicast, and all that was kept for later.
  ["224.0.0.0", 3],
];

/** Of version 6 only this much is given out at all; and of that not these. */
const GLOBAL_V6 = ["2000::", 3] as const;
const PRIVATE_V6: readonly (readonly [address: string, bits: number])[] = [
  // Teredo and others, whose addresses lead to addresses of version 4.
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];
/** They stand for the address of version 4 at their end: mapped ones, and those of NAT64. */
const EMBEDDING_V6 = [
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
] as const;

/** False for what is no address. */
export function isPublicAddress(address: string): boolean {
  const bytes = bytesOf(address);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return !PRIVATE_V4.some((range) => isWithin(bytes, range));
  if (EMBEDDING_V6.some((range) => isWithin(bytes, range))) {
    return isPublicAddress(bytes.slice(12).join("."));
  }
  return isWithin(bytes, GLOBAL_V6) && !PRIVATE_V6.some((range) => isWithin(bytes, range));
}

function isWithin(bytes: readonly number[], [address, bits]: readonly [string, number]): boolean {
  const base = bytesOf(address) ?? [];
  return base.every((byte, at) => {
    const counting = Math.min(Math.max(bits - at * 8, 0), 8);
    const mask = (0xff << (8 - counting)) & 0xff;
    return (byte & mask) === ((bytes[at] ?? 0) & mask);
  });
}

/** Four or sixteen; undefined for what is no address. */
function bytesOf(address: string): number[] | undefined {
  if (isIPv4(address)) return address.split(".").map(Number);
  const bare = address.replace(/%.*$/, "");
  if (!isIPv6(bare)) return undefined;
  const [, start = bare, tail = ""] = /^(.*:)([\d.]+\.\d+)$/.exec(bare) ?? [];
  const last = tail === "" ? [] : tail.split(".").map(Number);
  const [before = "", after] = start.replace(tail === "" ? /$^/ : /(?<!:):$/, "").split("::");
  const head = groupsOf(before);
  const rest = [...groupsOf(after ?? ""), ...last];
  const zeros = Array<number>(Math.max(16 - head.length - rest.length, 0)).fill(0);
  return [...head, ...zeros, ...rest];
}

function groupsOf(text: string): number[] {
  return text
    .split(":")
    .filter((group) => group !== "")
    .flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    });
}
