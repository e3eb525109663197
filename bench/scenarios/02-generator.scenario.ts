import { type Inputs, type ProgramScenario, programVariant, stageVariant, statusAnswer } from '../src/scenario.ts'

const depths = [1, 16]

/**
 * Question: what does a request cost the generator that loads the servers of this project, beside one in C?
 *
 * Claims: 2.1a (an event engine over epoll: it carries both sides of a connection).
 *
 * Method: what a generator uses is not left for the server that shares its cores; it must not be more than the known one uses.
 */
export const generator: ProgramScenario = {
  name: '02-generator',
  question: 'What does a request cost the load generator, over the engine and over node:net, beside wrk?',
  claims: ['2.1a'],
  method:
    'A closed loop of GET / over 64 connections of HTTP/1.1 on loopback from one thread, one request at a time on each and ' +
    'then 16 pipelined, to a fresh server in C. Ours reads the clock for every read and checks status and length of every ' +
    "answer; wrk checks the status. CPU of the generator's process tree, from the operating system, over the measured time.",
  program: {
    settings: { connections: 64 },
    target: { peer: 'c-epoll', otherwise: stageVariant('02-event-loop', 'io_uring'), answer: statusAnswer },
    warmupS: 2,
    durationS: 5,
    gives: { clientCpuUsPerRequest: 'cpuUsPerRequest', achievedQps: 'achievedQps' },
  },
  sweep: depths.map((pipeline) => ({ inputs: { pipeline } })),
  variants: [
    programVariant('netpoll', 'generator', ['--transport', 'netpoll']),
    programVariant('node-net', 'generator', ['--transport', 'net']),
  ],
  peers: ['wrk'],
  decidedBy: 'clientCpuUsPerRequest',
  expectations: depths.map((pipeline) => {
    const at: Inputs = { pipeline }
    const says = pipeline === 1 ? 'a request' : `a request of ${pipeline} pipelined ones`
    return {
      claim: '2.1a',
      says: `${says} costs our generator at most what it costs wrk`,
      measure: 'clientCpuUsPerRequest',
      variant: 'netpoll',
      at,
      versus: 'wrk',
      ratioAtMost: 1,
    }
  }),
}
