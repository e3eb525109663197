import { createHardenedServer, listen } from '@qps/http'
import { runLoadProcess } from '@qps/loadgen'
import { createRegistry, exposition, latencyBoundsS, requestMetrics } from '@qps/metrics'
import { requireProgram, startStage } from '@qps/testkit'
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
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

/** The index of the bucket in which this share of a route's observations ends, as Prometheus would read it. */
function bucketOf(body: string, route: string, ratio: number): number {
  const name = 'http_server_request_duration_seconds'
  const counts = latencyBoundsS.map((bound) => {
    const start = `${name}_bucket{le="${bound}",route="${route}"}`
    const line = body.split('\n').find((candidate) => candidate.startsWith(start))
    return Number(line!.split(' ').at(-1))
  })
  return counts.findIndex((count) => count >= counts.at(-1)! * ratio)
}

const clientBucket = (ms: number): number => latencyBoundsS.findIndex((bound) => ms / 1000 <= bound)

test("the server's p99 and the client's agree within a bucket where the handler takes the time", async () => {
  const registry = createRegistry()
  const metrics = requestMetrics(registry, { routes: ['/slow'], inFlight: () => 0 })
  let asked = 0
  const { server, drain } = await createHardenedServer({
    logLevel: 'silent',
    // One answer in twenty takes 150 ms: that is the p99. The others take 15.
    routes: (app) => void app.get('/slow', () => sleep(asked++ % 20 === 0 ? 150 : 15, 'done')),
    onRequestDone: ({ method, route, status, seconds }) => metrics.record(method, route, status, seconds),
  })
  const url = await listen(server, { host: '127.0.0.1', port: 0 })
  const { latencyMs, errors } = await runLoadProcess({
    url: `${url}/slow`,
    durationS: 2,
    connections: 32,
    rateQps: 200,
  })
  const { body } = await exposition(registry)
  await drain()
  expect(errors).toBe(0)
  for (const [ratio, clientMs] of [
    [0.5, latencyMs.p50],
    [0.99, latencyMs.p99],
  ] as const) {
    expect(
      Math.abs(bucketOf(body, '/slow', ratio) - clientBucket(clientMs)),
      `${ratio}: ${clientMs} ms`,
    ).toBeLessThanOrEqual(1)
  }
  expect(latencyMs.p99).toBeGreaterThan(140)
})

// What waits in the kernel, or for the loop, before Node parses the request is invisible to the server's histogram: only a
// client sees it. A histogram is for what the handler does; a paced load from outside is for what a user meets.
test('under saturation the client waits longer than the server knows of', async () => {
  await using stage = await startStage('01-minimal-server', ['--variant', 'observed'])
  const { latencyMs } = await runLoadProcess({ url: `${stage.url}/`, durationS: 1, connections: 128 })
  const body = await (await fetch(`${stage.admin}/metrics`)).text()
  expect(clientBucket(latencyMs.p50)).toBeGreaterThan(bucketOf(body, '/', 0.5))
})
