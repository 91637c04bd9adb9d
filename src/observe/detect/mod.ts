/**
 * Intrusion detection: four detectors, and the list of those shut out.
 *
 * @module
 */

export type { Ban, BanList } from "./ban_list.ts";
export { createDetector, type Detector, type DetectorOptions } from "./detector.ts";
export type { DetectorStats } from "./detector_core.ts";
