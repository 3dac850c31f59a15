// The door: Host and Origin, then the token. Nothing of a request is parsed before it has passed.
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import type { NextFunction, Request, Response } from "express";
import { ChatError } from "../errors.ts";
import type { HttpDeps } from "./context.ts";

/** On every answer, errors included. */
export function setCommonHeaders(request: Request, response: Response, next: NextFunction): void {
  response.set({
    "x-request-id": randomUUID(),
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
  });
  // An open connection with unread bytes would take a refused body for the next request.
  if (request.headers["transfer-encoding"] && request.headers["content-length"]) {
    throw new ChatError(
      "invalid_request",
      "Content-Length and Transfer-Encoding exclude each other.",
    );
  }
  next();
}

/** A page that rebinds its name to this address sends its own name: only ours are answered. */
export function checkHostAndOrigin(deps: HttpDeps) {
  return (request: Request, _response: Response, next: NextFunction): void => {
    const port = deps.port();
    const allowed = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `[::1]:${port}`,
      `${deps.host}:${port}`,
    ];
    const hosts = rawValues(request, "host");
    if (hosts.length !== 1) {
      throw new ChatError("invalid_request", "Exactly one Host header is needed.");
    }
    const host = hosts[0]?.toLowerCase() ?? "";
    if (!allowed.includes(host)) {
      throw new ChatError("forbidden", "This Host is not ours.");
    }
    // `GET http://other/…`: the authority stands in the request line.
    if (!request.url.startsWith("/")) {
      throw new ChatError("forbidden", "Only requests for a path are answered.");
    }
    const origins = rawValues(request, "origin");
    if (origins.some((origin) => !allowed.some((name) => origin === `http://${name}`))) {
      throw new ChatError("forbidden", "This Origin is not ours.");
    }
    next();
  };
}

function rawValues(request: Request, name: string): string[] {
  const { rawHeaders } = request;
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  );
}

const ONLOOKING = new Set(["/metrics", "/v1/transactions"]);

/**
 * Bearer token in the Authorization header and nowhere else. The metrics
 * token opens `/metrics` alone.
 */
export function checkToken(deps: HttpDeps) {
  const main = digest(deps.token);
  const metricsOnly = digest(deps.metricsToken);
  return (request: Request, _response: Response, next: NextFunction): void => {
    const values = rawValues(request, "authorization");
    const given = values.length === 1 ? /^Bearer ([^\s]+)$/i.exec(values[0] ?? "")?.[1] : undefined;
    const hashed = digest(given ?? "");
    const isMain = timingSafeEqual(hashed, main);
    const isMetrics = timingSafeEqual(hashed, metricsOnly);
    if (given === undefined || (!isMain && !isMetrics)) {
      throw new ChatError("unauthorized", "A valid token is needed.", {
        hint: "Authorization: Bearer <the content of the file `token` in the data directory>",
      });
    }
    if (!isMain && request.path !== "/metrics") {
      throw new ChatError("forbidden", "The metrics token opens /metrics only.");
    }
    // A scraper, a status bar or a metrics view that only looks on must not keep
    // an unused companion alive.
    if (!ONLOOKING.has(request.path)) deps.onActivity();
    next();
  };
}

/** Hashing first makes the comparison independent of the lengths, too. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
