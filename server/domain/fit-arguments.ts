// A call's arguments in the shapes that models send, made to fit the tool's JSON Schema where
// only one reading is possible. What still does not fit is told, with what is expected and
// what came. Of the schema only types, lists, properties and alternatives are looked at; all
// else is for the tool itself.
import { isRecord } from "../shared/json.ts";
import { mendValue } from "./mend-json.ts";

type Schema = Readonly<Record<string, unknown>>;

export interface Fitted {
  arguments: Record<string, unknown>;
  /** For the model; undefined if all fits. */
  fault: string | undefined;
}

interface Fit {
  root: Schema;
  faults: string[];
}

const MAX_FAULTS = 5;
const MAX_DEPTH = 40;
const TYPES = ["string", "integer", "number", "boolean", "array", "object", "null"] as const;
type Type = (typeof TYPES)[number];
/** In these no object or list is written out as JSON: they name something. */
const NAMING = /path|file|folder|director|include|glob|query|command|name|^id$|_id$/i;

export function fitArguments(schema: Schema, args: Record<string, unknown>): Fitted {
  const fit: Fit = { root: schema, faults: [] };
  const fitted = fitProperties(fit, schema, args, "", 0);
  const faults = fit.faults.slice(0, MAX_FAULTS).join("; ");
  return { arguments: fitted, fault: faults === "" ? undefined : faults };
}

/** `at` is the way to the value, as in `edits[0].old_text`. */
function fitValue(fit: Fit, given: Schema, value: unknown, at: string, depth: number): unknown {
  if (depth > MAX_DEPTH) return value;
  const schema = resolved(fit.root, given);
  const alternatives = alternativesOf(schema);
  if (alternatives) return fitOne(fit, alternatives, value, at, depth);
  const types = typesOf(schema);
  const choices = choicesOf(schema);
  if (choices) return fitChoice(fit, choices, value, at);
  if (types.length === 0) return value;
  const fitting = types.find((type) => isOf(type, value));
  const made = fitting === undefined ? converted(types, schema, value, at) : { value };
  if (!made) {
    fit.faults.push(`${at}: ${expected(schema, types)} is expected, ${came(value)} came`);
    return value;
  }
  return fitInside(fit, schema, made.value, at, depth);
}

function fitInside(fit: Fit, schema: Schema, value: unknown, at: string, depth: number): unknown {
  if (Array.isArray(value)) {
    const items = schema["items"];
    if (!isRecord(items)) return value;
    return value.map((one, index) => fitValue(fit, items, one, `${at}[${index}]`, depth + 1));
  }
  return isRecord(value) ? fitProperties(fit, schema, value, at, depth + 1) : value;
}

function fitProperties(
  fit: Fit,
  given: Schema,
  args: Record<string, unknown>,
  at: string,
  depth: number,
): Record<string, unknown> {
  const schema = resolved(fit.root, given);
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {};
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const entries: [string, unknown][] = [];
  for (const [name, value] of Object.entries(renamed(properties, args))) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!isRecord(property)) {
      // What strict schemas make a model send for what it does not want to say.
      if (value !== null || schema["additionalProperties"] !== false) entries.push([name, value]);
      continue;
    }
    const isLeftOut = !required.includes(name) && isNothing(fit.root, property, value);
    if (isLeftOut) continue;
    entries.push([name, fitValue(fit, property, value, way(at, name), depth + 1)]);
  }
  for (const name of required) {
    if (typeof name !== "string" || entries.some(([one]) => one === name)) continue;
    const property = properties[name];
    const type = isRecord(property) ? resolved(fit.root, property) : {};
    const names = Object.keys(args).map((one) => JSON.stringify(one));
    const instead = names.length === 0 ? "nothing" : names.slice(0, 10).join(", ");
    const wanted = expected(type, typesOf(type));
    fit.faults.push(`${way(at, name)}: missing; ${wanted} is expected, ${instead} came`);
  }
  return Object.fromEntries(entries);
}

/**
 * `oldText` for `old_text`: a name that is unknown, and but for its spelling
 * that of one that is missing.
 */
function renamed(properties: Schema, args: Record<string, unknown>): Record<string, unknown> {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[_\-\s]/g, "");
  const isKnown = (name: string): boolean => Object.hasOwn(properties, name);
  const missing = Object.keys(properties).filter((name) => !Object.hasOwn(args, name));
  const names = Object.keys(args);
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const meant = isKnown(name) ? [] : missing.filter((one) => plain(one) === plain(name));
      const [only] = meant;
      const isAlone = names.filter((one) => plain(one) === plain(name)).length === 1;
      return [meant.length === 1 && isAlone && only !== undefined ? only : name, value];
    }),
  );
}

/** An optional argument that was not meant: null, or an empty text where none is expected. */
function isNothing(root: Schema, property: Schema, value: unknown): boolean {
  const schema = resolved(root, property);
  const alternatives = (alternativesOf(schema) ?? [schema]).map((one) => resolved(root, one));
  const types = alternatives.flatMap(typesOf);
  if (types.length === 0 || alternatives.some((one) => typesOf(one).length === 0)) return false;
  if (value === null) return !types.includes("null");
  const isWord = typeof value === "string" && /^(?:|null|none|undefined)$/i.test(value.trim());
  return isWord && !types.includes("string");
}

/**
 * The value itself if an alternative takes it, else what the only one that
 * could be meant makes of it.
 */
function fitOne(
  fit: Fit,
  alternatives: readonly Schema[],
  value: unknown,
  at: string,
  depth: number,
): unknown {
  const tries = alternatives.map((schema) => {
    const one: Fit = { root: fit.root, faults: [] };
    return { value: fitValue(one, schema, value, at, depth + 1), faults: one.faults };
  });
  const fitting = tries.filter(({ faults }) => faults.length === 0);
  const asGiven = JSON.stringify(value);
  const texts = new Set(fitting.map((one) => JSON.stringify(one.value)));
  if (texts.has(asGiven)) return value;
  if (texts.size === 1) return fitting[0]?.value;
  const kinds = alternatives.map((one) => {
    const schema = resolved(fit.root, one);
    return expected(schema, typesOf(schema));
  });
  // The one of the right type tells more than all of them do.
  const near = alternatives.findIndex((one) =>
    typesOf(resolved(fit.root, one)).some((type) => isOf(type, value)),
  );
  const said = tries[near]?.faults ?? [];
  fit.faults.push(
    ...(said.length > 0
      ? said
      : [`${at}: ${[...new Set(kinds)].join(" or ")} is expected, ${came(value)} came`]),
  );
  return value;
}

function fitChoice(fit: Fit, choices: readonly unknown[], value: unknown, at: string): unknown {
  const given = JSON.stringify(value);
  if (choices.some((one) => JSON.stringify(one) === given)) return value;
  const plain = (one: unknown): string => String(one).trim().toLowerCase();
  const near =
    typeof value === "object" ? [] : choices.filter((one) => plain(one) === plain(value));
  if (near.length === 1) return near[0];
  const list = choices.slice(0, 50).map((one) => JSON.stringify(one));
  fit.faults.push(`${at}: one of ${list.join(", ")} is expected, ${came(value)} came`);
  return value;
}

/** What a value of another type stands for; undefined if that is not clear. */
function converted(
  types: readonly Type[],
  schema: Schema,
  value: unknown,
  at: string,
): { value: unknown } | undefined {
  for (const type of types) {
    const made = toType(type, schema, value, at);
    if (made !== undefined) return { value: made };
  }
  return undefined;
}

function toType(type: Type, schema: Schema, value: unknown, at: string): unknown {
  switch (type) {
    case "string":
      return toText(value, at);
    case "integer":
    case "number":
      return toNumber(type, value);
    case "boolean":
      return toBoolean(value);
    case "array":
      return toList(schema, value);
    case "object":
      return toObject(value);
    case "null":
      return undefined;
    default:
      return type satisfies never;
  }
}

function toText(value: unknown, at: string): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const isName = NAMING.test(at.slice(at.lastIndexOf(".") + 1));
  if (isName && Array.isArray(value) && value.length === 1 && typeof value[0] === "string") {
    return value[0];
  }
  // A list of texts could be lines as well as JSON, but of globs it is a list.
  const isLines = Array.isArray(value) && value.every((one) => typeof one === "string");
  if (isLines && /(?:^|\.)(?:include|exclude|glob)s?$/i.test(at)) return value.join(",");
  if (isName || isLines || typeof value !== "object" || value === null) return undefined;
  return JSON.stringify(value, null, 2);
}

function toNumber(type: "integer" | "number", value: unknown): number | undefined {
  if (typeof value !== "string" || !/^\s*[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?\s*$/i.test(value)) {
    return undefined;
  }
  const number = Number(value);
  return isOf(type, number) ? number : undefined;
}

function toBoolean(value: unknown): boolean | undefined {
  const word = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (word === 1 || /^(?:true|yes|on|1)$/.test(String(word))) return true;
  if (word === 0 || /^(?:false|no|off|0)$/.test(String(word))) return false;
  return undefined;
}

function toList(schema: Schema, value: unknown): unknown[] | undefined {
  if (value === null) return undefined;
  const items = isRecord(schema["items"]) ? typesOf(schema["items"]) : [];
  const isItem = (one: unknown): boolean => items.some((type) => isOf(type, one));
  if (typeof value !== "string") return numbered(value) ?? (isItem(value) ? [value] : undefined);
  const read = mendValue(value);
  if (Array.isArray(read)) return read;
  if (isRecord(read)) return isItem(read) ? [read] : undefined;
  // One name; a list in a form of its own is not guessed at.
  const isOne = items.includes("string") && !/^\s*$|^\s*[[{]|[,\n]/.test(value);
  return isOne ? [value] : undefined;
}

/** `{"0": …, "1": …}` */
function numbered(value: unknown): unknown[] | undefined {
  if (!isRecord(value)) return undefined;
  const keys = Object.keys(value);
  const isList = keys.length > 0 && keys.every((key, index) => key === String(index));
  return isList ? Object.values(value) : undefined;
}

function toObject(value: unknown): Record<string, unknown> | undefined {
  const read = typeof value === "string" ? mendValue(value) : value;
  const only = Array.isArray(read) && read.length === 1 ? (read[0] as unknown) : read;
  return isRecord(only) ? only : undefined;
}

function resolved(root: Schema, schema: Schema): Schema {
  let found = schema;
  for (let step = 0; step < 10; step += 1) {
    const ref = found["$ref"];
    if (typeof ref !== "string") return found;
    let target: unknown = ref.startsWith("#") ? root : undefined;
    for (const part of ref.slice(1).split("/").filter(Boolean)) {
      const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
      target = isRecord(target) && Object.hasOwn(target, name) ? target[name] : undefined;
    }
    // What cannot be found cannot be held against anyone.
    if (!isRecord(target)) return {};
    found = target;
  }
  return {};
}

function alternativesOf(schema: Schema): Schema[] | undefined {
  const list = schema["anyOf"] ?? schema["oneOf"];
  return Array.isArray(list) && list.length > 0 && list.every(isRecord) ? list : undefined;
}

function choicesOf(schema: Schema): unknown[] | undefined {
  if ("const" in schema) return [schema["const"]];
  const list = schema["enum"];
  return Array.isArray(list) && list.length > 0 ? list : undefined;
}

function typesOf(schema: Schema): Type[] {
  const { type } = schema;
  const named = Array.isArray(type) ? type : [type];
  const types = TYPES.filter((one) => named.includes(one));
  if (types.length > 0 || type !== undefined) return types;
  return isRecord(schema["properties"]) ? ["object"] : [];
}

function isOf(type: Type, value: unknown): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return isRecord(value);
    case "null":
      return value === null;
    case "integer":
      return Number.isSafeInteger(value);
    default:
      return typeof value === type;
  }
}

const WORDS: Readonly<Record<Type, string>> = {
  string: "a string",
  integer: "a whole number (integer)",
  number: "a number",
  boolean: "true or false (boolean)",
  array: "a list (array)",
  object: "an object",
  null: "null",
};

function expected(schema: Schema, types: readonly Type[]): string {
  const said = types.map((type) => WORDS[type]).join(" or ") || "a value";
  const items = schema["items"];
  if (types[0] !== "array" || !isRecord(items)) return said;
  const names = isRecord(items["properties"]) ? Object.keys(items["properties"]) : [];
  const [kind] = typesOf(items);
  if (kind === undefined) return said;
  const of = names.length === 0 ? "" : ` with ${names.slice(0, 10).join(", ")}`;
  return `${said} of ${WORDS[kind].replace(/^an? /, "")}s${of}`;
}

function came(value: unknown): string {
  const json = JSON.stringify(value) ?? "nothing";
  const shown = json.length > 80 ? `${json.slice(0, 80)}…` : json;
  const type = TYPES.find((one) => isOf(one, value));
  return value === null || type === undefined
    ? shown
    : `${WORDS[type].replace(/ \(.*/, "")} ${shown}`;
}

const way = (at: string, name: string): string => (at === "" ? name : `${at}.${name}`);
