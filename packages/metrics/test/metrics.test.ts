import {
  createRegistry,
  exposition,
  handshakeMetrics,
  latencyBoundsS,
  processMetrics,
  requestMetrics,
  runtimeMetrics,
} from '@qps/metrics'
import { expectReadmeExample, requireProgram } from '@qps/testkit'
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'

const routes = ['/', '/echo']

function valueOf(body: string, series: string): number {
  const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `))
  return line === undefined ? NaN : Number(line.slice(series.length + 1))
}

test('handshakes are counted by what became of them, and read anew at each scrape', async () => {
  const registry = createRegistry()
  const figures = { full: 1, resumed: 3, failed: 0, refused: 2, silent: 0, active: 4, waiting: 5 }
  handshakeMetrics(registry, () => figures)
  await exposition(registry)
  figures.resumed = 7
  const { body } = await exposition(registry)
  const total = (result: string): number => valueOf(body, `tls_server_handshakes_total{result="${result}"}`)
  expect(['full', 'resumed', 'failed', 'refused', 'silent'].map(total)).toEqual([1, 7, 0, 2, 0])
  expect(valueOf(body, 'tls_server_handshakes_in_progress{state="waiting"}')).toBe(5)
})

describe('request metrics', () => {
  test('a duration is counted in its bucket and in every wider one', async () => {
    const registry = createRegistry()
    const metrics = requestMetrics(registry, { routes, inFlight: () => 3 })
    metrics.record('GET', '/', 200, 0.0002)
    metrics.record('GET', '/', 200, 0.0002)
    metrics.record('GET', '/', 500, 99)
    const { body } = await exposition(registry)
    const bucket = (le: string): number =>
      valueOf(body, `http_server_request_duration_seconds_bucket{le="${le}",route="/"}`)
    expect([bucket('0.0001'), bucket('0.00025'), bucket('10'), bucket('+Inf')]).toEqual([0, 2, 2, 3])
    expect(valueOf(body, 'http_server_request_duration_seconds_sum{route="/"}')).toBeCloseTo(99.0004)
    expect(valueOf(body, 'http_server_requests_total{method="GET",route="/",status="200"}')).toBe(2)
    expect(valueOf(body, 'http_server_requests_total{method="GET",route="/",status="500"}')).toBe(1)
    expect(valueOf(body, 'http_server_requests_in_flight')).toBe(3)
  })

  test('a value on a bound belongs to that bucket, as Prometheus defines "le"', async () => {
    const registry = createRegistry()
    requestMetrics(registry, { routes, inFlight: () => 0 }).record('GET', '/', 200, latencyBoundsS[3]!)
    const { body } = await exposition(registry)
    expect(valueOf(body, `http_server_request_duration_seconds_bucket{le="${latencyBoundsS[3]}",route="/"}`)).toBe(1)
    expect(valueOf(body, `http_server_request_duration_seconds_bucket{le="${latencyBoundsS[2]}",route="/"}`)).toBe(0)
  })

  test('scraping twice does not count twice', async () => {
    const registry = createRegistry()
    const metrics = requestMetrics(registry, { routes, inFlight: () => 0 })
    metrics.record('GET', '/', 200, 0.001)
    metrics.refused('headers')
    await exposition(registry)
    const { body } = await exposition(registry)
    expect(valueOf(body, 'http_server_requests_total{method="GET",route="/",status="200"}')).toBe(1)
    expect(valueOf(body, 'http_server_refused_total{reason="headers"}')).toBe(1)
  })

  test('invented methods, routes and statuses stay within 200 series', async () => {
    const registry = createRegistry()
    const metrics = requestMetrics(registry, { routes, inFlight: () => 0 })
    for (let index = 0; index < 20_000; index++) {
      metrics.record(`M${index}`, `/path-${index}`, 100 + (index % 500), 0.001)
      metrics.refused(`reason-${index}`)
    }
    const { body } = await exposition(registry)
    for (const name of [
      'http_server_requests_total',
      'http_server_request_duration_seconds',
      'http_server_refused_total',
    ]) {
      expect(body.split('\n').filter((line) => line.startsWith(name)).length).toBeLessThanOrEqual(200)
    }
    const counted = body
      .split('\n')
      .filter((line) => line.startsWith('http_server_requests_total'))
      .map((line) => Number(line.split(' ').at(-1)))
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(20_000)
  })
})

describe('runtime and process metrics', () => {
  test('a blocked loop shows as utilization and as delay; a collection shows by kind', async () => {
    const registry = createRegistry()
    processMetrics(registry)
    using _observers = runtimeMetrics(registry)
    await sleep(50)
    await exposition(registry)
    const end = performance.now() + 80
    // As much as a young generation holds, however little of a core there is.
    for (let turn = 0; turn < 20_000 || performance.now() < end; turn++) Array.from({ length: 100 }, () => ({}))
    await sleep(20)
    const { body } = await exposition(registry)
    expect(valueOf(body, 'nodejs_eventloop_utilization_ratio')).toBeGreaterThan(0.5)
    expect(valueOf(body, 'nodejs_eventloop_delay_max_seconds')).toBeGreaterThan(0.05)
    expect(body).toMatch(/nodejs_gc_duration_seconds_count\{kind="scavenge"\} [1-9]/)
    expect(valueOf(body, 'process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(valueOf(body, 'process_open_fds')).toBeGreaterThan(2)
  })

  const promtool = requireProgram('promtool', 'apt-get install prometheus')
  test.skipIf(!promtool.available)('promtool finds nothing to complain about', async () => {
    const registry = createRegistry()
    processMetrics(registry)
    using _observers = runtimeMetrics(registry)
    const metrics = requestMetrics(registry, { routes, inFlight: () => 0 })
    metrics.record('GET', '/', 200, 0.001)
    metrics.refused('headers')
    const check = spawnSync('promtool', ['check', 'metrics'], {
      input: (await exposition(registry)).body,
      encoding: 'utf8',
    })
    expect({ status: check.status, problems: check.stdout + check.stderr }).toEqual({ status: 0, problems: '' })
  })
})

test("the README's example prints what it says", () => expectReadmeExample(new URL('../README.md', import.meta.url)))
