/**
 * The audit trail: recording, and proving what was recorded.
 *
 * @module
 */

export { type Audit, type AuditOptions, type AuditSigner, type AuditStats, createAudit } from "./audit.ts";
export { lastLines } from "./read.ts";
export type { AuditRecord, ChainHead } from "./record.ts";
export { type AuditProblem, type AuditReport, verifyAudit, type VerifyOptions } from "./verify.ts";
