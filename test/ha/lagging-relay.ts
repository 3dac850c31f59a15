// A network between two servers on which everything that one of them sends is under way for a
// while; what is under way is lost when it dies.
import { connect, createServer, type Socket } from "node:net";

export interface LaggingRelay {
  port: number;
  /** Ends all connections; what is under way never comes. */
  cut(): void;
  close(): void;
}

export async function startLaggingRelay(target: number, lagMs: number): Promise<LaggingRelay> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    client.on("close", () => {
      sockets.delete(client);
      upstream.destroy();
    });
    upstream.on("close", () => {
      sockets.delete(upstream);
      setTimeout(() => client.end(), lagMs);
    });
    client.pipe(upstream);
    upstream.on(
      "data",
      (data) => void setTimeout(() => client.destroyed || client.write(data), lagMs),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
