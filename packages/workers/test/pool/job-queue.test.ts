import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Job } from '../../src/pool/job.ts'
import { JobQueue } from '../../src/pool/job-queue.ts'

const levels = 3

test('the queue gives what a list sorted by level gives', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('push', 'unshift'), level: fc.nat(levels - 1) }),
    fc.record({ do: fc.constant('shift'), level: fc.constant(0) }),
    fc.record({ do: fc.constant('remove'), level: fc.nat(20) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const queue = new JobQueue(levels)
      const model: Job[][] = Array.from({ length: levels }, () => [])
      for (const [index, { do: action, level }] of steps.entries()) {
        const all = model.flat()
        if (action === 'shift') {
          const first = all[0]
          expect(queue.shift()).toBe(first)
          if (first !== undefined) model[first.level]!.shift()
        } else if (action === 'remove') {
          const job = all[level % Math.max(1, all.length)]
          if (job === undefined) continue
          queue.remove(job)
          model[job.level]!.splice(model[job.level]!.indexOf(job), 1)
        } else {
          const job = new Job({ onAbort() {} }, String(index), undefined, level, undefined)
          queue[action as 'push' | 'unshift'](job)
          model[level]![action as 'push' | 'unshift'](job)
        }
        expect([...queue]).toEqual(model.flat())
        expect(queue.size).toBe(model.flat().length)
        expect(queue.first()).toBe(model.flat()[0])
        expect(queue.leastUrgent()).toBe(model.findLast((list) => list.length > 0)?.[0])
      }
    }),
  )
})
