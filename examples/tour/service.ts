/** The program of a service process. */
import { startServing } from './serve.ts';

const node = await startServing(process.argv[2] ?? 'service');
process.once('disconnect', () => void node.close()); // it does not outlive the process that started it
process.send?.('ready');
