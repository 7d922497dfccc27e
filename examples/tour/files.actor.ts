import { actor } from 'homeostat';
import { files } from './contracts.ts';
import { examine } from './examine.ts';

// A module of its own, because every worker thread loads it.
export default actor(files, { examine: ({ bytes }) => ({ ...examine(bytes), by: process.pid }) });
