/** What the parts of one link share. */
import { Connection, type ConnectionProfile } from './connection.ts';
import { ConfigError, type Log, type NodeIdentity } from './core.ts';
import { Hands } from './hands.ts';
import { laneKeys, type LaneKeys } from './keys.ts';
import type { ParsedOptions } from './options.ts';
import { Registration } from './registration.ts';
import { Tenures } from './tenures.ts';
import { BackendTime } from './time.ts';

/** A blocking read never waits longer, ms: its answer doubles as a sign of life of its connection. */
const LONGEST_BLOCK_MS = 5_000;
const SHORTEST_BLOCK_MS = 50;
/** Of the alerts' connection, at most, ms: a lost answer is found out soon, so that what was raised is raised again. */
const LONGEST_ALERT_MS = 2_000;
/** Kept free between the end of a read and the moment its paused node may be declared dead, ms. */
const BLOCK_MARGIN_MS = 50;
/** A blocking read that is this much overdue has lost its connection, ms. */
const READ_GRACE_MS = 2_000;

/** It becomes part of a hash tag: a brace in it would spread a lane over slots. */
const NAMESPACE = /^[a-zA-Z0-9._:-]{1,128}$/;

export class Ground {
  readonly options: ParsedOptions;
  readonly identity: NodeIdentity;
  readonly log: Log;
  readonly lanes: readonly LaneKeys[];
  readonly registration: Registration = new Registration();
  readonly hands: Hands = new Hands();
  readonly tenures: Tenures;
  readonly time: BackendTime = new BackendTime();
  readonly command: Connection;
  /** Nothing but alerts is written here. */
  readonly alerts: Connection;
  readonly connections: Connection[] = [];
  /** How long a read of mailboxes blocks: it ends before a paused node can be declared dead. */
  readonly blockMs: number;
  readonly inboxBlockMs: number = LONGEST_BLOCK_MS;

  constructor(options: ParsedOptions, identity: NodeIdentity) {
    if (!NAMESPACE.test(identity.namespace)) {
      throw new ConfigError(`namespace: must be 1 to 128 of the characters a-z A-Z 0-9 . _ : -`);
    }
    this.options = options;
    this.identity = identity;
    this.log = identity.log;
    this.lanes = Array.from({ length: options.lanes }, (_, lane) => laneKeys(identity.namespace, lane));
    this.tenures = new Tenures(this.lanes);
    const { ttlMs, intervalMs } = identity.beat;
    this.blockMs = Math.max(SHORTEST_BLOCK_MS, Math.min(LONGEST_BLOCK_MS, ttlMs - 2 * intervalMs - BLOCK_MARGIN_MS));
    this.command = this.connection({ purpose: 'command', socketTimeoutMs: options.commandTimeoutMs, cork: true });
    const socketTimeoutMs = Math.min(LONGEST_ALERT_MS, options.commandTimeoutMs);
    this.alerts = this.connection({ purpose: 'alerts', socketTimeoutMs, cork: false });
  }

  connection(profile: ConnectionProfile): Connection {
    const connection = new Connection(this.options.connection, this.options.address, profile, this.log);
    this.connections.push(connection);
    return connection;
  }

  readerConnection(purpose: string, blockMs: number): Connection {
    return this.connection({ purpose, socketTimeoutMs: blockMs + READ_GRACE_MS, cork: false });
  }

  lane(index: number): LaneKeys {
    const keys = this.lanes[index];
    if (keys === undefined) throw new RangeError(`no lane ${index}`);
    return keys;
  }
}
