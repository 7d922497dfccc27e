/** Tells the program and the log what became of instances. */
import type { Emitter, InstanceEvent } from '../node/events.ts';
import type { Log } from '../ground/log.ts';
import { isRoutable } from './instance.ts';
import type { Health } from './service-view.ts';

export class Teller {
  readonly #events: Emitter;
  readonly #log: Log;

  constructor(events: Emitter, log: Log) {
    this.#events = events;
    this.#log = log;
  }

  registered(event: InstanceEvent, health: Health): void {
    this.#log.info({ evt: 'service_registered', ...event, status: health.status }, 'a node serves it');
    this.#events.emit('registered', event);
    // One that is fit or not yet ready goes without saying.
    if (!isRoutable(health.status) && health.status !== 'starting') this.health(event, 'unknown', health);
  }

  gone(event: InstanceEvent, how: 'deregistered' | 'expired'): void {
    this.#log.info({ evt: 'service_deregistered', ...event, how }, 'a node no longer serves it');
    this.#events.emit(how, event);
  }

  health(event: InstanceEvent, from: Health['status'] | 'unknown', { status: to, reason }: Health): void {
    const facts = { ...event, from, to, ...(reason === undefined ? undefined : { reason }) };
    // Its own node warns of it: two hundred others need not.
    if (to === 'unhealthy') this.#log.info({ evt: 'instance_marked_unhealthy', ...facts }, 'no work is sent there');
    else if (from === 'unhealthy' && isRoutable(to))
      this.#log.info({ evt: 'instance_recovered', ...facts }, 'it is back');
    this.#events.emit('health', { ...event, from, to, reason });
  }
}
