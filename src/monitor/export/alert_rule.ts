/**
 * What a rule of Prometheus is made of, as data: for the rule file, for the runbooks and for their tests.
 *
 * @module
 */

/** One rule that records an expression under a name. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** One alert and its runbook. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly severity: "critical" | "warning" | "info";
  readonly summary: string;
  readonly description: string;
  /** Speaks of the whole job: it has no label `instance`. */
  readonly isAboutFleet?: true;
  /** What it says about the node, for the runbook. */
  readonly meaning: string;
  /** What to do, for the runbook. */
  readonly action: string;
}

/** Sums up to the node: the specification's families are split by label. */
export function perNode(expression: string): string {
  return `sum by (job, instance) (${expression})`;
}
