import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { breakerCalls, breakerKinds, breakerWork } from '../programs/breaker-work.ts'
import { faultArm, faultKinds } from '../programs/fault-arms.ts'
import { replay } from '../programs/fault-replay.ts'
import { faultFigures, faultSpan, type OfferedCall } from '../programs/fault-report.ts'
import { type FaultTrace, faultTraces } from '../programs/fault-traces.ts'
import { faults } from '../scenarios/06-faults.scenario.ts'
import { pointsOf } from '../src/sweep.ts'

describe.each(breakerCalls)('06-breaker, %s', (call) => {
  test('every kind lets the same calls through', async () => {
    for (const kind of breakerKinds) {
      const work = breakerWork(kind, call)
      await work.run(100)
      await work.run(33)
      expect([kind, work.checksum]).toEqual([kind, 133])
    }
  })
})

/** Small enough for a test: half a minute. */
const short: FaultTrace = {
  says: 'down for ten seconds',
  rateQps: 100,
  phases: [
    { durationS: 10, errorRatio: 0, latencyMs: 10 },
    { durationS: 10, errorRatio: 1, latencyMs: 10, fault: true },
    { durationS: 10, errorRatio: [1, 0], latencyMs: 10 },
  ],
}

describe('a replay', () => {
  test('offers the same calls with the same luck to every breaker', async () => {
    const offered: OfferedCall[][] = []
    for (const kind of faultKinds) {
      using arm = faultArm(kind, 1)
      offered.push(await replay(short, arm, 7))
    }
    const [first, ...others] = offered.map((calls) => calls.map(({ atMs, wouldServe }) => [atMs, wouldServe]))
    for (const other of others) expect(other).toEqual(first)
    expect(first!.length).toBeGreaterThan(2700)
    expect(first!.length).toBeLessThan(3300)
    const failed = offered[0]!.filter(({ wouldServe }) => !wouldServe)
    expect(failed.every(({ atMs }) => atMs >= 10_000)).toBe(true)
  })

  test.each(['google', 'cockatiel', 'opossum'])('of an outage makes %s refuse', async (kind) => {
    using arm = faultArm(kind, 1)
    const calls = await replay(short, arm, 7)
    const refused = (fromMs: number, toMs: number): number =>
      calls.filter(({ atMs, refused: wasRefused }) => wasRefused && atMs >= fromMs && atMs < toMs).length
    expect(refused(0, 10_000)).toBe(0)
    expect(refused(10_000, 25_000)).toBeGreaterThan(200)
  })

  test('gives the real clock back to the process', () => {
    const before = Date.now()
    faultArm('opossum', 1)[Symbol.dispose]()
    expect(Date.now()).toBeGreaterThanOrEqual(before)
  })
})

describe('the figures', () => {
  const trace: FaultTrace = { ...short, rateQps: 10 }
  const calls = (isRefused: (atMs: number) => boolean): OfferedCall[] =>
    Array.from({ length: 300 }, (_, at) => ({
      atMs: at * 100,
      wouldServe: at < 100 || at >= 200,
      refused: isRefused(at * 100),
    }))

  test('are nothing where nothing was refused', () => {
    expect(
      faultFigures(
        trace,
        calls(() => false),
      ),
    ).toEqual({ wronglyOpenMs: 0, timeToRecoverMs: 0, savedRatio: 0 })
  })

  test('say when it opened, when it closed, what was spared and what was refused in vain', () => {
    expect(
      faultFigures(
        trace,
        calls((atMs) => atMs >= 12_000 && atMs < 23_000),
      ),
    ).toEqual({
      timeToOpenMs: 2000,
      timeToRecoverMs: 3000,
      savedRatio: 0.8,
      wronglyOpenMs: 3000,
    })
  })

  test('do not take what was refused before the fault for an answer to it', () => {
    const figures = faultFigures(
      trace,
      calls((atMs) => atMs < 1000),
    )
    expect(figures).toEqual({ wronglyOpenMs: 1000, timeToRecoverMs: 0, savedRatio: 0 })
  })

  test('do not take a few refusals for an open circuit', () => {
    const figures = faultFigures(
      trace,
      calls((atMs) => atMs >= 10_000 && atMs < 20_000 && atMs % 500 === 0),
    )
    expect(figures).toEqual({ wronglyOpenMs: 0, timeToRecoverMs: 0, savedRatio: 0.2 })
  })
})

test('the scenario plays every trace, and each has a fault between two times of health', () => {
  expect(pointsOf(faults).map(({ inputs }) => inputs['trace'])).toEqual(Object.keys(faultTraces))
  for (const trace of Object.values(faultTraces)) {
    const { startMs, endMs } = faultSpan(trace)
    expect(startMs).toBe(60_000)
    expect(endMs).toBeGreaterThan(startMs)
    expect(trace.phases.at(-1)!.fault).toBeUndefined()
  }
})

test('the libraries are there', () => {
  for (const name of ['cockatiel', 'opossum']) expect(createRequire(import.meta.url).resolve(name)).not.toBe('')
})
