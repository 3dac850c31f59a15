export interface Result {
  engine: string;
  what: string;
  /** What was measured, with its unit, and the baseline beside it. */
  measured: string;
  baseline: string;
  goal: string;
  met: boolean;
}
