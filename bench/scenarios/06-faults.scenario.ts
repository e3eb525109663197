import { type Inputs, type ProgramScenario, programVariant } from '../src/scenario.ts'

const kinds = ['fixed', 'google', 'google-refined', 'adaptive']
const trace = (name: string): Inputs => ({ trace: name })

/**
 * Question: what do breakers make of five outages: how soon do they open, how much do they spare, and what do they
 * refuse that would have been served?
 *
 * Claims: 4.4a (three designs), 4.4c (fixed 60 s against back-off with a check of success).
 *
 * Method: traces of a dependency's health, replayed on a clock that stands still between two milliseconds.
 */
export const faults: ProgramScenario = {
  name: '06-faults',
  question:
    'What do circuit breakers make of five outages: how soon do they open and close, how many calls without a ' +
    'chance do they spare, and how many do they refuse that would have been served?',
  claims: ['4.4a', '4.4c'],
  method:
    'A client makes 200 calls a second at random instants (Poisson) to a dependency that is healthy for a minute ' +
    'and then faulty: `step` is down for a minute, `flap` six times for five seconds with five seconds between, ' +
    '`slow` answers after three seconds for a minute, of `partial` three in ten calls fail for a minute, ' +
    '`recovery` is down for half a minute and then fails less and less for a minute. A call would be served where ' +
    'its answer is good and comes within a second; whoever called waits for it all the same, so that only a ' +
    'breaker that looks at durations knows. All breakers are as their defaults are (cockatiel, which has none, as ' +
    'the first example of its documentation), meet the same calls with the same luck, and run on a clock of the ' +
    'replay: ours take one, for the libraries Date and the timers of the process are those of node:test. Wrongly ' +
    'open is the number of calls that were refused though they would have been served, as time at 200 a second; ' +
    'open is a half second in which at least half of the calls are refused, and no time to open is one that never ' +
    'came. Saved is the share of calls without a chance that were refused. Each figure is the mean of three ' +
    'replays with other calls; a round only repeats it.',
  program: {
    settings: { replays: 3 },
    warmupS: 0,
    durationS: 1,
    gives: {
      wronglyOpenMs: 'figures.wronglyOpenMs',
      timeToOpenMs: 'figures.timeToOpenMs',
      timeToRecoverMs: 'figures.timeToRecoverMs',
      savedRatio: 'figures.savedRatio',
    },
  },
  sweep: ['step', 'flap', 'slow', 'partial', 'recovery'].map((name) => ({ inputs: trace(name) })),
  variants: kinds.map((kind) => programVariant(kind, 'faults', ['--kind', kind])),
  peers: ['cockatiel', 'opossum'],
  decidedBy: 'savedRatio',
  expectations: [
    {
      claim: '4.4a',
      says: 'step: client throttling opens sooner than a fixed threshold over a minute',
      measure: 'timeToOpenMs',
      variant: 'google',
      at: trace('step'),
      versus: 'fixed',
      direction: 'lower',
    },
    {
      claim: '4.4c',
      says: 'step: with back-off the circuit closes sooner than after a fixed minute',
      measure: 'timeToRecoverMs',
      variant: 'adaptive',
      at: trace('step'),
      versus: 'fixed',
      direction: 'lower',
    },
    {
      claim: '4.4c',
      says: 'step: … and refuses less that would have been served',
      measure: 'wronglyOpenMs',
      variant: 'adaptive',
      at: trace('step'),
      versus: 'fixed',
      direction: 'lower',
    },
    {
      claim: '4.4a',
      says: 'slow: the P95 spares at least half of the calls that come too late for anybody',
      measure: 'savedRatio',
      variant: 'adaptive',
      at: trace('slow'),
      atLeast: 0.5,
    },
    {
      claim: '4.4c',
      says: 'partial: where seven of ten calls are served, adaptive refuses less than a second’s worth of them',
      measure: 'wronglyOpenMs',
      variant: 'adaptive',
      at: trace('partial'),
      atMost: 1000,
    },
  ],
}
