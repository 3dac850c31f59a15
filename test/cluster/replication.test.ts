// The cluster of these tests is what it says it is: without that the others would prove nothing.
import assert from "node:assert/strict";
import { type Cluster, startCluster } from "../support/postgres-cluster.ts";

describe("two servers with streaming replication", function () {
  this.timeout(60_000);
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  it("replicate, fail over, and take the old primary back as a standby", async () => {
    const database = await cluster.createDatabase();
    const words = async () =>
      await cluster.standby.query<{ word: string }>("select word from words", database);
    await cluster.primary.query("create table words (word text)", database);
    await cluster.setSynchronous(true);
    await cluster.primary.query("insert into words values ('first')", database);
    await cluster.caughtUp();
    assert.deepEqual(await words(), [{ word: "first" }]);
    await assert.rejects(cluster.standby.query("delete from words", database), { code: "25006" });

    const old = cluster.primary;
    await old.stop("immediate");
    await cluster.failOver();
    assert.notEqual(cluster.primary, old);
    await cluster.primary.query("insert into words values ('second')", database);
    await cluster.rejoin();
    await cluster.caughtUp();
    assert.deepEqual(await words(), [{ word: "first" }, { word: "second" }]);
    await assert.rejects(old.query("delete from words", database), { code: "25006" });
  });

  it("let a synchronous commit wait for a standby that is away", async () => {
    const database = await cluster.createDatabase();
    await cluster.primary.query("create table words (word text)", database);
    await cluster.setSynchronous(true);
    await cluster.standby.stop("immediate");
    let stored = false;
    const insert = cluster.primary
      .query("insert into words values ('waits')", database)
      .then(() => {
        stored = true;
      });
    await cluster.primary.query("select pg_sleep(0.3)");
    assert.equal(stored, false);
    await cluster.standby.start();
    await insert;
    await cluster.setSynchronous(false);
  });
});
