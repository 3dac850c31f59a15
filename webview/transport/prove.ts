// The port may have gone to another program since this page was loaded. Before it gets the token it
// has to show that it knows the token already.

/** Whether the server at our own address answers a fresh nonce with its HMAC under `token`. */
export async function isProven(token: string, signal: AbortSignal): Promise<boolean> {
  const nonce = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const response = await fetch(`/v1/hello?nonce=${nonce}`, { signal, cache: "no-store" });
  if (!response.ok) return false;
  const hello: unknown = await response.json();
  const hmac = typeof hello === "object" && hello !== null && "hmac" in hello ? hello.hmac : "";
  if (typeof hmac !== "string" || !/^[0-9a-f]{64}$/.test(hmac)) return false;
  const text = new TextEncoder();
  const key = await crypto.subtle.importKey(
    "raw",
    text.encode(token),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  return await crypto.subtle.verify("HMAC", key, fromHex(hmac), text.encode(nonce));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
