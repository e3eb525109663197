import { connect } from 'node:net'
import { runLoadProcess } from '@qps/loadgen'
import { startStage, statuses } from '@qps/testkit'
import { describe, test } from 'vitest'
import { hardenedWithOwn } from './variants.ts'

/** Others may use the cores for a moment, and then a figure says nothing about the server: tried so often. */
const attempts = 8
const cap = 64
/** Two runs take their time: as many requests as say how many are answered in time. */
const seconds = { warmupS: 0.2, durationS: 0.6 }
/** Those that can be told to take few connections. */
const engines = hardenedWithOwn('connections').filter(({ stage }) => stage === '02-event-loop')

/** A share of goodput, of two runs one after the other: at the most, then at three times as much. */
async function goodputRatio(url: string): Promise<number> {
  const peak = await runLoadProcess({ url, ...seconds, connections: cap - 8 })
  const rateQps = Math.round(3 * peak.achievedQps)
  const overload = await runLoadProcess({ url, ...seconds, connections: cap - 8, rateQps })
  return overload.achievedQps / peak.achievedQps
}

/** From connecting to the whole refusal. */
function refusalMs(port: number): Promise<{ ms: number; text: string }> {
  return new Promise((resolve) => {
    const startMs = performance.now()
    let text = ''
    const socket = connect(port, '127.0.0.1')
    const done = (): void => {
      resolve({ ms: performance.now() - startMs, text })
      socket.destroy()
    }
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      if (text.endsWith('}}')) done()
    })
    socket.on('error', done).on('end', done)
  })
}

describe('S21 overload', () => {
  test.for(engines)(
    '$variant: three times the capacity gets at least 80 % of the peak, and connections beyond the cap a quick 503',
    { timeout: 120_000 },
    async ({ stage: folder, variant }, { expect }) => {
      await using stage = await startStage(folder, ['--variant', variant, '--connections-max', String(cap)])
      // 80 %: what queues must not be worked at in the place of what can still be answered in time.
      let best = 0
      for (let attempt = 0; attempt < attempts && best < 0.8; attempt++) {
        best = Math.max(best, await goodputRatio(`${stage.url}/`))
      }
      expect(best).toBeGreaterThanOrEqual(0.8)

      const held = Array.from({ length: cap }, () => connect(stage.port, '127.0.0.1').on('error', () => {}))
      await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
      // 5 ms: who is turned away at once can go elsewhere; the median, because a core may be away for longer than that.
      let medianMs = Infinity
      for (let attempt = 0; attempt < attempts && medianMs >= 5; attempt++) {
        const refusals = []
        for (let index = 0; index < 41; index++) refusals.push(await refusalMs(stage.port))
        for (const { text } of refusals) expect(statuses(text)).toEqual([503])
        medianMs = refusals.map(({ ms }) => ms).toSorted((left, right) => left - right)[20]!
      }
      expect(medianMs).toBeLessThan(5)
      for (const socket of held) socket.destroy()
    },
  )
})
