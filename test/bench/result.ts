export interface Result {
  what: string;
  /** What was measured, with its unit, and the baseline beside it. */
  measured: string;
  baseline: string;
  goal: string;
  met: boolean;
}
