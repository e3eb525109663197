import { createRegistry, exposition, type MetricsRegistry, type RpcMethod, rpcMetrics } from '@qps/metrics'
import { requireProgram } from '@qps/testkit'
import { spawnSync } from 'node:child_process'
import { getHeapStatistics } from 'node:v8'
import { expect, test } from 'vitest'

const echo: RpcMethod = { path: '/a.b.Shop/Echo', requestStream: false, responseStream: false }
/** Bytes allocated in this thread's heap since it started; V8 counts them from Node 26 on. */
const allocatedBytes = (): number | undefined => getHeapStatistics().total_allocated_bytes

const statuses = ['OK', 'Canceled', 'Unknown']
const echoLabels = 'grpc_type="unary",grpc_service="a.b.Shop",grpc_method="Echo"'

/** The value of every series, by its name and labels. */
async function scrape(registry: MetricsRegistry): Promise<Map<string, number>> {
  const { body } = await exposition(registry)
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

test('a call is begun, open, and handled by its status, once however often it is scraped', async () => {
  const registry = createRegistry()
  const tally = rpcMetrics(registry, { methods: [echo], statuses }).method(echo.path)
  tally.started()
  tally.started()
  tally.received()
  tally.sent()
  tally.sent()
  tally.handled(1, 0.0002)
  await scrape(registry)
  const series = await scrape(registry)
  expect(series.get(`grpc_server_started_total{${echoLabels}}`)).toBe(2)
  expect(series.get(`grpc_server_calls_in_flight{${echoLabels}}`)).toBe(1)
  expect(series.get(`grpc_server_handled_total{${echoLabels},grpc_code="Canceled"}`)).toBe(1)
  expect(series.get(`grpc_server_msg_received_total{${echoLabels}}`)).toBe(1)
  expect(series.get(`grpc_server_msg_sent_total{${echoLabels}}`)).toBe(2)
  expect(series.get(`grpc_server_handling_seconds_bucket{le="0.0001",${echoLabels}}`)).toBe(0)
  expect(series.get(`grpc_server_handling_seconds_bucket{le="0.00025",${echoLabels}}`)).toBe(1)
  expect(series.get(`grpc_server_handling_seconds_count{${echoLabels}}`)).toBe(1)
  expect(series.get(`grpc_server_handling_seconds_sum{${echoLabels}}`)).toBeCloseTo(0.0002)
  tally.handled(0, 0.0002)
  expect((await scrape(registry)).get(`grpc_server_calls_in_flight{${echoLabels}}`)).toBe(0)
})

test.each([
  [false, false, 'unary'],
  [true, false, 'client_stream'],
  [false, true, 'server_stream'],
  [true, true, 'bidi_stream'],
])('where the client streams %s and the server %s, the type is %s', async (requestStream, responseStream, type) => {
  const registry = createRegistry()
  const method = { path: '/S/M', requestStream, responseStream }
  rpcMetrics(registry, { methods: [method], statuses })
    .method('/S/M')
    .started()
  const name = `grpc_server_started_total{grpc_type="${type}",grpc_service="S",grpc_method="M"}`
  expect((await scrape(registry)).get(name)).toBe(1)
})

test('a method that nobody has called has no series', async () => {
  const registry = createRegistry()
  rpcMetrics(registry, { methods: [echo], statuses })
    .method('/a.b.Shop/Buy')
    .started()
  expect([...(await scrape(registry)).keys()].filter((name) => name.includes('Echo'))).toEqual([])
})

test('invented methods are one, statuses without a name are one, and no metric passes 200 series', async () => {
  const registry = createRegistry()
  const methods = Array.from({ length: 30 }, (_, index) => ({ ...echo, path: `/Shop/Method${index}` }))
  const names = Array.from({ length: 40 }, (_, index) => `Status${index}`)
  const metrics = rpcMetrics(registry, { methods, statuses: names })
  for (let index = 0; index < 20_000; index++) {
    const tally = metrics.method(index % 2 === 0 ? `/Shop/Method${index % 30}` : `/made/up${index}`)
    tally.started()
    tally.handled((index % 1000) - 10, 0.001)
  }
  for (const { path } of methods) {
    for (let status = 0; status < 40; status++) {
      metrics.method(path).started()
      metrics.method(path).handled(status, 0.001)
    }
  }
  const series = await scrape(registry)
  const perName = Map.groupBy(series.keys(), (text) => text.slice(0, text.indexOf('{')))
  for (const [name, found] of perName) expect({ name, few: found.length <= 200 }).toEqual({ name, few: true })
  expect([...series.keys()].filter((text) => text.includes('made'))).toEqual([])
  const sumOf = (name: string): number => perName.get(name)!.reduce((sum, text) => sum + series.get(text)!, 0)
  expect(sumOf('grpc_server_started_total')).toBe(20_000 + 30 * 40)
  expect(sumOf('grpc_server_handled_total')).toBe(20_000 + 30 * 40)
  expect([...series.keys()].some((text) => text.includes('grpc_method="unknown",grpc_code="other"'))).toBe(true)
})

test.skipIf(allocatedBytes() === undefined)('between two scrapes nothing is allocated for a call', () => {
  const tally = rpcMetrics(createRegistry(), { methods: [echo], statuses }).method(echo.path)
  const count = (calls: number): void => {
    for (let call = 0; call < calls; call++) {
      tally.started()
      tally.received()
      tally.sent()
      tally.handled(call % 4, 0.0003)
    }
  }
  count(200_000)
  const before = allocatedBytes()!
  count(200_000)
  // A single object for each call would be megabytes.
  expect(allocatedBytes()! - before).toBeLessThan(400_000)
})

const promtool = requireProgram('promtool', 'apt-get install prometheus')
test.skipIf(!promtool.available)('promtool finds nothing to complain about', async () => {
  const registry = createRegistry()
  const metrics = rpcMetrics(registry, { methods: [echo], statuses })
  for (const path of [echo.path, '/no/such']) {
    const tally = metrics.method(path)
    tally.started()
    tally.received()
    tally.sent()
    tally.handled(0, 0.001)
  }
  const { body: input } = await exposition(registry)
  const check = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  expect({ status: check.status, problems: check.stdout + check.stderr }).toEqual({ status: 0, problems: '' })
})
