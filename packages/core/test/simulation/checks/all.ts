import type { Happening } from '../history.ts';
import { answers } from './answers.ts';
import { appliedOnce } from './applied-once.ts';
import { atLeastOnce } from './at-least-once.ts';
import { fence } from './fence.ts';
import { keyOrder } from './key-order.ts';
import { names } from './names.ts';
import { onceOnly } from './once-only.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { onwards } from './onwards.ts';
import { oneEnding } from './one-ending.ts';
import { oneOwner } from './one-owner.ts';
import { outcomes } from './outcomes.ts';
import { runs } from './runs.ts';
import { settledAfterAnswer } from './settled-after-answer.ts';
import { Story } from './story.ts';

const CHECKS: Readonly<Record<string, (story: Story) => string[]>> = {
  'at least once': atLeastOnce,
  answers,
  outcomes,
  runs,
  fence,
  'one ending': oneEnding,
  'one owner': oneOwner,
  names,
  'settled after the answer': settledAfterAnswer,
  'order per key': keyOrder,
  'one at a time per key': oneAtATime,
  'once only': onceOnly,
  'applied once': appliedOnce,
  onwards,
  'no trouble': (story) => story.all('trouble').map(({ what }) => what),
};

/** What is wrong with a history, each fault with the name of the check that found it. */
export function check(history: readonly Happening[]): string[] {
  const story = new Story(history);
  return Object.entries(CHECKS).flatMap(([name, find]) => find(story).map((fault) => `${name}: ${fault}`));
}
