// A tool's schema as every vendor takes it. One that a vendor refuses would fail the whole
// message, whoever made the tool.
type Schema = Record<string, unknown>;

/** References can multiply: from here on there is only "anything". */
const MAX_SCHEMAS = 2_000;

const SCHEMA_MAPS = new Set(["properties", "patternProperties", "dependentSchemas"]);
const SCHEMA_LISTS = new Set(["anyOf", "oneOf", "allOf", "prefixItems"]);
const SCHEMAS = new Set(["items", "not", "if", "then", "else", "contains", "propertyNames"]);
/** A schema, or a word on whether there may be more. */
const SCHEMAS_OR_BOOLEANS = new Set(["additionalProperties", "unevaluatedProperties"]);
/** Of the document, not of what it says. */
const LEFT_OUT = new Set([
  ...["$ref", "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "$dynamicRef"],
  ...["$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$vocabulary"],
]);
/** Null is a value there. */
const VALUES = new Set(["default", "const", "example"]);
/** What no vendor takes at the top. */
const NOT_AT_THE_TOP = ["anyOf", "oneOf", "allOf", "not", "enum", "const", "if", "then", "else"];

interface Walk {
  root: Schema;
  left: number;
}

/**
 * The arguments' schema: an object at its top, without references. The same
 * again for what is so already.
 */
export function plainSchema(root: Schema): Schema {
  const { type: _type, ...schema } = plain(root, [], { root, left: MAX_SCHEMAS });
  const branches = NOT_AT_THE_TOP.flatMap((name) => schema[name]).filter(isSchema);
  const properties = Object.assign(
    {},
    ...branches.map((branch) => branch["properties"]),
    schema["properties"],
  ) as Schema;
  for (const name of NOT_AT_THE_TOP) delete schema[name];
  return withDefined({ type: "object", ...schema, properties });
}

function plain(value: unknown, within: readonly unknown[], walk: Walk): Schema {
  // `true`, `false` and null are schemas to some.
  if (!isSchema(value) || within.includes(value) || walk.left-- <= 0) return {};
  const inside = [...within, value];
  const target = value["$ref"] === undefined ? {} : plain(find(value["$ref"], walk), inside, walk);
  const result: Schema = { ...target };
  for (const [key, part] of Object.entries(value)) {
    const clean = plainPart(key, part, (schema) => plain(schema, inside, walk));
    if (clean !== undefined) result[key] = clean;
  }
  if (result["type"] === "array" && result["items"] === undefined) result["items"] = {};
  return isSchema(result["properties"]) ? withDefined(result) : result;
}

/** Undefined is left out. */
function plainPart(key: string, part: unknown, inner: (schema: unknown) => Schema): unknown {
  if (VALUES.has(key)) return part;
  if (LEFT_OUT.has(key) || part === null) return undefined;
  if (SCHEMA_MAPS.has(key)) {
    if (!isSchema(part)) return undefined;
    return Object.fromEntries(Object.entries(part).map(([name, schema]) => [name, inner(schema)]));
  }
  if (SCHEMA_LISTS.has(key)) {
    return Array.isArray(part) && part.length > 0 ? part.map(inner) : undefined;
  }
  // A list was the older form of a tuple.
  if (key === "items" && Array.isArray(part))
    return part.length > 0 ? { anyOf: part.map(inner) } : {};
  if (SCHEMAS.has(key)) return inner(part);
  if (SCHEMAS_OR_BOOLEANS.has(key)) return typeof part === "boolean" ? part : inner(part);
  if (key === "required") return Array.isArray(part) ? part : undefined;
  // Older drafts said there whether the other bound counts.
  const isOldBound = key === "exclusiveMinimum" || key === "exclusiveMaximum";
  return isOldBound && typeof part === "boolean" ? undefined : part;
}

/** Only what there is can be required. */
function withDefined(schema: Schema): Schema {
  const { required, properties } = schema;
  if (!Array.isArray(required) || !isSchema(properties)) return schema;
  const defined = required.filter(
    (name) => typeof name === "string" && Object.hasOwn(properties, name),
  );
  return { ...schema, required: defined };
}

/** What a reference inside of the schema means; undefined for all others. */
function find(reference: unknown, { root }: Walk): unknown {
  if (typeof reference !== "string" || !reference.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const step of reference.slice(1).split("/").slice(1)) {
    const name = decode(step).replaceAll("~1", "/").replaceAll("~0", "~");
    const isThere = typeof found === "object" && found !== null && Object.hasOwn(found, name);
    found = isThere ? (found as Schema)[name] : undefined;
  }
  return found;
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
