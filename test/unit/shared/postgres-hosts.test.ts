import assert from "node:assert/strict";
import pg from "pg";
import { hostsOf, placeOf } from "../../../server/shared/postgres-hosts.ts";

/** What the driver takes each of them for: host, port, user, password, database. */
function read(url: string): string[] {
  return hostsOf(url).map((one) => {
    const { host, port, user, password, database } = new pg.Client({ connectionString: one });
    return [host, port, user, password, database].join(" ");
  });
}

describe("the hosts of a Postgres URL", () => {
  const forms: [url: string, ...hosts: string[]][] = [
    ["postgres://u:p%40w@a/db", "a 5432 u p@w db"],
    [
      "postgres://u:p@a:1,b:2,c/db?target_session_attrs=read-write",
      "a 1 u p db",
      "b 2 u p db",
      "c 5432 u p db",
    ],
    ["postgresql://u:p@[::1]:5433,[fe80::1]/db", "::1 5433 u p db", "fe80::1 5432 u p db"],
    ["postgres://u:p@%2Fvar%2Frun:5444,h/db", "/var/run 5444 u p db", "h 5432 u p db"],
    ["postgres://u:p@/db?host=a,/tmp&port=1,2", "a 1 u p db", "/tmp 2 u p db"],
    ["postgres://u:p@x:9/db?host=a,b&port=7&load_balance_hosts=random", "a 7 u p db", "b 7 u p db"],
    ["postgres://u:p@a,b/db?target_session_attrs=primary&port=5,6", "a 5 u p db", "b 6 u p db"],
  ];
  for (const [url, ...hosts] of forms) {
    it(`are those of ${url}`, () => assert.deepEqual(read(url), hosts));
  }

  it("keep what else the URL says", () => {
    const [, second] = hostsOf("postgres://u@a,b:2/db?sslmode=verify-full&application_name=x%20y");
    assert.equal(second, "postgres://u@b:2/db?sslmode=verify-full&application_name=x+y");
  });

  it("are told without who asks", () => {
    const urls = hostsOf("postgres://u:secret@a:1,[::1]:2,%2Ftmp:3,b/db");
    assert.deepEqual(urls.map(placeOf), ["a:1", "[::1]:2", "/tmp:3", "b"]);
  });

  for (const [url, why] of [
    ["postgres://a:1:2,b/db", /not a valid/],
    ["postgres://a,[::1/db", /not a valid/],
    ["postgres://a,b c/db", /not a valid/],
    ["postgres://a:0,b/db", /0 is not a port/],
    ["postgres://a,b/db?port=1,2,3", /3 ports for 2 hosts/],
    ["postgres://a,b/db?target_session_attrs=prefer-standby", /a companion writes/],
    ["postgres://a,b/db?target_session_attrs=best", /not known/],
  ] as const) {
    it(`are refused in ${url}`, () => assert.throws(() => hostsOf(url), why));
  }
});
