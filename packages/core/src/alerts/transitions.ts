/**
 * The state machine of an alert: pure functions from what is stored and what happened to what is stored next. Whoever
 * calls them carries the change out by compare and set, and judges again when somebody else was faster.
 */
export { ack, type AckFacts } from './transitions/ack.ts';
export { clear, resolve, type ResolveFacts } from './transitions/end.ts';
export { escalate, fire, fireWantsAdmission, release } from './transitions/fire.ts';
export { alreadyTold, wantsAdmission } from './transitions/occasion.ts';
export { raise } from './transitions/raise.ts';
export { unrouted } from './transitions/record.ts';
