// A pool that gives each transaction whichever connection to Postgres has been free for longest, as
// PgBouncer does with pool_mode = transaction, and so shows at once what relies on one of its own.
import { createServer, type Socket } from "node:net";
import pg from "pg";

export interface TransactionPool {
  port: number;
  /** As PgBouncer since 1.21 it knows what each client has prepared; as an older one not. */
  keepsNames: boolean;
  /** What its clients sent to be read as a statement with a name, and how often they used one. */
  readonly named: { parsed: number; used: number };
  close(): Promise<void>;
}

interface Frame {
  type: string;
  body: Buffer;
}

/** What a client sent up to a Sync, or a simple query: it is answered as a whole. */
interface Unit {
  client: Client;
  frames: Frame[];
}

interface Client {
  socket: Socket;
  server: Server | undefined;
  /** Name and the rest of each Parse. */
  prepared: Map<string, Buffer>;
}

interface Server {
  socket: Socket;
  unit: Unit | undefined;
  prepared: Set<string>;
  /** ParseComplete for the one that asked, and not for the one that did not. */
  owes: boolean;
  swallows: boolean;
}

export async function startTransactionPool(url: string, size: number): Promise<TransactionPool> {
  const opened = await Promise.all(Array.from({ length: size }, () => openServer(url)));
  const free = opened.map(({ server }) => server);
  const waiting: Unit[] = [];
  const clients = new Set<Socket>();
  const named = { parsed: 0, used: 0 };

  function serve(): void {
    const index = waiting.findIndex(({ client }) => client.server ?? free.length > 0);
    if (index < 0) return;
    const [unit] = waiting.splice(index, 1);
    if (!unit) return;
    const server = unit.client.server ?? free.shift();
    if (!server) return;
    unit.client.server = server;
    server.unit = unit;
    for (const frame of pool.keepsNames ? kept(unit, server) : unit.frames) {
      server.socket.write(bytesOf(frame));
    }
    serve();
  }

  for (const { server } of opened) {
    server.socket.on(
      "data",
      framesIn((frame) => {
        const client = server.unit?.client;
        if (!client) return;
        if (server.owes) client.socket.write(bytesOf({ type: "1", body: Buffer.alloc(0) }));
        server.owes = false;
        if (frame.type === "1" && server.swallows) server.swallows = false;
        else client.socket.write(bytesOf(frame));
        if (frame.type !== "Z") return;
        server.unit = undefined;
        server.swallows = false;
        if (frame.body.toString() === "I") {
          client.server = undefined;
          free.push(server);
        }
        serve();
      }),
    );
  }

  const listener = createServer((socket) => {
    clients.add(socket);
    const client: Client = { socket, server: undefined, prepared: new Map() };
    let frames: Frame[] = [];
    const read = framesIn((frame) => {
      const name = nameIn(frame);
      if (name !== "" && frame.type === "P") named.parsed++;
      if (name !== "" && frame.type === "B") named.used++;
      frames.push(frame);
      if (frame.type !== "S" && frame.type !== "Q") return;
      waiting.push({ client, frames });
      frames = [];
      serve();
    });
    socket.on("error", () => {});
    socket.once("data", () => {
      // Its own number, as that of a process is nobody's for long.
      const key = Buffer.alloc(8, 7);
      socket.write(bytesOf({ type: "R", body: Buffer.alloc(4) }));
      socket.write(bytesOf({ type: "K", body: key }));
      socket.write(bytesOf({ type: "Z", body: Buffer.from("I") }));
      socket.on("data", read);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  const pool: TransactionPool = {
    port: address !== null && typeof address === "object" ? address.port : 0,
    keepsNames: false,
    named,
    async close() {
      for (const socket of clients) socket.destroy();
      for (const { client } of opened) await client.end();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return pool;
}

/** As it has to be sent for a server that knows each statement by the pool's own name. */
function kept({ client, frames }: Unit, server: Server): Frame[] {
  return frames.flatMap((frame) => {
    const name = nameIn(frame);
    if (name === "" || name === undefined) return [frame];
    const isParse = frame.type === "P";
    if (isParse) client.prepared.set(name, frame.body.subarray(name.length + 1));
    const text = client.prepared.get(name);
    if (!text) return [frame];
    const own = `pool_${name}`;
    const parse = { type: "P", body: Buffer.concat([Buffer.from(`${own}\0`), text]) };
    const isThere = server.prepared.has(own);
    server.prepared.add(own);
    if (isParse) {
      server.owes = isThere;
      return isThere ? [] : [parse];
    }
    server.swallows ||= !isThere;
    const rest = frame.body.subarray(frame.body.indexOf(0) + 1 + name.length);
    const bind = { type: "B", body: Buffer.concat([Buffer.from(`\0${own}`), rest]) };
    return isThere ? [bind] : [parse, bind];
  });
}

/** Of the statement that a Parse makes or a Bind uses. */
function nameIn({ type, body }: Frame): string | undefined {
  if (type !== "P" && type !== "B") return undefined;
  const start = type === "P" ? 0 : body.indexOf(0) + 1;
  return body.toString("utf8", start, body.indexOf(0, start));
}

function framesIn(onFrame: (frame: Frame) => void): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const end = 1 + rest.readInt32BE(1);
      onFrame({ type: rest.toString("latin1", 0, 1), body: rest.subarray(5, end) });
      rest = rest.subarray(end);
    }
  };
}

function bytesOf({ type, body }: Frame): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, "latin1");
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

/** The driver is let in; what follows goes past it. */
async function openServer(url: string): Promise<{ client: pg.Client; server: Server }> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  const { connection } = client as unknown as { connection: { stream: Socket } };
  const socket = connection.stream;
  socket.removeAllListeners("data");
  const server = { socket, unit: undefined, prepared: new Set<string>() };
  return { client, server: { ...server, owes: false, swallows: false } };
}
