// Of a TrueType font, the outlines of some characters: the others stay in its
// lists, with nothing to draw.

/** Without the tables that only printers and editors of fonts read. */
const NEEDED = /^(?:OS\/2|cmap|glyf|head|hhea|hmtx|loca|maxp|name|post)$/;

export function keepCharacters(font, codePoints) {
  const tables = readTables(font);
  const glyphs = readGlyphs(tables);
  const kept = new Set([0, ...codePoints.map((point) => glyphOf(tables.get("cmap"), point))]);
  // A set grows while it is walked: parts of parts come along, too.
  for (const id of kept) for (const part of partsOf(glyphs[id])) kept.add(part);
  const offsets = [0];
  const outlines = glyphs.map((glyph, id) => {
    const data = kept.has(id) ? glyph : Buffer.alloc(0);
    offsets.push(offsets.at(-1) + data.length);
    return data;
  });
  tables.set("glyf", Buffer.concat(outlines));
  const head = Buffer.from(tables.get("head"));
  head.writeInt16BE(1, 50);
  tables.set("head", head);
  const loca = Buffer.alloc(offsets.length * 4);
  for (const [id, offset] of offsets.entries()) loca.writeUInt32BE(offset, id * 4);
  tables.set("loca", loca);
  // Its third form has no names of glyphs.
  const post = Buffer.from(tables.get("post").subarray(0, 32));
  post.writeUInt32BE(0x0003_0000, 0);
  tables.set("post", post);
  return writeTables(
    font,
    [...tables].filter(([tag]) => NEEDED.test(tag)),
  );
}

function readTables(font) {
  const tables = new Map();
  for (let at = 12; at < 12 + font.readUInt16BE(4) * 16; at += 16) {
    const offset = font.readUInt32BE(at + 8);
    const data = font.subarray(offset, offset + font.readUInt32BE(at + 12));
    tables.set(font.toString("latin1", at, at + 4), data);
  }
  return tables;
}

function readGlyphs(tables) {
  const [loca, glyf] = [tables.get("loca"), tables.get("glyf")];
  const isLong = tables.get("head").readInt16BE(50) === 1;
  const offset = (id) => (isLong ? loca.readUInt32BE(id * 4) : loca.readUInt16BE(id * 2) * 2);
  const count = tables.get("maxp").readUInt16BE(4);
  return Array.from({ length: count }, (_, id) => glyf.subarray(offset(id), offset(id + 1)));
}

/** In a map of the Basic Multilingual Plane (format 4), where icons are. */
function glyphOf(cmap, point) {
  for (let index = 0; index < cmap.readUInt16BE(2); index += 1) {
    const map = cmap.subarray(cmap.readUInt32BE(4 + index * 8 + 4));
    if (map.readUInt16BE(0) !== 4) continue;
    const size = map.readUInt16BE(6);
    for (let at = 14; at < 14 + size; at += 2) {
      const [end, start] = [map.readUInt16BE(at), map.readUInt16BE(at + size + 2)];
      if (point < start || point > end) continue;
      const delta = map.readUInt16BE(at + size * 2 + 2);
      const rangeAt = at + size * 3 + 2;
      const range = map.readUInt16BE(rangeAt);
      if (range === 0) return (point + delta) & 0xffff;
      return (map.readUInt16BE(rangeAt + range + (point - start) * 2) + delta) & 0xffff;
    }
  }
  throw new Error(`The font has no character ${point.toString(16)}`);
}

/** A glyph may be put together of others. */
function partsOf(glyph) {
  const parts = [];
  if (glyph.length === 0 || glyph.readInt16BE(0) >= 0) return parts;
  for (let [at, flags] = [10, 0x20]; flags & 0x20; ) {
    flags = glyph.readUInt16BE(at);
    parts.push(glyph.readUInt16BE(at + 2));
    at += 4 + (flags & 1 ? 4 : 2) + (flags & 8 ? 2 : flags & 0x40 ? 4 : flags & 0x80 ? 8 : 0);
  }
  return parts;
}

function writeTables(font, tables) {
  const directory = Buffer.alloc(12 + tables.length * 16);
  font.copy(directory, 0, 0, 4);
  directory.writeUInt16BE(tables.length, 4);
  const power = 2 ** Math.floor(Math.log2(tables.length));
  directory.writeUInt16BE(power * 16, 6);
  directory.writeUInt16BE(Math.log2(power), 8);
  directory.writeUInt16BE((tables.length - power) * 16, 10);
  const parts = [directory];
  let offset = directory.length;
  for (const [index, [tag, data]] of tables.entries()) {
    const at = 12 + index * 16;
    directory.write(tag, at, "latin1");
    directory.writeUInt32BE(offset, at + 8);
    directory.writeUInt32BE(data.length, at + 12);
    const padded = Buffer.alloc(Math.ceil(data.length / 4) * 4);
    data.copy(padded);
    directory.writeUInt32BE(checksum(padded), at + 4);
    parts.push(padded);
    offset += padded.length;
  }
  return Buffer.concat(parts);
}

function checksum(data) {
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum = (sum + data.readUInt32BE(at)) >>> 0;
  return sum;
}
