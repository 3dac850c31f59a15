/**
 * `--full`: long loops, in `npm run test:faults`; without it each round is made
 * often enough to see it fail.
 */
export const FULL = process.env["TEST_LENGTH"] === "full";
