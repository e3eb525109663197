import { ManualClock } from '@qps/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DueJobs } from '../../src/pool/due-jobs.ts'
import { Job } from '../../src/pool/job.ts'

const jobOf = (name: number): Job => new Job({ onAbort() {} }, String(name), undefined, 0, undefined)

test('jobs fall due in the order of their instants, whatever was set, moved and removed before', () => {
  const step = fc.record({
    job: fc.nat(9),
    delayMs: fc.oneof(fc.nat(50), fc.constant(Infinity)),
    advanceMs: fc.nat(20),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new ManualClock()
      const jobs = Array.from({ length: 10 }, (_, index) => jobOf(index))
      /** The model: who is due when. */
      const dueMs = new Map<Job, number>()
      const due = new DueJobs(clock, (job, nowMs) => {
        expect(dueMs.get(job)).toBeLessThanOrEqual(nowMs)
        expect(Math.min(...dueMs.values())).toBe(dueMs.get(job))
        dueMs.delete(job)
      })
      for (const { job, delayMs, advanceMs } of steps) {
        const instantMs = clock.nowMs() + delayMs
        due.set(jobs[job]!, instantMs)
        if (delayMs === Infinity) dueMs.delete(jobs[job]!)
        else dueMs.set(jobs[job]!, instantMs)
        clock.advance(advanceMs)
        expect([...dueMs.values()].filter((eachMs) => eachMs <= clock.nowMs() && eachMs !== instantMs)).toEqual([])
      }
      clock.advance(1000)
      expect(dueMs.size).toBe(0)
      due[Symbol.dispose]()
      expect(clock.pending).toBe(0)
    }),
  )
})

test('an instant further away than a timer can be is waited for in pieces', () => {
  const clock = new ManualClock()
  const rung: string[] = []
  using due = new DueJobs(clock, (job) => rung.push(job.name))
  due.set(jobOf(1), 2 ** 33)
  clock.advance(2 ** 33 - 1)
  expect(rung).toEqual([])
  clock.advance(1)
  expect(rung).toEqual(['1'])
})
