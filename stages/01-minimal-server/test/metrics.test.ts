import { latencyBoundsS } from '@qps/metrics'
import { requireProgram, startStage } from '@qps/testkit'
import { runLoadProcess } from '@qps/loadgen'
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const promtool = requireProgram('promtool', 'apt-get install prometheus')

test.skipIf(!promtool.available)('promtool has nothing to say about the metrics of a loaded stage', async () => {
  await using stage = await startStage('01-minimal-server', ['--variant', 'observed'])
  await runLoadProcess({ url: `${stage.url}/`, durationS: 0.5, connections: 8 })
  await fetch(`${stage.url}/no-such-path`)
  const body = await (await fetch(`${stage.admin}/metrics`)).text()
  const check = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' })
  expect({ status: check.status, problems: check.stdout + check.stderr }).toEqual({ status: 0, problems: '' })
})

/** The bucket in which a ratio of a histogram's observations lies. */
function bucketOf(body: string, ratio: number): number {
  const counts = latencyBoundsS.map((bound) => {
    const line = body
      .split('\n')
      .find((candidate) => candidate.startsWith(`http_server_request_duration_seconds_bucket{le="${bound}",route="/"}`))
    return Number(line!.split(' ').at(-1))
  })
  const total = Number(/http_server_request_duration_seconds_count\{route="\/"\} (\d+)/.exec(body)![1])
  return counts.findIndex((count) => count >= total * ratio)
}

test("the server's p99 and the client's agree within a bucket", async () => {
  await using stage = await startStage('01-minimal-server', ['--variant', 'observed'])
  const load = await runLoadProcess({ url: `${stage.url}/`, durationS: 3, connections: 8, rateQps: 1000 })
  const body = await (await fetch(`${stage.admin}/metrics`)).text()
  const server = bucketOf(body, 0.99)
  const client = latencyBoundsS.findIndex((bound) => load.latencyMs.p99 / 1000 <= bound)
  // The client sees the server's time and the way there and back: its bucket is the same one or the next ones up.
  expect(client).toBeGreaterThanOrEqual(server)
  expect(client - server).toBeLessThanOrEqual(1)
})
