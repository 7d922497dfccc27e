import test from 'ava';
import { pino } from 'pino';
import type { Alert } from '../../src/alerts/alert.ts';
import { alertOf } from '../../src/alerts/delivery/alert-of.ts';
import { logSink, type LogSinkOptions } from '../../src/alerts/sinks/log.ts';
import type { AlertContext } from '../../src/alerts/subscriber.ts';
import { ConfigError } from '../../src/ground/errors.ts';
import { begun } from './judging.ts';

type Line = Readonly<Record<string, unknown>>;

function written(alert: Alert, options: LogSinkOptions = {}, digest?: AlertContext['digest']): readonly Line[] {
  const lines: Line[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  const notice = { n: 1, at: 0, to: ['s3'], why: 'raised' } as const;
  logSink(options).handle(alert, { log, notice, digest } as unknown as AlertContext);
  return lines;
}

const LEVELS = { fatal: 60, error: 50, warn: 40, info: 30, trace: 10 };

test('each notice is one line at the level of its severity', (t) => {
  const [line] = written(alertOf(begun('critical')));
  t.like(line, {
    evt: 'alert',
    level: LEVELS.fatal,
    id: 'a1',
    severity: 'critical',
    kind: 'disk-full',
    service: 'store',
    nodeId: 'n1',
    state: 'open',
    reached: 's5',
    why: 'raised',
    notice: 1,
    msg: 'no room left',
  });
  const levelOf = (...given: Parameters<typeof written>): unknown => written(...given)[0]?.['level'];
  t.is(levelOf(alertOf(begun('high'))), LEVELS.error);
  t.is(levelOf(alertOf(begun('medium'))), LEVELS.warn);
  t.is(levelOf(alertOf(begun('high', { type: 'pleasure' }))), LEVELS.info);
  t.is(levelOf(alertOf(begun('high')), { levels: { high: 'trace' } }), LEVELS.trace);
});

test('a digest is written whole, and a log of its own takes the place of the node’s', (t) => {
  const digest = { from: 1, to: 2, total: 7, groups: [] };
  t.like(written(alertOf(begun('high')), {}, digest)[0], { digest });
  const own: Line[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void own.push(JSON.parse(line) as Line) });
  t.deepEqual(written(alertOf(begun('high')), { log }), []);
  t.is(own.length, 1);
});

test('it is no human, has a name, and refuses wrong options by their path', (t) => {
  t.like(logSink(), { name: 'log', human: false });
  t.is(logSink({ name: 'audit' }).name, 'audit');
  t.throws(() => logSink({ levels: { high: 'loud' as never } }), {
    instanceOf: ConfigError,
    message: /^logSink\.levels\.high: /,
  });
});
