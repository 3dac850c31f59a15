import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  port: number;
  /**
   * Called with every piece the client sends; return "cut" to drop the connection instead of
   * passing it on, "pass then cut" to do so after the server has answered it, "drop" to let it
   * vanish as in a dead network, "give up" to pass it on and drop the client at once, so that the
   * server carries out what nobody waits for any more.
   */
  onClientData: (data: Buffer) => "pass" | "cut" | "pass then cut" | "drop" | "give up";
  /** Drops all connections there are. */
  cutAll(): void;
  close(): Promise<void>;
}

/** Whether a piece carries a statement of these words, or the name that it was given in one. */
export function carries(words: string): (data: Buffer) => boolean {
  const names = new Set<string>();
  return (data) => {
    const text = data.toString("latin1");
    if (!text.includes(words)) return [...names].some((name) => text.includes(name));
    for (const [name] of text.matchAll(/sk_[0-9a-f]{32}/g)) names.add(name);
    return true;
  };
}

/** A loopback relay that can break a connection at a chosen message. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, "127.0.0.1");
    let cutAtAnswer = false;
    let isGivenUp = false;
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", cut);
      socket.on("close", () => {
        sockets.delete(socket);
        if (!isGivenUp) cut();
      });
    }
    client.on("data", (data) => {
      const verdict = proxy.onClientData(data);
      if (verdict === "cut") return cut();
      if (verdict === "drop") return;
      if (verdict === "pass then cut") cutAtAnswer = true;
      upstream.write(data);
      if (verdict !== "give up") return;
      isGivenUp = true;
      client.destroy();
    });
    upstream.on("data", (data) => {
      if (cutAtAnswer || isGivenUp) cut();
      else client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const proxy: TcpProxy = {
    port: address !== null && typeof address === "object" ? address.port : 0,
    onClientData: () => "pass",
    cutAll() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      proxy.cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
