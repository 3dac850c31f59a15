/**
 * Of a library for Linux what a process loads. The names of its functions stand behind that, with
 * the table of sections, for debuggers alone. Others are small already, and come back as they are.
 */
export function loadable(bytes) {
  const isElf = bytes.readUInt32BE(0) === 0x7f454c46;
  if (!isElf || bytes[4] !== 2 || bytes[5] !== 1) return bytes;
  const number = (at) => Number(bytes.readBigUInt64LE(at));
  const segments = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const header = number(32) + index * bytes.readUInt16LE(54);
    return number(header + 8) + number(header + 32);
  });
  const kept = Buffer.from(bytes.subarray(0, Math.max(...segments)));
  // No table of sections: its place, its length, its names.
  kept.writeBigUInt64LE(0n, 40);
  kept.writeUInt32LE(0, 60);
  return kept;
}
