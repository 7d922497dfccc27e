import { Role } from './role.js';

/** A subject with its service and its caller, each in a process of its own, kept over the rounds. */
export class Session {
  /** Messages or calls per second as last seen, by work: sizes the next run. @type {Map<string, number>} */
  rates = new Map();

  /**
   * @param {Role} service
   * @param {Role} caller
   */
  constructor(service, caller) {
    this.service = service;
    this.caller = caller;
  }

  /**
   * @param {string} execPath
   * @param {string} subject
   * @param {import('./subject.js').Env} env
   */
  static async start(execPath, subject, env) {
    const service = new Role(execPath, subject, 'service', env);
    try {
      await service.ready;
      const caller = new Role(execPath, subject, 'caller', env);
      const session = new Session(service, caller);
      await caller.ready.catch(async (error) => {
        await session.kill();
        throw error;
      });
      return session;
    } catch (error) {
      await service.kill();
      throw error;
    }
  }

  /** CPU time of both processes so far, in microseconds. */
  async cpuMicros() {
    const [service, caller] = await Promise.all([this.service.ask('cpuMicros'), this.caller.ask('cpuMicros')]);
    return service + caller;
  }

  async close() {
    await this.caller.close();
    await this.service.close();
  }

  async kill() {
    await Promise.all([this.caller.kill(), this.service.kill()]);
  }
}
