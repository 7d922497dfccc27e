/** Reports as they come from the backend: what cannot be read is said in the log and left out. */
import type { Log } from '../ground/log.ts';
import { parseReport, type NodeReport } from '../ports/report.ts';

export function readReport(nodeId: string, given: unknown, log: Log): NodeReport | undefined {
  const report = parseReport(given);
  if (report === undefined) {
    log.warn({ evt: 'registry_entry_invalid', nodeId, what: 'report' }, 'left out: this is no report of a node');
    return undefined;
  }
  // It is an object, or it would be no report; what it serves was read one by one.
  const told = Object.keys((given as { readonly serves: object }).serves);
  const unread = told.filter((mailbox) => !Object.hasOwn(report.serves, mailbox));
  if (unread.length > 0) {
    const mailboxes = unread.slice(0, MAX_NAMED).map((mailbox) => mailbox.slice(0, MAX_NAME));
    log.warn({ evt: 'registry_entry_invalid', nodeId, what: 'served', mailboxes }, 'left out: what it says to serve');
  }
  return report;
}

/** Of what could not be read, in the log. */
const MAX_NAMED = 10;
const MAX_NAME = 128;
