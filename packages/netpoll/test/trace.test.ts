import { createPoller, type TraceStep } from '@qps/netpoll'
import { describe, expect, test } from 'vitest'
import { client, echo, kernelBackends, until } from './support.ts'

describe.each(kernelBackends)('the loop over %s', (backend) => {
  test('one request: wait, wake, ready, run, flush, submit, and wait again', async () => {
    const steps: TraceStep[] = []
    const counts = new Map<TraceStep, number>()
    await using poller = createPoller({ backend, hotWait: false })
    const { port } = await poller.listen({ port: 0 }, echo)
    const peer = await client(port)
    await until(() => poller.stats.accepted === 1, 'it stands')
    // From its last step before the request on, which is to wait.
    poller.trace = (step) => void steps.push(step)
    peer.write('x')
    await until(() => steps.includes('wait'), 'the first turn is over')
    peer.once('data', () => {})
    await until(() => steps.at(-1) === 'wait', 'the loop waits')
    steps.splice(0, steps.length - 1)
    poller.trace = (step, count) => {
      steps.push(step)
      if (!counts.has(step)) counts.set(step, count)
    }
    peer.write('y')
    await until(() => steps.length > 1 && steps.at(-1) === 'wait', 'the loop waits again')
    expect(steps.slice(0, 6)).toEqual(['wait', 'wake', 'ready', 'run', 'flush', 'submit'])
    expect(Object.fromEntries(counts)).toMatchObject({ wake: 1, ready: 1, run: 1, flush: 1, submit: 1 })
    peer.destroy()
  })
})
