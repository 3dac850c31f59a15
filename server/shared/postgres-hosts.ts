// A Postgres URL may name several servers, in libpq's forms:
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS. The driver knows
// one, so each becomes a URL of its own.

const FORM = /^(postgres(?:ql)?:\/\/)(?:([^/?#]*)@)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

/** What says where, or is answered by the choice among several; the driver hears none of it. */
const PLACES = ["host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts"];
const WRITABLE = ["any", "read-write", "primary"];
const READ_ONLY = ["read-only", "standby", "prefer-standby"];

interface Place {
  /** A name, an address without brackets, or the folder of a socket. */
  host: string;
  port: string;
}

/**
 * One URL for each server. Throws with what is wrong, in words that go behind the name of a flag.
 */
export function hostsOf(url: string): string[] {
  const [, scheme, user, authority = "", path = "", query] = FORM.exec(url) ?? [];
  if (scheme === undefined) throw new TypeError("not a valid postgres:// URL.");
  const settings = new URLSearchParams(query);
  refuseReading(settings.get("target_session_attrs"));
  const places = placesOf(authority, settings);
  if (places.some(({ host }) => /\s/.test(host)))
    throw new TypeError("not a valid postgres:// URL.");
  for (const name of PLACES) settings.delete(name);
  const urls = places.map((place) => oneUrl({ scheme, user, place, path }, settings));
  if (!urls.every((one) => URL.canParse(one))) throw new TypeError("not a valid postgres:// URL.");
  return urls;
}

function refuseReading(wanted: string | null): void {
  if (wanted === null || WRITABLE.includes(wanted)) return;
  throw new TypeError(
    READ_ONLY.includes(wanted)
      ? `target_session_attrs=${wanted} asks for a server that only lets itself be read; a companion writes. Use read-write.`
      : `target_session_attrs=${wanted} is not known. Use read-write.`,
  );
}

/** As libpq has it: what stands behind `?` counts more than what stands before. */
function placesOf(authority: string, settings: URLSearchParams): Place[] {
  const named = authority.split(",").map(toPlace);
  const given = settings.get("host") || settings.get("hostaddr");
  const hosts = given ? given.split(",") : named.map(({ host }) => host);
  const portList = settings.get("port");
  const ports = portList ? portList.split(",") : named.map(({ port }) => port);
  if (ports.length > 1 && ports.length !== hosts.length) {
    throw new TypeError(
      `${ports.length} ports for ${hosts.length} hosts: give one, or one for each.`,
    );
  }
  return hosts.map((host, index) => {
    const port = ports.length === 1 ? (ports[0] ?? "") : (ports[index] ?? "");
    if (port !== "" && !(/^\d+$/.test(port) && Number(port) > 0 && Number(port) < 65_536)) {
      throw new TypeError(`${port} is not a port.`);
    }
    return { host, port };
  });
}

function toPlace(text: string): Place {
  const [, address, name = "", port = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(
    text,
  ) ?? [text, "["];
  if (address === "[") throw new TypeError("not a valid postgres:// URL.");
  try {
    return { host: decodeURIComponent(address ?? name), port };
  } catch {
    throw new TypeError("not a valid postgres:// URL.");
  }
}

function oneUrl(
  of: { scheme: string; user: string | undefined; place: Place; path: string },
  others: URLSearchParams,
): string {
  const { host, port } = of.place;
  const settings = new URLSearchParams(others);
  const isSocket = host === "" || host.startsWith("/") || host.startsWith("@");
  const user = of.user === undefined ? "" : `${of.user}@`;
  const address = host.includes(":") ? `[${host}]` : encodeURIComponent(host);
  if (isSocket) {
    // A URL with a user and no host cannot be parsed; the driver takes this one's host from behind
    // the `?`.
    if (host !== "") settings.set("host", host);
    if (port !== "") settings.set("port", port);
  }
  const nowhere = user === "" ? "" : host === "" ? "localhost" : "socket";
  const where = isSocket ? nowhere : address;
  const portPart = isSocket || port === "" ? "" : `:${port}`;
  const query = settings.size === 0 ? "" : `?${settings}`;
  return `${of.scheme}${user}${where}${portPart}${of.path}${query}`;
}

/** For people: where a server is, without who asks. */
export function placeOf(url: string): string {
  const parsed = new URL(url);
  const host = parsed.searchParams.get("host");
  const port = parsed.searchParams.get("port") ?? parsed.port;
  const name = host ?? (decodeURIComponent(parsed.hostname) || "localhost");
  return port === "" ? name : `${name}:${port}`;
}
