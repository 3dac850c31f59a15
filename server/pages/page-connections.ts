// Connections to pages of strangers. Which address a name stands for is looked up here, judged, and
// that very address is connected to: a name that says something else a moment later changes
// nothing.
import { lookup as lookUpName } from "node:dns";
import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";
import { ChatError } from "../errors.ts";
import type { Connections } from "../providers/http-client.ts";
import { isPublicAddress } from "./public-address.ts";

/** Says what a name's addresses are; `dns.lookup` where nothing else is given. */
export type Lookup = (
  name: string,
  options: { all: true },
  callback: (error: Error | null, found?: { address: string; family: number }[]) => void,
) => void;

export interface PageAccess {
  /** Hosts a person has named: their pages are fetched wherever they are. `*.corp.example`. */
  allowedHosts: readonly string[];
  lookup?: Lookup;
}

/** For one page and its redirects: nothing is kept open. */
export function createPageConnections(access: PageAccess): Connections {
  const options = { keepAlive: false, lookup: guardedLookup(access) };
  return {
    agents: { plain: new http.Agent(options), secure: new https.Agent(options) },
    sockets: new Set(),
  };
}

/** What a socket connects to is what this has judged: it asks nobody else. */
function guardedLookup(access: PageAccess): LookupFunction {
  const look: Lookup = access.lookup ?? lookUpName;
  return (name, { all }, callback) => {
    look(name, { all: true }, (error, found = []) => {
      const [first] = found;
      // All of them: one that leads inside says what the name is for.
      const isFit = found.every(({ address }) => mayReach(access, name, address));
      if (error || !first || !isFit) callback(error ?? refused(name), "", 4);
      else if (all) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

/** Throws `page_refused` for an address that is written out: nobody is asked about those. */
export function refusePrivateAddress(access: PageAccess, hostname: string): void {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0 && !mayReach(access, address, address)) throw refused(address);
}

function mayReach({ allowedHosts }: PageAccess, name: string, address: string): boolean {
  return isAllowedHost(allowedHosts, name) || (isPublicAddress(address) && !isOurs(address));
}

/** `*.corp.example` is all below it, and not itself. */
export function isAllowedHost(allowed: readonly string[], name: string): boolean {
  const host = name.toLowerCase().replace(/\.$/, "");
  return allowed.some((one) => {
    const pattern = one.toLowerCase();
    return pattern.startsWith("*.") ? host.endsWith(pattern.slice(1)) : host === pattern;
  });
}

/** A machine on the internet has public addresses, too, and services that are its own. */
function isOurs(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) =>
    all?.some((one) => one.address === address),
  );
}

function refused(name: string): ChatError {
  return new ChatError("page_refused", `${name} is not on the public internet.`, {
    hint: "Pages of this machine and of private networks are not fetched. If this one shall be, name its host in streamkeeper.tools.privateHosts (--private-hosts).",
  });
}
