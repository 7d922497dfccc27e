/**
 * The process in which decisions are measured: no peer, no caller and no service beside it but Redis.
 *
 * argv: where and how, as JSON. Tells its parent the figures, or what went wrong.
 */
import { breakerDecisions } from './breaker.js';
import { openHouse } from './house.js';
import { layerDecisions } from './layers.js';
import { measure } from './measure.js';
import { registryDecisions } from './registry.js';
import { selectDecisions } from './select.js';

const { redisUrl, prefix, rounds, ms } = JSON.parse(process.argv[2]);

process.on('disconnect', () => process.exit(0));
try {
  const house = await openHouse({ redisUrl, prefix });
  const decisions = [
    ...breakerDecisions(house),
    ...registryDecisions(house),
    ...layerDecisions(),
    ...selectDecisions(),
  ];
  const figures = await measure(decisions, { rounds, ms });
  await house.close();
  process.send?.({ figures }, () => process.disconnect());
} catch (error) {
  process.send?.({ error: error instanceof Error ? error.stack : String(error) }, () => process.exit(1));
}
