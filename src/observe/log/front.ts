/**
 * Which logging library carries the entries. Another one is taken by changing the one line that names it;
 * docs/logging.md has the front for `@std/log`.
 *
 * @module
 */

export { openLogtapeFront as openFront } from "./front_logtape.ts";
