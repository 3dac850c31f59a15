// Each error of a driver has one meaning, and whoever meets it is told so.
import assert from "node:assert/strict";
import {
  isConflict,
  isConnectionLost,
  kindOf,
  mayReadAgain,
  NoConnection,
  toStorageError,
  wasNeverSent,
} from "../../../server/db/engine/storage-errors.ts";
import { ChatError } from "../../../server/errors.ts";
import { ERROR_STATUS } from "../../../server/protocol/errors.ts";

const coded = (code: string) => Object.assign(new Error("words of the driver"), { code });
const told = (thrown: unknown, doing?: "reading") => {
  const error = toStorageError(thrown, doing);
  assert.ok(error instanceof ChatError, String(thrown));
  return error;
};

describe("what a driver throws", () => {
  const KINDS = {
    conflict: ["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "40001", "40P01", "55P03", "57014"],
    unsent: ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "57P03", "53300"],
    lost: ["08006", "08P01", "57P01", "57P02", "57P05", "25P03", "ECONNRESET", "EPIPE"],
    not_writable: ["SQLITE_READONLY", "SQLITE_READONLY_DBMOVED", "EROFS"],
    refused: ["28P01", "28000", "3D000", "42501", "42P01", "53200", "58000", "XX000"],
    full: ["SQLITE_FULL", "53100", "ENOSPC"],
    damaged: ["SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001"],
    io: ["SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_CANTOPEN", "58030"],
  };

  for (const [kind, codes] of Object.entries(KINDS)) {
    it(`is ${kind}, and told in words: ${codes.join(", ")}`, () => {
      for (const code of codes) {
        assert.equal(kindOf(coded(code)), kind, code);
        assert.ok(told(coded(code)).hint);
        const whileReading = told(coded(code), "reading");
        // What is damaged or in the way of writing is no passing trouble of a read.
        const passes = !["damaged", "full", "not_writable"].includes(kind);
        if (passes) assert.equal(ERROR_STATUS[whileReading.code], 503, code);
      }
    });
  }

  it("is known by its words where it has no code", () => {
    for (const [words, kind] of [
      ["Connection terminated unexpectedly", "lost"],
      ["Query read timeout", "lost"],
      ["timeout expired", "lost"],
      ["Client has encountered a connection error and is not queryable", "unsent"],
      ["timeout exceeded when trying to connect", "unsent"],
      ["The server does not support SSL connections", "refused"],
    ] as const) {
      assert.equal(kindOf(new Error(words)), kind, words);
      assert.equal(told(new Error(words)).code, "database_unavailable");
    }
  });

  it("before there was a connection has stored nothing, whatever it is", () => {
    for (const cause of [coded("ECONNRESET"), new Error("timeout expired"), coded("57P01")]) {
      assert.ok(isConnectionLost(new NoConnection(cause)));
      assert.ok(wasNeverSent(new NoConnection(cause)));
      assert.ok(!wasNeverSent(cause));
    }
    const odd = new NoConnection(new Error("self-signed certificate"));
    assert.ok(wasNeverSent(odd));
    assert.equal(told(odd).code, "database_unavailable");
    assert.match(told(new NoConnection(coded("28P01"))).message, /refuses/);
    assert.ok(!isConnectionLost(new NoConnection(coded("28P01"))));
  });

  it("is worth another read if it may be over in a moment", () => {
    for (const code of ["SQLITE_BUSY", "ECONNRESET", "57P03", "SQLITE_IOERR_READ"]) {
      assert.ok(mayReadAgain(coded(code)), code);
    }
    for (const code of ["28P01", "SQLITE_CORRUPT", "42601", ""]) {
      assert.ok(!mayReadAgain(coded(code)), code);
    }
  });

  it("that is a mistake of ours stays what it is", () => {
    for (const code of ["42601", "22P02", "23505", "SQLITE_ERROR", "SQLITE_CONSTRAINT_UNIQUE"]) {
      const thrown = coded(code);
      assert.equal(toStorageError(thrown), thrown);
      assert.ok(!isConflict(thrown));
    }
  });
});
