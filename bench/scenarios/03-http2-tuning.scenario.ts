import type { Measure } from '../src/measures.ts'
import { type Expectation, type Phase, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '03-http2-grpc'

/** The window that HTTP/2 begins with. */
const ownWindowBytes = 65_535
const echoBytes = 262_144

const gives: Phase['gives'] = {
  cpuUsPerRequest: 'serverCpuUsPerRequest',
  generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
  achievedQps: 'achievedQps',
  latencyMsP50: 'latencyMsP50',
  latencyMsP99: 'latencyMsP99',
  residentBytes: 'residentBytes',
}

/** Small answers: streams under way on each of so many sessions. */
function small(sessions: number, streams: number) {
  const inputs = { answer: 'status', sessions, streams, windowBytes: ownWindowBytes }
  return { inputs, phases: [phaseOf(inputs)] }
}

/** Large answers: each side lets the other send so much ahead, on each stream and on the session. */
function windowed(windowBytes: number) {
  const inputs = { answer: `echo of ${echoBytes / 1024} KiB`, sessions: 1, streams: 8, windowBytes }
  const phases = [{ ...phaseOf(inputs), echoBytes }]
  return { inputs, phases, args: ['--window-bytes', String(windowBytes)] }
}

function phaseOf({
  sessions,
  streams,
  windowBytes,
}: {
  sessions: number
  streams: number
  windowBytes: number
}): Phase {
  const load = { connections: sessions, pipeline: streams, windowBytes }
  return { name: 'closed', ...load, warmupS: 1, durationS: 4, gives }
}

/** 64 requests under way, on so many sessions; then one session with fewer, and with the most that a client may have. */
const equal = [small(1, 64), small(2, 32), small(8, 8), small(64, 1)] as const
const single = [small(1, 1), small(1, 10), small(1, 100)] as const
/** The protocol's own window, one as large as the body, and one that holds four of them. */
const windows = [windowed(ownWindowBytes), windowed(echoBytes), windowed(4 * echoBytes)] as const

type Inputs = NonNullable<Expectation['at']>

function than(
  measure: Measure,
  direction: 'lower' | 'higher',
  at: Inputs,
  versusAt: Inputs,
  says: string,
): Expectation {
  return { claim: '2.3a', says, measure, variant: 'http2', at, versus: 'http2', versusAt, direction }
}

/**
 * Question: what do the settings of HTTP/2 buy: streams on one session, more sessions, wider windows?
 *
 * Claims: 1.4 (one connection for many requests), 2.3a (what is tuned in HTTP/2 instead of copies).
 *
 * Method: one server on one loop, so that sessions are sessions per core. Few settings change at a time: the table of a small
 * answer holds the number of requests under way while sessions take the place of streams, or one session while streams are added; that of
 * a large echo holds both while windows widen on both sides.
 */
export const http2Tuning: ServerScenario = {
  name: '03-http2-tuning',
  question: 'What do the settings of HTTP/2 buy: more streams on one session, more sessions, wider windows?',
  claims: ['1.4', '2.3a'],
  method:
    'HTTP/2 in cleartext on loopback, closed loop from one thread, against one event loop: sessions are sessions per core. GET / ' +
    'with 64 requests under way on 1, 2, 8 and 64 sessions, and on one session with 1, 10 and 100. Then echoes of 256 KiB, 8 ' +
    'under way on one session, where server and generator give each other the window that is named, on each stream and on ' +
    'the session. CPU per request of the whole process tree, from the operating system; a fresh process per input and round.',
  answer: statusAnswer,
  phases: [],
  sweep: [...equal, ...single, ...windows],
  variants: [stageVariant(stage, 'http2', [], { protocol: 'h2' })],
  peers: [],
  decidedBy: 'cpuUsPerRequest',
  expectations: [
    than(
      'cpuUsPerRequest',
      'lower',
      equal[0].inputs,
      equal[3].inputs,
      'one session with 64 streams costs less CPU per request than 64 sessions with one',
    ),
    than(
      'cpuUsPerRequest',
      'lower',
      single[2].inputs,
      single[0].inputs,
      'a session costs less CPU per request with 100 streams than with one',
    ),
    than(
      'cpuUsPerRequest',
      'lower',
      windows[2].inputs,
      windows[0].inputs,
      'windows of 1 MiB cost less CPU per echo of 256 KiB than those of 64 KiB',
    ),
    than(
      'achievedQps',
      'higher',
      windows[2].inputs,
      windows[0].inputs,
      'windows of 1 MiB carry more echoes of 256 KiB than those of 64 KiB',
    ),
  ],
}
