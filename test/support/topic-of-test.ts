/** The topic that the process tests publish to. */
import { topic } from 'homeostat';
import { z } from 'zod';

export const topicOfTest = topic('orders.created', z.object({ id: z.string() }));
